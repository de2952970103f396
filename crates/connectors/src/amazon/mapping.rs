//! Amazon's orders (Orders 2026-01-01) as incoming orders. Pure; tested on the published sandbox answers.
//!
//! Items, buyer, recipient, proceeds and tax come with the order, so nothing else has to be fetched. What a line costs is in
//! `proceeds.rs`. A pending order comes without address and mostly without prices: it is unpaid, its buyer is `UNKNOWN`
//! (reference 1.3), and all of it is replaced once Amazon turns it. Amazon suppresses what the application's roles don't allow;
//! a missing field is therefore never an error, a field of the wrong shape is.

use consign_ports::{ChannelPayment, Incoming, IncomingLine, IncomingNote, IncomingOrder};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Reference, Sku, clean};
use serde_json::Value;
use serde_json::value::RawValue;

use super::marketplaces::by_id;
use super::proceeds::{self, ItemSums, Postage};
use crate::http::not_json;
use crate::loose::Fields;

pub(super) const LINES_MAX: usize = 2_000;
pub(super) const TEXT_MAX: usize = 255;
/// Marks lines that Amazon has no order item for; they are never reported back.
pub(super) const NOT_A_LINE: char = ':';
/// Stands for buyer and address until Amazon reveals them.
const UNKNOWN: &str = "UNKNOWN";

/// Whose orders an instance takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fulfilment {
    /// Those that the seller ships.
    Merchant,
    /// Those that Amazon ships from its own warehouses.
    Amazon,
}

impl Fulfilment {
    /// From the setting; anything but `AMAZON` is the seller.
    pub fn parse(code: &str) -> Self {
        if code == "AMAZON" { Fulfilment::Amazon } else { Fulfilment::Merchant }
    }

    /// Amazon's code.
    pub fn code(self) -> &'static str {
        match self {
            Fulfilment::Merchant => "MERCHANT",
            Fulfilment::Amazon => "AMAZON",
        }
    }
}

/// A page of orders and what asks for the next one.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its orders.
    pub orders: Vec<Incoming>,
    /// Amazon's token.
    pub next: Option<String>,
}

/// Splits a page and maps its orders. `Err` says why it is no page at all. Orders that the other party fulfils are left out.
pub(crate) fn orders_page(text: &str, fulfilment: Fulfilment) -> Result<Page, String> {
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        orders: Vec<&'a RawValue>,
        #[serde(default)]
        pagination: Option<Pagination>,
    }
    #[derive(serde::Deserialize)]
    struct Pagination {
        #[serde(default, rename = "nextToken")]
        next: Option<String>,
    }
    let list: List<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has no list of orders".to_owned(),
        _ => not_json(&error),
    })?;
    let orders = list.orders.into_iter().filter_map(|raw| row(raw.get(), fulfilment)).collect();
    let next = list.pagination.and_then(|pagination| pagination.next).filter(|token| !token.is_empty());
    Ok(Page { orders, next })
}

/// The order of a `getOrder` answer; `None` if the other party fulfils it.
pub(crate) fn one_order(text: &str, fulfilment: Fulfilment) -> Result<Option<Incoming>, String> {
    #[derive(serde::Deserialize)]
    struct One<'a> {
        #[serde(borrow)]
        order: &'a RawValue,
    }
    let one: One<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has no order".to_owned(),
        _ => not_json(&error),
    })?;
    Ok(row(one.order.get(), fulfilment))
}

fn row(raw: &str, fulfilment: Fulfilment) -> Option<Incoming> {
    let payload = raw.as_bytes().to_vec();
    let value: Value = match serde_json::from_str(raw) {
        Ok(value) => value,
        Err(error) => {
            let order = Err(format!("the order is not JSON that can be read (column {})", error.column()));
            return Some(Incoming { reference: String::new(), payload, order });
        }
    };
    let by = value["fulfillment"]["fulfilledBy"].as_str().map(Fulfilment::parse);
    if by.is_some_and(|by| by != fulfilment) {
        return None;
    }
    let reference = clean(value["orderId"].as_str().unwrap_or(""), Reference::MAX);
    Some(Incoming { reference, payload, order: order(&value).map(Box::new) })
}

