//! Answers to requests with an idempotency key, kept in the transaction of their effect: a request that is repeated because its
//! answer was lost has its effect once.
//!
//! Only requests that changed something are kept: one that was refused left nothing behind, and may be tried again.

use consign_db::{Tx, row};
use consign_values::{Timestamp, TokenId};

use super::store;
use crate::{Ctx, Refusal, Result};

row! {
    /// An answer as it was given.
    #[derive(Clone, Debug)]
    pub struct Kept in "api_answer" {
        /// Whose.
        pub token_id: TokenId,
        /// The caller's key.
        pub key: String,
        /// SHA-256 of the request.
        pub request: Vec<u8>,
        /// HTTP status; 0 while the transaction that gives it is under way.
        pub status: i64,
        /// JSON.
        pub body: String,
        /// When.
        pub at: Timestamp,
    }
}

/// An answer to be given again: status and body.
pub type Stored = (i64, String);

/// Seconds for which an answer is kept.
pub const KEPT_SECONDS: i64 = 24 * 3_600;
/// Answers kept of one token, about: the clean-up removes what is beyond.
const KEPT_MAX: i64 = 10_000;

/// Takes a key for a request. Gives the answer if the request was answered before; refuses a key of another request.
/// Without an answer do the work and [`keep`] what it gave, in the same transaction.
pub fn begin(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: TokenId, key: &str, request: &[u8]) -> Result<Option<Stored>> {
    store::delete_answer_before(tx, token, key, ctx.now().plus_seconds(-KEPT_SECONDS))?;
    let own = Kept {
        token_id: token,
        key: key.to_owned(),
        request: request.to_owned(),
        status: 0,
        body: String::new(),
        at: ctx.now(),
    };
    if store::take_key(tx, &own)? {
        return Ok(None);
    }
    match store::find_answer(tx, token, key)? {
        Some(kept) if kept.request == request => Ok(Some((kept.status, kept.body))),
        _ => Err(Refusal::KeyReused.into()),
    }
}

/// Keeps the answer of a request whose key was taken by [`begin`].
pub fn keep(tx: &mut Tx<'_>, token: TokenId, key: &str, status: i64, body: &str) -> Result<()> {
    store::set_answer(tx, token, key, status, body)
}

pub(super) fn clean_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    store::delete_answers_before(tx, ctx.now().plus_seconds(-KEPT_SECONDS))?;
    for (token, count) in store::answer_counts(tx, KEPT_MAX)? {
        store::delete_oldest_answers(tx, token, count - KEPT_MAX)?;
    }
    Ok(())
}
