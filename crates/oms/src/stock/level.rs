//! Levels and claims: the figures themselves.

use consign_db::row;
use consign_values::{ItemId, LineId, LocationId, OrderId, Timestamp};

row! {
    /// The stock of one item at one location, in units.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Level in "stock_level" {
        /// The item.
        pub item_id: ItemId,
        /// The location.
        pub location_id: LocationId,
        /// Physically there. Below zero only where the location allows it.
        pub on_hand: i64,
        /// Promised to lines of open orders; never more than `on_hand`.
        pub allocated: i64,
        /// Wanted by lines of open, unlocked orders.
        pub demand: i64,
        /// Whether figures are kept at all.
        pub tracked: bool,
    }
}

impl Level {
    /// Nothing there, nothing wanted, tracked.
    pub fn none(item_id: ItemId, location_id: LocationId) -> Self {
        Level { item_id, location_id, on_hand: 0, allocated: 0, demand: 0, tracked: true }
    }

    /// What could still be sold: signed, and never shown to a channel below zero (reference 0.3, invariant 3).
    pub fn available(&self) -> i64 {
        self.on_hand - self.demand
    }

    /// Units that nobody holds.
    pub fn free(&self) -> i64 {
        (self.on_hand - self.allocated).max(0)
    }

    /// Units that open orders lack.
    pub fn short(&self) -> i64 {
        self.demand - self.allocated
    }
}

row! {
    /// What a line of an open, unlocked order wants of an item at the order's location, and how much of it it has.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Claim in "claim" {
        /// The line.
        pub line_id: LineId,
        /// Its order.
        pub order_id: OrderId,
        /// The item.
        pub item_id: ItemId,
        /// The order's location.
        pub location_id: LocationId,
        /// Units wanted.
        pub quantity: i64,
        /// Units held.
        pub allocated: i64,
        /// Ranks claims: the earliest first,
        pub despatch_by: Timestamp,
        /// then the highest,
        pub priority: i64,
        /// then the oldest.
        pub received_at: Timestamp,
    }
}

row! {
    /// A level with what people call its item.
    #[derive(Clone, Debug)]
    pub struct LevelView {
        /// The item.
        pub item_id: ItemId,
        /// Its SKU.
        pub sku: String,
        /// Its title.
        pub title: String,
        /// Units there.
        pub on_hand: i64,
        /// Units promised.
        pub allocated: i64,
        /// Units wanted.
        pub demand: i64,
        /// How many of the locations looked at keep figures.
        pub tracked_count: i64,
    }
}

impl LevelView {
    /// What could still be sold, signed.
    pub fn available(&self) -> i64 {
        self.on_hand - self.demand
    }
}

row! {
    /// An order that holds or wants an item.
    #[derive(Clone, Debug)]
    pub struct Holder {
        /// The order.
        pub order_id: OrderId,
        /// Its reference.
        pub reference: String,
        /// Where it came from.
        pub source: String,
        /// The account there.
        pub sub_source: String,
        /// Whether it is parked.
        pub parked: bool,
        /// Units wanted.
        pub quantity: i64,
        /// Units held.
        pub allocated: i64,
        /// When it must leave.
        pub despatch_by: Timestamp,
    }
}
