//! What every connector must do, whatever it talks to: the same test, run against a stateful fake of each kind's shop.
//!
//! The fakes behave as the protocol (`app_shop.rs`), the recorded answers (`vendure_shop.rs`, `medusa_shop.rs`, `woocommerce_shop.rs`) and the
//! published schema (`shopify_shop.rs`) say; that Vendure and Medusa themselves behave so is shown by `vendure_real.rs` and `medusa_real.rs`. A new kind adds a fake
//! and one line at the end.

mod amazon_model;
mod amazon_shop;
mod app_shop;
mod medusa_shop;
mod shopify_shop;
mod vendure_shop;
mod woocommerce_shop;

use std::collections::BTreeSet;
use std::sync::Arc;

use consign_connectors::{Networks, Options, Registry};
use consign_ports::{
    Cancellation, Channel, ChannelKind, ChannelPayment, Connection, Despatch, DespatchLine, DownloadRequest, Incoming,
    ListingPrice, PortError, StatusTarget, StockLevel, TagKind,
};
use consign_values::{Currency, Money, Quantity, Timestamp};

/// An order line in a fake: its id, its SKU, how many.
pub type Line = (String, String, i64);
/// A shipment in a fake: tracking number, and line ids with quantities.
pub type Shipment = (String, Vec<(String, i64)>);

/// A shop that remembers.
pub trait Shop {
    /// The code of the kind that connects to it.
    fn kind(&self) -> &'static str;
    /// What set-up would have stored.
    fn connection(&self) -> Connection;
    /// The same with credentials that are wrong.
    fn wrong_connection(&self) -> Connection;
    /// A paid order.
    fn place(&self, reference: &str, lines: Vec<Line>);
    /// What the shop has as shipped.
    fn shipments(&self, reference: &str) -> Vec<Shipment>;
    /// Whether the order is cancelled in the shop.
    fn is_cancelled(&self, reference: &str) -> bool;
    /// What the shop offers for sale.
    fn on_sale(&self, sku: &str) -> Option<i64>;
    /// What it costs there, in hundredths.
    fn price_minor(&self, sku: &str) -> Option<i64>;
    /// The next change takes effect, but the answer is a 500.
    fn lose_next_answer(&self);
}

fn kind_of(shop: &dyn Shop) -> Arc<dyn ChannelKind> {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    Registry::new(Options { networks, ..Options::default() }).get(shop.kind()).unwrap()
}

fn connect(shop: &dyn Shop) -> Box<dyn Channel> {
    kind_of(shop).connect(&shop.connection()).unwrap()
}

fn long_ago() -> Timestamp {
    Timestamp::parse("2026-01-01T00:00:00Z").unwrap()
}

fn line(id: &str, sku: &str, quantity: i64) -> Line {
    (id.to_owned(), sku.to_owned(), quantity)
}

fn wanted(shop: &dyn Shop) -> Vec<String> {
    let statuses = kind_of(shop).default_statuses();
    statuses.iter().filter(|s| s.target != StatusTarget::Unmapped).map(|s| s.code.to_owned()).collect()
}

async fn round(shop: &dyn Shop, channel: &dyn Channel) -> Vec<Incoming> {
    let mut orders = Vec::new();
    let mut page = None;
    for _ in 0..100 {
        let request = DownloadRequest { page, since: long_ago(), statuses: wanted(shop), unsettled: Vec::new() };
        let found = channel.download(request).await.unwrap();
        orders.extend(found.orders);
        match found.next {
            Some(next) => page = Some(next),
            None => return orders,
        }
    }
    panic!("a round must end");
}

