//! The SQL of exports: pages by key.

use consign_db::{Query, Tx, sql};
use consign_values::{ItemId, LocationId, OrderId};

use super::{ExportFilter, ItemBarcode, StockRow};
use crate::Result;
use crate::items::Item;
use crate::orders::{Detail, Line, Note, Order};

pub fn orders_after(tx: &mut Tx<'_>, filter: &ExportFilter, at_centre: bool, after: OrderId) -> Result<Vec<Order>> {
    let mut query = Query::new("SELECT {o.*} FROM orders o WHERE o.state = 'open' AND ");
    query.push(if at_centre { "o.centre = 'held'" } else { "NOT o.locked" }).push(" AND o.id > ").bind(after);
    if let Some(from) = filter.received_from {
        query.push(" AND o.received_at >= ").bind(from);
    }
    if let Some(until) = filter.received_until {
        query.push(" AND o.received_at < ").bind(until);
    }
    if let Some(location) = filter.location {
        query.push(" AND o.location_id = ").bind(location);
    }
    query.push(" ORDER BY o.id").limit(500);
    Ok(tx.query(&query)?)
}

pub fn details_of(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Detail>> {
    Ok(tx.all_in(sql!(Detail, "SELECT {*} FROM order_detail WHERE order_id {in}"), orders, &[])?)
}

/// Without the parts of composites, which stand in for the line that was sold.
pub fn lines_of(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Line>> {
    let text =
        sql!(Line, "SELECT {*} FROM order_line WHERE order_id {in} AND parent_line_id IS NULL ORDER BY order_id, id");
    Ok(tx.all_in(text, orders, &[])?)
}

pub fn notes_of(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Note>> {
    let text = sql!(Note, "SELECT {*} FROM order_note WHERE order_id {in} ORDER BY order_id, id");
    Ok(tx.all_in(text, orders, &[])?)
}

pub fn items_after(tx: &mut Tx<'_>, sku: &str) -> Result<Vec<Item>> {
    Ok(tx.all(sql!(Item, "SELECT {*} FROM item WHERE sku > $1 ORDER BY sku LIMIT 500"), &[&sku])?)
}

pub fn barcodes_of(tx: &mut Tx<'_>, items: &[ItemId]) -> Result<Vec<ItemBarcode>> {
    let text =
        sql!(ItemBarcode, "SELECT item_id, barcode FROM item_barcode WHERE item_id {in} ORDER BY item_id, barcode");
    Ok(tx.all_in(text, items, &[])?)
}

pub fn levels_after(
    tx: &mut Tx<'_>,
    location: Option<LocationId>,
    sku: &str,
    after: LocationId,
) -> Result<Vec<StockRow>> {
    let mut query = Query::new(
        "SELECT i.sku, i.title, l.location_id, p.name AS location, l.on_hand, l.allocated, l.demand, l.tracked
         FROM stock_level l JOIN item i ON i.id = l.item_id JOIN location p ON p.id = l.location_id
         WHERE (i.sku, l.location_id) > (",
    );
    query.bind(sku.to_owned()).push(", ").bind(after).push(")");
    if let Some(location) = location {
        query.push(" AND l.location_id = ").bind(location);
    }
    query.push(" ORDER BY i.sku, l.location_id").limit(500);
    Ok(tx.query(&query)?)
}
