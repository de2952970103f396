//! The SQL of retention: what is due, and what is put in the place of personal data.

use consign_db::{Query, Tx, sql};
use consign_values::{CustomerId, DraftId, HistoryId, InboxId, OrderId, Timestamp};

use super::Run;
use crate::Result;
use crate::customers::Customer;
use crate::decisions::Decision;
use crate::history::Entry;
use crate::orders::{Detail, Draft, Note, Order};

pub fn order_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    let text = sql!(i64, "SELECT COUNT(*) FROM orders WHERE state <> 'open' AND scrubbed_at IS NULL AND ended_at < $1");
    Ok(tx.one(text, &[&before])?)
}

/// Orders whose channel has yet to confirm: its note still needs the tracking number.
pub fn waiting_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    let text = sql!(
        i64,
        "SELECT COUNT(*) FROM orders o WHERE o.state <> 'open' AND o.scrubbed_at IS NULL AND o.ended_at < $1
         AND EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = o.id AND b.state IN ('queued', 'sent'))"
    );
    Ok(tx.one(text, &[&before])?)
}

pub fn due_orders(tx: &mut Tx<'_>, before: Timestamp, limit: u32) -> Result<Vec<OrderId>> {
    let mut query = Query::new(
        "SELECT o.id FROM orders o WHERE o.state <> 'open' AND o.scrubbed_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = o.id AND b.state IN ('queued', 'sent'))
         AND o.ended_at < ",
    );
    query.bind(before).push(" ORDER BY o.ended_at, o.id").limit(limit);
    Ok(tx.query(&query)?)
}

pub fn is_waiting(tx: &mut Tx<'_>, id: OrderId) -> Result<bool> {
    let text = sql!(i64, "SELECT id FROM outbox WHERE order_id = $1 AND state IN ('queued', 'sent') LIMIT 1");
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn payload_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    let text = sql!(
        i64,
        "SELECT COUNT(*) FROM inbox WHERE COALESCE(order_id, 0) = 0 AND scrubbed_at IS NULL AND received_at < $1"
    );
    Ok(tx.one(text, &[&before])?)
}

/// Empties up to 500 payloads that never became an order; nobody can judge them again. `COALESCE` keeps SQLite on the index of what is
/// not scrubbed yet: by `order_id IS NULL` it would walk all that ever was without an order.
pub fn scrub_payloads(tx: &mut Tx<'_>, before: Timestamp, now: Timestamp) -> Result<i64> {
    let text = sql!(
        "UPDATE inbox SET payload = /*pg ''::bytea*/ /*sqlite X''*/, reason = 'removed after its time', state = 'ignored', scrubbed_at = $2
         WHERE id IN (SELECT id FROM inbox WHERE COALESCE(order_id, 0) = 0 AND scrubbed_at IS NULL AND received_at < $1
           ORDER BY received_at, id LIMIT 500)"
    );
    Ok(count(tx.execute(text, &[&before, &now])?))
}

fn count(rows: u64) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

pub fn draft_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM order_draft WHERE updated_at < $1"), &[&before])?)
}

pub fn due_drafts(tx: &mut Tx<'_>, before: Timestamp) -> Result<Vec<DraftId>> {
    let text = sql!(DraftId, "SELECT id FROM order_draft WHERE updated_at < $1 ORDER BY updated_at LIMIT 200");
    Ok(tx.all(text, &[&before])?)
}

pub fn delete_draft(tx: &mut Tx<'_>, id: DraftId) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_draft WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn reject_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    let text =
        sql!(i64, "SELECT COUNT(*) FROM import_reject r JOIN import_run i ON i.id = r.run_id WHERE i.created_at < $1");
    Ok(tx.one(text, &[&before])?)
}

pub fn delete_rejects(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    let text = sql!(
        "DELETE FROM import_reject WHERE id IN (SELECT r.id FROM import_run i JOIN import_reject r ON r.run_id = i.id
           WHERE i.created_at < $1 ORDER BY i.created_at, r.id LIMIT 1000)"
    );
    Ok(count(tx.execute(text, &[&before])?))
}

/// Files that were brought and never taken in.
pub fn delete_files(tx: &mut Tx<'_>, before: Timestamp, now: Timestamp) -> Result<()> {
    let text = sql!(
        "DELETE FROM import_file WHERE run_id IN (SELECT id FROM import_run WHERE created_at < $1 AND state <> 'running')"
    );
    tx.execute(text, &[&before])?;
    let text =
        sql!("UPDATE import_run SET state = 'cancelled', ended_at = $2 WHERE created_at < $1 AND state = 'prepared'");
    tx.execute(text, &[&before, &now])?;
    Ok(())
}

pub fn customer_count(tx: &mut Tx<'_>, before: Timestamp) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM customer WHERE updated_at < $1"), &[&before])?)
}

