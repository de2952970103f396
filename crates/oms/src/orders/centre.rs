//! An order is with a fulfilment centre: handed over when it comes to the centre's location, and held until the centre answers.
//! Reference 2.7, 4.3, 14.5.
//!
//! Where the centre's feed is net of orders, an order there is parked and locked; where orders count, it is parked alone, and
//! counts until the centre acknowledges it or, where processing takes the stock off, until then. Orders go to a centre
//! and its answers come from it as files (`exports`, `imports`) or by programs; both end in [`centre_answered`].

use consign_db::Tx;
use consign_values::{OrderId, clean};

use super::search_text::index;
use super::take::wanted;
use super::{Action, CentreState, Hold, HoldKind, HoldReason, Line, Note, Order, OrderState, hold, open_for, store};
use crate::locations::{self, Location};
use crate::stock::{Book, Cause, claims_of, refresh};
use crate::{Ctx, Error, Result, changes, decisions, despatch, history};

consign_db::text_enum! {
    /// What a fulfilment centre says of an order.
    pub enum CentreStatus {
        /// It has the order, and its feed is net of it from now on.
        Acknowledged = "acknowledged",
        /// It has shipped the order.
        Shipped = "shipped",
        /// It is done with the order: shipped.
        Complete = "complete",
        /// It will not ship the order.
        Cancelled = "cancelled",
        /// Something is wrong; the text says what.
        Error = "error",
    }
}

/// An answer of a fulfilment centre.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentreAnswer {
    /// What it says.
    pub status: CentreStatus,
    /// In its words.
    pub text: String,
    /// Who carries the parcel; blank leaves what the order says.
    pub carrier: String,
    /// By which service; blank likewise.
    pub service: String,
    /// Its tracking number; blank likewise.
    pub tracking_number: String,
}

/// Puts an order that has come to the location of a centre into the centre's hands. Its claims are the caller's.
pub(super) fn hand_over(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, place: &Location) -> Result<()> {
    for hold in holds(ctx, id, place) {
        hold::put(tx, ctx, id, hold.kind, hold.reason, &hold.note)?;
    }
    store::set_centre(tx, id, CentreState::Held)
}

/// How an order at the location of a centre is held.
pub(super) fn holds(ctx: &Ctx<'_>, id: OrderId, place: &Location) -> Vec<Hold> {
    let hold = |kind| Hold {
        order_id: id,
        kind,
        reason: HoldReason::Centre,
        note: format!("with the fulfilment centre {}", place.name),
        actor: ctx.actor_text(),
        at: ctx.now(),
    };
    let mut holds = vec![hold(HoldKind::Parked)];
    if !place.counts_orders() {
        holds.push(hold(HoldKind::Locked));
    }
    holds
}

/// The kind of history that keeps a centre's answers.
const SAID: &str = "fulfilment status";

fn in_words(place: &Location, answer: &CentreAnswer) -> String {
    let said = [answer.status.to_string(), clean(&answer.text, 255), clean(&answer.tracking_number, 128)];
    let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
    format!("{}: {}", place.name, said.join(", "))
}

/// Whether that is what the centre of the order's location said last.
pub fn centre_said(tx: &mut Tx<'_>, order: &Order, answer: &CentreAnswer) -> Result<bool> {
    let place = locations::get(tx, order.location_id)?;
    let last = history::list(tx, "order", order.id.0)?.into_iter().find(|entry| entry.kind == SAID);
    Ok(last.is_some_and(|entry| entry.detail == in_words(&place, answer)))
}

/// The centre answers: shipped orders are processed and told to their channel, cancelled ones may be moved away, errors become
/// notes. Every answer is kept in the order's history as its fulfilment status.
pub fn centre_answered(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, answer: &CentreAnswer) -> Result<()> {
    let order = open_for(tx, id, Action::CentreAnswer)?;
    let text = clean(&answer.text, 255);
    if answer.status == CentreStatus::Error && text.is_empty() {
        return Err(Error::invalid("text", "must say what the centre's error is"));
    }
    let place = locations::get(tx, order.location_id)?;
    history::record(tx, ctx, "order", id.0, SAID, in_words(&place, answer))?;
    match answer.status {
        CentreStatus::Acknowledged => acknowledged(tx, ctx, &order, &place)?,
        CentreStatus::Shipped | CentreStatus::Complete => shipped(tx, ctx, order, &place, answer)?,
        CentreStatus::Cancelled => released(tx, ctx, order, &place)?,
        CentreStatus::Error => note(tx, ctx, &order, format!("{} reports: {text}", place.name))?,
    }
    changes::announce(tx, ctx, "order", [id.0])
}

