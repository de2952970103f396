//! Kind `woocommerce`: a WooCommerce shop, by its REST API v3.
//!
//! `download.rs` reads orders by their date of change; `fulfil.rs` reports shipments and cancellations; `catalogue.rs` lists
//! products and sets stock and prices; `setup.rs` holds the forms; `hooks.rs` registers and reads webhooks; `api.rs` and
//! `mapping.rs` are as in every kind.

mod api;
mod catalogue;
mod download;
mod fulfil;
mod hooks;
pub(crate) mod mapping;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelStatus, ChannelTag, Connection, DefaultStatus,
    Despatch, DownloadPage, DownloadRequest, Hooks, Incoming, ListingPrice, Outcome, PortError, ProductPage,
    ReferencePage, SetupStep, StatusTarget, StockLevel, TagKind,
};
use consign_values::Timestamp;

use crate::batch::in_calls;
use crate::http::Http;
use api::Api;
use mapping::Reading;

const DESPATCH_BATCH: usize = 20;

static DEFAULT_STATUSES: [DefaultStatus; 7] = [
    DefaultStatus { code: "processing", target: StatusTarget::Paid },
    DefaultStatus { code: "on-hold", target: StatusTarget::Unpaid },
    DefaultStatus { code: "pending", target: StatusTarget::Unpaid },
    DefaultStatus { code: "failed", target: StatusTarget::Unpaid },
    DefaultStatus { code: "completed", target: StatusTarget::Shipped },
    DefaultStatus { code: "cancelled", target: StatusTarget::Cancelled },
    DefaultStatus { code: "refunded", target: StatusTarget::Cancelled },
];

/// Kind `woocommerce`.
pub(crate) struct WooCommerceKind {
    http: Http,
    timeout: Duration,
}

impl WooCommerceKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        WooCommerceKind { http, timeout }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection)
    }
}

impl ChannelKind for WooCommerceKind {
    fn code(&self) -> &'static str {
        "woocommerce"
    }

    fn label(&self) -> &'static str {
        "WooCommerce"
    }

    fn summary(&self) -> &'static str {
        "A WordPress shop with WooCommerce, by its REST API"
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
            stock_batch: api::PAGE,
            overlap_seconds: 600,
        }
    }

    fn default_statuses(&self) -> &'static [DefaultStatus] {
        &DEFAULT_STATUSES
    }

    fn source(&self, _connection: &Connection) -> String {
        "WOOCOMMERCE".to_owned()
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
            let form = setup::verify(&self.api(&next), &next).await?;
            *connection = next;
            Ok(form)
        })
    }

    fn connect(&self, connection: &Connection) -> Result<Box<dyn Channel>, PortError> {
        if ["url", "consumer_key", "consumer_secret"].iter().any(|key| connection.get(key).is_empty()) {
            return Err(PortError::Refused(
                "the set-up is not finished: the shop's address or a key is missing".into(),
            ));
        }
        Ok(Box::new(WooCommerceChannel { api: self.api(connection), settings: Settings::read(connection) }))
    }

    fn removed<'a>(&'a self, _connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async { Ok(()) })
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

/// How parcels are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FulfilBy {
    /// By the order's status alone.
    Status,
    /// By core's fulfilments API, and the status once all is shipped.
    Fulfilments,
}

/// What the settings form decides.
struct Settings {
    fulfil_by: FulfilBy,
    tell_buyer: bool,
    tracking_meta: bool,
    reading: Reading,
}

impl Settings {
    fn read(connection: &Connection) -> Self {
        let on = |key: &str| !connection.get(key).eq_ignore_ascii_case("false");
        let status = connection.get("shipped_status");
        let methods = connection.0.get("trusted_methods").map_or("cod", String::as_str);
        let methods = methods.split([',', ' ']).filter(|method| !method.is_empty());
        Settings {
            fulfil_by: match connection.get("fulfil_by") {
                "fulfilments" => FulfilBy::Fulfilments,
                _ => FulfilBy::Status,
            },
            tell_buyer: on("tell_buyer"),
            tracking_meta: on("tracking_meta"),
            reading: Reading {
                trusted_methods: methods.map(str::to_owned).collect(),
                shipped_status: if status.is_empty() { "completed" } else { status }.to_owned(),
            },
        }
    }
}

/// One shop.
struct WooCommerceChannel {
    api: Api,
    settings: Settings,
}

impl Channel for WooCommerceChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(setup::greeting(&self.api))
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { download::page(&self.api, &self.settings.reading, &request).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { download::one(&self.api, &self.settings.reading, &reference).await })
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
        Box::pin(async move { fulfil::despatch(&self.api, &self.settings, &despatches).await })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { fulfil::cancel(&self.api, &self.settings, &cancellation).await })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            in_calls(&levels, api::PAGE, |chunk| catalogue::push(&self.api, chunk.iter().map(Into::into).collect()))
                .await
        })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            in_calls(&prices, api::PAGE, |chunk| catalogue::push(&self.api, chunk.iter().map(Into::into).collect()))
                .await
        })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move { catalogue::list(&self.api, page.as_deref()).await })
    }

    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>> {
        Box::pin(async move {
            let pairs = setup::statuses(&self.api).await?;
            Ok(pairs.into_iter().map(|(code, label)| ChannelStatus { code, label }).collect())
        })
    }

    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>> {
        Box::pin(async move {
            match kind {
                TagKind::Shipping => catalogue::shipping_methods(&self.api).await,
                TagKind::Payment => catalogue::payment_methods(&self.api).await,
            }
        })
    }
}
