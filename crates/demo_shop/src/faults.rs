//! How the shop fails: as real ones do, and by a seed, so that a run can be repeated.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Shared;

/// Probabilities per call, 0 to 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// 429 with `Retry-After: 1`, nothing done.
    pub too_many: f64,
    /// 500, nothing done.
    pub error: f64,
    /// The work is done, but the answer is cut in the middle.
    pub half_answer: f64,
    /// The work is done, but no answer comes.
    pub hang_after_accepting: f64,
}

impl Faults {
    /// Every kind, each that often.
    pub fn each(chance: f64) -> Self {
        Faults { too_many: chance, error: chance, half_answer: chance, hang_after_accepting: chance }
    }
}

/// A small generator of random numbers (splitmix64), for faults and buyers; not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// By its seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }

    /// True that often.
    pub fn chance(&mut self, probability: f64) -> bool {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64 <= probability && probability > 0.0
    }
}

/// The longest that a hanging call is kept.
const HANG: Duration = Duration::from_secs(30);

pub async fn layer(State(shop): State<Shared>, request: Request, next: Next) -> Response {
    let (too_many, error, half, hang) = {
        let mut state = shop.lock();
        let faults = state.faults;
        let mut draw = |probability| state.random.chance(probability);
        (draw(faults.too_many), draw(faults.error), draw(faults.half_answer), draw(faults.hang_after_accepting))
    };
    if too_many {
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "1")], "slow down").into_response();
    }
    if error {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the shop has a bad day").into_response();
    }
    let answer = next.run(request).await;
    if hang {
        tokio::time::sleep(HANG).await;
    }
    if half {
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default();
        return Body::from(bytes.slice(..bytes.len() / 2)).into_response();
    }
    answer
}
