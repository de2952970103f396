//! Locations and stock: scenarios 1, 2, 4, 9, 10, 43-46 of 16.5, and fair allocation.

use consign_db::testing::on_each_engine;
use consign_oms::{MIGRATIONS, Refusal, channels, locations, orders, stock};
use consign_values::Timestamp;

use crate::shop::{Shop, gbp, incoming, paid};

#[test]
fn an_order_lands_at_the_channels_download_location_and_takes_stock_only_there() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5), (shop.west, 5)]);
        shop.set(|settings| settings.download_location_id = shop.west);
        let order = shop.take(paid("1", &[("X", 2)]));
        assert_eq!(order.location_id, shop.west);
        assert_eq!(shop.stock(x, shop.west), (3, 5));
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        shop.verify();
    });
}

#[test]
fn moving_an_order_moves_its_claims_and_no_units() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5), (shop.west, 5)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, shop.west)).unwrap();
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        assert_eq!(shop.stock(x, shop.west), (3, 5));
        let again = shop.does(|tx, ctx| orders::move_to(tx, ctx, order.id, shop.west));
        assert!(matches!(again, Err(consign_oms::Error::Refused(Refusal::SameLocation))));
        shop.verify();
    });
}

#[test]
fn another_download_location_applies_only_to_later_orders() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 5)]);
        let before = shop.take(paid("1", &[("X", 1)]));
        shop.set(|settings| settings.download_location_id = shop.west);
        let after = shop.take(paid("2", &[("X", 1)]));
        assert_eq!((before.location_id, after.location_id), (shop.default, shop.west));
        assert_eq!(shop.order("1").location_id, shop.default);
        shop.verify();
    });
}

#[test]
fn locking_frees_the_stock_at_once_and_unlocking_takes_it_back() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.does(|tx, ctx| orders::lock(tx, ctx, order.id, "")).unwrap();
        assert_eq!(shop.stock(x, shop.default), (5, 5));
        shop.does(|tx, ctx| orders::unlock(tx, ctx, order.id)).unwrap();
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        shop.verify();
    });
}

#[test]
fn parking_leaves_the_stock_as_it_is() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        let order = shop.take(paid("1", &[("X", 2)]));
        shop.does(|tx, ctx| orders::park(tx, ctx, order.id, "")).unwrap();
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        shop.does(|tx, ctx| orders::unpark(tx, ctx, order.id)).unwrap();
        assert_eq!(shop.stock(x, shop.default), (3, 5));
        shop.verify();
    });
}

#[test]
fn arriving_stock_goes_to_the_most_urgent_order_first() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 0)]);
        let late = shop.take(paid("late", &[("X", 3)]));
        let mut urgent = paid("urgent", &[("X", 2)]);
        urgent.despatch_by = Some(Timestamp(1_800_000_100_000_000));
        let urgent = shop.take(urgent);
        assert_eq!(shop.stock(x, shop.default), (-5, 0));
        shop.does(|tx, ctx| stock::adjust(tx, ctx, x, shop.default, 3, "delivery")).unwrap();
        let held = |id| db.read(|tx| stock::claims_of(tx, id)).unwrap()[0].allocated;
        assert_eq!((held(urgent.id), held(late.id)), (2, 1));
        shop.verify();
        shop.does(|tx, ctx| stock::set_level(tx, ctx, x, shop.default, 1, "counted")).unwrap();
        assert_eq!((held(urgent.id), held(late.id)), (1, 0));
        shop.verify();
    });
}

#[test]
fn a_channel_is_shown_the_limited_figure_and_never_less_than_nothing() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 40)]);
        shop.does(|tx, ctx| channels::link_listing(tx, ctx, shop.channel, "X", x)).unwrap();
        shop.set(|settings| {
            settings.end_when = 5;
            settings.max_listed = Some(10);
        });
        let figure = || {
            shop.does(|tx, ctx| {
                let channel = channels::get(tx, shop.channel)?;
                let due = channels::take_due(tx, &channel, 10)?;
                for listing in &due {
                    channels::pushed(tx, ctx, listing, listing.figure(&channel), Ok(()))?;
                }
                Ok(due.first().map(|listing| listing.figure(&channel)))
            })
            .unwrap()
        };
        assert_eq!(figure(), Some(10));
        assert_eq!(figure(), None, "the same figure is not pushed twice");
        shop.does(|tx, ctx| stock::set_level(tx, ctx, x, shop.default, 5, "counted")).unwrap();
        assert_eq!(figure(), Some(0));
        shop.set(|settings| {
            settings.end_when = 0;
            settings.max_listed = None;
        });
        assert_eq!(figure(), Some(5));
        shop.receive(vec![incoming(paid("1", &[("X", 9)]))]);
        assert_eq!(shop.stock(x, shop.default).0, -4);
        assert_eq!(figure(), Some(0));
    });
}