fn note(key: &str, reference: &str, lines: &[Line], attempts: u32) -> Despatch {
    let line = |(id, sku, quantity): &Line| DespatchLine {
        channel_line: id.clone(),
        channel_sku: sku.clone(),
        quantity: Quantity::new(*quantity).unwrap(),
    };
    Despatch {
        key: key.into(),
        reference: reference.into(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: format!("TRACK-{key}"),
        processed_at: Timestamp::parse("2026-11-23T06:06:00Z").unwrap(),
        lines: lines.iter().map(line).collect(),
        attempts,
    }
}

async fn every_paid_order_is_downloaded_over_all_pages(shop: &dyn Shop) {
    let channel = connect(shop);
    let placed: BTreeSet<String> = (0..230).map(|number| format!("PAGE-{number:03}")).collect();
    for (number, reference) in placed.iter().enumerate() {
        shop.place(reference, vec![line(&format!("{}", 1_000 + number), "TEE-S", 2)]);
    }
    let orders = round(shop, channel.as_ref()).await;
    let seen: BTreeSet<String> = orders.iter().map(|order| order.reference.clone()).collect();
    assert_eq!(seen, placed);
    for incoming in &orders {
        let order = incoming.order.as_ref().unwrap();
        assert_eq!(order.payment, ChannelPayment::Paid);
        assert_eq!(order.reference.as_str(), incoming.reference);
        assert_eq!((order.lines.len(), order.lines[0].channel_sku.as_str()), (1, "TEE-S"));
        let payload: serde_json::Value = serde_json::from_slice(&incoming.payload).unwrap();
        assert!(payload.is_object(), "the payload is the order as it came");
    }
    let mut references = Vec::new();
    let mut page = None;
    loop {
        let found = channel.references(wanted(shop), long_ago(), page).await.unwrap();
        references.extend(found.references);
        match found.next {
            Some(next) => page = Some(next),
            None => break,
        }
    }
    references.sort();
    assert_eq!(references, Vec::from_iter(placed), "reconciliation sees the same orders, each once");
}

async fn one_order_is_found_by_its_number_or_not_at_all(shop: &dyn Shop) {
    let channel = connect(shop);
    shop.place("ONE", vec![line("1", "TEE-S", 1)]);
    let found = channel.fetch_order("ONE".into()).await.unwrap().unwrap();
    assert_eq!(found.order.unwrap().reference.as_str(), "ONE");
    assert!(channel.fetch_order("NONE".into()).await.unwrap().is_none());
}

async fn parcels_are_reported_each_with_its_lines_and_strangers_are_refused(shop: &dyn Shop) {
    let channel = connect(shop);
    shop.place("SPLIT", vec![line("11", "TEE-S", 2), line("12", "MUG", 1)]);
    let notes = vec![
        note("a", "SPLIT", &[line("11", "TEE-S", 1)], 0),
        note("b", "STRANGER", &[line("99", "TEE-S", 1)], 0),
        note("c", "SPLIT", &[line("11", "TEE-S", 1), line("12", "MUG", 1)], 0),
    ];
    let outcomes = channel.despatch(notes).await.unwrap();
    assert_eq!(outcomes.len(), 3, "one outcome for each, in sequence");
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(()), &Ok(())));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{:?}", outcomes[1]);
    let expected: Vec<Shipment> =
        vec![("TRACK-a".into(), vec![("11".into(), 1)]), ("TRACK-c".into(), vec![("11".into(), 1), ("12".into(), 1)])];
    assert_eq!(shop.shipments("SPLIT"), expected);
}

async fn a_note_that_took_effect_and_failed_is_not_doubled_by_its_repetition(shop: &dyn Shop) {
    let channel = connect(shop);
    shop.place("LOST", vec![line("21", "TEE-S", 2)]);
    let parcel = [line("21", "TEE-S", 1)];
    shop.lose_next_answer();
    let failed = match channel.despatch(vec![note("x", "LOST", &parcel, 0)]).await {
        Ok(mut outcomes) => outcomes.remove(0),
        Err(error) => Err(error),
    };
    assert!(failed.unwrap_err().is_passing());
    for attempts in 1..3 {
        let outcomes = channel.despatch(vec![note("x", "LOST", &parcel, attempts)]).await.unwrap();
        assert_eq!(outcomes, [Ok(())]);
    }
    assert_eq!(shop.shipments("LOST"), [("TRACK-x".to_owned(), vec![("21".to_owned(), 1)])]);
}

async fn a_cancellation_is_made_once_and_its_repetition_is_a_success(shop: &dyn Shop) {
    let channel = connect(shop);
    let lines = vec![line("31", "TEE-S", 2)];
    shop.place("UNDO", lines.clone());
    let cancellation = |attempts| Cancellation {
        key: "c".into(),
        reference: "UNDO".into(),
        external_reference: String::new(),
        reason: "out of stock".into(),
        lines: note("c", "UNDO", &lines, 0).lines,
        attempts,
    };
    assert_eq!(channel.cancel(cancellation(0)).await, Ok(()));
    assert!(shop.is_cancelled("UNDO"));
    assert_eq!(channel.cancel(cancellation(1)).await, Ok(()));
    let orders = round(shop, channel.as_ref()).await;
    let payment = orders.into_iter().find(|order| order.reference == "UNDO").unwrap().order.unwrap().payment;
    assert_eq!(payment, ChannelPayment::Cancelled, "a round tells of the cancellation");
}

