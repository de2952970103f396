//! Medusa's orders as incoming orders. Pure; tested on payloads recorded against 2.21.2.
//!
//! Amounts are decimals of main units, and Medusa does not round what it computes (a line may cost 11.988): each is rounded to
//! the currency's minor unit. A line's price is what it costs with tax before discounts (`original_total`) for one, its discount
//! is what is missing from there to `total`; postage is `shipping_total` after its own discounts. What then still differs from
//! the order's `total`, as by a refund or by rounding, becomes the order's discount or, upwards, a service line, so the sums come
//! out as the shop has them.
//!
//! Medusa's own `status` says `pending` until somebody completes the order by hand. The status that we give is therefore made
//! of three: the order's, what of its lines is in parcels, and what of the money is there.

use consign_ports::{ChannelPayment, Incoming, IncomingLine, IncomingOrder};
use consign_values::{Address, CountryCode, Currency, Money, Quantity, Rate, Reference, Sku, Timestamp, clean};
use rust_decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::http::not_json;
use crate::loose::Fields;

const LINES_MAX: usize = 2_000;
const TEXT_MAX: usize = 255;
/// Marks lines that Medusa has no parcel for; they are never reported back.
pub(super) const NOT_A_LINE: char = ':';

/// One order of a page.
pub(crate) struct Row {
    /// The order, mapped or refused.
    pub incoming: Incoming,
    /// When it last changed, for paging.
    pub updated_at: Option<Timestamp>,
}

/// Splits a page and maps its orders. `Err` says why it is no page at all.
pub(crate) fn orders_page(text: &str) -> Result<Vec<Row>, String> {
    #[derive(serde::Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        orders: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has no list of orders".to_owned(),
        _ => not_json(&error),
    })?;
    Ok(page.orders.into_iter().map(|raw| row(raw.get())).collect())
}

fn row(raw: &str) -> Row {
    let payload = raw.as_bytes().to_vec();
    let value: Value = match serde_json::from_str(raw) {
        Ok(value) => value,
        Err(error) => {
            let order = Err(format!("the order is not JSON that can be read (column {})", error.column()));
            return Row { incoming: Incoming { reference: String::new(), payload, order }, updated_at: None };
        }
    };
    let reference = clean(value["id"].as_str().unwrap_or(""), Reference::MAX);
    let updated_at = value["updated_at"].as_str().and_then(Timestamp::parse);
    Row { incoming: Incoming { reference, payload, order: order(&value).map(Box::new) }, updated_at }
}

/// One order, or which field is wrong and why.
pub(super) fn order(value: &Value) -> Result<IncomingOrder, String> {
    let fields = Fields::root(value)?;
    let reference = Reference::parse(&fields.raw_text("id")?).map_err(|error| fields.wrong("id", error))?;
    let currency = currency(&fields)?;
    let standing = standing(&fields, currency)?;
    let cancelled = standing.status == "canceled";
    let mut lines = lines(&fields, currency)?;
    if lines.is_empty() {
        return Err(fields.wrong("items", "must not be empty"));
    }
    let postage = fields.money("shipping_total", currency)?;
    let mut discount = Money::zero(currency);
    if !cancelled && fields.has("total") {
        discount = settle_difference(&mut lines, postage, fields.money("total", currency)?)
            .map_err(|error| fields.wrong("total", error))?;
    }
    let (payment_tag, paid_at) = paid_by(&fields)?;
    let (delivery, billing) = addresses(&fields)?;
    let shipping = fields.objects("shipping_methods", LINES_MAX)?;
    let shown = fields.text("custom_display_id", TEXT_MAX)?;
    Ok(IncomingOrder {
        reference,
        secondary_reference: if shown.is_empty() { fields.text("display_id", TEXT_MAX)? } else { shown },
        external_reference: String::new(),
        payment: standing.payment,
        shipped: !cancelled && standing.shipped,
        status: standing.status.to_owned(),
        site: String::new(),
        buyer: billing.full_name.clone(),
        delivery,
        billing,
        currency,
        postage,
        postage_tax_rate: shipping.first().map_or(Ok(Rate::default()), tax_rate)?,
        discount,
        shipping_tag: shipping.first().map_or(Ok(String::new()), |method| method.text("name", TEXT_MAX))?,
        payment_tag,
        received_at: fields.moment("created_at"),
        paid_at: paid_at.filter(|_| standing.payment == ChannelPayment::Paid),
        despatch_by: None,
        lines,
        notes: Vec::new(),
        properties: promotions(value),
        identifiers: Vec::new(),
        locations: Vec::new(),
    })
}

