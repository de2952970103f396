//! Notes, the tag, and how the parcel goes.

use consign_db::Tx;
use consign_values::{OrderId, Timestamp, clean};

use super::search_text::index;
use super::{Action, Note, Order, open_for, refusal, store};
use crate::{Ctx, Error, Result, changes, history};

/// Adds a note, whatever the order's state: internal ones are never shown to the buyer, processing ones have to be read before
/// the order is processed (reference 8.8).
pub fn add_note(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    body: &str,
    internal: bool,
    processing: bool,
) -> Result<()> {
    let body = body.trim();
    if body.is_empty() || body.chars().count() > 4_000 {
        return Err(Error::invalid("body", "must have between 1 and 4,000 characters"));
    }
    let order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    if let Some(refusal) = refusal(&order, Action::Note) {
        return Err(refusal.into());
    }
    let at: Timestamp = ctx.now();
    let note = Note {
        id: tx.next_id("row")?,
        order_id: id,
        at,
        author: ctx.actor_text(),
        internal,
        body: body.replace(|c: char| c.is_control() && c != '\n', " "),
        processing,
    };
    tx.insert(&note)?;
    store::count_note(tx, id)?;
    history::record(tx, ctx, "order", id.0, "noted", clean(body, 100))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Tags an order: 1 to 6, or 0 for none. Kept apart from parking, so that unparking brings it back (reference 2.3).
pub fn set_tag(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, tag: i64) -> Result<()> {
    if !(0..=6).contains(&tag) {
        return Err(Error::invalid("tag", "must be between 0 and 6"));
    }
    let order = open_for(tx, id, Action::Tag)?;
    if order.tag == tag {
        return Ok(());
    }
    store::set_tag(tx, id, tag)?;
    store::set_provenance(tx, id, "tag", &ctx.actor_text())?;
    history::record(tx, ctx, "order", id.0, "tagged", format!("{} → {tag}", order.tag))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Sets carrier, service and tracking number; blank clears.
pub fn set_shipping(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    carrier: &str,
    service: &str,
    tracking_number: &str,
) -> Result<()> {
    let order = open_for(tx, id, Action::Ship)?;
    let (carrier, service, tracking) = (clean(carrier, 128), clean(service, 128), clean(tracking_number, 128));
    store::set_shipping(tx, id, &carrier, &service, &tracking)?;
    if tracking != order.tracking_number {
        index(tx, &Order { tracking_number: tracking.clone(), ..order.clone() })?;
    }
    for (field, changed) in [
        ("carrier", carrier != order.carrier),
        ("service", service != order.service),
        ("tracking_number", tracking != order.tracking_number),
    ] {
        if changed {
            store::set_provenance(tx, id, field, &ctx.actor_text())?;
        }
    }
    history::record(tx, ctx, "order", id.0, "shipping set", format!("{carrier} {service} {tracking}"))?;
    changes::announce(tx, ctx, "order", [id.0])
}
