//! The SQL of items.

use std::collections::BTreeMap;

use consign_db::{Query, Tx, params, sql};
use consign_values::{Barcode, ItemId};

use super::{Component, Item};
use crate::Result;

/// Items on a page.
pub const PAGE: u32 = 50;

pub fn find(tx: &mut Tx<'_>, id: ItemId) -> Result<Option<Item>> {
    Ok(tx.optional(sql!(Item, "SELECT {*} FROM item WHERE id = $1"), &[&id])?)
}

pub fn find_by_sku(tx: &mut Tx<'_>, sku: &str) -> Result<Option<Item>> {
    Ok(tx.optional(sql!(Item, "SELECT {*} FROM item WHERE sku = $1"), &[&sku])?)
}

pub fn list_of(tx: &mut Tx<'_>, ids: &[ItemId]) -> Result<Vec<Item>> {
    Ok(tx.all_in(sql!(Item, "SELECT {*} FROM item WHERE id {in}"), ids, &[])?)
}

pub fn ids_by_sku(tx: &mut Tx<'_>, skus: &[String]) -> Result<Vec<(String, ItemId)>> {
    Ok(tx.all_in(sql!((String, ItemId), "SELECT sku, id FROM item WHERE sku {in}"), skus, &[])?)
}

pub fn search(tx: &mut Tx<'_>, text: &str, after_sku: &str) -> Result<Vec<Item>> {
    let mut query = Query::new("SELECT {i.*} FROM item i WHERE i.sku > ");
    query.bind(after_sku.to_owned());
    if !text.trim().is_empty() {
        query.push(" AND ");
        query.push_text_match("item_search", "i.id", text.trim());
    }
    query.push(" ORDER BY i.sku").limit(PAGE + 1);
    Ok(tx.query(&query)?)
}

pub fn update(tx: &mut Tx<'_>, item: &Item, version: i64) -> Result<u64, consign_db::Error> {
    let text = sql!(
        "UPDATE item SET sku = $3, title = $4, weight_g = $5, length_mm = $6, width_mm = $7, height_mm = $8, price = $9,
           currency = $10, tax_rate = $11, version = $12
         WHERE id = $1 AND version = $2"
    );
    tx.execute(
        text,
        &[
            &item.id,
            &version,
            &item.sku,
            &item.title,
            &item.weight_g,
            &item.length_mm,
            &item.width_mm,
            &item.height_mm,
            &item.price,
            &item.currency,
            &item.tax_rate,
            &item.version,
        ],
    )
}

pub fn delete(tx: &mut Tx<'_>, id: ItemId) -> Result<(), consign_db::Error> {
    tx.execute(sql!("DELETE FROM stock_level WHERE item_id = $1 AND on_hand = 0 AND demand = 0"), &[&id])?;
    tx.execute(sql!("DELETE FROM item WHERE id = $1"), &[&id]).map(|_| ())
}

pub fn insert_barcode(tx: &mut Tx<'_>, barcode: &Barcode, id: ItemId) -> Result<(), consign_db::Error> {
    tx.execute(sql!("INSERT INTO item_barcode (barcode, item_id) VALUES ($1, $2)"), &[barcode, &id]).map(|_| ())
}

pub fn delete_barcodes(tx: &mut Tx<'_>, id: ItemId) -> Result<()> {
    tx.execute(sql!("DELETE FROM item_barcode WHERE item_id = $1"), &[&id])?;
    Ok(())
}

pub fn list_barcodes(tx: &mut Tx<'_>, id: ItemId) -> Result<Vec<String>> {
    let text = sql!(String, "SELECT barcode FROM item_barcode WHERE item_id = $1 ORDER BY barcode LIMIT 100");
    Ok(tx.all(text, &[&id])?)
}

pub fn components_of(tx: &mut Tx<'_>, items: &[ItemId]) -> Result<Vec<Component>> {
    let text = sql!(
        Component,
        "SELECT k.item_id, k.component_id, k.quantity, i.sku, i.title FROM item_component k JOIN item i ON i.id = k.component_id
         WHERE k.item_id {in} ORDER BY k.item_id, i.sku"
    );
    Ok(tx.all_in(text, items, &[])?)
}

pub fn is_component(tx: &mut Tx<'_>, id: ItemId) -> Result<bool> {
    let text = sql!(ItemId, "SELECT item_id FROM item_component WHERE component_id = $1 LIMIT 1");
    Ok(tx.optional(text, &[&id])?.is_some())
}

/// Whether units of it lie anywhere or are wanted by anybody.
pub fn has_stock(tx: &mut Tx<'_>, id: ItemId) -> Result<bool> {
    let text =
        sql!(ItemId, "SELECT item_id FROM stock_level WHERE item_id = $1 AND (on_hand <> 0 OR demand <> 0) LIMIT 1");
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn replace_components(tx: &mut Tx<'_>, id: ItemId, parts: &BTreeMap<ItemId, i64>) -> Result<()> {
    tx.execute(sql!("DELETE FROM item_component WHERE item_id = $1"), &[&id])?;
    let text = sql!("INSERT INTO item_component (item_id, component_id, quantity) VALUES ($1, $2, $3)");
    tx.execute_many(text, parts.iter().map(|(part, quantity)| params![id, *part, *quantity]))?;
    Ok(())
}

pub fn mark_composite_due(tx: &mut Tx<'_>, id: ItemId) -> Result<()> {
    tx.execute(sql!("UPDATE listing SET due = TRUE WHERE item_id = $1 AND NOT due"), &[&id])?;
    Ok(())
}
