//! Files that are not new orders, row by row: what a row asks for is planned, and then done by the use case that a person's click calls.
//!
//! A dry run only plans; a run plans and does. What is so already is left alone, so that a file that was half taken in can be taken in
//! again. Reference 6.6.

use consign_db::Tx;
use consign_sheets::Sheet;
use consign_values::{ChannelId, Currency, ItemId, LocationId, OrderId, clean};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::rows::Reader;
use super::{DryOrder, Group, Import, ImportKind, Mapping, RowFault};
use crate::items::ItemForm;
use crate::orders::{Action, CentreAnswer, CentreStatus, Order, OrderState};
use crate::{Ctx, Error, Result, channels, items, locations, orders, stock};

/// What a row asks for.
enum Plan {
    /// Nothing: it is so already.
    Nothing,
    /// Set how the order goes, where that differs, and process it.
    Process { order: OrderId, shipping: Option<[String; 3]> },
    /// Set how the order goes.
    Ship { order: OrderId, shipping: [String; 3] },
    /// Make an item.
    Make(Box<ItemForm>),
    /// Change one.
    Change { item: ItemId, version: i64, form: Box<ItemForm>, what: String },
    /// Record what a centre says.
    Answer { order: OrderId, answer: CentreAnswer },
    /// A centre's feed says how many there are.
    Feed { item: ItemId, location: LocationId, units: i64, what: String },
    /// Set a level.
    Count { item: ItemId, location: LocationId, units: i64, what: String },
    /// Link a SKU of a channel.
    Link { channel: ChannelId, channel_sku: String, item: ItemId, what: String },
}

/// A row by itself, called by what it is about.
pub fn group(sheet: &Sheet, mapping: &Mapping, row: usize) -> Group {
    let cells = sheet.row(row);
    let value = |code: &str| clean(&mapping.value(code, sheet.header(), &cells), 128);
    let reference = match mapping.kind {
        ImportKind::Process | ImportKind::Tracking | ImportKind::Centre => {
            let number = value("number");
            if number.is_empty() { value("reference") } else { number }
        }
        ImportKind::Listings => value("channel_sku"),
        _ => value("sku"),
    };
    Group { sub_source: String::new(), reference, rows: vec![row] }
}

/// What would be done with a row.
pub fn dry(tx: &mut Tx<'_>, import: &Import, mapping: &Mapping, sheet: &Sheet, group: &Group) -> Result<DryOrder> {
    let (plan, known, faults) = match plan(tx, import, mapping, sheet, group)? {
        Ok(plan) => (plan.describe(), matches!(plan, Plan::Nothing), Vec::new()),
        Err(faults) => (String::new(), false, faults),
    };
    let line = sheet.line(group.rows[0]);
    Ok(DryOrder {
        plan,
        reference: group.reference.clone(),
        line,
        read: None,
        known,
        faults: faults.into_iter().map(|fault| (line, fault.field, fault.reason)).collect(),
        differing: Vec::new(),
    })
}

/// Does what a row asks for: whether anything was to do, or why it can't be done. Then nothing is half done.
pub fn work(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    import: &Import,
    mapping: &Mapping,
    sheet: &Sheet,
    group: &Group,
) -> Result<Result<bool, Vec<RowFault>>> {
    let plan = match plan(tx, import, mapping, sheet, group)? {
        Ok(Plan::Nothing) => return Ok(Ok(false)),
        Ok(plan) => plan,
        Err(faults) => return Ok(Err(faults)),
    };
    let fault = |field: &str, reason: String| RowFault { row: group.rows[0], field: field.to_owned(), reason };
    match tx.attempt(|tx| plan.perform(tx, ctx, import)) {
        Ok(()) => Ok(Ok(true)),
        Err(Error::Invalid(errors)) => {
            Ok(Err(errors.iter().map(|error| fault(&error.field, error.message.clone())).collect()))
        }
        Err(error @ (Error::Refused(_) | Error::NotFound(_) | Error::Stale)) => {
            Ok(Err(vec![fault("", error.to_string())]))
        }
        Err(error) => Err(error),
    }
}

impl Plan {
    fn describe(&self) -> String {
        match self {
            Plan::Nothing => String::new(),
            Plan::Process { order, shipping: None } => format!("process order {order}"),
            Plan::Process { order, shipping: Some(shipping) } => format!("process order {order}, {}", shown(shipping)),
            Plan::Ship { order, shipping } => format!("order {order}: {}", shown(shipping)),
            Plan::Make(form) => format!("new item {}", form.title),
            Plan::Answer { order, answer } => {
                let words =
                    [answer.status.as_str(), &answer.text, &answer.carrier, &answer.service, &answer.tracking_number];
                let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
                format!("order {order}: {}", words.join(" "))
            }
            Plan::Feed { what, .. }
            | Plan::Change { what, .. }
            | Plan::Count { what, .. }
            | Plan::Link { what, .. } => what.clone(),
        }
    }

