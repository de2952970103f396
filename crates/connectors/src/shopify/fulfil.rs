//! Reporting shipments and cancellations to Shopify.
//!
//! What is shipped are lines of *fulfilment orders*: Shopify's own parting of an order by the location that it wants to ship
//! from. A note's units are therefore looked up in those that are open, and told by one fulfilment for each location. A held or
//! scheduled fulfilment order takes no fulfilment; that passes once somebody releases it, so the note is tried again. Shopify
//! knows no idempotency key here, so before a note is sent again the order's fulfilments are read: what has our tracking number
//! is taken off.

use std::collections::{BTreeMap, HashMap};

use consign_ports::{Cancellation, Despatch, Outcome, PortError};
use consign_values::{Timestamp, clean};
use serde_json::{Value, json};

use super::api::Api;
use super::mapping::{NOT_A_LINE, number, taken};
use super::{Settings, documents, order_id};
use crate::batch::one_by_one;

/// How far Shopify's clock may be behind ours where a fulfilment is told apart by its time.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// Lines of a fulfilment order in one page.
const LINES_PAGE: usize = 50;
const LINE_PAGES_MAX: usize = 40;

/// Reports notes one by one.
pub(super) async fn despatch(
    api: &Api,
    settings: &Settings,
    despatches: &[Despatch],
) -> Result<Vec<Outcome>, PortError> {
    one_by_one(despatches, |despatch| despatch_one(api, settings, despatch)).await
}

/// The inner outcome is about this order alone, the error about the shop.
async fn despatch_one(api: &Api, settings: &Settings, despatch: &Despatch) -> Result<Outcome, PortError> {
    let mut order = order_state(api, &despatch.reference).await?;
    complete(api, &mut order).await?;
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for line in despatch.lines.iter().filter(|line| !line.channel_line.contains(NOT_A_LINE)) {
        *wanted.entry(line.channel_line.clone()).or_default() += line.quantity.units();
    }
    let open = open_lines(&order);
    if let Some(stranger) = wanted.keys().find(|line| !open.iter().any(|open| open.line == **line)) {
        return Err(PortError::Refused(format!("the order has no line {stranger} in Shopify that this app may ship")));
    }
    if despatch.attempts > 0 {
        for (line, units) in told_units(&order, despatch) {
            if let Some(wanted) = wanted.get_mut(&line) {
                *wanted = wanted.saturating_sub(units).max(0);
            }
        }
    }
    wanted.retain(|_, units| *units > 0);
    if wanted.is_empty() {
        return Ok(Ok(()));
    }
    if !order["cancelledAt"].is_null() {
        return Err(PortError::Refused("the order is cancelled in Shopify".into()));
    }
    let shares = match share_out(wanted, &open) {
        Ok(shares) => shares,
        Err(error) => return Ok(Err(error)),
    };
    for (_, by_order) in shares {
        let errors = api.change(documents::FULFIL, fulfilment(settings, despatch, &by_order)).await?;
        if let Some(error) = errors.first() {
            return Err(PortError::Refused(format!("Shopify says: {}", error.message)));
        }
    }
    Ok(Ok(()))
}

/// A line of a fulfilment order.
struct OpenLine {
    fulfilment_order: String,
    location: String,
    id: String,
    /// The order line.
    line: String,
    /// Units that are still to be shipped.
    units: i64,
    /// Why no fulfilment can be made now, if so.
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Held,
    Done,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}

/// All lines of all fulfilment orders, in Shopify's sequence.
fn open_lines(order: &Value) -> Vec<OpenLine> {
    let mut lines = Vec::new();
    for fulfilment_order in order["fulfillmentOrders"]["nodes"].as_array().into_iter().flatten() {
        let state = match fulfilment_order["status"].as_str().unwrap_or("") {
            "OPEN" | "IN_PROGRESS" => State::Open,
            "ON_HOLD" | "SCHEDULED" => State::Held,
            _ => State::Done,
        };
        for line in fulfilment_order["lineItems"]["nodes"].as_array().into_iter().flatten() {
            lines.push(OpenLine {
                fulfilment_order: text(&fulfilment_order["id"]),
                location: text(&fulfilment_order["assignedLocation"]["location"]["id"]),
                id: text(&line["id"]),
                line: number(&line["lineItem"]["id"]),
                units: line["remainingQuantity"].as_i64().unwrap_or_default().max(0),
                state,
            });
        }
    }
    lines
}

/// Units by the line of a fulfilment order, by fulfilment order.
type ByOrder = BTreeMap<String, Vec<(String, i64)>>;

/// Finds a place for the wanted units in the open fulfilment orders, by location. All of them, or none.
fn share_out(wanted: BTreeMap<String, i64>, lines: &[OpenLine]) -> Result<BTreeMap<String, ByOrder>, PortError> {
    let mut shares: BTreeMap<String, ByOrder> = BTreeMap::new();
    for (line, mut units) in wanted {
        for open in lines.iter().filter(|open| open.line == line && open.state == State::Open) {
            let taken = units.min(open.units);
            if taken > 0 {
                let location = shares.entry(open.location.clone()).or_default();
                location.entry(open.fulfilment_order.clone()).or_default().push((open.id.clone(), taken));
                units -= taken;
            }
        }
        if units > 0 {
            let held: i64 = lines.iter().filter(|o| o.line == line && o.state == State::Held).map(|o| o.units).sum();
            return Err(if held >= units {
                PortError::retry("Shopify has the order on hold or scheduled for later: release it there")
            } else {
                PortError::Refused(format!("Shopify has {units} units of line {line} as shipped or removed otherwise"))
            });
        }
    }
    Ok(shares)
}

