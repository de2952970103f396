//! An order, its lines, and the shapes that pages read.

use consign_db::row;
use consign_values::{Address, ChannelId, Currency, ItemId, LineId, LocationId, Money, OrderId, Rate, Timestamp};

use crate::stock::StockState;

consign_db::text_enum! {
    /// Where an order stands (reference 1.9).
    pub enum OrderState {
        /// At work.
        Open = "open",
        /// Shipped, frozen.
        Processed = "processed",
        /// Cancelled, frozen.
        Cancelled = "cancelled",
        /// Deleted: only its key is left, so that the channel can't bring it back.
        Deleted = "deleted",
    }
}

consign_db::text_enum! {
    /// Whether the money is there (reference 2.1).
    pub enum Payment {
        /// It is.
        Paid = "paid",
        /// It is not, or not known to be.
        Unpaid = "unpaid",
    }
}

consign_db::text_enum! {
    /// Where an order stands with a fulfilment centre (reference 14.5). Not `None` just while it is at the location of one.
    pub enum CentreState {
        /// It is at a location of our own.
        None = "none",
        /// The centre has it.
        Held = "held",
        /// The centre has cancelled it: it may be moved away.
        Released = "released",
    }
}

consign_db::text_enum! {
    /// What the channel knows of the despatch or cancellation.
    pub enum DespatchState {
        /// Nothing to tell.
        None = "none",
        /// Nothing told, because a switch was off when it happened.
        Off = "off",
        /// To be told.
        Queued = "queued",
        /// Told; the outcome is not known yet.
        Sent = "sent",
        /// The channel has confirmed it.
        Confirmed = "confirmed",
        /// The channel has refused it.
        Rejected = "rejected",
        /// It could not be told until the deadline.
        Failed = "failed",
    }
}

row! {
    /// An order as lists and decisions need it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Order in "orders" {
        /// Its id: the number people use.
        pub id: OrderId,
        /// Kind of origin, upper case.
        pub source: String,
        /// Account there.
        pub sub_source: String,
        /// The channel's number.
        pub reference: String,
        /// 0 for the order as it came.
        pub part: i64,
        /// The channel instance it came from.
        pub channel_id: Option<ChannelId>,
        /// The customer-visible number, where it differs.
        pub secondary_reference: String,
        /// A further number of the channel.
        pub external_reference: String,
        /// The one place that fulfils it.
        pub location_id: LocationId,
        /// Where it stands.
        pub state: OrderState,
        /// Whether it is paid.
        pub payment: Payment,
        /// Put aside; keeps its stock.
        pub parked: bool,
        /// Put aside; gives its stock up.
        pub locked: bool,
        /// 0 none, 1 to 6.
        pub tag: i64,
        /// How it stands for stock; written by `stock` alone.
        pub stock_state: StockState,
        /// What the channel knows; written by `despatch` alone.
        pub despatch_state: DespatchState,
        /// Number of notes.
        pub note_count: i64,
        /// Number of lines.
        pub line_count: i64,
        /// Number of units.
        pub unit_count: i64,
        /// The buyer's name on the channel.
        pub buyer: String,
        /// Delivery name.
        pub full_name: String,
        /// Delivery company.
        pub company: String,
        /// Delivery postcode.
        pub postcode: String,
        /// Delivery country, two letters or blank.
        pub country_code: String,
        /// Currency of all amounts.
        pub currency: Currency,
        /// What the buyer pays.
        pub total: i64,
        /// Rank when stock is short; higher first.
        pub priority: i64,
        /// Who carries it.
        pub carrier: String,
        /// By which service.
        pub service: String,
        /// Its tracking number.
        pub tracking_number: String,
        /// When the buyer ordered.
        pub received_at: Timestamp,
        /// When it must leave; [`NO_DEADLINE`] if the channel names no moment.
        pub despatch_by: Timestamp,
        /// When it was stored.
        pub created_at: Timestamp,
        /// When it was processed, cancelled or deleted.
        pub ended_at: Option<Timestamp>,
        /// Counts up with each change by a use case.
        pub version: i64,
        /// Whether a fulfilment centre has it.
        pub centre: CentreState,
        /// The order that its lines went to.
        pub merged_into: Option<OrderId>,
        /// Never merged by itself; people may.
        pub no_merge: bool,
    }
}

/// `despatch_by` of an order without a deadline: the end of the year 9999.
pub const NO_DEADLINE: Timestamp = Timestamp(253_402_300_799_000_000);

impl Order {
    /// What the buyer pays.
    pub fn total(&self) -> Money {
        Money { amount: self.total, currency: self.currency }
    }

    /// When it must leave, if the channel says.
    pub fn deadline(&self) -> Option<Timestamp> {
        (self.despatch_by < NO_DEADLINE).then_some(self.despatch_by)
    }

    /// Open and not locked: its lines want stock.
    pub fn is_live(&self) -> bool {
        self.state == OrderState::Open && !self.locked
    }
}

