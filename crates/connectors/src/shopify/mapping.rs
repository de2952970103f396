//! Shopify's orders as incoming orders. Pure.
//!
//! The reference is the number in Shopify's id, which every call takes; the name that buyers see (`#1001`) is the secondary
//! reference. Amounts are those in the shop's currency. Quantities are the present ones: what was removed or refunded from an
//! order is no line any more, except on a cancelled order. Lines are made tax-inclusive, and the sums come out as Shopify's
//! (`sums.rs`). Digital goods and tips are service lines: there is nothing to send.

use consign_ports::{ChannelPayment, ChannelPlace, Incoming, IncomingLine, IncomingNote, IncomingOrder, LineLocation};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Rate, Reference, Sku, Timestamp, clean};
use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{HoldRisk, Settings};
use crate::http::not_json;
use crate::loose::{Fields, scalar};
use crate::sums::{rate_of, settle_difference, split_line};

const LINES_MAX: usize = 2_000;
const LIST_MAX: usize = 250;
const TEXT_MAX: usize = 255;
/// Marks lines that Shopify has no line item for; they are never reported back.
pub(super) const NOT_A_LINE: char = ':';

/// One order of a page.
pub(crate) struct Row {
    /// The order as JSON, for its further lines.
    pub value: Value,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Row {
    /// When it changed last, for paging.
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.value["updatedAt"].as_str().and_then(Timestamp::parse)
    }

    /// Where further lines begin, if there are any.
    pub fn more_lines(&self) -> Option<&str> {
        let page = &self.value["lineItems"]["pageInfo"];
        page["endCursor"].as_str().filter(|_| page["hasNextPage"] == true)
    }

    /// Appends a further page of lines, which becomes part of the payload.
    pub fn append_lines(&mut self, mut page: Value) {
        let Some(list) = self.value.get_mut("lineItems").and_then(Value::as_object_mut) else { return };
        if let (Some(lines), Value::Array(more)) =
            (list.get_mut("nodes").and_then(Value::as_array_mut), taken(&mut page, "/nodes"))
        {
            lines.extend(more);
        }
        list.insert("pageInfo".to_owned(), taken(&mut page, "/pageInfo"));
        self.payload = self.value.to_string().into_bytes();
    }

    /// Appends the fulfilment orders, which become part of the payload.
    pub fn append_fulfilment_orders(&mut self, orders: Value) {
        if let Some(order) = self.value.as_object_mut() {
            order.insert(FULFILMENT_ORDERS.to_owned(), orders);
            self.payload = self.value.to_string().into_bytes();
        }
    }

    /// Maps the order.
    pub fn incoming(self, settings: &Settings) -> Incoming {
        let reference = clean(&number(&self.value["id"]), Reference::MAX);
        let order = if self.value.is_null() {
            Err("the order is not JSON that can be read".to_owned())
        } else {
            order(&self.value, settings).map(Box::new)
        };
        Incoming { reference, payload: self.payload, order }
    }
}

/// What is at this place of an answer, or null; setting by index would panic on what is no object.
pub(super) fn taken(value: &mut Value, pointer: &str) -> Value {
    value.pointer_mut(pointer).map(Value::take).unwrap_or_default()
}

/// The number in an id such as `gid://shopify/Order/1001`; the whole text where it is no such id.
pub(super) fn number(id: &Value) -> String {
    let text = scalar(id).unwrap_or_default();
    text.rsplit('/').next().unwrap_or(&text).to_owned()
}

/// Splits a page of `orders` (or of `nodes`, for ids). `Err` says why it is no page at all.
pub(crate) fn orders_page(text: &str) -> Result<Vec<Row>, String> {
    #[derive(serde::Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        data: Data<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        orders: Option<List<'a>>,
        #[serde(borrow)]
        nodes: Option<Vec<&'a RawValue>>,
    }
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        nodes: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has no list of orders".to_owned(),
        _ => not_json(&error),
    })?;
    let nodes = page.data.orders.map(|list| list.nodes).or(page.data.nodes);
    let nodes = nodes.ok_or_else(|| "the answer has no list of orders".to_owned())?;
    let row = |raw: &RawValue| Row {
        value: serde_json::from_str(raw.get()).unwrap_or_default(),
        payload: raw.get().as_bytes().to_vec(),
    };
    // Ids that Shopify doesn't know are null.
    Ok(nodes.into_iter().filter(|raw| raw.get() != "null").map(row).collect())
}

