//! Orders from files come in by the same door as those of channels: once, allocated, explained.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use consign_db::Tx;
use consign_ports::{ChannelPayment, IncomingOrder};
use consign_values::{ItemId, LocationId, MarkId, OrderId};

use super::compose::recipes;
use super::take::{Mappings, NewOrders, Origin};
use super::{Payment, store};
use crate::imports::IMPORTED;
use crate::stock::Book;
use crate::{Ctx, Result, changes, items};

/// An order of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// As a connector would hand it over.
    pub order: IncomingOrder,
    /// Tells feeds apart.
    pub sub_source: String,
    /// Where it lands.
    pub location_id: LocationId,
    /// Why there.
    pub location_because: String,
    /// Carrier.
    pub carrier: String,
    /// Tracking number.
    pub tracking_number: String,
    /// 0 to 6.
    pub tag: i64,
    /// Folders and identifiers.
    pub marks: Vec<MarkId>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// It is new.
    Taken(OrderId),
    /// It is known; nothing was done.
    Known,
    /// It can't be an order: why.
    Rejected(String),
}

/// Which of these orders are known, by their place in `orders`.
pub fn known_imports(tx: &mut Tx<'_>, orders: &[(&str, &str)]) -> Result<Vec<bool>> {
    let mut by_sub_source: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (sub_source, reference) in orders {
        by_sub_source.entry(sub_source).or_default().push((*reference).to_owned());
    }
    let mut known: HashSet<(String, String)> = HashSet::new();
    for (sub_source, references) in by_sub_source {
        for order in store::by_references(tx, IMPORTED, sub_source, &references)? {
            known.insert((sub_source.to_owned(), order.reference));
        }
    }
    Ok(orders.iter().map(|(sub, reference)| known.contains(&((*sub).to_owned(), (*reference).to_owned()))).collect())
}

/// Takes these orders, each once; what became of each, in sequence.
pub fn take_imported(tx: &mut Tx<'_>, ctx: &Ctx<'_>, orders: &[Imported]) -> Result<Vec<ImportOutcome>> {
    let keys: Vec<(&str, &str)> =
        orders.iter().map(|imported| (imported.sub_source.as_str(), imported.order.reference.as_str())).collect();
    let known = known_imports(tx, &keys)?;
    let skus: BTreeSet<String> = orders
        .iter()
        .flat_map(|imported| &imported.order.lines)
        .map(|line| line.channel_sku.clone())
        .filter(|sku| !sku.is_empty())
        .collect();
    let skus: Vec<String> = skus.into_iter().collect();
    let items: HashMap<String, ItemId> = items::ids_by_sku(tx, &skus)?.into_iter().collect();
    let recipes = recipes(tx, items.values().copied())?;
    let mappings = Mappings { items, recipes, tags: Vec::new() };
    let mut levels = BTreeSet::new();
    for imported in orders {
        for item in imported.order.lines.iter().filter_map(|line| mappings.items.get(&line.channel_sku)) {
            match mappings.recipes.get(item) {
                Some(parts) => levels.extend(parts.iter().map(|part| (part.component_id, imported.location_id))),
                None => {
                    levels.insert((*item, imported.location_id));
                }
            }
        }
    }
    let mut book = Book::open(tx, ctx, levels)?;
    let mut new = NewOrders::default();
    let mut outcomes = Vec::with_capacity(orders.len());
    for (imported, known) in orders.iter().zip(known) {
        outcomes.push(if known {
            ImportOutcome::Known
        } else {
            take(tx, ctx, &mut book, &mut new, &mappings, imported)?
        });
    }
    let ids = new.store(tx)?;
    book.close(tx)?;
    changes::announce(tx, ctx, "order", ids)?;
    Ok(outcomes)
}

fn take(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    book: &mut Book<'_>,
    new: &mut NewOrders,
    mappings: &Mappings,
    imported: &Imported,
) -> Result<ImportOutcome> {
    let origin = Origin {
        source: IMPORTED.to_owned(),
        sub_source: imported.sub_source.clone(),
        channel_id: None,
        location_id: imported.location_id,
        location_because: imported.location_because.clone(),
        unlinked_because: "no item has that SKU".to_owned(),
        unpaid_until: "unparked when it is marked as paid",
    };
    let (payment, because) = match imported.order.payment {
        ChannelPayment::Unpaid => (Payment::Unpaid, "the file says unpaid"),
        _ => (Payment::Paid, "the file says paid, or nothing else"),
    };
    match new.take(tx, ctx, book, &origin, mappings, &imported.order, payment, because)? {
        Err(reason) => Ok(ImportOutcome::Rejected(reason)),
        Ok(id) => {
            if let (Some(order), Some((_, text))) = (new.orders.last_mut(), new.search.last_mut()) {
                order.carrier.clone_from(&imported.carrier);
                order.tracking_number.clone_from(&imported.tracking_number);
                order.tag = imported.tag;
                text.push(' ');
                text.push_str(&imported.tracking_number.to_lowercase());
            }
            new.marks.extend(imported.marks.iter().map(|mark| (id, *mark)));
            Ok(ImportOutcome::Taken(id))
        }
    }
}
