//! An order is split into several: quantities go to parts, each an order of its own. Reference 8.2.
//!
//! Parts keep reference, location and line ids of the channel, so that each sends its own partial note. The original keeps what is
//! left, the postage, and every smallest unit of money that doesn't divide: sums over all parts are what they were.

use std::collections::BTreeMap;

use consign_db::Tx;
use consign_values::{LineId, OrderId, Timestamp};

use super::merge::MERGED;
use super::money::{Priced, add_up, share};
use super::reclaim::reclaim;
use super::search_text::index;
use super::take::wanted;
use super::{Action, DespatchState, Detail, Line, Order, Payment, Relation, RelationKind, hold, open_for, store};
use crate::settings::{self, Formats, Handling};
use crate::stock::{Cause, StockState, claims_of};
use crate::{Actor, Ctx, Error, Refusal, Result, changes, decisions, history, marks};

/// Parts that one split makes at most.
const PARTS_MAX: usize = 50;

/// What goes into a new part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Units of lines; parts of composites go with their parent.
    pub lines: Vec<(LineId, i64)>,
    /// Park it at once.
    pub park: bool,
}

/// People may be kept from splitting older orders; what splits by itself is not (reference 8.2).
fn of_this_month(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order) -> Result<()> {
    let by_hand = matches!(ctx.actor, Actor::User(_) | Actor::Token(_));
    if !by_hand || !settings::get::<Handling>(tx)?.split_this_month_only {
        return Ok(());
    }
    let zone = settings::get::<Formats>(tx)?.manner().zone;
    let month = |at: Timestamp| zone.show(at, "%Y-%m");
    if month(order.received_at) == month(ctx.now()) { Ok(()) } else { Err(Refusal::SplitThisMonthOnly.into()) }
}

/// Splits parts off an order that is still at `version`; gives their ids.
pub fn split(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, version: i64, parts: &[Part]) -> Result<Vec<OrderId>> {
    let order = open_for(tx, id, Action::Split)?;
    if order.version != version {
        return Err(Error::Stale);
    }
    of_this_month(tx, ctx, &order)?;
    if order.payment == Payment::Unpaid && order.channel_id.is_some() {
        return Err(Refusal::ChannelMayChangeIt.into());
    }
    let detail = store::detail(tx, id)?.ok_or(Error::NotFound("order"))?;
    let before = store::lines(tx, id)?;
    let mut plan = Plan::new(tx, order, detail, before, parts)?;
    let mut made = Vec::new();
    for part in parts {
        made.push(plan.part(tx, ctx, part)?);
    }
    let ids: Vec<OrderId> = std::iter::once(id).chain(made.iter().map(|(order, ..)| order.id)).collect();
    let all: Vec<(&Order, &[Line])> = std::iter::once((&plan.order, plan.left.as_slice()))
        .chain(made.iter().map(|(order, _, lines)| (order, lines.as_slice())))
        .collect();
    let live = all.iter().filter(|(order, _)| order.is_live());
    let wants = live.flat_map(|(order, lines)| lines.iter().filter_map(|line| wanted(order, line))).collect();
    let claims = claims_of(tx, id)?;
    let written = |tx: &mut Tx<'_>| {
        for (order, detail, lines) in &made {
            tx.insert(order)?;
            tx.insert(detail)?;
            tx.insert_many(lines)?;
            tx.insert(&Relation { parent_id: id, child_id: order.id, kind: RelationKind::Split, at: ctx.now() })?;
        }
        marks::inherit(tx, &[id], &made.iter().map(|(order, ..)| order.id).collect::<Vec<_>>())?;
        store::write_lines(tx, &plan.before, &plan.left)?;
        store::update_edited(tx, &plan.order)?;
        store::update_sums(tx, &plan.detail)
    };
    reclaim(tx, ctx, Cause::Split, claims, wants, &ids, written)?;
    for ((order, _, lines), part) in made.iter().zip(parts) {
        index(tx, order)?;
        let detail = format!("from order {id}: {}", list(lines));
        history::record(tx, ctx, "order", order.id.0, "split off", detail.clone())?;
        decisions::record(tx, ctx, order.id, "location", format!("location {}", order.location_id), detail)?;
        if part.park {
            hold::park(tx, ctx, order.id, "parked when it was split off")?;
        }
    }
    index(tx, &plan.order)?;
    let detail: Vec<String> =
        made.iter().map(|(order, _, lines)| format!("order {}: {}", order.id, list(lines))).collect();
    history::record(tx, ctx, "order", id.0, "split", format!("{}; {} stay", detail.join("; "), list(&plan.left)))?;
    changes::announce(tx, ctx, "order", ids.iter().map(|id| id.0))?;
    Ok(made.into_iter().map(|(order, ..)| order.id).collect())
}

fn list(lines: &[Line]) -> String {
    let sold = lines.iter().filter(|line| line.parent_line_id.is_none());
    sold.map(|line| format!("{} × {}", line.quantity, line.label())).collect::<Vec<_>>().join(", ")
}

/// The original as it becomes less.
struct Plan {
    order: Order,
    detail: Detail,
    before: Vec<Line>,
    left: Vec<Line>,
    next_part: i64,
}

