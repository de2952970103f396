//! Kind `app`: any channel that has an app for the custom-channel protocol.
//!
//! The app lives somewhere on the network and answers JSON calls; `wizard.rs` sets it up, `api.rs` calls it, `mapping.rs`
//! reads its orders. Some apps ignore `UTCTimeFrom` and return everything at each round: the business skips what it has.
//! What the protocol can't do, such as asking for one order or repeating a note safely, is not pretended here.

mod api;
pub(crate) mod mapping;
#[cfg(test)]
mod tests;
mod wizard;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelPayment, ChannelStatus, ChannelTag, Connection,
    DefaultStatus, Despatch, DownloadPage, DownloadRequest, Incoming, ListingPrice, Outcome, PortError, Product,
    ProductPage, ReferencePage, SetupStep, StockLevel, TagKind,
};
use consign_values::{Clock, SystemClock, Timestamp, clean};
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::batch::{in_calls, settle};
use crate::http::Http;
use crate::loose::{find, scalar};
use api::{Api, Object, error_of};
use mapping::{OrdersPage, orders_page};
use wizard::{CONNECT, Manifest, WizardStep, connect_step, source_name};

const DESPATCH_BATCH: usize = 100;
const STOCK_BATCH: usize = 1_000;
/// An app whose pages never end is cut off here.
const PAGES_MAX: u32 = 10_000;
/// How far back a single order is looked for.
const LOOK_BACK_SECONDS: i64 = 90 * 86_400;

/// Kind `app`.
pub(crate) struct AppKind {
    http: Http,
    timeout: Duration,
}

impl AppKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        AppKind { http, timeout }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection)
    }

    /// Takes the first form: endpoints, then the token of this integration, then the app's first step.
    async fn introduce(
        &self,
        connection: &mut Connection,
        answers: &BTreeMap<String, String>,
    ) -> Result<SetupStep, PortError> {
        let answer = |key: &str| answers.get(key).map_or("", |text| text.trim());
        let (manifest, base) = (answer("manifest"), answer("base_url"));
        for (key, label) in [("email", "E-mail address"), ("account_name", "Account name")] {
            if answer(key).is_empty() {
                return Err(PortError::Refused(format!("{label} must not be empty")));
            }
        }
        let manifest = match (manifest, base) {
            ("", "") => return Err(PortError::Refused("give a manifest or a base address".into())),
            ("", base) => Manifest::of_base(base)?,
            (text, _) if text.starts_with(['{', '[']) => Manifest::parse(text)?,
            (url, _) => Manifest::parse(&self.api(&Connection::default()).fetch_text(url).await?)?,
        };
        let mut next = connection.clone();
        next.set("channel_name", source_name(answer("channel_name")));
        manifest.store(&mut next)?;
        if next.get("channel_name").is_empty() {
            next.set("channel_name", "APP");
        }
        for key in ["email", "account_name", "oauth_client_id"] {
            next.set(key, answer(key));
        }
        if !answer("oauth_client_secret").is_empty() {
            next.set("oauth_client_secret", answer("oauth_client_secret"));
        }
        // The app hears of an integration once: a token that was given to the same account at the same place stays.
        let same = ["endpoint.AddNewUserEndpoint", "email", "account_name"]
            .iter()
            .all(|key| next.get(key) == connection.get(key));
        if next.get("token").is_empty() || !same {
            next.set("token", "");
            let token = self.add_new_user(&next).await?;
            next.set("token", token);
        }
        *connection = next;
        self.present_step(connection).await
    }

    async fn add_new_user(&self, connection: &Connection) -> Result<String, PortError> {
        let body = object(json!({
            "LinnworksUniqueIdentifier": customer_id(connection.get("email")),
            "Email": connection.get("email"),
            "AccountName": connection.get("account_name"),
        }));
        let reply = self.api(connection).object(endpoint(connection, "AddNewUserEndpoint")?, body).await?;
        let token = find(&reply, "AuthorizationToken").and_then(scalar).unwrap_or_default();
        if token.is_empty() { Err(PortError::Protocol("the app gave no AuthorizationToken".into())) } else { Ok(token) }
    }

    async fn present_step(&self, connection: &mut Connection) -> Result<SetupStep, PortError> {
        let reply = self.api(connection).object(endpoint(connection, "UserConfigEndpoint")?, Object::new()).await?;
        Ok(take_step(connection, &reply))
    }

    async fn save_step(
        &self,
        connection: &mut Connection,
        step: &str,
        answers: &BTreeMap<String, String>,
    ) -> Result<SetupStep, PortError> {
        let present = WizardStep::stored(connection);
        if present.name != step {
            return self.present_step(connection).await;
        }
        let body = object(json!({ "StepName": step, "ConfigItems": present.answered(answers)? }));
        let reply = self.api(connection).object(endpoint(connection, "SaveConfigEndpoint")?, body).await?;
        Ok(take_step(connection, &reply))
    }
}