    fn perform(&self, tx: &mut Tx<'_>, ctx: &Ctx<'_>, import: &Import) -> Result<()> {
        match self {
            Plan::Nothing => Ok(()),
            Plan::Process { order, shipping } => {
                if let Some([carrier, service, tracking]) = shipping {
                    orders::set_shipping(tx, ctx, *order, carrier, service, tracking)?;
                }
                orders::process(tx, ctx, *order)
            }
            Plan::Ship { order, shipping: [carrier, service, tracking] } => {
                orders::set_shipping(tx, ctx, *order, carrier, service, tracking)
            }
            Plan::Answer { order, answer } => orders::centre_answered(tx, ctx, *order, answer),
            Plan::Feed { item, location, units, .. } => {
                let reason = clean(&format!("import {}", import.file_name), 255);
                stock::feed(tx, ctx, *item, *location, *units, &reason).map(|_| ())
            }
            Plan::Make(form) => items::create(tx, ctx, form).map(|_| ()),
            Plan::Change { item, version, form, .. } => items::edit(tx, ctx, *item, *version, form),
            Plan::Count { item, location, units, .. } => {
                let reason = clean(&format!("import {}", import.file_name), 255);
                stock::set_level(tx, ctx, *item, *location, *units, &reason).map(|_| ())
            }
            Plan::Link { channel, channel_sku, item, .. } => {
                channels::link_listing(tx, ctx, *channel, channel_sku, *item)?;
                orders::link_waiting(tx, ctx, *channel, channel_sku, *item).map(|_| ())
            }
        }
    }
}

