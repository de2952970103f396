//! Vendure's orders as incoming orders. Pure; tested on payloads recorded against 3.7.3.
//!
//! The sums come out exactly as the shop has them: a line costs `unitPriceWithTax` times `quantity`, its discount is what is
//! missing from there to `proratedLinePriceWithTax` (Vendure spreads order discounts over the lines), surcharges are service
//! lines, postage is `shippingWithTax` after its own discounts. What then still differs from `totalWithTax`, as by rounding,
//! or in payloads without the prorated price, becomes the order's discount or, upwards, a service line.

use std::collections::HashMap;

use consign_ports::{ChannelPayment, Incoming, IncomingLine, IncomingOrder};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Rate, Reference, Sku, Timestamp, clean};
use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::not_json;
use crate::loose::Fields;
use crate::sums::{service_line, settle_difference};

const LINES_MAX: usize = 2_000;
const TEXT_MAX: usize = 255;
/// Marks lines that Vendure has no order line for; they are never reported back.
pub(super) const NOT_A_LINE: char = ':';

/// One order of a page.
pub(crate) struct Row {
    /// The order, mapped or refused.
    pub incoming: Incoming,
    /// When its basket was begun, for paging.
    pub created_at: Option<Timestamp>,
}

/// Splits a page and maps its orders, whose amounts have `precision` decimals. `Err` says why it is no page at all.
pub(crate) fn orders_page(text: &str, precision: u32) -> Result<Vec<Row>, String> {
    #[derive(serde::Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        data: Data<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        orders: List<'a>,
    }
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        items: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has no list of orders".to_owned(),
        _ => not_json(&error),
    })?;
    Ok(page.data.orders.items.into_iter().map(|raw| row(raw.get(), precision)).collect())
}

fn row(raw: &str, precision: u32) -> Row {
    let payload = raw.as_bytes().to_vec();
    let value: Value = match serde_json::from_str(raw) {
        Ok(value) => value,
        Err(error) => {
            let order = Err(format!("the order is not JSON that can be read (column {})", error.column()));
            return Row { incoming: Incoming { reference: String::new(), payload, order }, created_at: None };
        }
    };
    let reference = clean(value["code"].as_str().unwrap_or(""), Reference::MAX);
    let created_at = value["createdAt"].as_str().and_then(Timestamp::parse);
    Row { incoming: Incoming { reference, payload, order: order(&value, precision).map(Box::new) }, created_at }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value, precision: u32) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&fields.raw_text("code")?).map_err(|error| fields.wrong("code", error))?;
    let status = fields.text("state", TEXT_MAX)?;
    let cancelled = status == "Cancelled";
    let currency = Currency::parse(&fields.raw_text("currencyCode")?)
        .ok_or_else(|| fields.wrong("currencyCode", "must be an ISO 4217 code"))?;
    let scale = Scale { precision, currency };
    let shipping = fields.objects("shippingLines", LINES_MAX)?;
    let mut lines = lines(&fields, &scale, cancelled)?;
    if lines.iter().all(|line| line.is_service) {
        return Err(fields.wrong("lines", "must not be empty"));
    }
    let postage = scale.money(&fields, "shippingWithTax")?;
    let mut discount = Money::zero(currency);
    if !cancelled && fields.has("totalWithTax") {
        discount = settle_difference(&mut lines, postage, scale.money(&fields, "totalWithTax")?, "difference:")
            .map_err(|error| fields.wrong("totalWithTax", error))?;
    }
    let paid = payments(&fields, &scale, &status)?;
    let (delivery, billing, buyer) = people(&fields)?;
    Ok(IncomingOrder {
        reference,
        secondary_reference: String::new(),
        external_reference: paid.transaction,
        payment: paid.payment,
        shipped: !cancelled && is_shipped(&status, &lines),
        status,
        site: String::new(),
        buyer,
        delivery,
        billing,
        currency,
        postage,
        postage_tax_rate: postage_tax_rate(&fields, &shipping)?,
        discount,
        shipping_tag: match shipping.first() {
            Some(line) => line.object("shippingMethod")?.map_or(Ok(String::new()), |m| m.text("code", TEXT_MAX))?,
            None => String::new(),
        },
        payment_tag: paid.method,
        received_at: fields.moment("orderPlacedAt").or_else(|| fields.moment("createdAt")),
        paid_at: paid.at,
        despatch_by: None,
        lines,
        notes: Vec::new(),
        properties: coupons(value),
        identifiers: Vec::new(),
        locations: Vec::new(),
    })
}

