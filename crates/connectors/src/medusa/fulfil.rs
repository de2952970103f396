//! Reporting shipments and cancellations to Medusa.
//!
//! A despatch is two calls: a fulfilment takes the units from stock, a shipment then gives it its tracking number. Medusa knows
//! no idempotency key, so the note's key is kept in the fulfilment's `metadata`; its order is read before each try, and a
//! fulfilment with our key is finished where it was left. Carrier and service go to `metadata` too, since a label has no field
//! for them. Only line ids that belong to the order, and units that no parcel has yet, are ever sent.

use consign_ports::{Cancellation, Despatch, Outcome, PortError};
use serde_json::{Value, json};

use super::api::{self, Api};
use super::mapping::NOT_A_LINE;
use super::{rows, text};
use crate::batch::settle;

/// Calls that may fail in a row before the rest of a batch is put off.
const FAILURES_MAX: usize = 2;
/// Where the note's key is kept.
const KEY: &str = "consign_note";

/// Reports notes one by one. Trouble with one order doesn't hold up the next, but trouble with the shop ends the batch.
pub(super) async fn despatch(api: &Api, location: &str, despatches: &[Despatch]) -> Result<Vec<Outcome>, PortError> {
    let mut outcomes: Vec<Option<Outcome>> = vec![None; despatches.len()];
    let mut failures = 0;
    for (index, despatch) in despatches.iter().enumerate() {
        let outcome = despatch_one(api, location, despatch).await;
        let ends = match &outcome {
            Err(PortError::Unauthorised(_) | PortError::Retry { after_seconds: Some(_), .. }) => true,
            Err(PortError::Retry { .. } | PortError::Protocol(_)) => {
                failures += 1;
                failures >= FAILURES_MAX
            }
            _ => {
                failures = 0;
                false
            }
        };
        match outcome {
            Err(error) if ends => {
                settle(&mut outcomes, error)?;
                break;
            }
            outcome => outcomes[index] = Some(outcome),
        }
    }
    Ok(outcomes.into_iter().flatten().collect())
}

async fn despatch_one(api: &Api, location: &str, despatch: &Despatch) -> Outcome {
    let order = find_order(api, &despatch.reference).await?;
    let lines = units_by_line(despatch, &order)?;
    if lines.is_empty() {
        return Ok(());
    }
    let items: Vec<Value> = lines.iter().map(|(id, units)| json!({ "id": id, "quantity": units })).collect();
    if let Some(fulfilment) = find_ours(despatch, &lines, &order) {
        return ship(api, despatch, fulfilment, &items).await;
    }
    for (id, units) in &lines {
        let left = units_left(&order, id);
        if *units > left {
            let sku = despatch.lines.iter().find(|line| line.channel_line == *id).map_or("", |line| &line.channel_sku);
            let message = format!("the shop has only {left} of {sku} left to ship, and this parcel has {units}");
            return Err(PortError::Refused(message));
        }
    }
    if location.is_empty() {
        return Err(PortError::Refused("choose the stock location in the channel's settings first".into()));
    }
    let body = json!({
        "location_id": location,
        "items": items,
        "metadata": { KEY: despatch.key, "carrier": despatch.carrier, "service": despatch.service },
    });
    let fields = [("fields", "id,*fulfillments,*fulfillments.items".to_owned())];
    let made = api.post(&["orders", &despatch.reference, "fulfillments"], &fields, &body).await?;
    let fulfilment = rows(&made["order"], "fulfillments").find(|one| one["metadata"][KEY] == despatch.key.as_str());
    // Nothing is lost if the answer doesn't show it: the next try reads the order.
    let fulfilment = fulfilment.ok_or_else(|| PortError::Protocol("the shop doesn't show the new parcel".into()))?;
    ship(api, despatch, fulfilment, &items).await
}

/// Marks a fulfilment as shipped, unless it is.
async fn ship(api: &Api, despatch: &Despatch, fulfilment: &Value, items: &[Value]) -> Outcome {
    if !fulfilment["shipped_at"].is_null() || !fulfilment["delivered_at"].is_null() {
        return Ok(());
    }
    let number = despatch.tracking_number.as_str();
    // Medusa wants both addresses; its own pages put this sign where there is none.
    let label = json!({ "tracking_number": number, "tracking_url": "#", "label_url": "#" });
    let labels = if number.is_empty() { json!([]) } else { json!([label]) };
    let path = ["orders", &despatch.reference, "fulfillments", &text(&fulfilment["id"]), "shipments"];
    api.post(&path, &[], &json!({ "items": items, "labels": labels })).await.map(drop)
}

/// Units by order line, by id. `Refused` if the note has a line that the order has not.
fn units_by_line(despatch: &Despatch, order: &Value) -> Result<Vec<(String, i64)>, PortError> {
    let mut lines: Vec<(String, i64)> = Vec::new();
    for line in despatch.lines.iter().filter(|line| !line.channel_line.contains(NOT_A_LINE)) {
        if !rows(order, "items").any(|item| text(&item["id"]) == line.channel_line) {
            return Err(PortError::Refused(format!("the order has no line {} in the shop", line.channel_line)));
        }
        match lines.iter_mut().find(|(id, _)| *id == line.channel_line) {
            Some((_, units)) => *units += line.quantity.units(),
            None => lines.push((line.channel_line.clone(), line.quantity.units())),
        }
    }
    lines.sort();
    Ok(lines)
}

fn units_left(order: &Value, line: &str) -> i64 {
    let item = rows(order, "items").find(|item| text(&item["id"]) == line);
    let number = |value: &Value| value.as_i64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_default();
    item.map_or(0, |item| number(&item["quantity"]).saturating_sub(number(&item["detail"]["fulfilled_quantity"])))
}

/// The fulfilment that an earlier try of this note made: by its key; or else, where somebody has typed our tracking number in the
/// shop, by that and the same units.
fn find_ours<'o>(despatch: &Despatch, lines: &[(String, i64)], order: &'o Value) -> Option<&'o Value> {
    let standing = || rows(order, "fulfillments").filter(|one| one["canceled_at"].is_null());
    let ours = standing().find(|one| one["metadata"][KEY] == despatch.key.as_str());
    ours.or_else(|| {
        standing().find(|one| {
            let mut units: Vec<(String, i64)> = rows(one, "items")
                .map(|item| (text(&item["line_item_id"]), item["quantity"].as_i64().unwrap_or_default()))
                .collect();
            units.sort();
            let tracked =
                rows(one, "labels").any(|label| label["tracking_number"] == despatch.tracking_number.as_str());
            !despatch.tracking_number.is_empty() && one["metadata"][KEY].is_null() && tracked && units == lines
        })
    })
}

/// Cancels an order. Medusa gives back what was captured (measured), and cancels none that has parcels.
pub(super) async fn cancel(api: &Api, cancellation: &Cancellation) -> Outcome {
    let order = find_order(api, &cancellation.reference).await?;
    if order["status"] == "canceled" {
        return Ok(());
    }
    api.post(&["orders", &cancellation.reference, "cancel"], &[], &json!({})).await.map(drop)
}

async fn find_order(api: &Api, reference: &str) -> Result<Value, PortError> {
    let query = [("id[]", reference.to_owned()), ("fields", api::ORDER_PARCELS.to_owned())];
    let data = api.get(&["orders"], &query).await?;
    let order = rows(&data, "orders").find(|order| order["id"] == reference).cloned();
    order.ok_or_else(|| PortError::Refused("not found in the shop".into()))
}
