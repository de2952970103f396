//! The SQL of tokens and kept answers.

use consign_db::{Tx, sql};
use consign_values::{Timestamp, TokenId, UserId};

use super::{ApiToken, Kept};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: TokenId) -> Result<Option<ApiToken>> {
    Ok(tx.optional(sql!(ApiToken, "SELECT {*} FROM api_token WHERE id = $1"), &[&id])?)
}

pub fn find_by_digest(tx: &mut Tx<'_>, digest: &[u8]) -> Result<Option<ApiToken>> {
    Ok(tx.optional(sql!(ApiToken, "SELECT {*} FROM api_token WHERE digest = $1"), &[&digest])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<ApiToken>> {
    Ok(tx.all(sql!(ApiToken, "SELECT {*} FROM api_token ORDER BY id DESC LIMIT 1000"), &[])?)
}

pub fn list_of(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<ApiToken>> {
    let text = sql!(ApiToken, "SELECT {*} FROM api_token WHERE user_id = $1 ORDER BY id DESC LIMIT 1000");
    Ok(tx.all(text, &[&user])?)
}

pub fn revoke(tx: &mut Tx<'_>, id: TokenId, now: Timestamp) -> Result<()> {
    tx.execute(sql!("UPDATE api_token SET revoked_at = $2 WHERE id = $1"), &[&id, &now])?;
    Ok(())
}

pub fn set_used(tx: &mut Tx<'_>, id: TokenId, now: Timestamp) -> Result<()> {
    tx.execute(sql!("UPDATE api_token SET used_at = $2 WHERE id = $1"), &[&id, &now])?;
    Ok(())
}

/// Whether the key was free. Waits for another transaction that is taking it.
pub fn take_key(tx: &mut Tx<'_>, kept: &Kept) -> Result<bool> {
    let text = sql!(
        "INSERT INTO api_answer (token_id, key, request, status, body, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (token_id, key) DO NOTHING"
    );
    let taken = tx.execute(text, &[&kept.token_id, &kept.key, &kept.request, &kept.status, &kept.body, &kept.at])?;
    Ok(taken > 0)
}

pub fn find_answer(tx: &mut Tx<'_>, token: TokenId, key: &str) -> Result<Option<Kept>> {
    Ok(tx.optional(sql!(Kept, "SELECT {*} FROM api_answer WHERE token_id = $1 AND key = $2"), &[&token, &key])?)
}

pub fn set_answer(tx: &mut Tx<'_>, token: TokenId, key: &str, status: i64, body: &str) -> Result<()> {
    let text = sql!("UPDATE api_answer SET status = $3, body = $4 WHERE token_id = $1 AND key = $2");
    tx.execute(text, &[&token, &key, &status, &body])?;
    Ok(())
}

pub fn delete_answer_before(tx: &mut Tx<'_>, token: TokenId, key: &str, before: Timestamp) -> Result<()> {
    let text = sql!("DELETE FROM api_answer WHERE token_id = $1 AND key = $2 AND at <= $3");
    tx.execute(text, &[&token, &key, &before])?;
    Ok(())
}

pub fn delete_answers_before(tx: &mut Tx<'_>, before: Timestamp) -> Result<()> {
    tx.execute(sql!("DELETE FROM api_answer WHERE at <= $1"), &[&before])?;
    Ok(())
}

pub fn answer_counts(tx: &mut Tx<'_>, more_than: i64) -> Result<Vec<(TokenId, i64)>> {
    let text = sql!(
        (TokenId, i64),
        "SELECT token_id, COUNT(*) FROM api_answer GROUP BY token_id HAVING COUNT(*) > $1 ORDER BY token_id LIMIT 1000"
    );
    Ok(tx.all(text, &[&more_than])?)
}

pub fn delete_oldest_answers(tx: &mut Tx<'_>, token: TokenId, count: i64) -> Result<()> {
    let text = sql!(
        "DELETE FROM api_answer WHERE token_id = $1 AND key IN
           (SELECT key FROM api_answer WHERE token_id = $1 ORDER BY at, key LIMIT CAST($2 AS BIGINT))"
    );
    tx.execute(text, &[&token, &count])?;
    Ok(())
}