/// An order that is shipped before its payment is settled keeps its payment's state (measured), so the lines count too.
fn is_shipped(status: &str, lines: &[IncomingLine]) -> bool {
    let mut goods = lines.iter().filter(|line| !line.is_service);
    matches!(status, "Shipped" | "Delivered") || goods.all(|line| line.shipped_quantity == line.quantity.units())
}

/// How amounts are written: Vendure counts in the shop's own precision, whatever the currency.
struct Scale {
    precision: u32,
    currency: Currency,
}

impl Scale {
    fn money(&self, fields: &Fields<'_>, key: &str) -> Result<Money, String> {
        let units = fields.integer(key)?.unwrap_or_default();
        let amount =
            Decimal::try_new(units, self.precision).map_err(|_| fields.wrong(key, "is too large an amount"))?;
        Money::from_decimal(amount, self.currency).map_err(|error| fields.wrong(key, error))
    }
}

/// Goods and surcharges. A cancelled order has quantity 0 on each line, so there the quantity when placed counts.
fn lines(fields: &Fields<'_>, scale: &Scale, cancelled: bool) -> Result<Vec<IncomingLine>, String> {
    let shipped = shipped_quantities(fields)?;
    let mut lines = Vec::new();
    for line in fields.objects("lines", LINES_MAX)? {
        let key = if cancelled { "orderPlacedQuantity" } else { "quantity" };
        let units = line.integer(key)?.unwrap_or_default();
        if units == 0 {
            continue;
        }
        let quantity = Quantity::new(units).ok_or_else(|| line.wrong(key, "must be from 1 to 1,000,000"))?;
        let id = line.text("id", 64)?;
        if id.is_empty() || lines.iter().any(|known: &IncomingLine| known.channel_line == id) {
            return Err(line.wrong("id", "must be there and unique in the order"));
        }
        let variant = line.object("productVariant")?.ok_or_else(|| line.wrong("productVariant", "is missing"))?;
        let sku = Sku::parse(&variant.raw_text("sku")?).map_err(|error| variant.wrong("sku", error))?;
        let title = variant.text("name", TEXT_MAX)?;
        let unit_price = scale.money(&line, "unitPriceWithTax")?;
        if unit_price.amount < 0 {
            return Err(line.wrong("unitPriceWithTax", "must not be negative"));
        }
        lines.push(IncomingLine {
            title: if title.is_empty() { sku.as_str().to_owned() } else { title },
            channel_sku: sku.into_string(),
            quantity,
            shipped_quantity: shipped.get(&id).copied().unwrap_or_default().clamp(0, units),
            discount: line_discount(&line, scale, unit_price, units, cancelled)?,
            unit_price,
            tax_rate: line.rate("taxRate")?,
            tax_inclusive: true,
            is_service: false,
            options: Vec::new(),
            channel_line: id,
        });
    }
    // The shop gives lines in no fixed sequence (measured); ids count up, so by them it is the buyer's.
    lines.sort_by(|a, b| (a.channel_line.len(), &a.channel_line).cmp(&(b.channel_line.len(), &b.channel_line)));
    for surcharge in fields.objects("surcharges", LINES_MAX)? {
        let title = surcharge.text("description", TEXT_MAX)?;
        let title = if title.is_empty() { "Surcharge".to_owned() } else { title };
        let amount = scale.money(&surcharge, "priceWithTax")?;
        let id = format!("surcharge{NOT_A_LINE}{}", surcharge.text("id", 64)?);
        lines.push(IncomingLine { tax_rate: surcharge.rate("taxRate")?, ..service_line(id, title, amount) });
    }
    Ok(lines)
}

fn line_discount(
    line: &Fields<'_>,
    scale: &Scale,
    unit_price: Money,
    units: i64,
    cancelled: bool,
) -> Result<Money, String> {
    if cancelled || !line.has("proratedLinePriceWithTax") {
        return Ok(Money::zero(scale.currency));
    }
    let whole = unit_price.times(units).map_err(|error| line.wrong("unitPriceWithTax", error))?;
    let charged = scale.money(line, "proratedLinePriceWithTax")?;
    Ok(Money { amount: whole.amount.saturating_sub(charged.amount).max(0), currency: scale.currency })
}

/// Units of each line in fulfilments that stand, shipped or about to be: Vendure takes no second fulfilment for them.
fn shipped_quantities(fields: &Fields<'_>) -> Result<HashMap<String, i64>, String> {
    let mut shipped: HashMap<String, i64> = HashMap::new();
    for fulfilment in fields.objects("fulfillments", LINES_MAX)? {
        if fulfilment.raw_text("state")? == "Cancelled" {
            continue;
        }
        for line in fulfilment.objects("lines", LINES_MAX)? {
            let units = shipped.entry(line.raw_text("orderLineId")?).or_default();
            *units = units.saturating_add(line.integer("quantity")?.unwrap_or_default());
        }
    }
    Ok(shipped)
}

