//! The jobs of one channel instance: download, despatch, stock, comparison, listings. Remote calls here, never in a transaction.

use consign_oms::channels::{self, Channel};
use consign_oms::despatch::{self, Settled, Taken};
use consign_oms::jobs::{self, Ended};
use consign_oms::orders;
use consign_oms::{Actor, Error};
use consign_ports::{
    Channel as Remote, ChannelKind, DownloadRequest, ListingPrice, Outcome, PortError, StatusTarget, StockLevel,
};
use consign_values::{ChannelId, Timestamp};
use std::sync::Arc;

use super::Site;

/// What a failed remote call means for the job.
pub(super) enum Trouble {
    Port(PortError),
    Own(Error),
}

impl From<PortError> for Trouble {
    fn from(error: PortError) -> Self {
        Trouble::Port(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Own(error)
    }
}

/// A job of one instance, connected.
pub(super) struct Task<'s> {
    pub(super) site: &'s Site,
    pub(super) channel: Channel,
    kind: Arc<dyn ChannelKind>,
    pub(super) remote: Box<dyn Remote>,
}

/// Between two looks at what has to be told.
const PUSH_AGAIN_SECONDS: i64 = 2;
/// The same after a channel refused single listings for the moment: it is not asked every other second.
const PUSH_AFTER_ERROR_SECONDS: i64 = 60;

fn push_again_seconds(outcomes: &[Outcome]) -> i64 {
    let passing = outcomes.iter().any(|outcome| matches!(outcome, Err(error) if error.is_passing()));
    if passing { PUSH_AFTER_ERROR_SECONDS } else { PUSH_AGAIN_SECONDS }
}

/// Told, or why not and whether that is for good.
fn said(outcome: &Outcome) -> Result<(), (String, bool)> {
    outcome.clone().map_err(|error| (error.to_string(), matches!(error, PortError::Refused(_))))
}

/// Does the job of that kind for the instance. A disabled or paused instance makes no call at all.
pub async fn run(site: &Site, job: &str, id: ChannelId, attempts: i64) -> Result<Ended, Error> {
    let channel = match site.read(move |tx, _| channels::get(tx, id)).await {
        Ok(channel) => channel,
        Err(Error::NotFound(_)) => return Ok(Ended::Done),
        Err(error) => return Err(error),
    };
    let now = site.clock.now();
    if !channel.enabled || !channel.paused_because.is_empty() {
        return Ok(Ended::RunAgainAt(now.plus_seconds(30)));
    }
    let interval = channel.interval_seconds;
    let next = |seconds: i64| Ended::RunAgainAt(site.clock.now().plus_seconds(seconds));
    let done = match connect(site, channel).await {
        Err(trouble) => Err(trouble),
        Ok(task) => match job {
            "download" => task.download().await.map(|()| next(interval)),
            "despatch" => task.despatch().await.map(|()| next(1)),
            "push_stock" => task.push_stock().await.map(next),
            "push_prices" => task.push_prices().await.map(next),
            "reconcile" => task.reconcile().await.map(|()| next(900)),
            "fetch_told" => task.fetch_told().await.map(next),
            "list_products" => task.list_products().await.map(|()| next(12 * 3_600)),
            other => return Ok(Ended::Dead { error: format!("no such job: {other}") }),
        },
    };
    match done {
        Ok(ended) => Ok(ended),
        Err(Trouble::Own(error)) => Err(error),
        Err(Trouble::Port(error)) => failed(site, id, attempts, error).await,
    }
}

async fn failed(site: &Site, id: ChannelId, attempts: i64, error: PortError) -> Result<Ended, Error> {
    let message = error.to_string();
    let wait = match &error {
        PortError::Retry { after_seconds: Some(seconds), .. } => i64::from(*seconds).min(86_400),
        _ => jobs::back_off_seconds(attempts, id.0).min(600),
    };
    let (text, pause) = (message.clone(), matches!(error, PortError::Unauthorised(_)));
    site.write(Actor::System, move |tx, ctx| {
        if pause { channels::paused(tx, ctx, id, &text) } else { channels::failed(tx, ctx, id, &text) }
    })
    .await?;
    Ok(Ended::Failed { error: message, retry_at: site.clock.now().plus_seconds(wait) })
}

