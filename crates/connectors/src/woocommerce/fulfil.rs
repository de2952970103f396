//! Reporting shipments and cancellations to WooCommerce.
//!
//! WooCommerce knows three ways to tell of a parcel, and shops differ in which they show (`channels.md` 2.7): the order's status
//! with a note to the buyer, core's fulfilments API where it is switched on, and the meta that tracking plug-ins read. A note
//! here is one change of the order that carries status, tracking meta and our own record of the note (so that a repetition
//! sees it), after the fulfilment and before the note to the buyer; each step looks whether it has been done. The fulfilments
//! API takes more units than were ordered (measured), so what is left is counted here.

use std::collections::HashMap;

use consign_ports::{Cancellation, Despatch, Outcome, PortError};
use consign_values::{Timestamp, clean};
use serde_json::{Value, json};

use super::api::{Api, encode};
use super::mapping::{self, DESPATCHES, NOT_A_LINE};
use super::{FulfilBy, Settings};
use crate::batch::one_by_one;
use crate::loose::scalar;

/// How far the shop's clock may be behind ours where a fulfilment is told apart by its time.
const CLOCK_SKEW_SECONDS: i64 = 60;
/// Meta of the tracking plug-ins.
const TRACKING: &str = "_wc_shipment_tracking_items";

/// Reports notes one by one. Trouble with one order doesn't hold up the next, but trouble with the shop ends the batch.
pub(super) async fn despatch(
    api: &Api,
    settings: &Settings,
    despatches: &[Despatch],
) -> Result<Vec<Outcome>, PortError> {
    one_by_one(despatches, |despatch| async move { despatch_one(api, settings, despatch).await.map(Ok) }).await
}

async fn despatch_one(api: &Api, settings: &Settings, despatch: &Despatch) -> Outcome {
    let order = order_of(api, &despatch.reference).await?;
    let note = Note::new(despatch, &order)?;
    if note.lines.is_empty() {
        return Ok(());
    }
    let status = order["status"].as_str().unwrap_or("");
    if mapping::is_cancelled(status) {
        return Err(PortError::Refused(format!("the order is {status} in the shop")));
    }
    let path = order_path(&despatch.reference);
    if !note.is_noted() {
        let shipped = match settings.fulfil_by {
            FulfilBy::Status => note.with_ours(mapping::noted_units(&order)),
            FulfilBy::Fulfilments => note.fulfil(api, &path).await?,
        };
        let complete = note.order_lines().all(|(id, units)| shipped.get(&id).copied().unwrap_or_default() >= units);
        api.post(&path, &note.change(settings, complete.then_some(status))).await?;
    }
    if settings.tell_buyer { note.tell_buyer(api, &path).await } else { Ok(()) }
}

/// A despatch note in WooCommerce's terms.
struct Note<'a> {
    despatch: &'a Despatch,
    order: &'a Value,
    carrier: String,
    /// Order line ids with units, by id.
    lines: Vec<(String, i64)>,
}

impl<'a> Note<'a> {
    /// `Refused` if the note has a line that the order has not.
    fn new(despatch: &'a Despatch, order: &'a Value) -> Result<Self, PortError> {
        let mut lines: Vec<(String, i64)> = Vec::new();
        for line in despatch.lines.iter().filter(|line| !line.channel_line.contains(NOT_A_LINE)) {
            let known = order["line_items"].as_array().into_iter().flatten();
            if !known.into_iter().any(|known| scalar(&known["id"]).as_deref() == Some(&line.channel_line)) {
                return Err(PortError::Refused(format!("the order has no line {} in the shop", line.channel_line)));
            }
            match lines.iter_mut().find(|(id, _)| *id == line.channel_line) {
                Some((_, units)) => *units += line.quantity.units(),
                None => lines.push((line.channel_line.clone(), line.quantity.units())),
            }
        }
        lines.sort();
        let (carrier, service) = (despatch.carrier.trim(), despatch.service.trim());
        let carrier = if carrier.is_empty() { service } else { carrier }.to_owned();
        Ok(Note { despatch, order, carrier, lines })
    }

