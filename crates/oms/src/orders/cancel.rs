//! An order is cancelled or deleted: its stock is free. Reference 8.5, 8.6.

use consign_db::Tx;
use consign_values::{OrderId, clean};

use super::search_text::index;
use super::{Action, DespatchState, HoldReason, Order, OrderState, hold, open_for, store};
use crate::stock::{Book, Cause, claims_of};
use crate::{Ctx, Error, Result, changes, decisions, despatch, history};

/// Cancels an order that is neither parked nor locked. With `tell_channel` its channel is told, if the instance's switch is on.
pub fn cancel(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, reason: &str, tell_channel: bool) -> Result<()> {
    let reason = clean(reason, 255);
    if reason.is_empty() {
        return Err(Error::invalid("reason", "must not be empty"));
    }
    let order = open_for(tx, id, Action::Cancel)?;
    end(tx, ctx, &order, OrderState::Cancelled, Cause::Cancel)?;
    history::record(tx, ctx, "order", id.0, "cancelled", reason.clone())?;
    if tell_channel {
        despatch::queue_cancellation(tx, ctx, &order, &reason)?;
    }
    changes::announce(tx, ctx, "order", [id.0])
}

/// The channel has cancelled what it knows by the order's reference: all parts of it that are still open, whatever holds them. If
/// it went into a merged order, that one is parked, because the rest of it is still wanted. `false` if nothing was open.
pub fn cancel_by_channel(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, because: &str) -> Result<bool> {
    if let Some(merged) = order.merged_into {
        return part_cancelled(tx, ctx, merged, &order.reference, because);
    }
    let parts = store::open_parts(tx, order)?;
    for id in &parts {
        let order = store::lock(tx, *id)?.ok_or(Error::NotFound("order"))?;
        end(tx, ctx, &order, OrderState::Cancelled, Cause::Cancel)?;
        history::record(tx, ctx, "order", id.0, "cancelled", "by the channel")?;
        decisions::record(tx, ctx, *id, "status", "cancelled", because)?;
    }
    changes::announce(tx, ctx, "order", parts.iter().map(|id| id.0))?;
    Ok(!parts.is_empty())
}

fn part_cancelled(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, reference: &str, because: &str) -> Result<bool> {
    let order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    if order.state != OrderState::Open {
        return Ok(false);
    }
    let note = format!("the channel has cancelled {reference}, which is part of this order; take its lines out");
    hold::park_for(tx, ctx, id, HoldReason::Channel, &note)?;
    history::record(tx, ctx, "order", id.0, "parked", note.clone())?;
    decisions::record(tx, ctx, id, "park", note, because)?;
    changes::announce(tx, ctx, "order", [id.0])?;
    Ok(true)
}

/// Deletes an open order. Its key stays, so that the channel can't bring it back; nothing is told to the channel.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, reason: &str) -> Result<()> {
    let order = open_for(tx, id, Action::Delete)?;
    end(tx, ctx, &order, OrderState::Deleted, Cause::Delete)?;
    history::record(tx, ctx, "order", id.0, "deleted", clean(reason, 255))?;
    changes::announce(tx, ctx, "order", [id.0])
}

fn end(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, state: OrderState, cause: Cause) -> Result<()> {
    let claims = claims_of(tx, order.id)?;
    let mut book = Book::open(tx, ctx, claims.iter().map(|claim| (claim.item_id, claim.location_id)))?;
    for claim in &claims {
        book.release(cause, claim);
    }
    book.close(tx)?;
    store::end(tx, order.id, state, ctx.now())?;
    index(tx, &Order { state, ..order.clone() })?;
    store::set_despatch_state(tx, order.id, DespatchState::None)
}
