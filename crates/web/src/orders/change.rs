//! Editing, splitting and merging orders: the forms, and what they ask of the use cases.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use consign_oms::orders::{self, LineEdit, MergeCheck, Order, OrderEdit, OrderView, Part};
use consign_oms::settings::{self, TaxRates};
use consign_oms::{Error, items};
use consign_values::{Address, Currency, ItemId, LineId, Money, OrderId, Rate, Timestamp};
use maud::{Markup, html};
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::access::WorkOrders;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, manner, ui};

/// Empty rows for lines to put in.
const EMPTY_ROWS: usize = 3;
/// Parts that the split form offers at most.
const PARTS_MAX: usize = 10;

/// The fields of an address form: name, label, longest value.
const ADDRESS: [(&str, &str); 11] = [
    ("full_name", "Name"),
    ("company", "Company"),
    ("line1", "Address"),
    ("line2", "Address, second line"),
    ("line3", "Address, third line"),
    ("town", "Town"),
    ("region", "Region"),
    ("postcode", "Postcode"),
    ("country", "Country"),
    ("phone", "Telephone"),
    ("email", "E-mail"),
];

fn part_of<'a>(address: &'a Address, name: &str) -> &'a str {
    match name {
        "full_name" => &address.full_name,
        "company" => &address.company,
        "line1" => &address.line1,
        "line2" => &address.line2,
        "line3" => &address.line3,
        "town" => &address.town,
        "region" => &address.region,
        "postcode" => &address.postcode,
        "country" if address.country.is_empty() => address.country_code.as_str(),
        "country" => &address.country,
        "phone" => &address.phone,
        _ => &address.email,
    }
}

/// The inputs of an address, their names beginning with `prefix`.
pub fn address_fields(legend: &str, prefix: &str, address: &Address) -> Markup {
    html! {
        fieldset { legend { (legend) }
            @for (name, label) in ADDRESS {
                label { (label) input name={(prefix) "." (name)} maxlength="255" value=(part_of(address, name)) list=[(name == "country").then_some("countries")]; }
            }
        }
    }
}

/// Reads an address; `was` keeps the country's code while its text stays the same.
pub fn read_address(fields: &Fields, prefix: &str, was: &Address) -> Address {
    let text = |name: &str| fields.get(&format!("{prefix}.{name}")).trim().to_owned();
    let country = text("country");
    let same = country == part_of(was, "country");
    Address {
        full_name: text("full_name"),
        company: text("company"),
        line1: text("line1"),
        line2: text("line2"),
        line3: text("line3"),
        town: text("town"),
        region: text("region"),
        postcode: text("postcode"),
        phone: text("phone"),
        email: text("email"),
        country: if same { was.country.clone() } else { country },
        country_code: if same { was.country_code } else { Default::default() },
    }
    .cleaned()
}