/// What a fulfilment status means.
struct Status {
    payment: ChannelPayment,
    shipped: bool,
    pending: bool,
}

impl Status {
    fn parse(code: &str) -> Option<Self> {
        let (payment, shipped, pending) = match code {
            "PENDING" | "PENDING_AVAILABILITY" => (ChannelPayment::Unpaid, false, true),
            "UNSHIPPED" | "PARTIALLY_SHIPPED" => (ChannelPayment::Paid, false, false),
            "SHIPPED" => (ChannelPayment::Paid, true, false),
            "CANCELLED" | "UNFULFILLABLE" => (ChannelPayment::Cancelled, false, false),
            _ => return None,
        };
        Some(Status { payment, shipped, pending })
    }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&fields.raw_text("orderId")?).map_err(|error| fields.wrong("orderId", error))?;
    let fulfilment = fields.object("fulfillment")?.ok_or_else(|| fields.wrong("fulfillment", "is missing"))?;
    let status = Status::parse(&fulfilment.raw_text("fulfillmentStatus")?)
        .ok_or_else(|| fulfilment.wrong("fulfillmentStatus", "is none that is known"))?;
    let cancelled = status.payment == ChannelPayment::Cancelled;
    let place = Place::read(&fields)?;
    let items = fields.objects("orderItems", LINES_MAX)?;
    let currency = currency(&fields, &items, &place)?;
    let mut postage = Postage::new(currency);
    let mut lines = goods(&items, currency, &place, cancelled, &mut postage)?;
    if lines.iter().all(|line| line.is_service) && !cancelled {
        return Err(fields.wrong("orderItems", "must not be empty"));
    }
    let (shipping, postage_tax_rate, spare) = postage.settle();
    let mut discount = spare;
    if !cancelled {
        lines.extend(proceeds::tips(&fields, currency)?);
        discount = proceeds::settle(&fields, &mut lines, shipping, spare)?;
    }
    let people = People::read(&fields, status.pending)?;
    let ship_by = fulfilment.object("shipByWindow")?;
    Ok(IncomingOrder {
        secondary_reference: alias(&fields, reference.as_str())?,
        reference,
        external_reference: String::new(),
        status: String::new(),
        payment: status.payment,
        shipped: status.shipped,
        site: place.site,
        buyer: people.buyer,
        delivery: people.delivery,
        billing: people.billing,
        currency,
        postage: shipping,
        postage_tax_rate,
        discount,
        shipping_tag: fulfilment.text("fulfillmentServiceLevel", TEXT_MAX)?,
        payment_tag: payment_tag(&fields)?,
        received_at: fields.moment("createdTime"),
        paid_at: None,
        despatch_by: ship_by.and_then(|window| window.moment("latestDateTime")),
        notes: notes(&fields, &items)?,
        properties: properties(&fields, &items)?,
        identifiers: identifiers(&fields, &items)?,
        locations: Vec::new(),
        lines,
    })
}

/// Where an order was placed.
pub(super) struct Place {
    site: String,
    currency: Option<Currency>,
    /// Whether tax comes on top of the prices where the sums don't tell.
    pub tax_on_top: bool,
}

impl Place {
    fn read(fields: &Fields<'_>) -> Result<Self, String> {
        let Some(channel) = fields.object("salesChannel")? else {
            return Ok(Place { site: String::new(), currency: None, tax_on_top: false });
        };
        let market = by_id(&channel.raw_text("marketplaceId")?);
        let name = channel.text("marketplaceName", 64)?;
        Ok(Place {
            site: if name.is_empty() { market.map_or("", |market| market.country).to_owned() } else { name },
            currency: market.and_then(|market| Currency::parse(market.currency)),
            tax_on_top: market.is_some_and(|market| matches!(market.country, "US" | "CA")),
        })
    }
}

