//! The SQL of locations.

use consign_db::{Tx, sql};
use consign_values::{LocationId, OrderId};

use super::{Location, LocationForm};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: LocationId) -> Result<Option<Location>> {
    Ok(tx.optional(sql!(Location, "SELECT {*} FROM location WHERE id = $1"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Location>> {
    Ok(tx.all(sql!(Location, "SELECT {*} FROM location ORDER BY name LIMIT 1000"), &[])?)
}

pub fn lock(tx: &mut Tx<'_>, id: LocationId) -> Result<Option<Location>> {
    Ok(tx.optional(sql!(Location, "SELECT {*} FROM location WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn has_open_orders(tx: &mut Tx<'_>, id: LocationId) -> Result<bool> {
    let text = sql!(OrderId, "SELECT id FROM orders WHERE location_id = $1 AND state = 'open' LIMIT 1");
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn update(tx: &mut Tx<'_>, id: LocationId, name: &str, form: &LocationForm) -> Result<(), consign_db::Error> {
    let text = sql!(
        "UPDATE location SET name = $2, allow_negative = $3, fulfilment_centre = $4, count_until_acknowledged = $5,
           deduct_when_processed = $6 WHERE id = $1"
    );
    let (counts, deducts) = (form.count_until_acknowledged, form.deduct_when_processed);
    tx.execute(text, &[&id, &name, &form.allow_negative, &form.fulfilment_centre, &counts, &deducts]).map(|_| ())
}

pub fn delete(tx: &mut Tx<'_>, id: LocationId) -> Result<(), consign_db::Error> {
    tx.execute(sql!("DELETE FROM location WHERE id = $1"), &[&id]).map(|_| ())
}

pub fn has_stock(tx: &mut Tx<'_>, id: LocationId) -> Result<bool> {
    let text =
        sql!(i64, "SELECT item_id FROM stock_level WHERE location_id = $1 AND (on_hand <> 0 OR demand <> 0) LIMIT 1");
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn delete_empty_levels(tx: &mut Tx<'_>, id: LocationId) -> Result<()> {
    tx.execute(sql!("DELETE FROM stock_level WHERE location_id = $1 AND on_hand = 0 AND demand = 0"), &[&id])?;
    Ok(())
}

pub fn find_default(tx: &mut Tx<'_>) -> Result<Option<LocationId>> {
    Ok(tx.optional(sql!(LocationId, "SELECT location_id FROM default_location WHERE place = 1"), &[])?)
}

pub fn make_default_if_none(tx: &mut Tx<'_>, id: LocationId) -> Result<()> {
    let text = sql!("INSERT INTO default_location (place, location_id) VALUES (1, $1) ON CONFLICT (place) DO NOTHING");
    tx.execute(text, &[&id])?;
    Ok(())
}

pub fn set_default(tx: &mut Tx<'_>, id: LocationId) -> Result<()> {
    tx.execute(sql!("UPDATE default_location SET location_id = $1 WHERE place = 1"), &[&id])?;
    Ok(())
}
