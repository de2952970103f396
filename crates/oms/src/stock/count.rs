//! A person says how many there are: set, adjusted, tracked or not.

use consign_db::Tx;
use consign_values::{FieldErrors, ItemId, LocationId, clean};

use super::{Book, Cause, Level, Wanted, refresh, store};
use crate::{Ctx, Error, Refusal, Result, changes, history, items, locations};

/// The highest level taken without a question.
const LEVEL_MAX: i64 = 1_000_000_000;

/// Sets the level to `on_hand`, 0 or more. Where fewer are there than were promised, the least urgent orders lose theirs and wait.
pub fn set_level(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    item: ItemId,
    location: LocationId,
    on_hand: i64,
    reason: &str,
) -> Result<Level> {
    if !(0..=LEVEL_MAX).contains(&on_hand) {
        return Err(Error::invalid("on_hand", "must be between 0 and 1,000,000,000"));
    }
    change(tx, ctx, Cause::Set, item, location, reason, |_| Ok(on_hand))
}

/// A fulfilment centre says how many there are: its feed is the truth there, and may be below zero no more than a count
/// (reference 4.3). The other locations are counted by people, with [`set_level`].
pub fn feed(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    item: ItemId,
    location: LocationId,
    on_hand: i64,
    reason: &str,
) -> Result<Level> {
    if !(0..=LEVEL_MAX).contains(&on_hand) {
        return Err(Error::invalid("on_hand", "must be between 0 and 1,000,000,000"));
    }
    change(tx, ctx, Cause::Feed, item, location, reason, |_| Ok(on_hand))
}

/// Adds `change` units, or takes them off if negative. The level may not go below zero.
pub fn adjust(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    item: ItemId,
    location: LocationId,
    by: i64,
    reason: &str,
) -> Result<Level> {
    change(tx, ctx, Cause::Adjust, item, location, reason, |level| match level.on_hand.checked_add(by) {
        Some(on_hand) if by != 0 && (0..=LEVEL_MAX).contains(&on_hand) => Ok(on_hand),
        _ if by == 0 => Err(Error::invalid("change", "must not be 0")),
        _ => Err(Error::invalid("change", format!("would leave {} units", i128::from(level.on_hand) + i128::from(by)))),
    })
}

fn change(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    cause: Cause,
    item: ItemId,
    location: LocationId,
    reason: &str,
    figure: impl FnOnce(&Level) -> Result<i64>,
) -> Result<Level> {
    let reason = clean(reason, 255);
    if reason.is_empty() {
        return Err(Error::Invalid(FieldErrors::of("reason", "must not be empty")));
    }
    let sku = items::get(tx, item)?.sku;
    let place = locations::get(tx, location)?;
    match (place.fulfilment_centre, cause) {
        (true, Cause::Feed) | (false, Cause::Set | Cause::Adjust) => {}
        (true, _) => return Err(Refusal::CentreStock.into()),
        (false, _) => return Err(Refusal::NoCentre.into()),
    }
    if !items::components_of(tx, &[item])?.is_empty() {
        return Err(Refusal::Composite("a composite has no stock of its own; count its parts").into());
    }
    let mut book = Book::open(tx, ctx, [(item, location)])?;
    let level = book.level(item, location).clone();
    if !level.tracked {
        return Err(Refusal::NotTracked.into());
    }
    let on_hand = figure(&level)?;
    book.put(cause, item, location, on_hand, &reason);
    book.close(tx)?;
    let detail = format!("{sku} at {}: {} → {on_hand} ({reason})", place.name, level.on_hand);
    history::record(tx, ctx, "item", item.0, "stock changed", detail)?;
    super::level(tx, item, location)
}

/// Begins or ceases to keep figures of an item at a location. Ceasing releases what orders hold there; beginning takes the
/// lines of open orders into the order book.
pub fn set_tracked(tx: &mut Tx<'_>, ctx: &Ctx<'_>, item: ItemId, location: LocationId, tracked: bool) -> Result<()> {
    items::get(tx, item)?;
    let place = locations::get(tx, location)?.name;
    let mut book = Book::open(tx, ctx, [(item, location)])?;
    if book.level(item, location).tracked == tracked {
        return Ok(());
    }
    let mut orders = Vec::new();
    if tracked {
        book.track(item, location, true);
        for line in store::unclaimed_lines(tx, item, location)? {
            orders.push(line.order_id);
            book.claim(
                Cause::Track,
                &Wanted {
                    line_id: line.line_id,
                    order_id: line.order_id,
                    location_id: location,
                    item_id: item,
                    quantity: line.quantity,
                    despatch_by: line.despatch_by,
                    priority: line.priority,
                    received_at: line.received_at,
                },
            );
        }
    } else {
        for claim in store::claims_on(tx, item, location)? {
            orders.push(claim.order_id);
            book.release(Cause::Track, &claim);
        }
        book.track(item, location, false);
    }
    book.close(tx)?;
    refresh(tx, &orders)?;
    changes::announce(tx, ctx, "order", orders.iter().map(|order| order.0))?;
    let kind = if tracked { "tracked" } else { "no longer tracked" };
    history::record(tx, ctx, "item", item.0, kind, format!("at {place}"))
}