fn take_step(connection: &mut Connection, reply: &Object) -> SetupStep {
    let step = WizardStep::of_answer(reply);
    step.store(connection);
    step.form()
}

/// Stands for the customer towards apps: the same for the same e-mail address, and nothing can be read off it.
/// FNV-1a over 128 bits, written as a version 8 UUID.
fn customer_id(email: &str) -> String {
    let hash =
        email.trim().to_lowercase().bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    let hex = format!("{hash:032x}");
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn endpoint<'a>(connection: &'a Connection, name: &str) -> Result<&'a str, PortError> {
    let url = connection.get(&format!("endpoint.{name}"));
    if url.is_empty() { Err(PortError::Refused(format!("the app has no {name}"))) } else { Ok(url) }
}

impl ChannelKind for AppKind {
    fn code(&self) -> &'static str {
        "app"
    }

    fn label(&self) -> &'static str {
        "Channel app"
    }

    fn summary(&self) -> &'static str {
        "Any channel that has an app for the custom-channel protocol"
    }

    fn guide(&self) -> &'static str {
        include_str!("guide.md")
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            status_mapping: false,
            unpaid: true,
            despatch: true,
            partial_despatch: true,
            cancel: true,
            stock: true,
            prices: true,
            locations: false,
            despatch_batch: DESPATCH_BATCH,
            stock_batch: STOCK_BATCH,
            overlap_seconds: 3_600,
        }
    }

    fn default_statuses(&self) -> &'static [DefaultStatus] {
        &[]
    }

    fn source(&self, connection: &Connection) -> String {
        match connection.get("channel_name") {
            "" => "APP".to_owned(),
            name => name.to_owned(),
        }
    }

    fn first_step(&self) -> SetupStep {
        connect_step()
    }

    fn set_up<'a>(
        &'a self,
        connection: &'a mut Connection,
        step: &'a str,
        answers: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<SetupStep, PortError>> {
        Box::pin(async move {
            match step {
                CONNECT => self.introduce(connection, answers).await,
                "" if connection.get("token").is_empty() => Ok(connect_step()),
                "" => self.present_step(connection).await,
                step => self.save_step(connection, step, answers).await,
            }
        })
    }

    fn connect(&self, connection: &Connection) -> Result<Box<dyn Channel>, PortError> {
        endpoint(connection, "OrdersEndpoint")?;
        if connection.get("token").is_empty() {
            return Err(PortError::Refused("the set-up is not finished: the app has given no token yet".into()));
        }
        let batch =
            |key: &str, usual: usize| connection.get(key).trim().parse().ok().filter(|&size| size > 0).unwrap_or(usual);
        Ok(Box::new(AppChannel {
            api: self.api(connection),
            despatch_batch: batch("despatch_batch", DESPATCH_BATCH),
            stock_batch: batch("stock_batch", STOCK_BATCH),
            price_batch: batch("price_batch", STOCK_BATCH),
            connection: connection.clone(),
        }))
    }

    fn removed<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move {
            match endpoint(connection, "ConfigDeletedEndpoint") {
                Ok(url) if !connection.get("token").is_empty() => {
                    self.api(connection).post(url, Object::new()).await.map(drop)
                }
                _ => Ok(()),
            }
        })
    }
}

/// One integration with one app.
struct AppChannel {
    api: Api,
    connection: Connection,
    despatch_batch: usize,
    stock_batch: usize,
    price_batch: usize,
}

impl AppChannel {
    fn endpoint(&self, name: &str) -> Result<&str, PortError> {
        endpoint(&self.connection, name)
    }

