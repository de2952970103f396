//! Kind `vendure`: a Vendure 3 shop, by its Admin API.
//!
//! `download.rs` plans which orders a round reads, because Vendure's "changed since" misses payments; `fulfil.rs` reports
//! shipments and cancellations; `setup.rs` holds the forms; `api.rs` and `mapping.rs` are as in every kind. Webhooks are not
//! used: a shop would need a plugin for them.

mod api;
mod download;
mod fulfil;
pub(crate) mod mapping;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelStatus, ChannelTag, Connection, DefaultStatus,
    Despatch, DownloadPage, DownloadRequest, Incoming, ListingPrice, Outcome, PortError, Product, ProductPage,
    ReferencePage, SetupStep, StatusTarget, StockLevel, TagKind,
};
use consign_values::{Timestamp, clean};
use serde_json::{Value, json};

use crate::batch::in_calls;
use crate::http::Http;
use api::Api;

const DESPATCH_BATCH: usize = 20;
const STOCK_BATCH: usize = 100;
/// Rows that a list query asks for; shops allow up to 1,000.
const PAGE: usize = 100;

/// Vendure's states and what they are called. Shops may define further ones, which stay unmapped.
const STATUSES: [(&str, &str, StatusTarget); 13] = [
    ("PaymentSettled", "Payment settled", StatusTarget::Paid),
    ("PaymentAuthorized", "Payment authorised", StatusTarget::Unpaid),
    ("PartiallyShipped", "Partially shipped", StatusTarget::Paid),
    ("Shipped", "Shipped", StatusTarget::Shipped),
    ("PartiallyDelivered", "Partially delivered", StatusTarget::Shipped),
    ("Delivered", "Delivered", StatusTarget::Shipped),
    ("Cancelled", "Cancelled", StatusTarget::Cancelled),
    ("ArrangingPayment", "Arranging payment", StatusTarget::Unmapped),
    ("ArrangingAdditionalPayment", "Arranging additional payment", StatusTarget::Unmapped),
    ("Modifying", "Being modified", StatusTarget::Unmapped),
    ("Draft", "Draft", StatusTarget::Unmapped),
    ("AddingItems", "Adding items", StatusTarget::Unmapped),
    ("Created", "Created", StatusTarget::Unmapped),
];

const fn default_status(index: usize) -> DefaultStatus {
    DefaultStatus { code: STATUSES[index].0, target: STATUSES[index].2 }
}

static DEFAULT_STATUSES: [DefaultStatus; 7] = [
    default_status(0),
    default_status(1),
    default_status(2),
    default_status(3),
    default_status(4),
    default_status(5),
    default_status(6),
];

/// Kind `vendure`.
pub(crate) struct VendureKind {
    http: Http,
    timeout: Duration,
}

impl VendureKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        VendureKind { http, timeout }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection)
    }
}

impl ChannelKind for VendureKind {
    fn code(&self) -> &'static str {
        "vendure"
    }

    fn label(&self) -> &'static str {
        "Vendure"
    }

    fn summary(&self) -> &'static str {
        "A Vendure 3 web shop, by its Admin API"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.md")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            status_mapping: true,
            unpaid: true,
            despatch: true,
            partial_despatch: true,
            cancel: true,
            stock: true,
            prices: true,
            locations: false,
            despatch_batch: DESPATCH_BATCH,
            stock_batch: STOCK_BATCH,
            overlap_seconds: 600,
        }
    }

    fn default_statuses(&self) -> &'static [DefaultStatus] {
        &DEFAULT_STATUSES
    }

    fn source(&self, _connection: &Connection) -> String {
        "VENDURE".to_owned()
    }

    fn first_step(&self) -> SetupStep {
        setup::account_step(&Connection::default())
    }

    fn set_up<'a>(
        &'a self,
        connection: &'a mut Connection,
        step: &'a str,
        answers: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<SetupStep, PortError>> {
        Box::pin(async move {
            if step.is_empty() {
                return if connection.get("url").is_empty() {
                    Ok(setup::account_step(connection))
                } else {
                    Ok(setup::present_settings(&self.api(connection), connection).await)
                };
            }
            let mut next = connection.clone();
            setup::take_answers(&mut next, answers)?;
            let form = setup::verify(&self.api(&next), &mut next).await?;
            *connection = next;
            Ok(form)
        })
    }

    fn connect(&self, connection: &Connection) -> Result<Box<dyn Channel>, PortError> {
        for key in ["url", "username", "password"] {
            if connection.get(key).is_empty() {
                return Err(PortError::Refused(
                    "the set-up is not finished: the shop's address or account is missing".into(),
                ));
            }
        }
        Ok(Box::new(VendureChannel {
            api: self.api(connection),
            stock_location: connection.get("stock_location").to_owned(),
            precision: connection.get("money_precision").parse().unwrap_or(2).min(9),
        }))
    }

    fn removed<'a>(&'a self, _connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async { Ok(()) })
    }
}

