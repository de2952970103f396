//! Reads the facts of an order, as far as some rules look.

use std::collections::BTreeMap;

use consign_db::Tx;
use consign_values::{ItemId, OrderId, Timestamp, Zone};

use super::facts::SCALE;
use super::{Facts, Field, FieldGroup, Seen};
use crate::items::{self, Item};
use crate::marks::{self, MarkKind};
use crate::orders::{self, Line, NO_DEADLINE, Order, Payment};
use crate::settings::{self, Formats};
use crate::stock::StockState;
use crate::{Ctx, Result, locations, stock};

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The facts of an order, read as far as `groups` ask. Dates are on the company's clocks.
pub fn facts(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, groups: &[FieldGroup]) -> Result<Facts> {
    let order = orders::get(tx, id)?;
    let wants = |group| groups.contains(&group);
    let zone = settings::get::<Formats>(tx)?.manner().zone;
    let mut facts = Facts::default();
    of_order(&mut facts, &order, ctx.now(), &zone);
    if wants(FieldGroup::Detail) {
        of_detail(tx, &mut facts, &order)?;
    }
    if wants(FieldGroup::Lines) || wants(FieldGroup::Items) || wants(FieldGroup::Stock) {
        let lines = orders::lines_of(tx, id)?;
        let mut ids: Vec<ItemId> = lines.iter().filter_map(|line| line.item_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let items = items::list_of(tx, &ids)?;
        of_lines(&mut facts, &lines, &items);
        of_items(&mut facts, &lines, &items);
        if wants(FieldGroup::Stock) {
            of_stock(tx, &mut facts, &order, &lines)?;
        }
    }
    if wants(FieldGroup::Notes) {
        let notes = orders::notes_of(tx, id)?;
        facts.set(Field::NoteText, Seen::texts(notes.iter().map(|note| note.body.as_str())));
    }
    if wants(FieldGroup::Marks) {
        let marks = marks::of_order(tx, id)?;
        for (field, kind) in [(Field::Folder, MarkKind::Folder), (Field::Identifier, MarkKind::Identifier)] {
            let ids: Vec<String> =
                marks.iter().filter(|mark| mark.kind == kind).map(|mark| mark.id.to_string()).collect();
            facts.set(field, Seen::texts(ids.iter().map(String::as_str)));
        }
    }
    Ok(facts)
}

fn of_order(facts: &mut Facts, order: &Order, now: Timestamp, zone: &Zone) {
    let number = |text: String| text.parse().map_or(Seen::Nothing, Seen::whole);
    let show = |at: Timestamp, pattern: &str| zone.show(at, pattern);
    for (field, text) in [
        (Field::Source, order.source.as_str()),
        (Field::SubSource, &order.sub_source),
        (Field::Reference, order.reference.as_str()),
        (Field::SecondaryReference, &order.secondary_reference),
        (Field::ExternalReference, &order.external_reference),
        (Field::Buyer, &order.buyer),
        (Field::Currency, order.currency.code()),
        (Field::Carrier, &order.carrier),
        (Field::Service, &order.service),
        (Field::TrackingNumber, &order.tracking_number),
        (Field::Name, &order.full_name),
        (Field::Company, &order.company),
        (Field::Postcode, &order.postcode),
        (Field::Country, &order.country_code),
    ] {
        facts.set(field, Seen::text(text));
    }
    facts.set(Field::Location, Seen::text(&order.location_id.to_string()));
    facts.set(Field::Tag, Seen::text(&order.tag.to_string()));
    facts.set(Field::Paid, Seen::Flag(order.payment == Payment::Paid));
    facts.set(Field::InStock, Seen::Flag(matches!(order.stock_state, StockState::Full | StockState::None)));
    facts.set(Field::Total, Seen::Number(order.total));
    facts.set(Field::LineCount, Seen::whole(order.line_count));
    facts.set(Field::UnitCount, Seen::whole(order.unit_count));
    let days = |seconds: i64| Seen::Number(seconds.saturating_mul(SCALE) / DAY);
    facts.set(Field::ReceivedDaysAgo, days((now.0 - order.received_at.0) / 1_000_000));
    facts.set(Field::ReceivedHour, number(show(order.received_at, "%-H")));
    facts.set(Field::ReceivedWeekday, Seen::whole(zone.weekday(order.received_at)));
    if order.despatch_by < NO_DEADLINE {
        facts.set(Field::DespatchInDays, days((order.despatch_by.0 - now.0) / 1_000_000));
        facts.set(Field::DespatchHour, number(show(order.despatch_by, "%-H")));
        facts.set(Field::DespatchMinute, number(show(order.despatch_by, "%-M")));
    }
}

fn of_detail(tx: &mut Tx<'_>, facts: &mut Facts, order: &Order) -> Result<()> {
    let Some(detail) = orders::detail_of(tx, order.id)? else { return Ok(()) };
    let (delivery, billing) = (detail.delivery(), detail.billing());
    for (field, text) in [
        (Field::Site, &detail.site),
        (Field::ChannelStatus, &detail.channel_status),
        (Field::ShippingTag, &detail.shipping_tag),
        (Field::PaymentMethod, &detail.payment_method),
        (Field::Address1, &delivery.line1),
        (Field::Address2, &delivery.line2),
        (Field::Address3, &delivery.line3),
        (Field::Town, &delivery.town),
        (Field::Region, &delivery.region),
        (Field::Phone, &delivery.phone),
        (Field::Email, &delivery.email),
        (Field::BillingName, &billing.full_name),
        (Field::BillingCompany, &billing.company),
        (Field::BillingPostcode, &billing.postcode),
        (Field::BillingCountry, &billing.country_code.to_string()),
    ] {
        facts.set(field, Seen::text(text));
    }
    for (field, amount) in [
        (Field::Subtotal, detail.subtotal),
        (Field::Postage, detail.postage),
        (Field::Discount, detail.discount),
        (Field::Tax, detail.tax),
    ] {
        facts.set(field, Seen::Number(amount));
    }
    keyed(facts, Field::Property, detail.properties());
    Ok(())
}

/// Values by key, several of one key together.
fn keyed(facts: &mut Facts, field: Field, pairs: impl IntoIterator<Item = (String, String)>) {
    let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, value) in pairs {
        by_key.entry(key.to_lowercase()).or_default().push(value);
    }
    for (key, values) in by_key {
        facts.set_keyed(field, &key, Seen::texts(values.iter().map(String::as_str)));
    }
}

