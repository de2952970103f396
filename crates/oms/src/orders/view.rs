//! One order with everything that its page shows.

use std::collections::BTreeMap;

use consign_db::{Tx, row};
use consign_values::{Address, ItemId, LineId, OrderId, Rate};

use super::{Detail, Hold, Note, Order, Relation, store};
use crate::decisions::{self, Decision};
use crate::despatch::{self, Message};
use crate::history::{self, Entry};
use crate::marks::{self, Mark};
use crate::{Error, Result};

row! {
    /// A line with its item and what it holds.
    #[derive(Clone, Debug)]
    pub struct LineView {
        /// The line.
        pub id: LineId,
        /// The channel's id of it.
        pub channel_line: String,
        /// SKU as sold.
        pub channel_sku: String,
        /// Title as sold.
        pub title: String,
        /// The item, if linked.
        pub item_id: Option<ItemId>,
        /// Its SKU.
        pub sku: Option<String>,
        /// Neither stock nor link.
        pub is_service: bool,
        /// Units ordered.
        pub quantity: i64,
        /// Units shipped before it came here.
        pub shipped_before: i64,
        /// Units wanted of stock; none if it wants none.
        pub wanted: Option<i64>,
        /// Units held.
        pub allocated: Option<i64>,
        /// Price of one.
        pub unit_price: i64,
        /// Discount on the line.
        pub discount: i64,
        /// Tax rate.
        pub tax_rate: Rate,
        /// Whether the price contains tax.
        pub tax_inclusive: bool,
        /// The channel's order that it came with, in a merged order; else blank.
        pub reference: String,
        /// Put in by hand.
        pub added: bool,
        /// Stands for the lines after it that name it.
        pub composite: bool,
        /// The composite line that it is part of.
        pub parent_line_id: Option<LineId>,
    }
}

/// An order's page.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// The order.
    pub order: Order,
    /// Amounts, tags and so on.
    pub detail: Detail,
    /// Where to.
    pub delivery: Address,
    /// Who pays.
    pub billing: Address,
    /// What.
    pub lines: Vec<LineView>,
    /// Why it is put aside.
    pub holds: Vec<Hold>,
    /// Its folders and identifiers.
    pub marks: Vec<Mark>,
    /// What was said of it.
    pub notes: Vec<Note>,
    /// What was done to it, newest first.
    pub history: Vec<Entry>,
    /// Why, oldest first.
    pub decisions: Vec<Decision>,
    /// What its channel was or is to be told.
    pub messages: Vec<Message>,
    /// The orders that it came out of, or that came out of it.
    pub relations: Vec<Relation>,
}

/// Everything about one order.
pub fn view(tx: &mut Tx<'_>, id: OrderId) -> Result<OrderView> {
    let order = super::get(tx, id)?;
    let detail = store::detail(tx, id)?.ok_or(Error::NotFound("order"))?;
    Ok(OrderView {
        delivery: detail.delivery(),
        billing: detail.billing(),
        lines: store::line_views(tx, id)?,
        holds: store::holds(tx, id)?,
        marks: marks::of_order(tx, id)?,
        notes: store::notes(tx, id)?,
        history: history::list(tx, "order", id.0)?,
        decisions: decisions::list(tx, id)?,
        messages: despatch::of_order(tx, id)?,
        relations: store::relations(tx, id)?,
        order,
        detail,
    })
}

/// Who set each field last, by field: `location` → `user 3`.
pub fn provenance(detail: &Detail) -> BTreeMap<String, String> {
    serde_json::from_str(&detail.provenance).unwrap_or_default()
}
