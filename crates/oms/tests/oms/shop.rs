//! A small company to test with: two locations, a channel, a few items; and orders as a connector would hand them over.

use consign_db::Db;
use consign_oms::channels::ChannelSettings;
use consign_oms::orders::{Order, Received};
use consign_oms::{Actor, Ctx, channels, items, locations, orders, stock, verify};
use consign_ports::{ChannelPayment, DownloadPage, Incoming, IncomingLine, IncomingOrder};
use consign_values::{
    Address, ChannelId, Currency, FixedClock, ItemId, LocationId, Money, Quantity, Rate, Reference, Timestamp, UserId,
};

/// The company.
pub struct Shop<'d> {
    pub db: &'d Db,
    pub clock: FixedClock,
    pub default: LocationId,
    pub west: LocationId,
    pub channel: ChannelId,
}

pub fn gbp(pounds: i64) -> Money {
    Money { amount: pounds * 10_000, currency: Currency::parse("GBP").unwrap() }
}

impl<'d> Shop<'d> {
    pub fn open(db: &'d Db) -> Self {
        let clock = FixedClock::new(Timestamp(1_800_000_000_000_000));
        let (default, west, channel) = db
            .write(|tx| {
                let ctx = Ctx::new(&clock, Actor::System);
                let place = |name: &str| locations::LocationForm { name: name.to_owned(), ..Default::default() };
                let default = locations::create(tx, &ctx, &place("Default"))?;
                let west = locations::create(tx, &ctx, &place("West"))?;
                let channel = channels::add(tx, &ctx, "app", "TESTSHOP", "Main", &[])?;
                channels::set_connection(tx, &ctx, channel, "TESTSHOP", b"", true)?;
                Ok::<_, consign_oms::Error>((default, west, channel))
            })
            .unwrap();
        let shop = Shop { db, clock, default, west, channel };
        shop.enable(true);
        shop
    }

    /// Runs a use case as a person.
    pub fn does<T>(
        &self,
        work: impl Fn(&mut consign_db::Tx<'_>, &Ctx<'_>) -> Result<T, consign_oms::Error>,
    ) -> Result<T, consign_oms::Error> {
        let ctx = Ctx::new(&self.clock, Actor::User(UserId(1)));
        self.db.write(|tx| work(tx, &ctx))
    }

    pub fn clock_now(&self) -> Timestamp {
        consign_values::Clock::now(&self.clock)
    }

    pub fn enable(&self, on: bool) {
        let capabilities = consign_ports::Capabilities {
            status_mapping: false,
            unpaid: true,
            despatch: true,
            partial_despatch: true,
            cancel: true,
            stock: true,
            prices: true,
            locations: true,
            despatch_batch: 100,
            stock_batch: 1_000,
            overlap_seconds: 60,
        };
        self.does(|tx, ctx| channels::enable(tx, ctx, self.channel, capabilities, on)).unwrap();
    }

    pub fn set(&self, change: impl Fn(&mut ChannelSettings)) {
        self.does(|tx, ctx| {
            let channel = channels::get(tx, self.channel)?;
            let mut settings = ChannelSettings::from(&channel);
            change(&mut settings);
            channels::edit(tx, ctx, self.channel, channel.version, &settings)
        })
        .unwrap();
    }

    pub fn item(&self, sku: &str, stock: &[(LocationId, i64)]) -> ItemId {
        self.does(|tx, ctx| {
            let form = items::ItemForm {
                sku: sku.to_owned(),
                title: format!("Item {sku}"),
                currency: "GBP".to_owned(),
                ..items::ItemForm::default()
            };
            let item = items::create(tx, ctx, &form)?;
            for (location, units) in stock {
                stock::set_level(tx, ctx, item, *location, *units, "opening stock")?;
            }
            Ok(item)
        })
        .unwrap()
    }

    /// Available and on hand.
    pub fn stock(&self, item: ItemId, location: LocationId) -> (i64, i64) {
        let level = self.db.read(|tx| stock::level(tx, item, location)).unwrap();
        (level.available(), level.on_hand)
    }

