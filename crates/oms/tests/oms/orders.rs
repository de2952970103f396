//! Orders at work and out: scenarios 11, 12, 21-23, 26 of 16.5, linking, and the despatch's way to its end.

use consign_db::testing::on_each_engine;
use consign_oms::despatch::{self, MessageState, Settled, Taken};
use consign_oms::orders::{self, Action, DespatchState, Order, OrderState};
use consign_oms::settings::{ProcessingChecks, set_processing_checks};
use consign_oms::stock::StockState;
use consign_oms::{Error, MIGRATIONS, Refusal, locations};

use crate::shop::{Shop, incoming, paid};

fn code(result: Result<(), Error>) -> &'static str {
    match result {
        Ok(()) => "done",
        Err(Error::Refused(refusal)) => refusal.code(),
        Err(_) => "error",
    }
}

#[test]
fn parked_and_locked_orders_are_refused_with_the_reason() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        let order = shop.take(paid("1", &[("X", 1)]));
        shop.does(|tx, ctx| orders::park(tx, ctx, order.id, "")).unwrap();
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))), "parked");
        assert_eq!(code(shop.does(|tx, ctx| orders::cancel(tx, ctx, order.id, "x", true))), "parked");
        assert_eq!(code(shop.does(|tx, ctx| orders::set_tag(tx, ctx, order.id, 1))), "parked");
        shop.does(|tx, ctx| orders::unpark(tx, ctx, order.id)).unwrap();
        shop.does(|tx, ctx| orders::lock(tx, ctx, order.id, "")).unwrap();
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))), "locked");
        assert_eq!(code(shop.does(|tx, ctx| orders::cancel(tx, ctx, order.id, "x", true))), "locked");
        shop.verify();
    });
}

#[test]
fn a_tag_is_kept_apart_from_parking_and_comes_back() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let order = shop.take(paid("1", &[("X", 1)]));
        shop.does(|tx, ctx| orders::set_tag(tx, ctx, order.id, 3)).unwrap();
        shop.does(|tx, ctx| orders::park(tx, ctx, order.id, "")).unwrap();
        shop.does(|tx, ctx| orders::unpark(tx, ctx, order.id)).unwrap();
        assert_eq!(shop.order("1").tag, 3);
        let wrong = shop.does(|tx, ctx| orders::set_tag(tx, ctx, order.id, 7));
        assert!(matches!(wrong, Err(Error::Invalid(_))));
    });
}

#[test]
fn processing_deducts_once_freezes_the_order_and_queues_the_despatch() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        assert_eq!(shop.stock(x, shop.default), (7, 9));
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        assert_eq!(shop.stock(x, shop.default), (7, 7));
        let after = shop.order("1");
        assert_eq!((after.state, after.despatch_state), (OrderState::Processed, DespatchState::Queued));
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))), "already_processed");
        assert_eq!(code(shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, shop.west))), "already_processed");
        assert_eq!(shop.stock(x, shop.default), (7, 7));
        shop.verify();
    });
}

#[test]
fn a_despatch_switch_that_is_off_at_processing_sends_nothing_later() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.set(|settings| settings.send_despatches = false);
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        shop.set(|settings| settings.send_despatches = true);
        assert_eq!(shop.order("1").despatch_state, DespatchState::Off);
        let taken = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 10)).unwrap();
        assert!(taken.is_empty());
        assert!(shop.history(&order).iter().any(|line| line.contains("it is switched off for this channel")));
        shop.verify();
    });
}

#[test]
fn of_a_hundred_orders_with_three_that_cannot_go_ninety_seven_go() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 97)]);
        let page = (0..100).map(|n| incoming(paid(&format!("{n:03}"), &[("X", 1)]))).collect();
        assert_eq!(shop.receive(page).taken, 100);
        let mut codes = Vec::new();
        for n in 0..100 {
            let order = shop.order(&format!("{n:03}"));
            codes.push(code(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))));
        }
        assert_eq!(codes.iter().filter(|code| **code == "done").count(), 97);
        assert_eq!(codes.iter().filter(|code| **code == "short_of_stock").count(), 3);
        shop.verify();
    });
}

