//! WooCommerce's orders as incoming orders. Pure; tested on payloads recorded against 11.0.1.
//!
//! The reference is the order's id, which every call takes; the number that buyers see, where a plug-in makes it another one,
//! is the secondary reference. Amounts come as net and tax apart: lines are made tax-inclusive, and the sums come out as the
//! shop's (`sums.rs`). A product without a SKU is listed and ordered under `id:` and its number, so that it can be linked.

use std::collections::HashMap;

use consign_ports::{ChannelPayment, Incoming, IncomingLine, IncomingNote, IncomingOrder};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Rate, Reference, Sku, Timestamp, clean};
use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::not_json;
use crate::loose::{Fields, scalar};
use crate::sums::{rate_of, service_line, settle_difference, split_line};

const LINES_MAX: usize = 2_000;
const META_MAX: usize = 5_000;
const OPTIONS_MAX: usize = 50;
const TEXT_MAX: usize = 255;
/// Marks lines that are no order line of goods; they are never reported back.
pub(super) const NOT_A_LINE: char = ':';
/// Order meta with the despatch notes that took effect: a list of `{key, lines: [{id, qty}]}`.
pub(super) const DESPATCHES: &str = "_consign_despatches";
/// Order meta of the fulfilments API: `partially_fulfilled`, `fulfilled`.
const FULFILMENT_STATUS: &str = "_fulfillment_status";

/// Shop settings that orders are read by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Payment methods that count as paid without a date of payment, such as cash on delivery.
    pub trusted_methods: Vec<String>,
    /// The shop's status for orders that are wholly shipped.
    pub shipped_status: String,
}

/// One order of a page.
pub(crate) struct Row {
    /// The order, mapped or refused.
    pub incoming: Incoming,
    /// When it changed last, for paging.
    pub modified_at: Option<Timestamp>,
    /// Whether the fulfilments API has some of its units as shipped.
    pub partly_fulfilled: bool,
}

/// Splits a page and maps its orders. `Err` says why it is no page at all.
pub(crate) fn orders_page(text: &str, reading: &Reading) -> Result<Vec<Row>, String> {
    let page: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer is no list of orders".to_owned(),
        _ => not_json(&error),
    })?;
    Ok(page.into_iter().map(|raw| row(raw.get(), reading)).collect())
}

fn row(raw: &str, reading: &Reading) -> Row {
    let payload = raw.as_bytes().to_vec();
    let value: Value = match serde_json::from_str(raw) {
        Ok(value) => value,
        Err(error) => {
            let order = Err(format!("the order is not JSON that can be read (column {})", error.column()));
            let incoming = Incoming { reference: String::new(), payload, order };
            return Row { incoming, modified_at: None, partly_fulfilled: false };
        }
    };
    let reference = clean(&scalar(&value["id"]).unwrap_or_default(), Reference::MAX);
    Row {
        modified_at: value["date_modified_gmt"].as_str().and_then(Timestamp::parse),
        partly_fulfilled: meta(&value, FULFILMENT_STATUS).is_some_and(|status| status == "partially_fulfilled"),
        incoming: Incoming { reference, payload, order: order(&value, reading).map(Box::new) },
    }
}

/// The value of an order's or fulfilment's meta entry.
pub(super) fn meta<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let entries = value["meta_data"].as_array()?;
    entries.iter().find(|entry| entry["key"] == key).map(|entry| &entry["value"])
}

/// Units by line id in a list such as `[{item_id, qty}]`, added to `units`.
pub(super) fn add_units(units: &mut HashMap<String, i64>, list: &Value, id_key: &str) {
    for entry in list.as_array().into_iter().flatten() {
        let count = scalar(&entry["qty"]).and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or_default();
        let sum = units.entry(scalar(&entry[id_key]).unwrap_or_default()).or_default();
        *sum = sum.saturating_add(count.max(0));
    }
}

/// Units of each line in the notes that an order's own meta tells of.
pub(super) fn noted_units(order: &Value) -> HashMap<String, i64> {
    let mut units = HashMap::new();
    for note in meta(order, DESPATCHES).and_then(Value::as_array).into_iter().flatten() {
        add_units(&mut units, &note["lines"], "id");
    }
    units
}

/// Units of each line in the fulfilments that stand.
pub(super) fn fulfilled_units(fulfilments: &[Value]) -> HashMap<String, i64> {
    let mut units = HashMap::new();
    for fulfilment in fulfilments.iter().filter(|fulfilment| stands(fulfilment)) {
        if let Some(items) = meta(fulfilment, "_items") {
            add_units(&mut units, items, "item_id");
        }
    }
    units
}

/// Whether a fulfilment counts: fulfilled, not a draft, not deleted.
pub(super) fn stands(fulfilment: &Value) -> bool {
    let fulfilled = matches!(scalar(&fulfilment["is_fulfilled"]).as_deref(), Some("1" | "True" | "true"));
    fulfilled && fulfilment["date_deleted"].is_null()
}