impl Plan {
    fn new(tx: &mut Tx<'_>, order: Order, detail: Detail, before: Vec<Line>, parts: &[Part]) -> Result<Self> {
        if parts.is_empty() || parts.len() > PARTS_MAX {
            return Err(Error::invalid("parts", "must be between 1 and 50"));
        }
        let mut taken: BTreeMap<LineId, i64> = BTreeMap::new();
        for (i, part) in parts.iter().enumerate() {
            let field = format!("parts.{}", i + 1);
            if part.lines.iter().all(|(_, quantity)| *quantity == 0) {
                return Err(Error::invalid(field, "must have at least one unit"));
            }
            for (line, quantity) in &part.lines {
                if *quantity < 0 {
                    return Err(Error::invalid(field, "quantities must not be negative"));
                }
                let sum = taken.entry(*line).or_default();
                *sum = sum.saturating_add(*quantity);
            }
        }
        for (id, quantity) in &taken {
            let line = before.iter().find(|line| line.id == *id && line.parent_line_id.is_none());
            let line = line.ok_or_else(|| Error::invalid("parts", format!("line {id} is no line of this order")))?;
            if *quantity > line.outstanding() {
                let why = format!("take {quantity} of {}, which has only {} left", line.label(), line.outstanding());
                return Err(Error::invalid("parts", why));
            }
        }
        let sold = before.iter().filter(|line| line.parent_line_id.is_none());
        let units_left: i64 = sold.map(|line| line.quantity - taken.get(&line.id).copied().unwrap_or(0)).sum();
        if units_left == 0 {
            return Err(Error::invalid("parts", "must leave at least one unit in the order"));
        }
        let next_part = store::last_part(tx, &order)? + 1;
        Ok(Plan { order, detail, left: before.clone(), before, next_part })
    }

    /// Takes one part out of what is left.
    fn part(&mut self, tx: &mut Tx<'_>, ctx: &Ctx<'_>, part: &Part) -> Result<(Order, Detail, Vec<Line>)> {
        let id = OrderId(tx.next_id("orders")?);
        let too_large = |error: consign_values::MoneyError| Error::invalid("total", error.to_string());
        let mut wanted: BTreeMap<LineId, i64> = BTreeMap::new();
        for (line, quantity) in part.lines.iter().filter(|(_, quantity)| *quantity > 0) {
            *wanted.entry(*line).or_default() += quantity;
        }
        let mut lines = Vec::new();
        for (line, quantity) in wanted {
            lines.extend(self.take(tx, id, line, quantity)?);
        }
        let sums = add_up(self.order.currency, lines.iter().map(Priced::from), 0, 0, 0).map_err(too_large)?;
        let discount = share(self.detail.discount, sums.subtotal, self.detail.subtotal);
        let detail = Detail {
            order_id: id,
            subtotal: sums.subtotal,
            postage: 0,
            discount,
            tax: sums.tax,
            ..self.detail.clone()
        };
        let sold = |lines: &[Line]| -> (i64, i64) {
            let sold: Vec<&Line> = lines.iter().filter(|line| line.parent_line_id.is_none()).collect();
            (sold.len() as i64, sold.iter().map(|line| line.quantity).sum())
        };
        let (line_count, unit_count) = sold(&lines);
        // Merged orders share one reference, so their parts are told apart by their ids.
        let number = if self.order.reference == MERGED { id.0 } else { self.next_part };
        let order = Order {
            id,
            part: number,
            stock_state: StockState::None,
            despatch_state: DespatchState::None,
            note_count: 0,
            line_count,
            unit_count,
            total: sums.subtotal - discount,
            tracking_number: String::new(),
            created_at: ctx.now(),
            version: 1,
            ..self.order.clone()
        };
        self.next_part += 1;
        self.detail.subtotal -= sums.subtotal;
        self.detail.tax -= sums.tax;
        self.detail.discount -= discount;
        self.order.total -= order.total;
        (self.order.line_count, self.order.unit_count) = sold(&self.left);
        Ok((order, detail, lines))
    }

    /// Moves units of a line, and of its children, to the part.
    fn take(&mut self, tx: &mut Tx<'_>, to: OrderId, line_id: LineId, quantity: i64) -> Result<Vec<Line>> {
        let Some(at) = self.left.iter().position(|line| line.id == line_id) else {
            return Err(Error::invalid("parts", format!("line {line_id} has nothing left")));
        };
        let whole = self.left[at].clone();
        let id = LineId(tx.next_id("line")?);
        let discount = share(whole.discount, quantity, whole.quantity);
        let parent = Line { id, order_id: to, quantity, shipped_before: 0, discount, ..whole.clone() };
        let mut lines = vec![parent];
        for child in self.left.iter_mut().filter(|line| line.parent_line_id == Some(line_id)) {
            let units = child.quantity / whole.quantity * quantity;
            let id_of_child = LineId(tx.next_id("line")?);
            lines.push(Line {
                id: id_of_child,
                order_id: to,
                quantity: units,
                shipped_before: 0,
                parent_line_id: Some(id),
                ..child.clone()
            });
            child.quantity -= units;
        }
        self.left[at].quantity -= quantity;
        self.left[at].discount -= discount;
        self.left.retain(|line| line.quantity > 0);
        Ok(lines)
    }
}
