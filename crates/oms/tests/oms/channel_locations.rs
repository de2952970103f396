//! Channels with warehouses of their own (reference 2.7): where their orders land, what is split, whose stock each is told.

use std::collections::BTreeMap;

use consign_db::testing::on_each_engine;
use consign_oms::channels::{self, ChannelLocationForm, SeveralLocations};
use consign_oms::locations::{self, LocationForm};
use consign_oms::orders::{self, Order, OrderState};
use consign_oms::{Error, MIGRATIONS, decisions};
use consign_ports::{ChannelPlace, IncomingOrder, LineLocation, Product};
use consign_values::{LocationId, OrderId};

use crate::shop::{Shop, incoming, paid, unpaid};

fn place(code: &str) -> ChannelPlace {
    ChannelPlace { code: code.to_owned(), name: format!("Warehouse {code}") }
}

/// The same order, with units of lines from warehouses of the channel.
fn from(order: IncomingOrder, units: &[(&str, &str, i64)]) -> IncomingOrder {
    let at = |(line, code, quantity): &(&str, &str, i64)| LineLocation {
        channel_line: (*line).to_owned(),
        location: place(code),
        quantity: *quantity,
    };
    IncomingOrder { locations: units.iter().map(at).collect(), ..order }
}

fn form(code: &str, to: Option<LocationId>, told: Option<&[LocationId]>) -> ChannelLocationForm {
    ChannelLocationForm {
        code: code.to_owned(),
        download_location_id: to,
        push_stock: told.is_some(),
        stock_location_ids: told.unwrap_or_default().to_vec(),
    }
}

/// Leeds is mapped to West, York to nothing.
fn mapped(shop: &Shop<'_>, several: SeveralLocations) {
    shop.does(|tx, ctx| {
        channels::record_locations(tx, ctx, shop.channel, &[place("leeds"), place("york")])?;
        let forms = [form("leeds", Some(shop.west), None), form("york", None, None)];
        channels::set_channel_locations(tx, ctx, shop.channel, several, &forms)
    })
    .unwrap();
}

fn parts(shop: &Shop<'_>, reference: &str) -> Vec<Order> {
    let mut found = shop.db.read(|tx| orders::by_reference(tx, reference)).unwrap();
    found.sort_by_key(|order| order.part);
    found
}

fn units(shop: &Shop<'_>, id: OrderId) -> BTreeMap<String, i64> {
    let lines = shop.db.read(|tx| orders::view(tx, id)).unwrap().lines;
    lines.into_iter().map(|line| (line.channel_line, line.quantity)).collect()
}

fn why(shop: &Shop<'_>, id: OrderId) -> String {
    let all = shop.db.read(|tx| decisions::list(tx, id)).unwrap();
    all.into_iter().filter(|one| one.subject == "location").map(|one| one.because).collect::<Vec<_>>().join(" | ")
}

#[test]
fn an_order_of_one_warehouse_lands_where_that_is_mapped_to_and_says_why() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5), (shop.west, 5)]);
        mapped(&shop, SeveralLocations::Split);
        let order = shop.take(from(paid("1", &[("X", 2)]), &[("L1", "leeds", 2)]));
        assert_eq!((order.location_id, shop.stock(x, shop.west).0, shop.stock(x, shop.default).0), (shop.west, 3, 5));
        assert!(why(&shop, order.id).contains("warehouse Warehouse leeds is mapped to it"));
        let order = shop.take(from(paid("2", &[("X", 1)]), &[("L1", "york", 1)]));
        assert_eq!(order.location_id, shop.default, "not mapped: as the channel's orders do");
        let order = shop.take(from(paid("3", &[("X", 1)]), &[("L1", "hull", 1)]));
        assert_eq!(order.location_id, shop.default);
        let known = db.read(|tx| channels::channel_locations(tx, shop.channel)).unwrap();
        assert!(known.iter().any(|one| one.code == "hull" && one.name == "Warehouse hull"), "one that is new is noted");
        shop.does(|tx, ctx| {
            let forms = [form("leeds", None, None)];
            channels::set_channel_locations(tx, ctx, shop.channel, SeveralLocations::Split, &forms)
        })
        .unwrap();
        assert_eq!(shop.order("1").location_id, shop.west, "a changed mapping touches only later downloads");
        assert_eq!(shop.take(from(paid("4", &[("X", 1)]), &[("L1", "leeds", 1)])).location_id, shop.default);
        shop.verify();
    });
}

#[test]
fn an_order_of_several_warehouses_is_split_to_the_unit_and_the_penny_and_never_twice() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 9), (shop.west, 9)]);
        let y = shop.item("Y", &[(shop.default, 9), (shop.west, 9)]);
        mapped(&shop, SeveralLocations::Split);
        let named =
            from(paid("1", &[("X", 5), ("Y", 3)]), &[("L1", "leeds", 2), ("L1", "york", 3), ("L2", "leeds", 1)]);
        let whole = shop.take(paid("whole", &[("X", 5), ("Y", 3)]));
        shop.does(|tx, ctx| orders::cancel(tx, ctx, whole.id, "only to compare", false)).unwrap();
        shop.receive(vec![incoming(named.clone())]);
        let made = parts(&shop, "1");
        assert_eq!(made.iter().map(|order| order.location_id).collect::<Vec<_>>(), [shop.default, shop.west]);
        let line = |pairs: &[(&str, i64)]| -> BTreeMap<String, i64> {
            pairs.iter().map(|(line, units)| ((*line).to_owned(), *units)).collect()
        };
        assert_eq!(units(&shop, made[0].id), line(&[("L1", 3), ("L2", 2)]), "of two units of L2 nothing was said");
        assert_eq!(units(&shop, made[1].id), line(&[("L1", 2), ("L2", 1)]));
        assert_eq!(made[0].total + made[1].total, whole.total);
        assert_eq!((shop.stock(x, shop.default).0, shop.stock(x, shop.west).0), (6, 7));
        assert_eq!((shop.stock(y, shop.default).0, shop.stock(y, shop.west).0), (7, 8));
        let changed = IncomingOrder { secondary_reference: "changed".into(), ..named };
        shop.receive(vec![incoming(changed)]);
        assert_eq!(parts(&shop, "1").len(), 2, "read again, it is not split again");
        for order in &made {
            shop.does(|tx, ctx| orders::process(tx, ctx, order.id)).unwrap();
        }
        let told: i64 =
            made.iter().map(|order| db.read(|tx| orders::view(tx, order.id)).unwrap().messages.len() as i64).sum();
        assert_eq!(told, 2, "each part sends its own note");
        shop.verify();
    });
}