    /// Calls with a batch. An error that names no row is no verdict on any of them, so they are to be tried again.
    async fn batch(&self, name: &str, body: Object) -> Result<Object, PortError> {
        self.api.object(self.endpoint(name)?, body).await.map_err(|error| match error {
            PortError::Refused(message) => PortError::retry(message),
            other => other,
        })
    }

    /// A page of orders: what there is, the token of the next page, and the calls left.
    async fn orders(&self, since: Timestamp, page: Option<&str>) -> Result<DownloadPage, PortError> {
        let (number, previous) = page_token(page);
        let body = object(json!({ "UTCTimeFrom": since.to_rfc3339(), "PageNumber": number }));
        let answer = self.api.post(self.endpoint("OrdersEndpoint")?, body).await?;
        let rate_left = answer.rate_left();
        let page = match orders_page(&answer.text()) {
            Ok(OrdersPage { error: Some(error), .. }) => return Err(PortError::Refused(error)),
            Ok(page) => page,
            Err(reason) => {
                let garbage = Incoming { reference: String::new(), payload: answer.body, order: Err(reason) };
                return Ok(DownloadPage { orders: vec![garbage], next: None, rate_left });
            }
        };
        let digest = page.digest();
        if previous == Some(digest) {
            // The app ignores the page number: all that it has was on the page before.
            return Ok(DownloadPage { orders: Vec::new(), next: None, rate_left });
        }
        let goes_on = page.has_more && !page.orders.is_empty() && number < PAGES_MAX;
        Ok(DownloadPage { orders: page.orders, next: goes_on.then(|| format!("{}:{digest:x}", number + 1)), rate_left })
    }

    async fn find_order(&self, reference: &str) -> Result<Option<Incoming>, PortError> {
        let since = SystemClock.now().plus_seconds(-LOOK_BACK_SECONDS);
        let mut page: Option<String> = None;
        loop {
            let found = self.orders(since, page.as_deref()).await?;
            if let Some(order) = found.orders.into_iter().find(|order| order.reference == reference) {
                return Ok(Some(order));
            }
            match found.next {
                Some(next) => page = Some(next),
                None => return Ok(None),
            }
        }
    }

    async fn send_despatches(&self, despatches: &[&Despatch]) -> Result<Vec<Outcome>, PortError> {
        let orders: Vec<Value> = despatches.iter().map(|despatch| despatch_json(despatch)).collect();
        let reply = self.batch("DespatchEndpoint", object(json!({ "Orders": orders }))).await?;
        let results = rows(&reply, "Orders", "ReferenceNumber");
        Ok(despatches
            .iter()
            .map(|despatch| despatch_outcome(results.get(despatch.reference.trim()).copied()))
            .collect())
    }

    async fn send_levels(&self, levels: &[StockLevel]) -> Result<Vec<Outcome>, PortError> {
        let row = |level: &StockLevel| {
            let (sku, reference) = (&level.channel_sku, &level.channel_reference);
            json!({ "SKU": sku, "Reference": reference, "Quantity": level.quantity.max(0) })
        };
        let skus = levels.iter().map(|level| level.channel_sku.as_str());
        self.send_products("InventoryUpdateEndpoint", levels.iter().map(row).collect(), skus).await
    }

    /// A blank `Tag` is the selling price.
    async fn send_prices(&self, prices: &[ListingPrice]) -> Result<Vec<Outcome>, PortError> {
        let row = |price: &ListingPrice| {
            let (sku, reference) = (&price.channel_sku, &price.channel_reference);
            let amount = price.price.to_decimal().to_f64();
            json!({ "SKU": sku, "Reference": reference, "Price": amount, "Tag": "" })
        };
        let skus = prices.iter().map(|price| price.channel_sku.as_str());
        self.send_products("PriceUpdateEndpoint", prices.iter().map(row).collect(), skus).await
    }

    /// A SKU that the answer leaves out is gone.
    async fn send_products(
        &self,
        endpoint: &str,
        products: Vec<Value>,
        skus: impl Iterator<Item = &str>,
    ) -> Result<Vec<Outcome>, PortError> {
        let reply = self.batch(endpoint, object(json!({ "Products": products }))).await?;
        let results = rows(&reply, "Products", "SKU");
        Ok(skus
            .map(|sku| match results.get(sku.trim()) {
                None => Err(PortError::Refused("no longer listed on the channel".into())),
                Some(row) => error_of(row).map_or(Ok(()), |error| Err(PortError::retry(error))),
            })
            .collect())
    }
}

