//! Orders of the custom-channel protocol (its section 4.5) as incoming orders. Pure.
//!
//! Each order of a page is read on its own, from the very bytes that came, so that one that can't be understood spoils
//! nothing but itself. What apps are known to send instead of the letter of the protocol is taken; what would be a guess
//! about money or quantities is refused with the field's name.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use consign_ports::{ChannelPayment, Incoming, IncomingLine, IncomingNote, IncomingOrder};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Reference, Sku, clean};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::http::not_json;
use crate::loose::{Fields, find, scalar};

const LINES_MAX: usize = 2_000;
const PAIRS_MAX: usize = 500;
const TEXT_MAX: usize = 255;
const NOTE_MAX: usize = 4_000;
const LINE_NUMBER_MAX: usize = 128;

/// A page of the Orders call.
#[derive(Debug)]
pub(crate) struct OrdersPage {
    /// Its orders, mapped or refused one by one.
    pub orders: Vec<Incoming>,
    /// What `HasMorePages` says.
    pub has_more: bool,
    /// What `Error` says, if anything.
    pub error: Option<String>,
}

impl OrdersPage {
    /// A digest of the references, to tell a page that an app repeats for ever.
    pub fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for order in &self.orders {
            if order.reference.is_empty() { order.payload.hash(&mut hasher) } else { order.reference.hash(&mut hasher) }
        }
        hasher.finish()
    }
}

/// Splits a page and maps its orders. `Err` says why it is no page at all.
pub(crate) fn orders_page(text: &str) -> Result<OrdersPage, String> {
    let keys: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the app's answer must be a JSON object".to_owned(),
        _ => not_json(&error),
    })?;
    let key = |name: &str| keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, raw)| raw.get());
    let small = |name: &str| key(name).and_then(|raw| serde_json::from_str::<Value>(raw).ok()).unwrap_or_default();
    let orders: Option<Vec<&RawValue>> = match key("Orders") {
        None => None,
        Some(raw) => serde_json::from_str(raw).map_err(|_| "Orders must be a list".to_owned())?,
    };
    let more = scalar(&small("HasMorePages")).unwrap_or_default().to_ascii_lowercase();
    let error = super::api::error_of(&Map::from_iter([("Error".to_owned(), small("Error"))]));
    let orders = orders.unwrap_or_default().into_iter().map(|raw| incoming(raw.get())).collect();
    Ok(OrdersPage { orders, has_more: matches!(more.as_str(), "true" | "1"), error })
}

/// One order from its text. Its reference is read even where the rest makes no sense.
pub(super) fn incoming(raw: &str) -> Incoming {
    let payload = raw.as_bytes().to_vec();
    let value = serde_json::from_str::<Value>(raw);
    let reference = match &value {
        Ok(value) => value.as_object().and_then(|map| find(map, "ReferenceNumber")).and_then(scalar),
        Err(_) => serde_json::from_str::<BTreeMap<String, &RawValue>>(raw).ok().and_then(|keys| {
            let raw = keys.iter().find(|(key, _)| key.eq_ignore_ascii_case("ReferenceNumber"))?.1;
            scalar(&serde_json::from_str(raw.get()).ok()?)
        }),
    };
    let order = match &value {
        Ok(value) => order(value).map(Box::new),
        Err(error) => Err(format!("the order is not JSON that can be read (column {})", error.column())),
    };
    Incoming { reference: clean(&reference.unwrap_or_default(), Reference::MAX), payload, order }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&fields.raw_text("ReferenceNumber")?)
        .map_err(|error| fields.wrong("ReferenceNumber", error))?;
    let currency = Currency::parse(&fields.raw_text("Currency")?)
        .ok_or_else(|| fields.wrong("Currency", "must be an ISO 4217 code"))?;
    let mut payment = payment(&fields)?;
    let (lines, all_cancelled) = lines(&fields, currency)?;
    if all_cancelled {
        payment = ChannelPayment::Cancelled;
    }
    if lines.is_empty() && payment != ChannelPayment::Cancelled {
        return Err(fields.wrong("OrderItems", "must not be empty"));
    }
    let (delivery, billing) = addresses(&fields)?;
    let discount = not_negative(&fields, "Discount", currency)?;
    Ok(IncomingOrder {
        reference,
        secondary_reference: fields.text("SecondaryReferenceNumber", TEXT_MAX)?,
        external_reference: fields.text("ExternalReference", TEXT_MAX)?,
        status: String::new(),
        payment,
        shipped: false,
        site: fields.text("Site", TEXT_MAX)?,
        buyer: fields.text("ChannelBuyerName", TEXT_MAX)?,
        delivery,
        billing,
        currency,
        postage: not_negative(&fields, "PostalServiceCost", currency)?,
        postage_tax_rate: fields.rate("PostalServiceTaxRate")?,
        discount,
        shipping_tag: fields.text("MatchPostalServiceTag", TEXT_MAX)?,
        payment_tag: fields.text("MatchPaymentMethodTag", TEXT_MAX)?,
        received_at: fields.moment("ReceivedDate"),
        paid_at: fields.moment("PaidOn"),
        despatch_by: fields.moment("DispatchBy"),
        lines,
        notes: notes(&fields)?,
        properties: properties(&fields, discount)?,
        identifiers: Vec::new(),
        locations: Vec::new(),
    })
}

