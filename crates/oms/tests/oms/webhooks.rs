//! What webhooks are told is written with its cause, delivered until it arrives, and never to one that is off.

use consign_db::testing::on_each_engine;
use consign_oms::channels::KeyRing;
use consign_oms::webhooks::{self, DeliveryState, EventKind, Outcome, WebhookForm};
use consign_oms::{Error, MIGRATIONS, orders, stock};
use consign_values::Clock as _;

use crate::shop::{Shop, paid};

fn form(kinds: &[EventKind], active: bool) -> WebhookForm {
    WebhookForm { name: "Till".into(), url: "https://till.example/hook".into(), kinds: kinds.to_vec(), active }
}

#[test]
fn a_webhook_is_told_of_what_it_wants_in_the_transaction_of_the_effect() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let keys = KeyRing::new([3; 32]);
        let item = shop.item("A", &[(shop.default, 5)]);
        let add = |kinds: &[EventKind], active: bool| {
            shop.does(|tx, ctx| webhooks::create(tx, ctx, &keys, &form(kinds, active))).unwrap()
        };
        let (stock_hook, secret) = add(&[EventKind::StockChanged], true);
        let (order_hook, _) = add(&[EventKind::OrderReceived, EventKind::OrderProcessed], true);
        let (off, _) = add(EventKind::ALL, false);
        shop.does(|tx, ctx| stock::adjust(tx, ctx, item, shop.default, 2, "arrived")).unwrap();
        let undone = shop.does(|tx, ctx| {
            stock::adjust(tx, ctx, item, shop.default, 9, "arrived")?;
            Err::<(), _>(Error::invalid("test", "rolls back"))
        });
        assert!(undone.is_err());
        let order = shop.take(paid("O-1", &[("A", 3)])).id;
        shop.does(|tx, ctx| orders::process(tx, ctx, order)).unwrap();
        let log = |hook| shop.does(|tx, _| webhooks::deliveries(tx, hook)).unwrap();
        let kinds: Vec<EventKind> = log(order_hook).iter().map(|delivery| delivery.kind).collect();
        assert_eq!(kinds, [EventKind::OrderProcessed, EventKind::OrderReceived]);
        let stock_log = log(stock_hook);
        assert_eq!(stock_log.len(), 3, "adjusted, claimed, deducted: {stock_log:?}");
        assert!(stock_log[0].body.contains("\"on_hand\":4"), "{}", stock_log[0].body);
        assert!(log(off).is_empty());
        let hook = shop.does(|tx, _| webhooks::get(tx, stock_hook)).unwrap();
        assert_eq!(hook.secret(&keys).unwrap(), secret);
        assert!(!hook.secret.windows(8).any(|part| secret.as_bytes().starts_with(part)), "the secret is sealed");
        assert!(hook.secret(&KeyRing::new([4; 32])).is_err());
    });
}

#[test]
fn a_delivery_is_tried_with_growing_pauses_for_a_day_and_sent_again_on_demand() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let keys = KeyRing::new([3; 32]);
        let all = form(EventKind::ALL, true);
        let (hook, _) = shop.does(|tx, ctx| webhooks::create(tx, ctx, &keys, &all)).unwrap();
        let id = shop.does(|tx, ctx| webhooks::ping(tx, ctx, hook)).unwrap();
        let due = || shop.does(|tx, ctx| webhooks::any_due(tx, ctx, hook)).unwrap();
        let one = || shop.does(|tx, _| webhooks::deliveries(tx, hook)).unwrap().remove(0);
        let failed = Outcome::Failed { error: "no answer".into(), after_seconds: None };
        let mut tries = 0;
        while one().state == DeliveryState::Queued {
            assert!(due());
            let taken = shop.does(|tx, ctx| webhooks::take(tx, ctx, hook)).unwrap();
            assert_eq!(taken.len(), 1);
            assert!(!due(), "while it is being sent nobody else takes it");
            shop.does(|tx, ctx| webhooks::settle(tx, ctx, &taken[0], &failed)).unwrap();
            tries += 1;
            let wait = one().next_at.seconds_since(shop.clock.now());
            assert!((0..=3_960).contains(&wait));
            shop.clock.advance(wait);
        }
        assert!((20..60).contains(&tries), "{tries} tries in a day");
        assert_eq!((one().state, one().last_error.as_str()), (DeliveryState::Failed, "no answer"));
        assert!(!due());
        shop.does(|tx, ctx| webhooks::redeliver(tx, ctx, hook, id)).unwrap();
        let taken = shop.does(|tx, ctx| webhooks::take(tx, ctx, hook)).unwrap();
        assert_eq!(taken[0].body, one().body);
        shop.does(|tx, ctx| webhooks::settle(tx, ctx, &taken[0], &Outcome::Arrived)).unwrap();
        assert_eq!(one().state, DeliveryState::Delivered);
        shop.clock.advance(8 * 86_400);
        shop.does(webhooks::clean_up).unwrap();
        assert!(shop.does(|tx, _| webhooks::deliveries(tx, hook)).unwrap().is_empty());
        let off = form(EventKind::ALL, false);
        shop.does(|tx, ctx| webhooks::ping(tx, ctx, hook)).unwrap();
        shop.does(|tx, ctx| webhooks::edit(tx, ctx, hook, 1, &off)).unwrap();
        assert!(!due());
        assert!(matches!(shop.does(|tx, ctx| webhooks::edit(tx, ctx, hook, 1, &off)), Err(Error::Stale)));
        shop.does(|tx, ctx| webhooks::delete(tx, ctx, hook)).unwrap();
        assert!(shop.does(|tx, _| webhooks::deliveries(tx, hook)).is_err());
    });
}
