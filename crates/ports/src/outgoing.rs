//! What goes out to a channel, and what it lists about itself.

use consign_values::{Money, Quantity, Timestamp};

/// A despatch note: what of one channel order has been shipped, and how. Reference 3.4.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Despatch {
    /// Key of this note, the same at every attempt: connectors pass it on where the channel has idempotency keys.
    pub key: String,
    /// The channel's order number.
    pub reference: String,
    /// Carrier, as shown to the channel; may be empty.
    pub carrier: String,
    /// Service or method, as shown to the channel; may be empty.
    pub service: String,
    /// Tracking number; may be empty.
    pub tracking_number: String,
    /// When the order was processed.
    pub processed_at: Timestamp,
    /// Just the lines and quantities of this note.
    pub lines: Vec<DespatchLine>,
    /// How many times it has been tried before. Above zero, an earlier try may have taken effect: look before you send.
    pub attempts: u32,
}

/// One line of a despatch note.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DespatchLine {
    /// The channel's id of the line.
    pub channel_line: String,
    /// The SKU as listed on the channel.
    pub channel_sku: String,
    /// How many were shipped.
    pub quantity: Quantity,
}

/// A cancellation note for a whole order. Reference 8.5.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cancellation {
    /// Key of this note, the same at every attempt.
    pub key: String,
    /// The channel's order number.
    pub reference: String,
    /// The channel's further order number; may be empty.
    pub external_reference: String,
    /// Why, in words.
    pub reason: String,
    /// The lines with their whole quantities.
    pub lines: Vec<DespatchLine>,
    /// How many times it has been tried before.
    pub attempts: u32,
}

/// What became of one item of a batch, in the order in which it was asked.
pub type Outcome = Result<(), crate::PortError>;

/// The stock figure to show for one listing: absolute, never negative. Reference 13.5.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockLevel {
    /// The listing's SKU on the channel.
    pub channel_sku: String,
    /// The channel's id of the listing, as [`Product::channel_reference`] gave it; may be empty.
    pub channel_reference: String,
    /// Units to show, 0 or more.
    pub quantity: i64,
}

/// The price to show for one listing. Reference 13.6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingPrice {
    /// The listing's SKU on the channel.
    pub channel_sku: String,
    /// The channel's id of the listing, as [`Product::channel_reference`] gave it; may be empty.
    pub channel_reference: String,
    /// Price of one, as the seller typed it for this channel: in the listing's currency, with or without tax as the channel
    /// has it.
    pub price: Money,
}

/// A page of what the channel lists for sale.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProductPage {
    /// The listings.
    pub products: Vec<Product>,
    /// Asks for the next page; `None` at the end.
    pub next: Option<String>,
}

/// A listing of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// SKU on the channel.
    pub channel_sku: String,
    /// Title on the channel.
    pub title: String,
    /// The channel's id of the listing, needed to push stock; may be empty.
    pub channel_reference: String,
    /// What the channel shows as in stock, if it says.
    pub quantity: Option<i64>,
}

/// A status that orders of the channel can have.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChannelStatus {
    /// The code that [`crate::IncomingOrder::status`] carries.
    pub code: String,
    /// What people call it.
    pub label: String,
}

/// Whether a tag names a shipping service or a payment method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TagKind {
    /// A shipping service.
    Shipping,
    /// A payment method.
    Payment,
}

/// A shipping service or payment method that the channel knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelTag {
    /// What orders carry.
    pub tag: String,
    /// What people call it.
    pub label: String,
    /// The site it belongs to; mostly empty.
    pub site: String,
}
