//! Lines without an item get one, and with it stock. Reference 8.11, 4.2.

use consign_db::Tx;
use consign_values::{ChannelId, ItemId, LineId, OrderId};

use super::compose::{expand, recipes};
use super::reclaim::reclaim;
use super::take::wanted;
use super::{Action, Line, open_for, store};
use crate::stock::Cause;
use crate::{Ctx, Error, Refusal, Result, changes, channels, decisions, history, items};

/// Links a line of an order to an item. With `remember`, the channel's listing is linked too, and so are the lines of all
/// other open orders of that channel with the same channel SKU. Gives how many lines were linked.
pub fn link_line(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    line: LineId,
    item: ItemId,
    remember: bool,
) -> Result<usize> {
    let order = open_for(tx, id, Action::Link)?;
    let lines = store::lines(tx, id)?;
    let line = lines.iter().find(|l| l.id == line).ok_or(Error::NotFound("line"))?;
    if line.is_service {
        return Err(Refusal::ServiceLine.into());
    }
    if line.item_id.is_some() {
        return Err(Refusal::AlreadyLinked.into());
    }
    link(tx, ctx, line, item)?;
    let mut linked = 1;
    if let Some(channel) = order.channel_id.filter(|_| remember && !line.channel_sku.is_empty()) {
        channels::link_listing(tx, ctx, channel, &line.channel_sku, item)?;
        linked += link_waiting(tx, ctx, channel, &line.channel_sku, item)?;
    }
    Ok(linked)
}

/// Links the lines of open orders of a channel instance that wait for that channel SKU; at most 5,000 at a time.
pub fn link_waiting(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    channel: ChannelId,
    channel_sku: &str,
    item: ItemId,
) -> Result<usize> {
    let lines = store::unlinked_lines(tx, channel, channel_sku)?;
    for line in &lines {
        link(tx, ctx, line, item)?;
    }
    Ok(lines.len())
}

fn link(tx: &mut Tx<'_>, ctx: &Ctx<'_>, line: &Line, item: ItemId) -> Result<()> {
    let sku = items::get(tx, item)?.sku;
    let order = store::lock(tx, line.order_id)?.ok_or(Error::NotFound("order"))?;
    let mut linked = Line { item_id: Some(item), ..line.clone() };
    let recipes = recipes(tx, [item])?;
    let parts = expand(tx, &mut linked, &recipes)?;
    let lines = || std::iter::once(&linked).chain(&parts);
    let wants = if order.is_live() { lines().filter_map(|line| wanted(&order, line)).collect() } else { Vec::new() };
    reclaim(tx, ctx, Cause::Link, Vec::new(), wants, &[order.id], |tx| {
        store::update_line(tx, &linked)?;
        Ok(tx.insert_many(&parts)?)
    })?;
    let detail = format!("{} → {sku}", line.label());
    history::record(tx, ctx, "order", order.id.0, "linked", detail.clone())?;
    decisions::record(tx, ctx, order.id, "link", detail, format!("linked by {}", ctx.actor))?;
    changes::announce(tx, ctx, "order", [order.id.0])
}
