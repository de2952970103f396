//! WooCommerce's webhooks: one for each topic, made and deleted by the REST API.
//!
//! A shop signs each delivery with the secret given with the webhook (`X-WC-Webhook-Signature`, base64 of HMAC-SHA256 of the
//! body), tells its topic in a header, and greets a new address with an unsigned `webhook_id=…`. It switches a webhook off after
//! five deliveries in a row that failed, so that registering sets it active again. It delivers by its own timer, which needs
//! visitors or a cron job: polling stays.

use consign_ports::{BoxFuture, Connection, HookDelivery, HookReading, Hooks, PortError};
use serde_json::{Value, json};

use super::WooCommerceKind;
use super::api::{Api, PAGE};
use crate::loose::scalar;
use crate::signed::is_signed;

const TOPICS: [&str; 3] = ["order.created", "order.updated", "order.restored"];
/// Pages of webhooks that are looked through: a limit against answers that never end.
const PAGES_MAX: usize = 20;

impl Hooks for WooCommerceKind {
    fn read(&self, _connection: &Connection, secret: &str, delivery: &HookDelivery) -> HookReading {
        let signature = delivery.header("x-wc-webhook-signature");
        if signature.is_empty() && is_greeting(&delivery.body) {
            return HookReading::Nothing;
        }
        if !is_signed(secret, &delivery.body, signature) {
            return HookReading::Refused;
        }
        let id = serde_json::from_slice::<Value>(&delivery.body).ok().and_then(|order| scalar(order.get("id")?));
        match id {
            Some(id) if TOPICS.contains(&delivery.header("x-wc-webhook-topic")) => HookReading::Changed(vec![id]),
            _ => HookReading::Nothing,
        }
    }

    fn register<'a>(
        &'a self,
        connection: &'a Connection,
        address: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        Box::pin(async move {
            let api = self.api(connection);
            let known = ours(&api, address).await?;
            let mut ids = Vec::new();
            for topic in TOPICS {
                let body = json!({ "name": format!("Consign: {topic}"), "topic": topic, "delivery_url": address,
                                   "secret": secret, "status": "active" });
                let mut of_topic = known.iter().filter(|(_, known)| known == topic).map(|(id, _)| id.clone());
                let id = match of_topic.next() {
                    Some(id) => {
                        api.post(&format!("webhooks/{id}"), &body).await?;
                        id
                    }
                    None => scalar(&api.post("webhooks", &body).await?["id"])
                        .ok_or_else(|| PortError::Protocol("the shop's answer on a new webhook has no id".into()))?,
                };
                ids.push(id);
                // An answer that was lost has left a second one behind.
                for id in of_topic {
                    api.delete(&format!("webhooks/{id}")).await?;
                }
            }
            Ok(ids)
        })
    }

    fn unregister<'a>(&'a self, connection: &'a Connection, ids: &'a [String]) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move {
            let api = self.api(connection);
            for id in ids.iter().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit())) {
                api.delete(&format!("webhooks/{id}")).await?;
            }
            Ok(())
        })
    }
}

/// What a shop sends to a new address to see that it answers.
fn is_greeting(body: &[u8]) -> bool {
    body.strip_prefix(b"webhook_id=").is_some_and(|id| !id.is_empty() && id.iter().all(u8::is_ascii_digit))
}