fn shown(shipping: &[String; 3]) -> String {
    shipping.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn plan(
    tx: &mut Tx<'_>,
    import: &Import,
    mapping: &Mapping,
    sheet: &Sheet,
    group: &Group,
) -> Result<Result<Plan, Vec<RowFault>>> {
    let (row, mut faults) = (group.rows[0], Vec::new());
    let cells = sheet.row(row);
    let mut reader = Reader { sheet, mapping, row, cells: &cells, faults: &mut faults };
    let plan = match mapping.kind {
        ImportKind::Orders => None,
        ImportKind::Process => process(tx, &mut reader)?,
        ImportKind::Tracking => tracking(tx, &mut reader)?,
        ImportKind::Centre => centre(tx, &mut reader)?,
        ImportKind::Items => item(tx, &mut reader)?,
        ImportKind::Stock => level(tx, import, &mut reader)?,
        ImportKind::Listings => listing(tx, &mut reader)?,
    };
    match plan {
        Some(plan) if faults.is_empty() => Ok(Ok(plan)),
        _ => Ok(Err(faults)),
    }
}

/// The order that a row names, by Consign's number or by its reference.
fn order(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Order>> {
    let (number, reference) = (reader.text("number"), reader.text("reference"));
    if !number.is_empty() {
        let found = number.parse().ok().map(|id| orders::list_of(tx, &[OrderId(id)])).transpose()?;
        let found = found.and_then(|mut found| found.pop()).filter(|order| order.state != OrderState::Deleted);
        if found.is_none() {
            reader.fault("number", &format!("{number} is no order's number"));
        }
        return Ok(found);
    }
    if reference.is_empty() {
        reader.fault("reference", "must not be empty");
        return Ok(None);
    }
    let (source, sub_source) = (reader.text("source"), reader.text("sub_source"));
    let mut found = orders::by_reference(tx, &clean(&reference, 128))?;
    found.retain(|order| {
        (source.is_empty() || order.source.eq_ignore_ascii_case(&source))
            && (sub_source.is_empty() || order.sub_source == sub_source)
    });
    if found.iter().any(|order| order.state == OrderState::Open) {
        found.retain(|order| order.state == OrderState::Open);
    }
    match found.len() {
        0 => reader.fault("reference", &format!("{reference} is no order's reference")),
        1 => return Ok(found.pop()),
        several => {
            let reason = format!("{reference} is the reference of {several} orders; give the number instead");
            reader.fault("reference", &reason);
        }
    }
    Ok(None)
}

/// Carrier, service and tracking number as they are to be; none if they are so already. A blank cell leaves what is there.
fn shipping(reader: &Reader<'_>, order: &Order) -> Option<[String; 3]> {
    let or = |code: &str, known: &String| {
        let text = clean(&reader.text(code), 128);
        if text.is_empty() { known.clone() } else { text }
    };
    let wanted =
        [or("carrier", &order.carrier), or("service", &order.service), or("tracking_number", &order.tracking_number)];
    let same = [&order.carrier, &order.service, &order.tracking_number].into_iter().eq(wanted.iter());
    (!same).then_some(wanted)
}

fn process(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let Some(order) = order(tx, reader)? else { return Ok(None) };
    if order.state == OrderState::Processed {
        return Ok(Some(Plan::Nothing));
    }
    if let Some(refusal) = orders::refusal(&order, Action::Process) {
        reader.fault("", &refusal.to_string());
        return Ok(None);
    }
    Ok(Some(Plan::Process { order: order.id, shipping: shipping(reader, &order) }))
}

fn tracking(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let Some(order) = order(tx, reader)? else { return Ok(None) };
    if reader.text("tracking_number").is_empty() {
        reader.fault("tracking_number", "must not be empty");
        return Ok(None);
    }
    let Some(shipping) = shipping(reader, &order) else { return Ok(Some(Plan::Nothing)) };
    if let Some(refusal) = orders::refusal(&order, Action::Ship) {
        reader.fault("", &refusal.to_string());
        return Ok(None);
    }
    Ok(Some(Plan::Ship { order: order.id, shipping }))
}

/// The same answer as the centre's last is nothing new, so that a file which grows can be taken in again and again.
fn centre(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let Some(order) = order(tx, reader)? else { return Ok(None) };
    let said = reader.text("status").to_lowercase();
    let Some(status) = CentreStatus::parse(if said == "canceled" { "cancelled" } else { &said }) else {
        reader.fault("status", &format!("{said} is none of acknowledged, shipped, complete, cancelled, error"));
        return Ok(None);
    };
    let text = |code: &str| clean(&reader.text(code), 128);
    let answer = CentreAnswer {
        status,
        text: clean(&reader.text("text"), 255),
        carrier: text("carrier"),
        service: text("service"),
        tracking_number: text("tracking_number"),
    };
    let over = order.state == OrderState::Processed && matches!(status, CentreStatus::Shipped | CentreStatus::Complete);
    if over || orders::centre_said(tx, &order, &answer)? {
        return Ok(Some(Plan::Nothing));
    }
    if let Some(refusal) = orders::refusal(&order, Action::CentreAnswer) {
        reader.fault("", &refusal.to_string());
        return Ok(None);
    }
    if status == CentreStatus::Error && answer.text.is_empty() {
        reader.fault("text", "must say what the centre's error is");
        return Ok(None);
    }
    Ok(Some(Plan::Answer { order: order.id, answer }))
}

/// A number of whole units from 0 on.
fn whole(reader: &mut Reader<'_>, code: &str) -> Option<i64> {
    let number = reader.number(code)?;
    let whole =
        Some(number).filter(|number| number.fract().is_zero() && *number >= Decimal::ZERO).and_then(|n| n.to_i64());
    if whole.is_none() {
        reader.fault(code, "must be a whole number from 0 on");
    }
    whole
}

fn item(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let sku = clean(&reader.text("sku"), 128);
    if sku.is_empty() {
        reader.fault("sku", "must not be empty");
        return Ok(None);
    }
    let known = items::find_by_sku(tx, &sku)?;
    let mut form = match &known {
        Some(item) => {
            let barcodes = items::barcodes(tx, item.id)?;
            ItemForm {
                sku: item.sku.clone(),
                title: item.title.clone(),
                barcodes,
                weight_g: item.weight_g,
                length_mm: item.length_mm,
                width_mm: item.width_mm,
                height_mm: item.height_mm,
                price: item.price,
                currency: item.currency.to_string(),
                tax_rate: item.tax_rate.0,
            }
        }
        None => ItemForm { title: sku.clone(), sku, currency: "GBP".to_owned(), ..ItemForm::default() },
    };
    let before = form.clone();
    fill(reader, &mut form);
    if !reader.faults.is_empty() {
        return Ok(None);
    }
    Ok(Some(match known {
        None => Plan::Make(Box::new(form)),
        Some(_) if form == before => Plan::Nothing,
        Some(item) => {
            let what = format!("{}: {}", item.sku, differences(&before, &form));
            Plan::Change { item: item.id, version: item.version, form: Box::new(form), what }
        }
    }))
}

/// A blank cell leaves what is there.
fn fill(reader: &mut Reader<'_>, form: &mut ItemForm) {
    let title = clean(&reader.text("title"), 255);
    if !title.is_empty() {
        form.title = title;
    }
    let barcodes = reader.text("barcodes");
    if !barcodes.is_empty() {
        form.barcodes = barcodes.split_whitespace().map(str::to_owned).collect();
    }
    let currency = reader.text("currency");
    if !currency.is_empty() {
        match Currency::parse(&currency) {
            Some(currency) => form.currency = currency.to_string(),
            None => reader.fault("currency", "must be an ISO 4217 code such as GBP"),
        }
    }
    if let Some(price) = reader.number("price") {
        let amount = (price * Decimal::from(10_000)).normalize();
        match Some(amount)
            .filter(|amount| amount.fract().is_zero() && *amount >= Decimal::ZERO)
            .and_then(|n| n.to_i64())
        {
            Some(amount) => form.price = amount,
            None => reader.fault("price", "must be 0 or more, with at most four decimals"),
        }
    }
    if !reader.text("tax_rate").is_empty() {
        form.tax_rate = reader.rate("tax_rate").0;
    }
    for (code, measure) in [
        ("weight_g", &mut form.weight_g),
        ("length_mm", &mut form.length_mm),
        ("width_mm", &mut form.width_mm),
        ("height_mm", &mut form.height_mm),
    ] {
        if let Some(whole) = whole(reader, code) {
            *measure = whole;
        }
    }
}

fn differences(before: &ItemForm, after: &ItemForm) -> String {
    let parts = [
        ("title", before.title != after.title),
        ("barcodes", before.barcodes != after.barcodes),
        ("price", (before.price, &before.currency) != (after.price, &after.currency)),
        ("tax rate", before.tax_rate != after.tax_rate),
        ("weight", before.weight_g != after.weight_g),
        (
            "size",
            [before.length_mm, before.width_mm, before.height_mm] != [after.length_mm, after.width_mm, after.height_mm],
        ),
    ];
    let changed: Vec<&str> = parts.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
    format!("{} changed", changed.join(", "))
}

/// The item with the SKU that a row names.
fn named_item(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<items::Item>> {
    let sku = clean(&reader.text("sku"), 128);
    let found = items::find_by_sku(tx, &sku)?;
    if found.is_none() {
        let reason = if sku.is_empty() { "must not be empty".to_owned() } else { format!("{sku} is no item's SKU") };
        reader.fault("sku", &reason);
    }
    Ok(found)
}

fn level(tx: &mut Tx<'_>, import: &Import, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let item = named_item(tx, reader)?;
    let name = reader.text("location");
    let places = locations::list(tx)?;
    let place = places.iter().find(|place| {
        if name.is_empty() { place.id == import.location_id } else { place.name.to_lowercase() == name.to_lowercase() }
    });
    if place.is_none() {
        reader.fault("location", &format!("{name} is no location"));
    }
    if reader.text("on_hand").is_empty() {
        reader.fault("on_hand", "must not be empty");
    }
    let units = whole(reader, "on_hand");
    let (Some(item), Some(place), Some(units)) = (item, place, units) else { return Ok(None) };
    let level = stock::level(tx, item.id, place.id)?;
    if level.tracked && level.on_hand == units {
        return Ok(Some(Plan::Nothing));
    }
    let what = format!("{} at {}: {} → {units}", item.sku, place.name, level.on_hand);
    let (item, location) = (item.id, place.id);
    Ok(Some(match place.fulfilment_centre {
        true => Plan::Feed { item, location, units, what },
        false => Plan::Count { item, location, units, what },
    }))
}

fn listing(tx: &mut Tx<'_>, reader: &mut Reader<'_>) -> Result<Option<Plan>> {
    let item = named_item(tx, reader)?;
    let (name, source) = (reader.text("channel"), reader.text("source"));
    let mut found = channels::list(tx)?;
    found.retain(|channel| {
        channel.name.eq_ignore_ascii_case(&name) && (source.is_empty() || channel.source.eq_ignore_ascii_case(&source))
    });
    let channel = match found.as_slice() {
        [channel] => Some(channel.id),
        [] => {
            reader.fault("channel", &format!("{name} is no channel"));
            None
        }
        _ => {
            reader.fault("channel", &format!("{name} is the name of several channels; give the source as well"));
            None
        }
    };
    let channel_sku = clean(&reader.text("channel_sku"), 128);
    if channel_sku.is_empty() {
        reader.fault("channel_sku", "must not be empty");
    }
    let (Some(item), Some(channel), false) = (item, channel, channel_sku.is_empty()) else { return Ok(None) };
    let linked = channels::linked_item(tx, channel, &channel_sku)?;
    if linked == Some(item.id) {
        return Ok(Some(Plan::Nothing));
    }
    let what = format!("{channel_sku} on {name} → {}", item.sku);
    Ok(Some(Plan::Link { channel, channel_sku, item: item.id, what }))
}
