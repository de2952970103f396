//! An order moves to another location: its claims go with it, and both ends are allocated anew. Reference 2.7, 4.2.

use consign_db::Tx;
use consign_values::{LocationId, OrderId};

use super::take::wanted;
use super::{Action, CentreState, centre, open_for, store};
use crate::stock::{Book, Cause, claims_of, refresh};
use crate::{Ctx, Refusal, Result, changes, decisions, history, locations};

/// Moves an order. Whether the destination has stock is not asked: the order waits there if it has none.
pub fn move_to(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, to: LocationId) -> Result<()> {
    let destination = locations::get(tx, to)?;
    let mut order = open_for(tx, id, Action::Move)?;
    let from = order.location_id;
    if from == to {
        return Err(Refusal::SameLocation.into());
    }
    let origin = locations::get(tx, from)?;
    let claims = claims_of(tx, id)?;
    let lines = store::lines(tx, id)?;
    order.location_id = to;
    let wants: Vec<_> = if order.is_live() && destination.counts_orders() {
        lines.iter().filter_map(|line| wanted(&order, line)).collect()
    } else {
        Vec::new()
    };
    let keys =
        claims.iter().map(|c| (c.item_id, c.location_id)).chain(wants.iter().map(|w| (w.item_id, w.location_id)));
    let mut book = Book::open(tx, ctx, keys.collect::<Vec<_>>())?;
    for claim in &claims {
        book.release(Cause::MoveOut, claim);
    }
    for wanted in &wants {
        book.claim(Cause::MoveIn, wanted);
    }
    // The schema ties a claim to its order's location: the old ones go before the order does.
    book.write_releases(tx)?;
    store::set_location(tx, id, to)?;
    store::set_provenance(tx, id, "location", &ctx.actor_text())?;
    if destination.fulfilment_centre {
        centre::hand_over(tx, ctx, id, &destination)?;
    } else if origin.fulfilment_centre {
        store::set_centre(tx, id, CentreState::None)?;
    }
    book.close(tx)?;
    refresh(tx, &[id])?;
    let detail = format!("{} → {}", origin.name, destination.name);
    history::record(tx, ctx, "order", id.0, "moved", detail.clone())?;
    decisions::record(tx, ctx, id, "location", format!("location {to}"), format!("moved by {}: {detail}", ctx.actor))?;
    changes::announce(tx, ctx, "order", [id.0])
}
