//! Reporting shipments and cancellations to Amazon.
//!
//! A despatch note becomes one package. Its reference is made from the note's key, so a repetition names the same package;
//! besides, before a note is sent again its order is read, and a package with our reference, or with our tracking number and
//! items, counts as done. An order is read at the first try only where the instance has several marketplaces, as a
//! confirmation must name the order's own.
//!
//! No published model has a call that cancels. It is done by an acknowledgement feed with the status "Failure", on which Amazon
//! cancels and refunds in full (reference 8.5); what became of it is seen at the order. Until then the note is retried, and
//! each retry looks first.

use consign_ports::{Cancellation, Despatch, Outcome, PortError};
use reqwest::Method;
use serde_json::{Value, json};

use super::AmazonChannel;
use super::api::{Request, escape};
use super::limits::Operation;
use super::mapping::{Fulfilment, NOT_A_LINE};
use crate::batch::settle;

/// Calls that may fail in a row before the rest of a batch is put off.
const FAILURES_MAX: usize = 2;
/// Seconds until the outcome of a feed is looked for.
const FEED_SECONDS: u32 = 180;
const FEED_TYPE: &str = "POST_ORDER_ACKNOWLEDGEMENT_DATA";
const XML: &str = "text/xml; charset=UTF-8";

/// Carrier names as people write them, without blanks and in lower case, and Amazon's codes. The longest that a name begins
/// with counts; anything else goes as `Other` with its name.
const CARRIERS: [(&str, &str); 26] = [
    ("royalmail", "Royal Mail"),
    ("parcelforce", "Parcelforce"),
    ("dpdlocal", "DPD Local"),
    ("dpd", "DPD"),
    ("evri", "Evri"),
    ("hermes", "Hermes"),
    ("yodel", "Yodel"),
    ("dhlecommerce", "DHL eCommerce"),
    ("dhlexpress", "DHL Express"),
    ("dhl", "DHL"),
    ("ups", "UPS"),
    ("fedex", "FedEx"),
    ("usps", "USPS"),
    ("tnt", "TNT"),
    ("gls", "GLS"),
    ("deutschepost", "Deutsche Post"),
    ("laposte", "La Poste"),
    ("colissimo", "Colissimo"),
    ("chronopost", "Chronopost"),
    ("correos", "Correos"),
    ("posteitaliane", "Poste Italiane"),
    ("postnl", "PostNL"),
    ("bpost", "BPOST"),
    ("canadapost", "Canada Post"),
    ("australiapost", "Australia Post"),
    ("amazonshipping", "Amazon Shipping"),
];

/// Amazon's code of a carrier, if it has one.
fn carrier_code(carrier: &str) -> Option<&'static str> {
    let name: String = carrier.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
    let fits = CARRIERS.iter().filter(|(known, _)| name.starts_with(known));
    fits.max_by_key(|(known, _)| known.len()).map(|(_, code)| *code)
}

/// A number for the package, the same for the same key: Amazon takes only positive numbers.
fn package_reference(key: &str) -> String {
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash % 999_999_999 + 1).to_string()
}

/// A despatch note in Amazon's terms.
pub(super) struct Note<'a> {
    despatch: &'a Despatch,
    package: String,
    /// Order item ids with units, by id.
    items: Vec<(String, i64)>,
}

impl<'a> Note<'a> {
    /// Lines that Amazon has no item for are left out.
    pub fn new(despatch: &'a Despatch) -> Self {
        let mut items: Vec<(String, i64)> = Vec::new();
        for line in despatch.lines.iter().filter(|line| !line.channel_line.contains(NOT_A_LINE)) {
            match items.iter_mut().find(|(id, _)| *id == line.channel_line) {
                Some((_, units)) => *units += line.quantity.units(),
                None => items.push((line.channel_line.clone(), line.quantity.units())),
            }
        }
        items.sort();
        Note { despatch, package: package_reference(&despatch.key), items }
    }

    /// The body of `confirmShipment`.
    pub fn body(&self, marketplace: &str) -> Value {
        let Despatch { carrier, service, tracking_number, processed_at, .. } = self.despatch;
        let items: Vec<Value> =
            self.items.iter().map(|(id, units)| json!({ "orderItemId": id, "quantity": units })).collect();
        let mut package = json!({
            "packageReferenceId": self.package,
            "carrierCode": carrier_code(carrier).unwrap_or("Other"),
            "trackingNumber": tracking_number,
            "shipDate": processed_at.to_rfc3339_millis(),
            "orderItems": items,
        });
        let carrier = if carrier.trim().is_empty() { service } else { carrier };
        if package["carrierCode"] == "Other" {
            package["carrierName"] = if carrier.trim().is_empty() { "Other".into() } else { carrier.trim().into() };
        }
        if !service.trim().is_empty() {
            package["shippingMethod"] = service.trim().into();
        }
        json!({ "marketplaceId": marketplace, "packageDetail": package })
    }

