//! How many there are, who they are promised to, and why. Reference section 4.
//!
//! All changes of figures go through a [`Book`]: it locks the levels it touches, keeps claims, levels and ledger in step, and
//! hands freed units out in a fair order before it closes. `verify` proves the result from the outside.

mod book;
mod count;
mod ledger;
mod level;
mod state;
mod store;

pub use book::{Book, Wanted};
pub use count::{adjust, feed, set_level, set_tracked};
pub use ledger::{Cause, LedgerEntry};
pub use level::{Claim, Holder, Level, LevelView};
pub use state::StockState;
pub(crate) use state::{refresh, state_of};

use consign_db::Tx;
use consign_values::{ItemId, LocationId, OrderId};

use crate::Result;

/// The levels of an item at all locations that have one.
pub fn levels_of(tx: &mut Tx<'_>, item: ItemId) -> Result<Vec<Level>> {
    store::levels_of(tx, item)
}

/// The level of one item at one location; all zero where there is none yet.
pub fn level(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Level> {
    Ok(store::find_level(tx, item, location)?.unwrap_or_else(|| Level::none(item, location)))
}

/// A page of 50 items with their levels at one location or summed over all, by SKU after `after_sku`; with a text of three
/// characters or more only items that contain it; with `short_only` only those that orders wait for.
pub fn list(
    tx: &mut Tx<'_>,
    location: Option<LocationId>,
    text: &str,
    short_only: bool,
    after_sku: &str,
) -> Result<Vec<LevelView>> {
    store::list(tx, location, text, short_only, after_sku)
}

/// Up to 200 lines of open orders that hold or want the item at the location, the most urgent first.
pub fn holders(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Holder>> {
    store::holders(tx, item, location)
}

/// Why is it 47? The last 200 changes of the level, newest first, each with the figures after it.
pub fn ledger(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<ledger::Explained>> {
    ledger::explain(tx, item, location)
}

/// What the lines of an order hold.
pub fn claims_of(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Claim>> {
    store::claims_of(tx, order)
}
