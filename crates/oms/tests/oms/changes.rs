//! Orders are edited, split, merged and made of composites: scenarios 3, 24, 27, 29, 30 of 16.5, and what must stay the same.

use consign_db::testing::on_each_engine;
use consign_oms::despatch::{self, Taken};
use consign_oms::orders::{self, LineEdit, Order, OrderEdit, OrderState, Part};
use consign_oms::{Error, MIGRATIONS, Refusal, channels, items};
use consign_values::{ItemId, LineId, OrderId, Rate};
use proptest::prelude::*;

use crate::shop::{Shop, gbp, incoming, paid, unpaid};

fn lines(shop: &Shop<'_>, id: OrderId) -> Vec<orders::LineView> {
    shop.db.read(|tx| orders::view(tx, id)).unwrap().lines
}

fn line(shop: &Shop<'_>, order: &Order, sku: &str) -> LineId {
    lines(shop, order.id).into_iter().find(|line| line.channel_sku == sku).unwrap().id
}

fn split(shop: &Shop<'_>, order: &Order, parts: Vec<Part>) -> Vec<Order> {
    let ids = shop.does(|tx, ctx| orders::split(tx, ctx, order.id, order.version, &parts)).unwrap();
    shop.db.read(|tx| ids.iter().map(|id| orders::get(tx, *id)).collect::<Result<_, _>>()).unwrap()
}

fn edit(shop: &Shop<'_>, id: OrderId, change: impl Fn(&mut OrderEdit)) -> Result<(), Error> {
    shop.does(|tx, ctx| {
        let (order, mut form) = orders::editable(tx, id)?;
        change(&mut form);
        orders::edit(tx, ctx, id, order.version, &form)
    })
}

/// What the channel is to be told: reference, and units of each of its lines.
fn notes(shop: &Shop<'_>) -> Vec<(String, Vec<(String, i64)>)> {
    let taken = shop.does(|tx, ctx| despatch::take(tx, ctx, shop.channel, 100)).unwrap();
    let notes = taken.into_iter().map(|taken| match taken {
        Taken::Despatch(_, note) => (note.reference, note.lines),
        Taken::Cancellation(_, note) => (note.reference, note.lines),
    });
    let mut notes: Vec<_> = notes
        .map(|(reference, lines)| {
            let lines = lines.into_iter().map(|line| (line.channel_line, line.quantity.units())).collect();
            (reference, lines)
        })
        .collect();
    notes.sort();
    notes
}

fn told(reference: &str, lines: &[(&str, i64)]) -> (String, Vec<(String, i64)>) {
    (reference.to_owned(), lines.iter().map(|(line, units)| ((*line).to_owned(), *units)).collect())
}

fn refused<T>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was done"),
    }
}

#[test]
fn what_one_location_lacks_is_split_off_and_moved_where_it_is() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.west, 5)]);
        shop.item("Y", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("X", 1), ("Y", 1)]));
        assert!(matches!(
            refused(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))),
            Refusal::ShortOfStock(short) if short[0].sku == "X"
        ));
        let x = line(&shop, &order, "X");
        let part = &split(&shop, &order, vec![Part { lines: vec![(x, 1)], park: false }])[0];
        shop.does(|tx, ctx| orders::move_to(tx, ctx, part.id, shop.west)).unwrap();
        for id in [order.id, part.id] {
            shop.does(|tx, ctx| orders::process(tx, ctx, id)).unwrap();
        }
        assert_eq!(notes(&shop), [told("1", &[("L1", 1)]), told("1", &[("L2", 1)])]);
        shop.verify();
    });
}