fn fulfilment(settings: &Settings, despatch: &Despatch, by_order: &ByOrder) -> Value {
    let orders: Vec<Value> = by_order
        .iter()
        .map(|(id, lines)| {
            let lines: Vec<Value> = lines.iter().map(|(id, units)| json!({ "id": id, "quantity": units })).collect();
            json!({ "fulfillmentOrderId": id, "fulfillmentOrderLineItems": lines })
        })
        .collect();
    let mut input = json!({ "lineItemsByFulfillmentOrder": orders, "notifyCustomer": settings.notify_buyer });
    let carrier = if despatch.carrier.is_empty() { &despatch.service } else { &despatch.carrier };
    let mut tracking = serde_json::Map::new();
    for (key, value) in [("company", carrier), ("number", &despatch.tracking_number)] {
        if !value.is_empty() {
            tracking.insert(key.to_owned(), value.clone().into());
        }
    }
    if !tracking.is_empty() {
        input["trackingInfo"] = tracking.into();
    }
    json!({ "fulfillment": input })
}

/// Units that an earlier try of this note has told. Without a tracking number two parcels of an order can look the same; then
/// only one made after this note came to be can be its own.
fn told_units(order: &Value, despatch: &Despatch) -> HashMap<String, i64> {
    let earliest = despatch.processed_at.plus_seconds(-CLOCK_SKEW_SECONDS);
    let mut units: HashMap<String, i64> = HashMap::new();
    for fulfilment in order["fulfillments"].as_array().into_iter().flatten() {
        let failed = matches!(fulfilment["status"].as_str(), Some("CANCELLED" | "ERROR" | "FAILURE"));
        let mut numbers = fulfilment["trackingInfo"].as_array().into_iter().flatten().map(|info| text(&info["number"]));
        let made_at = fulfilment["createdAt"].as_str().and_then(Timestamp::parse);
        let ours = if despatch.tracking_number.is_empty() {
            numbers.all(|number| number.is_empty()) && made_at.is_some_and(|at| at >= earliest)
        } else {
            numbers.any(|number| number == despatch.tracking_number)
        };
        if failed || !ours {
            continue;
        }
        for line in fulfilment["fulfillmentLineItems"]["nodes"].as_array().into_iter().flatten() {
            let sum = units.entry(number(&line["lineItem"]["id"])).or_default();
            *sum = sum.saturating_add(line["quantity"].as_i64().unwrap_or_default());
        }
    }
    units
}

async fn order_state(api: &Api, reference: &str) -> Result<Value, PortError> {
    let variables = json!({ "id": order_id(reference) });
    let mut data = api.page(documents::ORDER_STATE, variables, LINES_PAGE).await?;
    match taken(&mut data, "/order") {
        Value::Null => Err(PortError::Refused("not found in Shopify".into())),
        order => Ok(order),
    }
}

/// The fulfilment orders of an order, whole: from which of the shop's locations its units are to come.
pub(super) async fn fulfilment_orders(api: &Api, id: &Value) -> Result<Value, PortError> {
    let mut data = api.page(documents::ORDER_LOCATIONS, json!({ "id": id }), LINES_PAGE).await?;
    let mut order = taken(&mut data, "/order");
    complete(api, &mut order).await?;
    Ok(taken(&mut order, "/fulfillmentOrders"))
}

/// The fulfilment orders.
fn lists_of(order: &mut Value) -> impl Iterator<Item = &mut Value> {
    order.pointer_mut("/fulfillmentOrders/nodes").and_then(Value::as_array_mut).into_iter().flatten()
}

/// Reads the further lines of long fulfilment orders.
async fn complete(api: &Api, order: &mut Value) -> Result<(), PortError> {
    for fulfilment_order in lists_of(order) {
        for _ in 0..LINE_PAGES_MAX {
            let info = &fulfilment_order["lineItems"]["pageInfo"];
            if info["hasNextPage"] != true {
                break;
            }
            let variables = json!({ "id": fulfilment_order["id"], "after": info["endCursor"] });
            let mut data = api.page(documents::MORE_FULFILMENT_LINES, variables, LINES_PAGE).await?;
            let mut page = taken(&mut data, "/fulfillmentOrder/lineItems");
            if let (Some(lines), Value::Array(more)) =
                (fulfilment_order["lineItems"]["nodes"].as_array_mut(), taken(&mut page, "/nodes"))
            {
                lines.extend(more);
            }
            fulfilment_order["lineItems"]["pageInfo"] = taken(&mut page, "/pageInfo");
        }
    }
    Ok(())
}

/// Cancels an order; its units go back on sale, and the money back if the settings say so.
pub(super) async fn cancel(api: &Api, settings: &Settings, cancellation: &Cancellation) -> Outcome {
    let order = order_state(api, &cancellation.reference).await?;
    if !order["cancelledAt"].is_null() {
        return Ok(());
    }
    let variables = json!({
        "id": order["id"],
        "refund": settings.refund_on_cancel,
        "notify": settings.notify_buyer,
        "note": clean(&cancellation.reason, 255),
    });
    match api.change(documents::CANCEL, variables).await?.first() {
        None => Ok(()),
        Some(error) => Err(PortError::Refused(format!("Shopify says: {}", error.message))),
    }
}