/// The status of an order that need not be whole: what [`super::api::ORDER_STATUS`] asks for is enough.
pub(super) fn status_of(value: &Value) -> Result<&'static str, String> {
    let fields = Fields::root(value)?;
    standing(&fields, currency(&fields)?).map(|standing| standing.status)
}

fn currency(fields: &Fields<'_>) -> Result<Currency, String> {
    Currency::parse(&fields.raw_text("currency_code")?.to_ascii_uppercase())
        .ok_or_else(|| fields.wrong("currency_code", "must be an ISO 4217 code"))
}

/// How far an order has come.
struct Standing {
    status: &'static str,
    payment: ChannelPayment,
    shipped: bool,
}

fn standing(fields: &Fields<'_>, currency: Currency) -> Result<Standing, String> {
    let (mut units, mut fulfilled, mut shipped) = (0_i64, 0_i64, 0_i64);
    for item in fields.objects("items", LINES_MAX)? {
        if is_digital(&item)? {
            continue;
        }
        units = units.saturating_add(item.integer("quantity")?.unwrap_or_default().max(0));
        if let Some(detail) = item.object("detail")? {
            fulfilled = fulfilled.saturating_add(detail.integer("fulfilled_quantity")?.unwrap_or_default());
            shipped = shipped.saturating_add(detail.integer("shipped_quantity")?.unwrap_or_default());
        }
    }
    let all = |part: i64| units > 0 && part >= units;
    let own = fields.raw_text("status")?;
    let is_paid = covers(fields, currency)?;
    let status = match own.as_str() {
        "canceled" => "canceled",
        "draft" => "draft",
        "archived" => "archived",
        "requires_action" => "requires_action",
        _ if all(shipped) => "shipped",
        "completed" => "completed",
        _ if all(fulfilled) => "fulfilled",
        _ if fulfilled > 0 => "partially_fulfilled",
        _ => match fields.raw_text("payment_status")?.as_str() {
            "refunded" => "refunded",
            "partially_refunded" => "partially_refunded",
            _ if is_paid => "captured",
            "authorized" => "authorized",
            "partially_captured" | "captured" => "partially_captured",
            "partially_authorized" => "partially_authorized",
            "requires_action" => "requires_action",
            "canceled" => "payment_canceled",
            _ => "not_paid",
        },
    };
    let payment = match (status, is_paid) {
        ("canceled", _) => ChannelPayment::Cancelled,
        (_, true) => ChannelPayment::Paid,
        (_, false) => ChannelPayment::Unpaid,
    };
    Ok(Standing { status, payment, shipped: all(fulfilled) })
}

/// Whether what was captured and not given back covers the total. Gateways round to the currency's minor unit, Medusa's total
/// is not rounded, so less than one such unit may be missing. An order that costs nothing has no payment and needs none.
fn covers(fields: &Fields<'_>, currency: Currency) -> Result<bool, String> {
    let total = fields.decimal("total")?.unwrap_or_default();
    let mut held = Decimal::ZERO;
    for collection in fields.objects("payment_collections", LINES_MAX)? {
        let captured = collection.decimal("captured_amount")?.unwrap_or_default();
        let given_back = collection.decimal("refunded_amount")?.unwrap_or_default();
        held = captured.checked_sub(given_back).and_then(|rest| held.checked_add(rest)).unwrap_or(held);
    }
    let minor = Decimal::new(1, currency.decimals());
    Ok(total.checked_sub(held).is_some_and(|missing| missing < minor) && fields.has("total"))
}