#[test]
fn the_parts_of_a_split_order_keep_its_reference_and_each_tells_its_own_quantities() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let (a, b) = (shop.item("A", &[(shop.default, 50)]), shop.item("B", &[(shop.default, 50)]));
        let order = shop.take(paid("1", &[("A", 10), ("B", 20)]));
        let before = (shop.stock(a, shop.default), shop.stock(b, shop.default));
        let ten = (line(&shop, &order, "B"), 10);
        let part = &split(&shop, &order, vec![Part { lines: vec![ten], park: false }])[0];
        assert_eq!((shop.stock(a, shop.default), shop.stock(b, shop.default)), before);
        assert_eq!((part.reference.as_str(), part.unit_count, part.part), ("1", 10, 1));
        let rest = shop.order("1");
        assert_eq!((rest.id, rest.unit_count), (order.id, 20));
        assert_eq!(rest.total + part.total, order.total);
        for id in [order.id, part.id] {
            shop.does(|tx, ctx| orders::process(tx, ctx, id)).unwrap();
        }
        assert_eq!(notes(&shop), [told("1", &[("L1", 10), ("L2", 10)]), told("1", &[("L2", 10)])]);
        assert!(shop.db.read(|tx| orders::is_split(tx, part.id)).unwrap());
        shop.verify();
    });
}

#[test]
fn a_split_refuses_more_than_there_is_nothing_at_all_and_an_order_that_its_channel_may_change() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 50)]);
        let order = shop.take(paid("1", &[("A", 3)]));
        let a = line(&shop, &order, "A");
        let attempt = |order: &Order, lines: Vec<(LineId, i64)>| {
            let parts = [Part { lines, park: false }];
            shop.does(|tx, ctx| orders::split(tx, ctx, order.id, order.version, &parts))
        };
        for wrong in [vec![(a, 4)], vec![(a, 3)], vec![(a, 0)], vec![(a, -1)], vec![], vec![(LineId(999), 1)]] {
            assert!(matches!(attempt(&order, wrong.clone()), Err(Error::Invalid(_))), "{wrong:?}");
        }
        let older = Order { version: order.version - 1, ..order.clone() };
        assert!(matches!(attempt(&older, vec![(a, 1)]), Err(Error::Stale)));
        shop.set(|settings| settings.download_unpaid = true);
        let waiting = shop.take(unpaid("2", &[("A", 3)]));
        assert!(matches!(refused(attempt(&waiting, vec![(a, 1)])), Refusal::Parked));
        assert_eq!(shop.order("1"), order, "nothing was done");
        shop.verify();
    });
}

#[test]
fn orders_of_one_customer_merge_and_each_channel_order_gets_its_own_note() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let a = shop.item("A", &[(shop.default, 5)]);
        shop.item("B", &[(shop.default, 5)]);
        let sooner = consign_values::Timestamp(1_800_100_000_000_000);
        let first = shop.take(paid("1", &[("A", 1), ("B", 1)]));
        let second = shop.take(consign_ports::IncomingOrder { despatch_by: Some(sooner), ..paid("2", &[("A", 2)]) });
        let before = shop.stock(a, shop.default);
        let merged = shop.does(|tx, ctx| orders::merge(tx, ctx, &[first.id, second.id])).unwrap();
        assert_eq!(shop.stock(a, shop.default), before);
        let order = shop.db.read(|tx| orders::get(tx, merged)).unwrap();
        assert_eq!((order.reference.as_str(), order.external_reference.as_str()), ("MERGED", "MERGED"));
        assert_eq!((order.despatch_by, order.total), (sooner, first.total + second.total));
        assert_eq!(shop.order("1").merged_into, Some(merged));
        shop.receive(vec![incoming(paid("1", &[("A", 1), ("B", 1)]))]);
        assert_eq!(shop.order("1").state, OrderState::Deleted, "the channel can't bring it back");
        shop.verify();
        shop.does(|tx, ctx| orders::process(tx, ctx, merged)).unwrap();
        assert_eq!(notes(&shop), [told("1", &[("L1", 1), ("L2", 1)]), told("2", &[("L1", 2)])]);
        shop.verify();
    });
}

