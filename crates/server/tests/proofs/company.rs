//! A company with stock, a shop that sells for it, and the comparison of both sides' books.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_connectors::{Networks, Options, kinds};
use consign_db::Db;
use consign_demo_shop::{Faults, PaymentState, Shop, ShopOptions, catalogue};
use consign_oms::channels::{self, ChannelSettings, KeyRing};
use consign_oms::orders::{self, DespatchState, Filter, Order, OrderState};
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, items, locations, stock};
use consign_ports::Connection;
use consign_values::SystemClock;

use crate::node;

/// Thirty-two times the letter k, in base64.
pub const KEY: &str = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=";

pub struct Company {
    pub database: String,
    pub shop: Shop,
    pub cookie: String,
    pub locations: Vec<i64>,
    db: Db,
    _runtime: tokio::runtime::Runtime,
}

impl Company {
    pub fn found(database: &str) -> Company {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let shop = runtime
            .block_on(Shop::start(ShopOptions {
                listen: "127.0.0.1:0".parse().unwrap(),
                seed: 3,
                faults: Faults::default(),
                sells_every: None,
                catalogue: catalogue(12),
            }))
            .unwrap();
        let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        let kind = kinds(Options { networks, ..Options::default() }).remove(0);
        let connection = runtime.block_on(integrate(kind.as_ref(), &shop));
        let db = Db::open(database).unwrap();
        db.migrate(MIGRATIONS).unwrap();
        let keys = KeyRing::new(BASE64_STANDARD.decode(KEY).unwrap().try_into().unwrap());
        let products = shop.books().products;
        let (cookie, locations) = db
            .write(|tx| {
                let ctx = Ctx::new(&SystemClock, Actor::System);
                let place = |name: &str| locations::LocationForm { name: name.to_owned(), ..Default::default() };
                let places = [locations::create(tx, &ctx, &place("A"))?, locations::create(tx, &ctx, &place("B"))?];
                for sku in products.keys() {
                    let (sku, title, currency) = (sku.clone(), sku.clone(), "GBP".to_owned());
                    let form = items::ItemForm { sku, title, currency, ..items::ItemForm::default() };
                    let item = items::create(tx, &ctx, &form)?;
                    stock::set_level(tx, &ctx, item, places[0], 25, "opening stock")?;
                    stock::set_level(tx, &ctx, item, places[1], 8, "opening stock")?;
                }
                let id = channels::add(tx, &ctx, "app", &kind.source(&connection), "Shop", kind.default_statuses())?;
                let sealed = keys.seal(id, &connection).unwrap();
                channels::set_connection(tx, &ctx, id, &kind.source(&connection), &sealed, true)?;
                let channel = channels::get(tx, id)?;
                let settings = ChannelSettings {
                    download_unpaid: true,
                    push_stock: true,
                    push_prices: true,
                    interval_seconds: 1,
                    ..ChannelSettings::from(&channel)
                };
                channels::edit(tx, &ctx, id, channel.version, &settings)?;
                channels::enable(tx, &ctx, id, kind.capabilities(), true)?;
                let form = UserForm {
                    email: "desk@example.com".to_owned(),
                    name: "Desk".to_owned(),
                    role: Role::Owner,
                    password_hash: "none".to_owned(),
                };
                let user = users::create(tx, &ctx, &form)?;
                let token = users::start_session(tx, &ctx, user, "proof", "127.0.0.1")?;
                Ok::<_, Error>((format!("consign_session={token}"), places.map(|place| place.0).to_vec()))
            })
            .unwrap();
        Company { database: database.to_owned(), shop, cookie, locations, db, _runtime: runtime }
    }

    pub fn skus(&self) -> Vec<String> {
        self.shop.books().products.into_keys().collect()
    }

