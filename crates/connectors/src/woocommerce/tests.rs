//! Payloads recorded against WooCommerce 11.0.1, and faults.

use consign_ports::{ChannelPayment, DespatchLine, IncomingOrder};
use consign_values::{Currency, Money, Quantity};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::matchers::{body_partial_json, method, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::*;
use crate::networks::Networks;

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/recorded/woocommerce/", $name, ".json")))
            .unwrap()
    };
}

const API: &str = "/wp-json/wc/v3";

fn kind() -> WooCommerceKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    WooCommerceKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    for (key, value) in [("consumer_key", "ck_1"), ("consumer_secret", "cs_2")] {
        connection.set(key, value);
    }
    connection.set("url", server.uri());
    connection
}

fn channel(server: &MockServer, settings: &[(&str, &str)]) -> Box<dyn Channel> {
    let mut connection = connection(server);
    settings.iter().for_each(|(key, value)| connection.set(key, *value));
    kind().connect(&connection).unwrap()
}

async fn mount(server: &MockServer, verb: &str, at: &str, status: u16, answer: &Value) {
    let answer = ResponseTemplate::new(status).set_body_json(answer);
    Mock::given(method(verb)).and(path(format!("{API}/{at}"))).respond_with(answer).mount(server).await;
}

/// The bodies that were posted to paths with this end.
async fn posted(server: &MockServer, end: &str) -> Vec<Value> {
    let sent = server.received_requests().await.unwrap();
    let is_ours = |call: &&Request| call.method.as_str() == "POST" && call.url.path().ends_with(end);
    sent.iter().filter(is_ours).map(|call| call.body_json().unwrap()).collect()
}

fn reading() -> Reading {
    Reading { trusted_methods: vec!["cod".into()], shipped_status: "completed".into() }
}

fn total(order: &IncomingOrder) -> i64 {
    let lines: i64 =
        order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount).sum();
    lines + order.postage.amount - order.discount.amount
}