    fn order_lines(&self) -> impl Iterator<Item = (String, i64)> + '_ {
        let lines = self.order["line_items"].as_array().into_iter().flatten();
        lines.map(|line| (scalar(&line["id"]).unwrap_or_default(), line["quantity"].as_i64().unwrap_or_default()))
    }

    /// Whether the order tells of this note already.
    fn is_noted(&self) -> bool {
        let notes = mapping::meta(self.order, DESPATCHES).and_then(Value::as_array);
        notes.into_iter().flatten().any(|note| note["key"] == self.despatch.key)
    }

    /// `shipped` and the units of this note.
    fn with_ours(&self, mut shipped: HashMap<String, i64>) -> HashMap<String, i64> {
        for (id, units) in &self.lines {
            *shipped.entry(id.clone()).or_default() += units;
        }
        shipped
    }

    /// Makes the fulfilment, unless an earlier try has. Gives what is then shipped of each line.
    async fn fulfil(&self, api: &Api, order_path: &str) -> Result<HashMap<String, i64>, PortError> {
        let path = format!("{order_path}/fulfillments");
        let there = api.list(&path, &[]).await.map_err(|error| match error {
            PortError::Refused(why) if why.contains("rest_no_route") => PortError::Refused(
                "the shop has no fulfilments: switch them on there, or choose the order's status in the channel's \
                 settings"
                    .into(),
            ),
            other => other,
        })?;
        let shipped = mapping::fulfilled_units(&there);
        if self.despatch.attempts > 0 && there.iter().any(|fulfilment| self.is_ours(fulfilment)) {
            return Ok(shipped);
        }
        let after = self.with_ours(shipped);
        for (id, ordered) in self.order_lines() {
            if self.lines.iter().any(|(ours, _)| *ours == id) && after.get(&id).is_some_and(|units| *units > ordered) {
                return Err(PortError::Refused(format!("the shop has units of line {id} as shipped otherwise")));
            }
        }
        let items: Vec<Value> =
            self.lines.iter().map(|(id, units)| json!({ "item_id": number(id), "qty": units })).collect();
        let mut meta = vec![json!({ "id": 0, "key": "_items", "value": items })];
        for (key, value) in
            [("_tracking_number", self.despatch.tracking_number.clone()), ("_shipping_provider", slug(&self.carrier))]
        {
            if !value.is_empty() {
                meta.push(json!({ "id": 0, "key": key, "value": value }));
            }
        }
        let body = json!({
            "status": "fulfilled",
            "is_fulfilled": true,
            "entity_type": "WC_Order",
            "entity_id": self.despatch.reference,
            "meta_data": meta,
        });
        api.post(&path, &body).await?;
        Ok(after)
    }

    /// Whether an earlier try of this note made the fulfilment. Without a tracking number two parcels of an order can look
    /// the same; then only one made after this note came to be can be its own.
    fn is_ours(&self, fulfilment: &Value) -> bool {
        let mut units = HashMap::new();
        if let Some(items) = mapping::meta(fulfilment, "_items") {
            mapping::add_units(&mut units, items, "item_id");
        }
        let mut lines: Vec<(String, i64)> = units.into_iter().collect();
        lines.sort();
        let text = |key: &str| mapping::meta(fulfilment, key).and_then(scalar).unwrap_or_default();
        let made_at = Timestamp::parse(&text("_date_fulfilled"));
        let earliest = self.despatch.processed_at.plus_seconds(-CLOCK_SKEW_SECONDS);
        mapping::stands(fulfilment)
            && lines == self.lines
            && text("_tracking_number") == self.despatch.tracking_number
            && (!self.despatch.tracking_number.is_empty() || made_at.is_some_and(|at| at >= earliest))
    }

    /// The change of the order: our record, tracking, and the status once all is shipped (`complete_from` it is complete,
    /// and from which status).
    fn change(&self, settings: &Settings, complete_from: Option<&str>) -> Value {
        let lines: Vec<Value> =
            self.lines.iter().map(|(id, units)| json!({ "id": number(id), "qty": units })).collect();
        let mut meta = vec![self.appended(DESPATCHES, json!({ "key": self.despatch.key, "lines": lines }))];
        if settings.tracking_meta && !self.despatch.tracking_number.is_empty() {
            let entry = json!({
                "tracking_provider": self.carrier,
                "custom_tracking_provider": "",
                "custom_tracking_link": "",
                "tracking_number": self.despatch.tracking_number,
                "date_shipped": self.despatch.processed_at.0 / 1_000_000,
                "tracking_id": self.despatch.key,
            });
            meta.push(self.appended(TRACKING, entry));
        }
        let mut change = json!({ "meta_data": meta });
        if complete_from.is_some_and(|status| status != settings.reading.shipped_status && status != "completed") {
            change["status"] = settings.reading.shipped_status.clone().into();
        }
        change
    }

    /// A list in the order's meta with one entry more.
    fn appended(&self, key: &str, entry: Value) -> Value {
        let mut list = mapping::meta(self.order, key).and_then(Value::as_array).cloned().unwrap_or_default();
        list.push(entry);
        json!({ "key": key, "value": list })
    }

    /// Adds the order note that WooCommerce sends to the buyer, unless an earlier try has.
    async fn tell_buyer(&self, api: &Api, order_path: &str) -> Outcome {
        let path = format!("{order_path}/notes");
        let text = self.text();
        if self.despatch.attempts > 0 {
            let notes = api.list(&path, &[]).await?;
            let earliest = self.despatch.processed_at.plus_seconds(-CLOCK_SKEW_SECONDS);
            let told = notes.iter().any(|note| {
                let at = note["date_created_gmt"].as_str().and_then(Timestamp::parse);
                let said = note["note"].as_str().unwrap_or("");
                match self.despatch.tracking_number.as_str() {
                    "" => said.trim() == text && at.is_some_and(|at| at >= earliest),
                    tracking => note["customer_note"] == true && said.contains(tracking),
                }
            });
            if told {
                return Ok(());
            }
        }
        api.post(&path, &json!({ "note": text, "customer_note": true })).await.map(drop)
    }

    fn text(&self) -> String {
        let goods: Vec<String> = self
            .lines
            .iter()
            .map(|(id, units)| {
                let mut lines = self.order["line_items"].as_array().into_iter().flatten();
                let line = lines.find(|line| scalar(&line["id"]).as_ref() == Some(id));
                let name = line.and_then(|line| line["name"].as_str()).unwrap_or("");
                format!("{units} × {}", clean(name, 100))
            })
            .collect();
        let by = if self.carrier.is_empty() { String::new() } else { format!(" by {}", self.carrier) };
        let tracking = match self.despatch.tracking_number.as_str() {
            "" => String::new(),
            number => format!(", tracking number {number}"),
        };
        format!("Shipped{by}{tracking}: {}", goods.join(", "))
    }
}

