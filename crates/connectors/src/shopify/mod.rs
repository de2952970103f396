//! Kind `shopify`: a Shopify shop, by its Admin API in GraphQL.
//!
//! `documents.rs` holds every GraphQL document, `schema_tests.rs` checks them against Shopify's schema; `download.rs` reads orders
//! by their date of change; `fulfil.rs` reports shipments and cancellations; `catalogue.rs` lists variants and sets stock and
//! prices; `setup.rs` holds the forms; `api.rs` and `mapping.rs` are as in every kind. `hooks.rs` registers and
//! reads webhooks.

mod api;
mod catalogue;
mod documents;
mod download;
mod fulfil;
mod hooks;
pub(crate) mod mapping;
#[cfg(test)]
mod outgoing_tests;
#[cfg(test)]
mod schema_tests;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelPlace, ChannelStatus, ChannelTag, ConfigOption,
    Connection, DefaultStatus, Despatch, DownloadPage, DownloadRequest, Hooks, Incoming, ListingPrice, Outcome,
    PortError, ProductPage, ReferencePage, SetupStep, StockLevel, TagKind,
};
use consign_values::Timestamp;
use serde_json::json;

use crate::batch::in_calls;
use crate::http::Http;
use api::Api;

const DESPATCH_BATCH: usize = 20;
/// Shopify takes at most 250 of anything.
const STOCK_BATCH: usize = 100;

/// Kind `shopify`.
pub(crate) struct ShopifyKind {
    http: Http,
    timeout: Duration,
}

impl ShopifyKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        ShopifyKind { http, timeout }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection)
    }
}

impl ChannelKind for ShopifyKind {
    fn code(&self) -> &'static str {
        "shopify"
    }

    fn label(&self) -> &'static str {
        "Shopify"
    }

    fn summary(&self) -> &'static str {
        "A Shopify shop, by its Admin API"
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
            locations: true,
            despatch_batch: DESPATCH_BATCH,
            stock_batch: STOCK_BATCH,
            overlap_seconds: 1_800,
        }
    }

    fn default_statuses(&self) -> &'static [DefaultStatus] {
        &[]
    }

    fn source(&self, _connection: &Connection) -> String {
        "SHOPIFY".to_owned()
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
        let has = |key: &str| !connection.get(key).is_empty();
        if !has("url") || !(has("access_token") || has("client_id") && has("client_secret")) {
            return Err(PortError::Refused("the set-up is not finished: the shop or its keys are missing".into()));
        }
        Ok(Box::new(ShopifyChannel { api: self.api(connection), settings: Settings::read(connection) }))
    }

    fn removed<'a>(&'a self, _connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async { Ok(()) })
    }

    fn hooks(&self) -> Option<&dyn Hooks> {
        Some(self)
    }
}

/// Which orders are held back for their risk of fraud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum HoldRisk {
    /// None.
    Never,
    /// Those with a high risk, and those that Shopify recommends to cancel.
    #[default]
    High,
    /// Also those with a medium risk, and those that Shopify recommends to investigate.
    Medium,
}

/// What the settings form decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// The id of the location whose stock is set.
    stock_location: String,
    /// Whether orders say from which of the shop's locations they are to come.
    use_locations: bool,
    /// Whether orders of the till are wanted.
    download_pos: bool,
    hold_risk: HoldRisk,
    /// Lets an order through that would be held back.
    release_tag: String,
    authorised_is_paid: bool,
    /// Payment methods whose pending orders count as paid.
    trusted_methods: Vec<String>,
    notify_buyer: bool,
    refund_on_cancel: bool,
}

impl Settings {
    pub(crate) fn read(connection: &Connection) -> Self {
        let on = |key: &str| connection.get(key).eq_ignore_ascii_case("true");
        let tag = connection.get("release_tag").trim();
        let methods = connection.get("trusted_methods").split(',').map(str::trim).filter(|method| !method.is_empty());
        Settings {
            stock_location: connection.get("stock_location").to_owned(),
            use_locations: on("use_locations"),
            download_pos: on("download_pos"),
            hold_risk: match connection.get("hold_risk") {
                "never" => HoldRisk::Never,
                "medium" => HoldRisk::Medium,
                _ => HoldRisk::High,
            },
            release_tag: if tag.is_empty() { "consign-release" } else { tag }.to_owned(),
            authorised_is_paid: on("authorised_is_paid"),
            trusted_methods: methods.map(str::to_owned).collect(),
            notify_buyer: on("notify_buyer"),
            refund_on_cancel: on("refund_on_cancel"),
        }
    }
}

/// Shopify's id of the order with this reference.
fn order_id(reference: &str) -> String {
    format!("gid://shopify/Order/{reference}")
}

/// One shop.
struct ShopifyChannel {
    api: Api,
    settings: Settings,
}

impl Channel for ShopifyChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(async move { setup::greeting(&self.api.data(documents::WHO, json!({})).await?) })
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { download::page(&self.api, &self.settings, &request).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { download::one(&self.api, &self.settings, &reference).await })
    }

    fn references(
        &self,
        _statuses: Vec<String>,
        since: Timestamp,
        page: Option<String>,
    ) -> BoxFuture<'_, Result<ReferencePage, PortError>> {
        Box::pin(async move { download::references(&self.api, &self.settings, since, page).await })
    }

    fn despatch(&self, despatches: Vec<Despatch>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { fulfil::despatch(&self.api, &self.settings, &despatches).await })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { fulfil::cancel(&self.api, &self.settings, &cancellation).await })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            in_calls(&levels, STOCK_BATCH, |chunk| catalogue::set_stock(&self.api, &self.settings, chunk)).await
        })
    }

    fn list_locations(&self) -> BoxFuture<'_, Result<Vec<ChannelPlace>, PortError>> {
        Box::pin(async move {
            let who = self.api.data(documents::WHO, json!({})).await?;
            let place = |option: ConfigOption| ChannelPlace { code: option.value, name: option.label };
            Ok(setup::locations(&who).into_iter().map(place).collect())
        })
    }

    fn push_stock_at(
        &self,
        location: String,
        levels: Vec<StockLevel>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move {
            let settings = Settings { stock_location: location, ..self.settings.clone() };
            in_calls(&levels, STOCK_BATCH, |chunk| catalogue::set_stock(&self.api, &settings, chunk)).await
        })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&prices, STOCK_BATCH, |chunk| catalogue::set_prices(&self.api, chunk)).await })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move { catalogue::list(&self.api, &self.settings, page.as_deref()).await })
    }

    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>> {
        Box::pin(async move { catalogue::methods(&self.api, kind).await })
    }
}