pub(super) async fn edit_page(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Markup> {
    let ((order, form), skus, rates) = app
        .read(move |tx| {
            let (order, form) = orders::editable(tx, OrderId(id))?;
            let named: Vec<ItemId> = form.lines.iter().filter_map(|line| line.item_id).collect();
            let skus: HashMap<ItemId, String> =
                items::list_of(tx, &named)?.into_iter().map(|item| (item.id, item.sku)).collect();
            Ok(((order, form), skus, settings::get::<TaxRates>(tx)?))
        })
        .await?;
    let money = |amount: i64| Money { amount, currency: order.currency }.to_decimal();
    let content = html! {
        h1 { "Edit order " (order.id) " " span.dim { (order.source) " " (order.sub_source) " " (order.reference) } }
        form.stack.wide method="post" action={"/orders/" (order.id) "/edit"} {
            input type="hidden" name="version" value=(order.version);
            h2 { "Lines" }
            p.dim { "Another item or quantity on a line of the channel's keeps its place in the despatch note. Lines that are put in here are not told to the channel; lines that are taken out get no note." }
            (line_table(&form.lines, &skus, order.currency, form.lines.last().is_none_or(|line| line.tax_inclusive)))
            (tax_choices(&rates))
            div.columns.three {
                section {
                    fieldset { legend { "Sums, in " (order.currency) }
                        label { "Postage, with tax" input name="postage" inputmode="decimal" value=(ui::figure(money(form.postage))); }
                        label { "Order discount" input name="discount" inputmode="decimal" value=(ui::figure(money(form.discount))); }
                    }
                    fieldset { legend { "Dates and numbers" }
                        label { "Despatch by (" (ui::zone()) ")" input name="despatch_by" type="datetime-local" value=[form.despatch_by.map(ui::moment_field)]; }
                        label { "Priority when stock is short" input name="priority" type="number" min="-100" max="100" value=(form.priority); }
                        label { "Buyer" input name="buyer" maxlength="255" value=(form.buyer); }
                        label { "Second reference" input name="secondary_reference" maxlength="128" value=(form.secondary_reference); }
                        label { "External reference" input name="external_reference" maxlength="128" value=(form.external_reference); }
                    }
                }
                section { (address_fields("Deliver to", "delivery", &form.delivery)) }
                section { (address_fields("Bill to", "billing", &form.billing)) }
            }
            p.bar { button.primary data-key="S" { "Save (S)" } a.button href={"/orders/" (order.id)} { "Leave it as it was" } }
        }
    };
    ui::page(&app, &user.0, "/orders", &format!("Edit order {id}"), content).await
}

/// The table of lines with a few empty rows; rows without a title and a SKU are nobody's. Prices of new lines contain tax or
/// not, unless somebody says otherwise.
pub fn line_table(
    lines: &[LineEdit],
    skus: &HashMap<ItemId, String>,
    currency: Currency,
    tax_inclusive: bool,
) -> Markup {
    let money = |amount: i64| Money { amount, currency }.to_decimal();
    html! {
        table.grid.form-grid {
            thead { tr { th { "SKU" } th { "Title" } th.num { "Qty" } th.num { "Price of one" } th.num { "Discount" } th.num { "Tax, %" } th { "With tax" } th { "Service" } th { "Take out" } } }
            tbody {
                @for (n, line) in lines.iter().enumerate() { tr {
                    td { input type="hidden" name={"line." (n) ".id"} value=[line.id]; input name={"line." (n) ".sku"} aria-label={"SKU of line " (n + 1)} size="14" maxlength="128" value=[line.item_id.and_then(|item| skus.get(&item))]; }
                    td { input name={"line." (n) ".title"} aria-label={"Title of line " (n + 1)} maxlength="255" value=(line.title); }
                    td.num { input name={"line." (n) ".quantity"} aria-label={"Quantity of line " (n + 1)} type="number" min="1" max="1000000" value=(line.quantity); }
                    td.num { input name={"line." (n) ".unit_price"} aria-label={"Price of line " (n + 1)} inputmode="decimal" size="9" value=(ui::figure(money(line.unit_price))); }
                    td.num { input name={"line." (n) ".discount"} aria-label={"Discount of line " (n + 1)} inputmode="decimal" size="7" value=(ui::figure(money(line.discount))); }
                    td.num { input name={"line." (n) ".tax_rate"} aria-label={"Tax of line " (n + 1)} inputmode="decimal" size="5" list="tax-rates" value=(ui::figure(line.tax_rate.to_percent())); }
                    td { input type="checkbox" name={"line." (n) ".tax_inclusive"} aria-label={"Price of line " (n + 1) " contains tax"} value="1" checked[line.tax_inclusive]; }
                    td { input type="checkbox" name={"line." (n) ".is_service"} aria-label={"Line " (n + 1) " is a service"} value="1" checked[line.is_service]; }
                    td { input type="checkbox" name={"line." (n) ".gone"} aria-label={"Take line " (n + 1) " out"} value="1"; }
                } }
                @for n in lines.len()..lines.len() + EMPTY_ROWS { tr.empty-row {
                    td { input name={"line." (n) ".sku"} aria-label={"SKU of a new line " (n + 1)} size="14" maxlength="128" placeholder="SKU to add" list="skus" data-items; }
                    td { input name={"line." (n) ".title"} aria-label={"Title of a new line " (n + 1)} maxlength="255" placeholder="as the item's"; }
                    td.num { input name={"line." (n) ".quantity"} aria-label={"Quantity of a new line " (n + 1)} type="number" min="1" max="1000000" placeholder="1"; }
                    td.num { input name={"line." (n) ".unit_price"} aria-label={"Price of a new line " (n + 1)} inputmode="decimal" size="9" placeholder="item's"; }
                    td.num { input name={"line." (n) ".discount"} aria-label={"Discount of a new line " (n + 1)} inputmode="decimal" size="7" placeholder="0"; }
                    td.num { input name={"line." (n) ".tax_rate"} aria-label={"Tax of a new line " (n + 1)} inputmode="decimal" size="5" list="tax-rates" placeholder="item's"; }
                    td { input type="checkbox" name={"line." (n) ".tax_inclusive"} aria-label={"Price of the new line " (n + 1) " contains tax"} value="1" checked[tax_inclusive]; }
                    td { input type="checkbox" name={"line." (n) ".is_service"} aria-label={"New line " (n + 1) " is a service"} value="1"; }
                    td {}
                } }
            }
        }
        datalist #skus {}
    }
}

/// The tax rates that the settings name, for the fields that ask for one.
pub fn tax_choices(rates: &TaxRates) -> Markup {
    html! { datalist #tax-rates { @for rate in &rates.rates {
        option value=(ui::figure(rate.rate.to_percent())) label={(rate.country_code) " " (rate.name)} {}
    } } }
}

