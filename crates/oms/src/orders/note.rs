//! Notes, the tag, and how the parcel goes.

use consign_db::Tx;
use consign_values::{OrderId, clean};

use super::search_text::index;
use super::take::pairs;
use super::{Action, Note, Order, open_for, refusal, store};
use crate::{Ctx, Error, Result, changes, history};

/// Pairs of an order's extended properties at most.
const PROPERTIES_MAX: usize = 100;

fn written(body: &str) -> Result<String> {
    let body = body.trim();
    if body.is_empty() || body.chars().count() > 4_000 {
        return Err(Error::invalid("body", "must have between 1 and 4,000 characters"));
    }
    Ok(body.replace(|c: char| c.is_control() && c != '\n', " "))
}

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
    let body = written(body)?;
    order_for_notes(tx, id)?;
    let said = clean(&body, 100);
    let (row, at) = (tx.next_id("row")?, ctx.now());
    tx.insert(&Note { id: row, order_id: id, at, author: ctx.actor_text(), internal, body, processing })?;
    store::count_note(tx, id)?;
    history::record(tx, ctx, "order", id.0, "noted", said)?;
    changes::announce(tx, ctx, "order", [id.0])
}

fn order_for_notes(tx: &mut Tx<'_>, id: OrderId) -> Result<()> {
    let order = store::lock(tx, id)?.ok_or(Error::NotFound("order"))?;
    refusal(&order, Action::Note).map_or(Ok(()), |refusal| Err(refusal.into()))
}

fn note_of(tx: &mut Tx<'_>, id: OrderId, note: i64) -> Result<Note> {
    order_for_notes(tx, id)?;
    store::note(tx, note)?.filter(|note| note.order_id == id).ok_or(Error::NotFound("note"))
}

/// Changes what a note says, or who is to see it; who wrote it and when stays, what it said is in the history.
pub fn edit_note(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    note: i64,
    body: &str,
    internal: bool,
    processing: bool,
) -> Result<()> {
    let body = written(body)?;
    let was = note_of(tx, id, note)?;
    let note = Note { body, internal, processing, ..was.clone() };
    if note == was {
        return Ok(());
    }
    store::update_note(tx, &note)?;
    let said = format!("{} → {}", clean(&was.body, 200), clean(&note.body, 200));
    history::record(tx, ctx, "order", id.0, "note edited", said)?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Replaces the order's extended properties: names with values, each pair once (reference 8.10).
pub fn set_properties(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, properties: &[(String, String)]) -> Result<()> {
    if properties.len() > PROPERTIES_MAX {
        return Err(Error::invalid("properties", format!("must be {PROPERTIES_MAX} at most")));
    }
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in properties {
        let pair = (clean(name, 128), clean(value, 1_000));
        if pair.0.is_empty() {
            return Err(Error::invalid("name", format!("must not be empty (beside the value {:?})", pair.1)));
        }
        if !kept.contains(&pair) {
            kept.push(pair);
        }
    }
    open_for(tx, id, Action::Properties)?;
    let was = store::detail(tx, id)?.ok_or(Error::NotFound("order"))?.properties();
    let only = |these: &[(String, String)], those: &[(String, String)], sign: &str| -> Vec<String> {
        let news = these.iter().filter(|pair| !those.contains(pair));
        news.map(|(name, value)| format!("{sign}{name} = {}", clean(value, 100))).collect()
    };
    let said = [only(&was, &kept, "−"), only(&kept, &was, "+")].concat();
    if said.is_empty() {
        return Ok(());
    }
    store::set_properties(tx, id, &pairs(&kept))?;
    store::set_provenance(tx, id, "properties", &ctx.actor_text())?;
    history::record(tx, ctx, "order", id.0, "properties set", said.join("; "))?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// Takes a note away; what it said stays in the history.
pub fn delete_note(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, note: i64) -> Result<()> {
    let note = note_of(tx, id, note)?;
    store::delete_note(tx, &note)?;
    history::record(tx, ctx, "order", id.0, "note deleted", clean(&note.body, 255))?;
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
