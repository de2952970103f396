//! Orders of one customer become one by themselves, where the setting says so. Reference 8.4, 14.4.
//!
//! Left alone: parked, locked, unpaid, Amazon Prime, blocked from merging, and what somebody has split. All other prerequisites are
//! those of a merge by hand.

use std::collections::HashMap;

use consign_db::Tx;
use consign_values::OrderId;

use super::merge::{merge, merge_check};
use super::{Action, Order, is_split, open_for, store};
use crate::settings::{self, Handling};
use crate::{Ctx, Refusal, Result, changes, decisions, history, marks};

/// Between two looks.
pub const AUTO_MERGE_SECONDS: i64 = 900;
/// Orders that become one at most.
const TOGETHER: usize = 50;
/// The identifier of orders that are never merged by themselves.
const PRIME: &str = "AMAZON_PRIME";

/// Says whether an order is kept from being merged by itself.
pub fn set_no_merge(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, on: bool) -> Result<()> {
    let order = open_for(tx, id, Action::NoMerge)?;
    if order.no_merge == on {
        return Ok(());
    }
    store::set_no_merge(tx, id, on)?;
    let kind = if on { "blocked from merging" } else { "no longer blocked from merging" };
    history::record(tx, ctx, "order", id.0, kind, "")?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Merges what may be, among up to 200 groups of alike orders after `after`; gives where to go on, if there may be more.
pub fn auto_merge(tx: &mut Tx<'_>, ctx: &Ctx<'_>, after: OrderId) -> Result<Option<OrderId>> {
    if !settings::get::<Handling>(tx)?.merge_alike {
        return Ok(None);
    }
    let groups = store::alike(tx, after)?;
    for (_, ids) in &groups {
        let ids: Vec<OrderId> = ids.split(',').filter_map(|id| id.parse().ok()).map(OrderId).collect();
        merge_group(tx, ctx, &ids)?;
    }
    Ok(groups.last().map(|(id, _)| *id))
}

fn merge_group(tx: &mut Tx<'_>, ctx: &Ctx<'_>, ids: &[OrderId]) -> Result<()> {
    let mut alike: HashMap<(String, String), Vec<OrderId>> = HashMap::new();
    let mut orders: Vec<Order> = store::list_of(tx, ids)?;
    orders.sort_by_key(|order| order.id);
    for order in orders {
        if order.no_merge || is_prime(tx, order.id)? || is_split(tx, order.id)? {
            continue;
        }
        let place = super::delivery(tx, order.id)?.one_line().to_lowercase();
        let service = format!("{} {}", order.carrier, order.service).to_lowercase();
        alike.entry((place, service)).or_default().push(order.id);
    }
    let mut groups: Vec<Vec<OrderId>> = alike.into_values().filter(|ids| ids.len() > 1).collect();
    groups.sort();
    for ids in groups.iter().flat_map(|ids| ids.chunks(TOGETHER)).filter(|ids| ids.len() > 1) {
        // Somebody may have changed one of them since.
        if merge_check(tx, ids)?.iter().any(|check| !check.reasons.is_empty()) {
            continue;
        }
        match merge(tx, ctx, ids) {
            Ok(id) => {
                let because = "the setting Merge alike orders is on: same customer, address, channel, currency, postal \
                               service and location, all paid";
                decisions::record(tx, ctx, id, "merge", "merged by itself", because)?;
            }
            Err(crate::Error::Refused(Refusal::CannotMerge(_))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_prime(tx: &mut Tx<'_>, id: OrderId) -> Result<bool> {
    Ok(marks::of_order(tx, id)?.iter().any(|mark| mark.tag == PRIME))
}