/// The payment's provider and when it was captured.
fn paid_by(fields: &Fields<'_>) -> Result<(String, Option<Timestamp>), String> {
    let (mut provider, mut at) = (String::new(), None);
    for collection in fields.objects("payment_collections", LINES_MAX)? {
        for payment in collection.objects("payments", LINES_MAX)? {
            if payment.has("canceled_at") && !provider.is_empty() {
                continue;
            }
            provider = payment.text("provider_id", TEXT_MAX)?;
            at = payment.moment("captured_at").or(at);
        }
    }
    Ok((provider, at))
}

/// Lines in the sequence of their ids, which count up with time: the shop gives them in none.
fn lines(fields: &Fields<'_>, currency: Currency) -> Result<Vec<IncomingLine>, String> {
    let mut lines: Vec<IncomingLine> = Vec::new();
    for item in fields.objects("items", LINES_MAX)? {
        let units = item.integer("quantity")?.unwrap_or_default();
        if units == 0 {
            continue;
        }
        let quantity = Quantity::new(units).ok_or_else(|| item.wrong("quantity", "must be from 1 to 1,000,000"))?;
        let line = line(&item, quantity, currency)?;
        if lines.iter().any(|known| known.channel_line == line.channel_line) {
            return Err(item.wrong("id", "must be there and unique in the order"));
        }
        lines.push(line);
    }
    lines.sort_by(|a, b| a.channel_line.cmp(&b.channel_line));
    Ok(lines)
}

fn line(item: &Fields<'_>, quantity: Quantity, currency: Currency) -> Result<IncomingLine, String> {
    let id = item.text("id", 64)?;
    if id.is_empty() {
        return Err(item.wrong("id", "must be there and unique in the order"));
    }
    // SKUs are optional in Medusa, and a line added by hand has no variant either: there is nothing to take from stock then.
    let variant = item.raw_text("variant_id")?;
    let named = item.raw_text("variant_sku")?;
    let is_digital = is_digital(item)?;
    let is_service = is_digital || (named.trim().is_empty() && variant.is_empty());
    let channel_sku = if is_service {
        String::new()
    } else {
        let sku = if named.trim().is_empty() { &variant } else { &named };
        Sku::parse(sku).map_err(|error| item.wrong("variant_sku", error))?.into_string()
    };
    let (title, subtitle) = (item.raw_text("title")?, item.raw_text("subtitle")?);
    let title = clean(&if subtitle.is_empty() { title } else { format!("{title}, {subtitle}") }, TEXT_MAX);
    let (unit_price, discount) = price(item, quantity, currency)?;
    let fulfilled = match item.object("detail")? {
        Some(detail) => detail.integer("fulfilled_quantity")?.unwrap_or_default(),
        None => 0,
    };
    Ok(IncomingLine {
        title: if title.is_empty() { id.clone() } else { title },
        channel_line: if is_digital { format!("digital{NOT_A_LINE}{id}") } else { id },
        channel_sku,
        quantity,
        shipped_quantity: fulfilled.clamp(0, quantity.units()),
        unit_price,
        discount,
        tax_rate: tax_rate(item)?,
        tax_inclusive: true,
        is_service,
        options: Vec::new(),
    })
}

/// What is never in a parcel.
fn is_digital(item: &Fields<'_>) -> Result<bool, String> {
    Ok(item.has("requires_shipping") && !item.boolean("requires_shipping")?)
}

