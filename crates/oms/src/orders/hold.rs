//! Putting orders aside: parked keeps the stock, locked gives it up. Reference 2.2.

use consign_db::Tx;
use consign_values::{OrderId, clean};

use super::take::wanted;
use super::{Action, Hold, HoldKind, HoldReason, open_for, store};
use crate::stock::{Book, Cause, claims_of, refresh};
use crate::{Ctx, Refusal, Result, changes, history};

/// Parks an order; its stock stays allocated.
pub fn park(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, note: &str) -> Result<()> {
    open_for(tx, id, Action::Park)?;
    put(tx, ctx, id, HoldKind::Parked, HoldReason::Person, note)?;
    history::record(tx, ctx, "order", id.0, "parked", clean(note, 255))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Unparks an order. One that waits for its payment stays parked until its channel reports it.
pub fn unpark(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let order = open_for(tx, id, Action::Unpark)?;
    let holds = store::holds(tx, id)?;
    if holds.iter().any(|hold| hold.reason == HoldReason::Unpaid) && order.channel_id.is_some() {
        return Err(Refusal::AwaitingPayment.into());
    }
    store::delete_holds(tx, id, HoldKind::Parked)?;
    store::set_held(tx, id, false, order.locked)?;
    history::record(tx, ctx, "order", id.0, "unparked", "")?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Locks an order; its stock is free for others at once.
pub fn lock(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, note: &str) -> Result<()> {
    open_for(tx, id, Action::Lock)?;
    let claims = claims_of(tx, id)?;
    let mut book = Book::open(tx, ctx, claims.iter().map(|claim| (claim.item_id, claim.location_id)))?;
    for claim in &claims {
        book.release(Cause::Lock, claim);
    }
    put(tx, ctx, id, HoldKind::Locked, HoldReason::Person, note)?;
    book.close(tx)?;
    refresh(tx, &[id])?;
    history::record(tx, ctx, "order", id.0, "locked", clean(note, 255))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Unlocks an order; it takes what stock there is and waits for the rest.
pub fn unlock(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let order = open_for(tx, id, Action::Unlock)?;
    let lines = store::lines(tx, id)?;
    let wants: Vec<_> = lines.iter().filter_map(|line| wanted(&order, line)).collect();
    let mut book = Book::open(tx, ctx, wants.iter().map(|w| (w.item_id, w.location_id)))?;
    store::delete_holds(tx, id, HoldKind::Locked)?;
    store::set_held(tx, id, order.parked, false)?;
    for wanted in &wants {
        book.claim(Cause::Unlock, wanted);
    }
    book.close(tx)?;
    refresh(tx, &[id])?;
    history::record(tx, ctx, "order", id.0, "unlocked", "")?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Takes one reason to be parked away; the last one unparks.
pub(super) fn lift(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, reason: HoldReason) -> Result<()> {
    store::delete_hold(tx, id, HoldKind::Parked, reason)?;
    let holds = store::holds(tx, id)?;
    let (parked, locked) = (any(&holds, HoldKind::Parked), any(&holds, HoldKind::Locked));
    store::set_held(tx, id, parked, locked)?;
    if !parked {
        history::record(tx, ctx, "order", id.0, "unparked", format!("no longer {reason}"))?;
    }
    Ok(())
}

fn any(holds: &[Hold], kind: HoldKind) -> bool {
    holds.iter().any(|hold| hold.kind == kind)
}

/// Parks an order for a reason that is no person's; if it is parked for that already, nothing happens.
pub(super) fn park_for(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, reason: HoldReason, note: &str) -> Result<()> {
    if store::holds(tx, id)?.iter().any(|hold| hold.kind == HoldKind::Parked && hold.reason == reason) {
        return Ok(());
    }
    put(tx, ctx, id, HoldKind::Parked, reason, note)
}

/// Puts an order aside for a reason that it is not put aside for yet.
pub(super) fn put(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    kind: HoldKind,
    reason: HoldReason,
    note: &str,
) -> Result<()> {
    tx.insert(&Hold { order_id: id, kind, reason, note: clean(note, 255), actor: ctx.actor_text(), at: ctx.now() })?;
    let holds = store::holds(tx, id)?;
    store::set_held(tx, id, any(&holds, HoldKind::Parked), any(&holds, HoldKind::Locked))
}