#[test]
fn orders_that_differ_are_not_merged_and_each_says_why() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 50)]);
        let order = |reference: &str| paid(reference, &[("A", 1)]);
        let first = shop.take(order("1"));
        let service = shop.take(consign_ports::IncomingOrder { shipping_tag: "express".into(), ..order("2") });
        let mut elsewhere = order("3");
        elsewhere.delivery.line1 = "9 Low Road".to_owned();
        let elsewhere = shop.take(elsewhere);
        let locked = shop.take(order("4"));
        shop.does(|tx, ctx| orders::lock(tx, ctx, locked.id, "")).unwrap();
        let moved = shop.take(order("5"));
        shop.does(|tx, ctx| orders::move_to(tx, ctx, moved.id, shop.west)).unwrap();
        let ids = [first.id, service.id, elsewhere.id, locked.id, moved.id];
        let Refusal::CannotMerge(said) = refused(shop.does(|tx, ctx| orders::merge(tx, ctx, &ids))) else {
            panic!("merged")
        };
        for (said, why) in said.iter().zip(["postal service", "delivery address", "locked", "location"]) {
            assert!(said.contains(why), "{said}");
        }
        assert_eq!(said.len(), 4);
        let again = shop.does(|tx, ctx| orders::merge(tx, ctx, &[first.id, first.id]));
        assert!(matches!(again, Err(Error::Invalid(_))), "one order is no merge");
        shop.verify();
    });
}

#[test]
fn a_cancelled_part_parks_the_merged_order_and_a_cancelled_reference_takes_all_its_parts() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 50)]);
        let cancelled = |reference: &str| {
            let payment = consign_ports::ChannelPayment::Cancelled;
            incoming(consign_ports::IncomingOrder { payment, ..paid(reference, &[("A", 1)]) })
        };
        let (first, second) = (shop.take(paid("1", &[("A", 1)])), shop.take(paid("2", &[("A", 1)])));
        let merged = shop.does(|tx, ctx| orders::merge(tx, ctx, &[first.id, second.id])).unwrap();
        shop.receive(vec![cancelled("2")]);
        let view = shop.db.read(|tx| orders::view(tx, merged)).unwrap();
        assert!(view.order.parked && view.holds[0].note.contains("cancelled 2"), "{:?}", view.holds);
        let whole = shop.take(paid("3", &[("A", 4)]));
        let one = Part { lines: vec![(line(&shop, &whole, "A"), 1)], park: true };
        let parts = split(&shop, &whole, vec![one.clone(), one]);
        assert!(parts.iter().all(|part| part.parked));
        shop.receive(vec![cancelled("3")]);
        for id in parts.iter().map(|part| part.id).chain([whole.id]) {
            assert_eq!(shop.db.read(|tx| orders::get(tx, id)).unwrap().state, OrderState::Cancelled);
        }
        shop.verify();
    });
}

#[test]
fn an_edit_is_told_before_and_after_and_moves_only_the_stock_that_changed() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let (a, b) = (shop.item("A", &[(shop.default, 5)]), shop.item("B", &[(shop.default, 5)]));
        let order = shop.take(paid("1", &[("A", 2)]));
        edit(&shop, order.id, |form| {
            form.delivery.town = "York".to_owned();
            form.lines[0].quantity = 3;
            form.lines.push(LineEdit {
                id: None,
                item_id: Some(b),
                title: "A gift".to_owned(),
                is_service: false,
                quantity: 1,
                unit_price: 0,
                discount: 0,
                tax_rate: Rate(0),
                tax_inclusive: true,
            });
        })
        .unwrap();
        assert_eq!((shop.stock(a, shop.default), shop.stock(b, shop.default)), ((2, 5), (4, 5)));
        let now = shop.order("1");
        assert_eq!((now.total, now.line_count, now.unit_count), (order.total + gbp(10).amount, 2, 4));
        let history = shop.history(&order).join("\n");
        assert!(history.contains("Leeds") && history.contains("York"), "{history}");
        assert!(history.contains("2 × A at 10.00 GBP → 3 × A at 10.00 GBP, 1 × B at 0.00 GBP"), "{history}");
        shop.verify();
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        assert_eq!(notes(&shop), [told("1", &[("L1", 3)])], "the channel is told only of its own line");
        shop.verify();
    });
}

