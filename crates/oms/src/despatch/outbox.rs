//! The outbox: queued, sent, confirmed, rejected, failed.

use std::collections::BTreeMap;

use consign_db::{Tx, row};
use consign_ports::{Cancellation, Despatch, DespatchLine};
use consign_values::{ChannelId, DespatchId, LineId, OrderId, Quantity, Timestamp, clean};

use super::store;
use crate::channels::{self, Channel};
use crate::orders::{self, Action, DespatchState, Line, Order, OrderState};
use crate::{Ctx, Error, Result, changes, decisions, history, jobs};

consign_db::text_enum! {
    /// What is told.
    pub enum MessageKind {
        /// Lines were shipped.
        Despatch = "despatch",
        /// The order was cancelled.
        Cancellation = "cancellation",
    }
}

consign_db::text_enum! {
    /// How far it is.
    pub enum MessageState {
        /// To be told.
        Queued = "queued",
        /// Told, or being told; the outcome is not known.
        Sent = "sent",
        /// The channel has confirmed it.
        Confirmed = "confirmed",
        /// The channel has refused it.
        Rejected = "rejected",
        /// Not confirmed by its deadline.
        Failed = "failed",
    }
}

row! {
    /// A message to a channel.
    #[derive(Clone, Debug)]
    pub struct Message in "outbox" {
        /// Its id.
        pub id: DespatchId,
        /// The order.
        pub order_id: OrderId,
        /// The channel instance.
        pub channel_id: ChannelId,
        /// What is told.
        pub kind: MessageKind,
        /// The same at every try.
        pub key: String,
        /// How far it is.
        pub state: MessageState,
        /// The channel's order number.
        pub reference: String,
        /// Carrier.
        pub carrier: String,
        /// Service.
        pub service: String,
        /// Tracking number.
        pub tracking_number: String,
        /// Why it was cancelled.
        pub reason: String,
        /// When the order was processed or cancelled.
        pub processed_at: Timestamp,
        /// Tries so far.
        pub attempts: i64,
        /// Not before.
        pub next_at: Timestamp,
        /// Not after.
        pub deadline_at: Timestamp,
        /// Why the last try failed.
        pub last_error: String,
        /// When it was confirmed or given up.
        pub settled_at: Option<Timestamp>,
    }
}

row! {
    /// A line of a message.
    #[derive(Clone, Debug)]
    pub struct MessageLine in "outbox_line" {
        /// The message.
        pub outbox_id: DespatchId,
        /// Our line.
        pub line_id: LineId,
        /// The channel's id of it.
        pub channel_line: String,
        /// SKU as sold.
        pub channel_sku: String,
        /// Units.
        pub quantity: i64,
    }
}

/// Seconds for which a message is tried at least (reference 3.4: Amazon's 24 h).
const PATIENCE_SECONDS: i64 = 24 * 3_600;

/// Seconds after which a try without an outcome is taken for lost.
const UNKNOWN_AFTER_SECONDS: i64 = 60;

/// Queues the despatch of an order that is being processed, as its channel's switch stands now; says so in the history if not.
pub fn queue_despatch(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, lines: &[Line]) -> Result<()> {
    let Some(channel) = receiver(tx, ctx, order, "despatch", |channel| channel.send_despatches)? else { return Ok(()) };
    queue(tx, ctx, order, lines, &channel, MessageKind::Despatch, "")
}

/// Queues the cancellation of an order, likewise.
pub fn queue_cancellation(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, reason: &str) -> Result<()> {
    let Some(channel) = receiver(tx, ctx, order, "cancellation", |channel| channel.send_cancellations)? else {
        return Ok(());
    };
    let lines = store::order_lines(tx, order.id)?;
    if orders::is_split(tx, order.id)? {
        orders::set_despatch_state(tx, order.id, DespatchState::Off)?;
        let why = "it is only part of the channel's order; cancel those lines on the channel";
        decisions::record(tx, ctx, order.id, "despatch", "no cancellation sent", why)?;
        return history::record(tx, ctx, "order", order.id.0, "not sent", format!("cancellation ignored: {why}"));
    }
    queue(tx, ctx, order, &lines, &channel, MessageKind::Cancellation, reason)
}

/// The channel to tell, or `None` with the reason recorded.
fn receiver(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    order: &Order,
    what: &str,
    wanted: impl Fn(&Channel) -> bool,
) -> Result<Option<Channel>> {
    let Some(id) = order.channel_id else { return Ok(None) };
    let channel = match channels::get(tx, id) {
        Ok(channel) => Some(channel),
        Err(Error::NotFound(_)) => None,
        Err(other) => return Err(other),
    };
    let why = match &channel {
        None => "the channel has been removed",
        Some(channel) if !channel.enabled => "the channel is disabled",
        Some(channel) if !wanted(channel) => "it is switched off for this channel",
        Some(_) => return Ok(channel),
    };
    orders::set_despatch_state(tx, order.id, DespatchState::Off)?;
    history::record(tx, ctx, "order", order.id.0, "not sent", format!("{what} ignored: {why}"))?;
    decisions::record(tx, ctx, order.id, "despatch", format!("no {what} sent"), why)?;
    Ok(None)
}

