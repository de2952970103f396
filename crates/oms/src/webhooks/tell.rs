//! What is told: each entry of an order's history, and each level whose figures changed.

use std::collections::BTreeSet;

use consign_db::Tx;
use consign_values::{OrderId, Timestamp, WebhookId};
use serde_json::{Value, json};

use super::{Delivery, DeliveryState, Webhook, store};
use crate::Result;
use crate::history::Entry;
use crate::stock::Level;

consign_db::text_enum! {
    /// What a webhook can be told of.
    pub enum EventKind {
        /// An order came in.
        OrderReceived = "order.received",
        /// Something was done to an order: moved, parked, tagged, edited …
        OrderChanged = "order.changed",
        /// An order was processed.
        OrderProcessed = "order.processed",
        /// An order was cancelled.
        OrderCancelled = "order.cancelled",
        /// An order was deleted.
        OrderDeleted = "order.deleted",
        /// A channel has confirmed a despatch or cancellation.
        DespatchConfirmed = "despatch.confirmed",
        /// A channel has refused a despatch or cancellation.
        DespatchRejected = "despatch.rejected",
        /// A despatch or cancellation was not confirmed until its deadline.
        DespatchFailed = "despatch.failed",
        /// The stock of an item at a location changed.
        StockChanged = "stock.changed",
        /// Somebody tries the webhook out.
        Ping = "ping",
    }
}

fn kind_of(entry: &Entry) -> EventKind {
    match entry.kind.as_str() {
        "received" => EventKind::OrderReceived,
        "processed" => EventKind::OrderProcessed,
        "cancelled" => EventKind::OrderCancelled,
        "deleted" => EventKind::OrderDeleted,
        "confirmed by channel" => EventKind::DespatchConfirmed,
        "rejected by channel" => EventKind::DespatchRejected,
        "not confirmed until the deadline" => EventKind::DespatchFailed,
        _ => EventKind::OrderChanged,
    }
}

/// Notes what history has just been given.
pub(crate) fn of_history(tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
    if !entries.iter().any(|entry| entry.noun == "order") {
        return Ok(());
    }
    let hooks = store::active(tx)?;
    let mut told = Vec::new();
    for entry in entries.iter().filter(|entry| entry.noun == "order") {
        let body = json!({
            "order_id": entry.noun_id, "what": entry.kind, "detail": entry.detail, "actor": entry.actor
        });
        told.push((kind_of(entry), entry.at, body));
    }
    note(tx, &hooks, told)
}

/// Notes levels whose figures have just changed.
pub(crate) fn of_stock<'l>(tx: &mut Tx<'_>, at: Timestamp, levels: impl Iterator<Item = &'l Level>) -> Result<()> {
    let mut levels = levels.peekable();
    if levels.peek().is_none() {
        return Ok(());
    }
    let hooks = store::active(tx)?;
    let figures = |level: &Level| {
        json!({
            "item_id": level.item_id, "location_id": level.location_id, "on_hand": level.on_hand,
            "allocated": level.allocated, "demand": level.demand, "available": level.available()
        })
    };
    if hooks.is_empty() {
        return Ok(());
    }
    let told = levels.map(|level| (EventKind::StockChanged, at, figures(level))).collect();
    note(tx, &hooks, told)
}

fn note(tx: &mut Tx<'_>, hooks: &[Webhook], told: Vec<(EventKind, Timestamp, Value)>) -> Result<()> {
    let mut deliveries = Vec::new();
    for hook in hooks {
        let wanted: BTreeSet<EventKind> = hook.kinds().collect();
        for (kind, at, body) in told.iter().filter(|(kind, ..)| wanted.contains(kind)) {
            deliveries.push(delivery(tx, hook.id, *kind, *at, body.clone())?);
        }
    }
    tx.insert_many(&deliveries)?;
    Ok(())
}

/// A delivery with its envelope: `id`, `kind`, `at` and `data`.
pub(super) fn delivery(
    tx: &mut Tx<'_>,
    hook: WebhookId,
    kind: EventKind,
    at: Timestamp,
    data: Value,
) -> Result<Delivery> {
    let id = tx.next_id("delivery")?;
    let order_id = data["order_id"].as_i64().map(OrderId);
    let body = json!({"id": id, "kind": kind.as_str(), "at": at.to_rfc3339_millis(), "data": data});
    Ok(Delivery {
        id,
        webhook_id: hook,
        kind,
        body: body.to_string(),
        at,
        state: DeliveryState::Queued,
        attempts: 0,
        next_at: at,
        last_error: String::new(),
        settled_at: None,
        order_id,
    })
}
