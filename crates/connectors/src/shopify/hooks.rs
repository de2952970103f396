//! Shopify's webhooks: one subscription for each topic, made and deleted by GraphQL.
//!
//! Shopify signs each delivery with the secret of the app that made the subscription (`X-Shopify-Hmac-Sha256`, base64 of
//! HMAC-SHA256 of the body) and delivers to `https` addresses only. It gives a subscription up after eight tries in four hours
//! that failed, so that registering makes it anew.

use consign_ports::{BoxFuture, Connection, HookDelivery, HookReading, Hooks, PortError};
use serde_json::{Value, json};

use super::{ShopifyKind, documents, mapping};
use crate::signed::is_signed;

/// Each topic as GraphQL names it and as a delivery's header does.
const TOPICS: [(&str, &str); 4] = [
    ("ORDERS_CREATE", "orders/create"),
    ("ORDERS_UPDATED", "orders/updated"),
    ("ORDERS_PAID", "orders/paid"),
    ("ORDERS_CANCELLED", "orders/cancelled"),
];

impl Hooks for ShopifyKind {
    fn read(&self, connection: &Connection, _secret: &str, delivery: &HookDelivery) -> HookReading {
        let signature = delivery.header("x-shopify-hmac-sha256");
        if !is_signed(connection.get("client_secret"), &delivery.body, signature) {
            return HookReading::Refused;
        }
        let topic = delivery.header("x-shopify-topic");
        let order: Value = serde_json::from_slice(&delivery.body).unwrap_or_default();
        let id = mapping::number(&order["admin_graphql_api_id"]);
        let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        match TOPICS.iter().any(|(_, known)| *known == topic) && is_number {
            true => HookReading::Changed(vec![id]),
            false => HookReading::Nothing,
        }
    }

    fn register<'a>(
        &'a self,
        connection: &'a Connection,
        address: &'a str,
        _secret: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>> {
        Box::pin(async move {
            if connection.get("client_secret").is_empty() {
                let why = "Shopify signs with the app's client secret: give it under Credentials, with the access token if the app has one";
                return Err(PortError::Refused(why.into()));
            }
            if !address.starts_with("https://") {
                return Err(PortError::Refused("Shopify delivers to https addresses only".into()));
            }
            let api = self.api(connection);
            let known = api.data(documents::HOOKS, json!({ "uri": address })).await?;
            let known: Vec<&Value> = known["webhookSubscriptions"]["nodes"].as_array().into_iter().flatten().collect();
            let mut ids = Vec::new();
            for (topic, _) in TOPICS {
                let of_topic = known.iter().find(|hook| hook["topic"] == topic);
                let id = match of_topic {
                    Some(hook) => hook["id"].clone(),
                    None => {
                        let hook = json!({ "uri": address, "format": "JSON" });
                        let made = api.data(documents::ADD_HOOK, json!({ "topic": topic, "hook": hook })).await?;
                        if let Some(error) = made["result"]["userErrors"].as_array().into_iter().flatten().next() {
                            let why = consign_values::clean(error["message"].as_str().unwrap_or(""), 300);
                            return Err(PortError::Refused(format!("Shopify refused the webhook {topic}: {why}")));
                        }
                        made["result"]["webhookSubscription"]["id"].clone()
                    }
                };
                let id = id.as_str().filter(|id| !id.is_empty());
                ids.push(id.ok_or_else(|| PortError::Protocol("Shopify's webhook has no id".into()))?.to_owned());
            }
            Ok(ids)
        })
    }