async fn stock_is_what_the_shop_then_offers_and_a_missing_listing_is_refused(shop: &dyn Shop) {
    let channel = connect(shop);
    shop.place("HOLDS", vec![line("41", "TEE-S", 3)]);
    let mut listings = Vec::new();
    let mut page = None;
    loop {
        let found = channel.list_products(page).await.unwrap();
        listings.extend(found.products);
        match found.next {
            Some(next) => page = Some(next),
            None => break,
        }
    }
    let listing = listings.into_iter().find(|listing| listing.channel_sku == "TEE-S").unwrap();
    // A listing that is gone was never given a reference here: some kinds go by it alone.
    let reference = |sku: &str| if sku == "GONE" { String::new() } else { listing.channel_reference.clone() };
    let level =
        |sku: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: reference(sku), quantity };
    let outcomes = channel.push_stock(vec![level("GONE", 1), level("TEE-S", 17)]).await.unwrap();
    assert!(matches!(outcomes[0], Err(PortError::Refused(_))), "{:?}", outcomes[0]);
    assert_eq!((&outcomes[1], shop.on_sale("TEE-S")), (&Ok(()), Some(17)));
    assert_eq!(channel.push_stock(vec![level("TEE-S", 0)]).await.unwrap(), [Ok(())]);
    assert_eq!(shop.on_sale("TEE-S"), Some(0));
    let price = |sku: &str| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: reference(sku),
        price: Money::from_minor(1_950, Currency::parse("GBP").unwrap()).unwrap(),
    };
    let outcomes = channel.push_prices(vec![price("TEE-S"), price("GONE")]).await.unwrap();
    assert_eq!((&outcomes[0], shop.price_minor("TEE-S")), (&Ok(()), Some(1_950)));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{:?}", outcomes[1]);
}

async fn credentials_are_tested_and_lists_are_given(shop: &dyn Shop) {
    let channel = connect(shop);
    assert!(channel.test().await.unwrap().starts_with("Connected to "));
    let wrong = kind_of(shop).connect(&shop.wrong_connection()).unwrap();
    assert!(matches!(wrong.test().await, Err(PortError::Unauthorised(_))));
    assert!(!channel.list_tags(TagKind::Shipping).await.unwrap().is_empty());
    assert!(!channel.list_tags(TagKind::Payment).await.unwrap().is_empty());
    let kind = kind_of(shop);
    let statuses: Vec<String> = channel.list_statuses().await.unwrap().into_iter().map(|status| status.code).collect();
    assert_eq!(statuses.is_empty(), !kind.capabilities().status_mapping);
    for status in kind.default_statuses() {
        assert!(statuses.contains(&status.code.to_owned()), "{} is listed", status.code);
    }
}

macro_rules! contract {
    ($kind:ident, $shop:path: $($clause:ident),+ $(,)?) => {
        mod $kind {
            $(#[tokio::test]
            async fn $clause() {
                let shop = $shop().await;
                super::$clause(&shop).await;
            })+
        }
    };
}

macro_rules! contracts {
    ($($kind:ident: $shop:path;)+) => {$(
        contract! { $kind, $shop:
            every_paid_order_is_downloaded_over_all_pages,
            one_order_is_found_by_its_number_or_not_at_all,
            parcels_are_reported_each_with_its_lines_and_strangers_are_refused,
            a_note_that_took_effect_and_failed_is_not_doubled_by_its_repetition,
            a_cancellation_is_made_once_and_its_repetition_is_a_success,
            stock_is_what_the_shop_then_offers_and_a_missing_listing_is_refused,
            credentials_are_tested_and_lists_are_given,
        }
    )+};
}

contracts! {
    app: crate::app_shop::AppShop::start;
    vendure: crate::vendure_shop::VendureShop::start;
    medusa: crate::medusa_shop::MedusaShop::start;
    amazon: crate::amazon_shop::AmazonShop::start;
    woocommerce: crate::woocommerce_shop::WooCommerceShop::start;
    shopify: crate::shopify_shop::ShopifyShop::start;
}
