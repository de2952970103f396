//! Channels that tell at once: what they tell is fetched exactly once, forgotten only when it was, and never trusted.

use consign_db::testing::on_each_engine;
use consign_oms::channels::{self, Hook, KeyRing, Told};
use consign_oms::orders::{self, Received};
use consign_oms::{Actor, Ctx, MIGRATIONS, jobs};
use consign_ports::Incoming;

use crate::shop::{Shop, incoming, paid, unpaid};

fn ring() -> KeyRing {
    KeyRing::new([3; 32])
}

fn switch(shop: &Shop<'_>, on: bool) {
    shop.does(|tx, ctx| channels::set_hook(tx, ctx, &ring(), shop.channel, on)).unwrap();
}

fn hook(shop: &Shop<'_>) -> Hook {
    shop.does(|tx, _| channels::hook(tx, shop.channel)).unwrap().unwrap()
}

fn tell(shop: &Shop<'_>, references: &[&str]) {
    let named: Vec<String> = references.iter().map(|reference| (*reference).to_owned()).collect();
    shop.does(|tx, ctx| channels::delivered(tx, ctx, shop.channel, &named)).unwrap();
}

fn waiting(shop: &Shop<'_>) -> Vec<Told> {
    shop.does(|tx, _| channels::take_told(tx, shop.channel)).unwrap()
}

fn take(shop: &Shop<'_>, told: &[Told], found: &[Incoming]) -> Received {
    let ctx = Ctx::new(&shop.clock, Actor::Channel(shop.channel));
    shop.db.write(|tx| orders::receive_told(tx, &ctx, shop.channel, told, found)).unwrap()
}

#[test]
fn an_order_that_was_told_twice_polled_and_told_again_is_one_order() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let item = shop.item("A", &[(shop.default, 5)]);
        switch(&shop, true);
        tell(&shop, &["O-1"]);
        tell(&shop, &["O-1"]);
        let told = waiting(&shop);
        assert_eq!(told.iter().map(|one| (one.reference.as_str(), one.times)).collect::<Vec<_>>(), [("O-1", 2)]);
        let before = shop.does(|tx, _| channels::cursor(tx, shop.channel)).unwrap();
        let order = incoming(paid("O-1", &[("A", 2)]));
        assert_eq!(take(&shop, &told, std::slice::from_ref(&order)).taken, 1);
        assert!(waiting(&shop).is_empty());
        assert_eq!(shop.stock(item, shop.default), (3, 5));
        let after = shop.does(|tx, _| channels::cursor(tx, shop.channel)).unwrap();
        assert_eq!(
            (before.since_at, before.started_at),
            (after.since_at, after.started_at),
            "the timetable is left alone"
        );
        assert_eq!(shop.receive(vec![order.clone()]).unchanged, 1, "the round brings the same bytes");
        tell(&shop, &["O-1"]);
        assert_eq!(take(&shop, &waiting(&shop), &[order]).unchanged, 1);
        assert_eq!(shop.stock(item, shop.default), (3, 5));
        assert_eq!(hook(&shop).delivery_count, 3);
        shop.verify();
    });
}

#[test]
fn what_is_told_while_it_is_fetched_is_fetched_again() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("A", &[(shop.default, 5)]);
        shop.set(|settings| settings.download_unpaid = true);
        switch(&shop, true);
        tell(&shop, &["O-1", "GONE"]);
        let told = waiting(&shop);
        tell(&shop, &["O-1"]);
        take(&shop, &told, &[incoming(unpaid("O-1", &[("A", 1)]))]);
        let again = waiting(&shop);
        assert_eq!(again.len(), 1, "the order that is gone is done with: {again:?}");
        assert_eq!(take(&shop, &again, &[incoming(paid("O-1", &[("A", 1)]))]).updated, 1);
        assert_eq!(shop.order("O-1").payment, orders::Payment::Paid);
        assert!(waiting(&shop).is_empty());
    });
}

#[test]
fn what_waits_is_bounded_and_rubbish_is_kept_out() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        switch(&shop, true);
        let many: Vec<String> = (0..150).map(|number| format!("N-{number:03}\0")).collect();
        shop.does(|tx, ctx| channels::delivered(tx, ctx, shop.channel, &many)).unwrap();
        tell(&shop, &["", " "]);
        let count = |shop: &Shop<'_>| {
            let mut count = 0;
            loop {
                let told = waiting(shop);
                if told.is_empty() {
                    return count;
                }
                assert!(told.len() as i64 <= channels::FETCH_AT_ONCE);
                count += told.len();
                take(shop, &told, &[]);
            }
        };
        assert_eq!(count(&shop), 100, "of one delivery");
        for hundred in 0..12 {
            let named: Vec<String> = (0..100).map(|number| format!("N-{hundred}-{number}")).collect();
            shop.does(|tx, ctx| channels::delivered(tx, ctx, shop.channel, &named)).unwrap();
        }
        assert_eq!(count(&shop), 1_000, "in all");
    });
}

#[test]
fn switching_makes_the_jobs_new_keys_and_history_and_a_channel_that_is_off_has_nothing_to_fetch() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        assert!(shop.does(|tx, _| channels::hook(tx, shop.channel)).unwrap().is_none());
        switch(&shop, false);
        switch(&shop, true);
        let first = channels::hook_keys(&ring(), &hook(&shop)).unwrap();
        assert!(first.token.len() > 40 && first.secret.len() > 40 && first.token != first.secret);
        assert!(channels::hook_keys(&KeyRing::new([4; 32]), &hook(&shop)).is_err());
        let address = channels::hook_address("https://orders.example.com", shop.channel, &first);
        assert_eq!(address, format!("https://orders.example.com/hooks/{}/{}", shop.channel, first.token));
        let due = || shop.does(jobs::due).unwrap().into_iter().map(|job| job.kind).collect::<Vec<_>>();
        assert!(due().contains(&"hook".to_owned()) && due().contains(&"fetch_told".to_owned()));

        let ids = ["7".to_owned(), "8".to_owned()];
        shop.does(|tx, ctx| channels::registered(tx, ctx, shop.channel, &ids)).unwrap();
        assert_eq!(hook(&shop).ids(), ids);
        shop.does(|tx, ctx| channels::hook_failed(tx, ctx, shop.channel, "no answer\0")).unwrap();
        shop.does(|tx, ctx| channels::hook_refused(tx, ctx, shop.channel)).unwrap();
        assert_eq!((hook(&shop).last_error.as_str(), hook(&shop).refused_count), ("no answer", 1));

        switch(&shop, false);
        assert_eq!((hook(&shop).wanted, hook(&shop).ids()), (false, ids.to_vec()), "taken back by the job");
        shop.does(|tx, ctx| channels::registered(tx, ctx, shop.channel, &[])).unwrap();
        assert_eq!((hook(&shop).ids(), hook(&shop).registered_at), (Vec::new(), None));
        switch(&shop, true);
        let second = channels::hook_keys(&ring(), &hook(&shop)).unwrap();
        assert!(second.token != first.token && second.secret != first.secret);
        let entries = shop.does(|tx, _| consign_oms::history::list(tx, "channel", shop.channel.0)).unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.kind.contains("told at once")).count(), 3, "{entries:?}");

        tell(&shop, &["O-1"]);
        let any = || shop.does(|tx, _| channels::any_told(tx, shop.channel)).unwrap();
        assert!(any());
        shop.enable(false);
        assert!(!any());
        shop.does(|tx, ctx| channels::remove(tx, ctx, shop.channel)).unwrap();
        assert!(due().is_empty(), "{:?}", due());
    });
}