/// The currency of the total, or of a price, or of the marketplace: pending orders have neither total nor prices.
fn currency(fields: &Fields<'_>, items: &[Fields<'_>], place: &Place) -> Result<Currency, String> {
    let mut codes = Vec::new();
    if let Some(total) = fields.object("proceeds")?.map_or(Ok(None), |proceeds| proceeds.object("grandTotal"))? {
        codes.push(total.raw_text("currencyCode")?);
    }
    for item in items {
        let price = item.object("product")?.map_or(Ok(None), |product| product.object("price"))?;
        if let Some(unit) = price.map_or(Ok(None), |price| price.object("unitPrice"))? {
            codes.push(unit.raw_text("currencyCode")?);
        }
    }
    match codes.iter().find(|code| !code.trim().is_empty()) {
        Some(code) => Currency::parse(code)
            .ok_or_else(|| fields.wrong("proceeds.grandTotal.currencyCode", "must be an ISO 4217 code")),
        None => place.currency.ok_or_else(|| fields.wrong("proceeds.grandTotal.currencyCode", "is missing")),
    }
}

fn goods(
    items: &[Fields<'_>],
    currency: Currency,
    place: &Place,
    cancelled: bool,
    postage: &mut Postage,
) -> Result<Vec<IncomingLine>, String> {
    let mut lines: Vec<IncomingLine> = Vec::new();
    for item in items {
        let units = units(item, cancelled)?;
        if units == 0 {
            continue;
        }
        let quantity =
            Quantity::new(units).ok_or_else(|| item.wrong("quantityOrdered", "must be from 1 to 1,000,000"))?;
        let id = item.text("orderItemId", 64)?;
        if id.is_empty() || lines.iter().any(|known| known.channel_line == id) {
            return Err(item.wrong("orderItemId", "must be there and unique in the order"));
        }
        let product = item.object("product")?.ok_or_else(|| item.wrong("product", "is missing"))?;
        let key = if product.raw_text("sellerSku")?.trim().is_empty() { "asin" } else { "sellerSku" };
        let sku = Sku::parse(&product.raw_text(key)?).map_err(|error| product.wrong("sellerSku", error))?;
        let title = product.text("title", TEXT_MAX)?;
        let sums = ItemSums::read(item, &product, currency, units, place.tax_on_top)?;
        let (unit_price, discount) = sums.line(units).map_err(|error| item.wrong("proceeds", error))?;
        postage.add(&sums);
        let shipped = item.object("fulfillment")?.map_or(Ok(None), |f| f.integer("quantityFulfilled"))?;
        lines.push(IncomingLine {
            title: if title.is_empty() { sku.as_str().to_owned() } else { title },
            channel_sku: sku.into_string(),
            quantity,
            shipped_quantity: shipped.unwrap_or_default().clamp(0, units),
            unit_price,
            discount,
            tax_rate: sums.tax_rate(),
            tax_inclusive: true,
            is_service: false,
            options: options(item, &product)?,
            channel_line: id.clone(),
        });
        lines.extend(sums.charges(&id));
    }
    // Charges stand after all goods.
    lines.sort_by_key(|line| line.is_service);
    Ok(lines)
}

/// How many units are wanted: those ordered, less what was cancelled out of a standing order.
fn units(item: &Fields<'_>, cancelled: bool) -> Result<i64, String> {
    let ordered = item.integer("quantityOrdered")?.unwrap_or_default();
    if ordered < 0 {
        return Err(item.wrong("quantityOrdered", "must not be negative"));
    }
    let executed = match item.object("cancellation")? {
        Some(cancellation) => cancellation.object("cancellationExecution")?.is_some(),
        None => false,
    };
    let Some(fulfilment) = item.object("fulfillment")? else { return Ok(ordered) };
    let done = fulfilment.integer("quantityFulfilled")?;
    let open = fulfilment.integer("quantityUnfulfilled")?;
    match (executed && !cancelled, done, open) {
        (true, Some(done), Some(open)) => Ok(done.max(0).saturating_add(open.max(0)).min(ordered)),
        _ => Ok(ordered),
    }
}

/// The buyer's choices for one line.
fn options(item: &Fields<'_>, product: &Fields<'_>) -> Result<Vec<(String, String)>, String> {
    let mut options = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() {
            options.push((name.to_owned(), text));
        }
    };
    add("ASIN", product.text("asin", 32)?);
    if let Some(customisation) = product.object("customization")? {
        add("Customisation", customisation.text("customizedUrl", 1_000)?);
    }
    let price = product.object("price")?;
    if price.is_some_and(|price| price.raw_text("priceDesignation").is_ok_and(|text| text == "BUSINESS_PRICE")) {
        add("Price", "Amazon Business".to_owned());
    }
    let Some(fulfilment) = item.object("fulfillment")? else { return Ok(options) };
    if let Some(packing) = fulfilment.object("packing")? {
        if let Some(gift) = packing.object("giftOption")? {
            add("Gift wrap", gift.text("giftWrapLevel", TEXT_MAX)?);
            add("Gift message", gift.text("giftMessage", 1_000)?);
        }
        if let Some(serial) = packing.object("serialNumberRequirement")? {
            add("Serial number", serial.text("requirementType", 32)?);
        }
    }
    Ok(options)
}

