//! Orders in: those that changed since the last round, with everything in one answer.
//!
//! An order's `lastUpdatedTime` moves with its status, so "changed since" misses no payment; Amazon leaves out the last two
//! minutes, which the overlap of rounds covers. A search costs three minutes of the limit: a round asks for up to 100
//! orders a page, and reconciliation leaves the last searches to the download. Page tokens last a day; where Amazon
//! refuses one, the round begins anew, as a stored token can be older than that.

use consign_ports::{DownloadPage, DownloadRequest, Incoming, PortError, ReferencePage};
use consign_values::Timestamp;

use super::AmazonChannel;
use super::api::{Request, escape, with_query};
use super::limits::Operation;
use super::mapping::{one_order, orders_page};

const ORDERS: &str = "/orders/2026-01-01/orders";
const PAGE: &str = "100";
/// Searches that reconciliation leaves to the download.
const SPARE: f64 = 5.0;

/// All statuses but that of Amazon's multi-channel orders.
const WANTED: [&str; 6] = ["PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"];
/// Those that wait for shipment.
const OPEN: [&str; 2] = ["UNSHIPPED", "PARTIALLY_SHIPPED"];

impl AmazonChannel {
    /// The datasets that the mapping reads; buyer and address only where the instance may have them.
    fn datasets(&self) -> Vec<&'static str> {
        let mut sets = vec!["PROCEEDS", "CANCELLATION", "FULFILLMENT", "TAX", "PAYMENT"];
        if self.personal_data {
            sets.extend(["BUYER", "RECIPIENT"]);
        }
        sets
    }

    fn changed_since(&self, since: Timestamp, token: Option<&str>) -> Request {
        let since = since.to_rfc3339_millis();
        let mut query = vec![
            ("lastUpdatedAfter", vec![since.as_str()]),
            ("marketplaceIds", self.markets()),
            ("fulfillmentStatuses", WANTED.to_vec()),
            ("fulfilledBy", vec![self.fulfilment.code()]),
            ("includedData", self.datasets()),
            ("maxResultsPerPage", vec![PAGE]),
        ];
        query.extend(token.map(|token| ("paginationToken", vec![token])));
        Request::get(Operation::SearchOrders, with_query(ORDERS, &query))
    }

    /// One page of a round.
    pub(super) async fn page(&self, request: &DownloadRequest) -> Result<DownloadPage, PortError> {
        let token = request.page.as_deref();
        let reply = match self.api.call(self.changed_since(request.since, token)).await {
            Err(PortError::Refused(_)) if token.is_some() => {
                self.api.call(self.changed_since(request.since, None)).await?
            }
            other => other?,
        };
        let answer = reply.into_answer()?;
        let page = orders_page(&answer.text(), self.fulfilment).map_err(PortError::Protocol)?;
        let rate_left = Some(self.api.account.limits.left(Operation::SearchOrders));
        Ok(DownloadPage { orders: page.orders, next: page.next, rate_left })
    }

    /// What asks for one order.
    pub(super) fn ask_order(&self, reference: &str, datasets: Vec<&str>) -> Request {
        let path = format!("{ORDERS}/{}", escape(reference));
        Request::get(Operation::GetOrder, with_query(&path, &[("includedData", datasets)]))
    }

    /// One order by its number.
    pub(super) async fn one(&self, reference: &str) -> Result<Option<Incoming>, PortError> {
        let Some(reply) = self.api.find(self.ask_order(reference, self.datasets())).await? else { return Ok(None) };
        let answer = reply.into_answer()?;
        one_order(&answer.text(), self.fulfilment).map_err(PortError::Protocol)
    }

    /// Numbers of the orders that wait for shipment.
    pub(super) async fn open_references(
        &self,
        since: Timestamp,
        token: Option<&str>,
    ) -> Result<ReferencePage, PortError> {
        let since = since.to_rfc3339_millis();
        let mut query = vec![
            ("createdAfter", vec![since.as_str()]),
            ("marketplaceIds", self.markets()),
            ("fulfillmentStatuses", OPEN.to_vec()),
            ("fulfilledBy", vec![self.fulfilment.code()]),
            ("maxResultsPerPage", vec![PAGE]),
        ];
        query.extend(token.map(|token| ("paginationToken", vec![token])));
        let request = Request::get(Operation::SearchOrders, with_query(ORDERS, &query));
        let answer = self.api.call_sparing(request, SPARE).await?.into_answer()?.json()?;
        let orders = answer["orders"]
            .as_array()
            .ok_or_else(|| PortError::Protocol("the answer has no list of orders".into()))?;
        let references = orders.iter().filter_map(|order| order["orderId"].as_str().map(str::to_owned)).collect();
        let next = answer["pagination"]["nextToken"].as_str().filter(|token| !token.is_empty());
        Ok(ReferencePage { references, next: next.map(str::to_owned) })
    }
}
