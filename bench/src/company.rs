//! A company with 1,000 items and a channel, and orders as a connector hands them over.

use std::path::{Path, PathBuf};

use consign_db::Db;
use consign_oms::orders::{self, Filter};
use consign_oms::{Actor, Ctx, Error, MIGRATIONS, channels, items, locations, stock, tokens, users};
use consign_ports::{ChannelPayment, DownloadPage, Incoming, IncomingLine, IncomingOrder};
use consign_values::{
    Address, ChannelId, Currency, LocationId, Money, Quantity, Rate, Reference, SystemClock, Timestamp,
};

const ITEMS: usize = 1_000;
const OWNER: &str = "owner@example.com";
const NAMES: &[&str] =
    &["Ann Lee", "Tom Whitfield", "Niamh Byrne", "Priya Nair", "Owen Pritchard", "Lena Vogt", "Marc Roux"];
const TOWNS: &[&str] = &["Leeds", "Bristol", "Galway", "Leicester", "Aberystwyth", "Leipzig", "Lyon"];

pub struct Company {
    pub db: Db,
    pub location: LocationId,
    channel: ChannelId,
    path: PathBuf,
}

impl Company {
    /// In a database of its own in `folder`, or in an empty PostgreSQL database.
    pub fn found(folder: &Path, postgres: Option<&str>) -> Company {
        let path = folder.join("consign.db");
        let address = postgres.map_or_else(|| format!("sqlite:{}", path.display()), str::to_owned);
        let db = Db::open(&address).expect("the database opens");
        db.migrate(MIGRATIONS).expect("it migrates");
        let ctx = Ctx::new(&SystemClock, Actor::System);
        let (location, channel) = db
            .write(|tx| {
                let form = locations::LocationForm { name: "Main".to_owned(), ..locations::LocationForm::default() };
                let location = locations::create(tx, &ctx, &form)?;
                for n in 0..ITEMS {
                    let (sku, title, currency) = (format!("SKU-{n:04}"), format!("Thing {n}"), "GBP".to_owned());
                    let item = items::create(
                        tx,
                        &ctx,
                        &items::ItemForm { sku, title, currency, ..items::ItemForm::default() },
                    )?;
                    stock::set_level(tx, &ctx, item, location, 1_000_000, "opening stock")?;
                }
                Ok::<_, Error>((location, channels::add(tx, &ctx, "app", "BENCH", "Main", &[])?))
            })
            .expect("the company is founded");
        Company { db, location, channel, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Receives these orders as one page.
    pub fn receive(&self, numbers: &[usize]) {
        let page = DownloadPage { orders: numbers.iter().map(|n| incoming(*n)).collect(), next: None, rate_left: None };
        let ctx = Ctx::new(&SystemClock, Actor::Channel(self.channel));
        let outcome =
            self.db.write(|tx| orders::receive_page(tx, &ctx, self.channel, &page, 60)).expect("it is received");
        assert_eq!(outcome.received.taken, numbers.len());
    }

    /// Signs an owner in; gives the session's token.
    pub fn sign_in(&self) -> String {
        let ctx = Ctx::new(&SystemClock, Actor::System);
        let form = users::UserForm {
            email: OWNER.to_owned(),
            name: "Owner".to_owned(),
            role: users::Role::Owner,
            password_hash: String::new(),
        };
        let session = self.db.write(|tx| {
            let user = users::create(tx, &ctx, &form)?;
            users::start_session(tx, &ctx, user, "bench", "127.0.0.1")
        });
        session.expect("the owner signs in")
    }

    /// A token of an owner that may do everything, as often as a token can.
    pub fn token(&self) -> String {
        let ctx = Ctx::new(&SystemClock, Actor::System);
        self.sign_in();
        let made = self.db.write(|tx| {
            let owner = users::find_by_email(tx, OWNER)?.ok_or(Error::NotFound("user"))?;
            let form = tokens::TokenForm {
                user: owner.id,
                name: "bench".to_owned(),
                scopes: users::Permission::ALL.to_vec(),
                expires_at: None,
                calls_per_minute: 1_000_000,
            };
            tokens::make(tx, &ctx, &form)
        });
        made.expect("the token is made").1
    }

    /// Processes that many of the newest orders.
    pub fn process(&self, count: usize) {
        let ctx = Ctx::new(&SystemClock, Actor::System);
        let mut done = 0;
        while done < count {
            let page = self.db.read(|tx| orders::search(tx, &Filter::open())).expect("there are open orders");
            for order in page.orders.iter().take(count - done) {
                self.db.write(|tx| orders::process(tx, &ctx, order.id)).expect("it is processed");
                done += 1;
            }
        }
    }
}

/// The same order for the same number, with a payload of a usual size.
fn incoming(n: usize) -> Incoming {
    let currency = Currency::parse("GBP").expect("a currency");
    let pence = |pence: i64| Money::from_minor(pence, currency).expect("an amount");
    let line = |i: usize, item: usize| IncomingLine {
        channel_line: format!("{n}-{i}"),
        channel_sku: format!("SKU-{:04}", item % ITEMS),
        title: format!("Thing {}", item % ITEMS),
        quantity: Quantity::new(1 + (n % 3) as i64).expect("a quantity"),
        shipped_quantity: 0,
        unit_price: pence(1_250),
        discount: pence(0),
        tax_rate: Rate(200_000),
        tax_inclusive: true,
        is_service: false,
        options: Vec::new(),
    };
    let address = Address {
        full_name: format!("{} {n}", NAMES[n % NAMES.len()]),
        line1: format!("{} High Street", n % 200),
        town: TOWNS[n % TOWNS.len()].to_owned(),
        postcode: format!("LS{} {}AA", n % 29, n % 9),
        country: "United Kingdom".to_owned(),
        email: format!("buyer{n}@example.com"),
        ..Address::default()
    };
    let placed = Timestamp(1_790_000_000_000_000 + n as i64 * 7_000_000);
    let order = IncomingOrder {
        reference: Reference::parse(&format!("B-{n:07}")).expect("a reference"),
        secondary_reference: String::new(),
        external_reference: String::new(),
        status: String::new(),
        payment: ChannelPayment::Paid,
        shipped: false,
        site: String::new(),
        buyer: format!("buyer{n}"),
        delivery: address.clone().cleaned(),
        billing: address.cleaned(),
        currency,
        postage: pence(395),
        postage_tax_rate: Rate(200_000),
        discount: pence(0),
        shipping_tag: "standard".to_owned(),
        payment_tag: "card".to_owned(),
        received_at: Some(placed),
        paid_at: Some(placed),
        despatch_by: Some(placed.plus_seconds(86_400 + (n as i64 * 7_919) % 500_000)),
        lines: vec![line(1, n), line(2, n * 7 + 3)],
        notes: Vec::new(),
        properties: Vec::new(),
        identifiers: Vec::new(),
        locations: Vec::new(),
    };
    let payload = format!("{{\"reference\":\"B-{n:07}\",\"filler\":\"{}\"}}", "x".repeat(900)).into_bytes();
    Incoming { reference: order.reference.as_str().to_owned(), payload, order: Ok(Box::new(order)) }
}