pub fn due_customers(tx: &mut Tx<'_>, before: Timestamp) -> Result<Vec<CustomerId>> {
    let text = sql!(CustomerId, "SELECT id FROM customer WHERE updated_at < $1 ORDER BY updated_at LIMIT 200");
    Ok(tx.all(text, &[&before])?)
}

pub fn delete_customer(tx: &mut Tx<'_>, id: CustomerId) -> Result<()> {
    tx.execute(sql!("DELETE FROM customer WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn runs(tx: &mut Tx<'_>) -> Result<Vec<Run>> {
    Ok(tx.all(sql!(Run, "SELECT {*} FROM retention_run ORDER BY id DESC LIMIT 20"), &[])?)
}

pub fn open_run(tx: &mut Tx<'_>) -> Result<Option<Run>> {
    let text = sql!(Run, "SELECT {*} FROM retention_run WHERE ended_at IS NULL ORDER BY id LIMIT 1 /*pg FOR UPDATE*/");
    Ok(tx.optional(text, &[])?)
}

pub fn update_run(tx: &mut Tx<'_>, run: &Run) -> Result<()> {
    let text = sql!(
        "UPDATE retention_run SET ended_at = $2, days = $3, order_count = $4, payload_count = $5, draft_count = $6,
           reject_count = $7, customer_count = $8, stopped = $9
         WHERE id = $1"
    );
    let r = run;
    tx.execute(
        text,
        &[
            &r.id,
            &r.ended_at,
            &r.days,
            &r.order_count,
            &r.payload_count,
            &r.draft_count,
            &r.reject_count,
            &r.customer_count,
            &r.stopped,
        ],
    )?;
    Ok(())
}

pub fn scrubbed_of(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<OrderId>> {
    Ok(tx.all_in(sql!(OrderId, "SELECT id FROM orders WHERE scrubbed_at IS NOT NULL AND id {in}"), ids, &[])?)
}

pub fn lock_unscrubbed(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Order>> {
    let text = sql!(
        Order,
        "SELECT {*} FROM orders WHERE id = $1 AND state <> 'open' AND scrubbed_at IS NULL /*pg FOR UPDATE*/"
    );
    Ok(tx.optional(text, &[&id])?)
}

pub fn detail(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Detail>> {
    Ok(tx.optional(sql!(Detail, "SELECT {*} FROM order_detail WHERE order_id = $1"), &[&id])?)
}

pub fn scrub_order(tx: &mut Tx<'_>, id: OrderId, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE orders SET buyer = '', full_name = '', company = '', postcode = '', tracking_number = '', scrubbed_at = $2,
           version = version + 1
         WHERE id = $1"
    );
    tx.execute(text, &[&id, &now])?;
    tx.execute(sql!("UPDATE order_hold SET note = '' WHERE order_id = $1"), &[&id])?;
    Ok(())
}

pub fn scrub_detail(tx: &mut Tx<'_>, id: OrderId, delivery: &str, billing: &str) -> Result<()> {
    let text = sql!("UPDATE order_detail SET delivery = $2, billing = $3, properties = '[]' WHERE order_id = $1");
    tx.execute(text, &[&id, &delivery, &billing])?;
    Ok(())
}

/// Options hold what buyers had engraved or written on a card.
pub fn scrub_lines(tx: &mut Tx<'_>, id: OrderId) -> Result<()> {
    tx.execute(sql!("UPDATE order_line SET options = '[]' WHERE order_id = $1"), &[&id])?;
    Ok(())
}

pub fn scrub_outbox(tx: &mut Tx<'_>, id: OrderId) -> Result<()> {
    let text = sql!("UPDATE outbox SET tracking_number = '', reason = '', last_error = '' WHERE order_id = $1");
    tx.execute(text, &[&id])?;
    Ok(())
}

pub fn notes(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Note>> {
    Ok(tx.all(sql!(Note, "SELECT {*} FROM order_note WHERE order_id = $1 ORDER BY id"), &[&id])?)
}

pub fn update_note(tx: &mut Tx<'_>, id: i64, author: &str, body: &str) -> Result<()> {
    tx.execute(sql!("UPDATE order_note SET author = $2, body = $3 WHERE id = $1"), &[&id, &author, &body])?;
    Ok(())
}

pub fn history_of(tx: &mut Tx<'_>, noun: &str, id: i64) -> Result<Vec<Entry>> {
    let text = sql!(Entry, "SELECT {*} FROM history WHERE noun = $1 AND noun_id = $2 ORDER BY id");
    Ok(tx.all(text, &[&noun, &id])?)
}

pub fn update_history(tx: &mut Tx<'_>, id: HistoryId, detail: &str) -> Result<()> {
    tx.execute(sql!("UPDATE history SET detail = $2 WHERE id = $1"), &[&id, &detail])?;
    Ok(())
}

pub fn decisions_of(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Decision>> {
    Ok(tx.all(sql!(Decision, "SELECT {*} FROM decision WHERE order_id = $1 ORDER BY id"), &[&id])?)
}

pub fn update_decision(tx: &mut Tx<'_>, id: i64, outcome: &str, because: &str) -> Result<()> {
    tx.execute(sql!("UPDATE decision SET outcome = $2, because = $3 WHERE id = $1"), &[&id, &outcome, &because])?;
    Ok(())
}

/// What came for an order, and what came under its reference without becoming one.
pub fn payloads_of(tx: &mut Tx<'_>, order: &Order) -> Result<Vec<(InboxId, String)>> {
    let text = sql!((InboxId, String), "SELECT id, reason FROM inbox WHERE order_id = $1 AND scrubbed_at IS NULL");
    let mut found = tx.all(text, &[&order.id])?;
    if let Some(channel) = order.channel_id {
        let text = sql!(
            (InboxId, String),
            "SELECT id, reason FROM inbox WHERE channel_id = $1 AND reference = $2 AND order_id IS NULL AND scrubbed_at IS NULL"
        );
        found.extend(tx.all(text, &[&channel, &order.reference])?);
    }
    Ok(found)
}

pub fn scrub_payload(tx: &mut Tx<'_>, id: InboxId, reason: &str, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE inbox SET payload = /*pg ''::bytea*/ /*sqlite X''*/, reason = $2, scrubbed_at = $3,
           state = CASE WHEN state = 'rejected' THEN 'ignored' ELSE state END
         WHERE id = $1"
    );
    tx.execute(text, &[&id, &reason, &now])?;
    Ok(())
}

pub fn deliveries_of(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<(i64, String)>> {
    Ok(tx.all(sql!((i64, String), "SELECT id, body FROM webhook_delivery WHERE order_id = $1"), &[&id])?)
}

pub fn update_delivery(tx: &mut Tx<'_>, id: i64, body: &str) -> Result<()> {
    tx.execute(sql!("UPDATE webhook_delivery SET body = $2, last_error = '' WHERE id = $1"), &[&id, &body])?;
    Ok(())
}

/// Orders that name the text in an address or as the buyer, scrubbed ones left out; the latest first, at most 500. Walks all
/// addresses: a request of a person is rare, and must find what no index of open orders holds.
pub fn orders_naming(tx: &mut Tx<'_>, pattern: &str) -> Result<Vec<OrderId>> {
    let text = sql!(
        OrderId,
        "SELECT o.id FROM orders o JOIN order_detail d ON d.order_id = o.id WHERE o.scrubbed_at IS NULL
         AND (lower(d.delivery) LIKE $1 OR lower(d.billing) LIKE $1 OR lower(o.buyer) LIKE $1)
         ORDER BY o.id DESC LIMIT 500"
    );
    Ok(tx.all(text, &[&pattern])?)
}

pub fn customers_naming(tx: &mut Tx<'_>, pattern: &str) -> Result<Vec<Customer>> {
    let text = sql!(Customer, "SELECT {*} FROM customer WHERE lower(address) LIKE $1 ORDER BY id DESC LIMIT 500");
    Ok(tx.all(text, &[&pattern])?)
}

pub fn drafts_naming(tx: &mut Tx<'_>, pattern: &str) -> Result<Vec<Draft>> {
    let text = sql!(Draft, "SELECT {*} FROM order_draft WHERE lower(form) LIKE $1 ORDER BY id DESC LIMIT 500");
    Ok(tx.all(text, &[&pattern])?)
}

pub fn delete_rejects_naming(tx: &mut Tx<'_>, pattern: &str) -> Result<i64> {
    let text = sql!("DELETE FROM import_reject WHERE lower(cells) LIKE $1 OR lower(reason) LIKE $1");
    Ok(count(tx.execute(text, &[&pattern])?))
}

/// Answers kept for repeated requests, of at most a day.
pub fn answers_naming(tx: &mut Tx<'_>, pattern: &str) -> Result<Vec<(i64, String, String)>> {
    let text =
        sql!((i64, String, String), "SELECT token_id, key, body FROM api_answer WHERE lower(body) LIKE $1 LIMIT 5000");
    Ok(tx.all(text, &[&pattern])?)
}

pub fn update_answer(tx: &mut Tx<'_>, token: i64, key: &str, body: &str) -> Result<()> {
    tx.execute(sql!("UPDATE api_answer SET body = $3 WHERE token_id = $1 AND key = $2"), &[&token, &key, &body])?;
    Ok(())
}

/// Payloads that never became an order, after that one, at most 200.
pub fn orderless_payloads(tx: &mut Tx<'_>, after: InboxId) -> Result<Vec<(InboxId, Vec<u8>)>> {
    let text = sql!(
        (InboxId, Vec<u8>),
        "SELECT id, payload FROM inbox WHERE order_id IS NULL AND scrubbed_at IS NULL AND id > $1 ORDER BY id LIMIT 200"
    );
    Ok(tx.all(text, &[&after])?)
}
