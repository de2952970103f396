//! Several orders of one customer become one. Reference 8.4.
//!
//! Each line keeps the reference that it came with: the merged order sends each channel order its own note. The originals leave the
//! books, and stay as keys that keep the channel from bringing them back.

use std::collections::{BTreeSet, HashSet};

use consign_db::Tx;
use consign_values::{Address, OrderId};

use super::reclaim::reclaim;
use super::search_text::index;
use super::take::wanted;
use super::{
    Action, DespatchState, Detail, Line, NO_DEADLINE, Order, OrderState, Payment, Relation, RelationKind, refusal,
    store,
};
use crate::stock::{Cause, StockState, claims_of};
use crate::{Ctx, Error, Refusal, Result, changes, decisions, history, marks};

/// Orders that one merge takes at most.
const ORDERS_MAX: usize = 50;

/// The reference of a merged order.
pub const MERGED: &str = "MERGED";

/// Why an order can't be merged with the others, each reason; empty if it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeCheck {
    /// The order.
    pub order: Order,
    /// What stands in the way.
    pub reasons: Vec<String>,
}

/// Checks the prerequisites of reference 8.4 for each order, compared with the first.
pub fn merge_check(tx: &mut Tx<'_>, ids: &[OrderId]) -> Result<Vec<MergeCheck>> {
    let (orders, details) = load(tx, ids, false)?;
    Ok(check(&orders, &details))
}

fn load(tx: &mut Tx<'_>, ids: &[OrderId], locked: bool) -> Result<(Vec<Order>, Vec<Detail>)> {
    let ids: BTreeSet<OrderId> = ids.iter().copied().collect();
    if ids.len() < 2 || ids.len() > ORDERS_MAX {
        return Err(Error::invalid("ids", "must name between 2 and 50 orders"));
    }
    let (mut orders, mut details) = (Vec::new(), Vec::new());
    for id in ids {
        let order = if locked { store::lock(tx, id)? } else { store::find(tx, id)? };
        orders.push(order.ok_or(Error::NotFound("order"))?);
        details.push(store::detail(tx, id)?.ok_or(Error::NotFound("order"))?);
    }
    Ok((orders, details))
}

fn check(orders: &[Order], details: &[Detail]) -> Vec<MergeCheck> {
    let place = |address: &Address| address.one_line().to_lowercase();
    let (first, first_place) = (&orders[0], place(&details[0].delivery()));
    let reasons = |order: &Order, detail: &Detail| {
        let mut reasons = Vec::new();
        if let Some(refusal) = refusal(order, Action::Merge) {
            reasons.push(refusal.to_string());
        }
        if order.payment != Payment::Paid {
            reasons.push("it is not paid".to_owned());
        }
        let mut differs = |differs: bool, what: &str| {
            if differs {
                reasons.push(format!("it has another {what} than order {}", first.id));
            }
        };
        differs(place(&detail.delivery()) != first_place, "customer name or delivery address");
        differs((&order.source, &order.sub_source) != (&first.source, &first.sub_source), "channel");
        differs(order.currency != first.currency, "currency");
        let service = |order: &Order| (order.carrier.to_lowercase(), order.service.to_lowercase());
        differs(service(order) != service(first), "postal service");
        differs(order.location_id != first.location_id, "location");
        reasons
    };
    let rows = orders.iter().zip(details);
    rows.map(|(order, detail)| MergeCheck { order: order.clone(), reasons: reasons(order, detail) }).collect()
}

