//! Deliveries of channels' platforms: the one door without a session, beside signing in.
//!
//! The address holds a random part, and the kind's own check of the signature is the permission. A delivery is never taken for an
//! order: it puts the references that it names into the queue (`channels::delivered`), and the worker fetches those orders.
//! Size, time and rate are bounded, as anybody may call this.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{Extension, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Router, body::Body};
use consign_oms::channels::{self, Channel, Hook, HookKeys};
use consign_oms::{Actor, Error};
use consign_ports::{HookDelivery, HookReading};
use consign_values::{ChannelId, Timestamp};

use crate::App;
use crate::access::Client;
use crate::problem::Problem;

/// The largest delivery taken: an order of some thousand lines.
const BODY_MAX: usize = 4 << 20;
/// The longest that one may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);

/// For each caller, whatever they call.
const CALLER: Limit = Limit { per_second: 60, burst: 600 };
/// For each channel, from whomever knows its address.
const CHANNEL: Limit = Limit { per_second: 20, burst: 300 };

pub fn routes() -> Router<App> {
    Router::new().route("/hooks/{channel}/{token}", post(deliver)).layer(Extension(Arc::new(Gate::default())))
}

/// Why a delivery is turned away. The words tell nobody more than the status.
#[derive(Debug)]
enum Turned {
    /// No such address.
    Unknown,
    /// The channel is off, or no longer told at once.
    Off,
    /// The signature is not right.
    Unsigned,
    TooLarge,
    TooSlow,
    TooMany,
    Failed(Error),
}

impl From<Error> for Turned {
    fn from(error: Error) -> Self {
        Turned::Failed(error)
    }
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Turned::Unknown => StatusCode::NOT_FOUND.into_response(),
            Turned::Off => StatusCode::GONE.into_response(),
            Turned::Unsigned => StatusCode::UNAUTHORIZED.into_response(),
            Turned::TooLarge => StatusCode::PAYLOAD_TOO_LARGE.into_response(),
            Turned::TooSlow => StatusCode::REQUEST_TIMEOUT.into_response(),
            Turned::TooMany => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "30")]).into_response(),
            Turned::Failed(error) => (Problem(error).into_response().status(), "").into_response(),
        }
    }
}

async fn deliver(
    State(app): State<App>,
    Extension(gate): Extension<Arc<Gate>>,
    Client(caller): Client,
    Path((channel, token)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, Turned> {
    let now = app.clock.now();
    if !gate.lets(&format!("caller {caller}"), CALLER, now) {
        return Err(Turned::TooMany);
    }
    let id = channel.parse().map(ChannelId).map_err(|_| Turned::Unknown)?;
    let (channel, keys) = open(&app, id, &token).await?;
    if !gate.lets(&format!("channel {id}"), CHANNEL, now) {
        return Err(Turned::TooMany);
    }
    let delivery = receive(request).await?;
    let kind = app.kind(&channel.kind).map_err(|_| Turned::Unknown)?;
    let connection = crate::channels::open(&app, &channel)?;
    let hooks = kind.hooks().ok_or(Turned::Unknown)?;
    match hooks.read(&connection, &keys.secret, &delivery) {
        HookReading::Nothing => Ok(StatusCode::OK),
        HookReading::Changed(references) => {
            app.write(Actor::Channel(id), move |tx, ctx| channels::delivered(tx, ctx, id, &references)).await?;
            Ok(StatusCode::OK)
        }
        HookReading::Refused => {
            app.write(Actor::System, move |tx, ctx| channels::hook_refused(tx, ctx, id)).await?;
            Err(Turned::Unsigned)
        }
    }
}

/// The channel of this address and what its deliveries are signed with.
async fn open(app: &App, id: ChannelId, token: &str) -> Result<(Channel, HookKeys), Turned> {
    let read = app.read(move |tx| Ok((channels::get(tx, id)?, channels::hook(tx, id)?))).await;
    let (channel, hook): (Channel, Hook) = match read {
        Ok((channel, Some(hook))) => (channel, hook),
        Ok(_) | Err(Error::NotFound(_)) => return Err(Turned::Unknown),
        Err(error) => return Err(error.into()),
    };
    let keys = channels::hook_keys(&app.keys, &hook)?;
    if !is_same(&keys.token, token) {
        return Err(Turned::Unknown);
    }
    if !hook.wanted || !channel.enabled {
        return Err(Turned::Off);
    }
    Ok((channel, keys))
}

/// Whether two texts are the same, in a time that doesn't tell how far they are.
fn is_same(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b));
    one.len() == other.len() && !one.is_empty() && differs == 0
}

async fn receive(request: Request<Body>) -> Result<HookDelivery, Turned> {
    let headers = text_headers(request.headers());
    let body = tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), BODY_MAX)).await;
    let body = body.map_err(|_| Turned::TooSlow)?.map_err(|_| Turned::TooLarge)?;
    Ok(HookDelivery { headers, body: body.to_vec() })
}

fn text_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

/// So many a second in the long run, so many at once.
#[derive(Clone, Copy)]
struct Limit {
    per_second: i64,
    burst: i64,
}

/// Counts calls by whom they come from, in this process. Each key is a bucket that a call fills by one and that leaks.
#[derive(Default)]
struct Gate(Mutex<HashMap<String, Bucket>>);

struct Bucket {
    /// In millionths of a call.
    level: i64,
    at: Timestamp,
}

/// Keys that are remembered.
const KEYS_MAX: usize = 10_000;

impl Gate {
    /// Whether one more call is within the limit.
    fn lets(&self, key: &str, limit: Limit, now: Timestamp) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let leaked = |bucket: &Bucket| (now.0 - bucket.at.0).max(0).saturating_mul(limit.per_second);
        if buckets.len() >= KEYS_MAX {
            buckets.retain(|_, bucket| bucket.level > leaked(bucket));
            if buckets.len() >= KEYS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { level: 0, at: now });
        let level = (bucket.level - leaked(bucket)).max(0);
        let fits = level + 1_000_000 <= limit.burst * 1_000_000;
        *bucket = Bucket { level: if fits { level + 1_000_000 } else { level }, at: now };
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_lets_a_burst_through_and_then_so_many_a_second_for_each_key() {
        let gate = Gate::default();
        let limit = Limit { per_second: 2, burst: 3 };
        let at = |seconds: i64| Timestamp(1_800_000_000_000_000 + seconds * 1_000_000);
        let lets = |key: &str, seconds: i64| gate.lets(key, limit, at(seconds));
        assert_eq!([(); 4].map(|()| lets("a", 0)), [true, true, true, false]);
        assert!(lets("b", 0), "each key has its own");
        assert_eq!([(); 3].map(|()| lets("a", 1)), [true, true, false]);
        assert_eq!([(); 4].map(|()| lets("a", 1_000)), [true, true, true, false], "it never saves up more");
        assert!(!lets("a", 999), "a clock that goes back gives nothing away");
    }

    #[test]
    fn keys_that_nobody_uses_are_forgotten() {
        let gate = Gate::default();
        let now = Timestamp(1_800_000_000_000_000);
        for key in 0..KEYS_MAX * 2 {
            gate.lets(&key.to_string(), CALLER, now);
        }
        assert!(gate.0.lock().unwrap().len() <= KEYS_MAX);
    }

    #[test]
    fn tokens_are_the_same_only_as_a_whole() {
        assert!(is_same("abc", "abc"));
        for (one, other) in [("abc", "abd"), ("abc", "ab"), ("ab", "abc"), ("", "")] {
            assert!(!is_same(one, other));
        }
    }
}