#[test]
fn an_order_of_several_warehouses_is_forced_to_one_where_the_setting_says_so() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.item("X", &[(shop.default, 9), (shop.west, 9)]);
        mapped(&shop, SeveralLocations::Most);
        let order = |reference: &str| from(paid(reference, &[("X", 5)]), &[("L1", "leeds", 3), ("L1", "york", 2)]);
        assert_eq!(shop.take(order("most")).location_id, shop.west);
        mapped(&shop, SeveralLocations::Download);
        let forced = shop.take(order("forced"));
        assert_eq!((forced.location_id, parts(&shop, "forced").len()), (shop.default, 1));
        assert!(why(&shop, forced.id).contains("forced to the download location"));
        shop.verify();
    });
}

#[test]
fn an_unpaid_order_is_split_when_it_is_paid_and_one_for_two_centres_stays_whole_where_nothing_else_can_be_done() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        shop.set(|settings| settings.download_unpaid = true);
        shop.item("X", &[(shop.default, 9), (shop.west, 9)]);
        mapped(&shop, SeveralLocations::Split);
        let units = [("L1", "leeds", 3), ("L1", "york", 2)];
        let order = shop.take(from(unpaid("1", &[("X", 5)]), &units));
        assert_eq!((parts(&shop, "1").len(), order.location_id), (1, shop.west), "most of it comes from there");
        shop.receive(vec![incoming(from(paid("1", &[("X", 5)]), &units))]);
        let made = parts(&shop, "1");
        assert_eq!(
            made.iter().map(|order| (order.location_id, order.parked)).collect::<Vec<_>>(),
            [(shop.west, false), (shop.default, false)]
        );
        let centre = |name: &str| {
            let form = LocationForm { name: name.to_owned(), fulfilment_centre: true, ..LocationForm::default() };
            shop.does(|tx, ctx| locations::create(tx, ctx, &form)).unwrap()
        };
        let (one, two) = (centre("One"), centre("Two"));
        shop.does(|tx, ctx| {
            let forms = [form("leeds", Some(one), None), form("york", Some(two), None)];
            channels::set_channel_locations(tx, ctx, shop.channel, SeveralLocations::Split, &forms)
        })
        .unwrap();
        shop.take(from(paid("2", &[("X", 5)]), &units));
        let made = parts(&shop, "2");
        assert_eq!(
            made.iter().map(|order| order.location_id).collect::<Vec<_>>(),
            [one, two],
            "split before it got there"
        );
        assert!(made.iter().all(|order| order.state == OrderState::Open && order.parked));
        shop.verify();
    });
}

#[test]
fn each_warehouse_is_told_its_own_stock_and_only_what_has_changed() {
    on_each_engine(MIGRATIONS, |db| {
        let shop = Shop::open(db);
        let x = shop.item("X", &[(shop.default, 5), (shop.west, 8)]);
        shop.set(|settings| settings.push_stock = true);
        let product = |sku: &str| Product {
            channel_sku: sku.to_owned(),
            title: sku.to_owned(),
            channel_reference: "77".to_owned(),
            quantity: None,
        };
        shop.does(|tx, ctx| channels::record_products(tx, ctx, shop.channel, &[product("X")])).unwrap();
        shop.does(|tx, ctx| {
            channels::record_locations(tx, ctx, shop.channel, &[place("leeds"), place("york"), place("hull")])?;
            let forms =
                [form("leeds", None, Some(&[shop.west])), form("york", None, Some(&[])), form("hull", None, None)];
            channels::set_channel_locations(tx, ctx, shop.channel, SeveralLocations::Split, &forms)
        })
        .unwrap();
        let push = || {
            let mut told = Vec::new();
            loop {
                let channel = db.read(|tx| channels::get(tx, shop.channel)).unwrap();
                let due = shop.does(|tx, _| channels::take_due(tx, &channel, 10)).unwrap();
                let Some(listing) = due.first() else { return told };
                let figure = listing.figure(&channel);
                told.push((listing.warehouse.clone(), figure));
                shop.does(|tx, ctx| channels::pushed(tx, ctx, listing, figure, Ok(()))).unwrap();
            }
        };
        assert_eq!(push(), [("leeds".to_owned(), 8), ("york".to_owned(), 13)], "York sums all locations");
        assert!(push().is_empty() && !db.read(|tx| channels::any_listing_due(tx, shop.channel)).unwrap());
        shop.take(paid("1", &[("X", 1)]));
        assert_eq!(push(), [("york".to_owned(), 12)], "what Leeds shows has not changed");
        let unknown = shop.does(|tx, ctx| {
            let forms = [form("nowhere", None, None)];
            channels::set_channel_locations(tx, ctx, shop.channel, SeveralLocations::Split, &forms)
        });
        assert!(matches!(unknown, Err(Error::Invalid(_))));
        assert_eq!(shop.stock(x, shop.default).1, 5);
    });
}