    /// Whether an earlier try of this note took effect.
    fn is_done(&self, order: &Value) -> bool {
        order["packages"].as_array().into_iter().flatten().any(|package| {
            let mut items: Vec<(String, i64)> = package["packageItems"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|item| {
                    let id = crate::loose::scalar(&item["orderItemId"]).unwrap_or_default();
                    (id, item["quantity"].as_i64().unwrap_or_default())
                })
                .collect();
            items.sort();
            let tracking = &self.despatch.tracking_number;
            let same = !tracking.is_empty() && package["trackingNumber"] == tracking.as_str() && items == self.items;
            package["packageStatus"]["status"] != "CANCELLED" && (package["packageReferenceId"] == self.package || same)
        })
    }
}

impl AmazonChannel {
    /// Reports notes one by one. Trouble with one order doesn't hold up the next, but trouble with Amazon ends the batch.
    pub(super) async fn despatch_all(&self, despatches: &[Despatch]) -> Result<Vec<Outcome>, PortError> {
        let mut outcomes: Vec<Option<Outcome>> = vec![None; despatches.len()];
        let mut failures = 0;
        for (index, despatch) in despatches.iter().enumerate() {
            let outcome = self.despatch_one(despatch).await;
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

    async fn despatch_one(&self, despatch: &Despatch) -> Outcome {
        if self.fulfilment == Fulfilment::Amazon {
            return Err(PortError::Refused("Amazon ships this order itself".into()));
        }
        let note = Note::new(despatch);
        if note.items.is_empty() {
            return Ok(());
        }
        let mut marketplace = self.marketplaces.first().cloned().unwrap_or_default();
        if despatch.attempts > 0 || self.marketplaces.len() > 1 {
            let order = self.order_state(&despatch.reference).await?;
            if despatch.attempts > 0 && note.is_done(&order) {
                return Ok(());
            }
            if let Some(own) = order["salesChannel"]["marketplaceId"].as_str() {
                own.clone_into(&mut marketplace);
            }
        }
        let request = Request {
            operation: Operation::ConfirmShipment,
            method: Method::POST,
            path: format!("/orders/v0/orders/{}/shipmentConfirmation", escape(&despatch.reference)),
            body: Some(note.body(&marketplace)),
        };
        match self.api.find(request).await? {
            Some(_) => Ok(()),
            None => Err(PortError::Refused("Amazon has no such order".into())),
        }
    }

    /// The order with its packages.
    async fn order_state(&self, reference: &str) -> Result<Value, PortError> {
        let request = self.ask_order(reference, vec!["FULFILLMENT", "PACKAGES"]);
        let Some(reply) = self.api.find(request).await? else {
            return Err(PortError::Refused("Amazon has no such order".into()));
        };
        Ok(reply.into_answer()?.json()?["order"].take())
    }

    /// Cancels an order of which nothing has been shipped; looks first, as an earlier try may have done it.
    pub(super) async fn cancel_one(&self, cancellation: &Cancellation) -> Outcome {
        if self.cancelled(&cancellation.reference).await? {
            self.api.account.set_feed(&cancellation.key, None);
            return Ok(());
        }
        let feed = match self.api.account.feed(&cancellation.key) {
            Some(feed) => feed,
            None => {
                let feed = self.hand_in(cancellation).await?;
                self.api.account.set_feed(&cancellation.key, Some(feed.clone()));
                feed
            }
        };
        let path = format!("/feeds/2021-06-30/feeds/{}", escape(&feed));
        let status = match self.api.find(Request::get(Operation::GetFeed, path)).await? {
            Some(reply) => reply.into_answer()?.json()?,
            None => Value::Null,
        };
        match status["processingStatus"].as_str().unwrap_or("") {
            "DONE" if self.cancelled(&cancellation.reference).await? => {
                self.api.account.set_feed(&cancellation.key, None);
                Ok(())
            }
            // Amazon may take a while to show it at the order; an order that stays as it is after a day, it has refused.
            "DONE" => Err(waiting(&format!("Amazon has read the cancellation (feed {feed}) and not acted on it yet"))),
            "FATAL" | "CANCELLED" => {
                self.api.account.set_feed(&cancellation.key, None);
                Err(PortError::Refused(format!("Amazon has not carried out the cancellation (feed {feed})")))
            }
            _ => Err(waiting(&format!("Amazon is working on the cancellation (feed {feed})"))),
        }
    }

    /// Whether the order is cancelled already. `Refused` if it can't be cancelled any more, or not by the seller.
    async fn cancelled(&self, reference: &str) -> Result<bool, PortError> {
        let order = self.order_state(reference).await?;
        let refused = |why: &str| Err(PortError::Refused(why.to_owned()));
        if order["fulfillment"]["fulfilledBy"] == "AMAZON" {
            return refused("Amazon ships this order itself: only the buyer or Amazon can cancel it");
        }
        match order["fulfillment"]["fulfillmentStatus"].as_str().unwrap_or("") {
            "CANCELLED" => Ok(true),
            // A cancellation would refund what is on its way, too.
            "PARTIALLY_SHIPPED" | "SHIPPED" => refused("a part of it is shipped: refund the rest on Amazon instead"),
            "PENDING" | "PENDING_AVAILABILITY" => {
                refused("it is pending: Amazon takes no cancellation before it turns")
            }
            _ => Ok(false),
        }
    }

    /// Writes the feed, hands it in and gives its id.
    async fn hand_in(&self, cancellation: &Cancellation) -> Result<String, PortError> {
        let create = |operation, path: &str, body| Request {
            operation,
            method: Method::POST,
            path: path.to_owned(),
            body: Some(body),
        };
        let place = create(Operation::CreateFeedDocument, "/feeds/2021-06-30/documents", json!({ "contentType": XML }));
        let place = self.api.call(place).await?.into_answer()?.json()?;
        let lacking = |what: &str| PortError::Protocol(format!("Amazon's answer has no {what}"));
        let url = place["url"].as_str().ok_or_else(|| lacking("url"))?;
        let document = place["feedDocumentId"].as_str().ok_or_else(|| lacking("feedDocumentId"))?;
        self.api.upload(url, XML, acknowledgement(&self.seller, cancellation)).await?;
        let body = json!({
            "feedType": FEED_TYPE,
            "marketplaceIds": self.marketplaces,
            "inputFeedDocumentId": document,
        });
        let feed = create(Operation::CreateFeed, "/feeds/2021-06-30/feeds", body);
        let feed = self.api.call(feed).await?.into_answer()?.json()?;
        feed["feedId"].as_str().map(str::to_owned).ok_or_else(|| lacking("feedId"))
    }
}

fn waiting(message: &str) -> PortError {
    PortError::Retry { message: message.to_owned(), after_seconds: Some(FEED_SECONDS) }
}

/// Amazon's reason for words of ours.
fn cancel_reason(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["stock", "inventory", "discontinued", "sold out"]) {
        "NoInventory"
    } else if says(&["buyer", "customer"]) {
        "BuyerCanceled"
    } else if says(&["address", "undeliver"]) {
        "ShippingAddressUndeliverable"
    } else if says(&["price", "pricing"]) {
        "PricingError"
    } else {
        "GeneralAdjustment"
    }
}

/// The feed: each item refused, and so the order.
fn acknowledgement(seller: &str, cancellation: &Cancellation) -> String {
    let reason = cancel_reason(&cancellation.reason);
    let items: String = cancellation
        .lines
        .iter()
        .filter(|line| !line.channel_line.contains(NOT_A_LINE))
        .map(|line| {
            let id = xml(&line.channel_line);
            format!("<Item><AmazonOrderItemCode>{id}</AmazonOrderItemCode><CancelReason>{reason}</CancelReason></Item>")
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <AmazonEnvelope xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:noNamespaceSchemaLocation=\"amzn-envelope.xsd\">\
         <Header><DocumentVersion>1.01</DocumentVersion><MerchantIdentifier>{}</MerchantIdentifier></Header>\
         <MessageType>OrderAcknowledgement</MessageType>\
         <Message><MessageID>1</MessageID><OrderAcknowledgement><AmazonOrderID>{}</AmazonOrderID>\
         <StatusCode>Failure</StatusCode>{items}</OrderAcknowledgement></Message></AmazonEnvelope>",
        xml(seller),
        xml(&cancellation.reference),
    )
}

/// Text as XML holds it.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => {}
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carriers_are_known_by_how_people_write_them_and_strangers_go_by_name() {
        for (written, code) in [
            ("Royal Mail", "Royal Mail"),
            ("ROYALMAIL Tracked", "Royal Mail"),
            ("dpd-local", "DPD Local"),
            ("DPD UK", "DPD"),
            ("DHL eCommerce UK", "DHL eCommerce"),
            ("Evri", "Evri"),
        ] {
            assert_eq!(carrier_code(written), Some(code), "{written}");
        }
        assert_eq!(carrier_code("Pony Express"), None);
        assert_eq!(carrier_code(""), None);
    }

    #[test]
    fn a_package_reference_is_a_positive_number_that_stays_with_its_note() {
        let references: Vec<String> =
            (0..1_000).map(|note| package_reference(&format!("{note}-17-despatch"))).collect();
        let distinct: std::collections::HashSet<_> = references.iter().collect();
        assert_eq!(distinct.len(), references.len());
        assert!(references.iter().all(|reference| reference.parse::<u32>().is_ok_and(|number| number > 0)));
        assert_eq!(package_reference("7-17-despatch"), references[7]);
    }

    #[test]
    fn reasons_become_amazons_and_texts_are_escaped() {
        assert_eq!(cancel_reason("Out of stock"), "NoInventory");
        assert_eq!(cancel_reason("Customer changed their mind"), "BuyerCanceled");
        assert_eq!(cancel_reason(""), "GeneralAdjustment");
        assert_eq!(xml("a<b>&\u{7}c"), "a&lt;b&gt;&amp;c");
    }
}
