//! The one HTTP client for addresses that users typed.
//!
//! It reaches only permitted networks (`networks.rs`), follows redirects only on the same host, limits the time and the
//! size of each answer, and tells what went wrong as a [`PortError`]: what to do, not what HTTP said. Neither messages nor
//! logs carry query strings, headers or request bodies, as those hold secrets. It retries nothing: the job queue does.

use std::error::Error as StdError;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use consign_ports::PortError;
use consign_values::{Clock, SystemClock, Timestamp, clean};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, redirect};
use url::{Host, Url};

use crate::networks::Networks;

/// Hops on one host before it counts as a circle.
const REDIRECTS_MAX: usize = 5;
/// Characters of a refusing answer that are shown.
const EXCERPT_MAX: usize = 200;
/// The longest wait that a channel may ask for: a day.
const RETRY_AFTER_MAX: i64 = 86_400;

/// A client that is cheap to clone. Clones share connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: Result<reqwest::Client, String>,
    networks: Networks,
    body_bytes_max: usize,
}

/// One call.
pub(crate) struct Call<'a> {
    /// Where to.
    pub url: &'a str,
    /// Header names in lower case, with values that may be secret.
    pub headers: Vec<(&'static str, String)>,
    /// What to send, with its content type; `None` makes it a GET where the method isn't said.
    pub body: Option<(&'static str, Vec<u8>)>,
    /// The longest that connecting, sending and receiving may take together.
    pub timeout: Duration,
}

/// An answer with whatever status, for kinds that read refusals themselves.
pub(crate) struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its bytes, as received.
    pub body: Vec<u8>,
    /// Host and path, for messages.
    pub place: String,
}

impl Reply {
    /// The answer if its status is 200 to 299, else what the status means.
    pub fn into_answer(self) -> Result<Answer, PortError> {
        match StatusCode::from_u16(self.status) {
            Ok(status) if status.is_success() => Ok(Answer { headers: self.headers, body: self.body }),
            Ok(status) => Err(refusal(&self.place, status, &self.headers, &self.body)),
            Err(_) => Err(PortError::Protocol(format!("{} answered with status {}", self.place, self.status))),
        }
    }
}

/// An answer with status 200 to 299.
pub(crate) struct Answer {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its bytes, as received.
    pub body: Vec<u8>,
}

impl Answer {
    /// Calls left in the present window, where the channel says so.
    pub fn rate_left(&self) -> Option<u32> {
        ["x-ratelimit-remaining", "ratelimit-remaining", "x-rate-limit-remaining"]
            .iter()
            .find_map(|name| self.headers.get(*name)?.to_str().ok()?.trim().parse().ok())
    }

    /// The body as text: UTF-8, or else Latin-1, which some old shops still send. A byte order mark is dropped.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        match std::str::from_utf8(&self.body) {
            Ok(text) => text.trim_start_matches('\u{feff}').into(),
            Err(_) => self.body.iter().map(|&byte| char::from(byte)).collect::<String>().into(),
        }
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value, PortError> {
        serde_json::from_str(&self.text()).map_err(|error| PortError::Protocol(not_json(&error)))
    }
}

/// Says where JSON stops making sense, without quoting it.
pub(crate) fn not_json(error: &serde_json::Error) -> String {
    format!("the answer is not JSON (line {}, column {})", error.line(), error.column())
}

#[derive(Debug, thiserror::Error)]
#[error("{0} lies in a network that channels may not use")]
struct Barred(String);

struct GuardedResolver(Networks);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let permitted: Vec<_> = found.into_iter().filter(|address| networks.permits(address.ip())).collect();
            if permitted.is_empty() {
                return Err(Box::new(Barred(name.as_str().to_owned())) as Box<dyn StdError + Send + Sync>);
            }
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

impl Http {
    /// A client. On a machine without certificate authorities it still reaches `http` addresses, and `https` ones fail.
    pub fn new(networks: Networks, connect_timeout: Duration, body_bytes_max: usize) -> Self {
        // An error only means that the process has a provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder(&networks, connect_timeout)
            .build()
            .or_else(|error| {
                tracing::warn!(
                    error = chain(&error),
                    "no certificate authorities found: https addresses can't be reached"
                );
                builder(&networks, connect_timeout).tls_certs_only([]).build()
            })
            .map_err(|error| format!("no HTTP client can be made on this machine: {}", chain(&error)));
        Http { client, networks, body_bytes_max }
    }