/// Queues one message for each of the channel's orders that has lines in this one: a merged order has several (reference 8.4).
fn queue(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    order: &Order,
    lines: &[Line],
    channel: &Channel,
    kind: MessageKind,
    reason: &str,
) -> Result<()> {
    let mut by_reference: BTreeMap<&str, Vec<&Line>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.is_told() && line.outstanding() > 0) {
        by_reference.entry(line.channel_order(&order.reference)).or_default().push(line);
    }
    if by_reference.is_empty() {
        orders::set_despatch_state(tx, order.id, DespatchState::Off)?;
        let why = "no line of the channel's is left in the order";
        decisions::record(tx, ctx, order.id, "despatch", format!("no {kind} sent"), why)?;
        return history::record(tx, ctx, "order", order.id.0, "not sent", format!("{kind} ignored: {why}"));
    }
    let now = ctx.now();
    for (reference, lines) in by_reference {
        let id = DespatchId(tx.next_id("outbox")?);
        let mut key = format!("{}-{}-{kind}", order.id, order.created_at.0);
        if reference != order.reference {
            key.push('-');
            key.push_str(reference);
        }
        tx.insert(&Message {
            id,
            order_id: order.id,
            channel_id: channel.id,
            kind,
            key,
            state: MessageState::Queued,
            reference: reference.to_owned(),
            carrier: order.carrier.clone(),
            service: order.service.clone(),
            tracking_number: order.tracking_number.clone(),
            reason: reason.to_owned(),
            processed_at: now,
            attempts: 0,
            next_at: now,
            deadline_at: deadline(order, now),
            last_error: String::new(),
            settled_at: None,
        })?;
        // Parts of one channel line that met again are told as one.
        let mut rows: Vec<MessageLine> = Vec::new();
        for line in lines {
            match rows.iter_mut().find(|row| row.channel_line == line.told_line()) {
                Some(row) => row.quantity += line.outstanding(),
                None => rows.push(MessageLine {
                    outbox_id: id,
                    line_id: line.id,
                    channel_line: line.told_line().to_owned(),
                    channel_sku: line.channel_sku.clone(),
                    quantity: line.outstanding(),
                }),
            }
        }
        tx.insert_many(&rows)?;
        let detail = format!("{kind} of {reference} to {} \"{}\"", channel.source, channel.name);
        history::record(tx, ctx, "order", order.id.0, "queued", detail)?;
    }
    orders::set_despatch_state(tx, order.id, DespatchState::Queued)
}

/// Brings an order's despatch state up to its messages: the one that needs somebody most says it.
fn refresh_state(tx: &mut Tx<'_>, order: OrderId) -> Result<()> {
    let messages = store::of_order(tx, order)?;
    let says = [MessageState::Failed, MessageState::Rejected, MessageState::Queued, MessageState::Sent];
    let state = says.into_iter().find(|state| messages.iter().any(|message| message.state == *state));
    orders::set_despatch_state(tx, order, order_state(state.unwrap_or(MessageState::Confirmed)))
}

/// The later of the ship-by deadline and a day from now.
fn deadline(order: &Order, now: Timestamp) -> Timestamp {
    let patience = now.plus_seconds(PATIENCE_SECONDS);
    order.deadline().map_or(patience, |by| by.max(patience))
}

/// A message that was taken to be told, in the connector's shape.
#[derive(Clone, Debug)]
pub enum Taken {
    /// A despatch.
    Despatch(DespatchId, Despatch),
    /// A cancellation.
    Cancellation(DespatchId, Cancellation),
}

impl Taken {
    /// The message's id.
    pub fn id(&self) -> DespatchId {
        match self {
            Taken::Despatch(id, _) | Taken::Cancellation(id, _) => *id,
        }
    }
}

