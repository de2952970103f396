//! The SQL of stock.

use consign_db::{Query, Tx, params, row, sql};
use consign_values::{ItemId, LineId, LocationId, OrderId, Timestamp};

use super::state::Sums;
use super::{Claim, Holder, LedgerEntry, Level, LevelView, StockState};
use crate::Result;

/// Items on a page of the stock list.
pub const PAGE: u32 = 50;

pub fn lock_levels(tx: &mut Tx<'_>, location: LocationId, items: &[ItemId]) -> Result<Vec<Level>> {
    let text = sql!(
        Level,
        "SELECT {*} FROM stock_level WHERE location_id = $1 AND item_id {in} ORDER BY item_id /*pg FOR UPDATE*/"
    );
    Ok(tx.all_in(text, items, &[&location])?)
}

pub fn insert_level_if_missing(tx: &mut Tx<'_>, level: &Level) -> Result<()> {
    let text = sql!(
        "INSERT INTO stock_level (item_id, location_id, on_hand, allocated, demand, tracked)
         VALUES ($1, $2, 0, 0, 0, $3) ON CONFLICT (item_id, location_id) DO NOTHING"
    );
    tx.execute(text, &[&level.item_id, &level.location_id, &level.tracked])?;
    Ok(())
}

pub fn update_levels<'l>(tx: &mut Tx<'_>, levels: impl Iterator<Item = &'l Level>) -> Result<()> {
    let text = sql!(
        "UPDATE stock_level SET on_hand = $3, allocated = $4, demand = $5, tracked = $6
         WHERE item_id = $1 AND location_id = $2"
    );
    tx.execute_many(
        text,
        levels.map(|l| params![l.item_id, l.location_id, l.on_hand, l.allocated, l.demand, l.tracked]),
    )?;
    Ok(())
}

