//! Reporting shipments and cancellations to Vendure.
//!
//! A despatch is two calls: a fulfilment is added, which starts as Pending, and is then moved to Shipped. Vendure knows no
//! idempotency key, so before a note is sent again its order is read: a fulfilment with our carrier, tracking number and lines
//! is taken for ours and finished where it was left. Only line ids that belong to the order are ever sent, because Vendure
//! would as readily fulfil lines of another one.

use consign_ports::{Cancellation, Despatch, Outcome, PortError};
use consign_values::Timestamp;
use serde_json::{Value, json};

use super::api::{self, Api, Refusal};
use super::mapping::NOT_A_LINE;
use super::{items, text};
use crate::batch::one_by_one;

/// How far the shop's clock may be behind ours where a fulfilment is told apart by its time.
const CLOCK_SKEW_SECONDS: i64 = 60;

/// Reports notes one by one. Trouble with one order doesn't hold up the next, but trouble with the shop ends the batch.
pub(super) async fn despatch(api: &Api, despatches: &[Despatch]) -> Result<Vec<Outcome>, PortError> {
    one_by_one(despatches, |despatch| despatch_one(api, despatch)).await
}

/// The inner outcome is about this order alone, the error about the shop.
async fn despatch_one(api: &Api, despatch: &Despatch) -> Result<Outcome, PortError> {
    let Some(order) = find_order(api, &despatch.reference).await? else {
        return Err(PortError::Refused("not found in the shop".into()));
    };
    let note = Note::new(despatch, &order)?;
    if note.lines.is_empty() {
        return Ok(Ok(()));
    }
    if despatch.attempts > 0
        && let Some(fulfilment) = note.find_ours(&order)
    {
        return finish(api, fulfilment).await.map(Ok);
    }
    match api.result(api::FULFIL, note.input()).await? {
        Ok(fulfilment) => finish(api, &fulfilment).await.map(Ok),
        Err(Refusal { code, message }) => match (code.as_str(), note.find_ours(&order)) {
            ("ITEMS_ALREADY_FULFILLED_ERROR", Some(fulfilment)) => finish(api, fulfilment).await.map(Ok),
            ("ITEMS_ALREADY_FULFILLED_ERROR", None) => {
                Err(PortError::Refused(format!("the shop has these units as shipped otherwise: {message}")))
            }
            // Heals with the next stock push, which sets no less than what is allocated.
            ("INSUFFICIENT_STOCK_ON_HAND_ERROR", _) => Ok(Err(PortError::retry(message))),
            _ => Err(PortError::Refused(message)),
        },
    }
}

/// Brings a fulfilment to Shipped, from where it stands.
async fn finish(api: &Api, fulfilment: &Value) -> Outcome {
    if !matches!(fulfilment["state"].as_str(), Some("Pending" | "Created")) {
        return Ok(());
    }
    let variables = json!({ "id": fulfilment["id"], "state": "Shipped" });
    match api.result(api::TRANSITION, variables).await? {
        Ok(_) => Ok(()),
        Err(refusal) => Err(PortError::Refused(refusal.message)),
    }
}

/// A despatch note in Vendure's terms.
struct Note<'a> {
    despatch: &'a Despatch,
    method: String,
    /// Order line ids with units, by id.
    lines: Vec<(String, i64)>,
}

impl<'a> Note<'a> {
    /// `Refused` if the note has a line that the order has not.
    fn new(despatch: &'a Despatch, order: &Value) -> Result<Self, PortError> {
        let known: Vec<String> =
            order["lines"].as_array().into_iter().flatten().map(|line| text(&line["id"])).collect();
        let mut lines: Vec<(String, i64)> = Vec::new();
        for line in despatch.lines.iter().filter(|line| !line.channel_line.contains(NOT_A_LINE)) {
            if !known.contains(&line.channel_line) {
                return Err(PortError::Refused(format!("the order has no line {} in the shop", line.channel_line)));
            }
            match lines.iter_mut().find(|(id, _)| *id == line.channel_line) {
                Some((_, units)) => *units += line.quantity.units(),
                None => lines.push((line.channel_line.clone(), line.quantity.units())),
            }
        }
        lines.sort();
        Ok(Note { despatch, method: method_of(&despatch.carrier, &despatch.service), lines })
    }