/// Takes up to `limit` due messages of an instance; each counts as a try from now on.
pub fn take(tx: &mut Tx<'_>, ctx: &Ctx<'_>, channel: ChannelId, limit: usize) -> Result<Vec<Taken>> {
    let now = ctx.now();
    let again_at = now.plus_seconds(UNKNOWN_AFTER_SECONDS);
    let mut messages = store::take_due(tx, channel, now, again_at)?;
    for beyond in messages.split_off(limit.min(messages.len())) {
        store::put_back(tx, beyond.id, now)?;
    }
    let mut taken = Vec::new();
    for message in messages {
        let lines = store::lines(tx, message.id)?
            .into_iter()
            .filter_map(|line| {
                let quantity = Quantity::new(line.quantity)?;
                Some(DespatchLine { channel_line: line.channel_line, channel_sku: line.channel_sku, quantity })
            })
            .collect();
        let attempts = u32::try_from(message.attempts - 1).unwrap_or(0);
        taken.push(match message.kind {
            MessageKind::Despatch => Taken::Despatch(
                message.id,
                Despatch {
                    key: message.key,
                    reference: message.reference,
                    carrier: message.carrier,
                    service: message.service,
                    tracking_number: message.tracking_number,
                    processed_at: message.processed_at,
                    lines,
                    attempts,
                },
            ),
            MessageKind::Cancellation => {
                let external_reference = orders::get(tx, message.order_id)?.external_reference;
                let (key, reference, reason) = (message.key, message.reference, message.reason);
                Taken::Cancellation(
                    message.id,
                    Cancellation { key, reference, external_reference, reason, lines, attempts },
                )
            }
        });
    }
    Ok(taken)
}

/// What came of telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The channel has confirmed it.
    Confirmed,
    /// The channel said no.
    Rejected(String),
    /// Passing trouble, or an unknown outcome: try again, not before so many seconds if the channel said so.
    Retry {
        /// What happened.
        error: String,
        /// Seconds that the channel asked for.
        after_seconds: Option<u32>,
    },
}

/// Settles a message. A passing failure backs off until the deadline, and is then shown as failed; nothing is dropped.
pub fn settle(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: DespatchId, outcome: &Settled) -> Result<()> {
    let message = store::lock(tx, id)?.ok_or(Error::NotFound("message"))?;
    if !matches!(message.state, MessageState::Queued | MessageState::Sent) {
        return Ok(());
    }
    let now = ctx.now();
    let (state, error, next_at) = match outcome {
        Settled::Confirmed => (MessageState::Confirmed, String::new(), now),
        Settled::Rejected(error) => (MessageState::Rejected, clean(error, 500), now),
        Settled::Retry { error, .. } if now >= message.deadline_at => (MessageState::Failed, clean(error, 500), now),
        Settled::Retry { error, after_seconds } => {
            let wait = jobs::back_off_seconds(message.attempts, id.0).max(after_seconds.map_or(0, i64::from));
            (MessageState::Queued, clean(error, 500), now.plus_seconds(wait).min(message.deadline_at))
        }
    };
    let settled_at = (state != MessageState::Queued).then_some(now);
    store::set_state(tx, id, state, &error, next_at, settled_at)?;
    refresh_state(tx, message.order_id)?;
    if let Some(kind) = told(state) {
        let detail = format!("{} of {} {error}", message.kind, message.reference);
        history::record(tx, ctx, "order", message.order_id.0, kind, detail.trim_end())?;
    }
    changes::announce(tx, ctx, "order", [message.order_id.0])
}

fn told(state: MessageState) -> Option<&'static str> {
    match state {
        MessageState::Confirmed => Some("confirmed by channel"),
        MessageState::Rejected => Some("rejected by channel"),
        MessageState::Failed => Some("not confirmed until the deadline"),
        MessageState::Queued | MessageState::Sent => None,
    }
}

fn order_state(state: MessageState) -> DespatchState {
    match state {
        MessageState::Queued => DespatchState::Queued,
        MessageState::Sent => DespatchState::Sent,
        MessageState::Confirmed => DespatchState::Confirmed,
        MessageState::Rejected => DespatchState::Rejected,
        MessageState::Failed => DespatchState::Failed,
    }
}

/// Sends a rejected or failed message again, or one that was never queued because a switch was off. It keeps its key, and
/// counts its tries on, so that the connector looks first.
pub fn send_again(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let order = orders::open_for(tx, id, Action::SendAgain)?;
    let messages = store::of_order(tx, id)?;
    let again = |message: &&Message| matches!(message.state, MessageState::Rejected | MessageState::Failed);
    for message in messages.iter().filter(again) {
        store::requeue(tx, message.id, ctx.now(), deadline(&order, ctx.now()))?;
    }
    if !messages.is_empty() {
        refresh_state(tx, id)?;
    } else if order.state == OrderState::Processed {
        let lines = store::order_lines(tx, id)?;
        queue_despatch(tx, ctx, &order, &lines)?;
    } else {
        queue_cancellation(tx, ctx, &order, "cancelled by the seller")?;
    }
    history::record(tx, ctx, "order", id.0, "sent again", "")?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// The messages of an order, oldest first.
pub fn of_order(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Message>> {
    store::of_order(tx, id)
}