fn note(attempts: u32, lines: &[(&str, i64)]) -> Despatch {
    let line = |(line, units): &(&str, i64)| DespatchLine {
        channel_line: (*line).into(),
        channel_sku: "X".into(),
        quantity: Quantity::new(*units).unwrap(),
    };
    Despatch {
        key: "k1".into(),
        reference: "14".into(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: "RM123456789GB".into(),
        processed_at: Timestamp::parse("2026-11-23T05:33:17Z").unwrap(),
        lines: lines.iter().map(line).collect(),
        attempts,
    }
}

fn request(page: Option<&str>) -> DownloadRequest {
    DownloadRequest {
        page: page.map(str::to_owned),
        since: Timestamp::parse("2026-11-23T05:33:14Z").unwrap(),
        statuses: vec!["processing".into(), "on-hold".into()],
        unsettled: Vec::new(),
    }
}

/// The recorded order with changes.
fn order_with(change: impl Fn(&mut Value)) -> Value {
    let mut order = recorded!("07-order")["response"].take();
    change(&mut order);
    order
}

#[test]
fn the_recorded_orders_are_mapped_and_their_sums_are_the_shops() {
    let mut seen = Vec::new();
    for page in [recorded!("05-orders-page1"), recorded!("06-orders-page2"), recorded!("21-orders-cancelled")] {
        for row in mapping::orders_page(&page["response"].to_string(), &reading()).unwrap() {
            let order = row.incoming.order.unwrap();
            assert_eq!(total(&order), 366_800);
            seen.push((row.incoming.reference, order.status, order.payment));
        }
    }
    let seen: Vec<_> = seen.iter().map(|(r, s, p)| (r.as_str(), s.as_str(), *p)).collect();
    use ChannelPayment::{Cancelled, Paid, Unpaid};
    assert_eq!(
        seen,
        [
            ("14", "processing", Paid),
            ("15", "on-hold", Unpaid),
            ("16", "processing", Paid),
            ("15", "cancelled", Cancelled)
        ]
    );
    insta::assert_debug_snapshot!(mapping::order(&recorded!("07-order")["response"], &reading()).unwrap());
}

#[test]
fn coupons_fees_refunds_tax_numbers_and_own_order_numbers_are_mapped_to_the_penny() {
    let rich = order_with(|order| {
        order["number"] = "WEB-1001".into();
        order["line_items"][0]["total"] = "15.00".into();
        order["line_items"][0]["total_tax"] = "3.00".into();
        order["fee_lines"] = json!([
            {"id": 7, "name": "", "total": "1.00", "total_tax": "0.20", "taxes": [{"id": 1, "total": "0.20"}]},
            {"id": 8, "name": "Loyalty", "total": "-2.00", "total_tax": "0.00"}]);
        order["coupon_lines"] = json!([{"code": "TENOFF"}]);
        order["refunds"] = json!([{"id": 17, "total": "-9.99"}, {"id": 18, "total": "-1.00"}]);
        order["meta_data"] = json!([{"key": "_billing_vat_number", "value": "GB1"}, {"key": "IOSS", "value": "IM9"}]);
        order["total"] = "33.90".into();
        order["line_items"][1]["sku"] = "".into();
        order["shipping"] = json!({"first_name": "", "country": ""});
    });
    let order = mapping::order(&rich, &reading()).unwrap();
    assert_eq!(total(&order), 339_000);
    insta::assert_debug_snapshot!(order);
}

#[test]
fn paid_needs_a_date_of_payment_or_a_trusted_method_or_nothing_to_pay() {
    let payment = |change: &dyn Fn(&mut Value)| mapping::order(&order_with(change), &reading()).unwrap().payment;
    assert_eq!(payment(&|_| {}), ChannelPayment::Paid, "cash on delivery is trusted");
    assert_eq!(payment(&|order| order["payment_method"] = "bacs".into()), ChannelPayment::Unpaid);
    let dated = |order: &mut Value| {
        order["payment_method"] = "stripe".into();
        order["date_paid_gmt"] = "2026-11-23T05:33:18".into();
    };
    assert_eq!(payment(&dated), ChannelPayment::Paid);
    assert_eq!(payment(&|order| order["status"] = "failed".into()), ChannelPayment::Unpaid);
    assert_eq!(payment(&|order| order["status"] = "refunded".into()), ChannelPayment::Cancelled);
    let free = |order: &mut Value| {
        order["payment_method"] = "".into();
        order["total"] = "0.00".into();
    };
    assert_eq!(payment(&free), ChannelPayment::Paid);
}

#[test]
fn what_the_shop_has_as_shipped_is_not_shipped_again() {
    let order = |value: &Value| mapping::order(value, &reading()).unwrap();
    assert!(!order(&recorded!("09-order-partially-fulfilled")["response"]).shipped);
    assert!(order(&recorded!("13-order-complete")["response"]).shipped);
    let noted = order_with(|order| {
        let note = json!([{"key": "k", "lines": [{"id": 2, "qty": 1}]}, {"key": "l", "lines": [{"id": 3, "qty": 9}]}]);
        order["meta_data"] = json!([{"key": mapping::DESPATCHES, "value": note}]);
    });
    let units: Vec<i64> = order(&noted).lines.iter().map(|line| line.shipped_quantity).collect();
    assert_eq!(units, [1, 1]);
}

#[test]
fn what_cannot_be_understood_names_its_field() {
    let with = |pointer: &str, value: Value| {
        let order = order_with(|order| *order.pointer_mut(pointer).unwrap() = value.clone());
        mapping::order(&order, &reading()).unwrap_err()
    };
    insta::assert_snapshot!(
        [
            with("/id", Value::Null),
            with("/currency", json!("£")),
            with("/line_items", json!([])),
            with("/line_items/0/quantity", json!(-1)),
            with("/line_items/1/id", json!(2)),
            with("/line_items/0/total", json!("-5")),
            with("/line_items/0/total", json!("79228162514264337593543950335")),
            with("/total", json!("many")),
            with("/billing", json!([])),
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn a_round_asks_by_date_of_change_and_counts_the_units_of_partly_fulfilled_orders() {
    let server = MockServer::start().await;
    let order = recorded!("09-order-partially-fulfilled")["response"].take();
    mount(&server, "GET", "orders", 200, &json!([order])).await;
    let mut one = recorded!("11-fulfillments")["response"].take();
    one.as_array_mut().unwrap().truncate(1);
    mount(&server, "GET", "orders/14/fulfillments", 200, &one).await;
    let page = channel(&server, &[]).download(request(None)).await.unwrap();
    assert_eq!(page.next, None);
    let units: Vec<i64> =
        page.orders[0].order.as_ref().unwrap().lines.iter().map(|line| line.shipped_quantity).collect();
    assert_eq!(units, [1, 0]);
    let asked = &server.received_requests().await.unwrap()[0].url;
    let asked: BTreeMap<_, _> = asked.query_pairs().filter(|(name, _)| !name.starts_with("oauth_")).collect();
    insta::assert_debug_snapshot!(asked);

    let token = "1795411997:2";
    channel(&server, &[]).download(request(Some(token))).await.unwrap();
    let asked = server.received_requests().await.unwrap()[2].url.query().unwrap().to_owned();
    assert!(asked.contains("modified_after=2026-11-23T05%3A33%3A16") && asked.contains("page=2"), "{asked}");
    assert!(matches!(channel(&server, &[]).download(request(Some("x"))).await, Err(PortError::Refused(_))));
}

#[tokio::test]
async fn plain_http_calls_are_signed_without_the_secret_and_a_401_is_unauthorised() {
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 401, &recorded!("23-no-auth")["response"]).await;
    let error = channel(&server, &[]).test().await.unwrap_err();
    assert!(
        matches!(&error, PortError::Unauthorised(why) if why.contains("cannot list") && !why.contains("oauth")),
        "{error:?}"
    );
    let sent = server.received_requests().await.unwrap().remove(0);
    let query: BTreeMap<String, String> = sent.url.query_pairs().into_owned().collect();
    assert_eq!((query["oauth_consumer_key"].as_str(), query["oauth_signature"].len()), ("ck_1", 44));
    assert!(!sent.url.as_str().contains("cs_2") && !sent.headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_bad_question_is_refused_with_the_shops_words() {
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 400, &recorded!("24-per-page-101")["response"]).await;
    let error = channel(&server, &[]).download(request(None)).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused(why) if why.contains("per_page")), "{error:?}");
}

#[tokio::test]
async fn garbage_is_kept_and_ends_the_round_and_a_bad_order_spoils_only_itself() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_string("<html>");
    Mock::given(method("GET")).respond_with(page).mount(&server).await;
    let page = channel(&server, &[]).download(request(None)).await.unwrap();
    assert_eq!((page.orders.len(), page.next, page.orders[0].payload.as_slice()), (1, None, &b"<html>"[..]));

    let odd = r#"{ "id":99, "line_items":7 }"#;
    let text = format!("[{odd},{},3]", recorded!("07-order")["response"]);
    let rows = mapping::orders_page(&text, &reading()).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.incoming.reference.as_str(), row.incoming.order.is_ok())).collect();
    assert_eq!(seen, [("99", false), ("14", true), ("", false)]);
    assert_eq!(rows[0].incoming.payload, odd.as_bytes());
}

