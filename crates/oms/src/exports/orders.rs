//! Lines of orders as rows, in the columns of the import.

use std::collections::HashMap;

use consign_db::Tx;
use consign_values::{Address, LocationId, OrderId, Rate};

use super::{ExportFilter, Table, amount, store, truth};
use crate::imports::write_pairs;
use crate::marks::{self, Mark, MarkKind};
use crate::orders::{Detail, Line, Note, Order, postage_tax};
use crate::{Result, locations};

/// The columns: by the import's codes, except those it would not know by them, and at the end what only an export has.
pub const COLUMNS: &[&str] = &[
    "reference",
    "secondary_reference",
    "external_reference",
    "sub_source",
    "buyer",
    "sku",
    "item_number",
    "title",
    "quantity",
    "unit_price",
    "tax_rate",
    "tax_inclusive",
    "line_discount",
    "is_service",
    "options",
    "received_at",
    "despatch_by",
    "paid_at",
    "status",
    "payment_method",
    "currency",
    "postage",
    "postage_tax_rate",
    "discount",
    "carrier",
    "service",
    "tracking_number",
    "location",
    "tag",
    "folders",
    "identifiers",
    "note",
    "internal_note",
    "properties",
    "tax_number",
    "delivery_full_name",
    "delivery_company",
    "delivery_line1",
    "delivery_line2",
    "delivery_line3",
    "delivery_town",
    "delivery_region",
    "delivery_postcode",
    "delivery_country",
    "delivery_country_code",
    "delivery_phone",
    "delivery_email",
    "billing_full_name",
    "billing_company",
    "billing_address1",
    "billing_address2",
    "billing_address3",
    "billing_town",
    "billing_region",
    "billing_postcode",
    "billing_country",
    "billing_country_code",
    "billing_phone",
    "billing_email",
    "consign_number",
    "source",
    "part",
    "parked",
    "stock_state",
    "total",
];

/// The property that an import keeps a buyer's tax number under.
const TAX_NUMBER: &str = "Tax number";

/// With `at_centre`, the orders that fulfilment centres have; else the others.
pub fn write(tx: &mut Tx<'_>, filter: &ExportFilter, at_centre: bool, table: &mut Table<'_>) -> Result<()> {
    let places: HashMap<LocationId, String> =
        locations::list(tx)?.into_iter().map(|place| (place.id, place.name)).collect();
    let mut after = OrderId(0);
    loop {
        let orders = store::orders_after(tx, filter, at_centre, after)?;
        let Some(last) = orders.last() else { return Ok(()) };
        after = last.id;
        let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
        let details = grouped(store::details_of(tx, &ids)?, |detail| detail.order_id);
        let lines = grouped(store::lines_of(tx, &ids)?, |line| line.order_id);
        let notes = grouped(store::notes_of(tx, &ids)?, |note| note.order_id);
        let marks = marks::of_orders(tx, &ids)?;
        let mut rows = Vec::new();
        for order in &orders {
            let Some(detail) = details.get(&order.id).and_then(|found| found.first()) else { continue };
            let lines = lines.get(&order.id).map_or(&[][..], Vec::as_slice);
            let notes = notes.get(&order.id).map_or(&[][..], Vec::as_slice);
            let marks = marks.get(&order.id).map_or(&[][..], Vec::as_slice);
            let place = places.get(&order.location_id).map_or("", String::as_str);
            rows.extend(order_rows(order, detail, lines, notes, marks, place));
        }
        table.rows(rows)?;
    }
}