#[test]
fn an_edit_of_an_address_leaves_an_order_the_stock_that_others_wait_for() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let a = shop.item("A", &[(shop.default, 2)]);
        let later = |reference: &str, days: i64| consign_ports::IncomingOrder {
            despatch_by: Some(consign_values::Timestamp(1_800_000_000_000_000).plus_seconds(days * 86_400)),
            ..paid(reference, &[("A", 2)])
        };
        let holder = shop.take(later("1", 9));
        let waiting = shop.take(later("2", 1));
        edit(&shop, holder.id, |form| form.delivery.town = "York".to_owned()).unwrap();
        let allocated = |id| lines(&shop, id)[0].allocated;
        assert_eq!((allocated(holder.id), allocated(waiting.id)), (Some(2), Some(0)));
        edit(&shop, holder.id, |form| form.lines[0].quantity = 1).unwrap();
        assert_eq!((allocated(holder.id), allocated(waiting.id)), (Some(1), Some(1)), "the freed unit goes on");
        assert_eq!(shop.stock(a, shop.default), (-1, 2));
        shop.verify();
    });
}

#[test]
fn two_people_on_one_order_never_overwrite_each_other_silently() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("A", 2)]));
        let (read, mut form) = db.read(|tx| orders::editable(tx, order.id)).unwrap();
        edit(&shop, order.id, |form| form.buyer = "first".to_owned()).unwrap();
        form.buyer = "second".to_owned();
        let late = shop.does(|tx, ctx| orders::edit(tx, ctx, order.id, read.version, &form));
        assert!(matches!(late, Err(Error::Stale)));
        assert_eq!(shop.order("1").buyer, "first");
        shop.does(|tx, ctx| orders::park(tx, ctx, order.id, "")).unwrap();
        assert_eq!(refused(edit(&shop, order.id, |form| form.buyer.clear())), Refusal::Parked);
    });
}

#[test]
fn a_note_is_skipped_with_the_reason_when_all_the_channels_lines_were_replaced() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let b = shop.item("B", &[(shop.default, 5)]);
        shop.item("A", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("A", 1)]));
        edit(&shop, order.id, |form| {
            let replaced = LineEdit { id: None, item_id: Some(b), ..form.lines[0].clone() };
            form.lines = vec![replaced];
        })
        .unwrap();
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        assert_eq!(notes(&shop), []);
        let history = shop.history(&order).join("\n");
        assert!(history.contains("not sent: despatch ignored: no line of the channel's is left"), "{history}");
        let swapped = shop.take(paid("2", &[("A", 1)]));
        edit(&shop, swapped.id, |form| form.lines[0].item_id = Some(b)).unwrap();
        shop.does(|tx, ctx| orders::process(tx, ctx, swapped.id)).unwrap();
        assert_eq!(
            notes(&shop),
            [told("2", &[("L1", 1)])],
            "another item on the channel's own line is told as that line"
        );
        shop.verify();
    });
}

#[test]
fn a_wrong_edit_names_the_field_and_changes_nothing() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("A", 2)]));
        let named = |change: fn(&mut OrderEdit)| match edit(&shop, order.id, change) {
            Err(Error::Invalid(errors)) => errors.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(named(|form| form.lines.clear()).contains("lines"));
        assert!(named(|form| form.lines[0].quantity = 0).contains("lines.1.quantity"));
        assert!(named(|form| form.lines[0].unit_price = i64::MAX).contains("lines.1.unit_price"));
        assert!(named(|form| form.lines[0].item_id = Some(ItemId(99_999))).contains("lines.1.item"));
        assert!(named(|form| form.lines[0].id = Some(LineId(99_999))).contains("lines.1.id"));
        assert!(named(|form| form.lines.push(form.lines[0].clone())).contains("lines.2.id"));
        assert!(named(|form| form.postage = -1).contains("postage"));
        assert!(named(|form| form.priority = 101).contains("priority"));
        assert_eq!(shop.order("1"), order);
    });
}

