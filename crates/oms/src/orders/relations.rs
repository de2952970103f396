//! Which orders came out of which: splits and merges. Reference 8.7.

use consign_db::{Tx, row};
use consign_values::{OrderId, Timestamp};

use super::store;
use crate::Result;

consign_db::text_enum! {
    /// How two orders are related.
    pub enum RelationKind {
        /// The child was split off the parent.
        Split = "split",
        /// The parent's lines went into the child.
        Merge = "merge",
    }
}

row! {
    /// Two related orders.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Relation in "order_relation" {
        /// The order that was there before.
        pub parent_id: OrderId,
        /// The order that came out of it.
        pub child_id: OrderId,
        /// How.
        pub kind: RelationKind,
        /// When.
        pub at: Timestamp,
    }
}

/// The relations of an order, oldest first.
pub fn relations(tx: &mut Tx<'_>, id: OrderId) -> Result<Vec<Relation>> {
    store::relations(tx, id)
}

/// Whether the order is only part of what its channel knows by its reference.
pub fn is_split(tx: &mut Tx<'_>, id: OrderId) -> Result<bool> {
    Ok(store::relations(tx, id)?.iter().any(|relation| relation.kind == RelationKind::Split))
}