/// Lines as they were sold: the parts of a kit are not asked.
fn sold(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.parent_line_id.is_none())
}

fn of_lines(facts: &mut Facts, lines: &[Line], items: &[Item]) {
    let item = |line: &Line| items.iter().find(|item| Some(item.id) == line.item_id);
    facts.set(Field::Sku, Seen::texts(sold(lines).filter_map(|line| item(line).map(|item| item.sku.as_str()))));
    facts.set(Field::ChannelSku, Seen::texts(sold(lines).map(|line| line.channel_sku.as_str())));
    facts.set(Field::Title, Seen::texts(sold(lines).map(|line| line.title.as_str())));
    facts
        .set(Field::LineQuantity, Seen::Numbers(sold(lines).map(|line| line.quantity.saturating_mul(SCALE)).collect()));
    facts.set(Field::UnitPrice, Seen::Numbers(sold(lines).map(|line| line.unit_price).collect()));
    facts.set(Field::HasComposite, Seen::Flag(lines.iter().any(|line| line.composite)));
    facts.set(Field::HasUnlinked, Seen::Flag(lines.iter().any(Line::is_unlinked)));
    keyed(facts, Field::Option, sold(lines).flat_map(Line::options));
}

/// Weights and sizes of what is in the parcel: of a kit, its parts.
fn of_items(facts: &mut Facts, lines: &[Line], items: &[Item]) {
    let inside: Vec<(&Line, &Item)> = lines
        .iter()
        .filter(|line| !line.composite)
        .filter_map(|line| Some((line, items.iter().find(|item| Some(item.id) == line.item_id)?)))
        .collect();
    let total: i64 = inside.iter().map(|(line, item)| line.quantity.saturating_mul(item.weight_g)).sum();
    facts.set(Field::TotalWeight, Seen::whole(total));
    let weights = inside.iter().map(|(_, item)| item.weight_g.saturating_mul(SCALE));
    facts.set(Field::ItemWeight, Seen::Numbers(weights.collect()));
    let longest = |size: fn(&Item) -> i64| Seen::whole(inside.iter().map(|(_, item)| size(item)).max().unwrap_or(0));
    facts.set(Field::MaxLength, longest(|item| item.length_mm));
    facts.set(Field::MaxWidth, longest(|item| item.width_mm));
    facts.set(Field::MaxHeight, longest(|item| item.height_mm));
}

/// What there is for the order here, and where else it could be served whole. What it holds itself counts as there.
fn of_stock(tx: &mut Tx<'_>, facts: &mut Facts, order: &Order, lines: &[Line]) -> Result<()> {
    let mut needs: BTreeMap<ItemId, i64> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.is_service && !line.composite && line.outstanding() > 0) {
        if let Some(item) = line.item_id {
            *needs.entry(item).or_default() += line.outstanding();
        }
    }
    let mut whole: Vec<String> = Vec::new();
    for place in locations::list(tx)? {
        let mut enough = true;
        let mut here = Vec::new();
        for (item, units) in &needs {
            let level = stock::level(tx, *item, place.id)?;
            let own = if place.id == order.location_id && order.is_live() { *units } else { 0 };
            let available = level.available() + own;
            enough &= !level.tracked || available >= *units;
            here.push(available.saturating_mul(SCALE));
        }
        if enough {
            whole.push(place.id.to_string());
        }
        if place.id == order.location_id {
            facts.set(Field::Available, Seen::Numbers(here));
        }
    }
    facts.set(Field::InStockAt, Seen::texts(whole.iter().map(String::as_str)));
    Ok(())
}
