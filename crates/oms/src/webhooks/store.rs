//! The SQL of webhooks.

use consign_db::{Tx, sql};
use consign_values::{Timestamp, WebhookId};

use super::{Delivery, DeliveryState, Webhook};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: WebhookId) -> Result<Option<Webhook>> {
    Ok(tx.optional(sql!(Webhook, "SELECT {*} FROM webhook WHERE id = $1"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Webhook>> {
    Ok(tx.all(sql!(Webhook, "SELECT {*} FROM webhook ORDER BY name, id LIMIT 100"), &[])?)
}

pub fn active(tx: &mut Tx<'_>) -> Result<Vec<Webhook>> {
    Ok(tx.all(sql!(Webhook, "SELECT {*} FROM webhook WHERE active ORDER BY id LIMIT 100"), &[])?)
}

pub fn update(
    tx: &mut Tx<'_>,
    id: WebhookId,
    version: i64,
    name: &str,
    url: &str,
    kinds: &str,
    active: bool,
) -> Result<u64> {
    let text = sql!(
        "UPDATE webhook SET name = $3, url = $4, kinds = $5, active = $6, version = version + 1
         WHERE id = $1 AND version = $2"
    );
    Ok(tx.execute(text, &[&id, &version, &name, &url, &kinds, &active])?)
}

pub fn delete(tx: &mut Tx<'_>, id: WebhookId) -> Result<()> {
    tx.execute(sql!("DELETE FROM webhook WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn any_due(tx: &mut Tx<'_>, hook: WebhookId, now: Timestamp) -> Result<bool> {
    let text = sql!(
        i64,
        "SELECT d.id FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id
         WHERE d.webhook_id = $1 AND d.state = 'queued' AND d.next_at <= $2 AND w.active LIMIT 1"
    );
    Ok(tx.optional(text, &[&hook, &now])?.is_some())
}

pub fn due(tx: &mut Tx<'_>, hook: WebhookId, now: Timestamp) -> Result<Vec<Delivery>> {
    let text = sql!(
        Delivery,
        "SELECT {*} FROM webhook_delivery WHERE webhook_id = $1 AND state = 'queued' AND next_at <= $2
         ORDER BY next_at, id LIMIT 20 /*pg FOR UPDATE*/"
    );
    Ok(tx.all(text, &[&hook, &now])?)
}

pub fn count_try(tx: &mut Tx<'_>, id: i64, next_at: Timestamp) -> Result<()> {
    let text = sql!("UPDATE webhook_delivery SET attempts = attempts + 1, next_at = $2 WHERE id = $1");
    tx.execute(text, &[&id, &next_at])?;
    Ok(())
}

pub fn set_state(
    tx: &mut Tx<'_>,
    id: i64,
    state: DeliveryState,
    error: &str,
    next_at: Timestamp,
    settled_at: Option<Timestamp>,
) -> Result<()> {
    let text = sql!(
        "UPDATE webhook_delivery SET state = $2, last_error = $3, next_at = $4, settled_at = $5
         WHERE id = $1 AND state = 'queued'"
    );
    tx.execute(text, &[&id, &state, &error, &next_at, &settled_at])?;
    Ok(())
}

pub fn deliveries(tx: &mut Tx<'_>, hook: WebhookId, limit: i64) -> Result<Vec<Delivery>> {
    let text = sql!(
        Delivery,
        "SELECT {*} FROM webhook_delivery WHERE webhook_id = $1 ORDER BY id DESC LIMIT CAST($2 AS BIGINT)"
    );
    Ok(tx.all(text, &[&hook, &limit])?)
}

/// Its day begins anew: `at` in the row moves, `at` in the body stays.
pub fn queue_again(tx: &mut Tx<'_>, hook: WebhookId, id: i64, now: Timestamp) -> Result<u64> {
    let text = sql!(
        "UPDATE webhook_delivery SET state = 'queued', attempts = 0, at = $3, next_at = $3, settled_at = NULL
         WHERE webhook_id = $1 AND id = $2"
    );
    Ok(tx.execute(text, &[&hook, &id, &now])?)
}

pub fn delete_settled_before(tx: &mut Tx<'_>, before: Timestamp) -> Result<()> {
    tx.execute(sql!("DELETE FROM webhook_delivery WHERE state <> 'queued' AND settled_at < $1"), &[&before])?;
    Ok(())
}