struct Paid {
    payment: ChannelPayment,
    method: String,
    transaction: String,
    at: Option<Timestamp>,
}

/// Paid means that settled payments cover the total; an authorisation alone does not.
fn payments(fields: &Fields<'_>, scale: &Scale, status: &str) -> Result<Paid, String> {
    let total = scale.money(fields, "totalWithTax")?;
    let mut paid =
        Paid { payment: ChannelPayment::Unpaid, method: String::new(), transaction: String::new(), at: None };
    let mut settled = 0_i64;
    for payment in fields.objects("payments", LINES_MAX)? {
        let state = payment.raw_text("state")?;
        if matches!(state.as_str(), "Declined" | "Cancelled" | "Error" | "Created") {
            continue;
        }
        if state == "Settled" {
            settled = settled.saturating_add(scale.money(&payment, "amount")?.amount);
            paid.at = payment.moment("updatedAt").or_else(|| payment.moment("createdAt"));
        }
        paid.method = payment.text("method", TEXT_MAX)?;
        paid.transaction = payment.text("transactionId", TEXT_MAX)?;
    }
    if status == "Cancelled" {
        paid.payment = ChannelPayment::Cancelled;
    } else if settled >= total.amount && !matches!(status, "PaymentAuthorized" | "ArrangingPayment") {
        paid.payment = ChannelPayment::Paid;
    }
    if paid.payment == ChannelPayment::Unpaid {
        paid.at = None;
    }
    Ok(paid)
}

/// Delivery and billing address and the buyer's name. Where one address came, it is both.
fn people(fields: &Fields<'_>) -> Result<(Address, Address, String), String> {
    let (mut email, mut buyer, mut phone) = (String::new(), String::new(), String::new());
    if let Some(customer) = fields.object("customer")? {
        email = customer.text("emailAddress", TEXT_MAX)?;
        phone = customer.text("phoneNumber", TEXT_MAX)?;
        let name = format!("{} {}", customer.text("firstName", TEXT_MAX)?, customer.text("lastName", TEXT_MAX)?);
        buyer = clean(&name, TEXT_MAX);
    }
    let read = |key: &str| fields.object(key)?.map_or(Ok(Address::default()), |address| self::address(&address));
    let (mut delivery, mut billing) = (read("shippingAddress")?, read("billingAddress")?);
    match (delivery.is_empty(), billing.is_empty()) {
        (true, false) => delivery = billing.clone(),
        (false, true) => billing = delivery.clone(),
        _ => {}
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
        full_name: text("fullName")?,
        company: text("company")?,
        line1: text("streetLine1")?,
        line2: text("streetLine2")?,
        line3: String::new(),
        town: text("city")?,
        region: text("province")?,
        postcode: text("postalCode")?,
        country_code: CountryCode::resolve(&text("countryCode")?, &country).unwrap_or_default(),
        country,
        phone: text("phoneNumber")?,
        email: String::new(),
    }
    .cleaned())
}

/// Vendure gives no rate for shipping: of the order's rates it is the one that fits the two prices within rounding, or
/// else the quotient of the prices.
fn postage_tax_rate(fields: &Fields<'_>, shipping: &[Fields<'_>]) -> Result<Rate, String> {
    let Some(line) = shipping.first() else { return Ok(Rate::default()) };
    let (Some(net), Some(gross)) = (line.decimal("price")?, line.decimal("priceWithTax")?) else {
        return Ok(Rate::default());
    };
    if net <= Decimal::ZERO || gross <= net {
        return Ok(Rate::default());
    }
    let rates = fields.objects("taxSummary", LINES_MAX)?.into_iter().chain(fields.objects("lines", LINES_MAX)?);
    for candidate in rates {
        let rate = candidate.rate("taxRate")?;
        let taxed = (rate.to_percent() / Decimal::ONE_HUNDRED + Decimal::ONE).checked_mul(net);
        if taxed.and_then(|taxed| taxed.checked_sub(gross)).is_some_and(|gap| gap.abs() <= Decimal::ONE) {
            return Ok(rate);
        }
    }
    let quotient = gross.checked_div(net).and_then(|quotient| quotient.checked_sub(Decimal::ONE));
    let percent = quotient.and_then(|part| part.checked_mul(Decimal::ONE_HUNDRED)).map(|percent| percent.round_dp(2));
    Ok(percent.and_then(Rate::from_percent).unwrap_or_default())
}

fn coupons(value: &Value) -> Vec<(String, String)> {
    let codes = value["couponCodes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    codes.take(20).map(|code| ("Coupon".to_owned(), clean(code, TEXT_MAX))).collect()
}
