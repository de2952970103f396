//! The worker: looks for due jobs, takes each under a lease, does it outside any transaction, gives it back with its outcome.
//!
//! Any number of nodes may do this on one database; a job whose node dies is free again when its lease runs out.

mod channel_jobs;
mod hook_jobs;
mod mail_jobs;
mod schedule_jobs;
mod webhook_jobs;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use consign_connectors::{Transfer, WebhookSender};
use consign_db::{Db, Retryable, Tx};
use consign_oms::channels::KeyRing;
use consign_oms::jobs::{self, Ended, Job};
use consign_oms::{
    Actor, Ctx, Error, changes, channels, despatch, imports, mails, orders, retention, rules, tokens, users, webhooks,
};
use consign_ports::ChannelKind;
use consign_values::{ChannelId, Clock, ImportId, OrderId, ScheduleId, WebhookId};
use tokio::sync::watch;

pub use mail_jobs::Mailer;

use crate::metrics::Metrics;

/// What all of the server shares.
#[derive(Clone)]
pub struct Site {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Opens stored credentials.
    pub keys: Arc<KeyRing>,
    /// The kinds of channel.
    pub kinds: Arc<Vec<Arc<dyn ChannelKind>>>,
    /// Sends webhooks.
    pub webhooks: WebhookSender,
    /// Fetches and leaves files.
    pub transfer: Transfer,
    /// Sends mails, if a server is configured.
    pub mailer: Option<Mailer>,
    /// Where platforms reach us, without a slash at the end, if that is configured.
    pub public_url: Option<String>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Site {
    /// Reads, on a thread that may block.
    pub async fn read<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let site = self.clone();
        blocking(move || site.db.read(|tx| work(tx, &Ctx::new(&*site.clock, Actor::System)))).await
    }

    /// Writes as `actor`, on a thread that may block.
    pub async fn write<T: Send + 'static>(
        &self,
        actor: Actor,
        mut work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let site = self.clone();
        blocking(move || site.db.write(|tx| work(tx, &Ctx::new(&*site.clock, actor)))).await
    }

    /// The kind with that code.
    pub fn kind(&self, code: &str) -> Option<Arc<dyn ChannelKind>> {
        self.kinds.iter().find(|kind| kind.code() == code).cloned()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Db(consign_db::Error::Other(error.to_string()))),
    }
}

/// Between two looks for work.
const TICK: Duration = Duration::from_millis(500);
/// Jobs that one node does at a time.
const AT_ONCE: usize = 16;