    /// `consign verify`, the command.
    pub fn verify(&self) {
        let output = node::consign(self).arg("verify").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// All orders that we have, by reference.
    fn orders(&self) -> BTreeMap<String, Order> {
        let mut orders = BTreeMap::new();
        for mut filter in [Filter::open(), Filter::ended()] {
            loop {
                let page = self.db.read(|tx| orders::search(tx, &filter)).unwrap();
                for order in page.orders {
                    let twice = orders.insert(order.reference.clone(), order);
                    assert!(twice.is_none(), "an order is there twice: {twice:?}");
                }
                match page.next {
                    Some(next) => filter.after = Some(next),
                    None => break,
                }
            }
        }
        orders
    }

    /// Everything that the shop sold is here, and everything that left here is confirmed there.
    fn is_settled(&self) -> bool {
        let ours = self.orders();
        let books = self.shop.books();
        let here = books.orders.iter().all(|order| match (order.payment, ours.get(&order.reference)) {
            (PaymentState::Cancelled, None) => true,
            (PaymentState::Cancelled, Some(our)) => our.state != OrderState::Open,
            (_, None) => false,
            (PaymentState::Paid, Some(our)) => our.payment == orders::Payment::Paid,
            (PaymentState::Unpaid, Some(_)) => true,
        });
        let told = |order: &Order| !matches!(order.despatch_state, DespatchState::Queued | DespatchState::Sent);
        here && ours.values().all(told)
    }

    pub fn wait_until_settled(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if self.is_settled() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        false
    }

    /// What is not settled yet, for the failing test's message.
    pub fn unsettled(&self) -> String {
        let ours = self.orders();
        let waiting: Vec<_> = ours
            .values()
            .filter(|o| !matches!(o.despatch_state, DespatchState::None | DespatchState::Confirmed))
            .collect();
        let missing: Vec<_> =
            self.shop.books().orders.into_iter().map(|o| o.reference).filter(|r| !ours.contains_key(r)).collect();
        format!("not here: {missing:?}; not told: {waiting:?}")
    }

    /// Both sides tell the same story.
    pub fn compare_books(&self) {
        let ours = self.orders();
        let books = self.shop.books();
        let theirs: HashMap<&str, _> = books.orders.iter().map(|order| (order.reference.as_str(), order)).collect();
        assert_eq!(books.negative_stock_updates, 0, "no figure below zero was ever told");
        let mut despatched = 0;
        for (reference, our) in &ours {
            let their = theirs.get(reference.as_str()).expect("no order that the shop did not sell");
            assert_eq!(their.too_many, 0, "{reference} was never shipped twice");
            let shipped: i64 = their.lines.iter().map(|line| line.despatched).sum();
            let processed = our.state == OrderState::Processed;
            assert!(processed || shipped == 0, "{reference} was not processed and not despatched");
            if our.despatch_state == DespatchState::Confirmed && processed {
                assert!(their.is_despatched(), "{reference} was confirmed and is despatched");
                despatched += 1;
            }
            assert!(their.shipments.len() <= 1, "{reference} was despatched once");
        }
        assert!(despatched > 0 && ours.len() > 5, "something happened: {} orders, {despatched} despatched", ours.len());
    }
}

/// As a person would in the wizard.
async fn integrate(kind: &dyn consign_ports::ChannelKind, shop: &Shop) -> Connection {
    let mut connection = Connection::default();
    let mut step = kind.first_step();
    while !step.done {
        let answers = step
            .fields
            .iter()
            .map(|field| {
                let id = field.id.to_lowercase();
                let answer = match id.as_str() {
                    id if id.contains("manifest") => format!("{}/manifest.json", shop.url()),
                    id if id.contains("mail") => "owner@example.com".to_owned(),
                    id if id.contains("account") => "Shop".to_owned(),
                    id if id.contains("apikey") => "demo".to_owned(),
                    _ => field.value.clone(),
                };
                (field.id.clone(), answer)
            })
            .collect();
        step = kind.set_up(&mut connection, &step.name, &answers).await.unwrap();
    }
    connection
}