/// Where the page of orders ends, if it is not the last.
pub(super) fn end_cursor(text: &str) -> Option<String> {
    let page: Value = serde_json::from_str(text).ok()?;
    let info = &page["data"]["orders"]["pageInfo"];
    info["endCursor"].as_str().filter(|_| info["hasNextPage"] == true).map(str::to_owned)
}

/// Whether the settings want the order at all: orders of the till may be left out.
pub(super) fn is_wanted(value: &Value, settings: &Settings) -> bool {
    settings.download_pos || value["sourceName"] != "pos"
}

/// Where the fulfilment orders are put, which are read apart.
const FULFILMENT_ORDERS: &str = "fulfillmentOrders";

/// Whether anything of it may still be to be sent.
pub(super) fn is_to_send(value: &Value) -> bool {
    value["cancelledAt"].is_null() && !is_fulfilled(value["displayFulfillmentStatus"].as_str().unwrap_or(""))
}

/// From which of the shop's locations the units of lines are to come, as far as they are still to be sent.
fn locations(value: &Value) -> Vec<LineLocation> {
    let mut found: Vec<LineLocation> = Vec::new();
    let text = |value: &Value| clean(value.as_str().unwrap_or(""), TEXT_MAX);
    for order in value[FULFILMENT_ORDERS]["nodes"].as_array().into_iter().flatten() {
        let assigned = &order["assignedLocation"];
        let location = ChannelPlace { code: text(&assigned["location"]["id"]), name: text(&assigned["name"]) };
        if matches!(order["status"].as_str(), Some("CLOSED" | "CANCELLED")) || location.code.is_empty() {
            continue;
        }
        for line in order["lineItems"]["nodes"].as_array().into_iter().flatten() {
            let quantity = line["remainingQuantity"].as_i64().unwrap_or_default();
            let channel_line = number(&line["lineItem"]["id"]);
            if quantity > 0 && !channel_line.is_empty() {
                found.push(LineLocation { channel_line, location: location.clone(), quantity });
            }
        }
    }
    found
}

/// Whether the order is as a whole shipped, or has nothing to ship.
fn is_fulfilled(status: &str) -> bool {
    matches!(status, "FULFILLED" | "FULFILLMENT_NOT_REQUIRED")
}

/// Whether it would be downloaded as a paid order that is still to be sent.
pub(super) fn is_open(value: &Value, settings: &Settings) -> bool {
    let status = value["displayFulfillmentStatus"].as_str().unwrap_or("");
    let sends = value["requiresShipping"] != false;
    sends && is_wanted(value, settings) && !is_fulfilled(status) && payment(value, settings) == ChannelPayment::Paid
}

/// Why the order is held back: Shopify's advice on fraud, as far as the settings go by it and nobody has let it through.
fn risk(value: &Value, settings: &Settings) -> Option<&'static str> {
    let tags = value["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let released = tags.into_iter().any(|tag| tag.trim().eq_ignore_ascii_case(&settings.release_tag));
    if released || settings.hold_risk == HoldRisk::Never {
        return None;
    }
    let risk = &value["risk"];
    let has = |level: &str| risk["assessments"].as_array().into_iter().flatten().any(|one| one["riskLevel"] == level);
    match risk["recommendation"].as_str().unwrap_or("") {
        "CANCEL" => Some("Shopify recommends to cancel the order"),
        _ if has("HIGH") => Some("high risk of fraud"),
        "INVESTIGATE" if settings.hold_risk == HoldRisk::Medium => Some("Shopify recommends to investigate the order"),
        _ if has("MEDIUM") && settings.hold_risk == HoldRisk::Medium => Some("medium risk of fraud"),
        _ if has("PENDING") => Some("the risk of fraud is still being assessed"),
        _ => None,
    }
}