fn payment(fields: &Fields<'_>) -> Result<ChannelPayment, String> {
    match fields.raw_text("PaymentStatus")?.trim().to_ascii_uppercase().as_str() {
        "PAID" => Ok(ChannelPayment::Paid),
        "UNPAID" => Ok(ChannelPayment::Unpaid),
        "CANCELLED" | "CANCELED" => Ok(ChannelPayment::Cancelled),
        _ => Err(fields.wrong("PaymentStatus", "must be PAID, UNPAID or CANCELLED")),
    }
}

fn not_negative(fields: &Fields<'_>, key: &str, currency: Currency) -> Result<Money, String> {
    let amount = fields.money(key, currency)?;
    if amount.amount < 0 { Err(fields.wrong(key, "must not be negative")) } else { Ok(amount) }
}

/// The lines that are not cancelled; or all of them, and `true`, where every one is.
fn lines(fields: &Fields<'_>, currency: Currency) -> Result<(Vec<IncomingLine>, bool), String> {
    let mut numbers = HashSet::new();
    let (mut kept, mut cancelled) = (Vec::new(), Vec::new());
    for item in fields.objects("OrderItems", LINES_MAX)? {
        let number = item.raw_text("OrderLineNumber")?;
        if number.trim().is_empty() || number.chars().count() > LINE_NUMBER_MAX || number.chars().any(char::is_control)
        {
            return Err(item.wrong("OrderLineNumber", "must have 1 to 128 characters and no control characters"));
        }
        if !numbers.insert(number.clone()) {
            return Err(item.wrong("OrderLineNumber", "must be unique in the order"));
        }
        let status = item.raw_text("CancelStatus")?.trim().to_ascii_uppercase();
        let line = line(&item, number, currency)?;
        if matches!(status.as_str(), "CANCELLED" | "CANCELED" | "1") { cancelled.push(line) } else { kept.push(line) }
    }
    let all_cancelled = kept.is_empty() && !cancelled.is_empty();
    Ok(if all_cancelled { (cancelled, true) } else { (kept, false) })
}

fn line(item: &Fields<'_>, number: String, currency: Currency) -> Result<IncomingLine, String> {
    let is_service = item.boolean("IsService")?;
    let sku = item.raw_text("SKU")?;
    let channel_sku = if is_service && sku.trim().is_empty() {
        String::new()
    } else {
        Sku::parse(&sku).map_err(|error| item.wrong("SKU", error))?.into_string()
    };
    let mut title = item.text("ItemTitle", TEXT_MAX)?;
    if title.is_empty() {
        if channel_sku.is_empty() {
            return Err(item.wrong("ItemTitle", "must not be empty"));
        }
        title.clone_from(&channel_sku);
    }
    let quantity = item
        .integer("Qty")?
        .and_then(Quantity::new)
        .ok_or_else(|| item.wrong("Qty", "must be a whole number from 1 to 1,000,000"))?;
    // A voucher may come as a service line below zero; goods may not.
    let unit_price =
        if is_service { item.money("PricePerUnit", currency)? } else { not_negative(item, "PricePerUnit", currency)? };
    let percent = item.decimal("LinePercentDiscount")?.unwrap_or_default();
    if percent.is_sign_negative() && !percent.is_zero() || percent > Decimal::ONE_HUNDRED {
        return Err(item.wrong("LinePercentDiscount", "must be between 0 and 100"));
    }
    let whole = unit_price.times(quantity.units()).map_err(|error| item.wrong("PricePerUnit", error))?;
    let discount = (Decimal::new(whole.amount, 4).checked_mul(percent))
        .map(|amount| amount / Decimal::ONE_HUNDRED)
        .and_then(|amount| Money::from_decimal(amount, currency).ok())
        .ok_or_else(|| item.wrong("LinePercentDiscount", "gives too large an amount"))?;
    Ok(IncomingLine {
        channel_line: number,
        channel_sku,
        title,
        quantity,
        shipped_quantity: 0,
        unit_price,
        discount,
        tax_rate: item.rate("TaxRate")?,
        tax_inclusive: item.boolean("TaxCostInclusive")?,
        is_service,
        options: pairs(item, "Options")?,
    })
}

