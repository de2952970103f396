//! Orders in: scenarios 6-8, 13-20 of 16.5, and what hostile channels send.

use consign_db::testing::on_each_engine;
use consign_oms::channels;
use consign_oms::orders::{self, OrderState, Payment};
use consign_oms::stock::StockState;
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, Refusal};
use consign_ports::{ChannelPayment, DownloadPage, Incoming, IncomingOrder};
use consign_values::{Currency, Money};

use crate::shop::{Shop, incoming, paid, unpaid};

#[test]
fn an_unpaid_order_is_parked_and_holds_stock_only_if_unpaid_orders_are_wanted() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let received = shop.receive(vec![incoming(unpaid("1", &[("X", 2)]))]);
        assert_eq!((received.taken, received.ignored), (0, 1));
        shop.set(|settings| settings.download_unpaid = true);
        let order = shop.take(unpaid("1", &[("X", 2)]));
        assert_eq!((order.payment, order.parked), (Payment::Unpaid, true));
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        let refused = shop.does(|tx, ctx| orders::unpark(tx, ctx, order.id));
        assert!(matches!(refused, Err(Error::Refused(Refusal::AwaitingPayment))));
        shop.verify();
    });
}

#[test]
fn its_payment_makes_it_paid_and_unparks_it() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 5)]);
        shop.set(|settings| settings.download_unpaid = true);
        shop.take(unpaid("1", &[("X", 2)]));
        let order = shop.take(paid("1", &[("X", 2)]));
        assert_eq!((order.payment, order.parked), (Payment::Paid, false));
        assert_eq!(order.stock_state, StockState::Full);
        shop.verify();
    });
}

#[test]
fn the_channel_cancels_an_order_and_its_stock_is_free() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        shop.set(|settings| settings.download_unpaid = true);
        shop.take(unpaid("1", &[("X", 2)]));
        let order = shop.take(IncomingOrder { payment: ChannelPayment::Cancelled, ..unpaid("1", &[("X", 2)]) });
        assert_eq!(order.state, OrderState::Cancelled);
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        shop.verify();
    });
}

#[test]
fn the_same_order_three_times_is_one_order() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let order = paid("1", &[("X", 2)]);
        let received = shop.receive(vec![incoming(order.clone()), incoming(order.clone())]);
        assert_eq!((received.taken, received.unchanged), (1, 1));
        assert_eq!(shop.receive(vec![incoming(order)]).unchanged, 1);
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        shop.verify();
    });
}

#[test]
fn a_paid_order_sent_again_with_another_quantity_stays_as_it_is() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let before = shop.take(paid("1", &[("X", 2)]));
        let after = shop.take(paid("1", &[("X", 5)]));
        assert_eq!(before, after);
        assert_eq!(shop.stock(x, shop.default), (7, 9));
        shop.verify();
    });
}

#[test]
fn an_unpaid_order_sent_again_with_other_lines_is_updated_and_its_claims_follow() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let (x, y) = (shop.item("X", &[(shop.default, 9)]), shop.item("Y", &[(shop.default, 9)]));
        shop.set(|settings| settings.download_unpaid = true);
        shop.take(unpaid("1", &[("X", 2), ("Y", 1)]));
        let order = shop.take(unpaid("1", &[("X", 5)]));
        assert_eq!((order.line_count, order.unit_count), (1, 5));
        assert_eq!((shop.stock(x, shop.default), shop.stock(y, shop.default)), ((4, 9), (9, 9)));
        shop.verify();
    });
}

#[test]
fn a_rejected_payload_is_kept_with_its_reason_and_the_others_go_on() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9)]);
        let bad = Incoming {
            reference: "2".to_owned(),
            payload: b"\x00\xff garbage".to_vec(),
            order: Err("lines[1].line_number is used twice".to_owned()),
        };
        let page = vec![incoming(paid("1", &[("X", 1)])), bad.clone(), incoming(paid("3", &[("X", 1)]))];
        let received = shop.receive(page);
        assert_eq!((received.taken, received.rejected), (2, 1));
        let kept = db.read(|tx| channels::rejected(tx, shop.channel)).unwrap();
        assert_eq!((kept.len(), kept[0].payload.as_slice()), (1, b"\x00\xff garbage".as_slice()));
        assert_eq!(shop.receive(vec![bad]).rejected, 1, "seen again, it is still one payload");
        assert_eq!(db.read(|tx| channels::rejected_count(tx, shop.channel)).unwrap(), 1);
        // Mended on the channel, it is taken, and nothing needs attention any more.
        shop.take(paid("2", &[("X", 1)]));
        assert_eq!(db.read(|tx| channels::rejected_count(tx, shop.channel)).unwrap(), 0);
        shop.verify();
    });
}