#[tokio::test]
async fn a_shop_in_trouble_asks_for_patience() {
    for (answer, after) in [
        (ResponseTemplate::new(429).insert_header("retry-after", "30"), Some(30)),
        (ResponseTemplate::new(503), None),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(30)), None),
    ] {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let notes = vec![note(0, &[("2", 1)]), note(0, &[("2", 1)])];
        let outcomes = match channel(&server, &[]).despatch(notes).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error)],
        };
        for error in outcomes.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, PortError::Retry { after_seconds, .. } if after_seconds == after), "{error:?}");
        }
    }
}

#[tokio::test]
async fn the_last_parcel_completes_the_order_with_tracking_and_a_note_to_the_buyer() {
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 200, &json!([recorded!("07-order")["response"]])).await;
    mount(&server, "POST", "orders/14", 200, &recorded!("13-order-complete")["response"]).await;
    mount(&server, "POST", "orders/14/notes", 201, &recorded!("14-order-note")["response"]).await;
    let outcomes = channel(&server, &[]).despatch(vec![note(0, &[("2", 2), ("3", 1), ("fee:7", 1)])]).await.unwrap();
    assert_eq!(outcomes, [Ok(())]);
    insta::assert_json_snapshot!((posted(&server, "orders/14").await, posted(&server, "notes").await));

    let partial = channel(&server, &[("tell_buyer", "False"), ("tracking_meta", "False")]);
    assert_eq!(partial.despatch(vec![note(0, &[("2", 1)])]).await.unwrap(), [Ok(())]);
    let change = posted(&server, "orders/14").await.remove(1);
    assert_eq!(change["status"], Value::Null, "the order is not complete yet");
    assert_eq!(change["meta_data"].as_array().unwrap().len(), 1);

    let outcomes = partial.despatch(vec![note(0, &[("77", 1)])]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("no line 77")), "{outcomes:?}");
}

