//! The SQL of the outbox.

use consign_db::{Tx, sql};
use consign_values::{ChannelId, DespatchId, OrderId, Timestamp};

use super::{Message, MessageLine, MessageState};
use crate::Result;
use crate::orders::Line;

pub fn lock(tx: &mut Tx<'_>, id: DespatchId) -> Result<Option<Message>> {
    Ok(tx.optional(sql!(Message, "SELECT {*} FROM outbox WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn of_order(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Message>> {
    Ok(tx.all(sql!(Message, "SELECT {*} FROM outbox WHERE order_id = $1 ORDER BY id LIMIT 100"), &[&order])?)
}

pub fn lines(tx: &mut Tx<'_>, id: DespatchId) -> Result<Vec<MessageLine>> {
    let text = sql!(MessageLine, "SELECT {*} FROM outbox_line WHERE outbox_id = $1 ORDER BY line_id");
    Ok(tx.all(text, &[&id])?)
}

pub fn order_lines(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Line>> {
    Ok(tx.all(sql!(Line, "SELECT {*} FROM order_line WHERE order_id = $1 ORDER BY id"), &[&order])?)
}

/// Takes at most 200, oldest first.
pub fn take_due(tx: &mut Tx<'_>, channel: ChannelId, now: Timestamp, again_at: Timestamp) -> Result<Vec<Message>> {
    let text = sql!(
        Message,
        "UPDATE outbox SET state = 'sent', attempts = attempts + 1, next_at = $3
         WHERE id IN (
           SELECT id FROM outbox WHERE channel_id = $1 AND state IN ('queued', 'sent') AND next_at <= $2
           ORDER BY next_at LIMIT 200 /*pg FOR UPDATE SKIP LOCKED*/)
         RETURNING {*}"
    );
    let mut messages = tx.all(text, &[&channel, &now, &again_at])?;
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

pub fn put_back(tx: &mut Tx<'_>, id: DespatchId, now: Timestamp) -> Result<()> {
    let text = sql!("UPDATE outbox SET attempts = attempts - 1, next_at = $2 WHERE id = $1");
    tx.execute(text, &[&id, &now])?;
    Ok(())
}

pub fn set_state(
    tx: &mut Tx<'_>,
    id: DespatchId,
    state: MessageState,
    error: &str,
    next_at: Timestamp,
    settled_at: Option<Timestamp>,
) -> Result<()> {
    let text = sql!("UPDATE outbox SET state = $2, last_error = $3, next_at = $4, settled_at = $5 WHERE id = $1");
    tx.execute(text, &[&id, &state, &error, &next_at, &settled_at])?;
    Ok(())
}

pub fn requeue(tx: &mut Tx<'_>, id: DespatchId, now: Timestamp, deadline: Timestamp) -> Result<()> {
    let text =
        sql!("UPDATE outbox SET state = 'queued', next_at = $2, deadline_at = $3, settled_at = NULL WHERE id = $1");
    tx.execute(text, &[&id, &now, &deadline])?;
    Ok(())
}

pub fn any_due(tx: &mut Tx<'_>, channel: ChannelId, now: Timestamp) -> Result<bool> {
    let text = sql!(
        DespatchId,
        "SELECT id FROM outbox WHERE channel_id = $1 AND state IN ('queued', 'sent') AND next_at <= $2 LIMIT 1"
    );
    Ok(tx.optional(text, &[&channel, &now])?.is_some())
}