/// The seller's own number of the order, if it has one.
fn alias(fields: &Fields<'_>, reference: &str) -> Result<String, String> {
    for alias in fields.objects("orderAliases", LINES_MAX)? {
        if alias.raw_text("aliasType")? == "SELLER_ORDER_ID" {
            let id = alias.text("aliasId", TEXT_MAX)?;
            if id != reference {
                return Ok(id);
            }
        }
    }
    Ok(String::new())
}

/// How it was paid, where Amazon says; else that it was through Amazon.
fn payment_tag(fields: &Fields<'_>) -> Result<String, String> {
    let executions = match fields.object("payment")? {
        Some(payment) => payment.objects("paymentExecutions", LINES_MAX)?,
        None => Vec::new(),
    };
    let method = executions.first().map_or(Ok(String::new()), |first| first.text("paymentMethod", TEXT_MAX))?;
    Ok(if method.is_empty() { "Amazon".to_owned() } else { method })
}

struct People {
    buyer: String,
    delivery: Address,
    billing: Address,
}

impl People {
    fn read(fields: &Fields<'_>, pending: bool) -> Result<Self, String> {
        let (mut buyer, mut company, mut email) = (String::new(), String::new(), String::new());
        if let Some(found) = fields.object("buyer")? {
            buyer = found.text("buyerName", TEXT_MAX)?;
            company = found.text("buyerCompanyName", TEXT_MAX)?;
            email = found.text("buyerEmail", TEXT_MAX)?;
        }
        let recipient = match fields.object("recipient")? {
            Some(recipient) => recipient.object("deliveryAddress")?,
            None => None,
        };
        let mut delivery = recipient.map_or(Ok(Address::default()), |found| address(&found))?;
        let mut billing = invoice_address(fields)?.unwrap_or_else(|| delivery.clone());
        if billing.company.is_empty() {
            billing.company = company;
        }
        if pending {
            for field in [&mut buyer, &mut delivery.full_name, &mut delivery.line1] {
                if field.is_empty() {
                    UNKNOWN.clone_into(field);
                }
            }
            billing = delivery.clone();
        }
        delivery.email.clone_from(&email);
        billing.email = email;
        if buyer.is_empty() {
            buyer.clone_from(&delivery.full_name);
        }
        Ok(People { buyer, delivery, billing })
    }
}

fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = |key: &str| fields.raw_text(key);
    let first = |keys: [&str; 2]| -> Result<String, String> {
        let found = text(keys[0])?;
        if found.trim().is_empty() { text(keys[1]) } else { Ok(found) }
    };
    let country = text("countryCode")?;
    let code = CountryCode::resolve(&country, &country).unwrap_or_default();
    Ok(Address {
        full_name: text("name")?,
        company: text("companyName")?,
        line1: text("addressLine1")?,
        line2: text("addressLine2")?,
        line3: text("addressLine3")?,
        town: first(["city", "municipality"])?,
        region: first(["stateOrRegion", "districtOrCounty"])?,
        postcode: text("postalCode")?,
        country: if code.name().is_empty() { country } else { code.name().to_owned() },
        country_code: code,
        phone: text("phone")?,
        email: String::new(),
    }
    .cleaned())
}