    /// Calls by GET or POST and reads the whole answer.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, PortError> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        self.exchange(method, call).await?.into_answer()
    }

    /// Calls by any method and reads the whole answer, whatever its status.
    pub async fn exchange(&self, method: Method, call: Call<'_>) -> Result<Reply, PortError> {
        let url = check_url(call.url, &self.networks)?;
        let place = place(&url);
        let client = self.client.as_ref().map_err(|why| PortError::retry(why.clone()))?;
        let mut request = client.request(method, url).timeout(call.timeout);
        for (name, value) in call.headers {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| PortError::Refused(format!("the value for the header {name} has forbidden characters")))?;
            value.set_sensitive(true);
            request = request.header(HeaderName::from_static(name), value);
        }
        if let Some((content_type, bytes)) = call.body {
            request = request.header(reqwest::header::CONTENT_TYPE, content_type).body(bytes);
        }
        let answer = request.send().await.map_err(|error| unreachable(&place, error))?;
        let status = answer.status();
        tracing::debug!(place, status = status.as_u16(), "called a channel");
        let headers = answer.headers().clone();
        let body = self.read(&place, answer).await?;
        Ok(Reply { status: status.as_u16(), headers, body, place })
    }

    async fn read(&self, place: &str, mut answer: reqwest::Response) -> Result<Vec<u8>, PortError> {
        let too_large =
            || PortError::Protocol(format!("the answer of {place} is larger than {} bytes", self.body_bytes_max));
        if answer.content_length().is_some_and(|length| length > self.body_bytes_max as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(place, error))? {
            if body.len() + chunk.len() > self.body_bytes_max {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

fn builder(networks: &Networks, connect_timeout: Duration) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("consign/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect_timeout)
        .dns_resolver(Arc::new(GuardedResolver(networks.clone())))
        .redirect(redirect::Policy::custom(same_host))
        .referer(false)
        .no_proxy()
}

/// An address that may be called as far as can be told without asking DNS: `http` or `https`, a host, no barred IP literal.
pub(crate) fn check_url(text: &str, networks: &Networks) -> Result<Url, PortError> {
    let url = parse_url(text)?;
    let literal = match url.host() {
        Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
        Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
        _ => None,
    };
    match literal {
        Some(address) if !networks.permits(address) => Err(PortError::Refused(Barred(address.to_string()).to_string())),
        _ => Ok(url),
    }
}

/// A web address without a user name in it.
pub(crate) fn parse_url(text: &str) -> Result<Url, PortError> {
    let refused =
        |why: &str| PortError::Refused(format!("{:?} {why}", clean(text.split('?').next().unwrap_or(""), 100)));
    let url = Url::parse(text.trim()).map_err(|_| refused("is not a web address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refused("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(PortError::Refused("a web address must not contain a user name or password".into()));
    }
    Ok(url)
}

/// Host and path: all of an address that may be shown or logged.
fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    clean(&format!("{}{port}{}", url.host_str().unwrap_or(""), url.path()), EXCERPT_MAX)
}

fn same_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let Some(first) = attempt.previous().first() else { return attempt.stop() };
    let next = attempt.url();
    let same = next.host() == first.host()
        && (next.scheme() == first.scheme() || next.scheme() == "https")
        && (next.port() == first.port());
    if same && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
}

fn unreachable(place: &str, error: reqwest::Error) -> PortError {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(source) = cause {
        if let Some(barred) = source.downcast_ref::<Barred>() {
            return PortError::Refused(barred.to_string());
        }
        cause = source.source();
    }
    let what = if error.is_timeout() {
        "did not answer in time".to_owned()
    } else if error.is_connect() {
        format!("can't be reached: {}", root_cause(&error))
    } else {
        format!("broke off: {}", root_cause(&error))
    };
    PortError::retry(format!("{place} {what}"))
}

/// The innermost cause. The outermost text is left out, as it would show the address with its query.
fn root_cause(error: &reqwest::Error) -> String {
    let mut text = "no cause given".to_owned();
    let mut source = error.source();
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    clean(&text, EXCERPT_MAX)
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    clean(&text, EXCERPT_MAX)
}

/// What a status other than 2xx means.
fn refusal(place: &str, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> PortError {
    let code = status.as_u16();
    match code {
        401 | 403 => PortError::Unauthorised(format!("{place} refused the credentials ({code}){}", excerpt(body))),
        408 | 425 | 429 | 500..=599 => PortError::Retry {
            message: match code {
                429 => format!("{place} asks for fewer calls (429)"),
                _ => format!("{place} is in trouble ({code})"),
            },
            after_seconds: headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| retry_after(value, SystemClock.now())),
        },
        300..=399 => PortError::Refused(format!("{place} redirects to another place ({code}): give the final address")),
        400..=499 => PortError::Refused(format!("{place} refused the call ({code}){}", excerpt(body))),
        _ => PortError::Protocol(format!("{place} answered with status {code}")),
    }
}

/// The beginning of a refusing answer, unless it is a web page.
fn excerpt(body: &[u8]) -> String {
    let text = clean(&String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT_MAX)]), EXCERPT_MAX);
    if text.is_empty() || text.starts_with('<') { String::new() } else { format!(": {text}") }
}

/// Seconds of a `Retry-After` header: a number, or an HTTP date seen from `now`. At most a day.
fn retry_after(value: &str, now: Timestamp) -> Option<u32> {
    let seconds = match value.trim().parse::<i64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
            at.as_second().checked_sub(now.0 / 1_000_000)?
        }
    };
    u32::try_from(seconds.clamp(0, RETRY_AFTER_MAX)).ok()
}

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