/// Raises the lines' shipped quantities to what the shop has as shipped.
pub(super) fn raise_shipped(order: &mut IncomingOrder, units: &HashMap<String, i64>) {
    for line in order.lines.iter_mut().filter(|line| !line.is_service) {
        let shipped = units.get(&line.channel_line).copied().unwrap_or_default();
        line.shipped_quantity = line.shipped_quantity.max(shipped.clamp(0, line.quantity.units()));
    }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value, reading: &Reading) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&fields.raw_text("id")?).map_err(|error| fields.wrong("id", error))?;
    let status = fields.text("status", TEXT_MAX)?;
    let cancelled = is_cancelled(&status);
    let currency = Currency::parse(&fields.raw_text("currency")?)
        .ok_or_else(|| fields.wrong("currency", "must be an ISO 4217 code"))?;
    let rates = tax_rates(&fields)?;
    let mut lines = goods(&fields, currency, &rates)?;
    if lines.is_empty() {
        return Err(fields.wrong("line_items", "must not be empty"));
    }
    fees(&fields, currency, &rates, &mut lines)?;
    let shipping_net = fields.decimal("shipping_total")?.unwrap_or_default();
    let shipping_tax = fields.decimal("shipping_tax")?.unwrap_or_default();
    let postage = sum_money(&fields, "shipping_total", shipping_net, shipping_tax, currency)?;
    let mut discount = Money::zero(currency);
    if fields.has("total") {
        discount = settle_difference(&mut lines, postage, fields.money("total", currency)?, "difference:")
            .map_err(|error| fields.wrong("total", error))?;
    }
    let shipping = fields.objects("shipping_lines", LINES_MAX)?.into_iter().next();
    let (postage_tax_rate, shipping_tag) = match &shipping {
        Some(line) => (rate_of(shipping_net, shipping_tax, named_percent(line, &rates)?), shipping_tag(line)?),
        None => (Rate::default(), String::new()),
    };
    let (delivery, billing, buyer) = people(&fields)?;
    let number = fields.text("number", TEXT_MAX)?;
    let payment = payment(&fields, &status, reading)?;
    let mut order = IncomingOrder {
        secondary_reference: if number == reference.as_str() { String::new() } else { number },
        reference,
        external_reference: fields.text("transaction_id", TEXT_MAX)?,
        payment,
        shipped: status == "completed" || (!status.is_empty() && status == reading.shipped_status),
        status,
        site: String::new(),
        notes: customer_note(&fields, &buyer)?,
        buyer,
        delivery,
        billing,
        currency,
        postage,
        postage_tax_rate,
        discount,
        shipping_tag,
        payment_tag: fields.text("payment_method", TEXT_MAX)?,
        received_at: fields.moment("date_created_gmt"),
        paid_at: if payment == ChannelPayment::Paid { fields.moment("date_paid_gmt") } else { None },
        despatch_by: None,
        lines,
        properties: properties(value),
        identifiers: Vec::new(),
        locations: Vec::new(),
    };
    raise_shipped(&mut order, &noted_units(value));
    let all =
        order.lines.iter().filter(|line| !line.is_service).all(|line| line.shipped_quantity == line.quantity.units());
    let fulfilled = meta(value, FULFILMENT_STATUS).is_some_and(|status| status == "fulfilled");
    order.shipped = !cancelled && (order.shipped || fulfilled || all);
    Ok(order)
}

/// Statuses in which nothing is to be sent any more.
pub(super) fn is_cancelled(status: &str) -> bool {
    matches!(status, "cancelled" | "refunded" | "trash")
}

/// Paid means that the shop has a date of payment, or nothing is to be paid, or the method is one that the seller trusts.
/// The status alone is not enough: it can be set by hand (reference 12.4).
fn payment(fields: &Fields<'_>, status: &str, reading: &Reading) -> Result<ChannelPayment, String> {
    if is_cancelled(status) {
        return Ok(ChannelPayment::Cancelled);
    }
    if status == "failed" {
        return Ok(ChannelPayment::Unpaid);
    }
    let method = fields.raw_text("payment_method")?;
    let free = fields.decimal("total")?.is_some_and(|total| total.is_zero());
    let trusted = reading.trusted_methods.iter().any(|trusted| trusted.eq_ignore_ascii_case(method.trim()));
    let dated = fields.moment("date_paid_gmt").is_some();
    Ok(if dated || free || trusted { ChannelPayment::Paid } else { ChannelPayment::Unpaid })
}