/// One shop, or one channel of it.
struct VendureChannel {
    api: Api,
    stock_location: String,
    /// Decimals of the shop's amounts.
    precision: u32,
}

impl VendureChannel {
    /// The variants with these SKUs, with what is in stock and allocated at our location.
    async fn stock_of(&self, skus: Vec<&str>) -> Result<HashMap<String, Vec<Variant>>, PortError> {
        let options = json!({ "o": { "take": 1_000, "filter": { "sku": { "in": skus } } } });
        let data = self.api.data(api::VARIANTS, options).await?;
        let mut variants: HashMap<String, Vec<Variant>> = HashMap::new();
        for item in items(&data["productVariants"]) {
            let variant = Variant {
                id: text(&item["id"]),
                on_hand: self.level(item).and_then(|level| level["stockOnHand"].as_i64()),
                allocated: self.level(item).and_then(|level| level["stockAllocated"].as_i64()).unwrap_or_default(),
            };
            variants.entry(text(&item["sku"])).or_default().push(variant);
        }
        Ok(variants)
    }

    fn level<'v>(&self, variant: &'v Value) -> Option<&'v Value> {
        let levels = variant["stockLevels"].as_array()?;
        levels.iter().find(|level| text(&level["stockLocationId"]) == self.stock_location)
    }

    /// Vendure sells `stockOnHand` less `stockAllocated`, and keeps allocating for each order until it is fulfilled there.
    /// An order that we hold is thus allocated there too, and our figure is already without it; so, for the shop to offer
    /// `quantity`, its stock on hand must be `quantity` and what is allocated. What is allocated is read just before. An order
    /// placed in between makes the figure too low by its units until the next push; one placed before, but not downloaded
    /// yet, is in no figure of ours, and makes it too high by its units until it is. Both end with the next download.
    /// The shop's own `outOfStockThreshold` is left to do what its owner meant by it.
    async fn set_stock(&self, levels: &[StockLevel]) -> Result<Vec<Outcome>, PortError> {
        if self.stock_location.is_empty() {
            return Err(PortError::Refused("choose the stock location in the channel's settings first".into()));
        }
        let known = self.stock_of(levels.iter().map(|level| level.channel_sku.as_str()).collect()).await?;
        let mut changes = Vec::new();
        let mut outcomes = Vec::with_capacity(levels.len());
        for level in levels {
            let candidates = known.get(&level.channel_sku).map_or(&[][..], Vec::as_slice);
            let by_id = candidates.iter().find(|variant| variant.id == level.channel_reference);
            let Some(variant) = by_id.or(candidates.first()) else {
                outcomes.push(Err(PortError::Refused("no longer listed in the shop".into())));
                continue;
            };
            let on_hand = level.quantity.max(0).saturating_add(variant.allocated.max(0));
            if variant.on_hand != Some(on_hand) {
                let stock = json!([{ "stockLocationId": self.stock_location, "stockOnHand": on_hand }]);
                changes.push(json!({ "id": variant.id, "stockLevels": stock }));
            }
            outcomes.push(Ok(()));
        }
        self.update_variants(changes).await?;
        Ok(outcomes)
    }

    /// Sets the variants' prices in the price's own currency, in the shop's precision; whether they contain tax is the
    /// shop's setting.
    async fn set_prices(&self, prices: &[ListingPrice]) -> Result<Vec<Outcome>, PortError> {
        let known = self.stock_of(prices.iter().map(|price| price.channel_sku.as_str()).collect()).await?;
        let mut changes = Vec::new();
        let mut outcomes = Vec::with_capacity(prices.len());
        for price in prices {
            let candidates = known.get(&price.channel_sku).map_or(&[][..], Vec::as_slice);
            let by_id = candidates.iter().find(|variant| variant.id == price.channel_reference);
            let Some(variant) = by_id.or(candidates.first()) else {
                outcomes.push(Err(PortError::Refused("no longer listed in the shop".into())));
                continue;
            };
            let minor = price.price.to_units_of(self.precision);
            let entry = json!([{ "currencyCode": price.price.currency.code(), "price": minor }]);
            changes.push(json!({ "id": variant.id, "prices": entry }));
            outcomes.push(Ok(()));
        }
        self.update_variants(changes).await?;
        Ok(outcomes)
    }

    async fn update_variants(&self, changes: Vec<Value>) -> Result<(), PortError> {
        if changes.is_empty() {
            return Ok(());
        }
        let updated = self.api.data(api::UPDATE_VARIANTS, json!({ "i": changes })).await;
        updated.map(drop).map_err(|error| match error {
            // Nothing says that any one listing is gone.
            PortError::Refused(message) => PortError::retry(message),
            other => other,
        })
    }
}