/// Paid, refunded in part, authorised where the settings say that this is enough, or by a method that the seller trusts. What
/// is held back for its risk counts as unpaid.
pub(super) fn payment(value: &Value, settings: &Settings) -> ChannelPayment {
    if !value["cancelledAt"].is_null() {
        return ChannelPayment::Cancelled;
    }
    let status = value["displayFinancialStatus"].as_str().unwrap_or("");
    let methods = value["paymentGatewayNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let trusted = |method: &str| settings.trusted_methods.iter().any(|known| known.eq_ignore_ascii_case(method.trim()));
    let paid = match status {
        "PAID" | "PARTIALLY_REFUNDED" => true,
        "AUTHORIZED" => settings.authorised_is_paid,
        "PENDING" => methods.into_iter().any(trusted),
        "REFUNDED" => return ChannelPayment::Cancelled,
        _ => false,
    };
    if paid && risk(value, settings).is_none() { ChannelPayment::Paid } else { ChannelPayment::Unpaid }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value, settings: &Settings) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&number(&value["id"])).map_err(|error| fields.wrong("id", error))?;
    let currency = Currency::parse(&fields.raw_text("currencyCode")?)
        .ok_or_else(|| fields.wrong("currencyCode", "must be an ISO 4217 code"))?;
    let payment = payment(value, settings);
    let cancelled = payment == ChannelPayment::Cancelled;
    let taxed = fields.boolean("taxesIncluded")?;
    let mut lines = lines(&fields, currency, taxed, cancelled)?;
    if lines.is_empty() && !cancelled {
        return Err(fields.wrong("lineItems", "must not be empty"));
    }
    let shipping = shipping(&fields, taxed)?;
    let postage =
        Money::from_decimal(shipping.gross, currency).map_err(|error| fields.wrong("shippingLines", error))?;
    let mut discount = Money::zero(currency);
    if let (false, Some(total)) = (cancelled, shop_amount(&fields, "currentTotalPriceSet")?) {
        let total =
            Money::from_decimal(total, currency).map_err(|error| fields.wrong("currentTotalPriceSet", error))?;
        discount = settle_difference(&mut lines, postage, total, "difference:")
            .map_err(|error| fields.wrong("currentTotalPriceSet", error))?;
    }
    let (delivery, billing, buyer) = people(&fields)?;
    let (paid_at, external_reference) = transaction(&fields)?;
    let all_shipped =
        lines.iter().filter(|line| !line.is_service).all(|line| line.shipped_quantity == line.quantity.units());
    let status = fields.raw_text("displayFulfillmentStatus")?;
    let name = fields.text("name", TEXT_MAX)?;
    Ok(IncomingOrder {
        secondary_reference: if name == reference.as_str() { String::new() } else { name },
        reference,
        external_reference,
        status: String::new(),
        payment,
        shipped: !cancelled && (is_fulfilled(&status) || all_shipped),
        site: String::new(),
        notes: notes(&fields, value, settings, &buyer)?,
        buyer,
        delivery,
        billing,
        currency,
        postage,
        postage_tax_rate: shipping.rate,
        discount,
        shipping_tag: shipping.tag,
        payment_tag: value["paymentGatewayNames"][0].as_str().map(|name| clean(name, TEXT_MAX)).unwrap_or_default(),
        received_at: fields.moment("processedAt").or_else(|| fields.moment("createdAt")),
        paid_at: if payment == ChannelPayment::Paid { paid_at } else { None },
        despatch_by: None,
        lines,
        properties: properties(value),
        identifiers: Vec::new(),
        locations: locations(value),
    })
}

/// The amount of a money bag in the shop's currency; `None` where it is missing.
fn shop_amount(fields: &Fields<'_>, key: &str) -> Result<Option<Decimal>, String> {
    match fields.object(key)?.map(|bag| bag.object("shopMoney")).transpose()?.flatten() {
        Some(money) => money.decimal("amount"),
        None => Ok(None),
    }
}