/// Page number and digest of the page before; the first page without either.
fn page_token(page: Option<&str>) -> (u32, Option<u64>) {
    let Some(token) = page else { return (1, None) };
    let (number, digest) = token.split_once(':').unwrap_or((token, ""));
    (number.parse().unwrap_or(1).max(1), u64::from_str_radix(digest, 16).ok())
}

fn despatch_json(despatch: &Despatch) -> Value {
    let items: Vec<Value> = despatch
        .lines
        .iter()
        .map(|line| {
            json!({
                "SKU": line.channel_sku,
                "OrderLineNumber": line.channel_line,
                "DespatchedQuantity": line.quantity.units(),
            })
        })
        .collect();
    json!({
        "ReferenceNumber": despatch.reference,
        "ShippingVendor": despatch.carrier,
        "ShippingMethod": despatch.service,
        "TrackingNumber": despatch.tracking_number,
        "SecondaryTrackingNumbers": [],
        "ProcessedOn": despatch.processed_at.to_rfc3339(),
        "Items": items,
    })
}

fn despatch_outcome(row: Option<&Object>) -> Outcome {
    let Some(row) = row else { return Err(PortError::Refused("not found on the channel".into())) };
    let error = error_of(row);
    let retry = find(row, "Retry")
        .and_then(scalar)
        .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "1"));
    match (error, retry) {
        (error, true) => Err(PortError::retry(error.unwrap_or_else(|| "the channel asks to send it again".into()))),
        (Some(error), false) => Err(PortError::Refused(error)),
        (None, false) => Ok(()),
    }
}

/// The rows of an answer by their key. Where a key comes twice, a row with an error counts.
fn rows<'a>(reply: &'a Object, list: &str, key: &str) -> HashMap<String, &'a Object> {
    let mut rows: HashMap<String, &Object> = HashMap::new();
    for row in find(reply, list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object) {
        let name = find(row, key).and_then(scalar).unwrap_or_default().trim().to_owned();
        let known = rows.entry(name).or_insert(row);
        if error_of(known).is_none() && error_of(row).is_some() {
            *known = row;
        }
    }
    rows
}

/// Indexes in batches of at most `size`, no reference twice in one: an answer names references, not notes.
fn despatch_batches(despatches: &[Despatch], size: usize) -> Vec<Vec<usize>> {
    let mut batches: Vec<(HashSet<&str>, Vec<usize>)> = Vec::new();
    for (index, despatch) in despatches.iter().enumerate() {
        let reference = despatch.reference.trim();
        // Notes of one order go out in their sequence: never into a batch before one that has an earlier note.
        let first = batches.iter().rposition(|(known, _)| known.contains(reference)).map_or(0, |last| last + 1);
        let open = (first..batches.len()).find(|&batch| batches[batch].1.len() < size);
        let batch = open.unwrap_or_else(|| {
            batches.push(Default::default());
            batches.len() - 1
        });
        batches[batch].0.insert(reference);
        batches[batch].1.push(index);
    }
    batches.into_iter().map(|(_, indexes)| indexes).collect()
}