#[test]
fn a_short_order_leaves_only_where_the_location_allows_a_negative_level() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 3)]);
        let holder = shop.take(paid("holder", &[("X", 3)]));
        let short = shop.take(paid("short", &[("X", 2)]));
        assert_eq!(short.stock_state, StockState::Short);
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, short.id))), "short_of_stock");
        let form = locations::LocationForm { name: "Default".to_owned(), allow_negative: true, ..Default::default() };
        shop.does(|tx, ctx| locations::edit(tx, ctx, shop.default, &form)).unwrap();
        shop.does(|tx, ctx| orders::process(tx, ctx, short.id)).unwrap();
        assert_eq!(shop.stock(x, shop.default), (-2, 1), "the units of the holder have left");
        assert_eq!(shop.order("holder").stock_state, StockState::Part);
        let checks = ProcessingChecks { in_stock: true, ..ProcessingChecks::default() };
        shop.does(|tx, ctx| set_processing_checks(tx, ctx, checks)).unwrap();
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, holder.id))), "short_of_stock");
        shop.verify();
    });
}

#[test]
fn linking_a_line_takes_stock_for_it_and_for_all_that_wait_for_the_same() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let first = shop.take(paid("1", &[("OTHER-NAME", 2)]));
        shop.take(paid("2", &[("OTHER-NAME", 1)]));
        assert_eq!(first.stock_state, StockState::Unknown);
        let x = shop.item("X", &[(shop.default, 9)]);
        let line = db.read(|tx| orders::view(tx, first.id)).unwrap().lines[0].id;
        let linked = shop.does(|tx, ctx| orders::link_line(tx, ctx, first.id, line, x, true)).unwrap();
        assert_eq!((linked, shop.stock(x, shop.default)), (2, (6, 9)));
        shop.take(paid("3", &[("OTHER-NAME", 1)]));
        assert_eq!(shop.stock(x, shop.default), (5, 9), "later orders are linked by the listing");
        let again = shop.does(|tx, ctx| orders::link_line(tx, ctx, first.id, line, x, true));
        assert!(matches!(again, Err(Error::Refused(Refusal::AlreadyLinked))));
        shop.verify();
    });
}

/// Takes the one message that is due and settles it.
fn tell(shop: &Shop<'_>, outcome: Settled) -> u32 {
    let taken = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 10)).unwrap();
    let [Taken::Despatch(id, note)] = taken.as_slice() else { panic!("one despatch is due, not {taken:?}") };
    shop.does(|tx, ctx| despatch::settle(tx, ctx, *id, &outcome)).unwrap();
    note.attempts
}

fn processed(shop: &Shop<'_>) -> Order {
    shop.item("X", &[(shop.default, 9)]);
    let order = shop.take(paid("1", &[("X", 2)]));
    shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
    order
}

#[test]
fn a_despatch_is_tried_until_its_deadline_then_shown_as_failed_and_can_be_sent_again() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let order = processed(&shop);
        let trouble = || Settled::Retry { error: "time-out".to_owned(), after_seconds: None };
        assert_eq!(tell(&shop, trouble()), 0);
        let none = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 10)).unwrap();
        assert!(none.is_empty(), "it waits before the next try");
        let mut tries = 1;
        while shop.order("1").despatch_state == DespatchState::Queued {
            shop.clock.advance(4_000);
            assert_eq!(tell(&shop, trouble()), tries);
            tries += 1;
        }
        assert!(tries > 20, "it was tried for a day");
        assert_eq!(shop.order("1").despatch_state, DespatchState::Failed);
        shop.does(|tx, ctx| despatch::send_again(tx, ctx, order.id)).unwrap();
        assert_eq!(tell(&shop, Settled::Confirmed), tries, "the connector is told to look first");
        assert_eq!(shop.order("1").despatch_state, DespatchState::Confirmed);
        assert_eq!(code(shop.does(|tx, ctx| despatch::send_again(tx, ctx, order.id))), "nothing_to_resend");
        shop.verify();
    });
}

#[test]
fn a_try_whose_outcome_was_lost_is_made_again_and_counted() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        processed(&shop);
        let first = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 10)).unwrap();
        assert_eq!(first.len(), 1);
        shop.clock.advance(121);
        assert_eq!(tell(&shop, Settled::Confirmed), 1);
        let messages = db.read(|tx| despatch::of_order(tx, shop.order("1").id)).unwrap();
        assert_eq!((messages.len(), messages[0].state), (1, MessageState::Confirmed));
    });
}