/// Reads the table of lines. What is left empty on a new line is the item's: title, price, tax.
pub fn read_lines(tx: &mut consign_db::Tx<'_>, fields: &Fields, currency: Currency) -> Result<Vec<LineEdit>, Error> {
    let mut rows: BTreeMap<usize, ()> = BTreeMap::new();
    for (rest, _) in fields.with_prefix("line.") {
        if let Some(n) = rest.split('.').next().and_then(|n| n.parse().ok()) {
            rows.insert(n, ());
        }
    }
    let mut lines = Vec::new();
    for n in rows.into_keys().take(1_000) {
        if let Some(line) = read_line(tx, fields, n, currency)? {
            lines.push(line);
        }
    }
    Ok(lines)
}

fn read_line(
    tx: &mut consign_db::Tx<'_>,
    fields: &Fields,
    n: usize,
    currency: Currency,
) -> Result<Option<LineEdit>, Error> {
    let name = |field: &str| format!("line.{n}.{field}");
    let text = |field: &str| fields.get(&name(field)).trim().to_owned();
    let (sku, title) = (text("sku"), text("title"));
    if !text("gone").is_empty() || sku.is_empty() && title.is_empty() {
        return Ok(None);
    }
    let item = match sku.as_str() {
        "" => None,
        sku => {
            let found = items::find_by_sku(tx, sku)?;
            Some(found.ok_or_else(|| Error::invalid(name("sku"), format!("{sku} is not the SKU of an item")))?)
        }
    };
    let amount = |field: &str, otherwise: i64| -> Result<i64, Error> {
        if text(field).is_empty() {
            return Ok(otherwise);
        }
        let money = Money::from_decimal(fields.decimal(&name(field))?, currency);
        Ok(money.map_err(|error| Error::invalid(name(field), error.to_string()))?.amount)
    };
    let id = fields.maybe_int(&name("id"))?.map(LineId);
    let tax_rate = if text("tax_rate").is_empty() {
        item.as_ref().map_or(Rate(0), |item| item.tax_rate)
    } else {
        let percent: Decimal = fields.decimal(&name("tax_rate"))?;
        Rate::from_percent(percent).ok_or_else(|| Error::invalid(name("tax_rate"), "must be between 0 and 1,000 %"))?
    };
    Ok(Some(LineEdit {
        id,
        title: if title.is_empty() { item.as_ref().map_or(sku, |item| item.title.clone()) } else { title },
        is_service: !text("is_service").is_empty(),
        quantity: fields.maybe_int(&name("quantity"))?.unwrap_or(1),
        unit_price: amount("unit_price", item.as_ref().map_or(0, |item| item.price))?,
        discount: amount("discount", 0)?,
        tax_rate,
        tax_inclusive: !text("tax_inclusive").is_empty(),
        item_id: item.map(|item| item.id),
    }))
}

