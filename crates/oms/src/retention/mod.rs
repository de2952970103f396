//! Personal data goes when it is no longer needed: a number of days after an order ended (setting, off to begin with), and at once for
//! one customer who asks. Figures, lines, country and references stay.
//!
//! [`work`] does one portion of a run; the worker calls it until the run is over. [`people`] finds, exports and erases one customer. What
//! is removed from one order, and from where, is in `scrub.rs` alone: a table that keeps personal data of orders has to be named there,
//! and a test looks for a planted name in every column of every table.

pub mod people;
mod scrub;
mod store;

use consign_db::{Tx, row};
use consign_values::{OrderId, Timestamp};

use crate::settings::{self, Retention};
use crate::{Ctx, Result, changes, history, jobs};

pub(crate) use scrub::{customer as forget, scrubbed};

/// The job's key.
pub const JOB: &str = "retention";

/// What one transaction scrubs at most.
const PORTION: u32 = 200;
const DAY: i64 = 24 * 3_600;

row! {
    /// One run of the job.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Run in "retention_run" {
        /// Its id.
        pub id: i64,
        /// When it began.
        pub started_at: Timestamp,
        /// When it was over; none while it is under way.
        pub ended_at: Option<Timestamp>,
        /// Days after which data was removed.
        pub days: i64,
        /// Orders scrubbed.
        pub order_count: i64,
        /// Payloads that never became an order.
        pub payload_count: i64,
        /// Drafts thrown away.
        pub draft_count: i64,
        /// Rows of imports that had been rejected.
        pub reject_count: i64,
        /// Entries of the address book.
        pub customer_count: i64,
        /// Switched off before it was through.
        pub stopped: bool,
    }
}

/// What a run would scrub now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Orders that ended long enough ago.
    pub orders: i64,
    /// Of those, orders whose channel has not answered yet: they wait.
    pub waiting: i64,
    /// Payloads that never became an order.
    pub payloads: i64,
    /// Drafts that nobody has touched.
    pub drafts: i64,
    /// Rejected rows of imports.
    pub rejects: i64,
    /// Entries of the address book that nobody has kept anew.
    pub customers: i64,
}

/// How far a run is after a portion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    More,
    /// Over, or nothing to do.
    Over,
}

fn cutoff(from: Timestamp, days: i64) -> Timestamp {
    from.plus_seconds(-days.saturating_mul(DAY))
}

/// What a run with that many days would scrub now.
pub fn due(tx: &mut Tx<'_>, ctx: &Ctx<'_>, days: i64) -> Result<Due> {
    let before = cutoff(ctx.now(), days);
    let waiting = store::waiting_count(tx, before)?;
    Ok(Due {
        orders: store::order_count(tx, before)? - waiting,
        waiting,
        payloads: store::payload_count(tx, before)?,
        drafts: store::draft_count(tx, before)?,
        rejects: store::reject_count(tx, before)?,
        customers: store::customer_count(tx, before)?,
    })
}

/// Switches it on or off, or sets the days; a run begins at once where it is on. A run under way ends when it is switched off.
pub fn switch(tx: &mut Tx<'_>, ctx: &Ctx<'_>, new: &Retention, version: i64) -> Result<()> {
    settings::set(tx, ctx, new, version)?;
    run_now(tx, ctx)
}

/// Makes the job run as soon as a node is free.
pub fn run_now(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    jobs::ensure(tx, JOB, JOB, "", ctx.now())?;
    jobs::wake(tx, ctx, JOB)?;
    Ok(())
}

/// The last 20 runs, the latest first.
pub fn runs(tx: &mut Tx<'_>) -> Result<Vec<Run>> {
    store::runs(tx)
}

/// One portion of the run under way, or the first of a new one. Switched off, it ends the run.
pub fn work(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<Step> {
    let setting: Retention = settings::get(tx)?;
    let under_way = store::open_run(tx)?;
    if !setting.on {
        if let Some(run) = under_way {
            let id = run.id;
            store::update_run(tx, &Run { ended_at: Some(ctx.now()), stopped: true, ..run })?;
            changes::announce(tx, ctx, "retention", [id])?;
        }
        return Ok(Step::Over);
    }
    let mut run = match under_way {
        Some(run) => Run { days: setting.days, ..run },
        None => begin(tx, ctx, setting.days)?,
    };
    let before = cutoff(run.started_at, run.days);
    let more = portion(tx, ctx, &mut run, before)?;
    changes::announce(tx, ctx, "retention", [run.id])?;
    if more {
        store::update_run(tx, &run)?;
        return Ok(Step::More);
    }
    run.ended_at = Some(ctx.now());
    store::update_run(tx, &run)?;
    history::record(
        tx,
        ctx,
        "retention",
        run.id,
        "run",
        format!(
            "{} orders, {} payloads, {} drafts, {} rejected rows, {} entries of the address book, older than {} days",
            run.order_count, run.payload_count, run.draft_count, run.reject_count, run.customer_count, run.days
        ),
    )?;
    Ok(Step::Over)
}

fn begin(tx: &mut Tx<'_>, ctx: &Ctx<'_>, days: i64) -> Result<Run> {
    let run = Run {
        id: tx.next_id("row")?,
        started_at: ctx.now(),
        ended_at: None,
        days,
        order_count: 0,
        payload_count: 0,
        draft_count: 0,
        reject_count: 0,
        customer_count: 0,
        stopped: false,
    };
    tx.insert(&run)?;
    Ok(run)
}

/// Scrubs some of the first thing that has any left; `false` if nothing has.
fn portion(tx: &mut Tx<'_>, ctx: &Ctx<'_>, run: &mut Run, before: Timestamp) -> Result<bool> {
    let orders: Vec<OrderId> = store::due_orders(tx, before, PORTION)?;
    if !orders.is_empty() {
        let because = format!("{} days after the order ended", run.days);
        for id in &orders {
            scrub::order(tx, ctx, *id, &because)?;
        }
        run.order_count += orders.len() as i64;
        return Ok(true);
    }
    let payloads = store::scrub_payloads(tx, before, ctx.now())?;
    run.payload_count += payloads;
    let drafts = store::due_drafts(tx, before)?;
    for id in &drafts {
        scrub::draft(tx, ctx, *id, "not touched for long")?;
    }
    run.draft_count += drafts.len() as i64;
    let rejects = store::delete_rejects(tx, before)?;
    run.reject_count += rejects;
    store::delete_files(tx, before, ctx.now())?;
    let customers = store::due_customers(tx, before)?;
    for id in &customers {
        scrub::customer(tx, ctx, *id, "not kept anew for long")?;
    }
    run.customer_count += customers.len() as i64;
    Ok(payloads + rejects > 0 || !drafts.is_empty() || !customers.is_empty())
}