#[test]
fn what_can_be_done_follows_from_the_state_alone() {
    let order = |state, parked, locked| Order { state, parked, locked, ..on_paper() };
    let mut table = String::new();
    for (name, order) in [
        ("open", order(OrderState::Open, false, false)),
        ("parked", order(OrderState::Open, true, false)),
        ("locked", order(OrderState::Open, false, true)),
        ("processed", order(OrderState::Processed, false, false)),
        ("cancelled", order(OrderState::Cancelled, false, false)),
        ("deleted", order(OrderState::Deleted, false, false)),
    ] {
        let possible: Vec<String> =
            orders::actions(&order).iter().map(|action: &Action| format!("{action:?}")).collect();
        table.push_str(&format!("{name}: {}\n", possible.join(" ")));
    }
    insta::assert_snapshot!(table, @r"
    open: Process Move Park Lock Tag File Badge Properties NoMerge Ship Edit Split Merge Link Note Cancel Delete
    parked: Move Unpark Lock Badge NoMerge Note Delete
    locked: Move Park Unlock Badge NoMerge Note Delete
    processed: Note
    cancelled: Note
    deleted:
    ");
}

fn on_paper() -> Order {
    use consign_values::{Currency, LocationId, OrderId, Timestamp};
    Order {
        id: OrderId(1),
        source: String::new(),
        sub_source: String::new(),
        reference: String::new(),
        part: 0,
        channel_id: None,
        secondary_reference: String::new(),
        external_reference: String::new(),
        location_id: LocationId(1),
        state: OrderState::Open,
        payment: orders::Payment::Paid,
        parked: false,
        locked: false,
        tag: 0,
        stock_state: StockState::None,
        despatch_state: DespatchState::None,
        note_count: 0,
        line_count: 0,
        unit_count: 0,
        buyer: String::new(),
        full_name: String::new(),
        company: String::new(),
        postcode: String::new(),
        country_code: String::new(),
        currency: Currency::UNKNOWN,
        total: 0,
        priority: 0,
        carrier: String::new(),
        service: String::new(),
        tracking_number: String::new(),
        received_at: Timestamp(0),
        despatch_by: orders::NO_DEADLINE,
        created_at: Timestamp(0),
        ended_at: None,
        version: 1,
        centre: consign_oms::orders::CentreState::None,
        merged_into: None,
        no_merge: false,
    }
}

#[test]
fn a_text_search_finds_by_reference_name_and_tracking_number_among_open_or_ended_orders_newest_first() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 500)]);
        let page = (1..=120).map(|n| incoming(paid(&format!("REF-{n:04}"), &[("X", 1)]))).collect();
        shop.receive(page);
        let first = shop.order("REF-0001");
        shop.does(|tx, ctx| orders::set_shipping(tx, ctx, first.id, "Own", "Van", "TRACK/77%_x")).unwrap();
        let find = |filter: orders::Filter| {
            let page = db.read(|tx| orders::search(tx, &filter)).unwrap();
            (page.orders.iter().map(|order| order.reference.clone()).collect::<Vec<_>>(), page.next)
        };
        let open = |text: &str| orders::Filter { text: text.to_owned(), ..orders::Filter::open() };
        let ended = |text: &str| orders::Filter { text: text.to_owned(), ..orders::Filter::ended() };
        assert_eq!(find(open("track/77%_X")).0, ["REF-0001"]);
        assert_eq!(find(open("track/77x")).0, [""; 0]);
        shop.does(|tx, ctx| orders::process(tx, ctx, first.id)).unwrap();
        assert_eq!((find(open("track/77")).0, find(ended("track/77")).0), (vec![], vec!["REF-0001".to_owned()]));
        let (mut seen, mut filter) = (Vec::new(), open("ann lee"));
        loop {
            let (found, next) = find(filter.clone());
            seen.extend(found);
            filter.after = next;
            if next.is_none() {
                break;
            }
        }
        let expected: Vec<String> = (2..=120).rev().map(|n| format!("REF-{n:04}")).collect();
        assert_eq!(seen, expected, "each once, newest first");
        assert_eq!(db.read(|tx| orders::count(tx, &open("ann lee"))).unwrap().to_string(), "119");
        assert_eq!(db.read(|tx| orders::ids(tx, &open("ann lee"))).unwrap().len(), 119);
        let by_id = find(open(&shop.order("REF-0005").id.to_string())).0;
        assert_eq!(by_id[0], "REF-0005", "an order's id comes first");
        let second = shop.order("REF-0002");
        shop.does(|tx, ctx| orders::cancel(tx, ctx, second.id, "changed mind", false)).unwrap();
        let third = shop.order("REF-0003");
        shop.does(|tx, ctx| orders::delete(tx, ctx, third.id, "twice")).unwrap();
        assert_eq!(find(ended("REF-000")).0, ["REF-0002", "REF-0001"], "a deleted order is found nowhere");
    });
}
