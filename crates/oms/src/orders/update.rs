//! A channel changes an order that it had not been paid for yet: lines, address, payment. Paid orders never come here.

use std::collections::HashMap;

use consign_db::Tx;
use consign_ports::IncomingOrder;
use consign_values::{LineId, OrderId};

use super::compose::{expand, scale};
use super::reclaim::reclaim;
use super::search_text::search_text;
use super::take::{Mappings, line_row, parts, wanted};
use super::{HoldReason, Line, NO_DEADLINE, Payment, hold, store};
use crate::channels::Channel;
use crate::stock::{Cause, claims_of};
use crate::{Ctx, Error, Result, changes, decisions, history};

/// Brings an open, unpaid order to what the channel says now, its claims with it; paid, it is unparked.
#[allow(clippy::too_many_arguments)]
pub fn update_unpaid(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: &Channel,
    mappings: &Mappings,
    id: OrderId,
    incoming: &IncomingOrder,
    payment: Payment,
    because: &str,
) -> Result<()> {
    let mut order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    let parts = parts(incoming, mappings).map_err(|reason| Error::invalid("total", reason))?;
    let before = store::lines(tx, id)?;
    let lines = merge_lines(tx, id, incoming, mappings, &before)?;
    let delivery = &incoming.delivery;
    order.payment = payment;
    order.currency = incoming.currency;
    order.total = parts.total;
    order.buyer.clone_from(&incoming.buyer);
    order.full_name.clone_from(&delivery.full_name);
    order.company.clone_from(&delivery.company);
    order.postcode.clone_from(&delivery.postcode);
    order.country_code = delivery.country_code.to_string();
    order.despatch_by = incoming.despatch_by.map_or(NO_DEADLINE, |at| at.min(NO_DEADLINE));
    order.line_count = incoming.lines.len() as i64;
    order.unit_count = incoming.lines.iter().map(|line| line.quantity.units()).sum();
    let wants =
        if order.is_live() { lines.iter().filter_map(|line| wanted(&order, line)).collect() } else { Vec::new() };
    let claims = claims_of(tx, id)?;
    reclaim(tx, ctx, Cause::Update, claims, wants, &[id], |tx| {
        store::update_from_channel(tx, &order)?;
        store::update_detail(tx, ctx, id, incoming, &parts, payment)?;
        store::write_lines(tx, &before, &lines)
    })?;
    let text = search_text(&order, &lines, &delivery.email, &delivery.town);
    tx.search_put("order_search", id.0, &text)?;
    history::record(tx, ctx, "order", id.0, "updated by channel", describe(&before, &lines))?;
    if payment == Payment::Paid {
        hold::lift(tx, ctx, id, HoldReason::Unpaid)?;
        history::record(
            tx,
            ctx,
            "order",
            id.0,
            "paid",
            format!("reported by {} \"{}\"", channel.source, channel.name),
        )?;
    }
    decisions::record(tx, ctx, id, "status", format!("now {payment}"), because)?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// The lines as they are to be, ids kept by the channel's line id. What a person had put in goes: the order is its channel's.
fn merge_lines(
    tx: &mut Tx<'_>,
    id: OrderId,
    incoming: &IncomingOrder,
    mappings: &Mappings,
    before: &[Line],
) -> Result<Vec<Line>> {
    let known: HashMap<&str, &Line> = before
        .iter()
        .filter(|line| line.parent_line_id.is_none())
        .map(|line| (line.channel_line.as_str(), line))
        .collect();
    let mut lines = Vec::new();
    for line in &incoming.lines {
        let Some(old) = known.get(line.channel_line.as_str()) else {
            let mut row = line_row(LineId(tx.next_id("line")?), id, line, &mappings.items);
            let parts = expand(tx, &mut row, &mappings.recipes)?;
            lines.push(row);
            lines.extend(parts);
            continue;
        };
        let mut row = line_row(old.id, id, line, &mappings.items);
        // A link made by hand stays as long as the line sells the same thing.
        if row.item_id.is_none() && old.channel_sku == row.channel_sku {
            row.item_id = old.item_id;
        }
        let parts = if row.item_id == old.item_id {
            row.composite = old.composite;
            let parts = before.iter().filter(|part| part.parent_line_id == Some(old.id));
            parts.map(|part| Line { quantity: scale(part, old.quantity, row.quantity), ..part.clone() }).collect()
        } else {
            expand(tx, &mut row, &mappings.recipes)?
        };
        lines.push(row);
        lines.extend(parts);
    }
    Ok(lines)
}

fn describe(before: &[Line], after: &[Line]) -> String {
    let list = |lines: &[Line]| {
        let sold = lines.iter().filter(|line| line.parent_line_id.is_none());
        sold.map(|line| format!("{} × {}", line.quantity, line.label())).collect::<Vec<_>>().join(", ")
    };
    let (old, new) = (list(before), list(after));
    if old == new { format!("lines unchanged: {new}") } else { format!("{old} → {new}") }
}