/// An amount of money in a field; 0 where it is empty.
pub fn read_money(fields: &Fields, name: &str, currency: Currency) -> Result<i64, Error> {
    let money = Money::from_decimal(fields.decimal(name)?, currency);
    Ok(money.map_err(|error| Error::invalid(name, error.to_string()))?.amount)
}

/// A moment in a field, on the clocks of the one who sends it; none where it is empty.
pub fn read_moment(fields: &Fields, name: &str) -> Result<Option<Timestamp>, Error> {
    let text = fields.get(name).trim();
    if text.is_empty() {
        return Ok(None);
    }
    manner::current()
        .read_moment(text)
        .map(Some)
        .ok_or_else(|| Error::invalid(name, "must be a date and time such as 2026-03-01T17:00"))
}

pub(super) async fn edit(
    State(app): State<App>,
    user: WorkOrders,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let version = fields.int("version")?;
    app.write(user.actor(), move |tx, ctx| {
        let (order, was) = orders::editable(tx, OrderId(id))?;
        let form = OrderEdit {
            delivery: read_address(&fields, "delivery", &was.delivery),
            billing: read_address(&fields, "billing", &was.billing),
            buyer: fields.get("buyer").to_owned(),
            secondary_reference: fields.get("secondary_reference").to_owned(),
            external_reference: fields.get("external_reference").to_owned(),
            despatch_by: kept_moment(&fields, was.despatch_by)?,
            priority: fields.maybe_int("priority")?.unwrap_or(0),
            postage: read_money(&fields, "postage", order.currency)?,
            discount: read_money(&fields, "discount", order.currency)?,
            lines: read_lines(tx, &fields, order.currency)?,
        };
        orders::edit(tx, ctx, OrderId(id), version, &form)
    })
    .await?;
    Ok(Redirect::to(&format!("/orders/{id}")))
}

