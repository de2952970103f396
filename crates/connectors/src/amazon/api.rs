//! The Selling Partner API: a token of Login with Amazon, calls within their limits, errors as what to do about them.
//!
//! Requests are not signed (Amazon dropped that); `x-amz-access-token` shows who we are. A token lasts an hour and is shared by
//! all instances of one account, as are the limits (`limits.rs`). 401 and 403 are also what an expired token gets, so a
//! call is repeated once with a fresh token and then believed.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use consign_ports::{Connection, PortError};
use consign_values::clean;
use reqwest::Method;
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;

use super::limits::{Limits, Operation};
use crate::http::{Call, Http, Reply};

/// Where tokens come from.
const TOKEN_URL: &str = "https://api.amazon.com/auth/o2/token";
/// A token is renewed that long before its end.
const TOKEN_SPARE: Duration = Duration::from_secs(120);
const MESSAGE_MAX: usize = 300;

/// What all instances of one account share: the token and the limits. Lost with the process, without harm.
pub(super) struct Account {
    /// What may be called when.
    pub limits: Limits,
    token: AsyncMutex<Option<(SecretString, Instant)>>,
    /// Feeds under way, by the key of what they are for.
    feeds: Mutex<HashMap<String, String>>,
}

/// The accounts that this process has spoken for.
#[derive(Default)]
pub(super) struct Accounts(Mutex<HashMap<u64, Arc<Account>>>);

impl Accounts {
    /// The account of these credentials.
    pub fn of(&self, connection: &Connection) -> Arc<Account> {
        let mut hasher = DefaultHasher::new();
        for key in ["region", "endpoint", "token_endpoint", "client_id", "client_secret", "refresh_token"] {
            connection.get(key).hash(&mut hasher);
        }
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.entry(hasher.finish()).or_insert_with(|| {
            let (token, feeds) = (AsyncMutex::new(None), Mutex::new(HashMap::new()));
            Arc::new(Account { limits: Limits::new(), token, feeds })
        });
        account.clone()
    }
}

impl Account {
    /// The feed under way for that key.
    pub fn feed(&self, key: &str) -> Option<String> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Remembers or forgets the feed for that key.
    pub fn set_feed(&self, key: &str, feed: Option<String>) {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        match feed {
            Some(feed) => feeds.insert(key.to_owned(), feed),
            None => feeds.remove(key),
        };
    }
}

/// One call: what, where, and with which body.
pub(super) struct Request {
    /// The operation, for its limit.
    pub operation: Operation,
    /// Its method.
    pub method: Method,
    /// Path and query, escaped.
    pub path: String,
    /// Its body.
    pub body: Option<Value>,
}

impl Request {
    /// A call without a body.
    pub fn get(operation: Operation, path: String) -> Self {
        Request { operation, method: Method::GET, path, body: None }
    }
}

/// What calls of one instance need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    endpoint: String,
    token_url: String,
    client_id: String,
    client_secret: SecretString,
    refresh_token: SecretString,
    /// What it shares with other instances of the account.
    pub account: Arc<Account>,
}

impl Api {
    /// Reads region and credentials off the connection. `endpoint` and `token_endpoint`, which set-up never asks for, take the
    /// place of Amazon's own in tests.
    pub fn new(http: Http, timeout: Duration, connection: &Connection, accounts: &Accounts) -> Self {
        let or = |key: &str, usual: String| match connection.get(key) {
            "" => usual,
            set => set.trim_end_matches('/').to_owned(),
        };
        Api {
            http,
            timeout,
            endpoint: or("endpoint", endpoint(connection.get("region"))),
            token_url: or("token_endpoint", TOKEN_URL.to_owned()),
            client_id: connection.get("client_id").to_owned(),
            client_secret: connection.get("client_secret").into(),
            refresh_token: connection.get("refresh_token").into(),
            account: accounts.of(connection),
        }
    }

    /// Calls and gives the answer with status 2xx.
    pub async fn call(&self, request: Request) -> Result<Reply, PortError> {
        self.call_sparing(request, 0.0).await
    }

    /// As [`Api::call`], but leaves that many calls to others.
    pub async fn call_sparing(&self, request: Request, spare: f64) -> Result<Reply, PortError> {
        let reply = self.reply(request, spare).await?;
        if (200..300).contains(&reply.status) { Ok(reply) } else { Err(refused(reply)) }
    }

    /// As [`Api::call`], with `None` where Amazon has no such thing.
    pub async fn find(&self, request: Request) -> Result<Option<Reply>, PortError> {
        let reply = self.reply(request, 0.0).await?;
        match reply.status {
            200..300 => Ok(Some(reply)),
            404 => Ok(None),
            _ => Err(refused(reply)),
        }
    }

    async fn reply(&self, request: Request, spare: f64) -> Result<Reply, PortError> {
        self.account.limits.pass(request.operation, spare).await?;
        let (token, fresh) = self.token(false).await?;
        let mut reply = self.send(&request, token).await?;
        if matches!(reply.status, 401 | 403) && !fresh {
            let (token, _) = self.token(true).await?;
            reply = self.send(&request, token).await?;
        }
        let told = told_rate(&reply.headers);
        match reply.status {
            429 => return Err(self.account.limits.refused(request.operation, told)),
            200..300 => self.account.limits.learn(request.operation, told),
            _ => {}
        }
        Ok(reply)
    }

