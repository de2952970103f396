//! Kind `amazon`: a seller account on Amazon's marketplaces, by the Selling Partner API.
//!
//! Orders are read by Orders 2026-01-01, whose search brings items, buyer and address along (the calls of v0 are deprecated);
//! shipments are confirmed one by one; cancellations are a feed, as no model has another way; stock and prices are patches of
//! single listings. Amazon's limits are what shapes all of it (`limits.rs`): one search in three minutes, so a
//! round asks only for what changed, and a batch tells of several SKUs by one look-up. `download.rs`, `fulfil.rs`,
//! `listings.rs` and `setup.rs` are the port's parts; `api.rs` and `mapping.rs` are as in every kind.

mod api;
mod download;
mod fulfil;
mod limits;
mod listings;
pub(crate) mod mapping;
mod marketplaces;
mod proceeds;
mod setup;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use consign_ports::{
    BoxFuture, Cancellation, Capabilities, Channel, ChannelKind, ChannelStatus, ChannelTag, Connection, DefaultStatus,
    Despatch, DownloadPage, DownloadRequest, Incoming, ListingPrice, Outcome, PortError, ProductPage, ReferencePage,
    SetupStep, StockLevel, TagKind,
};
use consign_values::Timestamp;

use crate::batch::in_calls;
use crate::http::Http;
use api::{Accounts, Api};
use mapping::Fulfilment;

/// Two confirmations go in a second.
const DESPATCH_BATCH: usize = 20;
/// Five patches go in a second.
const STOCK_BATCH: usize = 60;

/// Amazon's speeds of delivery.
const SPEEDS: [(&str, &str); 8] = [
    ("STANDARD", "Standard"),
    ("EXPEDITED", "Expedited"),
    ("SECOND_DAY", "Second day"),
    ("NEXT_DAY", "Next day"),
    ("SAME_DAY", "Same day"),
    ("PRIORITY", "Priority"),
    ("SCHEDULED", "Scheduled"),
    ("FREE_ECONOMY", "Free economy"),
];

/// Ways to pay that Amazon names; where it names none, the tag is `Amazon`.
const PAYMENTS: [(&str, &str); 6] = [
    ("Amazon", "Through Amazon"),
    ("CreditCard", "Credit card"),
    ("CashOnDelivery", "Cash on delivery"),
    ("ConvenienceStore", "Convenience store"),
    ("Invoice", "Invoice"),
    ("Pix", "Pix"),
];

/// Kind `amazon`.
pub(crate) struct AmazonKind {
    http: Http,
    timeout: Duration,
    accounts: Accounts,
}

impl AmazonKind {
    /// Calls over `http`, each within `timeout`.
    pub fn new(http: Http, timeout: Duration) -> Self {
        AmazonKind { http, timeout, accounts: Accounts::default() }
    }

    fn api(&self, connection: &Connection) -> Api {
        Api::new(self.http.clone(), self.timeout, connection, &self.accounts)
    }
}

impl ChannelKind for AmazonKind {
    fn code(&self) -> &'static str {
        "amazon"
    }

    fn label(&self) -> &'static str {
        "Amazon"
    }

    fn summary(&self) -> &'static str {
        "A seller account on Amazon's marketplaces, by the Selling Partner API"
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
            // Amazon's answers end two minutes before the call.
            overlap_seconds: 600,
        }
    }

    fn default_statuses(&self) -> &'static [DefaultStatus] {
        &[]
    }

    fn source(&self, connection: &Connection) -> String {
        match Fulfilment::parse(connection.get("fulfilled_by")) {
            Fulfilment::Merchant => "AMAZON".to_owned(),
            Fulfilment::Amazon => "AMAZON_FBA".to_owned(),
        }
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
                let known = !connection.get("refresh_token").is_empty();
                return Ok(if known { setup::settings_step(connection) } else { setup::account_step(connection) });
            }
            let mut next = connection.clone();
            setup::take_answers(&mut next, answers)?;
            setup::verify(&self.api(&next), &mut next).await?;
            *connection = next;
            Ok(setup::settings_step(connection))
        })
    }

    fn connect(&self, connection: &Connection) -> Result<Box<dyn Channel>, PortError> {
        for key in ["region", "client_id", "client_secret", "refresh_token", "seller_id", "marketplaces"] {
            if connection.get(key).is_empty() {
                return Err(PortError::Refused(format!("the set-up is not finished: {key} is missing")));
            }
        }
        Ok(Box::new(AmazonChannel {
            api: self.api(connection),
            seller: connection.get("seller_id").to_owned(),
            marketplaces: connection.get("marketplaces").split(',').map(str::to_owned).collect(),
            fulfilment: Fulfilment::parse(connection.get("fulfilled_by")),
            personal_data: connection.get("personal_data") != "False",
        }))
    }

    fn removed<'a>(&'a self, _connection: &'a Connection) -> BoxFuture<'a, Result<(), PortError>> {
        // Only the seller can take back an authorisation, in Seller Central.
        Box::pin(async { Ok(()) })
    }
}

/// One seller in some marketplaces of a region.
struct AmazonChannel {
    api: Api,
    seller: String,
    /// Ids of marketplaces, at least one.
    marketplaces: Vec<String>,
    fulfilment: Fulfilment,
    /// Whether buyer and address are asked for.
    personal_data: bool,
}

impl AmazonChannel {
    fn markets(&self) -> Vec<&str> {
        self.marketplaces.iter().map(String::as_str).collect()
    }
}

fn tags(list: &[(&str, &str)]) -> Vec<ChannelTag> {
    list.iter()
        .map(|(tag, label)| ChannelTag { tag: (*tag).to_owned(), label: (*label).to_owned(), site: String::new() })
        .collect()
}

impl Channel for AmazonChannel {
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>> {
        Box::pin(async move {
            let places = setup::participations(&self.api).await?;
            setup::greeting(&places, &self.marketplaces)
        })
    }

    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>> {
        Box::pin(async move { self.page(&request).await })
    }

    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>> {
        Box::pin(async move { self.one(&reference).await })
    }

    fn references(
        &self,
        _statuses: Vec<String>,
        since: Timestamp,
        page: Option<String>,
    ) -> BoxFuture<'_, Result<ReferencePage, PortError>> {
        Box::pin(async move { self.open_references(since, page.as_deref()).await })
    }

    fn despatch(&self, despatches: Vec<Despatch>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { self.despatch_all(&despatches).await })
    }

    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome> {
        Box::pin(async move { self.cancel_one(&cancellation).await })
    }

    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&levels, listings::LOOK_UP, |chunk| self.set_stock(chunk)).await })
    }

    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        Box::pin(async move { in_calls(&prices, listings::LOOK_UP, |chunk| self.set_prices(chunk)).await })
    }

    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>> {
        Box::pin(async move { self.products(page.as_deref()).await })
    }

    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>> {
        Box::pin(async move {
            Ok(match kind {
                TagKind::Shipping => tags(&SPEEDS),
                TagKind::Payment => tags(&PAYMENTS),
            })
        })
    }
}