#[test]
fn a_processing_note_has_to_be_read_before_the_order_is_processed() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("A", 1)]));
        shop.does(|tx, ctx| orders::add_note(tx, ctx, order.id, "wrap it in blue", true, true)).unwrap();
        let refusal = refused(shop.does(|tx, ctx| orders::process(tx, ctx, order.id)));
        assert_eq!(refusal, Refusal::NotesToRead(vec!["wrap it in blue".to_owned()]));
        shop.does(|tx, ctx| orders::process_notes_read(tx, ctx, order.id)).unwrap();
        assert_eq!(shop.order("1").state, OrderState::Processed);
    });
}

#[test]
fn a_kit_takes_its_parts_and_shows_what_can_be_made_of_them() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let (a, b) = (shop.item("A", &[(shop.default, 10)]), shop.item("B", &[(shop.default, 4), (shop.west, 9)]));
        let kit = shop.item("KIT", &[]);
        shop.does(|tx, ctx| items::set_components(tx, ctx, kit, &[(a, 2), (b, 1)])).unwrap();
        shop.set(|settings| settings.push_stock = true);
        shop.does(|tx, ctx| channels::link_listing(tx, ctx, shop.channel, "KIT", kit)).unwrap();
        let shown = || {
            let channel = db.read(|tx| channels::get(tx, shop.channel)).unwrap();
            let due = shop.does(|tx, _| channels::take_due(tx, &channel, 10)).unwrap();
            due.iter().map(|listing| (listing.channel_sku.clone(), listing.figure(&channel))).collect::<Vec<_>>()
        };
        assert_eq!(shown(), [("KIT".to_owned(), 4)], "four of B at Default; West has no A");
        let order = shop.take(paid("1", &[("KIT", 3)]));
        assert_eq!((shop.stock(a, shop.default), shop.stock(b, shop.default)), ((4, 10), (1, 4)));
        assert_eq!((order.line_count, order.unit_count), (1, 3));
        assert_eq!(shown(), [("KIT".to_owned(), 1)]);
        let lines = lines(&shop, order.id);
        let part = split(&shop, &order, vec![Part { lines: vec![(lines[0].id, 1)], park: false }]).remove(0);
        assert_eq!((shop.stock(a, shop.default), part.unit_count), ((4, 10), 1));
        edit(&shop, part.id, |form| form.lines[0].quantity = 2).unwrap();
        assert_eq!(shop.stock(a, shop.default), (2, 10));
        shop.verify();
        edit(&shop, part.id, |form| form.lines[0].quantity = 1).unwrap();
        for id in [order.id, part.id] {
            shop.does(|tx, ctx| orders::process(tx, ctx, id)).unwrap();
        }
        assert_eq!((shop.stock(a, shop.default), shop.stock(b, shop.default)), ((4, 4), (1, 1)));
        assert_eq!(notes(&shop), [told("1", &[("L1", 1)]), told("1", &[("L1", 2)])]);
        shop.verify();
    });
}