row! {
    /// What is read only with one order. JSON columns are texts here.
    #[derive(Clone, Debug)]
    pub struct Detail in "order_detail" {
        /// The order.
        pub order_id: OrderId,
        /// Delivery address, JSON of [`consign_values::Address`].
        pub delivery: String,
        /// Billing address, likewise.
        pub billing: String,
        /// Sum of the lines, tax included.
        pub subtotal: i64,
        /// Postage, tax included.
        pub postage: i64,
        /// Order discount.
        pub discount: i64,
        /// Tax contained in the total.
        pub tax: i64,
        /// Site of the channel.
        pub site: String,
        /// The channel's status when it was last read.
        pub channel_status: String,
        /// The channel's shipping tag.
        pub shipping_tag: String,
        /// The channel's payment tag.
        pub payment_tag: String,
        /// What the payment tag is mapped to.
        pub payment_method: String,
        /// When it was paid.
        pub paid_at: Option<Timestamp>,
        /// JSON list of name and value.
        pub properties: String,
        /// JSON object: who set each field last.
        pub provenance: String,
    }
}

impl Detail {
    /// Name and value of each extended property.
    pub fn properties(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.properties).unwrap_or_default()
    }

    /// Where the order goes.
    pub fn delivery(&self) -> Address {
        serde_json::from_str(&self.delivery).unwrap_or_default()
    }

    /// Who pays.
    pub fn billing(&self) -> Address {
        serde_json::from_str(&self.billing).unwrap_or_default()
    }
}

row! {
    /// A line of an order.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Line in "order_line" {
        /// Its id.
        pub id: LineId,
        /// Its order.
        pub order_id: OrderId,
        /// The channel's id of it.
        pub channel_line: String,
        /// SKU as sold.
        pub channel_sku: String,
        /// Title as sold.
        pub title: String,
        /// The item, if linked.
        pub item_id: Option<ItemId>,
        /// Neither stock nor link.
        pub is_service: bool,
        /// Units ordered.
        pub quantity: i64,
        /// Units that somebody else had shipped before it came here.
        pub shipped_before: i64,
        /// Price of one.
        pub unit_price: i64,
        /// Discount on the line.
        pub discount: i64,
        /// Tax rate.
        pub tax_rate: Rate,
        /// Whether the price contains tax.
        pub tax_inclusive: bool,
        /// JSON list of name and value.
        pub options: String,
        /// The channel's order that it belongs to; blank: the order's own reference. See [`Line::channel_order`].
        pub reference: String,
        /// The channel's id of it where `channel_line` had to differ; blank: `channel_line`. See [`Line::told_line`].
        pub note_line: String,
        /// Put in by hand: the channel knows nothing of it.
        pub added: bool,
        /// Stands for its child lines, which hold the stock (reference 4.4).
        pub composite: bool,
        /// The composite line that it is part of.
        pub parent_line_id: Option<LineId>,
    }
}

impl Line {
    /// Name and value of each choice of the buyer's.
    pub fn options(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.options).unwrap_or_default()
    }

    /// Units still to be shipped.
    pub fn outstanding(&self) -> i64 {
        self.quantity - self.shipped_before
    }

    /// Wants an item and has none.
    pub fn is_unlinked(&self) -> bool {
        self.item_id.is_none() && !self.is_service && self.outstanding() > 0
    }

    /// What the channel is told of it: neither services, nor what was put in by hand, nor parts of a composite.
    pub fn is_told(&self) -> bool {
        !self.is_service && !self.added && self.parent_line_id.is_none() && !self.channel_line.is_empty()
    }

    /// The channel's id of it.
    pub fn told_line(&self) -> &str {
        if self.note_line.is_empty() { &self.channel_line } else { &self.note_line }
    }

    /// The reference of the channel's order that it belongs to; `own` is the reference of the order that it is in.
    pub fn channel_order<'l>(&'l self, own: &'l str) -> &'l str {
        if self.reference.is_empty() { own } else { &self.reference }
    }

    /// What to call it: its SKU, or its title.
    pub fn label(&self) -> &str {
        if self.channel_sku.is_empty() { &self.title } else { &self.channel_sku }
    }
}

row! {
    /// Why an order is held.
    #[derive(Clone, Debug)]
    pub struct Hold in "order_hold" {
        /// The order.
        pub order_id: OrderId,
        /// Parked or locked.
        pub kind: HoldKind,
        /// What holds it.
        pub reason: HoldReason,
        /// More in words.
        pub note: String,
        /// Who did it.
        pub actor: String,
        /// When.
        pub at: Timestamp,
    }
}

consign_db::text_enum! {
    /// The two ways to put an order aside (reference 2.2).
    pub enum HoldKind {
        /// Keeps its stock.
        Parked = "parked",
        /// Gives its stock up.
        Locked = "locked",
    }
}

consign_db::text_enum! {
    /// What put an order aside.
    pub enum HoldReason {
        /// It is not paid; goes when it is.
        Unpaid = "unpaid",
        /// Its postcode is too long to be one.
        Postcode = "postcode",
        /// Its channel has cancelled part of it.
        Channel = "channel",
        /// A fulfilment centre has it; goes by the centre's answer.
        Centre = "centre",
        /// A person.
        Person = "person",
    }
}

row! {
    /// A note on an order.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Note in "order_note" {
        /// Its id.
        pub id: i64,
        /// The order.
        pub order_id: OrderId,
        /// When.
        pub at: Timestamp,
        /// Who wrote it; an actor or what the channel said.
        pub author: String,
        /// Never shown to the buyer.
        pub internal: bool,
        /// What it says.
        pub body: String,
        /// To be read and acknowledged before the order is processed.
        pub processing: bool,
    }
}
