//! WooCommerce's REST API v3: JSON by GET and POST, signed as the shop's address allows.
//!
//! Measured on 11.0.1 (`channels.md` 2.6, 5): over `https` the keys go as HTTP Basic; over plain `http` the shop answers 401 to
//! that and to keys in the query, and takes only OAuth 1.0a signatures (HMAC-SHA256 here). Every change is a POST, which
//! WordPress takes for its PUT routes too. Errors carry a status, which [`crate::http`] tells as what to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use consign_ports::{Connection, PortError};
use consign_values::{Clock, SystemClock, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;

use crate::http::{Answer, Call, Http};

/// Rows that a list asks for: the API's most.
pub(super) const PAGE: usize = 100;

/// What calls of one shop need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    /// The site's address, without a slash at the end.
    site: String,
    key: String,
    secret: SecretString,
}

/// Names and values of a query, in plain text.
pub(super) type Params<'p> = &'p [(&'p str, String)];

impl Api {
    /// Reads address and keys off the connection.
    pub fn new(http: Http, timeout: Duration, connection: &Connection) -> Self {
        Api {
            http,
            timeout,
            site: connection.get("url").trim_end_matches('/').to_owned(),
            key: connection.get("consumer_key").to_owned(),
            secret: connection.get("consumer_secret").into(),
        }
    }

    /// Where the shop is, for people.
    pub fn site(&self) -> &str {
        self.site.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// Reads `path` (such as `orders`) and gives the answer as it came.
    pub async fn get(&self, path: &str, params: Params<'_>) -> Result<Answer, PortError> {
        self.call(path, params, None).await
    }

    /// Reads a list. What is no list is a fault of the shop.
    pub async fn list(&self, path: &str, params: Params<'_>) -> Result<Vec<Value>, PortError> {
        match self.get(path, params).await?.json()? {
            Value::Array(rows) => Ok(rows),
            _ => Err(PortError::Protocol(format!("the shop's answer on {path} is no list"))),
        }
    }

    /// Posts `body` to `path` and gives the answer's JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, PortError> {
        self.call(path, &[], Some(body)).await?.json()
    }

    /// Deletes what is at `path` for good. What is gone already is no error.
    pub async fn delete(&self, path: &str) -> Result<(), PortError> {
        let (url, headers) = self.head("DELETE", path, &[("force", "true".to_owned())]);
        let call = Call { url: &url, headers, body: None, timeout: self.timeout };
        let reply = self.http.exchange(Method::DELETE, call).await?;
        if matches!(reply.status, 404 | 410) { Ok(()) } else { reply.into_answer().map(drop) }
    }

    async fn call(&self, path: &str, params: Params<'_>, body: Option<&Value>) -> Result<Answer, PortError> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let (url, headers) = self.head(method, path, params);
        let body = body.map(|body| ("application/json", body.to_string().into_bytes()));
        self.http.call(Call { url: &url, headers, body, timeout: self.timeout }).await
    }

    /// Address and headers of a call.
    fn head(&self, method: &str, path: &str, params: Params<'_>) -> (String, Vec<(&'static str, String)>) {
        let (url, authorization) = self.address(method, path, params, SystemClock.now());
        let mut headers = vec![("accept", "application/json".to_owned())];
        headers.extend(authorization.map(|value| ("authorization", value)));
        (url, headers)
    }

    /// The whole address of a call and its `Authorization` header, if it has one.
    fn address(&self, method: &str, path: &str, params: Params<'_>, now: Timestamp) -> (String, Option<String>) {
        let address = format!("{}/wp-json/wc/v3/{path}", self.site);
        let mut pairs: Vec<(String, String)> =
            params.iter().map(|(name, value)| (encode(name), encode(value))).collect();
        let authorization = if self.site.starts_with("https://") {
            let pair = format!("{}:{}", self.key, self.secret.expose_secret());
            Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        } else {
            self.sign(method, &address, &mut pairs, now);
            None
        };
        let query: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let url = if query.is_empty() { address } else { format!("{address}?{}", query.join("&")) };
        (url, authorization)
    }

    /// Adds the OAuth 1.0a parameters (RFC 5849, without a token) to the encoded `pairs`.
    fn sign(&self, method: &str, address: &str, pairs: &mut Vec<(String, String)>, now: Timestamp) {
        static CALLS: AtomicU64 = AtomicU64::new(0);
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let secret = self.secret.expose_secret();
        let nonce = &hmac(secret.as_bytes(), format!("{}:{call}", now.0).as_bytes())[..16];
        let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        for (name, value) in [
            ("oauth_consumer_key", encode(&self.key)),
            ("oauth_nonce", nonce),
            ("oauth_signature_method", "HMAC-SHA256".to_owned()),
            ("oauth_timestamp", (now.0 / 1_000_000).to_string()),
        ] {
            pairs.push((name.to_owned(), value));
        }
        pairs.sort();
        let signature = signature(secret, method, address, pairs);
        pairs.push(("oauth_signature".to_owned(), encode(&signature)));
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// The signature of a call with sorted, encoded parameters.
fn signature(secret: &str, method: &str, address: &str, pairs: &[(String, String)]) -> String {
    let query: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = format!("{method}&{}&{}", encode(address), encode(&query.join("&")));
    BASE64_STANDARD.encode(hmac(format!("{}&", encode(secret)).as_bytes(), base.as_bytes()))
}

/// Percent-encoding of all but RFC 3986's unreserved characters, as signatures need it.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// A moment as the API's date filters want it with `dates_are_gmt`.
pub(super) fn gmt(at: Timestamp) -> String {
    at.to_rfc3339_millis().chars().take(19).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::Networks;

    fn api(url: &str) -> Api {
        let mut connection = Connection::default();
        for (key, value) in [("url", url), ("consumer_key", "ck_1"), ("consumer_secret", "cs_2")] {
            connection.set(key, value);
        }
        let http = Http::new(Networks::default(), Duration::from_secs(1), 1_000);
        Api::new(http, Duration::from_secs(1), &connection)
    }

    #[test]
    fn keys_go_as_basic_over_https_and_never_in_the_address() {
        let at = Timestamp::parse("2026-11-23T05:33:13Z").unwrap();
        let params = [("status", "processing,on-hold".to_owned())];
        let (url, authorization) = api("https://shop.example.com/").address("GET", "orders", &params, at);
        assert_eq!(url, "https://shop.example.com/wp-json/wc/v3/orders?status=processing%2Con-hold");
        assert_eq!(authorization.as_deref(), Some("Basic Y2tfMTpjc18y"));
    }

    #[test]
    fn plain_http_is_signed_and_never_shows_the_secret() {
        let at = Timestamp::parse("2026-11-23T05:33:13Z").unwrap();
        let params = [("status", "a,b".to_owned()), ("page", "2".to_owned())];
        let shop = api("http://127.0.0.1:8080/shop");
        let (first, authorization) = shop.address("GET", "orders", &params, at);
        let (second, _) = shop.address("GET", "orders", &params, at);
        assert_eq!(authorization, None);
        assert!(!first.contains("cs_2"), "{first}");
        assert!(first.contains("oauth_timestamp=1795411993"), "{first}");
        assert_ne!(first, second, "a nonce is never used twice");
    }

    /// The expected value was computed with Python's `hmac` from RFC 5849's base string.
    #[test]
    fn the_signature_is_that_of_rfc_5849() {
        let pairs: Vec<(String, String)> = [
            ("oauth_consumer_key", "ck_1"),
            ("oauth_nonce", "abc"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", "1795411993"),
            ("status", "processing%2Con-hold"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        let signed = signature("cs_2", "GET", "http://127.0.0.1:3180/wp-json/wc/v3/orders", &pairs);
        assert_eq!(signed, "bYsPEmWFs5CgoJtG3QWydb1YDt78l2h5zcU1vYOi34g=");
    }
}