fn grouped<T>(rows: Vec<T>, key: impl Fn(&T) -> OrderId) -> HashMap<OrderId, Vec<T>> {
    let mut groups: HashMap<OrderId, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

fn order_rows(
    order: &Order,
    detail: &Detail,
    lines: &[Line],
    notes: &[Note],
    marks: &[Mark],
    place: &str,
) -> Vec<Vec<String>> {
    let money = |value: i64| amount(value, order.currency);
    let moment = |at: Option<consign_values::Timestamp>| at.map_or_else(String::new, |at| at.to_rfc3339_millis());
    let notes = |internal: bool| {
        let bodies = notes.iter().filter(|note| note.internal == internal).map(|note| note.body.as_str());
        bodies.collect::<Vec<_>>().join("\n")
    };
    let names = |kind: MarkKind| {
        let names = marks.iter().filter(|mark| mark.kind == kind).map(|mark| mark.name.as_str());
        names.collect::<Vec<_>>().join("\n")
    };
    let properties = detail.properties();
    let others: Vec<_> = properties.iter().filter(|(name, _)| name != TAX_NUMBER).cloned().collect();
    let tax_number = properties.iter().find(|(name, _)| name == TAX_NUMBER).map_or("", |(_, value)| value);
    let mut after_lines = vec![
        moment(Some(order.received_at)),
        moment(order.deadline()),
        moment(detail.paid_at),
        order.payment.to_string(),
        detail.payment_method.clone(),
        order.currency.to_string(),
        money(detail.postage),
        postage_rate(order, detail, lines).to_percent().to_string(),
        money(detail.discount),
        order.carrier.clone(),
        order.service.clone(),
        order.tracking_number.clone(),
        place.to_owned(),
        order.tag.to_string(),
        names(MarkKind::Folder),
        names(MarkKind::Identifier),
        notes(false),
        notes(true),
        write_pairs(&others),
        tax_number.to_owned(),
    ];
    for address in [detail.delivery(), detail.billing()] {
        after_lines.extend(address_cells(address));
    }
    after_lines.extend([
        order.id.to_string(),
        order.source.clone(),
        order.part.to_string(),
        truth(order.parked),
        order.stock_state.to_string(),
        money(order.total),
    ]);
    let before_lines = [
        order.reference.clone(),
        order.secondary_reference.clone(),
        order.external_reference.clone(),
        order.sub_source.clone(),
        order.buyer.clone(),
    ];
    let cells = |line: &Line| {
        let mut cells = before_lines.to_vec();
        cells.extend(line_cells(line, money));
        cells.extend_from_slice(&after_lines);
        cells
    };
    lines.iter().map(cells).collect()
}

fn line_cells(line: &Line, money: impl Fn(i64) -> String) -> [String; 10] {
    let options: Vec<(String, String)> = serde_json::from_str(&line.options).unwrap_or_default();
    [
        line.channel_sku.clone(),
        line.channel_line.clone(),
        line.title.clone(),
        line.quantity.to_string(),
        money(line.unit_price),
        line.tax_rate.to_percent().to_string(),
        truth(line.tax_inclusive),
        money(line.discount),
        truth(line.is_service),
        write_pairs(&options),
    ]
}

fn address_cells(address: Address) -> [String; 12] {
    [
        address.full_name,
        address.company,
        address.line1,
        address.line2,
        address.line3,
        address.town,
        address.region,
        address.postcode,
        address.country,
        address.country_code.to_string(),
        address.phone,
        address.email,
    ]
}

/// The rate that makes the postage contain the tax that it does: orders keep the tax, not the rate.
fn postage_rate(order: &Order, detail: &Detail, lines: &[Line]) -> Rate {
    let tax = postage_tax(order.currency, detail, lines).unwrap_or(0);
    let net = detail.postage - tax;
    if tax <= 0 || net <= 0 {
        return Rate(0);
    }
    let rate = (i128::from(tax) * 1_000_000 + i128::from(net) / 2) / i128::from(net);
    let exact = i64::try_from(rate).unwrap_or(0);
    // Of the rates that give this tax, the one that people write: in whole or half per cents, if there is one.
    let postage = consign_values::Money { amount: detail.postage, currency: order.currency };
    let round = Rate((exact + 2_500) / 5_000 * 5_000);
    if round.tax_in(postage).amount == tax { round } else { Rate(exact) }
}