    pub fn receive(&self, page: Vec<Incoming>) -> Received {
        let ctx = Ctx::new(&self.clock, Actor::Channel(self.channel));
        let page = DownloadPage { orders: page, next: None, rate_left: None };
        self.db
            .write(|tx| {
                channels::begin_round(tx, &ctx, self.channel)?;
                orders::receive_page(tx, &ctx, self.channel, &page, 60)
            })
            .unwrap()
            .received
    }

    pub fn take(&self, order: IncomingOrder) -> Order {
        let reference = order.reference.as_str().to_owned();
        self.receive(vec![incoming(order)]);
        self.order(&reference)
    }

    pub fn order(&self, reference: &str) -> Order {
        self.find(reference).expect("the order is there")
    }

    pub fn find(&self, reference: &str) -> Option<Order> {
        self.db.read(|tx| orders::find_by_reference(tx, "TESTSHOP", "Main", reference)).unwrap()
    }

    pub fn history(&self, order: &Order) -> Vec<String> {
        let entries = self.db.read(|tx| consign_oms::history::list(tx, "order", order.id.0)).unwrap();
        entries.into_iter().map(|entry| format!("{}: {}", entry.kind, entry.detail)).collect()
    }

    /// Every invariant holds.
    pub fn verify(&self) {
        verify_db(self.db);
    }
}

pub fn verify_db(db: &Db) {
    for checked in db.read(verify::verify).unwrap() {
        assert!(checked.differences.is_empty(), "{}: {:?}", checked.rule, checked.differences);
    }
}

/// A paid order of these SKUs.
pub fn paid(reference: &str, lines: &[(&str, i64)]) -> IncomingOrder {
    let currency = Currency::parse("GBP").unwrap();
    IncomingOrder {
        reference: Reference::parse(reference).unwrap(),
        secondary_reference: String::new(),
        external_reference: String::new(),
        status: String::new(),
        payment: ChannelPayment::Paid,
        shipped: false,
        site: String::new(),
        buyer: "ann".to_owned(),
        delivery: Address {
            full_name: "Ann Lee".to_owned(),
            line1: "1 High Street".to_owned(),
            town: "Leeds".to_owned(),
            postcode: "LS1 1AA".to_owned(),
            country: "United Kingdom".to_owned(),
            ..Address::default()
        }
        .cleaned(),
        billing: Address::default(),
        currency,
        postage: gbp(3),
        postage_tax_rate: Rate(200_000),
        discount: Money::zero(currency),
        shipping_tag: "standard".to_owned(),
        payment_tag: "card".to_owned(),
        received_at: Some(Timestamp(1_799_999_000_000_000)),
        paid_at: None,
        despatch_by: None,
        lines: lines
            .iter()
            .enumerate()
            .map(|(i, (sku, quantity))| IncomingLine {
                channel_line: format!("L{}", i + 1),
                channel_sku: (*sku).to_owned(),
                title: format!("Item {sku}"),
                quantity: Quantity::new(*quantity).unwrap(),
                shipped_quantity: 0,
                unit_price: gbp(10),
                discount: Money::zero(currency),
                tax_rate: Rate(200_000),
                tax_inclusive: true,
                is_service: false,
                options: Vec::new(),
            })
            .collect(),
        notes: Vec::new(),
        properties: Vec::new(),
        identifiers: Vec::new(),
        locations: Vec::new(),
    }
}

pub fn unpaid(reference: &str, lines: &[(&str, i64)]) -> IncomingOrder {
    IncomingOrder { payment: ChannelPayment::Unpaid, ..paid(reference, lines) }
}

/// As a connector hands it over; the payload differs when the order does.
pub fn incoming(order: IncomingOrder) -> Incoming {
    Incoming {
        reference: order.reference.as_str().to_owned(),
        payload: format!("{order:?}").into_bytes(),
        order: Ok(Box::new(order)),
    }
}
