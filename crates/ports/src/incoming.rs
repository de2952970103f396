//! An order as a connector hands it over: normalised, but not yet judged. Reference 1.8.

use consign_values::{Address, Currency, Money, Quantity, Rate, Reference, Timestamp};

/// What the channel says of payment (reference 1.8, `PaymentStatus`), before the instance's status mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelPayment {
    /// The money is there.
    Paid,
    /// It is not, or not known to be.
    Unpaid,
    /// The order is cancelled on the channel.
    Cancelled,
}

/// One order of a channel. Texts are trimmed and bounded; amounts are in `currency`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingOrder {
    /// The channel's own number; with the channel instance it is the key that makes intake exactly-once.
    pub reference: Reference,
    /// The customer-visible number, where it differs.
    pub secondary_reference: String,
    /// A further number, such as a payment gateway's.
    pub external_reference: String,
    /// The channel's own status code, for status mapping; empty for kinds without statuses.
    pub status: String,
    /// What the channel says of payment.
    pub payment: ChannelPayment,
    /// Whether the channel regards it as wholly shipped already.
    pub shipped: bool,
    /// Site of the channel, part of the shipping and payment mapping keys.
    pub site: String,
    /// The buyer's name on the channel.
    pub buyer: String,
    /// Where to send it. If only one address came, it is both (reference 1.3).
    pub delivery: Address,
    /// Who pays.
    pub billing: Address,
    /// Currency of all amounts.
    pub currency: Currency,
    /// What the buyer paid for shipping, tax included.
    pub postage: Money,
    /// Tax rate of the postage.
    pub postage_tax_rate: Rate,
    /// Order-level discount, as a positive amount.
    pub discount: Money,
    /// The channel's tag of the shipping service that the buyer chose.
    pub shipping_tag: String,
    /// The channel's tag of the payment method.
    pub payment_tag: String,
    /// When the buyer ordered.
    pub received_at: Option<Timestamp>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// When it must leave.
    pub despatch_by: Option<Timestamp>,
    /// What was ordered; line numbers are unique. Empty only where a cancelled order comes without its lines.
    pub lines: Vec<IncomingLine>,
    /// Notes of buyer and channel.
    pub notes: Vec<IncomingNote>,
    /// Further name-value pairs that the channel gave (tax ids, options).
    pub properties: Vec<(String, String)>,
    /// Tags of identifiers that it comes with, such as `AMAZON_PRIME`; unknown ones are left out.
    pub identifiers: Vec<String>,
    /// From which of the channel's warehouses units of lines are to come; units of which nothing is said come from anywhere.
    pub locations: Vec<LineLocation>,
}

/// A warehouse of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelPlace {
    /// The channel's id of it.
    pub code: String,
    /// What the channel calls it; may be empty.
    pub name: String,
}

/// Units of a line are to come from a warehouse of the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineLocation {
    /// [`IncomingLine::channel_line`].
    pub channel_line: String,
    /// From where.
    pub location: ChannelPlace,
    /// How many.
    pub quantity: i64,
}

/// One line of an incoming order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingLine {
    /// The channel's id of the line, unique in the order; despatch and cancellation quote it.
    pub channel_line: String,
    /// The SKU as listed on the channel; empty for services.
    pub channel_sku: String,
    /// The title as sold.
    pub title: String,
    /// How many.
    pub quantity: Quantity,
    /// How many of them the channel says are shipped already.
    pub shipped_quantity: i64,
    /// Price of one, with tax if `tax_inclusive`.
    pub unit_price: Money,
    /// Discount on the whole line, as a positive amount.
    pub discount: Money,
    /// Tax rate.
    pub tax_rate: Rate,
    /// Whether `unit_price` contains tax.
    pub tax_inclusive: bool,
    /// No stock, no link: gift wrapping, insurance.
    pub is_service: bool,
    /// Buyer's choices and personalisation.
    pub options: Vec<(String, String)>,
}

/// A note that came with an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingNote {
    /// What it says.
    pub text: String,
    /// Who wrote it; empty becomes `Channel`.
    pub author: String,
    /// When it was written.
    pub at: Option<Timestamp>,
    /// Never printed for the buyer.
    pub internal: bool,
}
