//! Fulfilment centres (reference 2.7, 4.3, 14.5): their three ways with stock, what can't be done with their orders, their answers.

use consign_db::testing::on_each_engine;
use consign_oms::locations::{self, LocationForm};
use consign_oms::orders::{self, CentreAnswer, CentreState, CentreStatus, DespatchState, Order, OrderState};
use consign_oms::{Error, MIGRATIONS, Refusal, stock};
use consign_values::LocationId;

use crate::shop::{Shop, paid};

fn code<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(Error::Refused(refusal)) => refusal.code(),
        Err(error) => panic!("{error:?}"),
    }
}

fn form(counts: bool, deducts: bool) -> LocationForm {
    LocationForm {
        name: "Centre".to_owned(),
        fulfilment_centre: true,
        count_until_acknowledged: counts,
        deduct_when_processed: deducts,
        ..LocationForm::default()
    }
}

fn centre(shop: &Shop<'_>, counts: bool, deducts: bool) -> LocationId {
    shop.does(|tx, ctx| locations::create(tx, ctx, &form(counts, deducts))).unwrap()
}

fn says(status: CentreStatus) -> CentreAnswer {
    CentreAnswer {
        status,
        text: "as planned".to_owned(),
        carrier: String::new(),
        service: String::new(),
        tracking_number: String::new(),
    }
}

fn answer(shop: &Shop<'_>, order: &Order, status: CentreStatus) -> &'static str {
    code(shop.does(|tx, ctx| orders::centre_answered(tx, ctx, order.id, &says(status))))
}

#[test]
fn where_the_feed_is_net_of_orders_one_moved_there_frees_stock_and_counts_nowhere() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, false, false);
        shop.does(|tx, ctx| stock::feed(tx, ctx, x, there, 5, "file 1")).unwrap();
        let order = shop.take(paid("1", &[("X", 1)]));
        assert_eq!((shop.stock(x, shop.default).0, shop.stock(x, there).0), (9, 5), "14 in all");
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, there)).unwrap();
        assert_eq!((shop.stock(x, shop.default).0, shop.stock(x, there).0), (10, 5), "15 until the feed drops");
        let held = shop.order("1");
        assert!(held.parked && held.locked && held.centre == CentreState::Held);
        shop.does(|tx, ctx| stock::feed(tx, ctx, x, there, 4, "file 2")).unwrap();
        assert_eq!(answer(&shop, &order, CentreStatus::Shipped), "done");
        assert_eq!(shop.stock(x, there), (4, 4), "the feed has said so already");
        assert_eq!(shop.order("1").state, OrderState::Processed);
        shop.verify();
    });
}

#[test]
fn where_orders_count_they_count_until_acknowledged() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, true, false);
        shop.does(|tx, ctx| stock::feed(tx, ctx, x, there, 5, "file 1")).unwrap();
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, there)).unwrap();
        let held = shop.order("1");
        assert!(held.parked && !held.locked);
        assert_eq!(shop.stock(x, there), (3, 5));
        assert_eq!(answer(&shop, &order, CentreStatus::Acknowledged), "done");
        assert_eq!(answer(&shop, &order, CentreStatus::Acknowledged), "done", "said twice it does nothing more");
        assert_eq!(shop.stock(x, there), (5, 5), "from now on the feed is net of it");
        assert_eq!(answer(&shop, &order, CentreStatus::Complete), "done");
        assert_eq!(shop.stock(x, there), (5, 5));
        shop.verify();
    });
}

#[test]
fn where_processing_deducts_orders_count_until_then_and_a_shipment_is_never_refused() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, true, true);
        shop.does(|tx, ctx| stock::feed(tx, ctx, x, there, 3, "file 1")).unwrap();
        for reference in ["1", "2"] {
            let order = shop.take(paid(reference, &[("X", 2)]));
            shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, there)).unwrap();
            assert_eq!(answer(&shop, &order, CentreStatus::Acknowledged), "done");
        }
        assert_eq!(shop.stock(x, there), (-1, 3));
        let locked = shop.take(paid("3", &[("X", 1)]));
        shop.does(|tx, ctx| orders::lock(tx, ctx, locked.id, "by hand")).unwrap();
        shop.does(|tx, ctx| orders::move_to(tx, ctx, locked.id, there)).unwrap();
        for reference in ["1", "2", "3"] {
            assert_eq!(answer(&shop, &shop.order(reference), CentreStatus::Shipped), "done");
            shop.verify();
        }
        assert_eq!(shop.stock(x, there), (-2, -2), "five have left where three were known");
    });
}