/// From now on the centre's feed is net of the order, unless processing takes the units off.
fn acknowledged(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, place: &Location) -> Result<()> {
    let holds = store::holds(tx, order.id)?;
    let locked_already = holds.iter().any(|h| h.kind == HoldKind::Locked && h.reason == HoldReason::Centre);
    if place.deduct_when_processed || locked_already {
        return Ok(());
    }
    let keys = claims_of(tx, order.id)?.into_iter().map(|claim| (claim.item_id, claim.location_id));
    let mut book = Book::open(tx, ctx, keys.collect::<Vec<_>>())?;
    for claim in claims_of(tx, order.id)? {
        book.release(Cause::Lock, &claim);
    }
    let note = format!("acknowledged by {}, whose feed is net of it", place.name);
    hold::put(tx, ctx, order.id, HoldKind::Locked, HoldReason::Centre, &note)?;
    book.close(tx)?;
    refresh(tx, &[order.id])
}

/// The order has left the centre: a fact, so no check can refuse it.
fn shipped(tx: &mut Tx<'_>, ctx: &Ctx<'_>, mut order: Order, place: &Location, answer: &CentreAnswer) -> Result<()> {
    let id = order.id;
    for (field, given) in [
        (&mut order.carrier, &answer.carrier),
        (&mut order.service, &answer.service),
        (&mut order.tracking_number, &answer.tracking_number),
    ] {
        let given = clean(given, 128);
        if !given.is_empty() {
            *field = given;
        }
    }
    store::set_shipping(tx, id, &order.carrier, &order.service, &order.tracking_number)?;
    let lines = store::lines(tx, id)?;
    deduct(tx, ctx, &order, &lines, place)?;
    lift(tx, &mut order)?;
    store::set_centre(tx, id, CentreState::None)?;
    index(tx, &Order { state: OrderState::Processed, ..order.clone() })?;
    history::record(tx, ctx, "order", id.0, "processed", format!("by the fulfilment centre {}", place.name))?;
    despatch::queue_despatch(tx, ctx, &order, &lines)
}

fn deduct(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, lines: &[Line], place: &Location) -> Result<()> {
    let wants: Vec<_> = lines.iter().filter_map(|line| wanted(order, line)).collect();
    let mut book = Book::open(tx, ctx, wants.iter().map(|wanted| (wanted.item_id, wanted.location_id)))?;
    let claims = claims_of(tx, order.id)?;
    for claim in &claims {
        if place.deduct_when_processed { book.deduct(claim) } else { book.release(Cause::Process, claim) }
    }
    if place.deduct_when_processed {
        // A person had locked it, so nothing was claimed; it has left the building all the same.
        for wanted in wants.iter().filter(|wanted| claims.iter().all(|claim| claim.line_id != wanted.line_id)) {
            let level = book.level(wanted.item_id, wanted.location_id).clone();
            if level.tracked {
                let (item, on_hand) = (wanted.item_id, level.on_hand - wanted.quantity);
                book.put(Cause::Process, item, place.id, on_hand, &format!("order {}, locked when shipped", order.id));
            }
        }
    }
    store::end(tx, order.id, OrderState::Processed, ctx.now())?;
    book.close(tx)
}

/// The order is ours again: it wants stock here until somebody moves it.
fn released(tx: &mut Tx<'_>, ctx: &Ctx<'_>, mut order: Order, place: &Location) -> Result<()> {
    let lines = store::lines(tx, order.id)?;
    let was_live = order.is_live();
    lift(tx, &mut order)?;
    store::set_centre(tx, order.id, CentreState::Released)?;
    let comes_back = !was_live && order.is_live();
    let wants: Vec<_> = lines.iter().filter(|_| comes_back).filter_map(|line| wanted(&order, line)).collect();
    let mut book = Book::open(tx, ctx, wants.iter().map(|wanted| (wanted.item_id, wanted.location_id)))?;
    for wanted in &wants {
        book.claim(Cause::Unlock, wanted);
    }
    book.close(tx)?;
    refresh(tx, &[order.id])?;
    let because = format!("the fulfilment centre {} has cancelled it; move it to another location", place.name);
    decisions::record(tx, ctx, order.id, "park", "released", because)
}

/// Takes the centre's holds off; what others put aside stays aside.
fn lift(tx: &mut Tx<'_>, order: &mut Order) -> Result<()> {
    for kind in [HoldKind::Parked, HoldKind::Locked] {
        store::delete_hold(tx, order.id, kind, HoldReason::Centre)?;
    }
    let holds = store::holds(tx, order.id)?;
    order.parked = holds.iter().any(|hold| hold.kind == HoldKind::Parked);
    order.locked = holds.iter().any(|hold| hold.kind == HoldKind::Locked);
    store::set_held(tx, order.id, order.parked, order.locked)
}

fn note(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: &Order, body: String) -> Result<()> {
    let id = tx.next_id("row")?;
    let (author, at) = (ctx.actor_text(), ctx.now());
    tx.insert(&Note { id, order_id: order.id, at, author, internal: true, body, processing: false })?;
    store::count_note(tx, order.id)
}