fn nodes<'a>(fields: &Fields<'a>, key: &str, most: usize) -> Result<Vec<Fields<'a>>, String> {
    fields.object(key)?.map_or(Ok(Vec::new()), |list| list.objects("nodes", most))
}

/// Tax of a line, and the percentages that Shopify names for it, added up.
fn tax(fields: &Fields<'_>) -> Result<(Decimal, Decimal), String> {
    let (mut amount, mut percent) = (Decimal::ZERO, Decimal::ZERO);
    for line in fields.objects("taxLines", LIST_MAX)? {
        let tax = shop_amount(&line, "priceSet")?.unwrap_or_default();
        amount = amount.checked_add(tax).ok_or_else(|| line.wrong("priceSet", "is too large an amount"))?;
        if !tax.is_zero() {
            percent = percent.checked_add(line.decimal("ratePercentage")?.unwrap_or_default()).unwrap_or(percent);
        }
    }
    Ok((amount, percent))
}

fn lines(fields: &Fields<'_>, currency: Currency, taxed: bool, cancelled: bool) -> Result<Vec<IncomingLine>, String> {
    let mut lines: Vec<IncomingLine> = Vec::new();
    for line in nodes(fields, "lineItems", LINES_MAX)? {
        let key = if cancelled { "quantity" } else { "currentQuantity" };
        let units = line.integer(key)?.unwrap_or_default();
        if units == 0 {
            continue;
        }
        let quantity = Quantity::new(units).ok_or_else(|| line.wrong(key, "must be from 1 to 1,000,000"))?;
        let is_service = !line.boolean("requiresShipping")?;
        let id = line.raw_text("id")?;
        let id = id.rsplit('/').next().map(|number| clean(number, 64)).unwrap_or_default();
        if id.is_empty() || lines.iter().any(|known| known.channel_line == id) {
            return Err(line.wrong("id", "must be there and unique in the order"));
        }
        let mut title = line.text("title", TEXT_MAX)?;
        let variant = line.text("variantTitle", TEXT_MAX)?;
        if !variant.is_empty() && variant != "Default Title" {
            title = clean(&format!("{title} - {variant}"), TEXT_MAX);
        }
        let channel_sku = if is_service { String::new() } else { line_sku(&line, &title)? };
        let sums = line_sums(&line, units, taxed)?;
        let (unit_price, discount) = split_line(sums.before, sums.after, units, currency)
            .map_err(|error| line.wrong("originalUnitPriceSet", error))?;
        let unfulfilled = line.integer("unfulfilledQuantity")?.unwrap_or(units);
        lines.push(IncomingLine {
            channel_line: id,
            title: if title.is_empty() { channel_sku.clone() } else { title },
            channel_sku,
            quantity,
            shipped_quantity: if cancelled || is_service {
                0
            } else {
                units.saturating_sub(unfulfilled).clamp(0, units)
            },
            unit_price,
            discount,
            tax_rate: sums.rate,
            tax_inclusive: true,
            is_service,
            options: attributes(&line)?,
        });
    }
    Ok(lines)
}

/// A line's SKU; one without goes by its variant, and what the seller typed into the order by its title.
fn line_sku(line: &Fields<'_>, title: &str) -> Result<String, String> {
    let sku = line.raw_text("sku")?;
    if !sku.trim().is_empty() {
        return Sku::parse(&sku).map(Sku::into_string).map_err(|error| line.wrong("sku", error));
    }
    let by = match line.object("variant")? {
        Some(variant) => sku_by_id(variant.raw_text("id")?.rsplit('/').next().unwrap_or("")),
        None => clean(&format!("custom:{title}"), Sku::MAX),
    };
    Sku::parse(&by).map(Sku::into_string).map_err(|error| line.wrong("sku", error))
}

/// The SKU of a variant that has none.
pub(super) fn sku_by_id(id: &str) -> String {
    format!("id:{id}")
}

struct LineSums {
    before: Decimal,
    after: Decimal,
    rate: Rate,
}