#[tokio::test]
async fn a_note_that_took_effect_half_way_is_finished_and_not_doubled() {
    let told =
        json!([{"note": "Shipped, RM123456789GB", "customer_note": true, "date_created_gmt": "2026-11-23T05:33:18"}]);
    for (notes, more) in [(told, 0), (json!([]), 1)] {
        let server = MockServer::start().await;
        let order = order_with(|order| {
            let note = json!([{"key": "k1", "lines": [{"id": 2, "qty": 2}]}]);
            order["meta_data"] = json!([{"key": mapping::DESPATCHES, "value": note}]);
            order["status"] = "completed".into();
        });
        mount(&server, "GET", "orders", 200, &json!([order])).await;
        mount(&server, "GET", "orders/14/notes", 200, &notes).await;
        mount(&server, "POST", "orders/14/notes", 201, &json!({})).await;
        let outcomes = channel(&server, &[]).despatch(vec![note(1, &[("2", 2)])]).await.unwrap();
        assert_eq!((outcomes, posted(&server, "orders/14").await.len()), (vec![Ok(())], 0));
        assert_eq!(posted(&server, "notes").await.len(), more);
    }
}

#[tokio::test]
async fn fulfilments_are_made_once_within_what_is_left_and_need_the_feature() {
    let settings = [("fulfil_by", "fulfilments"), ("tell_buyer", "False")];
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 200, &json!([recorded!("07-order")["response"]])).await;
    mount(&server, "GET", "orders/14/fulfillments", 200, &json!([])).await;
    mount(&server, "POST", "orders/14/fulfillments", 201, &recorded!("08-fulfillment-partial")["response"]).await;
    mount(&server, "POST", "orders/14", 200, &json!({})).await;
    let shop = channel(&server, &settings);
    assert_eq!(shop.despatch(vec![note(0, &[("2", 1)])]).await.unwrap(), [Ok(())]);
    insta::assert_json_snapshot!(posted(&server, "fulfillments").await);
    assert_eq!(posted(&server, "orders/14").await[0]["status"], Value::Null);

    // All of the order is in two fulfilments: the first is this note's own, but nothing is left for another one.
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 200, &json!([recorded!("07-order")["response"]])).await;
    mount(&server, "GET", "orders/14/fulfillments", 200, &recorded!("11-fulfillments")["response"]).await;
    mount(&server, "POST", "orders/14", 200, &json!({})).await;
    let shop = channel(&server, &settings);
    assert_eq!(shop.despatch(vec![note(1, &[("2", 1)])]).await.unwrap(), [Ok(())]);
    assert_eq!(posted(&server, "orders/14").await[0]["status"], "completed");
    let other = Despatch { tracking_number: "OTHER".into(), ..note(1, &[("2", 1)]) };
    let outcomes = shop.despatch(vec![other]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("otherwise")), "{outcomes:?}");
    assert!(posted(&server, "fulfillments").await.is_empty());

    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 200, &json!([recorded!("07-order")["response"]])).await;
    let off = json!({"code": "rest_no_route", "message": "No route was found", "data": {"status": 404}});
    mount(&server, "GET", "orders/14/fulfillments", 404, &off).await;
    let outcomes = channel(&server, &settings).despatch(vec![note(0, &[("2", 1)])]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("switch them on")), "{outcomes:?}");
}