/// The form shows minutes; a moment that was not touched keeps its seconds.
fn kept_moment(fields: &Fields, was: Option<Timestamp>) -> Result<Option<Timestamp>, Error> {
    match was {
        Some(was) if fields.get("despatch_by") == ui::moment_field(was) => Ok(Some(was)),
        _ => read_moment(fields, "despatch_by"),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SplitQuery {
    parts: usize,
}

pub(super) async fn split_page(
    State(app): State<App>,
    user: WorkOrders,
    Path(id): Path<i64>,
    Query(query): Query<SplitQuery>,
) -> Answer<Markup> {
    let view = app
        .read(move |tx| {
            orders::editable(tx, OrderId(id))?;
            orders::view(tx, OrderId(id))
        })
        .await?;
    let content = split_form(&view, query.parts.clamp(1, PARTS_MAX));
    ui::page(&app, &user.0, "/orders", &format!("Split order {id}"), content).await
}

fn split_form(view: &OrderView, parts: usize) -> Markup {
    let order = &view.order;
    let lines = view.lines.iter().filter(|line| line.parent_line_id.is_none());
    html! {
        h1 { "Split order " (order.id) }
        p { "Each part becomes an order of its own with the same reference, sent and told to the channel by itself. What no part takes stays in order " (order.id) ", and so does the postage." }
        form.stack.wide method="post" action={"/orders/" (order.id) "/split"} {
            input type="hidden" name="version" value=(order.version);
            table.grid.form-grid {
                thead { tr { th { "Line" } th.num { "Units" } th.num { "Held" } @for part in 1..=parts { th.num { "To part " (part) } } } }
                tbody { @for line in lines { @let left = line.quantity - line.shipped_before; tr {
                    td { (line.sku.as_ref().unwrap_or(&line.channel_sku)) " " span.dim { (line.title) } }
                    td.num { (left) }
                    td.num { @if let (Some(wanted), Some(held)) = (line.wanted, line.allocated) { (held) " of " (wanted) } @else { "–" } }
                    @for part in 1..=parts { td.num { input type="number" min="0" max=(left) value="0" name={"part." (part) "." (line.id)} aria-label={"Units of " (line.title) " to part " (part)}; } }
                } } }
                tfoot { tr { td colspan="3" {} @for part in 1..=parts { td { label { input type="checkbox" name={"park." (part)} value="1"; " park it" } } } } }
            }
            p.bar {
                button.primary data-key="S" { "Split (S)" }
                @if parts < PARTS_MAX { a.button href={"/orders/" (order.id) "/split?parts=" (parts + 1)} { "One part more" } }
                a.button href={"/orders/" (order.id)} { "Leave it whole" }
            }
        }
    }
}

pub(super) async fn split(
    State(app): State<App>,
    user: WorkOrders,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let version = fields.int("version")?;
    let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
    for (name, value) in fields.with_prefix("part.") {
        let wrong = || Error::invalid(format!("part.{name}"), "must be a number of units");
        let (part, line) = name.split_once('.').ok_or_else(wrong)?;
        let (part, line): (usize, i64) = part.parse().ok().zip(line.parse().ok()).ok_or_else(wrong)?;
        let units: i64 = if value.trim().is_empty() { 0 } else { value.trim().parse().map_err(|_| wrong())? };
        let entry = parts.entry(part).or_default();
        entry.park = fields.ticked(&format!("park.{part}"));
        if units != 0 {
            entry.lines.push((LineId(line), units));
        }
    }
    // Columns that nobody filled in are no parts.
    let parts: Vec<Part> = parts.into_values().filter(|part| !part.lines.is_empty()).collect();
    app.write(user.actor(), move |tx, ctx| orders::split(tx, ctx, OrderId(id), version, &parts)).await?;
    Ok(Redirect::to(&format!("/orders/{id}")))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MergeQuery {
    ids: String,
}

pub(super) async fn merge_page(
    State(app): State<App>,
    user: WorkOrders,
    Query(query): Query<MergeQuery>,
) -> Answer<Markup> {
    let ids: Vec<OrderId> = query.ids.split(',').filter_map(|id| id.trim().parse().ok()).map(OrderId).collect();
    let checks = app.read(move |tx| orders::merge_check(tx, &ids)).await?;
    ui::page(&app, &user.0, "/orders", "Merge orders", merge_form(&checks)).await
}

fn merge_form(checks: &[MergeCheck]) -> Markup {
    let possible = checks.iter().all(|check| check.reasons.is_empty());
    let ids = |left_out: Option<&Order>| {
        let kept = checks.iter().filter(|check| Some(check.order.id) != left_out.map(|order| order.id));
        kept.map(|check| check.order.id.to_string()).collect::<Vec<_>>().join(",")
    };
    html! {
        h1 { "Merge " (checks.len()) " orders" }
        p { "They become one new order, sent in one parcel; each channel order still gets its own despatch note. A merge can't be undone, but the new order can be split." }
        table.grid {
            thead { tr { th { "Order" } th { "Customer" } th { "Service" } th.num { "Total" } th { "Can be merged" } th { "" } } }
            tbody { @for check in checks { @let order = &check.order; tr {
                td { a href={"/orders/" (order.id)} { (order.id) } " " span.dim { (order.reference) } }
                td { (order.full_name) " " span.dim { (order.postcode) } }
                td { (order.carrier) " " (order.service) }
                td.num { (ui::money(order.total())) }
                td { @if check.reasons.is_empty() { span.badge.good { "✓ yes" } } @else { span.badge.bad { "✗ no" } " " (check.reasons.join(", ")) } }
                td { @if checks.len() > 2 { a href={"/orders/merge?ids=" (ids(Some(order)))} { "leave out" } } }
            } } }
        }
        form.bar method="post" action="/orders/merge" {
            input type="hidden" name="ids" value=(ids(None));
            button.primary data-key="S" disabled[!possible] { "Merge (S)" }
            a.button href="/orders" { "Leave them apart" }
        }
    }
}

pub(super) async fn merge(State(app): State<App>, user: WorkOrders, fields: Fields) -> Answer<Redirect> {
    let ids: Vec<OrderId> = fields.ids("ids")?.into_iter().map(OrderId).collect();
    let id = app.write(user.actor(), move |tx, ctx| orders::merge(tx, ctx, &ids)).await?;
    Ok(Redirect::to(&format!("/orders/{id}")))
}