impl Channel for AppChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(async move {
            let name = match self.connection.get("friendly_name") {
                "" => self.connection.get("channel_name"),
                name => name,
            };
            let account = self.connection.get("account_name");
            match self.endpoint("ConfigTestEndpoint") {
                Ok(url) => {
                    self.api.object(url, Object::new()).await?;
                    Ok(format!("Connected to {name} as {account}"))
                }
                Err(_) => {
                    self.api.object(self.endpoint("UserConfigEndpoint")?, Object::new()).await?;
                    Ok(format!("{name} answers for {account}; it has no test of its own"))
                }
            }
        })
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { self.orders(request.since, request.page.as_deref()).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { self.find_order(&reference).await })
    }

    fn references(
        &self,
        _statuses: Vec<String>,
        since: Timestamp,
        page: Option<String>,
    ) -> BoxFuture<'_, Result<ReferencePage, PortError>> {
        Box::pin(async move {
            let page = self.orders(since, page.as_deref()).await?;
            if let Some(Incoming { order: Err(reason), .. }) =
                page.orders.iter().find(|order| order.reference.is_empty())
            {
                return Err(PortError::Protocol(format!("an order without a number: {reason}")));
            }
            // Unpaid orders may be switched off, so they are not missed; what can't be read is.
            let counts =
                |order: &Incoming| order.order.as_ref().map_or(true, |order| order.payment == ChannelPayment::Paid);
            let references = page.orders.into_iter().filter(counts).map(|order| order.reference).collect();
            Ok(ReferencePage { references, next: page.next })
        })
    }

    fn despatch(&self, despatches: Vec<Despatch>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            let mut outcomes: Vec<Option<Outcome>> = vec![None; despatches.len()];
            for batch in despatch_batches(&despatches, self.despatch_batch) {
                let notes: Vec<&Despatch> = batch.iter().map(|&index| &despatches[index]).collect();
                match self.send_despatches(&notes).await {
                    Ok(results) => {
                        batch.iter().zip(results).for_each(|(&index, result)| outcomes[index] = Some(result))
                    }
                    Err(error) => {
                        settle(&mut outcomes, error)?;
                        break;
                    }
                }
            }
            Ok(outcomes.into_iter().flatten().collect())
        })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let items: Vec<Value> = cancellation
                .lines
                .iter()
                .map(|line| {
                    json!({
                        "SKU": line.channel_sku,
                        "OrderLineNumber": line.channel_line,
                        "CancellationQuantity": line.quantity.units(),
                        "Reason": cancellation.reason,
                        "SecondaryReason": "",
                    })
                })
                .collect();
            let body = object(json!({ "Cancellation": {
                "ReferenceNumber": cancellation.reference,
                "ExternalReference": cancellation.external_reference,
                "Items": items,
            }}));
            match self.api.object(self.endpoint(wizard::CANCEL.0)?, body).await {
                // The protocol has no word for "done already"; apps say so in their own.
                Err(PortError::Refused(error))
                    if cancellation.attempts > 0 && error.to_lowercase().contains("already cancel") =>
                {
                    Ok(())
                }
                other => other.map(drop),
            }
        })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&levels, self.stock_batch, |chunk| self.send_levels(chunk)).await })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&prices, self.price_batch, |chunk| self.send_prices(chunk)).await })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move {
            let Ok(url) = self.endpoint("ProductsEndpoint") else { return Ok(ProductPage::default()) };
            let number = page_token(page.as_deref()).0;
            let reply = self.api.object(url, object(json!({ "PageNumber": number }))).await?;
            let text = |row: &Object, key: &str| find(row, key).and_then(scalar).unwrap_or_default();
            let products: Vec<Product> = find(&reply, "Products")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_object)
                .map(|row| Product {
                    channel_sku: text(row, "SKU").trim().to_owned(),
                    title: clean(&text(row, "Title"), 255),
                    channel_reference: text(row, "Reference"),
                    quantity: text(row, "Quantity").trim().parse::<f64>().ok().map(|quantity| quantity as i64),
                })
                .filter(|product| !product.channel_sku.is_empty())
                .collect();
            let more = matches!(text(&reply, "HasMorePages").to_ascii_lowercase().as_str(), "true" | "1");
            let goes_on = more && !products.is_empty() && number < PAGES_MAX;
            Ok(ProductPage { products, next: goes_on.then(|| (number + 1).to_string()) })
        })
    }

    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>> {
        Box::pin(async move {
            let (name, list) = match kind {
                TagKind::Shipping => ("ShippingTagsEndpoint", "ShippingTags"),
                TagKind::Payment => ("PaymentTagsEndpoint", "PaymentTags"),
            };
            let Ok(url) = self.endpoint(name) else { return Ok(Vec::new()) };
            let reply = self.api.object(url, Object::new()).await?;
            let tags = find(&reply, list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
            Ok(tags
                .map(|row| {
                    let text = |key: &str| clean(&find(row, key).and_then(scalar).unwrap_or_default(), 255);
                    let (tag, label) = (text("Tag"), text("FriendlyName"));
                    ChannelTag { label: if label.is_empty() { tag.clone() } else { label }, tag, site: text("Site") }
                })
                .filter(|tag| !tag.tag.is_empty())
                .collect())
        })
    }
}