#[tokio::test]
async fn a_parcel_without_a_tracking_number_is_not_taken_for_an_earlier_one_that_looks_the_same() {
    let server = MockServer::start().await;
    mount(&server, "GET", "orders", 200, &json!([recorded!("07-order")["response"]])).await;
    let earlier = json!([{"is_fulfilled": "1", "date_deleted": null, "meta_data": [
        {"key": "_items", "value": [{"item_id": 2, "qty": 1}]}, {"key": "_date_fulfilled", "value": "2026-11-23T04:00:00Z"}]}]);
    mount(&server, "GET", "orders/14/fulfillments", 200, &earlier).await;
    mount(&server, "POST", "orders/14/fulfillments", 201, &json!({})).await;
    mount(&server, "POST", "orders/14", 200, &json!({})).await;
    let second = Despatch { tracking_number: String::new(), ..note(1, &[("2", 1)]) };
    let shop = channel(&server, &[("fulfil_by", "fulfilments"), ("tell_buyer", "False")]);
    assert_eq!(shop.despatch(vec![second]).await.unwrap(), [Ok(())]);
    assert_eq!(posted(&server, "fulfillments").await.len(), 1);
}

#[tokio::test]
async fn an_order_that_is_cancelled_in_the_shop_takes_no_parcel_and_a_completed_one_no_cancellation() {
    let cancellation = Cancellation {
        key: "c".into(),
        reference: "14".into(),
        external_reference: String::new(),
        reason: "out of stock".into(),
        lines: Vec::new(),
        attempts: 0,
    };
    for (status, cancels) in [("cancelled", true), ("processing", true), ("completed", false)] {
        let server = MockServer::start().await;
        mount(&server, "GET", "orders", 200, &json!([order_with(|order| order["status"] = status.into())])).await;
        mount(&server, "POST", "orders/14", 200, &json!({})).await;
        let shop = channel(&server, &[]);
        assert_eq!(shop.cancel(cancellation.clone()).await.is_ok(), cancels, "{status}");
        assert_eq!(posted(&server, "orders/14").await.len(), usize::from(status == "processing"));
        if status == "cancelled" {
            assert!(matches!(shop.despatch(vec![note(0, &[("2", 1)])]).await.unwrap()[0], Err(PortError::Refused(_))));
        }
    }
}

fn level(sku: &str, reference: &str, quantity: i64) -> StockLevel {
    StockLevel { channel_sku: sku.into(), channel_reference: reference.into(), quantity }
}