/// An id as the number that it is in WooCommerce.
fn number(id: &str) -> Value {
    id.parse::<i64>().map_or_else(|_| id.into(), Value::from)
}

/// A carrier's name as WordPress would write it in an address: `royal-mail`.
fn slug(name: &str) -> String {
    let dashed: String = name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    dashed.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Cancels an order. WooCommerce puts the units back on sale and refunds nothing.
pub(super) async fn cancel(api: &Api, settings: &Settings, cancellation: &Cancellation) -> Outcome {
    let order = order_of(api, &cancellation.reference).await?;
    let status = order["status"].as_str().unwrap_or("");
    if mapping::is_cancelled(status) {
        return Ok(());
    }
    if status == "completed" || status == settings.reading.shipped_status {
        return Err(PortError::Refused(format!("the shop has the order as {status}")));
    }
    let reason = clean(&cancellation.reason, 500);
    let meta = json!([{ "key": "_consign_cancel_reason", "value": reason }]);
    let body = json!({ "status": "cancelled", "meta_data": meta });
    api.post(&order_path(&cancellation.reference), &body).await.map(drop)
}

fn order_path(reference: &str) -> String {
    format!("orders/{}", encode(reference))
}

/// The order with this id; by the list, where an order that is gone is just not there.
async fn order_of(api: &Api, reference: &str) -> Result<Value, PortError> {
    let orders = api.list("orders", &[("include", reference.to_owned()), ("per_page", "1".to_owned())]).await?;
    let found = orders.into_iter().find(|order| scalar(&order["id"]).as_deref() == Some(reference));
    found.ok_or_else(|| PortError::Refused("not found in the shop".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carrier_becomes_a_slug() {
        for (name, expected) in [("Royal Mail", "royal-mail"), (" DPD (UK) ", "dpd-uk"), ("", "")] {
            assert_eq!(slug(name), expected);
        }
    }
}