/// Percent of each of the order's tax rates, by its id.
fn tax_rates(fields: &Fields<'_>) -> Result<HashMap<String, Decimal>, String> {
    let mut rates = HashMap::new();
    for line in fields.objects("tax_lines", LINES_MAX)? {
        rates.insert(line.raw_text("rate_id")?, line.decimal("rate_percent")?.unwrap_or_default());
    }
    Ok(rates)
}

/// The rates that a line names with a tax, added up.
fn named_percent(line: &Fields<'_>, rates: &HashMap<String, Decimal>) -> Result<Decimal, String> {
    let mut percent = Decimal::ZERO;
    for tax in line.objects("taxes", 100)? {
        if tax.decimal("total")?.is_some_and(|total| !total.is_zero()) {
            let rate = rates.get(&tax.raw_text("id")?).copied().unwrap_or_default();
            percent = percent.checked_add(rate).unwrap_or(percent);
        }
    }
    Ok(percent)
}

fn sum(fields: &Fields<'_>, key: &str, net: Decimal, tax: Decimal) -> Result<Decimal, String> {
    net.checked_add(tax).ok_or_else(|| fields.wrong(key, "is too large an amount"))
}

fn sum_money(fields: &Fields<'_>, key: &str, net: Decimal, tax: Decimal, currency: Currency) -> Result<Money, String> {
    Money::from_decimal(sum(fields, key, net, tax)?, currency).map_err(|error| fields.wrong(key, error))
}

fn goods(
    fields: &Fields<'_>,
    currency: Currency,
    rates: &HashMap<String, Decimal>,
) -> Result<Vec<IncomingLine>, String> {
    let mut lines: Vec<IncomingLine> = Vec::new();
    for line in fields.objects("line_items", LINES_MAX)? {
        let units = line.integer("quantity")?.unwrap_or_default();
        if units == 0 {
            continue;
        }
        let quantity = Quantity::new(units).ok_or_else(|| line.wrong("quantity", "must be from 1 to 1,000,000"))?;
        let id = line.text("id", 64)?;
        if id.is_empty() || lines.iter().any(|known| known.channel_line == id) {
            return Err(line.wrong("id", "must be there and unique in the order"));
        }
        let channel_sku = line_sku(&line)?;
        let (net, tax) = (line.decimal("total")?.unwrap_or_default(), line.decimal("total_tax")?.unwrap_or_default());
        let before = sum(
            &line,
            "subtotal",
            line.decimal("subtotal")?.unwrap_or(net),
            line.decimal("subtotal_tax")?.unwrap_or(tax),
        )?;
        let after = sum(&line, "total", net, tax)?;
        if after < Decimal::ZERO {
            return Err(line.wrong("total", "must not be negative"));
        }
        let (unit_price, discount) =
            split_line(before, after, units, currency).map_err(|error| line.wrong("total", error))?;
        let title = line.text("name", TEXT_MAX)?;
        lines.push(IncomingLine {
            channel_line: id,
            title: if title.is_empty() { channel_sku.clone() } else { title },
            channel_sku,
            quantity,
            shipped_quantity: 0,
            unit_price,
            discount,
            tax_rate: rate_of(net, tax, named_percent(&line, rates)?),
            tax_inclusive: true,
            is_service: false,
            options: options(&line)?,
        });
    }
    Ok(lines)
}

fn line_sku(line: &Fields<'_>) -> Result<String, String> {
    let sku = line.raw_text("sku")?;
    if !sku.trim().is_empty() {
        return Sku::parse(&sku).map(Sku::into_string).map_err(|error| line.wrong("sku", error));
    }
    let variation = line.integer("variation_id")?.filter(|id| *id > 0);
    let id = variation.or(line.integer("product_id")?).unwrap_or_default();
    if id > 0 { Ok(sku_by_id(&id.to_string())) } else { Err(line.wrong("sku", "must not be empty")) }
}

/// The SKU of a product that has none.
pub(super) fn sku_by_id(id: &str) -> String {
    format!("id:{id}")
}

/// What the buyer chose: meta that the shop shows. Keys that begin with an underscore are its own.
fn options(line: &Fields<'_>) -> Result<Vec<(String, String)>, String> {
    let mut options: Vec<(String, String)> = Vec::new();
    for entry in line.objects("meta_data", META_MAX)? {
        let key = entry.raw_text("key").unwrap_or_default();
        if key.starts_with('_') || options.len() == OPTIONS_MAX {
            continue;
        }
        let text = |shown: &str, plain: &str| {
            let shown = entry.text(shown, TEXT_MAX).unwrap_or_default();
            if shown.is_empty() { entry.text(plain, TEXT_MAX).unwrap_or_default() } else { shown }
        };
        let (name, value) = (text("display_key", "key"), text("display_value", "value"));
        if !name.is_empty() && !value.is_empty() && !options.iter().any(|(known, _)| *known == name) {
            options.push((name, value));
        }
    }
    Ok(options)
}