/// What the line's present units cost with tax, before and after discounts. Discounts and taxes are told for the line as it
/// was sold, so a reduced line bears its part of them.
fn line_sums(line: &Fields<'_>, units: i64, taxed: bool) -> Result<LineSums, String> {
    let too_large = || line.wrong("originalUnitPriceSet", "is too large an amount");
    let sold = line.integer("quantity")?.unwrap_or(units).max(units);
    let part = |amount: Decimal| {
        let product = amount.checked_mul(Decimal::from(units))?;
        product.checked_div(Decimal::from(sold))
    };
    let each = shop_amount(line, "originalUnitPriceSet")?.unwrap_or_default();
    if each < Decimal::ZERO {
        return Err(line.wrong("originalUnitPriceSet", "must not be negative"));
    }
    let mut off = Decimal::ZERO;
    for allocation in line.objects("discountAllocations", LIST_MAX)? {
        let amount = shop_amount(&allocation, "allocatedAmountSet")?.unwrap_or_default();
        off = off.checked_add(amount).ok_or_else(too_large)?;
    }
    let (tax, percent) = tax(line)?;
    let (off, tax) = (part(off).ok_or_else(too_large)?, part(tax).ok_or_else(too_large)?);
    let listed = each.checked_mul(Decimal::from(units)).ok_or_else(too_large)?;
    let charged = listed.checked_sub(off).ok_or_else(too_large)?.max(Decimal::ZERO);
    let (net, after) =
        if taxed { (charged.checked_sub(tax), Some(charged)) } else { (Some(charged), charged.checked_add(tax)) };
    let (net, after) = (net.ok_or_else(too_large)?, after.ok_or_else(too_large)?);
    Ok(LineSums { before: after.checked_add(off).ok_or_else(too_large)?, after, rate: rate_of(net, tax, percent) })
}

struct Shipping {
    gross: Decimal,
    rate: Rate,
    tag: String,
}

fn shipping(fields: &Fields<'_>, taxed: bool) -> Result<Shipping, String> {
    let mut shipping = Shipping { gross: Decimal::ZERO, rate: Rate::default(), tag: String::new() };
    for line in nodes(fields, "shippingLines", LIST_MAX)? {
        let too_large = || line.wrong("currentDiscountedPriceSet", "is too large an amount");
        let price = shop_amount(&line, "currentDiscountedPriceSet")?.unwrap_or_default();
        let (tax, percent) = tax(&line)?;
        let (net, gross) =
            if taxed { (price.checked_sub(tax), Some(price)) } else { (Some(price), price.checked_add(tax)) };
        let (net, gross) = (net.ok_or_else(too_large)?, gross.ok_or_else(too_large)?);
        shipping.gross = shipping.gross.checked_add(gross).ok_or_else(too_large)?;
        if shipping.tag.is_empty() {
            let title = line.text("title", TEXT_MAX)?;
            shipping.tag = if title.is_empty() { line.text("code", TEXT_MAX)? } else { title };
            shipping.rate = rate_of(net, tax, percent);
        }
    }
    Ok(shipping)
}

/// When the money came, and the payment's number.
fn transaction(fields: &Fields<'_>) -> Result<(Option<Timestamp>, String), String> {
    let mut found = (None, String::new());
    for transaction in fields.objects("transactions", LIST_MAX)? {
        let kind = transaction.raw_text("kind")?;
        if transaction.raw_text("status")? == "SUCCESS" && matches!(kind.as_str(), "SALE" | "CAPTURE") {
            found = (transaction.moment("processedAt"), transaction.text("paymentId", TEXT_MAX)?);
        }
    }
    Ok(found)
}

fn attributes(fields: &Fields<'_>) -> Result<Vec<(String, String)>, String> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for entry in fields.objects("customAttributes", LIST_MAX)? {
        let (name, value) = (entry.text("key", TEXT_MAX)?, entry.text("value", TEXT_MAX)?);
        // Names that begin with an underscore are hidden from the buyer, and belong to apps.
        let known = attributes.iter().any(|(known, _)| *known == name);
        if !name.is_empty() && !value.is_empty() && !name.starts_with('_') && !known {
            attributes.push((name, value));
        }
    }
    Ok(attributes)
}