/// The address of the buyer's tax registration, which is where the invoice goes.
fn invoice_address(fields: &Fields<'_>) -> Result<Option<Address>, String> {
    for registration in registrations(fields)? {
        if registration.raw_text("entityType")? != "BUYER" {
            continue;
        }
        if let Some(found) = registration.object("taxRegistrationAddress")? {
            let found = address(&found)?;
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
    }
    Ok(None)
}

fn registrations<'a>(fields: &Fields<'a>) -> Result<Vec<Fields<'a>>, String> {
    fields.object("tax")?.map_or(Ok(Vec::new()), |tax| tax.objects("taxRegistrations", LINES_MAX))
}

/// The buyer's wishes: where to leave it, and that they want the order cancelled.
fn notes(fields: &Fields<'_>, items: &[Fields<'_>]) -> Result<Vec<IncomingNote>, String> {
    let mut notes = Vec::new();
    let mut add = |text: String, author: &str| {
        notes.push(IncomingNote { text, author: author.to_owned(), at: None, internal: true });
    };
    let preference = match fields.object("recipient")? {
        Some(recipient) => recipient.object("deliveryPreference")?,
        None => None,
    };
    if let Some(preference) = preference {
        for (key, label) in [("dropOffLocation", "Leave at"), ("addressInstruction", "How to find the address")] {
            let text = preference.text(key, 1_000)?;
            if !text.is_empty() {
                add(format!("{label}: {text}"), "Buyer");
            }
        }
    }
    for item in items {
        let Some(cancellation) = item.object("cancellation")? else { continue };
        if let Some(request) = cancellation.object("cancellationRequest")? {
            let why = request.text("cancelReason", 500)?;
            let why = if why.is_empty() { "no reason given".to_owned() } else { why };
            add(format!("The buyer asks to cancel item {}: {why}", item.text("orderItemId", 64)?), "Amazon");
        }
    }
    Ok(notes)
}

/// Prime, Premium and scheduled delivery, wherever the order or a line says so.
fn identifiers(fields: &Fields<'_>, items: &[Fields<'_>]) -> Result<Vec<String>, String> {
    let mut programmes = fields.texts("programs")?;
    let mut scheduled = false;
    for item in items {
        programmes.extend(item.texts("programs")?);
        let shipping = item.object("fulfillment")?.map_or(Ok(None), |fulfilment| fulfilment.object("shipping"))?;
        if let Some(shipping) = shipping {
            scheduled |= shipping.object("scheduledDeliveryWindow")?.is_some();
        }
    }
    let has = |name: &str| programmes.iter().any(|programme| programme.eq_ignore_ascii_case(name));
    let known = [
        (has("PRIME"), "AMAZON_PRIME"),
        (has("PREMIUM"), "AMAZON_PREMIUM"),
        (scheduled || has("SCHEDULED_DELIVERY"), "SCHEDULED_DELIVERY"),
    ];
    Ok(known.into_iter().filter(|(on, _)| *on).map(|(_, tag)| tag.to_owned()).collect())
}

