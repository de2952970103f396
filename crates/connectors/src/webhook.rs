//! Sends webhooks through the one HTTP client, so that they reach only the networks that channels may live in.

use std::time::Duration;

use consign_ports::PortError;

use crate::http::{Call, Http, check_url};
use crate::networks::Networks;

/// The longest that an address may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The most that is read of its answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Sends webhooks. Cheap to clone.
#[derive(Clone)]
pub struct WebhookSender {
    http: Http,
    networks: Networks,
}

impl WebhookSender {
    /// Reaching these networks beyond the public internet.
    pub fn new(networks: Networks) -> Self {
        WebhookSender { http: Http::new(networks.clone(), Duration::from_secs(5), ANSWER_BYTES_MAX), networks }
    }

    /// Whether an address may be called, as far as can be told without asking for its name; else why not.
    pub fn check(&self, url: &str) -> Result<(), String> {
        check_url(url, &self.networks).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Posts a delivery. An answer other than 200 to 299 is an error.
    pub async fn send(&self, url: &str, kind: &str, signature: String, body: String) -> Result<(), PortError> {
        let headers = vec![("consign-event", kind.to_owned()), ("consign-signature", signature)];
        let body = Some(("application/json", body.into_bytes()));
        self.http.call(Call { url, headers, body, timeout: TIMEOUT }).await.map(|_| ())
    }
}