/// The price of one with tax, and the discount on all. Where the whole can't be divided, the price is the next that is enough,
/// and the discount makes up for it.
fn price(item: &Fields<'_>, quantity: Quantity, currency: Currency) -> Result<(Money, Money), String> {
    let charged = item.money("total", currency)?;
    let key = if item.has("original_total") { "original_total" } else { "total" };
    let whole = item.money(key, currency)?;
    if whole.amount < 0 {
        return Err(item.wrong(key, "must not be negative"));
    }
    let units = quantity.units();
    let one = item.decimal(key)?.unwrap_or_default().checked_div(Decimal::from(units)).unwrap_or_default();
    let mut unit_price = Money::from_decimal(one, currency).map_err(|error| item.wrong(key, error))?;
    let of_all = |one: Money| one.times(units).map_err(|error| item.wrong(key, error));
    if of_all(unit_price)?.amount < whole.amount {
        let minor = Money::from_minor(1, currency).and_then(|minor| unit_price.plus(minor));
        unit_price = minor.map_err(|error| item.wrong(key, error))?;
    }
    let discount = of_all(unit_price)?.amount.saturating_sub(charged.amount).max(0);
    Ok((unit_price, Money { amount: discount, currency }))
}

/// The sum of the rates of what has been taxed.
fn tax_rate(taxed: &Fields<'_>) -> Result<Rate, String> {
    let mut percent = Decimal::ZERO;
    for tax in taxed.objects("tax_lines", LINES_MAX)? {
        percent = percent.checked_add(tax.rate("rate")?.to_percent()).unwrap_or(percent);
    }
    Rate::from_percent(percent).ok_or_else(|| taxed.wrong("tax_lines", "must be between 0 and 1000 percent together"))
}

/// Makes lines and postage come to `total`: gives the order's discount, or adds a line for what is missing.
fn settle_difference(lines: &mut Vec<IncomingLine>, postage: Money, total: Money) -> Result<Money, String> {
    let mut sum = postage;
    for line in lines.iter() {
        let whole = line.unit_price.times(line.quantity.units()).map_err(|error| error.to_string())?;
        let charged = Money { amount: whole.amount.saturating_sub(line.discount.amount), ..whole };
        sum = sum.plus(charged).map_err(|error| error.to_string())?;
    }
    let missing = total.amount.saturating_sub(sum.amount);
    if missing > 0 {
        lines.push(IncomingLine {
            channel_line: format!("difference{NOT_A_LINE}"),
            channel_sku: String::new(),
            title: "Price adjustment".to_owned(),
            quantity: Quantity::new(1).expect("one is a quantity"),
            shipped_quantity: 0,
            unit_price: Money { amount: missing, currency: total.currency },
            discount: Money::zero(total.currency),
            tax_rate: Rate::default(),
            tax_inclusive: true,
            is_service: true,
            options: Vec::new(),
        });
    }
    Ok(Money { amount: missing.saturating_neg().max(0), currency: total.currency })
}

/// Delivery and billing address. Where one came, it is both.
fn addresses(fields: &Fields<'_>) -> Result<(Address, Address), String> {
    let email = fields.text("email", TEXT_MAX)?;
    let read = |key: &str| fields.object(key)?.map_or(Ok(Address::default()), |address| self::address(&address));
    let (mut delivery, mut billing) = (read("shipping_address")?, read("billing_address")?);
    match (delivery.is_empty(), billing.is_empty()) {
        (true, false) => delivery = billing.clone(),
        (false, true) => billing = delivery.clone(),
        _ => {}
    }
    for address in [&mut delivery, &mut billing] {
        address.email.clone_from(&email);
    }
    Ok((delivery, billing))
}

fn address(fields: &Fields<'_>) -> Result<Address, String> {
    let text = |key: &str| fields.raw_text(key);
    let code = text("country_code")?.to_ascii_uppercase();
    Ok(Address {
        full_name: format!("{} {}", text("first_name")?, text("last_name")?),
        company: text("company")?,
        line1: text("address_1")?,
        line2: text("address_2")?,
        line3: String::new(),
        town: text("city")?,
        region: text("province")?,
        postcode: text("postal_code")?,
        country_code: CountryCode::resolve(&code, "").unwrap_or_default(),
        country: String::new(),
        phone: text("phone")?,
        email: String::new(),
    }
    .cleaned())
}

fn promotions(value: &Value) -> Vec<(String, String)> {
    let codes = value["promotions"].as_array().into_iter().flatten().filter_map(|one| one["code"].as_str());
    codes.take(20).map(|code| ("Promotion".to_owned(), clean(code, TEXT_MAX))).collect()
}
