//! Sixteen threads claim ten thousand units of the thousand that exist: just those that exist are allocated.

use consign_db::testing::on_each_engine;
use consign_oms::{Actor, Ctx, MIGRATIONS, channels, orders, stock};
use consign_ports::DownloadPage;
use consign_values::{ChannelId, ItemId};

use crate::shop::{Shop, incoming, paid};

const ITEMS: i64 = 50;
const UNITS: i64 = 20;
const THREADS: i64 = 16;
const PAGES: i64 = 25;
const ORDERS: i64 = 25;

#[test]
fn ten_thousand_claims_on_a_thousand_units_allocate_each_unit_once() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let items: Vec<ItemId> = (0..ITEMS).map(|n| shop.item(&format!("X{n}"), &[(shop.default, UNITS)])).collect();
        // A channel for each thread: they meet at the stock, not at the channel's lock.
        let channels: Vec<ChannelId> = (0..THREADS)
            .map(|n| shop.does(|tx, ctx| channels::add(tx, ctx, "app", "TESTSHOP", &format!("shop {n}"), &[])).unwrap())
            .collect();
        std::thread::scope(|scope| {
            for (thread, channel) in channels.iter().enumerate() {
                let shop = &shop;
                scope.spawn(move || claim(shop, *channel, thread as i64));
            }
        });
        let levels: Vec<_> =
            items.iter().map(|item| db.read(|tx| stock::level(tx, *item, shop.default)).unwrap()).collect();
        let allocated: i64 = levels.iter().map(|level| level.allocated).sum();
        let demand: i64 = levels.iter().map(|level| level.demand).sum();
        assert_eq!((allocated, demand), (ITEMS * UNITS, THREADS * PAGES * ORDERS));
        shop.verify();
    });
}

fn claim(shop: &Shop<'_>, channel: ChannelId, thread: i64) {
    let ctx = Ctx::new(&shop.clock, Actor::Channel(channel));
    for page in 0..PAGES {
        let orders = (0..ORDERS)
            .map(|n| {
                // Items in another sequence in each thread and page.
                let item = (thread * 7 + page * 11 + n * 13) % ITEMS;
                incoming(paid(&format!("{page}-{n}"), &[(&format!("X{item}"), 1)]))
            })
            .collect();
        let page = DownloadPage { orders, next: None, rate_left: None };
        let outcome = shop.db.write(|tx| orders::receive_page(tx, &ctx, channel, &page, 60)).unwrap();
        assert_eq!(outcome.received.taken as i64, ORDERS);
    }
}
