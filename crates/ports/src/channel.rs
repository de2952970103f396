//! The port itself: one connected channel instance.

use std::future::Future;
use std::pin::Pin;

use consign_values::Timestamp;

use crate::{
    Cancellation, ChannelPlace, ChannelStatus, ChannelTag, Despatch, IncomingOrder, ListingPrice, Outcome, PortError,
    ProductPage, StockLevel, TagKind,
};

/// A boxed future, so that the port can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadRequest {
    /// What the last page returned, or `None` for the first page of a round.
    pub page: Option<String>,
    /// Orders that changed (or, where the channel can't tell, were placed) since then. Already overlaps the last round.
    pub since: Timestamp,
    /// Statuses that the instance maps to anything but *Unmapped*; empty for kinds without statuses.
    pub statuses: Vec<String>,
    /// References that we hold as unpaid: a kind whose "changed since" misses payments re-reads these by themselves.
    pub unsettled: Vec<String>,
}

/// One page of a download round.
#[derive(Clone, Debug)]
pub struct DownloadPage {
    /// The orders, in the channel's sequence.
    pub orders: Vec<Incoming>,
    /// Asks for the next page of this round; `None` at the end.
    pub next: Option<String>,
    /// Calls that the channel still allows in its present window, where it says.
    pub rate_left: Option<u32>,
}

/// One order of a page: understood, or kept as it came.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The channel's order number; empty where not even that could be read.
    pub reference: String,
    /// The payload as received, for the inbox.
    pub payload: Vec<u8>,
    /// The order, or why it could not be understood (with the field named).
    pub order: Result<Box<IncomingOrder>, String>,
}

/// References of the orders that the channel has in given statuses: for reconciliation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReferencePage {
    /// The order numbers on this page.
    pub references: Vec<String>,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// One connected channel instance. Every call is a remote call: it may take seconds, fail, or take effect and fail.
pub trait Channel: Send + Sync {
    /// Whether the credentials work; `Ok` carries a sentence for the user ("Connected to Default Channel as superadmin").
    fn test(&self) -> BoxFuture<'_, Result<String, PortError>>;

    /// One page of orders.
    fn download(&self, request: DownloadRequest) -> BoxFuture<'_, Result<DownloadPage, PortError>>;

    /// One order by its reference, or `None` if the channel has no such order: for retrying a rejected payload.
    fn fetch_order(&self, reference: String) -> BoxFuture<'_, Result<Option<Incoming>, PortError>>;

    /// The order numbers that the channel has in these statuses and placed since then (kinds without statuses: that it would
    /// download as open).
    fn references(
        &self,
        statuses: Vec<String>,
        since: Timestamp,
        page: Option<String>,
    ) -> BoxFuture<'_, Result<ReferencePage, PortError>>;

    /// Reports shipments; one outcome for each, in sequence. Repeating a note that took effect is a success.
    fn despatch(&self, despatches: Vec<Despatch>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>>;

    /// Cancels a whole order. Repeating a cancellation that took effect is a success.
    fn cancel(&self, cancellation: Cancellation) -> BoxFuture<'_, Outcome>;

    /// Sets stock figures; one outcome for each, in sequence. `Refused` means that the listing is gone.
    fn push_stock(&self, levels: Vec<StockLevel>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>>;

    /// The channel's own warehouses. Only asked where [`crate::Capabilities::locations`] says so.
    fn list_locations(&self) -> BoxFuture<'_, Result<Vec<ChannelPlace>, PortError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// As [`Channel::push_stock`], for one of the channel's own warehouses by its code. Only called where
    /// [`crate::Capabilities::locations`] says so.
    fn push_stock_at(
        &self,
        _location: String,
        levels: Vec<StockLevel>,
    ) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        let refused = PortError::Refused("this kind of channel has no warehouses of its own".into());
        Box::pin(std::future::ready(Ok(levels.iter().map(|_| Err(refused.clone())).collect())))
    }

    /// Sets prices; one outcome for each, in sequence. `Refused` means that the listing is gone or takes no such price. Only
    /// called where [`crate::Capabilities::prices`] says so.
    fn push_prices(&self, prices: Vec<ListingPrice>) -> BoxFuture<'_, Result<Vec<Outcome>, PortError>> {
        let refused = PortError::Refused("this kind of channel takes no prices".into());
        Box::pin(std::future::ready(Ok(prices.iter().map(|_| Err(refused.clone())).collect())))
    }

    /// One page of listings.
    fn list_products(&self, page: Option<String>) -> BoxFuture<'_, Result<ProductPage, PortError>>;

    /// The statuses that orders can have; empty for kinds without.
    fn list_statuses(&self) -> BoxFuture<'_, Result<Vec<ChannelStatus>, PortError>>;

    /// The shipping services or payment methods that orders can carry.
    fn list_tags(&self, kind: TagKind) -> BoxFuture<'_, Result<Vec<ChannelTag>, PortError>>;
}