#[test]
fn the_default_location_and_one_in_use_cannot_be_deleted() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let refused = shop.does(|tx, ctx| locations::delete(tx, ctx, shop.default));
        assert!(matches!(refused, Err(consign_oms::Error::Refused(Refusal::DefaultLocation))));
        let by_hand = db.write(|tx| tx.execute(consign_db::sql!("DELETE FROM location"), &[]));
        assert!(matches!(by_hand, Err(consign_db::Error::ForeignKey)), "the schema says so, too");
        shop.set(|settings| settings.download_location_id = shop.west);
        let refused = shop.does(|tx, ctx| locations::delete(tx, ctx, shop.west));
        assert!(matches!(refused, Err(consign_oms::Error::Refused(Refusal::InUse(_)))));
    });
}

#[test]
fn a_price_is_told_with_stock_push_off_and_not_by_a_disabled_channel() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5)]);
        shop.set(|settings| (settings.push_stock, settings.push_prices) = (false, true));
        let (channel, price) = (shop.channel, |pounds| Some(gbp(pounds)));
        let due = || db.read(|tx| channels::any_price_due(tx, channel)).unwrap();
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, price(12))).unwrap();
        assert!(!due(), "nothing is listed yet");
        shop.does(|tx, ctx| channels::link_listing(tx, ctx, channel, "X-ON-CHANNEL", x)).unwrap();
        assert!(due());
        shop.enable(false);
        assert!(!due(), "a disabled channel is told nothing");
        shop.enable(true);
        let told = |outcome: Result<(), (String, bool)>| {
            let taken = db.read(|tx| channels::take_due_prices(tx, channel, 10)).unwrap();
            assert_eq!(taken.len(), 1);
            shop.does(|tx, ctx| channels::price_pushed(tx, ctx, &taken[0], outcome.clone())).unwrap();
            taken[0].price()
        };
        assert_eq!(told(Err(("busy".into(), false))), gbp(12));
        assert!(due(), "passing trouble is tried again");
        told(Ok(()));
        assert!(!due());
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, price(12))).unwrap();
        assert!(!due(), "the same price again is no change");
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, price(13))).unwrap();
        told(Err(("too low".into(), true)));
        assert!(!due(), "a refusal waits for another price");
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, price(14))).unwrap();
        shop.set(|settings| settings.push_prices = false);
        assert!(!due(), "the switch is off");
        shop.set(|settings| settings.push_prices = true);
        assert_eq!(told(Ok(())), gbp(14));
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, None)).unwrap();
        assert!(!due(), "no price, nothing to tell");
    });
}

#[test]
fn a_price_that_changes_while_it_is_told_is_told_again() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[]);
        shop.set(|settings| settings.push_prices = true);
        let channel = shop.channel;
        shop.does(|tx, ctx| channels::link_listing(tx, ctx, channel, "X", x)).unwrap();
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, Some(gbp(1)))).unwrap();
        let taken = db.read(|tx| channels::take_due_prices(tx, channel, 10)).unwrap();
        shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, Some(gbp(2)))).unwrap();
        shop.does(|tx, ctx| channels::price_pushed(tx, ctx, &taken[0], Ok(()))).unwrap();
        let again = db.read(|tx| channels::take_due_prices(tx, channel, 10)).unwrap();
        assert_eq!(again[0].price(), gbp(2));
        let wrong = shop.does(|tx, ctx| channels::set_price(tx, ctx, x, channel, Some(gbp(-1))));
        assert!(matches!(wrong, Err(consign_oms::Error::Invalid(_))));
    });
}
