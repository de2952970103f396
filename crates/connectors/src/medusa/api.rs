//! Medusa's Admin API: JSON over HTTP with a secret API key, which Medusa takes as a basic user name.
//!
//! Measured on 2.21.2 (`channels.md` 3): a wrong key is status 401, errors are `{type, message}`, query parameters that it does
//! not know are passed over, and there is no limit of calls. An order's `fulfillment_status` is right only if its lines are
//! asked for, so each list of orders asks for them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consign_ports::{Connection, PortError};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use crate::http::{Answer, Call, Http};

/// All of an order that `mapping.rs` reads.
pub(super) const ORDER: &str = "id,display_id,custom_display_id,status,payment_status,fulfillment_status,created_at,\
    updated_at,canceled_at,email,currency_code,total,shipping_total,metadata,*items,*shipping_address,*billing_address,\
    *shipping_methods,*payment_collections,*payment_collections.payments,*promotions";

/// What is needed to tell an order's status.
pub(super) const ORDER_STATUS: &str =
    "id,status,created_at,currency_code,total,payment_status,*items,*payment_collections";

/// What despatch and cancellation must know of an order.
pub(super) const ORDER_PARCELS: &str = "id,status,*items,*fulfillments,*fulfillments.items,*fulfillments.labels";

/// Variants with what is in stock of the things that they are made of.
pub(super) const VARIANT_STOCK: &str =
    "id,sku,title,manage_inventory,product.title,*inventory_items,*inventory_items.inventory.location_levels";

/// What calls of one instance need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    url: String,
    key: SecretString,
}

impl Api {
    /// Reads address and key off the connection.
    pub fn new(http: Http, timeout: Duration, connection: &Connection) -> Self {
        let key = connection.get("api_key").into();
        Api { http, timeout, url: connection.get("url").to_owned(), key }
    }

    /// Reads what is at a path, such as `["orders"]`.
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, PortError> {
        self.read(path, query).await?.json()
    }

    /// Reads what is at a path and gives the answer as it came.
    pub async fn read(&self, path: &[&str], query: &[(&str, String)]) -> Result<Answer, PortError> {
        self.call(path, query, None).await
    }

    /// Posts to a path.
    pub async fn post(&self, path: &[&str], query: &[(&str, String)], body: &Value) -> Result<Value, PortError> {
        self.call(path, query, Some(body)).await?.json()
    }

    async fn call(&self, path: &[&str], query: &[(&str, String)], body: Option<&Value>) -> Result<Answer, PortError> {
        let url = self.address(path, query)?;
        let basic = STANDARD.encode(format!("{}:", self.key.expose_secret()));
        let headers = vec![("accept", "application/json".to_owned()), ("authorization", format!("Basic {basic}"))];
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.http.call(Call { url: url.as_str(), headers, body, timeout: self.timeout }).await
    }

    fn address(&self, path: &[&str], query: &[(&str, String)]) -> Result<Url, PortError> {
        let mut url = crate::http::parse_url(&self.url)?;
        url.path_segments_mut()
            .map_err(|()| PortError::Refused("the shop's address can't have a path".into()))?
            .pop_if_empty()
            .push("admin")
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }
}