struct Variant {
    id: String,
    on_hand: Option<i64>,
    allocated: i64,
}

/// The rows of a list.
fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

/// Text of a scalar; ids may be numbers in shops with an own id strategy.
fn text(value: &Value) -> String {
    crate::loose::scalar(value).unwrap_or_default()
}

impl Channel for VendureChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(async move { setup::greeting(&self.api.data(api::WHO, json!({})).await?) })
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { download::page(&self.api, self.precision, &request).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { download::one(&self.api, self.precision, &reference).await })
    }

    fn references(
        &self,
        statuses: Vec<String>,
        since: Timestamp,
        page: Option<String>,
    ) -> BoxFuture<'_, Result<ReferencePage, PortError>> {
        Box::pin(async move { download::references(&self.api, &statuses, since, page.as_deref()).await })
    }

    fn despatch(&self, despatches: Vec<Despatch>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { fulfil::despatch(&self.api, &despatches).await })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { fulfil::cancel(&self.api, &cancellation).await })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&levels, STOCK_BATCH, |chunk| self.set_stock(chunk)).await })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&prices, STOCK_BATCH, |chunk| self.set_prices(chunk)).await })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move {
            let skip: usize = page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(0);
            let options = json!({ "o": { "skip": skip, "take": PAGE, "sort": { "id": "ASC" } } });
            let data = self.api.data(api::VARIANTS, options).await?;
            let rows = items(&data["productVariants"]).count();
            let products = items(&data["productVariants"])
                .map(|item| Product {
                    channel_sku: text(&item["sku"]).trim().to_owned(),
                    title: clean(&text(&item["name"]), 255),
                    channel_reference: text(&item["id"]),
                    quantity: self.level(item).and_then(|level| {
                        Some(level["stockOnHand"].as_i64()?.saturating_sub(level["stockAllocated"].as_i64()?))
                    }),
                })
                .filter(|product| !product.channel_sku.is_empty())
                .collect();
            Ok(ProductPage { products, next: (rows == PAGE).then(|| (skip + rows).to_string()) })
        })
    }

    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>> {
        let status = |(code, label, _): &(&str, &str, StatusTarget)| ChannelStatus {
            code: (*code).to_owned(),
            label: (*label).to_owned(),
        };
        Box::pin(async move { Ok(STATUSES.iter().map(status).collect()) })
    }

    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>> {
        Box::pin(async move {
            let query = match kind {
                TagKind::Shipping => api::SHIPPING_METHODS,
                TagKind::Payment => api::PAYMENT_METHODS,
            };
            let data = self.api.data(query, json!({})).await?;
            let tag = |item: &Value| ChannelTag {
                tag: clean(&text(&item["code"]), 255),
                label: clean(&text(&item["name"]), 255),
                site: String::new(),
            };
            Ok(items(&data["list"]).map(tag).filter(|tag| !tag.tag.is_empty()).collect())
        })
    }
}