#[tokio::test]
async fn stock_goes_to_products_and_variations_each_by_their_batch_and_errors_inside_are_seen() {
    let server = MockServer::start().await;
    let mut known = recorded!("15-product-by-sku")["response"].take();
    for (id, sku) in [(10, "MUG-1"), (999_999, "LATE")] {
        known.as_array_mut().unwrap().push(json!({"id": id, "parent_id": 0, "type": "simple", "sku": sku}));
    }
    mount(&server, "GET", "products", 200, &known).await;
    mount(&server, "POST", "products/batch", 200, &recorded!("18-stock-batch")["response"]).await;
    mount(&server, "POST", "products/11/variations/batch", 200, &json!({"update": [{"id": 13}]})).await;
    let levels =
        vec![level("TEE-M", "11/13", 7), level("GONE", "10", 1), level("MUG-1", "10", 60), level("LATE", "", 1)];
    let outcomes = channel(&server, &[]).push_stock(levels).await.unwrap();
    assert_eq!((&outcomes[0], &outcomes[2]), (&Ok(()), &Ok(())));
    assert!(matches!(&outcomes[1], Err(PortError::Refused(why)) if why.contains("no longer listed")), "{outcomes:?}");
    assert!(matches!(&outcomes[3], Err(PortError::Refused(why)) if why.contains("Invalid ID")), "{outcomes:?}");
    let sent = (posted(&server, "products/batch").await, posted(&server, "variations/batch").await);
    insta::assert_json_snapshot!(sent);
}

#[tokio::test]
async fn a_price_is_the_regular_price_in_main_units() {
    let server = MockServer::start().await;
    mount(&server, "GET", "products", 200, &json!([{"id": 10, "parent_id": 0, "type": "simple", "sku": "MUG-1"}]))
        .await;
    mount(&server, "POST", "products/batch", 200, &json!({"update": [{"id": 10}]})).await;
    let price = Money::from_minor(1_950, Currency::parse("GBP").unwrap()).unwrap();
    let prices = vec![ListingPrice { channel_sku: "MUG-1".into(), channel_reference: "10".into(), price }];
    assert_eq!(channel(&server, &[]).push_prices(prices).await.unwrap(), [Ok(())]);
    assert_eq!(posted(&server, "batch").await, [json!({"update": [{"id": 10, "regular_price": "19.50"}]})]);
}

#[tokio::test]
async fn listings_are_simple_products_and_variations_also_those_without_a_sku() {
    let server = MockServer::start().await;
    let mut products = recorded!("03-products")["response"].take();
    products.as_array_mut().unwrap().push(json!({"id": 50, "type": "simple", "name": "Nameless", "sku": ""}));
    products.as_array_mut().unwrap().push(json!({"id": 51, "type": "grouped", "name": "Set", "sku": "SET"}));
    mount(&server, "GET", "products", 200, &products).await;
    mount(&server, "GET", "products/11/variations", 200, &recorded!("04-variations")["response"]).await;
    let page = channel(&server, &[]).list_products(None).await.unwrap();
    insta::assert_debug_snapshot!(page);
}

#[tokio::test]
async fn statuses_and_tags_are_the_shops_own() {
    let server = MockServer::start().await;
    let mut statuses = recorded!("22-statuses")["response"].take();
    statuses.as_array_mut().unwrap().push(json!({"slug": "awaiting-print", "name": "Awaiting print"}));
    mount(&server, "GET", "orders/statuses", 200, &statuses).await;
    mount(&server, "GET", "shipping/zones", 200, &json!([{"id": 0}, {"id": 1}])).await;
    mount(&server, "GET", "shipping/zones/0/methods", 200, &json!([])).await;
    let methods =
        json!([{"title": "Royal Mail 48", "method_id": "flat_rate"}, {"title": "", "method_id": "local_pickup"}]);
    mount(&server, "GET", "shipping/zones/1/methods", 200, &methods).await;
    mount(&server, "GET", "payment_gateways", 200, &json!([{"id": "cod", "title": "Cash on delivery"}])).await;
    let shop = channel(&server, &[]);
    let codes: Vec<String> = shop.list_statuses().await.unwrap().into_iter().map(|status| status.code).collect();
    assert!(codes.contains(&"awaiting-print".to_owned()) && !codes.contains(&"checkout-draft".to_owned()), "{codes:?}");
    let tags: Vec<String> = shop.list_tags(TagKind::Shipping).await.unwrap().into_iter().map(|tag| tag.tag).collect();
    assert_eq!(tags, ["Royal Mail 48", "local_pickup"]);
    let tags: Vec<String> = shop.list_tags(TagKind::Payment).await.unwrap().into_iter().map(|tag| tag.tag).collect();
    assert_eq!(tags, ["cod"]);
}