    fn input(&self) -> Value {
        let lines: Vec<Value> =
            self.lines.iter().map(|(id, units)| json!({ "orderLineId": id, "quantity": units })).collect();
        json!({ "i": { "lines": lines, "handler": { "code": "manual-fulfillment", "arguments": [
            { "name": "method", "value": self.method },
            { "name": "trackingCode", "value": self.despatch.tracking_number },
        ]}}})
    }

    /// The fulfilment that an earlier try of this note made, if there is one. Without a tracking number two parcels of an
    /// order can look the same; then only one made after this note came to be can be its own.
    fn find_ours<'o>(&self, order: &'o Value) -> Option<&'o Value> {
        let earliest = self.despatch.processed_at.plus_seconds(-CLOCK_SKEW_SECONDS);
        order["fulfillments"].as_array()?.iter().find(|fulfilment| {
            let mut lines: Vec<(String, i64)> = fulfilment["lines"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|line| (text(&line["orderLineId"]), line["quantity"].as_i64().unwrap_or_default()))
                .collect();
            lines.sort();
            let made_at = fulfilment["createdAt"].as_str().and_then(Timestamp::parse);
            let in_time = !self.despatch.tracking_number.is_empty() || made_at.is_some_and(|at| at >= earliest);
            fulfilment["state"] != "Cancelled"
                && text(&fulfilment["trackingCode"]) == self.despatch.tracking_number
                && text(&fulfilment["method"]) == self.method
                && lines == self.lines
                && in_time
        })
    }
}

/// Vendure has one text for carrier and service.
fn method_of(carrier: &str, service: &str) -> String {
    let (carrier, service) = (carrier.trim(), service.trim());
    match (carrier.is_empty(), service.is_empty()) {
        (true, true) => "Despatched".to_owned(),
        (false, true) => carrier.to_owned(),
        (true, false) => service.to_owned(),
        (false, false) if service.to_lowercase().starts_with(&carrier.to_lowercase()) => service.to_owned(),
        (false, false) => format!("{carrier} {service}"),
    }
}

/// Cancels what is left of an order, shipping charges included.
pub(super) async fn cancel(api: &Api, cancellation: &Cancellation) -> Outcome {
    let Some(order) = find_order(api, &cancellation.reference).await? else {
        return Err(PortError::Refused("not found in the shop".into()));
    };
    if order["state"] == "Cancelled" {
        return Ok(());
    }
    let reason = if cancellation.reason.is_empty() { "Cancelled" } else { &cancellation.reason };
    let input = json!({ "i": { "orderId": order["id"], "reason": reason, "cancelShipping": true } });
    match api.result(api::CANCEL, input).await? {
        Ok(_) => Ok(()),
        Err(refusal) => Err(PortError::Refused(refusal.message)),
    }
}

async fn find_order(api: &Api, reference: &str) -> Result<Option<Value>, PortError> {
    let options = json!({ "o": { "take": 1, "filter": { "code": { "eq": reference } } } });
    let data = api.data(api::ORDER_STATE, options).await?;
    Ok(items(&data["orders"]).find(|order| order["code"] == reference).cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carrier_and_service_make_one_text_without_saying_a_name_twice() {
        assert_eq!(method_of("Royal Mail", "Tracked 24"), "Royal Mail Tracked 24");
        assert_eq!(method_of("Royal Mail", "ROYAL MAIL Tracked 24"), "ROYAL MAIL Tracked 24");
        assert_eq!(method_of(" DPD ", ""), "DPD");
        assert_eq!(method_of("", ""), "Despatched");
    }
}