fn notes(fields: &Fields<'_>, value: &Value, settings: &Settings, buyer: &str) -> Result<Vec<IncomingNote>, String> {
    let at = fields.moment("createdAt");
    let mut notes = Vec::new();
    let text = fields.text("note", 4_000)?;
    if !text.is_empty() {
        notes.push(IncomingNote { text, author: buyer.to_owned(), at, internal: false });
    }
    if let Some(why) = risk(value, settings) {
        let text = format!("Held back: {why}. To let it through, add the tag {:?} in Shopify.", settings.release_tag);
        notes.push(IncomingNote { text, author: "Shopify".to_owned(), at, internal: true });
    }
    Ok(notes)
}

/// Delivery and billing address and the buyer's name. Where one address came, it is both.
fn people(fields: &Fields<'_>) -> Result<(Address, Address, String), String> {
    let (mut email, mut phone) = (fields.text("email", TEXT_MAX)?, fields.text("phone", TEXT_MAX)?);
    let mut buyer = String::new();
    if let Some(customer) = fields.object("customer")? {
        buyer = customer.text("displayName", TEXT_MAX)?;
        let contact = |own: &str, key: &str, part: &str| match customer.object(key)? {
            Some(contact) if own.is_empty() => contact.text(part, TEXT_MAX),
            _ => Ok(own.to_owned()),
        };
        email = contact(&email, "defaultEmailAddress", "emailAddress")?;
        phone = contact(&phone, "defaultPhoneNumber", "phoneNumber")?;
    }
    let read = |key: &str| fields.object(key)?.map_or(Ok(Address::default()), |address| self::address(&address));
    let (mut delivery, mut billing) = (read("shippingAddress")?, read("billingAddress")?);
    match (delivery.is_empty(), billing.is_empty()) {
        (true, false) => delivery = billing.clone(),
        (false, true) => billing = delivery.clone(),
        _ => {}
    }
    if buyer.is_empty() {
        buyer.clone_from(&billing.full_name);
    }
    for address in [&mut delivery, &mut billing] {
        address.email.clone_from(&email);
        if address.full_name.is_empty() {
            address.full_name.clone_from(&buyer);
        }
        if address.phone.is_empty() {
            address.phone.clone_from(&phone);
        }
    }
    Ok((delivery, billing, buyer))
}

fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = |key: &str| fields.raw_text(key);
    let country = text("country")?;
    Ok(Address {
        full_name: text("name")?,
        company: text("company")?,
        line1: text("address1")?,
        line2: text("address2")?,
        line3: String::new(),
        town: text("city")?,
        region: text("province")?,
        postcode: text("zip")?,
        country_code: CountryCode::resolve(&text("countryCodeV2")?, &country).unwrap_or_default(),
        country,
        phone: text("phone")?,
        email: String::new(),
    }
    .cleaned())
}

/// The order's own attributes, coupons, tags and purchase order number.
fn properties(value: &Value) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, text: String| {
        let known = properties.iter().any(|(known, _)| *known == name);
        if !name.is_empty() && !text.is_empty() && !known && properties.len() < LIST_MAX {
            properties.push((name, text));
        }
    };
    let text = |value: &Value| clean(&scalar(value).unwrap_or_default(), TEXT_MAX);
    for entry in value["customAttributes"].as_array().into_iter().flatten() {
        add(text(&entry["key"]), text(&entry["value"]));
    }
    for (name, key) in [("Coupon", "discountCodes"), ("Tags", "tags")] {
        let list: Vec<String> = value[key].as_array().into_iter().flatten().map(text).collect();
        add(name.to_owned(), clean(&list.join(", "), TEXT_MAX));
    }
    add("Purchase order".to_owned(), text(&value["poNumber"]));
    if let Some(status @ ("ON_HOLD" | "SCHEDULED")) = value["displayFulfillmentStatus"].as_str() {
        add("Fulfilment in Shopify".to_owned(), status.to_lowercase().replace('_', " "));
    }
    properties
}