#[tokio::test]
async fn set_up_sees_that_the_key_writes_and_keeps_a_secret_left_empty() {
    let server = MockServer::start().await;
    let found = ResponseTemplate::new(200).set_body_json(json!([{"id": 14}])).insert_header("X-WP-Total", "3");
    Mock::given(method("GET"))
        .and(path(format!("{API}/orders")))
        .and(query_param("per_page", "1"))
        .respond_with(found)
        .mount(&server)
        .await;
    mount(&server, "GET", "orders/statuses", 200, &recorded!("22-statuses")["response"]).await;
    Mock::given(method("POST"))
        .and(path(format!("{API}/products/batch")))
        .and(body_partial_json(json!({"update": []})))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .mount(&server)
        .await;
    let kind = kind();
    let mut connection = Connection::default();
    let answers = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let url = format!("{}/wp-json/", server.uri());
    let first = answers(&[("url", url.as_str()), ("consumer_key", "ck_1"), ("consumer_secret", "cs_2")]);
    let step = kind.set_up(&mut connection, "account", &first).await.unwrap();
    assert!(step.done);
    assert_eq!(connection.get("url"), server.uri());
    assert!(step.fields.iter().all(|field| field.value != "cs_2"), "secrets are not shown again");
    assert!(kind.connect(&connection).unwrap().test().await.unwrap().ends_with("which has 3 orders"));

    let changed = answers(&[("fulfil_by", "fulfilments"), ("trusted_methods", ""), ("consumer_secret", "")]);
    kind.set_up(&mut connection, "settings", &changed).await.unwrap();
    assert_eq!((connection.get("fulfil_by"), connection.get("consumer_secret")), ("fulfilments", "cs_2"));
    assert!(Settings::read(&connection).reading.trusted_methods.is_empty());
    let before = connection.clone();
    assert!(kind.set_up(&mut connection, "settings", &answers(&[("url", "nonsense")])).await.is_err());
    assert_eq!(connection, before, "nothing half done");

    let reader = MockServer::start().await;
    mount(&reader, "GET", "orders", 200, &json!([])).await;
    let no = json!({"code": "woocommerce_rest_authentication_error", "message": "The API key provided does not have write permissions."});
    mount(&reader, "POST", "products/batch", 401, &no).await;
    let error = channel(&reader, &[]).test().await.unwrap_err();
    assert!(matches!(&error, PortError::Unauthorised(why) if why.contains("write permissions")), "{error:?}");
}

/// Any JSON, three levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[-0-9.e]{0,30}".prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key =
            prop_oneof!["id", "total", "quantity", "qty", "key", "value", "taxes", "meta_data", "item_id", ".{0,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn mapping_never_panics_on_arbitrary_json(value in any_json(), at in 0_usize..120, text in ".{0,40}") {
        let mut order = recorded!("07-order")["response"].take();
        let keys: Vec<String> = order.as_object().unwrap().keys().cloned().collect();
        let line_keys: Vec<String> = order["line_items"][0].as_object().unwrap().keys().cloned().collect();
        match keys.get(at) {
            Some(key) => order[key] = value.clone(),
            None => order["line_items"][0][&line_keys[at % line_keys.len()]] = value.clone(),
        }
        let _ = mapping::order(&order, &reading());
        let _ = mapping::order(&value, &reading());
        let _ = mapping::fulfilled_units(std::slice::from_ref(&value));
        let _ = mapping::orders_page(&text, &reading());
        let _ = mapping::orders_page(&format!("[{value},{text}]"), &reading());
        let page = format!("[{value}]");
        prop_assert!(mapping::orders_page(&page, &reading()).is_ok());
    }
}
