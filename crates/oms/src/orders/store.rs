//! The SQL of orders.

use std::collections::{HashMap, HashSet};

use consign_db::{Tx, params, sql};
use consign_ports::IncomingOrder;
use consign_values::{ChannelId, DraftId, LineId, LocationId, OrderId, Timestamp};

use super::take::{Parts, pairs};
use super::{
    CentreState, DespatchState, Detail, Draft, Hold, HoldKind, HoldReason, Line, LineView, Note, Order, OrderState,
    Payment, Relation,
};
use crate::{Ctx, Result};

pub fn find(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Order>> {
    Ok(tx.optional(sql!(Order, "SELECT {*} FROM orders WHERE id = $1"), &[&id])?)
}

pub fn lock(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Order>> {
    Ok(tx.optional(sql!(Order, "SELECT {*} FROM orders WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn list_of(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<Order>> {
    Ok(tx.all_in(sql!(Order, "SELECT {*} FROM orders WHERE id {in}"), ids, &[])?)
}

pub fn by_references(tx: &mut Tx<'_>, source: &str, sub_source: &str, references: &[String]) -> Result<Vec<Order>> {
    let text =
        sql!(Order, "SELECT {*} FROM orders WHERE source = $1 AND sub_source = $2 AND part = 0 AND reference {in}");
    Ok(tx.all_in(text, references, &[&source, &sub_source])?)
}

/// At most 20.
pub fn by_reference(tx: &mut Tx<'_>, reference: &str) -> Result<Vec<Order>> {
    let text =
        sql!(Order, "SELECT {*} FROM orders WHERE reference = $1 AND state <> 'deleted' ORDER BY id DESC LIMIT 20");
    Ok(tx.all(text, &[&reference])?)
}

pub fn detail(tx: &mut Tx<'_>, id: OrderId) -> Result<Option<Detail>> {
    Ok(tx.optional(sql!(Detail, "SELECT {*} FROM order_detail WHERE order_id = $1"), &[&id])?)
}

pub fn lines(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Line>> {
    Ok(tx.all(sql!(Line, "SELECT {*} FROM order_line WHERE order_id = $1 ORDER BY id"), &[&id])?)
}

pub fn line_views(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<LineView>> {
    let text = sql!(
        LineView,
        "SELECT l.id, l.channel_line, l.channel_sku, l.title, l.item_id, i.sku, l.is_service, l.quantity, l.shipped_before,
           c.quantity AS wanted, c.allocated, l.unit_price, l.discount, l.tax_rate, l.tax_inclusive, l.reference, l.added,
           l.composite, l.parent_line_id
         FROM order_line l LEFT JOIN item i ON i.id = l.item_id LEFT JOIN claim c ON c.line_id = l.id
         WHERE l.order_id = $1 ORDER BY COALESCE(l.parent_line_id, l.id), l.id"
    );
    Ok(tx.all(text, &[&id])?)
}

pub fn unlinked_lines(tx: &mut Tx<'_>, channel: ChannelId, channel_sku: &str) -> Result<Vec<Line>> {
    let text = sql!(
        Line,
        "SELECT {l.*} FROM order_line l JOIN orders o ON o.id = l.order_id
         WHERE l.channel_sku = $2 AND l.item_id IS NULL AND NOT l.is_service AND o.channel_id = $1 AND o.state = 'open'
         ORDER BY o.despatch_by, o.priority DESC, o.received_at, l.id LIMIT 5000"
    );
    Ok(tx.all(text, &[&channel, &channel_sku])?)
}

pub fn update_line(tx: &mut Tx<'_>, line: &Line) -> Result<()> {
    let text = sql!(
        "UPDATE order_line SET channel_sku = $2, title = $3, item_id = $4, is_service = $5, quantity = $6,
           shipped_before = $7, unit_price = $8, discount = $9, tax_rate = $10, tax_inclusive = $11, options = $12,
           order_id = $13, channel_line = $14, reference = $15, note_line = $16, composite = $17, parent_line_id = $18
         WHERE id = $1"
    );
    tx.execute(
        text,
        &[
            &line.id,
            &line.channel_sku,
            &line.title,
            &line.item_id,
            &line.is_service,
            &line.quantity,
            &line.shipped_before,
            &line.unit_price,
            &line.discount,
            &line.tax_rate,
            &line.tax_inclusive,
            &line.options,
            &line.order_id,
            &line.channel_line,
            &line.reference,
            &line.note_line,
            &line.composite,
            &line.parent_line_id,
        ],
    )?;
    Ok(())
}

pub fn delete_lines(tx: &mut Tx<'_>, ids: &[LineId]) -> Result<()> {
    tx.execute_many(sql!("DELETE FROM order_line WHERE id = $1"), ids.iter().map(|id| params![*id]))?;
    Ok(())
}

pub fn update_from_channel(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    let text = sql!(
        "UPDATE orders SET payment = $2, currency = $3, total = $4, buyer = $5, full_name = $6, company = $7, postcode = $8,
           country_code = $9, despatch_by = $10, line_count = $11, unit_count = $12, version = version + 1
         WHERE id = $1"
    );
    tx.execute(
        text,
        &[
            &order.id,
            &order.payment,
            &order.currency,
            &order.total,
            &order.buyer,
            &order.full_name,
            &order.company,
            &order.postcode,
            &order.country_code,
            &order.despatch_by,
            &order.line_count,
            &order.unit_count,
        ],
    )?;
    Ok(())
}

pub fn update_detail(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    incoming: &IncomingOrder,
    parts: &Parts,
    payment: Payment,
) -> Result<()> {
    let text = sql!(
        "UPDATE order_detail SET delivery = $2, billing = $3, subtotal = $4, postage = $5, discount = $6, tax = $7,
           channel_status = $8, payment_tag = $9, payment_method = $10, paid_at = $11, properties = $12
         WHERE order_id = $1"
    );
    let json = |address| serde_json::to_string(address).unwrap_or_default();
    let paid_at: Option<Timestamp> = (payment == Payment::Paid).then(|| incoming.paid_at.unwrap_or(ctx.now()));
    tx.execute(
        text,
        &[
            &id,
            &json(&incoming.delivery),
            &json(&incoming.billing),
            &parts.subtotal,
            &incoming.postage.amount,
            &incoming.discount.amount,
            &parts.tax,
            &incoming.status,
            &incoming.payment_tag,
            &parts.payment_method,
            &paid_at,
            &pairs(&incoming.properties),
        ],
    )?;
    Ok(())
}

pub fn end(tx: &mut Tx<'_>, id: OrderId, state: OrderState, at: Timestamp) -> Result<()> {
    let text =
        sql!("UPDATE orders SET state = $2, ended_at = $3, stock_state = 'none', version = version + 1 WHERE id = $1");
    tx.execute(text, &[&id, &state, &at])?;
    crate::marks::close(tx, id)
}

pub fn set_despatch_state(tx: &mut Tx<'_>, id: OrderId, state: DespatchState) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET despatch_state = $2 WHERE id = $1"), &[&id, &state])?;
    Ok(())
}

pub fn set_location(tx: &mut Tx<'_>, id: OrderId, to: LocationId) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET location_id = $2, version = version + 1 WHERE id = $1"), &[&id, &to])?;
    Ok(())
}

pub fn set_centre(tx: &mut Tx<'_>, id: OrderId, centre: CentreState) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET centre = $2, version = version + 1 WHERE id = $1"), &[&id, &centre])?;
    Ok(())
}

pub fn set_tag(tx: &mut Tx<'_>, id: OrderId, tag: i64) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET tag = $2, version = version + 1 WHERE id = $1"), &[&id, &tag])?;
    Ok(())
}

pub fn set_shipping(tx: &mut Tx<'_>, id: OrderId, carrier: &str, service: &str, tracking: &str) -> Result<()> {
    let text =
        sql!("UPDATE orders SET carrier = $2, service = $3, tracking_number = $4, version = version + 1 WHERE id = $1");
    tx.execute(text, &[&id, &carrier, &service, &tracking])?;
    Ok(())
}

pub fn set_held(tx: &mut Tx<'_>, id: OrderId, parked: bool, locked: bool) -> Result<()> {
    let text = sql!("UPDATE orders SET parked = $2, locked = $3, version = version + 1 WHERE id = $1");
    tx.execute(text, &[&id, &parked, &locked])?;
    Ok(())
}

/// Notes who set a field last.
pub fn set_provenance(tx: &mut Tx<'_>, id: OrderId, field: &str, actor: &str) -> Result<()> {
    let Some(detail) = detail(tx, id)? else { return Ok(()) };
    let mut provenance = super::provenance(&detail);
    provenance.insert(field.to_owned(), actor.to_owned());
    let json = serde_json::to_string(&provenance).unwrap_or_default();
    tx.execute(sql!("UPDATE order_detail SET provenance = $2 WHERE order_id = $1"), &[&id, &json])?;
    Ok(())
}

pub fn holds(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Hold>> {
    Ok(tx.all(sql!(Hold, "SELECT {*} FROM order_hold WHERE order_id = $1 ORDER BY at"), &[&id])?)
}

pub fn delete_holds(tx: &mut Tx<'_>, id: OrderId, kind: HoldKind) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_hold WHERE order_id = $1 AND kind = $2"), &[&id, &kind])?;
    Ok(())
}

pub fn delete_hold(tx: &mut Tx<'_>, id: OrderId, kind: HoldKind, reason: HoldReason) -> Result<()> {
    let text = sql!("DELETE FROM order_hold WHERE order_id = $1 AND kind = $2 AND reason = $3");
    tx.execute(text, &[&id, &kind, &reason])?;
    Ok(())
}

pub fn notes(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Note>> {
    Ok(tx.all(sql!(Note, "SELECT {*} FROM order_note WHERE order_id = $1 ORDER BY id LIMIT 500"), &[&id])?)
}

pub fn count_note(tx: &mut Tx<'_>, id: OrderId) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET note_count = note_count + 1 WHERE id = $1"), &[&id])?;
    Ok(())
}

/// Brings the rows of an order's lines from `before` to `after`. Nothing may claim stock for those that go.
pub fn write_lines(tx: &mut Tx<'_>, before: &[Line], after: &[Line]) -> Result<()> {
    let old: HashMap<LineId, &Line> = before.iter().map(|line| (line.id, line)).collect();
    let kept: HashSet<LineId> = after.iter().map(|line| line.id).collect();
    let gone = || before.iter().filter(|line| !kept.contains(&line.id));
    // Parts of composites go before, and come after, what they are part of.
    let parts: Vec<LineId> = gone().filter(|line| line.parent_line_id.is_some()).map(|line| line.id).collect();
    let whole: Vec<LineId> = gone().filter(|line| line.parent_line_id.is_none()).map(|line| line.id).collect();
    delete_lines(tx, &parts)?;
    delete_lines(tx, &whole)?;
    for line in after {
        match old.get(&line.id) {
            Some(same) if *same == line => {}
            Some(_) => update_line(tx, line)?,
            None => tx.insert(line)?,
        }
    }
    Ok(())
}

/// Writes what an edit, a split or an update can change.
pub fn update_edited(tx: &mut Tx<'_>, order: &Order) -> Result<()> {
    let text = sql!(
        "UPDATE orders SET buyer = $2, full_name = $3, company = $4, postcode = $5, country_code = $6,
           secondary_reference = $7, external_reference = $8, despatch_by = $9, priority = $10, line_count = $11,
           unit_count = $12, total = $13, version = version + 1
         WHERE id = $1"
    );
    tx.execute(
        text,
        &[
            &order.id,
            &order.buyer,
            &order.full_name,
            &order.company,
            &order.postcode,
            &order.country_code,
            &order.secondary_reference,
            &order.external_reference,
            &order.despatch_by,
            &order.priority,
            &order.line_count,
            &order.unit_count,
            &order.total,
        ],
    )?;
    Ok(())
}

pub fn update_sums(tx: &mut Tx<'_>, detail: &Detail) -> Result<()> {
    let text = sql!(
        "UPDATE order_detail SET delivery = $2, billing = $3, subtotal = $4, postage = $5, discount = $6, tax = $7
         WHERE order_id = $1"
    );
    tx.execute(
        text,
        &[
            &detail.order_id,
            &detail.delivery,
            &detail.billing,
            &detail.subtotal,
            &detail.postage,
            &detail.discount,
            &detail.tax,
        ],
    )?;
    Ok(())
}

/// The highest part of what the channel knows by the order's reference.
pub fn last_part(tx: &mut Tx<'_>, order: &Order) -> Result<i64> {
    let text = sql!(i64, "SELECT MAX(part) FROM orders WHERE source = $1 AND sub_source = $2 AND reference = $3");
    Ok(tx.one(text, &[&order.source, &order.sub_source, &order.reference])?)
}

/// All open parts of what the channel knows by that order's reference.
pub fn open_parts(tx: &mut Tx<'_>, order: &Order) -> Result<Vec<OrderId>> {
    let text = sql!(
        OrderId,
        "SELECT id FROM orders WHERE source = $1 AND sub_source = $2 AND reference = $3 AND state = 'open' ORDER BY id LIMIT 500"
    );
    Ok(tx.all(text, &[&order.source, &order.sub_source, &order.reference])?)
}

pub fn relations(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Relation>> {
    let text = sql!(
        Relation,
        "SELECT {*} FROM order_relation WHERE parent_id = $1 OR child_id = $1 ORDER BY at, child_id LIMIT 200"
    );
    Ok(tx.all(text, &[&id])?)
}

/// An order has given its lines and notes away.
pub fn set_merged(tx: &mut Tx<'_>, id: OrderId, into: OrderId, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE orders SET state = 'deleted', merged_into = $2, ended_at = $3, stock_state = 'none', line_count = 0,
           unit_count = 0, note_count = 0, version = version + 1
         WHERE id = $1"
    );
    tx.execute(text, &[&id, &into, &now])?;
    crate::marks::close(tx, id)
}

pub fn set_no_merge(tx: &mut Tx<'_>, id: OrderId, on: bool) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET no_merge = $2, version = version + 1 WHERE id = $1"), &[&id, &on])?;
    Ok(())
}

pub fn note(tx: &mut Tx<'_>, id: i64) -> Result<Option<Note>> {
    Ok(tx.optional(sql!(Note, "SELECT {*} FROM order_note WHERE id = $1"), &[&id])?)
}

pub fn update_note(tx: &mut Tx<'_>, note: &Note) -> Result<()> {
    let text = sql!("UPDATE order_note SET body = $2, internal = $3, processing = $4 WHERE id = $1");
    tx.execute(text, &[&note.id, &note.body, &note.internal, &note.processing])?;
    tx.execute(sql!("UPDATE orders SET version = version + 1 WHERE id = $1"), &[&note.order_id])?;
    Ok(())
}

pub fn set_properties(tx: &mut Tx<'_>, id: OrderId, properties: &str) -> Result<()> {
    tx.execute(sql!("UPDATE order_detail SET properties = $2 WHERE order_id = $1"), &[&id, &properties])?;
    tx.execute(sql!("UPDATE orders SET version = version + 1 WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn delete_note(tx: &mut Tx<'_>, note: &Note) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_note WHERE id = $1"), &[&note.id])?;
    tx.execute(sql!("UPDATE orders SET note_count = note_count - 1 WHERE id = $1"), &[&note.order_id])?;
    Ok(())
}

/// Groups of open orders that may be one customer's, by their lowest order after `after`: the ids, comma separated.
pub fn alike(tx: &mut Tx<'_>, after: OrderId) -> Result<Vec<(OrderId, String)>> {
    let text = sql!(
        (OrderId, String),
        "SELECT MIN(id) AS first, /*sqlite GROUP_CONCAT(id) *//*pg STRING_AGG(CAST(id AS TEXT), ',') */AS ids FROM orders
         WHERE state = 'open' AND payment = 'paid' AND NOT parked AND NOT locked AND NOT no_merge
         GROUP BY source, sub_source, location_id, currency, LOWER(full_name), LOWER(postcode)
         HAVING COUNT(*) > 1 AND MIN(id) > $1 ORDER BY MIN(id) LIMIT 200"
    );
    Ok(tx.all(text, &[&after])?)
}

pub fn move_notes(tx: &mut Tx<'_>, from: &[OrderId], to: OrderId) -> Result<()> {
    let text = sql!("UPDATE order_note SET order_id = $2 WHERE order_id = $1");
    tx.execute_many(text, from.iter().map(|from| params![*from, to]))?;
    Ok(())
}

pub fn set_paid(tx: &mut Tx<'_>, id: OrderId, now: Timestamp) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET payment = 'paid', version = version + 1 WHERE id = $1"), &[&id])?;
    tx.execute(sql!("UPDATE order_detail SET paid_at = $2 WHERE order_id = $1"), &[&id, &now])?;
    Ok(())
}

pub fn find_draft(tx: &mut Tx<'_>, id: DraftId) -> Result<Option<Draft>> {
    Ok(tx.optional(sql!(Draft, "SELECT {*} FROM order_draft WHERE id = $1"), &[&id])?)
}

pub fn lock_draft(tx: &mut Tx<'_>, id: DraftId) -> Result<Option<Draft>> {
    Ok(tx.optional(sql!(Draft, "SELECT {*} FROM order_draft WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn drafts(tx: &mut Tx<'_>) -> Result<Vec<Draft>> {
    Ok(tx.all(sql!(Draft, "SELECT {*} FROM order_draft ORDER BY updated_at DESC, id DESC LIMIT 200"), &[])?)
}

pub fn update_draft(
    tx: &mut Tx<'_>,
    id: DraftId,
    version: i64,
    form: &str,
    author: &str,
    now: Timestamp,
) -> Result<u64> {
    let text = sql!(
        "UPDATE order_draft SET form = $3, author = $4, updated_at = $5, version = version + 1
         WHERE id = $1 AND version = $2"
    );
    Ok(tx.execute(text, &[&id, &version, &form, &author, &now])?)
}

pub fn delete_draft(tx: &mut Tx<'_>, id: DraftId) -> Result<()> {
    tx.execute(sql!("DELETE FROM order_draft WHERE id = $1"), &[&id])?;
    Ok(())
}
