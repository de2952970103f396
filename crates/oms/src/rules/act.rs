//! An action is done to an order by the use case that people's clicks call. Reference 5.8, 5.9.
//!
//! What a person or a program has set is left as it is, unless the one who asks says otherwise; what can't be done is said in the trace
//! and on the rule, and never stops anything.

use consign_db::Tx;
use consign_values::{LocationId, OrderId};

use super::trace::{ActionResult, ActionTrace};
use super::{Action, RuleVersion, store};
use crate::{Ctx, Error, Result, marks, orders};

/// The field of the order that an action sets, as its provenance names it.
fn sets(action: &Action) -> Option<&'static str> {
    match action {
        Action::Location { .. } => Some("location"),
        Action::Service { .. } => Some("service"),
        Action::Tag { .. } => Some("tag"),
        Action::Property { .. } => Some("properties"),
        _ => None,
    }
}

/// Does an action, or says why not. Fails only where the database does.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: OrderId,
    version: &RuleVersion,
    action: &Action,
    overwrite: bool,
) -> Result<ActionTrace> {
    let what = words(tx, action)?;
    let by_hand = match sets(action) {
        Some(field) if !overwrite => set_by_hand(tx, id, field)?,
        _ => None,
    };
    if let Some(who) = by_hand {
        let why = format!("{who} has set it");
        return Ok(ActionTrace { what, result: ActionResult::Kept, why });
    }
    match tx.attempt(|tx| perform(tx, ctx, id, action)) {
        Ok(()) => Ok(ActionTrace { what, result: ActionResult::Done, why: String::new() }),
        Err(error @ (Error::Refused(_) | Error::NotFound(_) | Error::Invalid(_) | Error::Stale)) => {
            let why = error.to_string();
            store::set_trouble(tx, version.rule_id, &format!("order {id}, {what}: {why}"))?;
            Ok(ActionTrace { what, result: ActionResult::Failed, why })
        }
        Err(error) => Err(error),
    }
}

/// The person or program that set a field last; none if it was a channel, a file, a rule or nobody.
fn set_by_hand(tx: &mut Tx<'_>, id: OrderId, field: &str) -> Result<Option<String>> {
    let Some(detail) = orders::detail_of(tx, id)? else { return Ok(None) };
    let who = orders::provenance(&detail).remove(field);
    Ok(who.filter(|who| who.starts_with("user ") || who.starts_with("token ")))
}

fn perform(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, action: &Action) -> Result<()> {
    let order = orders::get(tx, id)?;
    match action {
        Action::Location { location } if *location == order.location_id => Ok(()),
        Action::Location { location } => orders::move_to(tx, ctx, id, *location),
        Action::Service { carrier, service } => {
            let carrier = if carrier.is_empty() { &order.carrier } else { carrier };
            let service = if service.is_empty() { &order.service } else { service };
            if (carrier, service) == (&order.carrier, &order.service) {
                return Ok(());
            }
            orders::set_shipping(tx, ctx, id, carrier, service, &order.tracking_number)
        }
        Action::Tag { tag } => orders::set_tag(tx, ctx, id, *tag),
        Action::Park { note } => orders::park(tx, ctx, id, note),
        Action::Lock { note } => orders::lock(tx, ctx, id, note),
        Action::Folder { folder } => marks::give(tx, ctx, id, *folder),
        Action::Identifier { identifier } => marks::give(tx, ctx, id, *identifier),
        Action::Property { name, value } => {
            let mut properties = orders::detail_of(tx, id)?.map(|detail| detail.properties()).unwrap_or_default();
            properties.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            properties.push((name.clone(), value.clone()));
            orders::set_properties(tx, ctx, id, &properties)
        }
        Action::BlockMerging {} => orders::set_no_merge(tx, ctx, id, true),
        Action::Note { text, internal, processing } => {
            // Said once: a rule that runs again does not repeat itself.
            if orders::notes_of(tx, id)?.iter().any(|note| note.body == text.trim()) {
                return Ok(());
            }
            orders::add_note(tx, ctx, id, text, *internal, *processing)
        }
    }
}

/// An action in words, with names instead of numbers.
pub(super) fn words(tx: &mut Tx<'_>, action: &Action) -> Result<String> {
    let place = |tx: &mut Tx<'_>, id: LocationId| -> Result<String> {
        let name = crate::locations::list(tx)?.into_iter().find(|place| place.id == id).map(|place| place.name);
        Ok(name.unwrap_or_else(|| format!("location {id}, which is gone")))
    };
    let mark = |tx: &mut Tx<'_>, id| match marks::get(tx, id) {
        Ok(mark) => Ok(mark.name),
        Err(Error::NotFound(_)) => Ok(format!("number {id}, which is gone")),
        Err(error) => Err(error),
    };
    Ok(match action {
        Action::Location { location } => format!("move to {}", place(tx, *location)?),
        Action::Service { carrier, service } => format!("send by {}", format!("{carrier} {service}").trim()),
        Action::Tag { tag: 0 } => "no tag".to_owned(),
        Action::Tag { tag } => format!("tag {tag}"),
        Action::Park { .. } => "park".to_owned(),
        Action::Lock { .. } => "lock".to_owned(),
        Action::Folder { folder } => format!("into the folder {}", mark(tx, *folder)?),
        Action::Identifier { identifier } => format!("identifier {}", mark(tx, *identifier)?),
        Action::Property { name, value } => format!("property {name} = {value}"),
        Action::BlockMerging {} => "never merge by itself".to_owned(),
        Action::Note { text, .. } => format!("note: {}", consign_values::clean(text, 60)),
    })
}
