//! An order leaves: stock deducted, order frozen, despatch queued — one transaction, one policy for every door. Reference 3.2, 3.3.

use consign_db::Tx;
use consign_values::OrderId;

use super::search_text::index;
use super::{Action, Line, Order, OrderState, Payment, open_for, store};
use crate::settings::{ProcessingChecks, processing_checks};
use crate::stock::{Book, Claim, claims_of};
use crate::{Ctx, Refusal, Result, changes, despatch, error::Shortfall, history, locations};

/// Processes an order, or refuses and changes nothing. One with processing notes is refused until they have been read.
pub fn process(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let notes = store::notes(tx, id)?.into_iter().filter(|note| note.processing);
    let notes: Vec<String> = notes.map(|note| note.body).collect();
    if !notes.is_empty() {
        open_for(tx, id, Action::Process)?;
        return Err(Refusal::NotesToRead(notes).into());
    }
    process_notes_read(tx, ctx, id)
}

/// Processes an order whose processing notes somebody has read and acknowledged.
pub fn process_notes_read(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId) -> Result<()> {
    let order = open_for(tx, id, Action::Process)?;
    let checks = processing_checks(tx)?;
    let location = locations::get(tx, order.location_id)?;
    let lines = store::lines(tx, id)?;
    // The levels are locked first: a claim may get its stock while we wait for them.
    let items = claims_of(tx, id)?.into_iter().map(|claim| (claim.item_id, claim.location_id)).collect::<Vec<_>>();
    let mut book = Book::open(tx, ctx, items)?;
    let claims = claims_of(tx, id)?;
    policy(&order, &lines, &claims, checks, location.allow_negative)?;
    for claim in &claims {
        book.deduct(claim);
    }
    store::end(tx, id, OrderState::Processed, ctx.now())?;
    index(tx, &Order { state: OrderState::Processed, ..order.clone() })?;
    book.close(tx)?;
    history::record(tx, ctx, "order", id.0, "processed", format!("at {}", location.name))?;
    despatch::queue_despatch(tx, ctx, &order, &lines)?;
    changes::announce(tx, ctx, "order", [id.0])
}

/// The one policy. An allocation beyond what is there never happens; units that were never allocated may leave only where the
/// location allows a negative level, and not with the stock check on.
fn policy(
    order: &Order,
    lines: &[Line],
    claims: &[Claim],
    checks: ProcessingChecks,
    allow_negative: bool,
) -> Result<(), Refusal> {
    if checks.paid && order.payment != Payment::Paid {
        return Err(Refusal::Unpaid);
    }
    let unlinked: Vec<String> =
        lines.iter().filter(|line| line.is_unlinked()).map(|line| line.label().to_owned()).collect();
    if checks.linked && !unlinked.is_empty() {
        return Err(Refusal::Unlinked(unlinked));
    }
    let short: Vec<Shortfall> = claims
        .iter()
        .filter(|claim| claim.allocated < claim.quantity)
        .map(|claim| {
            let sku = lines.iter().find(|line| line.id == claim.line_id).map_or("", Line::label).to_owned();
            Shortfall { line_id: claim.line_id, sku, missing: claim.quantity - claim.allocated }
        })
        .collect();
    if !short.is_empty() && (checks.in_stock || !allow_negative) {
        return Err(Refusal::ShortOfStock(short));
    }
    Ok(())
}
