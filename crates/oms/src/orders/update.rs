//! A channel changes an order that it had not been paid for yet: lines, address, payment. Paid orders never come here.

use std::collections::{BTreeSet, HashMap};

use consign_db::Tx;
use consign_ports::IncomingOrder;
use consign_values::{LineId, OrderId};

use super::search_text::search_text;
use super::take::{Mappings, line_row, parts, wanted};
use super::{HoldReason, Line, NO_DEADLINE, Payment, hold, store};
use crate::channels::Channel;
use crate::stock::{Book, Cause, claims_of, refresh};
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
    let (lines, gone) = merge_lines(tx, id, incoming, mappings, &before)?;
    let claims = claims_of(tx, id)?;
    let items: BTreeSet<_> =
        claims.iter().map(|c| c.item_id).chain(lines.iter().filter_map(|line| line.item_id)).collect();
    let location = order.location_id;
    let mut book = Book::open(tx, ctx, items.into_iter().map(|item| (item, location)))?;
    for claim in &claims {
        book.release(Cause::Update, claim);
    }
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
    order.line_count = lines.len() as i64;
    order.unit_count = lines.iter().map(|line| line.quantity).sum();
    store::update_from_channel(tx, &order)?;
    store::update_detail(tx, ctx, id, incoming, &parts, payment)?;
    if order.is_live() {
        for wanted in lines.iter().filter_map(|line| wanted(&order, line)) {
            book.claim(Cause::Update, &wanted);
        }
    }
    store_lines(tx, &before, &lines)?;
    book.close(tx)?;
    store::delete_lines(tx, &gone)?;
    let text = search_text(&order, &lines, &delivery.email, &delivery.town);
    tx.search_put("order_search", id.0, &text)?;
    refresh(tx, &[id])?;
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

/// The lines as they are to be, ids kept by the channel's line id; and the ids of those that are gone.
fn merge_lines(
    tx: &mut Tx<'_>,
    id: OrderId,
    incoming: &IncomingOrder,
    mappings: &Mappings,
    before: &[Line],
) -> Result<(Vec<Line>, Vec<LineId>)> {
    let known: HashMap<&str, &Line> = before.iter().map(|line| (line.channel_line.as_str(), line)).collect();
    let mut lines = Vec::new();
    for line in &incoming.lines {
        let row = match known.get(line.channel_line.as_str()) {
            Some(old) => {
                let mut row = line_row(old.id, id, line, &mappings.items);
                // A link made by hand stays as long as the line sells the same thing.
                if row.item_id.is_none() && old.channel_sku == row.channel_sku {
                    row.item_id = old.item_id;
                }
                row
            }
            None => line_row(LineId(tx.next_id("line")?), id, line, &mappings.items),
        };
        lines.push(row);
    }
    let kept: BTreeSet<LineId> = lines.iter().map(|line| line.id).collect();
    let gone = before.iter().map(|line| line.id).filter(|id| !kept.contains(id)).collect();
    Ok((lines, gone))
}

fn store_lines(tx: &mut Tx<'_>, before: &[Line], lines: &[Line]) -> Result<()> {
    let old: HashMap<LineId, &Line> = before.iter().map(|line| (line.id, line)).collect();
    for line in lines {
        match old.get(&line.id) {
            Some(same) if *same == line => {}
            Some(_) => store::update_line(tx, line)?,
            None => tx.insert(line)?,
        }
    }
    Ok(())
}

fn describe(before: &[Line], after: &[Line]) -> String {
    let list = |lines: &[Line]| {
        lines.iter().map(|line| format!("{} × {}", line.quantity, line.label())).collect::<Vec<_>>().join(", ")
    };
    let (old, new) = (list(before), list(after));
    if old == new { format!("lines unchanged: {new}") } else { format!("{old} → {new}") }
}