    fn unregister<'a>(&'a self, connection: &'a Connection, ids: &'a [String]) -> BoxFuture<'a, Result<(), PortError>> {
        Box::pin(async move {
            let api = self.api(connection);
            for id in ids {
                // What it refuses is gone already.
                api.change(documents::DROP_HOOK, json!({ "id": id })).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wiremock::matchers::body_string_contains;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::super::schema_tests::{check, check_answer};
    use super::*;
    use crate::http::Http;
    use crate::networks::Networks;
    use crate::signed::sign;

    const HERE: &str = "https://orders.example.com/hooks/3/abc";

    fn kind() -> ShopifyKind {
        let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
        ShopifyKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
    }

    fn connection(url: &str) -> Connection {
        let mut connection = Connection::default();
        for (key, value) in [("url", url), ("access_token", "shpat_1"), ("client_secret", "hush")] {
            connection.set(key, value);
        }
        connection
    }

    fn delivery(topic: &str, secret: &str, body: &[u8]) -> HookDelivery {
        let headers = [("x-shopify-topic", topic.to_owned()), ("x-shopify-hmac-sha256", sign(secret, body))];
        HookDelivery { headers: headers.map(|(name, value)| (name.to_owned(), value)).into(), body: body.to_vec() }
    }

    #[test]
    fn a_delivery_signed_with_the_apps_secret_names_its_order_and_any_other_is_refused() {
        let body = br#"{"id":820982911946154508,"admin_graphql_api_id":"gid://shopify/Order/820982911946154508","name":"9999"}"#;
        let read = |delivery: &HookDelivery| kind().read(&connection("https://x.example"), "another", delivery);
        for (_, topic) in TOPICS {
            let named = HookReading::Changed(vec!["820982911946154508".into()]);
            assert_eq!(read(&delivery(topic, "hush", body)), named, "{topic}");
        }
        let mut tampered = delivery("orders/paid", "hush", body);
        tampered.body[7] = b'1';
        assert_eq!(read(&tampered), HookReading::Refused);
        assert_eq!(
            read(&delivery("orders/paid", "another", body)),
            HookReading::Refused,
            "our own secret signs nothing here"
        );
        assert_eq!(read(&HookDelivery { headers: Vec::new(), body: body.to_vec() }), HookReading::Refused);
        assert_eq!(read(&delivery("products/update", "hush", body)), HookReading::Nothing);
        for body in [&b"[]"[..], b"{}", b"\xff", br#"{"admin_graphql_api_id":"gid://shopify/Order/x"}"#] {
            assert_eq!(read(&delivery("orders/paid", "hush", body)), HookReading::Nothing);
        }
        let unfinished = Connection::default();
        assert_eq!(kind().read(&unfinished, "", &delivery("orders/paid", "", body)), HookReading::Refused);
    }

    #[tokio::test]
    async fn registering_makes_the_topics_that_lack_and_every_call_fits_the_schema() {
        let server = MockServer::start().await;
        let nodes = json!([{ "id": "gid://shopify/WebhookSubscription/1", "topic": "ORDERS_PAID" }]);
        let known = json!({ "webhookSubscriptions": { "nodes": nodes } });
        let made = json!({ "result": { "webhookSubscription": { "id": "gid://shopify/WebhookSubscription/2" }, "userErrors": [] } });
        let dropped = json!({ "result": { "userErrors": [{ "field": ["id"], "message": "Webhook subscription does not exist" }] } });
        for (part, document, data) in [
            ("webhookSubscriptions(", documents::HOOKS, &known),
            ("webhookSubscriptionCreate", documents::ADD_HOOK, &made),
            ("webhookSubscriptionDelete", documents::DROP_HOOK, &dropped),
        ] {
            assert_eq!(check_answer(document, data), Ok(()));
            let answer = ResponseTemplate::new(200).set_body_json(json!({ "data": data }));
            Mock::given(body_string_contains(part)).respond_with(answer).mount(&server).await;
        }
        let connection = connection(&server.uri());
        let ids = kind().register(&connection, HERE, "unused").await.unwrap();
        let id = |number: i64| format!("gid://shopify/WebhookSubscription/{number}");
        assert_eq!(ids, [id(2), id(2), id(1), id(2)]);
        kind().unregister(&connection, &ids[..1]).await.unwrap();
        let sent = server.received_requests().await.unwrap();
        assert_eq!(sent.len(), 5, "one look, three made, one dropped");
        for call in &sent {
            let body: Value = call.body_json().unwrap();
            assert_eq!(check(body["query"].as_str().unwrap(), &body["variables"]), Ok(()));
        }
    }

    #[tokio::test]
    async fn what_shopify_would_not_do_is_said_before_it_is_asked() {
        let with = |key: &str, value: &str, address: &'static str| {
            let mut connection = connection("http://127.0.0.1:1");
            connection.set(key, value);
            async move { kind().register(&connection, address, "").await.unwrap_err().to_string() }
        };
        assert!(with("client_secret", "", HERE).await.contains("client secret"));
        assert!(with("x", "", "http://orders.example.com/hooks/3/abc").await.contains("https"));
    }
}
