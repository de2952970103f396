//! The one writer of an order's stock state.

use consign_db::{Tx, row};
use consign_values::OrderId;

use super::store;
use crate::Result;

consign_db::text_enum! {
    /// How an open order stands for stock (reference 4.6, told for the whole order).
    pub enum StockState {
        /// It wants none: services, untracked items, or it is locked or ended.
        None = "none",
        /// A line has no item, so nobody can tell.
        Unknown = "unknown",
        /// It has nothing of what it wants.
        Short = "short",
        /// It has part of it.
        Part = "part",
        /// It has all of it.
        Full = "full",
    }
}

row! {
    /// What the state is derived from.
    #[derive(Clone, Copy, Debug)]
    pub struct Sums {
        /// The order.
        pub order_id: OrderId,
        /// Its state as written.
        pub stock_state: StockState,
        /// Open and not locked.
        pub live: bool,
        /// Lines without an item that are no services.
        pub unlinked: i64,
        /// Units wanted.
        pub wanted: i64,
        /// Units held.
        pub allocated: i64,
    }
}

/// The rule.
pub(crate) fn state_of(live: bool, unlinked: i64, wanted: i64, allocated: i64) -> StockState {
    match (live, unlinked, wanted, allocated) {
        (false, ..) => StockState::None,
        (_, 1.., ..) => StockState::Unknown,
        (_, _, 0, _) => StockState::None,
        (_, _, wanted, allocated) if allocated >= wanted => StockState::Full,
        (_, _, _, 0) => StockState::Short,
        _ => StockState::Part,
    }
}

/// Brings the state of these orders up to date.
pub(crate) fn refresh(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<()> {
    if orders.is_empty() {
        return Ok(());
    }
    for sums in store::sums(tx, orders)? {
        let state = state_of(sums.live, sums.unlinked, sums.wanted, sums.allocated);
        if state != sums.stock_state {
            store::set_stock_state(tx, sums.order_id, state)?;
        }
    }
    Ok(())
}