/// The webhooks of the shop that call `address`: id and topic.
async fn ours(api: &Api, address: &str) -> Result<Vec<(String, String)>, PortError> {
    let mut found = Vec::new();
    for page in 1..=PAGES_MAX {
        let rows = api.list("webhooks", &[("per_page", PAGE.to_string()), ("page", page.to_string())]).await?;
        let is_ours = |row: &&Value| row["delivery_url"] == address;
        found.extend(rows.iter().filter(is_ours).filter_map(|row| Some((scalar(&row["id"])?, scalar(&row["topic"])?))));
        if rows.len() < PAGE {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wiremock::matchers::{method, path, path_regex};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::http::Http;
    use crate::networks::Networks;
    use crate::signed::sign;

    const HERE: &str = "https://orders.example.com/hooks/3/abc";
    const OTHER: &str = "https://orders.example.com/hooks/4/def";

    fn kind() -> WooCommerceKind {
        let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        WooCommerceKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
    }

    fn delivery(topic: &str, secret: &str, body: &[u8]) -> HookDelivery {
        let headers = [("x-wc-webhook-topic", topic.to_owned()), ("x-wc-webhook-signature", sign(secret, body))];
        HookDelivery { headers: headers.map(|(name, value)| (name.to_owned(), value)).into(), body: body.to_vec() }
    }

    fn read(delivery: &HookDelivery) -> HookReading {
        kind().read(&Connection::default(), "s3", delivery)
    }

    #[test]
    fn a_signed_delivery_names_its_order_and_a_tampered_one_is_refused() {
        let recorded: Value =
            serde_json::from_str(include_str!("../../tests/recorded/woocommerce/07-order.json")).unwrap();
        let body = recorded["response"].to_string().into_bytes();
        let id = scalar(&recorded["response"]["id"]).unwrap();
        for topic in TOPICS {
            assert_eq!(read(&delivery(topic, "s3", &body)), HookReading::Changed(vec![id.clone()]), "{topic}");
        }
        let mut tampered = delivery("order.updated", "s3", &body);
        tampered.body.push(b' ');
        assert_eq!(read(&tampered), HookReading::Refused);
        assert_eq!(read(&delivery("order.updated", "s4", &body)), HookReading::Refused);
        let unsigned = HookDelivery { headers: Vec::new(), body };
        assert_eq!(read(&unsigned), HookReading::Refused);
    }

    #[test]
    fn greetings_and_what_is_not_about_orders_are_passed_over() {
        let greeting = |body: &[u8]| read(&HookDelivery { headers: Vec::new(), body: body.to_vec() });
        assert_eq!(greeting(b"webhook_id=7"), HookReading::Nothing);
        for body in [&b"webhook_id="[..], b"webhook_id=7&id=8", b"", b"{}"] {
            assert_eq!(greeting(body), HookReading::Refused);
        }
        assert_eq!(read(&delivery("product.updated", "s3", br#"{"id":7}"#)), HookReading::Nothing);
        for body in [&b"[]"[..], b"{}", b"\xff", br#"{"id":[1]}"#, b"7"] {
            assert_eq!(read(&delivery("order.updated", "s3", body)), HookReading::Nothing);
        }
    }

    #[tokio::test]
    async fn registering_mends_what_is_there_makes_what_is_not_and_drops_doubles() {
        let server = MockServer::start().await;
        let row = |id: i64, topic: &str, address: &str| json!({ "id": id, "topic": topic, "delivery_url": address, "status": "disabled" });
        let rows = json!([
            row(4, "order.updated", HERE),
            row(5, "order.updated", HERE),
            row(6, "order.created", OTHER),
            row(7, "customer.created", HERE),
        ]);
        let answer = |body: &Value| ResponseTemplate::new(200).set_body_json(body);
        let at = |verb: &str, place: &str| Mock::given(method(verb)).and(path(format!("/wp-json/wc/v3/{place}")));
        at("GET", "webhooks").respond_with(answer(&rows)).mount(&server).await;
        at("POST", "webhooks").respond_with(answer(&json!({ "id": 9 }))).expect(2).mount(&server).await;
        at("POST", "webhooks/4").respond_with(answer(&json!({ "id": 4 }))).expect(1).mount(&server).await;
        at("DELETE", "webhooks/5").respond_with(answer(&json!({ "id": 5 }))).expect(1).mount(&server).await;
        Mock::given(method("DELETE"))
            .and(path_regex("webhooks/(4|9)$"))
            .respond_with(
                ResponseTemplate::new(404).set_body_json(json!({ "code": "woocommerce_rest_shop_webhook_invalid_id" })),
            )
            .expect(2)
            .mount(&server)
            .await;
        let mut connection = Connection::default();
        for (key, value) in [("consumer_key", "ck_1"), ("consumer_secret", "cs_2"), ("url", &server.uri())] {
            connection.set(key, value);
        }
        let ids = kind().register(&connection, HERE, "s3").await.unwrap();
        assert_eq!(ids, ["9", "4", "9"], "in the sequence of the topics");
        let sent = server.received_requests().await.unwrap();
        let bodies: Vec<Value> =
            sent.iter().filter(|call| call.method.as_str() == "POST").map(|call| call.body_json().unwrap()).collect();
        for (body, topic) in bodies.iter().zip(TOPICS) {
            assert_eq!(
                (&body["topic"], &body["delivery_url"], &body["secret"]),
                (&json!(topic), &json!(HERE), &json!("s3"))
            );
            assert_eq!(body["status"], "active");
        }
        assert!(sent.iter().all(|call| !call.url.query().unwrap_or("").contains("s3")), "no secret in an address");
        kind().unregister(&connection, &["4".into(), "9".into(), "../orders/1".into()]).await.unwrap();
    }
}
