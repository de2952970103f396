//! The stock ledger: each change of a level, why, by whom, for which order. Its sums are the levels.

use consign_db::{Tx, row};
use consign_values::{ItemId, LedgerId, LocationId, OrderId, Timestamp};

use super::store;
use crate::Result;

consign_db::text_enum! {
    /// What moved a figure: the events of reference 4.2.
    pub enum Cause {
        /// An order came in.
        Receive = "receive",
        /// A line was linked to an item.
        Link = "link",
        /// An order was locked: its demand goes.
        Lock = "lock",
        /// An order was unlocked: its demand is back.
        Unlock = "unlock",
        /// An order left for another location.
        MoveOut = "move_out",
        /// An order came from another location.
        MoveIn = "move_in",
        /// An unpaid order was changed by its channel.
        Update = "update",
        /// An order was edited.
        Edit = "edit",
        /// Lines went to another part of an order.
        Split = "split",
        /// Lines went to a merged order.
        Merge = "merge",
        /// An order was cancelled.
        Cancel = "cancel",
        /// An order was deleted.
        Delete = "delete",
        /// An order was processed: units left the building.
        Process = "process",
        /// Freed or arrived units were given to a waiting order.
        Allocate = "allocate",
        /// Units were taken from the least urgent order, because fewer are there than were promised.
        Withdraw = "withdraw",
        /// A level was set to a figure.
        Set = "set",
        /// Units were added or taken off.
        Adjust = "adjust",
        /// The fulfilment centre said how many there are.
        Feed = "feed",
        /// Figures began or ceased to be kept.
        Track = "track",
    }
}

row! {
    /// One change of one level.
    #[derive(Clone, Debug)]
    pub struct LedgerEntry in "stock_ledger" {
        /// Its id.
        pub id: LedgerId,
        /// The item.
        pub item_id: ItemId,
        /// The location.
        pub location_id: LocationId,
        /// When.
        pub at: Timestamp,
        /// What moved the figures.
        pub cause: Cause,
        /// Units that came or went.
        pub on_hand_change: i64,
        /// Units promised or released.
        pub allocated_change: i64,
        /// Units wanted more or less.
        pub demand_change: i64,
        /// For which order.
        pub order_id: Option<OrderId>,
        /// By whom.
        pub actor: String,
        /// A person's reason; may be empty.
        pub reason: String,
    }
}

/// A change with the figures after it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The change.
    pub entry: LedgerEntry,
    /// Units there after it.
    pub on_hand: i64,
    /// Units promised after it.
    pub allocated: i64,
    /// Units wanted after it.
    pub demand: i64,
}

pub(super) fn explain(tx: &mut Tx<'_>, item: ItemId, location: LocationId) -> Result<Vec<Explained>> {
    let Some(level) = store::find_level(tx, item, location)? else { return Ok(Vec::new()) };
    let (mut on_hand, mut allocated, mut demand) = (level.on_hand, level.allocated, level.demand);
    let mut explained = Vec::new();
    for entry in store::ledger(tx, item, location)? {
        let (on_hand_change, allocated_change, demand_change) =
            (entry.on_hand_change, entry.allocated_change, entry.demand_change);
        explained.push(Explained { entry, on_hand, allocated, demand });
        on_hand -= on_hand_change;
        allocated -= allocated_change;
        demand -= demand_change;
    }
    Ok(explained)
}
