//! Work to be done outside a transaction: rows written in the same transaction as their cause, claimed under a lease by one node.
//!
//! What a job does is the worker's business (`server`); here is only who may do it, when, and what came of it.

mod queue;

use consign_db::{Tx, row};
use consign_values::{JobId, Timestamp};

use crate::{Ctx, Result};

consign_db::text_enum! {
    /// Whether a job will run again.
    pub enum JobState {
        /// It runs when it is due.
        Ready = "ready",
        /// It has failed its last try.
        Dead = "dead",
    }
}

row! {
    /// A job.
    #[derive(Clone, Debug)]
    pub struct Job in "job" {
        /// Its id.
        pub id: JobId,
        /// What is to be done: `download`, `push_stock`, `push_prices`, `despatch`, `reconcile`, `list_products`, `hook`, `fetch_told`,
        /// `clean_up` and others.
        pub kind: String,
        /// One job for one key.
        pub key: String,
        /// What it is about; the channel's id for channel jobs.
        pub payload: String,
        /// Whether it runs again.
        pub state: JobState,
        /// Not before.
        pub run_at: Timestamp,
        /// Asked for while it was running.
        pub again: bool,
        /// Tries since it last succeeded.
        pub attempts: i64,
        /// Which node has it.
        pub leased_by: Option<String>,
        /// Until when.
        pub leased_until: Option<Timestamp>,
        /// Why it failed last; blank if it did not.
        pub last_error: String,
        /// When it last began.
        pub last_started_at: Option<Timestamp>,
        /// When it last ended.
        pub last_ended_at: Option<Timestamp>,
    }
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Done; recurring jobs run again then.
    RunAgainAt(Timestamp),
    /// It failed; try again then.
    Failed {
        /// Why.
        error: String,
        /// When to try again.
        retry_at: Timestamp,
    },
    /// Done for good: the row goes.
    Done,
    /// It failed for the last time, and stays to be seen.
    Dead {
        /// Why.
        error: String,
    },
}

/// Seconds for which a node may keep a job without renewing its lease.
pub const LEASE_SECONDS: i64 = 60;

/// Makes sure that a job exists; one that exists keeps its time.
pub fn ensure(tx: &mut Tx<'_>, kind: &str, key: &str, payload: &str, run_at: Timestamp) -> Result<()> {
    let id = JobId(tx.next_id("row")?);
    queue::insert_if_missing(tx, id, kind, key, payload, run_at)
}

/// Makes a job run as soon as a node is free; if it is running, once more after that. `false` if there is no such job.
pub fn wake(tx: &mut Tx<'_>, ctx: &Ctx<'_>, key: &str) -> Result<bool> {
    Ok(queue::wake(tx, key, ctx.now())? > 0)
}

/// Jobs that are due and that no node is working on, at most 200, the longest due first. Reads only.
pub fn due(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<Vec<Job>> {
    queue::due(tx, ctx.now())
}

/// Takes a due job for `node`, under a lease of [`LEASE_SECONDS`]; `None` if another node was faster.
pub fn claim(tx: &mut Tx<'_>, ctx: &Ctx<'_>, node: &str, job: JobId) -> Result<Option<Job>> {
    let now = ctx.now();
    queue::claim(tx, node, job, now, now.plus_seconds(LEASE_SECONDS))
}

/// Keeps the lease of a job that is still running. `false` if another node has it by now: stop.
pub fn renew(tx: &mut Tx<'_>, ctx: &Ctx<'_>, node: &str, job: JobId) -> Result<bool> {
    Ok(queue::renew(tx, node, job, ctx.now().plus_seconds(LEASE_SECONDS))? > 0)
}

/// Frees what `node` held when it went down: it has just started again, so it is working on nothing.
pub fn free(tx: &mut Tx<'_>, node: &str) -> Result<u64> {
    queue::free(tx, node)
}

/// Gives a job back with what came of it. Does nothing if another node has it by now.
pub fn finish(tx: &mut Tx<'_>, ctx: &Ctx<'_>, node: &str, job: JobId, ended: &Ended) -> Result<()> {
    let now = ctx.now();
    match ended {
        Ended::RunAgainAt(at) => queue::release(tx, node, job, now, *at, "", true),
        Ended::Failed { error, retry_at } => queue::release(tx, node, job, now, *retry_at, error, false),
        Ended::Done => queue::delete(tx, node, job),
        Ended::Dead { error } => queue::bury(tx, node, job, now, error),
    }
}

/// When a job runs next; none if there is no such job.
pub fn run_at(tx: &mut Tx<'_>, key: &str) -> Result<Option<Timestamp>> {
    queue::run_at(tx, key)
}

/// Removes a job, whatever its state.
pub fn remove(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    queue::remove(tx, key)
}

/// All jobs, at most 1,000: for the health pages.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Job>> {
    queue::list(tx)
}

/// Back-off for the `attempts`-th failure: 5 s, 10 s, 20 s … up to an hour, spread by a tenth with `spread` (any number).
pub fn back_off_seconds(attempts: i64, spread: i64) -> i64 {
    let base = 5_i64.saturating_mul(1 << attempts.clamp(1, 10).saturating_sub(1)).min(3_600);
    base + spread.rem_euclid(base / 10 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_from_five_seconds_to_an_hour_and_never_overflows() {
        assert_eq!(back_off_seconds(1, 0), 5);
        assert_eq!(back_off_seconds(2, 0), 10);
        assert_eq!(back_off_seconds(i64::MAX, 0), 2_560);
        assert!((1..100).all(|n| back_off_seconds(n, i64::MIN) <= 3_960));
    }
}