/// Delivery and billing address; where one came, it is both.
fn addresses(fields: &Fields<'_>) -> Result<(Address, Address), String> {
    let read = |key: &str| fields.object(key)?.map_or(Ok(Address::default()), |address| self::address(&address));
    let (delivery, billing) = (read("DeliveryAddress")?, read("BillingAddress")?);
    Ok(match (delivery.is_empty(), billing.is_empty()) {
        (true, false) => (billing.clone(), billing),
        (false, true) => (delivery.clone(), delivery),
        _ => (delivery, billing),
    })
}

fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = |key: &str| fields.raw_text(key);
    let country = text("Country")?;
    let country_code = CountryCode::resolve(&text("CountryCode")?, &country).unwrap_or_default();
    Ok(Address {
        full_name: text("FullName")?,
        company: text("Company")?,
        line1: text("Address1")?,
        line2: text("Address2")?,
        line3: text("Address3")?,
        town: text("Town")?,
        region: text("Region")?,
        postcode: text("PostCode")?,
        country,
        country_code,
        phone: text("PhoneNumber")?,
        email: text("EmailAddress")?,
    }
    .cleaned())
}

/// Names and values; a name that comes twice counts once.
fn pairs(fields: &Fields<'_>, key: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for pair in fields.objects(key, PAIRS_MAX)? {
        let (name, value) = (pair.text("Name", TEXT_MAX)?, pair.text("Value", NOTE_MAX)?);
        if !name.is_empty() && !pairs.iter().any(|(known, _)| *known == name) {
            pairs.push((name, value));
        }
    }
    Ok(pairs)
}

fn notes(fields: &Fields<'_>) -> Result<Vec<IncomingNote>, String> {
    let mut notes: Vec<IncomingNote> = Vec::new();
    for note in fields.objects("Notes", PAIRS_MAX)? {
        let text = note.text("Note", NOTE_MAX)?;
        if !text.is_empty() && !notes.iter().any(|known| known.text == text) {
            notes.push(IncomingNote {
                text,
                author: note.text("NoteUserName", TEXT_MAX)?,
                at: note.moment("NoteEntryDate"),
                internal: note.boolean("IsInternal")?,
            });
        }
    }
    Ok(notes)
}

/// Extended properties, tax numbers, and dates that were sent but not understood, so that nothing vanishes unseen.
fn properties(fields: &Fields<'_>, discount: Money) -> Result<Vec<(String, String)>, String> {
    let key = if fields.has("ExtendedProperties") { "ExtendedProperties" } else { "ExtendedProperty" };
    let mut pairs = pairs(fields, key)?;
    let mut add = |name: &str, value: String| {
        if !value.is_empty() && !pairs.iter().any(|(known, _)| known == name) {
            pairs.push((name.to_owned(), value));
        }
    };
    for key in ["MarketplaceTaxId", "MarketplaceIoss", "BuyerTaxNumber"] {
        add(key, fields.text(key, TEXT_MAX)?);
    }
    if discount.amount > 0 {
        add("DiscountType", fields.text("DiscountType", TEXT_MAX)?);
    }
    for key in ["ReceivedDate", "PaidOn", "DispatchBy"] {
        let text = fields.text(key, TEXT_MAX)?;
        if fields.moment(key).is_none() && !text.starts_with("0001-01-01") {
            add(&format!("{key} (not understood)"), text);
        }
    }
    Ok(pairs)
}