/// Merges these orders into a new one; gives its id. Refused with each order's reasons if any can't be merged.
pub fn merge(tx: &mut Tx<'_>, ctx: &Ctx<'_>, ids: &[OrderId]) -> Result<OrderId> {
    let (originals, details) = load(tx, ids, true)?;
    let obstacles: Vec<String> = check(&originals, &details)
        .into_iter()
        .filter(|check| !check.reasons.is_empty())
        .map(|check| format!("order {}: {}", check.order.id, check.reasons.join(", ")))
        .collect();
    if !obstacles.is_empty() {
        return Err(Refusal::CannotMerge(obstacles).into());
    }
    let id = OrderId(tx.next_id("orders")?);
    let mut lines = Vec::new();
    let mut claims = Vec::new();
    let mut taken = HashSet::new();
    for order in &originals {
        for line in store::lines(tx, order.id)? {
            lines.push(moved(line, order, id, &mut taken));
        }
        claims.extend(claims_of(tx, order.id)?);
    }
    let (order, detail) = merged(ctx, id, &originals, &details, &lines);
    let wants = lines.iter().filter_map(|line| wanted(&order, line)).collect();
    reclaim(tx, ctx, Cause::Merge, claims, wants, &[id], |tx| {
        tx.insert(&order)?;
        tx.insert(&detail)?;
        for line in &lines {
            store::update_line(tx, line)?;
        }
        for original in &originals {
            tx.insert(&Relation { parent_id: original.id, child_id: id, kind: RelationKind::Merge, at: ctx.now() })?;
            store::set_merged(tx, original.id, id, ctx.now())?;
        }
        marks::inherit(tx, &originals.iter().map(|order| order.id).collect::<Vec<_>>(), &[id])?;
        store::move_notes(tx, &originals.iter().map(|order| order.id).collect::<Vec<_>>(), id)
    })?;
    for original in &originals {
        index(tx, &Order { state: OrderState::Deleted, ..original.clone() })?;
        history::record(tx, ctx, "order", original.id.0, "merged", format!("into order {id}"))?;
    }
    index(tx, &order)?;
    let from: Vec<String> = originals.iter().map(|order| format!("{} ({})", order.id, order.reference)).collect();
    let from = format!("from orders {}", from.join(", "));
    history::record(tx, ctx, "order", id.0, "merged", from.clone())?;
    decisions::record(tx, ctx, id, "location", format!("location {}", order.location_id), format!("merged {from}"))?;
    changes::announce(tx, ctx, "order", originals.iter().map(|order| order.id.0).chain([id.0]))?;
    Ok(id)
}

/// A line in its new order. Its channel's line id stays what the channel is told, even if another order had the same.
fn moved(line: Line, from: &Order, to: OrderId, taken: &mut HashSet<String>) -> Line {
    let reference = line.channel_order(&from.reference).to_owned();
    let mut moved = Line { order_id: to, ..line };
    if moved.is_told() && !taken.insert(moved.channel_line.clone()) {
        moved.note_line = moved.told_line().to_owned();
        moved.channel_line = format!("{reference}/{}/{}", moved.note_line, moved.id);
    } else if !moved.is_told() {
        moved.channel_line = format!("{}/{}", moved.channel_line, moved.id);
    }
    moved.reference = reference;
    moved
}

fn merged(ctx: &Ctx<'_>, id: OrderId, orders: &[Order], details: &[Detail], lines: &[Line]) -> (Order, Detail) {
    let first = &orders[0];
    let sum = |of: fn(&Detail) -> i64| details.iter().map(of).sum::<i64>();
    let sold = || lines.iter().filter(|line| line.parent_line_id.is_none());
    let order = Order {
        id,
        // Unique with its source and part, and says what it is.
        reference: MERGED.to_owned(),
        part: id.0,
        external_reference: MERGED.to_owned(),
        secondary_reference: String::new(),
        tag: orders.iter().map(|order| order.tag).max().unwrap_or(0),
        stock_state: StockState::None,
        despatch_state: DespatchState::None,
        note_count: orders.iter().map(|order| order.note_count).sum(),
        line_count: sold().count() as i64,
        unit_count: sold().map(|line| line.quantity).sum(),
        total: orders.iter().map(|order| order.total).sum(),
        priority: orders.iter().map(|order| order.priority).max().unwrap_or(0),
        received_at: orders.iter().map(|order| order.received_at).min().unwrap_or(ctx.now()),
        despatch_by: orders.iter().map(|order| order.despatch_by).min().unwrap_or(NO_DEADLINE),
        created_at: ctx.now(),
        version: 1,
        ..first.clone()
    };
    let detail = Detail {
        order_id: id,
        subtotal: sum(|detail| detail.subtotal),
        postage: sum(|detail| detail.postage),
        discount: sum(|detail| detail.discount),
        tax: sum(|detail| detail.tax),
        ..details[0].clone()
    };
    (order, detail)
}
