//! What a rule can look at: one table with each field's code, label, kind and where it comes from. Reference 5.7.

use super::Operator;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Main units of the order's currency.
    Money,
    /// Grams.
    Grams,
    /// Millimetres.
    Millimetres,
    /// Things.
    Count,
    /// Days of 24 hours.
    Days,
    /// Hour of the day, 0 to 23.
    Hour,
    /// Minute of the hour, 0 to 59.
    Minute,
    /// Day of the week, 1 (Monday) to 7.
    Weekday,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A text.
    Text,
    /// Several texts: a test holds if it holds for one of them, a negated one if for none.
    Texts,
    /// One of a list of ours, by its code or number.
    Choice,
    /// Several of a list of ours.
    Choices,
    /// A number.
    Number(Unit),
    /// Several numbers.
    Numbers(Unit),
    /// Yes or no.
    Flag,
}

/// Where a field is read: facts are loaded only as far as the rules in force look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldGroup {
    /// The order's row.
    Order,
    /// Its addresses, sums and properties.
    Detail,
    /// Its lines.
    Lines,
    /// The items of its lines.
    Items,
    /// What its lines need and what there is, here and elsewhere.
    Stock,
    /// Its notes.
    Notes,
    /// Its folders and identifiers.
    Marks,
}

macro_rules! fields {
    ($($name:ident = $code:literal, $label:literal, $group:ident, $kind:expr $(, keyed by $key:literal)?;)*) => {
        consign_db::text_enum! {
            /// Something about an order that a test can look at.
            pub enum Field {
                $(#[doc = $label] $name = $code,)*
            }
        }

        impl Field {
            /// For people.
            pub fn label(self) -> &'static str {
                match self { $(Field::$name => $label),* }
            }

            /// What it holds.
            pub fn kind(self) -> FieldKind {
                match self { $(Field::$name => $kind),* }
            }

            /// Where it is read.
            pub fn group(self) -> FieldGroup {
                match self { $(Field::$name => FieldGroup::$group),* }
            }

            /// What its key is called, for a field that needs one.
            pub fn key_label(self) -> Option<&'static str> {
                match self { $(Field::$name => fields!(@key $($key)?)),* }
            }
        }
    };
    (@key $key:literal) => { Some($key) };
    (@key) => { None };
}

use FieldKind::{Choice, Choices, Flag, Number, Numbers, Text, Texts};
use Unit::{Count, Days, Grams, Hour, Millimetres, Minute, Money, Weekday};

fields! {
    Source = "source", "Source", Order, Text;
    SubSource = "sub_source", "Sub-source", Order, Text;
    Reference = "reference", "Reference", Order, Text;
    SecondaryReference = "secondary_reference", "Secondary reference", Order, Text;
    ExternalReference = "external_reference", "External reference", Order, Text;
    Location = "location", "Location", Order, Choice;
    Paid = "paid", "Paid", Order, Flag;
    Tag = "tag", "Tag", Order, Choice;
    Buyer = "buyer", "Buyer", Order, Text;
    Currency = "currency", "Currency", Order, Text;
    Total = "total", "Total", Order, Number(Money);
    Carrier = "carrier", "Carrier", Order, Text;
    Service = "service", "Postal service", Order, Text;
    TrackingNumber = "tracking_number", "Tracking number", Order, Text;
    LineCount = "line_count", "Number of lines", Order, Number(Count);
    UnitCount = "unit_count", "Number of units", Order, Number(Count);
    ReceivedDaysAgo = "received_days_ago", "Received, days ago", Order, Number(Days);
    ReceivedHour = "received_hour", "Received, hour", Order, Number(Hour);
    ReceivedWeekday = "received_weekday", "Received, day of the week", Order, Number(Weekday);
    DespatchInDays = "despatch_in_days", "Despatch by, in days", Order, Number(Days);
    DespatchHour = "despatch_hour", "Despatch by, hour", Order, Number(Hour);
    DespatchMinute = "despatch_minute", "Despatch by, minute", Order, Number(Minute);
    InStock = "in_stock", "All lines in stock at its location", Order, Flag;

    Site = "site", "Site", Detail, Text;
    ChannelStatus = "channel_status", "Status on the channel", Detail, Text;
    ShippingTag = "shipping_tag", "Shipping service on the channel", Detail, Text;
    PaymentMethod = "payment_method", "Payment method", Detail, Text;
    Subtotal = "subtotal", "Subtotal", Detail, Number(Money);
    Postage = "postage", "Postage", Detail, Number(Money);
    Discount = "discount", "Discount", Detail, Number(Money);
    Tax = "tax", "Tax", Detail, Number(Money);
    Property = "property", "Extended property", Detail, Texts, keyed by "Name of the property";
    Name = "name", "Name", Detail, Text;
    Company = "company", "Company", Detail, Text;
    Address1 = "address1", "Address, first line", Detail, Text;
    Address2 = "address2", "Address, second line", Detail, Text;
    Address3 = "address3", "Address, third line", Detail, Text;
    Town = "town", "Town", Detail, Text;
    Region = "region", "Region", Detail, Text;
    Postcode = "postcode", "Postcode", Detail, Text;
    Country = "country", "Country", Detail, Choice;
    Phone = "phone", "Telephone", Detail, Text;
    Email = "email", "E-mail", Detail, Text;
    BillingName = "billing_name", "Billing name", Detail, Text;
    BillingCompany = "billing_company", "Billing company", Detail, Text;
    BillingPostcode = "billing_postcode", "Billing postcode", Detail, Text;
    BillingCountry = "billing_country", "Billing country", Detail, Choice;

    Sku = "sku", "SKU", Lines, Texts;
    ChannelSku = "channel_sku", "SKU on the channel", Lines, Texts;
    Title = "title", "Title", Lines, Texts;
    Option = "option", "Option of a line", Lines, Texts, keyed by "Name of the option";
    LineQuantity = "line_quantity", "Units of a line", Lines, Numbers(Count);
    UnitPrice = "unit_price", "Price of one", Lines, Numbers(Money);
    HasComposite = "has_composite", "Has a kit", Lines, Flag;
    HasUnlinked = "has_unlinked", "Has an unlinked line", Lines, Flag;

    TotalWeight = "total_weight", "Total weight", Items, Number(Grams);
    ItemWeight = "item_weight", "Weight of one", Items, Numbers(Grams);
    MaxLength = "max_length", "Longest item", Items, Number(Millimetres);
    MaxWidth = "max_width", "Widest item", Items, Number(Millimetres);
    MaxHeight = "max_height", "Highest item", Items, Number(Millimetres);

    InStockAt = "in_stock_at", "Whole order available at", Stock, Choices;
    Available = "available", "Available at its location", Stock, Numbers(Count);

    NoteText = "note", "Text of a note", Notes, Texts;

    Folder = "folder", "Folder", Marks, Choices;
    Identifier = "identifier", "Identifier", Marks, Choices;
}

impl Field {
    /// Whether a test of this field can be made with that operator.
    pub fn takes(self, operator: Operator) -> bool {
        match self.kind() {
            Text | Texts => !operator.is_ordering(),
            Choice | Choices => !operator.is_ordering() && !operator.is_partial(),
            Number(_) | Numbers(_) => !operator.is_partial(),
            Flag => matches!(operator, Operator::Equals | Operator::NotEquals),
        }
    }
}
