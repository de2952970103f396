//! The SQL of jobs.

use consign_db::{Tx, sql};
use consign_values::{JobId, Timestamp};

use super::Job;
use crate::Result;

pub fn insert_if_missing(
    tx: &mut Tx<'_>,
    id: JobId,
    kind: &str,
    key: &str,
    payload: &str,
    run_at: Timestamp,
) -> Result<()> {
    let text = sql!(
        "INSERT INTO job (id, kind, key, payload, state, run_at, again, attempts, last_error)
         VALUES ($1, $2, $3, $4, 'ready', $5, FALSE, 0, '') ON CONFLICT (key) DO NOTHING"
    );
    tx.execute(text, &[&id, &kind, &key, &payload, &run_at])?;
    Ok(())
}

pub fn wake(tx: &mut Tx<'_>, key: &str, now: Timestamp) -> Result<u64> {
    let text = sql!(
        "UPDATE job SET state = 'ready', run_at = $2, attempts = 0, again = (leased_until IS NOT NULL AND leased_until > $2)
         WHERE key = $1"
    );
    Ok(tx.execute(text, &[&key, &now])?)
}

pub fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Job>> {
    let text = sql!(
        Job,
        "SELECT {*} FROM job WHERE state = 'ready' AND run_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
         ORDER BY run_at LIMIT 200"
    );
    Ok(tx.all(text, &[&now])?)
}

pub fn claim(tx: &mut Tx<'_>, node: &str, id: JobId, now: Timestamp, until: Timestamp) -> Result<Option<Job>> {
    let text = sql!(
        Job,
        "UPDATE job SET leased_by = $1, leased_until = $4, last_started_at = $3, attempts = attempts + 1, again = FALSE
         WHERE id = $2 AND state = 'ready' AND run_at <= $3 AND (leased_until IS NULL OR leased_until <= $3)
         RETURNING {*}"
    );
    Ok(tx.optional(text, &[&node, &id, &now, &until])?)
}

pub fn renew(tx: &mut Tx<'_>, node: &str, job: JobId, until: Timestamp) -> Result<u64> {
    let text = sql!("UPDATE job SET leased_until = $3 WHERE id = $2 AND leased_by = $1");
    Ok(tx.execute(text, &[&node, &job, &until])?)
}

pub fn release(
    tx: &mut Tx<'_>,
    node: &str,
    job: JobId,
    now: Timestamp,
    run_at: Timestamp,
    error: &str,
    succeeded: bool,
) -> Result<()> {
    let text = sql!(
        "UPDATE job SET leased_by = NULL, leased_until = NULL, last_ended_at = $3, last_error = $5,
           attempts = CASE WHEN $6 THEN 0 ELSE attempts END,
           run_at = CASE WHEN again THEN CAST($3 AS BIGINT) ELSE CAST($4 AS BIGINT) END, again = FALSE
         WHERE id = $2 AND leased_by = $1"
    );
    tx.execute(text, &[&node, &job, &now, &run_at, &error, &succeeded])?;
    Ok(())
}

pub fn bury(tx: &mut Tx<'_>, node: &str, job: JobId, now: Timestamp, error: &str) -> Result<()> {
    let text = sql!(
        "UPDATE job SET state = 'dead', leased_by = NULL, leased_until = NULL, last_ended_at = $3, last_error = $4
         WHERE id = $2 AND leased_by = $1"
    );
    tx.execute(text, &[&node, &job, &now, &error])?;
    Ok(())
}

pub fn delete(tx: &mut Tx<'_>, node: &str, job: JobId) -> Result<()> {
    tx.execute(sql!("DELETE FROM job WHERE id = $2 AND leased_by = $1"), &[&node, &job])?;
    Ok(())
}

pub fn run_at(tx: &mut Tx<'_>, key: &str) -> Result<Option<Timestamp>> {
    Ok(tx.optional(sql!(Timestamp, "SELECT run_at FROM job WHERE key = $1"), &[&key])?)
}

pub fn remove(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    tx.execute(sql!("DELETE FROM job WHERE key = $1"), &[&key])?;
    Ok(())
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Job>> {
    Ok(tx.all(sql!(Job, "SELECT {*} FROM job ORDER BY key LIMIT 1000"), &[])?)
}

pub fn free(tx: &mut Tx<'_>, node: &str) -> Result<u64> {
    Ok(tx.execute(sql!("UPDATE job SET leased_by = NULL, leased_until = NULL WHERE leased_by = $1"), &[&node])?)
}