#[test]
fn nothing_can_be_done_with_an_order_that_a_centre_has() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, true, true);
        let order = shop.take(paid("1", &[("X", 1)]));
        assert_eq!(answer(&shop, &order, CentreStatus::Shipped), "not_at_centre");
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, there)).unwrap();
        let id = order.id;
        for refused in [
            code(shop.does(|tx, ctx| orders::process(tx, ctx, id))),
            code(shop.does(|tx, ctx| orders::move_to(tx, ctx, id, shop.default))),
            code(shop.does(|tx, ctx| orders::unpark(tx, ctx, id))),
            code(shop.does(|tx, ctx| orders::lock(tx, ctx, id, ""))),
            code(shop.does(|tx, ctx| orders::cancel(tx, ctx, id, "x", true))),
            code(shop.does(|tx, ctx| orders::delete(tx, ctx, id, "x"))),
            code(shop.does(|tx, ctx| orders::set_tag(tx, ctx, id, 1))),
        ] {
            assert_eq!(refused, "at_centre");
        }
        assert_eq!(code(shop.does(|tx, ctx| stock::set_level(tx, ctx, x, there, 1, "counted"))), "centre_stock");
        assert_eq!(code(shop.does(|tx, ctx| stock::adjust(tx, ctx, x, there, 1, "found"))), "centre_stock");
        assert_eq!(code(shop.does(|tx, ctx| stock::feed(tx, ctx, x, shop.west, 1, "feed"))), "no_centre");
        assert_eq!(code(shop.does(|tx, ctx| locations::edit(tx, ctx, there, &form(false, false)))), "in_use");
        let missing = CentreAnswer { text: " ".to_owned(), ..says(CentreStatus::Error) };
        let said = shop.does(|tx, ctx| orders::centre_answered(tx, ctx, id, &missing));
        assert!(matches!(said, Err(Error::Invalid(errors)) if errors.of_field("text").is_some()));
        shop.verify();
    });
}

#[test]
fn what_a_centre_cancels_is_ours_again_and_can_only_be_moved_to_leave() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, false, false);
        let order = shop.take(paid("1", &[("X", 1)]));
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, there)).unwrap();
        assert_eq!(answer(&shop, &order, CentreStatus::Cancelled), "done");
        let back = shop.order("1");
        assert!(!back.parked && !back.locked && back.centre == CentreState::Released);
        assert_eq!(code(shop.does(|tx, ctx| orders::process(tx, ctx, order.id))), "centre_processes");
        shop.verify();
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, shop.default)).unwrap();
        assert_eq!(shop.order("1").centre, CentreState::None);
        assert_eq!(shop.stock(x, shop.default), (9, 10));
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        shop.verify();
    });
}

#[test]
fn a_shipment_is_told_to_the_channel_and_every_answer_stays_in_history() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 10)]);
        let there = centre(&shop, false, false);
        shop.set(|settings| settings.download_location_id = there);
        let order = shop.take(paid("1", &[("X", 1)]));
        assert!(order.parked && order.locked && order.centre == CentreState::Held, "it is held as soon as it comes in");
        shop.verify();
        assert_eq!(answer(&shop, &order, CentreStatus::Error), "done");
        let shipped = CentreAnswer {
            carrier: "Royal Mail".to_owned(),
            service: "Tracked 48".to_owned(),
            tracking_number: "RM1".to_owned(),
            ..says(CentreStatus::Shipped)
        };
        shop.does(|tx, ctx| orders::centre_answered(tx, ctx, order.id, &shipped)).unwrap();
        let order = shop.order("1");
        assert_eq!((order.carrier.as_str(), order.tracking_number.as_str()), ("Royal Mail", "RM1"));
        assert_eq!(
            (order.state, order.despatch_state, order.parked),
            (OrderState::Processed, DespatchState::Queued, false)
        );
        assert_eq!(order.note_count, 1);
        let history = shop.history(&order);
        assert!(history.contains(&"fulfilment status: Centre: error, as planned".to_owned()), "{history:?}");
        assert!(history.contains(&"fulfilment status: Centre: shipped, as planned, RM1".to_owned()), "{history:?}");
        shop.verify();
    });
}

#[test]
fn a_location_can_become_a_centre_only_while_no_open_order_is_there() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 10)]);
        let order = shop.take(paid("1", &[("X", 1)]));
        let become_centre = LocationForm { name: "Default".to_owned(), ..form(false, false) };
        let refused = shop.does(|tx, ctx| locations::edit(tx, ctx, shop.default, &become_centre));
        assert!(matches!(refused, Err(Error::Refused(Refusal::InUse(_)))));
        shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        shop.does(|tx, ctx| locations::edit(tx, ctx, shop.default, &become_centre)).unwrap();
        let nonsense = LocationForm { fulfilment_centre: false, ..form(true, false) };
        let refused = shop.does(|tx, ctx| locations::create(tx, ctx, &nonsense));
        assert!(
            matches!(refused, Err(Error::Invalid(errors)) if errors.of_field("count_until_acknowledged").is_some())
        );
        shop.verify();
    });
}