async fn connect(site: &Site, channel: Channel) -> Result<Task<'_>, Trouble> {
    let kind = site.kind(&channel.kind).ok_or_else(|| {
        PortError::Unauthorised(format!("this version of Consign has no channel kind \"{}\"", channel.kind))
    })?;
    let connection =
        site.keys.open(channel.id, &channel.connection).map_err(|error| PortError::Unauthorised(error.to_string()))?;
    let remote = kind.connect(&connection)?;
    Ok(Task { site, channel, kind, remote })
}

impl Task<'_> {
    async fn download(&self) -> Result<(), Trouble> {
        let id = self.channel.id;
        let actor = Actor::Channel(id);
        let capabilities = self.kind.capabilities();
        loop {
            let (cursor, statuses, unsettled) = self
                .site
                .write(actor, move |tx, ctx| {
                    let cursor = channels::begin_round(tx, ctx, id)?;
                    Ok((cursor, channels::status_map(tx, id)?, channels::unsettled(tx, id)?))
                })
                .await?;
            if let Err(why) = channels::runnable(capabilities, &self.channel, &statuses) {
                self.site.write(Actor::System, move |tx, ctx| channels::paused(tx, ctx, id, &why)).await?;
                return Ok(());
            }
            let wanted = statuses.iter().filter(|map| map.means() != StatusTarget::Unmapped);
            let request = DownloadRequest {
                page: cursor.page,
                since: cursor.since_at,
                statuses: wanted.map(|map| map.code.clone()).collect(),
                unsettled,
            };
            let page = Arc::new(self.remote.download(request).await?);
            let overlap = capabilities.overlap_seconds;
            let outcome =
                self.site.write(actor, move |tx, ctx| orders::receive_page(tx, ctx, id, &page, overlap)).await?;
            self.site.metrics.received(outcome.received);
            if outcome.received.taken + outcome.received.rejected > 0 {
                tracing::info!(channel = %self.channel.name, ?outcome, "a page of orders was received");
            }
            if !outcome.more {
                return Ok(());
            }
        }
    }

    async fn despatch(&self) -> Result<(), Trouble> {
        let (id, batch) = (self.channel.id, self.kind.capabilities().despatch_batch.clamp(1, 200));
        let taken = self.site.write(Actor::System, move |tx, ctx| despatch::take(tx, ctx, id, batch)).await?;
        let (mut notes, mut ids) = (Vec::new(), Vec::new());
        let mut trouble = None;
        for message in taken {
            match message {
                Taken::Despatch(id, note) => {
                    ids.push(id);
                    notes.push(note);
                }
                Taken::Cancellation(id, cancellation) => {
                    let outcome = self.remote.cancel(cancellation).await;
                    trouble = trouble.or(self.settle(id, outcome).await?);
                }
            }
        }
        if !notes.is_empty() {
            match self.remote.despatch(notes).await {
                Ok(outcomes) => {
                    let lost = PortError::retry("the channel's answer left this order out");
                    let outcomes = outcomes.into_iter().chain(std::iter::repeat(Err(lost)));
                    for (id, outcome) in ids.into_iter().zip(outcomes) {
                        self.settle(id, outcome).await?;
                    }
                }
                Err(error) => {
                    for id in ids {
                        self.settle(id, Err(error.clone())).await?;
                    }
                    trouble = Some(error);
                }
            }
        }
        trouble.map_or(Ok(()), |error| Err(Trouble::Port(error)))
    }

    /// Settles a message. Gives the error if it speaks of the channel as a whole rather than of this order.
    async fn settle(&self, id: consign_values::DespatchId, outcome: Outcome) -> Result<Option<PortError>, Trouble> {
        let whole = match &outcome {
            Err(error @ PortError::Unauthorised(_)) => Some(error.clone()),
            _ => None,
        };
        let settled = match outcome {
            Ok(()) => Settled::Confirmed,
            Err(PortError::Refused(why)) => Settled::Rejected(why),
            Err(PortError::Retry { message, after_seconds }) => Settled::Retry { error: message, after_seconds },
            Err(error) => Settled::Retry { error: error.to_string(), after_seconds: None },
        };
        self.site.metrics.settled(&settled);
        let actor = Actor::Channel(self.channel.id);
        self.site.write(actor, move |tx, ctx| despatch::settle(tx, ctx, id, &settled)).await?;
        Ok(whole)
    }

    /// Gives the seconds until the next look.
    async fn push_stock(&self) -> Result<i64, Trouble> {
        let batch = self.kind.capabilities().stock_batch.clamp(1, 1_000);
        if !self.channel.push_stock {
            return Ok(PUSH_AGAIN_SECONDS);
        }
        let channel = self.channel.clone();
        let due = self.site.write(Actor::System, move |tx, _| channels::take_due(tx, &channel, batch)).await?;
        if due.is_empty() {
            return Ok(PUSH_AGAIN_SECONDS);
        }
        let levels: Vec<StockLevel> = due
            .iter()
            .map(|listing| StockLevel {
                channel_sku: listing.channel_sku.clone(),
                channel_reference: listing.channel_reference.clone(),
                quantity: listing.figure(&self.channel),
            })
            .collect();
        let outcomes = match due.first().map(|listing| listing.warehouse.as_str()) {
            Some("") | None => self.remote.push_stock(levels).await?,
            Some(warehouse) => self.remote.push_stock_at(warehouse.to_owned(), levels).await?,
        };
        let again = push_again_seconds(&outcomes);
        let channel = self.channel.clone();
        self.site
            .write(Actor::System, move |tx, ctx| {
                for (listing, outcome) in due.iter().zip(&outcomes) {
                    channels::pushed(tx, ctx, listing, listing.figure(&channel), said(outcome))?;
                }
                Ok(())
            })
            .await?;
        Ok(again)
    }

    /// Gives the seconds until the next look.
    async fn push_prices(&self) -> Result<i64, Trouble> {
        let (id, capabilities) = (self.channel.id, self.kind.capabilities());
        if !self.channel.push_prices || !capabilities.prices {
            return Ok(PUSH_AGAIN_SECONDS);
        }
        let batch = capabilities.stock_batch.clamp(1, 1_000);
        let due = self.site.read(move |tx, _| channels::take_due_prices(tx, id, batch)).await?;
        if due.is_empty() {
            return Ok(PUSH_AGAIN_SECONDS);
        }
        let prices: Vec<ListingPrice> = due
            .iter()
            .map(|price| ListingPrice {
                channel_sku: price.channel_sku.clone(),
                channel_reference: price.channel_reference.clone(),
                price: price.price(),
            })
            .collect();
        let outcomes = self.remote.push_prices(prices).await?;
        let again = push_again_seconds(&outcomes);
        self.site
            .write(Actor::System, move |tx, ctx| {
                for (price, outcome) in due.iter().zip(&outcomes) {
                    channels::price_pushed(tx, ctx, price, said(outcome))?;
                }
                Ok(())
            })
            .await?;
        Ok(again)
    }

    /// Compares what the channel has in the wanted statuses with what we have: the count, or the gap.
    async fn reconcile(&self) -> Result<(), Trouble> {
        let id = self.channel.id;
        let statuses = self.site.read(move |tx, _| channels::status_map(tx, id)).await?;
        let wanted: Vec<String> = statuses
            .iter()
            .filter(|map| {
                map.means() == StatusTarget::Paid || self.channel.download_unpaid && map.means() == StatusTarget::Unpaid
            })
            .map(|map| map.code.clone())
            .collect();
        let since: Timestamp = self.channel.created_at;
        let (mut count, mut missing, mut page) = (0_i64, Vec::new(), None);
        loop {
            let found = self.remote.references(wanted.clone(), since, page).await?;
            count += found.references.len() as i64;
            let references = Arc::new(found.references);
            let gap = self.site.read(move |tx, _| channels::reconcile_references(tx, id, &references)).await?;
            missing.extend(gap);
            match found.next {
                Some(next) => page = Some(next),
                None => break,
            }
        }
        let actor = Actor::Channel(id);
        self.site.write(actor, move |tx, ctx| channels::reconciled(tx, ctx, id, count, &missing)).await?;
        Ok(())
    }

    async fn list_products(&self) -> Result<(), Trouble> {
        let id = self.channel.id;
        let mut page = None;
        loop {
            let found = self.remote.list_products(page).await?;
            let products = Arc::new(found.products);
            self.site
                .write(Actor::Channel(id), move |tx, ctx| channels::record_products(tx, ctx, id, &products))
                .await?;
            match found.next {
                Some(next) => page = Some(next),
                None => return Ok(()),
            }
        }
    }
}