/// Fees come as service lines; a negative one lowers the total, and so becomes the order's discount.
fn fees(
    fields: &Fields<'_>,
    currency: Currency,
    rates: &HashMap<String, Decimal>,
    lines: &mut Vec<IncomingLine>,
) -> Result<(), String> {
    for fee in fields.objects("fee_lines", LINES_MAX)? {
        let (net, tax) = (fee.decimal("total")?.unwrap_or_default(), fee.decimal("total_tax")?.unwrap_or_default());
        let amount = sum_money(&fee, "total", net, tax, currency)?;
        if amount.amount <= 0 {
            continue;
        }
        let title = fee.text("name", TEXT_MAX)?;
        let title = if title.is_empty() { "UNKNOWN".to_owned() } else { title };
        let id = format!("fee{NOT_A_LINE}{}", fee.text("id", 64)?);
        if lines.iter().any(|known| known.channel_line == id) {
            return Err(fee.wrong("id", "must be there and unique in the order"));
        }
        let tax_rate = rate_of(net, tax, named_percent(&fee, rates)?);
        lines.push(IncomingLine { tax_rate, ..service_line(id, title, amount) });
    }
    Ok(())
}

/// The title that the shop's owner gave the method, as the buyer saw it.
fn shipping_tag(line: &Fields<'_>) -> Result<String, String> {
    let title = line.text("method_title", TEXT_MAX)?;
    if title.is_empty() { line.text("method_id", TEXT_MAX) } else { Ok(title) }
}

fn customer_note(fields: &Fields<'_>, buyer: &str) -> Result<Vec<IncomingNote>, String> {
    let text = fields.text("customer_note", 4_000)?;
    let note = IncomingNote { text, author: buyer.to_owned(), at: fields.moment("date_created_gmt"), internal: false };
    Ok(if note.text.is_empty() { Vec::new() } else { vec![note] })
}

/// Delivery and billing address and the buyer's name. Where one address came, it is both.
fn people(fields: &Fields<'_>) -> Result<(Address, Address, String), String> {
    let read = |key: &str| fields.object(key)?.map_or(Ok(Address::default()), |address| self::address(&address));
    let (mut delivery, mut billing) = (read("shipping")?, read("billing")?);
    match (delivery.is_empty(), billing.is_empty()) {
        (true, false) => delivery = billing.clone(),
        (false, true) => billing = Address { email: billing.email, phone: billing.phone, ..delivery.clone() },
        _ => {}
    }
    let buyer = if billing.full_name.is_empty() { delivery.full_name.clone() } else { billing.full_name.clone() };
    if delivery.email.is_empty() {
        delivery.email.clone_from(&billing.email);
    }
    if delivery.phone.is_empty() {
        delivery.phone.clone_from(&billing.phone);
    }
    Ok((delivery, billing, buyer))
}

fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = |key: &str| fields.raw_text(key);
    // WooCommerce has codes only; what is no code is kept as the name.
    let country_code = CountryCode::resolve(&text("country")?, "").unwrap_or_default();
    let country = if country_code == CountryCode::default() { text("country")? } else { String::new() };
    Ok(Address {
        full_name: format!("{} {}", text("first_name")?, text("last_name")?),
        company: text("company")?,
        line1: text("address_1")?,
        line2: text("address_2")?,
        line3: String::new(),
        town: text("city")?,
        region: text("state")?,
        postcode: text("postcode")?,
        country,
        country_code,
        phone: text("phone")?,
        email: text("email")?,
    }
    .cleaned())
}

/// Tax numbers that plug-ins leave in the meta, coupons, and what has been refunded.
fn properties(value: &Value) -> Vec<(String, String)> {
    let mut properties: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, text: String| {
        if !text.is_empty() && properties.len() < OPTIONS_MAX {
            let taken = properties.iter().filter(|(known, _)| known.starts_with(name)).count();
            let name = if taken == 0 { name.to_owned() } else { format!("{name} {}", taken + 1) };
            properties.push((name, text));
        }
    };
    for entry in value["meta_data"].as_array().into_iter().flatten() {
        let key = entry["key"].as_str().unwrap_or("");
        let lower = key.to_ascii_lowercase();
        if ["ioss", "eori", "vat_number", "vat_id", "vat-number"].iter().any(|part| lower.contains(part)) {
            let name = clean(key.trim_start_matches('_'), TEXT_MAX);
            add(&name, clean(&scalar(&entry["value"]).unwrap_or_default(), TEXT_MAX));
        }
    }
    for coupon in value["coupon_lines"].as_array().into_iter().flatten() {
        add("Coupon", clean(coupon["code"].as_str().unwrap_or(""), TEXT_MAX));
    }
    for refund in value["refunds"].as_array().into_iter().flatten() {
        add("Refunded", clean(&scalar(&refund["total"]).unwrap_or_default(), TEXT_MAX));
    }
    properties
}
