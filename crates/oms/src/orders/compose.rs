//! Composite lines: one line is sold, its parts leave. Reference 4.4.
//!
//! The parent line keeps price and the channel's line; its children hold the stock and cost nothing. What a composite is made of
//! is read when the line is made or linked, and stays: a later change of the recipe touches only later lines.

use std::collections::HashMap;

use consign_db::Tx;
use consign_values::{ItemId, LineId, Rate};

use super::Line;
use crate::Result;
use crate::items::{self, Component};

/// The recipes of those items that are composites.
pub type Recipes = HashMap<ItemId, Vec<Component>>;

/// The recipes of these items.
pub fn recipes(tx: &mut Tx<'_>, items: impl IntoIterator<Item = ItemId>) -> Result<Recipes> {
    let mut ids: Vec<ItemId> = items.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let mut recipes = Recipes::new();
    for component in items::components_of(tx, &ids)? {
        recipes.entry(component.item_id).or_default().push(component);
    }
    Ok(recipes)
}

/// Makes `line` a composite one if its item is, and gives its children.
pub fn expand(tx: &mut Tx<'_>, line: &mut Line, recipes: &Recipes) -> Result<Vec<Line>> {
    let Some(recipe) = line.item_id.and_then(|item| recipes.get(&item)) else {
        line.composite = false;
        return Ok(Vec::new());
    };
    line.composite = true;
    let first = tx.next_ids("line", recipe.len())?;
    Ok(first
        .zip(recipe)
        .map(|(id, part)| Line {
            id: LineId(id),
            channel_line: format!("{}/{}", line.channel_line, part.component_id),
            channel_sku: part.sku.clone(),
            title: part.title.clone(),
            item_id: Some(part.component_id),
            quantity: part.quantity * line.quantity,
            shipped_before: part.quantity * line.shipped_before,
            unit_price: 0,
            discount: 0,
            tax_rate: Rate(0),
            options: "[]".to_owned(),
            composite: false,
            parent_line_id: Some(line.id),
            ..line.clone()
        })
        .collect())
}

/// Brings a child to what its parent's quantity is now. Quantities are multiples, so that nothing is rounded.
pub fn scale(child: &Line, parent_before: i64, parent_now: i64) -> i64 {
    child.quantity / parent_before * parent_now
}