/// Works until told to stop, and then lets the jobs under way finish (at most ten seconds).
pub async fn run(site: Site, node: String, mut stop: watch::Receiver<bool>) {
    let busy = Arc::new(Mutex::new(HashSet::new()));
    let own = node.clone();
    match site.write(Actor::System, move |tx, _| jobs::free(tx, &own)).await {
        Ok(0) => {}
        Ok(freed) => tracing::info!(freed, "jobs that this node held when it went down are free again"),
        Err(error) => tracing::warn!(%error, "this node's old leases could not be freed; they run out by themselves"),
    }
    let _ = site
        .write(Actor::System, |tx, ctx| {
            jobs::ensure(tx, retention::JOB, retention::JOB, "", ctx.now())?;
            jobs::ensure(tx, "clean_up", "clean_up", "", ctx.now())?;
            jobs::ensure(tx, "auto_merge", "auto_merge", "", ctx.now())?;
            rules::ensure_job(tx, ctx)
        })
        .await
        .inspect_err(|error| tracing::error!(%error, "the clean-up job can't be made"));
    while !*stop.borrow() {
        if let Err(error) = tick(&site, &node, &busy).await {
            if error.is_retryable() {
                tracing::warn!(%error, "the database is busy or away; looking for work again soon");
            } else {
                tracing::error!(%error, "looking for work failed");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            _ = stop.changed() => {}
        }
    }
    let patience = std::time::Instant::now();
    while !lock(&busy).is_empty() && patience.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

type Busy = Arc<Mutex<HashSet<i64>>>;

fn lock(busy: &Busy) -> std::sync::MutexGuard<'_, HashSet<i64>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn tick(site: &Site, node: &str, busy: &Busy) -> Result<(), Error> {
    let due = site.read(due).await?;
    for job in due {
        let under_way = lock(busy).len();
        if under_way >= AT_ONCE || !lock(busy).insert(job.id.0) {
            continue;
        }
        let (site, node, busy) = (site.clone(), node.to_owned(), busy.clone());
        tokio::spawn(async move {
            let id = job.id;
            if let Err(error) = take(&site, &node, job).await {
                tracing::error!(%error, job = id.0, "a job could not be finished; its lease will run out");
            }
            lock(&busy).remove(&id.0);
        });
    }
    Ok(())
}

/// Due jobs that have something to do: looking costs no write.
fn due(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<Vec<Job>, Error> {
    let mut with_work = Vec::new();
    for job in jobs::due(tx, ctx)? {
        let channel = job.payload.parse().map(ChannelId);
        let wanted = match (job.kind.as_str(), channel) {
            ("mail", _) => mails::any_due(tx, ctx)?,
            (rules::JOB, _) => rules::any_due(tx)?,
            ("webhook", Ok(id)) => webhooks::any_due(tx, ctx, WebhookId(id.0))?,
            ("despatch", Ok(channel)) => despatch::any_due(tx, ctx, channel)?,
            ("push_stock", Ok(channel)) => channels::any_listing_due(tx, channel)?,
            ("push_prices", Ok(channel)) => channels::any_price_due(tx, channel)?,
            ("fetch_told", Ok(channel)) => channels::any_told(tx, channel)?,
            _ => true,
        };
        if wanted {
            with_work.push(job);
        }
    }
    Ok(with_work)
}

async fn take(site: &Site, node: &str, job: Job) -> Result<(), Error> {
    let (id, owner) = (job.id, node.to_owned());
    let Some(job) = site.write(Actor::System, move |tx, ctx| jobs::claim(tx, ctx, &owner, id)).await? else {
        return Ok(());
    };
    let started = std::time::Instant::now();
    let ended = {
        let mut work = std::pin::pin!(run_job(site, &job));
        loop {
            let lease = Duration::from_secs(jobs::LEASE_SECONDS as u64 / 3);
            match tokio::time::timeout(lease, &mut work).await {
                Ok(ended) => break ended,
                Err(_) => {
                    let owner = node.to_owned();
                    if !site.write(Actor::System, move |tx, ctx| jobs::renew(tx, ctx, &owner, id)).await? {
                        tracing::warn!(job = %job.key, "another node has taken this job over; stopping");
                        return Ok(());
                    }
                }
            }
        }
    };
    site.metrics.job_done(&job.kind, !matches!(ended, Ended::Failed { .. }), started.elapsed());
    if let Ended::Failed { error, .. } = &ended {
        tracing::warn!(job = %job.key, %error, "a job failed and will be tried again");
    }
    let owner = node.to_owned();
    site.write(Actor::System, move |tx, ctx| jobs::finish(tx, ctx, &owner, id, &ended)).await
}

async fn run_job(site: &Site, job: &Job) -> Ended {
    let result = match (job.kind.as_str(), job.payload.parse().map(ChannelId)) {
        ("clean_up", _) => clean_up(site).await,
        (retention::JOB, _) => scrub(site).await,
        ("auto_merge", _) => auto_merge(site).await,
        (rules::JOB, _) => run_rules(site).await,
        ("webhook", Ok(ChannelId(id))) => webhook_jobs::run(site, WebhookId(id)).await,
        ("mail", _) => mail_jobs::run(site).await,
        ("hook", Ok(channel)) => hook_jobs::register(site, channel, job.attempts).await,
        ("schedule", Ok(ChannelId(id))) => schedule_jobs::run(site, ScheduleId(id)).await,
        ("import", Ok(ChannelId(import))) => take_in(site, ImportId(import)).await,
        (kind, Ok(channel)) => channel_jobs::run(site, kind, channel, job.attempts).await,
        (kind, Err(_)) => return Ended::Dead { error: format!("job {kind} has no channel") },
    };
    result.unwrap_or_else(|error| Ended::Failed {
        error: error.to_string(),
        retry_at: site.clock.now().plus_seconds(jobs::back_off_seconds(job.attempts, job.id.0)),
    })
}

/// Takes a file in, batch by batch; each says in its own transaction how far it is.
async fn take_in(site: &Site, id: ImportId) -> Result<Ended, Error> {
    let progress = match site.read(move |tx, _| imports::Progress::open(tx, id)).await {
        Ok(progress) => Arc::new(progress),
        // Cancelled: the file is gone.
        Err(Error::NotFound(_)) => return Ok(Ended::Done),
        Err(error) => return Err(error),
    };
    loop {
        let progress = progress.clone();
        if !site.write(Actor::Import(id), move |tx, ctx| imports::work(tx, ctx, id, &progress)).await? {
            return Ok(Ended::Done);
        }
    }
}

/// A day's run of what removes personal data, portion by portion; each says in its own transaction how far it is.
async fn scrub(site: &Site) -> Result<Ended, Error> {
    while site.write(Actor::System, retention::work).await? == retention::Step::More {}
    Ok(Ended::RunAgainAt(site.clock.now().plus_seconds(24 * 3_600)))
}

/// Runs the rules on the orders that are due.
async fn run_rules(site: &Site) -> Result<Ended, Error> {
    while site.write(Actor::System, rules::work).await? {}
    Ok(Ended::RunAgainAt(site.clock.now().plus_seconds(rules::LOOK_SECONDS)))
}

/// Merges what may be merged by itself; nothing while the setting is off.
async fn auto_merge(site: &Site) -> Result<Ended, Error> {
    let mut after = OrderId(0);
    while let Some(last) = site.write(Actor::System, move |tx, ctx| orders::auto_merge(tx, ctx, after)).await? {
        after = last;
    }
    Ok(Ended::RunAgainAt(site.clock.now().plus_seconds(orders::AUTO_MERGE_SECONDS)))
}

async fn clean_up(site: &Site) -> Result<Ended, Error> {
    site.write(Actor::System, |tx, ctx| {
        changes::forget(tx, ctx)?;
        tokens::clean_up(tx, ctx)?;
        webhooks::clean_up(tx, ctx)?;
        mails::clean_up(tx, ctx)?;
        users::clean_up(tx, ctx)
    })
    .await?;
    Ok(Ended::RunAgainAt(site.clock.now().plus_seconds(600)))
}