pub fn find_level(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Option<Level>> {
    let text = sql!(Level, "SELECT {*} FROM stock_level WHERE item_id = $1 AND location_id = $2");
    Ok(tx.optional(text, &[&item, &location])?)
}

pub fn levels_of(tx: &mut Tx<'_>, item: ItemId) -> Result<Vec<Level>> {
    let text = sql!(Level, "SELECT {*} FROM stock_level WHERE item_id = $1 ORDER BY location_id LIMIT 1000");
    Ok(tx.all(text, &[&item])?)
}

pub fn list(
    tx: &mut Tx<'_>,
    location: Option<LocationId>,
    text: &str,
    short_only: bool,
    after_sku: &str,
) -> Result<Vec<LevelView>> {
    // The page's items first, by SKU; only then their levels.
    let mut query = Query::new(
        "SELECT i.id AS item_id, i.sku, i.title,
           CAST(COALESCE(SUM(l.on_hand), 0) AS BIGINT) AS on_hand, CAST(COALESCE(SUM(l.allocated), 0) AS BIGINT) AS allocated,
           CAST(COALESCE(SUM(l.demand), 0) AS BIGINT) AS demand,
           CAST(COUNT(l.item_id) FILTER (WHERE l.tracked) AS BIGINT) AS tracked_count
         FROM (SELECT id, sku, title FROM item i WHERE i.sku > ",
    );
    query.bind(after_sku.to_owned());
    if !text.trim().is_empty() {
        query.push(" AND ");
        query.push_text_match("item_search", "i.id", text.trim());
    }
    if short_only {
        query.push(" AND EXISTS (SELECT 1 FROM stock_level s WHERE s.item_id = i.id AND s.demand > s.allocated");
        if let Some(location) = location {
            query.push(" AND s.location_id = ").bind(location);
        }
        query.push(")");
    }
    query.push(" ORDER BY i.sku").limit(PAGE + 1);
    query.push(") i LEFT JOIN stock_level l ON l.item_id = i.id");
    if let Some(location) = location {
        query.push(" AND l.location_id = ").bind(location);
    }
    query.push(" GROUP BY i.id, i.sku, i.title ORDER BY i.sku");
    Ok(tx.query(&query)?)
}

pub fn holders(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Holder>> {
    let text = sql!(
        Holder,
        "SELECT c.order_id, o.reference, o.source, o.sub_source, o.parked, c.quantity, c.allocated, c.despatch_by
         FROM claim c JOIN orders o ON o.id = c.order_id
         WHERE c.item_id = $1 AND c.location_id = $2 ORDER BY c.despatch_by, c.line_id LIMIT 200"
    );
    Ok(tx.all(text, &[&item, &location])?)
}

pub fn ledger(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<LedgerEntry>> {
    let text = sql!(
        LedgerEntry,
        "SELECT {*} FROM stock_ledger WHERE item_id = $1 AND location_id = $2 ORDER BY id DESC LIMIT 200"
    );
    Ok(tx.all(text, &[&item, &location])?)
}

pub fn claims_of(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Claim>> {
    let text = sql!(Claim, "SELECT {*} FROM claim WHERE order_id = $1 ORDER BY line_id");
    Ok(tx.all(text, &[&order])?)
}

pub fn claims_on(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Claim>> {
    let text = sql!(Claim, "SELECT {*} FROM claim WHERE item_id = $1 AND location_id = $2 ORDER BY line_id");
    Ok(tx.all(text, &[&item, &location])?)
}

pub fn delete_claims(tx: &mut Tx<'_>, lines: &[LineId]) -> Result<()> {
    tx.execute_many(sql!("DELETE FROM claim WHERE line_id = $1"), lines.iter().map(|line| params![*line]))?;
    Ok(())
}

pub fn set_allocated(tx: &mut Tx<'_>, line: LineId, allocated: i64) -> Result<()> {
    tx.execute(sql!("UPDATE claim SET allocated = $2 WHERE line_id = $1"), &[&line, &allocated])?;
    Ok(())
}

/// The fair order of the product: despatch-by date, then priority, then age.
pub fn most_urgent_short(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Claim>> {
    let text = sql!(
        Claim,
        "SELECT {*} FROM claim WHERE item_id = $1 AND location_id = $2 AND allocated < quantity
         ORDER BY despatch_by, priority DESC, received_at, line_id LIMIT 200"
    );
    Ok(tx.all(text, &[&item, &location])?)
}

pub fn least_urgent_holding(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Claim>> {
    let text = sql!(
        Claim,
        "SELECT {*} FROM claim WHERE item_id = $1 AND location_id = $2 AND allocated > 0
         ORDER BY despatch_by DESC, priority, received_at DESC, line_id DESC LIMIT 200"
    );
    Ok(tx.all(text, &[&item, &location])?)
}

row! {
    /// A line of an open, unlocked order that has no claim.
    pub struct Unclaimed {
        /// The line.
        pub line_id: LineId,
        /// Its order.
        pub order_id: OrderId,
        /// Units still to be shipped.
        pub quantity: i64,
        /// When the order must leave.
        pub despatch_by: Timestamp,
        /// The order's priority.
        pub priority: i64,
        /// When the order came.
        pub received_at: Timestamp,
    }
}

/// In the fair order, so that claiming them one after the other is fair.
pub fn unclaimed_lines(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Unclaimed>> {
    let text = sql!(
        Unclaimed,
        "SELECT l.id AS line_id, l.order_id, l.quantity - l.shipped_before AS quantity, o.despatch_by, o.priority, o.received_at
         FROM order_line l JOIN orders o ON o.id = l.order_id
         WHERE l.item_id = $1 AND o.location_id = $2 AND o.state = 'open' AND NOT o.locked AND NOT l.is_service
           AND l.quantity > l.shipped_before AND NOT EXISTS (SELECT 1 FROM claim c WHERE c.line_id = l.id)
         ORDER BY o.despatch_by, o.priority DESC, o.received_at, l.id"
    );
    Ok(tx.all(text, &[&item, &location])?)
}

pub fn mark_listings_due(tx: &mut Tx<'_>, items: &[ItemId]) -> Result<()> {
    for item in items {
        tx.execute(sql!("UPDATE listing SET due = TRUE WHERE item_id = $1 AND NOT due"), &[item])?;
        let composites = sql!(
            "UPDATE listing SET due = TRUE WHERE NOT due AND item_id IN
               (SELECT k.item_id FROM item_component k WHERE k.component_id = $1)"
        );
        tx.execute(composites, &[item])?;
    }
    Ok(())
}

pub fn sums(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<Vec<Sums>> {
    let text = sql!(
        Sums,
        "SELECT o.id AS order_id, o.stock_state, (o.state = 'open' AND NOT o.locked) AS live,
           (SELECT COUNT(*) FROM order_line l
             WHERE l.order_id = o.id AND l.item_id IS NULL AND NOT l.is_service AND l.quantity > l.shipped_before) AS unlinked,
           CAST((SELECT COALESCE(SUM(c.quantity), 0) FROM claim c WHERE c.order_id = o.id) AS BIGINT) AS wanted,
           CAST((SELECT COALESCE(SUM(c.allocated), 0) FROM claim c WHERE c.order_id = o.id) AS BIGINT) AS allocated
         FROM orders o WHERE o.id {in}"
    );
    Ok(tx.all_in(text, orders, &[])?)
}

pub fn set_stock_state(tx: &mut Tx<'_>, order: OrderId, state: StockState) -> Result<()> {
    tx.execute(sql!("UPDATE orders SET stock_state = $2 WHERE id = $1"), &[&order, &state])?;
    Ok(())
}