#[test]
fn composites_are_not_nested_and_have_no_stock_of_their_own() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let (a, kit, big) = (shop.item("A", &[(shop.default, 1)]), shop.item("KIT", &[]), shop.item("BIG", &[]));
        let set = |item, parts: &[(ItemId, i64)]| {
            let parts = parts.to_vec();
            shop.does(|tx, ctx| items::set_components(tx, ctx, item, &parts))
        };
        assert!(matches!(set(kit, &[(kit, 1)]), Err(Error::Invalid(_))));
        assert!(matches!(set(kit, &[(a, 0)]), Err(Error::Invalid(_))));
        assert!(matches!(refused(set(a, &[(kit, 1)])), Refusal::Composite(_)), "A has stock");
        set(kit, &[(a, 1)]).unwrap();
        assert!(matches!(refused(set(big, &[(kit, 1)])), Refusal::Composite(_)));
        let level = shop.does(|tx, ctx| consign_oms::stock::set_level(tx, ctx, kit, shop.default, 5, "counted"));
        assert!(matches!(refused(level), Refusal::Composite(_)));
        set(kit, &[]).unwrap();
        shop.verify();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn splitting_and_merging_back_conserves_units_stock_and_every_smallest_unit_of_money(
        quantities in proptest::collection::vec(1_i64..9, 1..4),
        discount in 0_i64..50_000,
        takes in proptest::collection::vec((0_usize..4, 1_i64..5), 1..5),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let db = consign_db::Db::open(&format!("sqlite:{}", folder.path().join("x.db").display())).unwrap();
        db.migrate(MIGRATIONS).unwrap();
        let shop = Shop::open(&db);
        let skus = ["A", "B", "C"];
        let items: Vec<ItemId> = skus.iter().map(|sku| shop.item(sku, &[(shop.default, 40)])).collect();
        let sold: Vec<(&str, i64)> = skus.iter().copied().zip(quantities.iter().copied()).collect();
        let mut taken = paid("1", &sold);
        taken.discount.amount = discount;
        taken.lines[0].discount.amount = discount / 3;
        taken.lines[0].tax_inclusive = false;
        let order = shop.take(taken);
        let sums = |orders: &[OrderId]| db.read(|tx| {
            let mut sums = [0; 6];
            for id in orders {
                let view = orders::view(tx, *id)?;
                let discounts: i64 = view.lines.iter().map(|line| line.discount).sum();
                let detail = view.detail;
                let of = [detail.subtotal, detail.postage, detail.discount, detail.tax, view.order.total, discounts];
                sums.iter_mut().zip(of).for_each(|(sum, part)| *sum += part);
            }
            Ok::<_, Error>(sums)
        }).unwrap();
        let stock = || items.iter().map(|item| shop.stock(*item, shop.default)).collect::<Vec<_>>();
        let (before, held) = (sums(&[order.id]), stock());
        let mut ids = vec![order.id];
        for (at, units) in takes {
            let rest = shop.order("1");
            let lines = lines(&shop, rest.id);
            let Some(line) = lines.get(at) else { continue };
            let parts = [Part { lines: vec![(line.id, units)], park: false }];
            match shop.does(|tx, ctx| orders::split(tx, ctx, rest.id, rest.version, &parts)) {
                Ok(made) => ids.extend(made),
                Err(Error::Invalid(_)) => {}
                Err(other) => panic!("{other}"),
            }
            prop_assert_eq!(sums(&ids), before);
            prop_assert_eq!(stock(), held.clone());
            shop.verify();
        }
        if ids.len() > 1 {
            let merged = shop.does(|tx, ctx| orders::merge(tx, ctx, &ids)).unwrap();
            prop_assert_eq!(sums(&[merged]), before);
            prop_assert_eq!(stock(), held);
            shop.verify();
        }
    }

    #[test]
    fn an_edit_undone_leaves_the_stock_as_it_was(
        first in 1_i64..8, second in 1_i64..8, changed in 1_i64..12, rival in 1_i64..8,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let db = consign_db::Db::open(&format!("sqlite:{}", folder.path().join("x.db").display())).unwrap();
        db.migrate(MIGRATIONS).unwrap();
        let shop = Shop::open(&db);
        let items = [shop.item("A", &[(shop.default, 10)]), shop.item("B", &[(shop.default, 10)])];
        let order = shop.take(paid("1", &[("A", first), ("B", second)]));
        shop.take(paid("2", &[("A", rival), ("B", rival)]));
        let levels = || items.map(|item| {
            let level = db.read(|tx| consign_oms::stock::level(tx, item, shop.default)).unwrap();
            (level.on_hand, level.demand, level.allocated)
        });
        let before = levels();
        edit(&shop, order.id, |form| form.lines[0].quantity = changed).unwrap();
        shop.verify();
        edit(&shop, order.id, |form| form.lines[0].quantity = first).unwrap();
        prop_assert_eq!(levels(), before);
        shop.verify();
    }
}
