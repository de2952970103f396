//! Composites: items that are sold as one and leave as several. Reference 4.4.
//!
//! A composite has no stock of its own: what can be sold of it follows from its parts. No composite is part of another, and none
//! is part of itself. Open orders keep what they were made of.

use std::collections::BTreeMap;

use consign_db::{Tx, row};
use consign_values::ItemId;

use super::{get, store};
use crate::{Ctx, Error, Refusal, Result, changes, history};

/// Parts of a composite at most.
const PARTS_MAX: usize = 100;

row! {
    /// A part of a composite, as lists need it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Component {
        /// The composite.
        pub item_id: ItemId,
        /// The part.
        pub component_id: ItemId,
        /// Units of it in one composite.
        pub quantity: i64,
        /// The part's SKU.
        pub sku: String,
        /// The part's title.
        pub title: String,
    }
}

/// The parts of those of these items that are composites.
pub fn components_of(tx: &mut Tx<'_>, items: &[ItemId]) -> Result<Vec<Component>> {
    store::components_of(tx, items)
}

/// Says what an item is made of; nothing makes it an ordinary item again.
pub fn set_components(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ItemId, parts: &[(ItemId, i64)]) -> Result<()> {
    let item = get(tx, id)?;
    let mut wanted: BTreeMap<ItemId, i64> = BTreeMap::new();
    for (part, quantity) in parts {
        if !(1..=10_000).contains(quantity) {
            return Err(Error::invalid("quantity", "must be between 1 and 10,000"));
        }
        if *part == id {
            return Err(Error::invalid("component", "can't be the item itself"));
        }
        get(tx, *part)?;
        *wanted.entry(*part).or_default() += quantity;
    }
    if wanted.len() > PARTS_MAX {
        return Err(Error::invalid("component", "must be at most 100"));
    }
    if !wanted.is_empty() {
        if store::has_stock(tx, id)? {
            return Err(
                Refusal::Composite("the item has stock or orders of its own; a composite has only its parts").into()
            );
        }
        let nested: Vec<ItemId> = wanted.keys().copied().collect();
        if store::is_component(tx, id)? || !components_of(tx, &nested)?.is_empty() {
            return Err(Refusal::Composite("a composite can't be part of another one").into());
        }
    }
    let list = |parts: &[Component]| {
        parts.iter().map(|part| format!("{} × {}", part.quantity, part.sku)).collect::<Vec<_>>().join(", ")
    };
    let before = list(&components_of(tx, &[id])?);
    store::replace_components(tx, id, &wanted)?;
    let after = list(&components_of(tx, &[id])?);
    if before == after {
        return Ok(());
    }
    store::mark_composite_due(tx, id)?;
    history::record(tx, ctx, "item", id.0, "made of", format!("{}: {before} → {after}", item.sku))?;
    changes::announce(tx, ctx, "item", [id.0])
}