#[test]
fn a_cancellation_of_an_unknown_order_is_ignored() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let received = shop
            .receive(vec![incoming(IncomingOrder { payment: ChannelPayment::Cancelled, ..paid("1", &[("X", 1)]) })]);
        assert_eq!((received.ignored, shop.find("1")), (1, None));
    });
}

#[test]
fn a_blank_currency_is_unknown_and_a_postcode_too_long_parks() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let mut order = paid("1", &[("X", 1)]);
        order.currency = Currency::UNKNOWN;
        order.postage = Money::zero(Currency::UNKNOWN);
        order.discount = Money::zero(Currency::UNKNOWN);
        order.lines[0].unit_price = Money { amount: 10_000, currency: Currency::UNKNOWN };
        order.lines[0].discount = Money::zero(Currency::UNKNOWN);
        order.delivery.postcode = "123456789012".to_owned();
        let order = shop.take(order);
        assert_eq!((order.currency.code(), order.parked), ("UNK", true));
        shop.does(|tx, ctx| orders::unpark(tx, ctx, order.id)).unwrap();
        assert!(!shop.order("1").parked);
        shop.verify();
    });
}

#[test]
fn a_deleted_order_does_not_come_back() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.does(|tx, ctx| orders::delete(tx, ctx, order.id, "a test")).unwrap();
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        let mut again = paid("1", &[("X", 2)]);
        again.buyer = "somebody else".to_owned();
        assert_eq!(shop.take(again).state, OrderState::Deleted);
        shop.verify();
    });
}

#[test]
fn the_cursor_moves_with_the_page_and_reaches_back_where_a_round_had_several() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let ctx = Ctx::new(&shop.clock, Actor::Channel(shop.channel));
        let start = db.read(|tx| channels::cursor(tx, shop.channel)).unwrap().since_at;
        shop.clock.advance(1_000);
        let page = |reference: &str, next: Option<&str>| DownloadPage {
            orders: vec![incoming(paid(reference, &[("X", 1)]))],
            next: next.map(str::to_owned),
            rate_left: None,
        };
        let take = |page: &DownloadPage| {
            db.write(|tx| {
                channels::begin_round(tx, &ctx, shop.channel)?;
                orders::receive_page(tx, &ctx, shop.channel, page, 60)
            })
            .unwrap()
        };
        assert!(take(&page("1", Some("2"))).more);
        let under_way = db.read(|tx| channels::cursor(tx, shop.channel)).unwrap();
        assert_eq!((under_way.page.as_deref(), under_way.since_at), (Some("2"), start));
        assert!(!take(&page("2", None)).more);
        let after = db.read(|tx| channels::cursor(tx, shop.channel)).unwrap();
        assert_eq!((after.page, after.since_at), (None, start), "the next round reads the same stretch once more");
        shop.clock.advance(1_000);
        take(&page("3", None));
        let after = db.read(|tx| channels::cursor(tx, shop.channel)).unwrap();
        assert_eq!(after.since_at, start.plus_seconds(2_000 - 60));
        // A page that could not even be told apart into orders is asked for again.
        shop.clock.advance(1_000);
        let garbage =
            Incoming { reference: String::new(), payload: b"<html>".to_vec(), order: Err("is no JSON".to_owned()) };
        take(&DownloadPage { orders: vec![garbage], next: None, rate_left: None });
        assert_eq!(db.read(|tx| channels::cursor(tx, shop.channel)).unwrap().since_at, after.since_at);
    });
}

#[test]
fn an_order_shipped_in_part_elsewhere_wants_only_the_rest() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9)]);
        let mut order = paid("1", &[("X", 5)]);
        order.lines[0].shipped_quantity = 3;
        shop.take(order);
        assert_eq!(shop.stock(x, shop.default), (7, 9));
        shop.verify();
    });
}
