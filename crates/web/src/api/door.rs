//! The door for programs: bearer token, rate limit, size of the body, idempotency key. Cookies are not looked at, so a browser
//! can't be made to act here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use consign_oms::{Actor, Ctx, Error, tokens};
use consign_values::{Timestamp, TokenId};
use sha2::{Digest, Sha256};

use super::call::Key;
use crate::problem::{self, Problem};
use crate::{App, BODY_MAX};

/// What the door needs.
#[derive(Clone)]
pub struct Door {
    pub app: App,
    pub limits: Arc<Limits>,
}

/// The one path that a signed-in browser may read, too.
pub const DOCUMENT: &str = "/api/v1/openapi.json";

/// The one path that takes a file.
const UPLOAD: &str = "/api/v1/imports";
/// The largest file.
pub const FILE_MAX: usize = 50 * 1024 * 1024;

const TOKEN_WANTED: &str = "Send a token as Authorization: Bearer. An owner makes one under Users.";

/// Lets a request with a living token in, and turns every failure into a problem in JSON.
pub async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let mut response = match admit(&door, request).await {
        // Only the document lets a request without a token pass, and its page would send a browser to sign in.
        Ok(request) => match next.run(request).await {
            response if response.status().is_redirection() => problem::for_program(unknown(TOKEN_WANTED)),
            response => problem::for_program(response),
        },
        Err(turned) => problem::for_program(turned),
    };
    let status = response.status();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

async fn admit(door: &Door, request: Request) -> Result<Request, Response> {
    let Some(secret) = bearer(request.headers()) else {
        if request.uri().path() == DOCUMENT && request.method() == Method::GET {
            return Ok(request);
        }
        return Err(unknown(TOKEN_WANTED));
    };
    let clock = door.app.clock.clone();
    let caller = door.app.read(move |tx| tokens::caller(tx, &Ctx::new(&*clock, Actor::System), &secret)).await;
    let Some(caller) = caller.map_err(|error| Problem(error).into_response())? else {
        return Err(unknown("This token is unknown, expired or revoked, or its user may no longer sign in."));
    };
    let (id, now) = (caller.token.id, door.app.clock.now());
    if !door.limits.take(id, caller.token.calls_per_minute, now) {
        let detail = format!("This token may make {} calls a minute. Wait a little.", caller.token.calls_per_minute);
        return Err(problem::turned_away(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", &detail));
    }
    if tokens::use_is_news(&caller.token, now) {
        let noted = door.app.write(Actor::Token(id), move |tx, ctx| tokens::used(tx, ctx, id)).await;
        noted.map_err(|error| Problem(error).into_response())?;
    }
    let (mut request, key) = keyed(request).await?;
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(key);
    Ok(request)
}

fn unknown(detail: &str) -> Response {
    problem::turned_away(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim().to_owned())
}

/// Reads the body, at most [`BODY_MAX`] or, of a file, [`FILE_MAX`], and the idempotency key where there is one.
async fn keyed(request: Request) -> Result<(Request, Key), Response> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok((request, Key(None)));
    }
    let (parts, body) = request.into_parts();
    let (most, said) = if parts.uri.path() == UPLOAD {
        (FILE_MAX, "A file may have at most 50 MiB.")
    } else {
        (BODY_MAX, "A request may have at most 1 MiB.")
    };
    let bytes = to_bytes(body, most)
        .await
        .map_err(|_| problem::turned_away(StatusCode::PAYLOAD_TOO_LARGE, "too_large", said))?;
    let key = match parts.headers.get("idempotency-key") {
        None => Key(None),
        Some(value) => {
            let text = value.to_str().unwrap_or("").trim().to_owned();
            if text.is_empty() || text.len() > 200 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                let error = Error::invalid("Idempotency-Key", "must have 1 to 200 visible ASCII characters");
                return Err(Problem(error).into_response());
            }
            let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
            let mut digest = Sha256::new();
            digest.update(parts.method.as_str());
            digest.update(b" ");
            digest.update(place);
            digest.update(b"\n");
            digest.update(&bytes);
            Key(Some((text, digest.finalize().to_vec())))
        }
    };
    Ok((Request::from_parts(parts, Body::from(bytes)), key))
}

/// A bucket for each token, on this node: it holds the calls of a minute and fills evenly.
#[derive(Default)]
pub struct Limits(Mutex<HashMap<TokenId, Bucket>>);

/// What is left, in millionths of a call, and when that was.
struct Bucket {
    left: i64,
    at: Timestamp,
}

const CALL: i64 = 1_000_000;
/// Buckets that are kept; full ones are dropped beyond.
const BUCKETS_MAX: usize = 10_000;

impl Limits {
    /// Whether a token may make one more call now.
    fn take(&self, token: TokenId, per_minute: i64, now: Timestamp) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|_, bucket| now.seconds_since(bucket.at) < 60);
        }
        let full = per_minute.saturating_mul(CALL);
        let bucket = buckets.entry(token).or_insert(Bucket { left: full, at: now });
        let passed = now.0.saturating_sub(bucket.at.0).clamp(0, 60_000_000);
        bucket.left = bucket.left.saturating_add(passed.saturating_mul(per_minute) / 60).min(full);
        bucket.at = now;
        if bucket.left < CALL {
            return false;
        }
        bucket.left -= CALL;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_minutes_calls_at_once_and_then_as_many_as_time_brings() {
        let (limits, token, start) = (Limits::default(), TokenId(1), Timestamp(1_000_000_000_000));
        assert_eq!((0..200).filter(|_| limits.take(token, 60, start)).count(), 60);
        assert!(limits.take(TokenId(2), 60, start));
        let later = start.plus_seconds(5);
        assert_eq!((0..200).filter(|_| limits.take(token, 60, later)).count(), 5);
        let much_later = start.plus_seconds(86_400);
        assert_eq!((0..200).filter(|_| limits.take(token, 60, much_later)).count(), 60);
        assert!(!limits.take(token, 60, start), "a clock that goes back gives nothing");
    }
}
