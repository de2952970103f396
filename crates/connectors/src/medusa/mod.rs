//! Kind `medusa`: a Medusa 2 shop, by its Admin API.
//!
//! `download.rs` plans which orders a round reads, because an order doesn't change when its payment is captured; `fulfil.rs`
//! reports shipments and cancellations; `listings.rs` sets stock and prices; `setup.rs` holds the forms; `api.rs` and
//! `mapping.rs` are as in every kind. Webhooks are not used: a shop would need a plugin for them.

mod api;
mod download;
mod fulfil;
mod listings;
pub(crate) mod mapping;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelStatus, ChannelTag, Connection, DefaultStatus,
    Despatch, DownloadPage, DownloadRequest, Incoming, ListingPrice, Outcome, PortError, ProductPage, ReferencePage,
    SetupStep, StatusTarget, StockLevel, TagKind,
};
use consign_values::{Timestamp, clean};
use serde_json::Value;

use crate::batch::in_calls;
use crate::http::Http;
use api::Api;

const DESPATCH_BATCH: usize = 20;
/// Ids of so many variants make an address of some six thousand characters, well under what servers take.
const STOCK_BATCH: usize = 100;

/// The statuses that `mapping.rs` makes, and what they are called.
const STATUSES: [(&str, &str, StatusTarget); 16] = [
    ("captured", "Paid, nothing shipped", StatusTarget::Paid),
    ("partially_fulfilled", "Partly shipped or packed", StatusTarget::Paid),
    ("partially_refunded", "Partly refunded, nothing shipped", StatusTarget::Paid),
    ("authorized", "Payment authorised", StatusTarget::Unpaid),
    ("partially_captured", "Partly paid", StatusTarget::Unpaid),
    ("fulfilled", "Packed in the shop", StatusTarget::Shipped),
    ("shipped", "Shipped", StatusTarget::Shipped),
    ("completed", "Completed by hand", StatusTarget::Shipped),
    ("canceled", "Cancelled", StatusTarget::Cancelled),
    ("not_paid", "Not paid", StatusTarget::Unmapped),
    ("partially_authorized", "Payment partly authorised", StatusTarget::Unmapped),
    ("payment_canceled", "Payment cancelled", StatusTarget::Unmapped),
    ("refunded", "Refunded, nothing shipped", StatusTarget::Unmapped),
    ("requires_action", "Requires action", StatusTarget::Unmapped),
    ("draft", "Draft", StatusTarget::Unmapped),
    ("archived", "Archived", StatusTarget::Unmapped),
];

const fn default_status(index: usize) -> DefaultStatus {
    DefaultStatus { code: STATUSES[index].0, target: STATUSES[index].2 }
}

static DEFAULT_STATUSES: [DefaultStatus; 9] = [
    default_status(0),
    default_status(1),
    default_status(2),
    default_status(3),
    default_status(4),
    default_status(5),
    default_status(6),
    default_status(7),
    default_status(8),
];

/// Kind `medusa`.
pub(crate) struct MedusaKind {
    http: Http,
    timeout: Duration,
}

impl MedusaKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        MedusaKind { http, timeout }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection)
    }
}

impl ChannelKind for MedusaKind {
    fn code(&self) -> &'static str {
        "medusa"
    }

    fn label(&self) -> &'static str {
        "Medusa"
    }

    fn summary(&self) -> &'static str {
        "A Medusa 2 web shop, by its Admin API"
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
        "MEDUSA".to_owned()
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
        if connection.get("url").is_empty() || connection.get("api_key").is_empty() {
            return Err(PortError::Refused("the set-up is not finished: the shop's address or key is missing".into()));
        }
        let location = connection.get("stock_location").to_owned();
        Ok(Box::new(MedusaChannel { api: self.api(connection), location }))
    }

    fn removed<'a>(&'a self, _connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async { Ok(()) })
    }
}

/// One shop.
struct MedusaChannel {
    api: Api,
    /// The stock location that is ours.
    location: String,
}

/// The rows of a list.
fn rows<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value[key].as_array().into_iter().flatten()
}

/// Text of a scalar.
fn text(value: &Value) -> String {
    crate::loose::scalar(value).unwrap_or_default()
}

impl Channel for MedusaChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(async move { setup::greeting(&self.api).await })
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { download::page(&self.api, &request).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { download::one(&self.api, &reference).await })
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
        Box::pin(async move { fulfil::despatch(&self.api, &self.location, &despatches).await })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { fulfil::cancel(&self.api, &cancellation).await })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            let set = |chunk| listings::set_stock(&self.api, &self.location, chunk);
            in_calls(&levels, STOCK_BATCH, set).await
        })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&prices, STOCK_BATCH, |chunk| listings::set_prices(&self.api, chunk)).await })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move { listings::products(&self.api, &self.location, page.as_deref()).await })
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
            let (path, list, name): (&[&str], _, _) = match kind {
                TagKind::Shipping => (&["shipping-options"], "shipping_options", "name"),
                TagKind::Payment => (&["payments", "payment-providers"], "payment_providers", "id"),
            };
            let data = self.api.get(path, &[("limit", "200".to_owned())]).await?;
            let mut tags: Vec<String> = rows(&data, list).map(|row| clean(&text(&row[name]), 255)).collect();
            tags.sort();
            tags.dedup();
            let tag = |tag: String| ChannelTag { label: tag.clone(), tag, site: String::new() };
            Ok(tags.into_iter().filter(|tag| !tag.is_empty()).map(tag).collect())
        })
    }
}