/// Programmes, business and tax fields, delivery constraints: each once, in this sequence.
fn properties(fields: &Fields<'_>, items: &[Fields<'_>]) -> Result<Vec<(String, String)>, String> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, text: String| {
        let property = (name.to_owned(), text);
        if !property.1.is_empty() && !properties.contains(&property) && properties.len() < 100 {
            properties.push(property);
        }
    };
    for programme in fields.texts("programs")? {
        add("Amazon programme", programme);
    }
    if let Some(buyer) = fields.object("buyer")? {
        add("Buyer's company", buyer.text("buyerCompanyName", TEXT_MAX)?);
        add("Purchase order", buyer.text("buyerPurchaseOrderNumber", TEXT_MAX)?);
    }
    for other in fields.objects("associatedOrders", LINES_MAX)? {
        add(&label(&other.text("associationType", 64)?), other.text("orderId", TEXT_MAX)?);
    }
    if let Some(fulfilment) = fields.object("fulfillment")? {
        if fulfilment.raw_text("fulfilledBy")? == "AMAZON" {
            add("Fulfilled by", "Amazon".to_owned());
        }
        if let Some(window) = fulfilment.object("deliverByWindow")? {
            add("Deliver from", window.text("earliestDateTime", 40)?);
            add("Deliver by", window.text("latestDateTime", 40)?);
        }
    }
    for registration in registrations(fields)? {
        if registration.raw_text("entityType")? == "BUYER" {
            let kind = registration.text("taxRegistrationType", 32)?;
            add(&format!("Buyer's tax number ({kind})"), registration.text("taxRegistrationNumber", TEXT_MAX)?);
            add("Buyer's legal name", registration.text("legalName", TEXT_MAX)?);
            for attribute in registration.objects("taxRegistrationAttributes", LINES_MAX)? {
                add(&label(&attribute.text("key", 64)?), attribute.text("value", TEXT_MAX)?);
            }
        }
    }
    if let Some(invoicing) = fields.object("tax")?.map_or(Ok(None), |tax| tax.object("taxInvoicing"))? {
        add("Invoice preference", invoicing.text("buyerInvoicePreference", 64)?);
        add("Invoice status", invoicing.text("invoiceStatus", 64)?);
    }
    for item in items {
        item_properties(item, &mut add)?;
    }
    Ok(properties)
}

fn item_properties(item: &Fields<'_>, add: &mut impl FnMut(&str, String)) -> Result<(), String> {
    for programme in item.texts("programs")? {
        add("Amazon programme", programme);
    }
    if let Some(tax) = item.object("tax")? {
        for breakdown in tax.objects("taxCalculationBreakdowns", LINES_MAX)? {
            add("Tax scheme", breakdown.text("reportingScheme", 64)?);
        }
        for collection in tax.objects("taxCollections", LINES_MAX)? {
            add("Tax collected by", collection.text("responsibleParty", TEXT_MAX)?);
        }
    }
    let shipping = item.object("fulfillment")?.map_or(Ok(None), |fulfilment| fulfilment.object("shipping"))?;
    let Some(shipping) = shipping else { return Ok(()) };
    if let Some(window) = shipping.object("scheduledDeliveryWindow")? {
        add("Scheduled delivery from", window.text("earliestDateTime", 40)?);
        add("Scheduled delivery until", window.text("latestDateTime", 40)?);
    }
    if let Some(abroad) = shipping.object("internationalShipping")? {
        add("IOSS number", abroad.text("iossNumber", 64)?);
    }
    if let Some(constraints) = shipping.object("shippingConstraints")? {
        for (key, label) in [
            ("palletDelivery", "pallet delivery"),
            ("cashOnDelivery", "cash on delivery"),
            ("signatureConfirmation", "signature"),
            ("recipientIdentityVerification", "check of identity"),
            ("recipientAgeVerification", "check of age"),
        ] {
            if !constraints.raw_text(key)?.is_empty() {
                add("Delivery needs", label.to_owned());
            }
        }
    }
    Ok(())
}

/// `TAX_OFFICE` as `Tax office`.
fn label(code: &str) -> String {
    let words = code.replace('_', " ").to_lowercase();
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// A line for a charge that is no article.
pub(super) fn charge(channel_line: String, title: &str, amount: Money) -> IncomingLine {
    IncomingLine {
        channel_line,
        channel_sku: String::new(),
        title: title.to_owned(),
        quantity: Quantity::new(1).expect("one is a quantity"),
        shipped_quantity: 0,
        unit_price: amount,
        discount: Money::zero(amount.currency),
        tax_rate: consign_values::Rate::default(),
        tax_inclusive: true,
        is_service: true,
        options: Vec::new(),
    }
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