    async fn send(&self, request: &Request, token: SecretString) -> Result<Reply, PortError> {
        let url = format!("{}{}", self.endpoint, request.path);
        let headers =
            vec![("accept", "application/json".to_owned()), ("x-amz-access-token", token.expose_secret().to_owned())];
        let body = request.body.as_ref().map(|body| ("application/json", body.to_string().into_bytes()));
        let call = Call { url: &url, headers, body, timeout: self.timeout };
        self.http.exchange(request.method.clone(), call).await
    }

    /// Puts a document where a presigned address says. No token goes there.
    pub async fn upload(&self, url: &str, content_type: &'static str, body: String) -> Result<(), PortError> {
        let body = Some((content_type, body.into_bytes()));
        let call = Call { url, headers: Vec::new(), body, timeout: self.timeout };
        match self.http.exchange(Method::PUT, call).await?.into_answer() {
            Ok(_) => Ok(()),
            // The address is only valid for five minutes: a new one may do.
            Err(PortError::Unauthorised(why) | PortError::Refused(why)) => Err(PortError::retry(why)),
            Err(error) => Err(error),
        }
    }

    /// A token, and whether it was just made.
    async fn token(&self, renew: bool) -> Result<(SecretString, bool), PortError> {
        let mut held = self.account.token.lock().await;
        if !renew
            && let Some((token, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return Ok((token.clone(), false));
        }
        *held = None;
        let (token, lasts) = self.log_in().await?;
        *held = Some((token.clone(), Instant::now() + lasts.saturating_sub(TOKEN_SPARE)));
        Ok((token, true))
    }

    async fn log_in(&self) -> Result<(SecretString, Duration), PortError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "refresh_token")
            .append_pair("refresh_token", self.refresh_token.expose_secret())
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose_secret())
            .finish();
        let body = Some(("application/x-www-form-urlencoded;charset=UTF-8", form.into_bytes()));
        let headers = vec![("accept", "application/json".to_owned())];
        let call = Call { url: &self.token_url, headers, body, timeout: self.timeout };
        let reply = self.http.exchange(Method::POST, call).await?;
        if matches!(reply.status, 400 | 401 | 403) {
            let said: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let why = said["error_description"].as_str().or(said["error"].as_str()).unwrap_or("no reason given");
            let why = clean(why, MESSAGE_MAX);
            return Err(PortError::Unauthorised(format!("Login with Amazon refused the credentials: {why}")));
        }
        let answer = reply.into_answer()?.json()?;
        let token = answer["access_token"].as_str().filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| PortError::Protocol("Login with Amazon gave no access token".into()))?;
        let lasts = answer["expires_in"].as_u64().unwrap_or(3_600).min(86_400);
        Ok((token.into(), Duration::from_secs(lasts)))
    }
}

/// The address of a region; those that begin with `sandbox-` are Amazon's own test stands.
fn endpoint(region: &str) -> String {
    match region.strip_prefix("sandbox-") {
        Some(region) => format!("https://sandbox.sellingpartnerapi-{region}.amazon.com"),
        None => format!("https://sellingpartnerapi-{region}.amazon.com"),
    }
}

fn told_rate(headers: &HeaderMap) -> Option<f64> {
    headers.get("x-amzn-ratelimit-limit")?.to_str().ok()?.trim().parse().ok()
}

/// What a status other than 2xx means, in Amazon's words where it has some.
fn refused(reply: Reply) -> PortError {
    let said: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let words: Vec<&str> = said["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|error| [error["message"].as_str(), error["details"].as_str()])
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    if words.is_empty() || !(400..500).contains(&reply.status) || reply.status == 408 {
        return reply.into_answer().err().unwrap_or_else(|| PortError::retry("Amazon's answer is not understood"));
    }
    let mut words = words;
    words.dedup();
    let said = clean(&words.join("; "), MESSAGE_MAX);
    match reply.status {
        401 | 403 => PortError::Unauthorised(format!(
            "Amazon says: {said}. Look whether the application still has the seller's authorisation and its roles"
        )),
        _ => PortError::Refused(format!("Amazon says: {said}")),
    }
}

/// Escapes all but letters, digits and `-_.~`, as Amazon wants it of SKUs.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A path with its query, each value escaped, lists with their commas.
pub(super) fn with_query(path: &str, query: &[(&str, Vec<&str>)]) -> String {
    let list = |values: &[&str]| values.iter().map(|value| escape(value)).collect::<Vec<_>>().join(",");
    let pairs: Vec<String> = query.iter().map(|(name, values)| format!("{name}={}", list(values))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_region_has_its_endpoint_and_its_sandbox() {
        assert_eq!(endpoint("eu"), "https://sellingpartnerapi-eu.amazon.com");
        assert_eq!(endpoint("sandbox-na"), "https://sandbox.sellingpartnerapi-na.amazon.com");
    }

    #[test]
    fn whatever_is_in_a_sku_stays_one_value() {
        assert_eq!(escape("A/B +C?&=,%é"), "A%2FB%20%2BC%3F%26%3D%2C%25%C3%A9");
        let path = with_query("/x", &[("a", vec!["1", "2,3"]), ("b", vec!["c d"])]);
        assert_eq!(path, "/x?a=1,2%2C3&b=c%20d");
        assert_eq!(with_query("/x", &[]), "/x");
    }
}
