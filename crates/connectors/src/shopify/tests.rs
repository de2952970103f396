//! Orders as the schema of 2026-10 has them, faults and set-up. Every call that a test sends is checked against the schema;
//! what goes out to the shop is in `outgoing_tests.rs`.

use std::collections::BTreeMap;

use consign_ports::{ChannelPayment, IncomingOrder};
use proptest::prelude::*;
use serde_json::Value;
use wiremock::matchers::{body_string_contains, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::networks::Networks;

const GRAPHQL: &str = "/admin/api/2026-10/graphql.json";

pub(super) fn kind() -> ShopifyKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    ShopifyKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

pub(super) fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    for (key, value) in
        [("access_token", "shpat_1"), ("stock_location", "gid://shopify/Location/4"), ("notify_buyer", "True")]
    {
        connection.set(key, value);
    }
    connection.set("url", server.uri());
    connection
}

pub(super) fn channel(server: &MockServer) -> Box<dyn Channel> {
    kind().connect(&connection(server)).unwrap()
}

pub(super) async fn mount(server: &MockServer, contains: &str, answer: &Value) {
    let answer = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(path(GRAPHQL)).and(body_string_contains(contains)).respond_with(answer).mount(server).await;
}

/// The variables of each call, once all of them are known to be what the schema takes.
pub(super) async fn sent(server: &MockServer) -> Vec<Value> {
    let calls = server.received_requests().await.unwrap();
    let graph = calls.iter().filter(|call| call.url.path() == GRAPHQL);
    graph
        .map(|call| {
            let mut body: Value = call.body_json().unwrap();
            let document = body["query"].as_str().unwrap().to_owned();
            assert_eq!(schema_tests::check(&document, &body["variables"]), Ok(()), "{document}");
            body["variables"].take()
        })
        .collect()
}

fn bag(amount: &str) -> Value {
    json!({ "shopMoney": { "amount": amount } })
}

fn tax(amount: &str) -> Value {
    json!([{ "ratePercentage": 20.0, "priceSet": bag(amount) }])
}

fn goods(id: i64, sku: &str, units: i64, each: &str, off: &str, taxed: &str) -> Value {
    json!({
        "id": format!("gid://shopify/LineItem/{id}"), "title": "Thing", "variantTitle": "Small", "sku": sku, "quantity": units,
        "currentQuantity": units, "unfulfilledQuantity": units, "requiresShipping": true,
        "variant": { "id": format!("gid://shopify/ProductVariant/{id}0") }, "customAttributes": [{ "key": "Engraving", "value": "A" }],
        "originalUnitPriceSet": bag(each), "discountAllocations": [{ "allocatedAmountSet": bag(off) }], "taxLines": tax(taxed),
    })
}

pub(super) fn rich_order() -> Value {
    let address = json!({ "name": "Ada Buyer", "company": "", "address1": "1 High St", "address2": null, "city": "Leeds",
        "province": "England", "country": "United Kingdom", "countryCodeV2": "GB", "zip": "LS1 1AA", "phone": null });
    let mut tip = goods(3, "", 1, "2.00", "0.00", "0.00");
    tip["title"] = "Tip".into();
    tip["variantTitle"] = Value::Null;
    tip["requiresShipping"] = false.into();
    json!({
        "id": "gid://shopify/Order/5001", "name": "#1001", "createdAt": "2026-11-23T05:33:14Z", "updatedAt": "2026-11-23T05:40:00Z",
        "processedAt": "2026-11-23T05:33:13Z", "cancelledAt": null, "sourceName": "web", "currencyCode": "GBP", "taxesIncluded": true,
        "displayFinancialStatus": "PAID", "displayFulfillmentStatus": "UNFULFILLED", "email": "ada@example.com", "phone": null,
        "note": "Leave at door", "tags": ["vip"], "poNumber": "PO-7", "discountCodes": ["TENOFF"],
        "paymentGatewayNames": ["shopify_payments"], "customAttributes": [{ "key": "Gift", "value": "yes" }],
        "risk": { "recommendation": "ACCEPT", "assessments": [{ "riskLevel": "LOW" }] },
        "customer": { "displayName": "Ada Buyer", "defaultEmailAddress": { "emailAddress": "x@example.com" },
                      "defaultPhoneNumber": { "phoneNumber": "+441234" } },
        "shippingAddress": address, "billingAddress": null, "currentTotalPriceSet": bag("36.19"),
        "shippingLines": { "nodes": [{ "title": "Royal Mail 48", "code": "RM48", "currentDiscountedPriceSet": bag("4.20"),
                                       "taxLines": tax("0.70") }] },
        "transactions": [{ "kind": "SALE", "status": "FAILURE", "gateway": "shopify_payments", "processedAt": "2026-11-23T05:33:12Z", "paymentId": "no" },
                         { "kind": "SALE", "status": "SUCCESS", "gateway": "shopify_payments", "processedAt": "2026-11-23T05:33:13Z", "paymentId": "r1" }],
        "lineItems": { "nodes": [goods(1, "MUG-1", 3, "6.66", "2.49", "2.92"), goods(2, "", 1, "12.50", "0.00", "2.08"), tip],
                       "pageInfo": { "hasNextPage": false, "endCursor": "end" } },
    })
}

fn settings() -> Settings {
    Settings::read(&Connection::default())
}

fn with(change: impl Fn(&mut Value)) -> Value {
    let mut order = rich_order();
    change(&mut order);
    order
}

fn total(order: &IncomingOrder) -> i64 {
    let lines: i64 =
        order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount).sum();
    lines + order.postage.amount - order.discount.amount
}

pub(super) fn page_of(orders: &[Value]) -> Value {
    json!({ "data": { "orders": { "nodes": orders, "pageInfo": { "hasNextPage": false, "endCursor": null } } } })
}

fn request(page: Option<&str>, unsettled: &[&str]) -> DownloadRequest {
    DownloadRequest {
        page: page.map(str::to_owned),
        since: Timestamp::parse("2026-11-23T05:33:14Z").unwrap(),
        statuses: Vec::new(),
        unsettled: unsettled.iter().map(|id| (*id).to_owned()).collect(),
    }
}

#[test]
fn a_rich_order_is_mapped_to_the_penny() {
    let order = mapping::order(&rich_order(), &settings()).unwrap();
    assert_eq!(total(&order), 361_900);
    insta::assert_debug_snapshot!(order);
}

#[test]
fn prices_without_tax_are_made_to_contain_it() {
    let order = with(|order| {
        order["taxesIncluded"] = false.into();
        order["lineItems"]["nodes"][1]["taxLines"] = tax("2.50");
        order["currentTotalPriceSet"] = bag("42.31");
    });
    let order = mapping::order(&order, &settings()).unwrap();
    // 19.98 less 2.49 and 2.92 tax, 12.50 and 2.50, the tip, postage 4.20 and 0.70.
    assert_eq!((total(&order), order.discount.amount, order.postage.amount), (423_100, 0, 49_000));
    assert_eq!(order.lines[1].unit_price.amount, 150_000);
    assert_eq!(order.lines[1].tax_rate.to_percent().to_string(), "20");
}

#[test]
fn what_was_removed_is_no_line_and_what_was_shipped_is_counted() {
    let order = with(|order| {
        order["lineItems"]["nodes"][0]["currentQuantity"] = 2.into();
        order["lineItems"]["nodes"][0]["unfulfilledQuantity"] = 1.into();
        order["lineItems"]["nodes"][1]["currentQuantity"] = 0.into();
        order["currentTotalPriceSet"] = bag("17.86");
    });
    let order = mapping::order(&order, &settings()).unwrap();
    assert_eq!((order.lines.len(), total(&order)), (2, 178_600));
    assert_eq!((order.lines[0].quantity.units(), order.lines[0].shipped_quantity, order.shipped), (2, 1, false));
    let cancelled = with(|order| {
        order["cancelledAt"] = "2026-11-24T00:00:00Z".into();
        order["lineItems"]["nodes"][0]["currentQuantity"] = 0.into();
    });
    let cancelled = mapping::order(&cancelled, &settings()).unwrap();
    assert_eq!((cancelled.payment, cancelled.lines[0].quantity.units()), (ChannelPayment::Cancelled, 3));
    for (status, shipped) in [("FULFILLED", true), ("FULFILLMENT_NOT_REQUIRED", true), ("PARTIALLY_FULFILLED", false)] {
        let order = with(|order| order["displayFulfillmentStatus"] = status.into());
        assert_eq!(mapping::order(&order, &settings()).unwrap().shipped, shipped, "{status}");
    }
}

#[test]
fn payment_follows_the_status_and_the_settings() {
    let trusting =
        Settings { authorised_is_paid: true, trusted_methods: vec!["Cash on Delivery (COD)".into()], ..settings() };
    use ChannelPayment::{Cancelled, Paid, Unpaid};
    for (status, strict, trusted) in [
        ("PAID", Paid, Paid),
        ("PARTIALLY_REFUNDED", Paid, Paid),
        ("AUTHORIZED", Unpaid, Paid),
        ("PENDING", Unpaid, Paid),
        ("PARTIALLY_PAID", Unpaid, Unpaid),
        ("VOIDED", Unpaid, Unpaid),
        ("EXPIRED", Unpaid, Unpaid),
        ("REFUNDED", Cancelled, Cancelled),
    ] {
        let order = with(|order| {
            order["displayFinancialStatus"] = status.into();
            order["paymentGatewayNames"] = json!(["cash on delivery (cod)"]);
        });
        assert_eq!(mapping::payment(&order, &settings()), strict, "{status}");
        assert_eq!(mapping::payment(&order, &trusting), trusted, "{status}");
    }
}

#[test]
fn risky_orders_are_held_back_as_far_as_the_settings_say_until_they_bear_the_tag() {
    let held = |recommendation: &str, level: &str, hold_risk: HoldRisk, tag: &str| {
        let order = with(|order| {
            order["risk"] = json!({ "recommendation": recommendation, "assessments": [{ "riskLevel": level }] });
            order["tags"] = json!(["vip", tag]);
        });
        let order = mapping::order(&order, &Settings { hold_risk, ..settings() }).unwrap();
        assert_eq!(order.payment == ChannelPayment::Unpaid, order.notes.iter().any(|note| note.internal));
        order.payment == ChannelPayment::Unpaid
    };
    for (recommendation, level, never, high, medium) in [
        ("ACCEPT", "LOW", false, false, false),
        ("NONE", "NONE", false, false, false),
        ("CANCEL", "HIGH", false, true, true),
        ("ACCEPT", "HIGH", false, true, true),
        ("INVESTIGATE", "MEDIUM", false, false, true),
        ("NONE", "PENDING", false, true, true),
    ] {
        for (hold_risk, expected) in [(HoldRisk::Never, never), (HoldRisk::High, high), (HoldRisk::Medium, medium)] {
            assert_eq!(held(recommendation, level, hold_risk, "x"), expected, "{recommendation} {level} {hold_risk:?}");
        }
        assert!(!held(recommendation, level, HoldRisk::Medium, "Consign-Release"));
    }
}

#[test]
fn only_paid_orders_that_are_still_to_be_sent_count_as_open() {
    let open = |key: &str, value: Value| mapping::is_open(&with(|order| order[key] = value.clone()), &settings());
    assert!(open("name", json!("#1001")));
    assert!(open("displayFulfillmentStatus", json!("PARTIALLY_FULFILLED")));
    assert!(!open("displayFulfillmentStatus", json!("FULFILLED")));
    assert!(!open("displayFinancialStatus", json!("PENDING")));
    assert!(!open("cancelledAt", json!("2026-11-24T00:00:00Z")));
    assert!(!open("sourceName", json!("pos")));
    assert!(!open("requiresShipping", json!(false)));
}

#[test]
fn what_cannot_be_understood_names_its_field() {
    let fault = |pointer: &str, value: Value| {
        let order = with(|order| *order.pointer_mut(pointer).unwrap() = value.clone());
        mapping::order(&order, &settings()).unwrap_err()
    };
    insta::assert_snapshot!(
        [
            fault("/id", Value::Null),
            fault("/currencyCode", json!("£")),
            fault("/lineItems/nodes", json!([])),
            fault("/lineItems/nodes/0/currentQuantity", json!(-1)),
            fault("/lineItems/nodes/1/id", json!("gid://shopify/LineItem/1")),
            fault("/lineItems/nodes/0/originalUnitPriceSet/shopMoney/amount", json!("-5")),
            fault("/lineItems/nodes/0/originalUnitPriceSet/shopMoney/amount", json!("79228162514264337593543950335")),
            fault("/currentTotalPriceSet/shopMoney/amount", json!("many")),
            fault("/shippingAddress", json!([])),
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn a_round_reads_changed_orders_then_held_ones_and_leaves_the_till_out() {
    let server = MockServer::start().await;
    let pos = with(|order| {
        order["id"] = "gid://shopify/Order/5002".into();
        order["sourceName"] = "pos".into();
    });
    mount(&server, "sortKey:UPDATED_AT", &page_of(&[rich_order(), pos])).await;
    mount(&server, "nodes(ids:$ids)", &json!({ "data": { "nodes": [null, rich_order()] } })).await;
    let shop = channel(&server);
    let first = shop.download(request(None, &["77", "5001"])).await.unwrap();
    assert_eq!(first.orders.iter().map(|order| order.reference.as_str()).collect::<Vec<_>>(), ["5001"]);
    let second = shop.download(request(first.next.as_deref(), &["77", "5001"])).await.unwrap();
    assert_eq!((second.orders.len(), second.next), (1, None));
    insta::assert_json_snapshot!(sent(&server).await);
    assert!(matches!(shop.download(request(Some("x"), &[])).await, Err(PortError::Refused(_))));

    let mut with_pos = connection(&server);
    with_pos.set("download_pos", "True");
    let page = kind().connect(&with_pos).unwrap().download(request(None, &[])).await.unwrap();
    assert_eq!((page.orders.len(), page.next), (2, None));
}

#[tokio::test]
async fn the_further_lines_of_a_long_order_are_read_and_kept() {
    let server = MockServer::start().await;
    let long = with(|order| {
        order["lineItems"]["pageInfo"] = json!({ "hasNextPage": true, "endCursor": "c1" });
        order["currentTotalPriceSet"] = bag("46.19");
    });
    mount(&server, "sortKey:UPDATED_AT", &page_of(&[long])).await;
    let info = json!({ "hasNextPage": false, "endCursor": null });
    let more = json!({ "nodes": [goods(9, "LAST", 1, "10.00", "0", "1.67")], "pageInfo": info });
    mount(&server, "order(id:$id){lineItems", &json!({ "data": { "order": { "lineItems": more } } })).await;
    let mut page = channel(&server).download(request(None, &[])).await.unwrap();
    let incoming = page.orders.remove(0);
    let order = incoming.order.unwrap();
    assert_eq!((order.lines.len(), order.lines[3].channel_sku.as_str(), total(&order)), (4, "LAST", 461_900));
    let payload: Value = serde_json::from_slice(&incoming.payload).unwrap();
    assert_eq!(payload["lineItems"]["nodes"].as_array().unwrap().len(), 4);
    assert_eq!(sent(&server).await[1]["after"], "c1");
}

#[tokio::test]
async fn running_out_of_points_asks_for_the_time_that_they_take_and_tells_what_is_left() {
    let server = MockServer::start().await;
    let status = json!({ "maximumAvailable": 2000.0, "currentlyAvailable": 42.0, "restoreRate": 100.0 });
    let cost = json!({ "cost": { "requestedQueryCost": 542, "actualQueryCost": null, "throttleStatus": status } });
    let error = json!([{ "message": "Throttled", "extensions": { "code": "THROTTLED" } }]);
    mount(&server, "sortKey:UPDATED_AT", &json!({ "errors": error, "extensions": cost })).await;
    let error = channel(&server).download(request(None, &[])).await.unwrap_err();
    assert!(matches!(error, PortError::Retry { after_seconds: Some(5), .. }), "{error:?}");

    let server = MockServer::start().await;
    let mut page = page_of(&[]);
    page["extensions"] =
        json!({ "cost": { "requestedQueryCost": 40, "throttleStatus": { "currentlyAvailable": 1_900.0 } } });
    mount(&server, "sortKey:UPDATED_AT", &page).await;
    assert_eq!(channel(&server).download(request(None, &[])).await.unwrap().rate_left, Some(47));
}

#[tokio::test]
async fn a_question_that_costs_too_much_is_asked_in_smaller_pages() {
    let server = MockServer::start().await;
    let dear =
        json!({ "errors": [{ "message": "Query cost is 1402", "extensions": { "code": "MAX_COST_EXCEEDED" } }] });
    let dear = ResponseTemplate::new(200).set_body_json(dear);
    Mock::given(method("POST")).respond_with(dear).up_to_n_times(2).mount(&server).await;
    mount(&server, "sortKey:UPDATED_AT", &page_of(&[rich_order()])).await;
    assert_eq!(channel(&server).download(request(None, &[])).await.unwrap().orders.len(), 1);
    let sizes: Vec<i64> = sent(&server).await.iter().map(|variables| variables["first"].as_i64().unwrap()).collect();
    assert_eq!(sizes, [25, 12, 6]);
}

#[tokio::test]
async fn faults_say_what_to_do() {
    for (answer, expected) in [
        (ResponseTemplate::new(401).set_body_json(json!({ "errors": "[API] Invalid API key" })), "Unauthorised"),
        (ResponseTemplate::new(429).insert_header("retry-after", "2.0"), "Retry"),
        (ResponseTemplate::new(502), "Retry"),
        (
            ResponseTemplate::new(200)
                .set_body_json(json!({ "errors": [{ "message": "no", "extensions": { "code": "ACCESS_DENIED" } }] })),
            "Unauthorised",
        ),
        (
            ResponseTemplate::new(200).set_body_json(
                json!({ "errors": [{ "message": "oops", "extensions": { "code": "INTERNAL_SERVER_ERROR" } }] }),
            ),
            "Retry",
        ),
        (
            ResponseTemplate::new(200).set_body_json(json!({ "errors": [{ "message": "Field 'x' doesn't exist" }] })),
            "Refused",
        ),
        (ResponseTemplate::new(200).set_body_json(json!({ "errors": "Not found" })), "Refused"),
        (ResponseTemplate::new(200).set_body_string("[1]"), "Protocol"),
    ] {
        let server = MockServer::start().await;
        Mock::given(path(GRAPHQL)).respond_with(answer).mount(&server).await;
        let error = channel(&server).list_products(None).await.unwrap_err();
        assert!(format!("{error:?}").starts_with(expected), "{error:?} is not {expected}");
        assert!(!error.to_string().contains("shpat_1"));
    }
}

#[tokio::test]
async fn garbage_is_kept_and_ends_the_round_and_a_bad_order_spoils_only_itself() {
    let server = MockServer::start().await;
    Mock::given(path(GRAPHQL)).respond_with(ResponseTemplate::new(200).set_body_string("<html>")).mount(&server).await;
    let page = channel(&server).download(request(None, &[])).await.unwrap();
    assert_eq!((page.orders.len(), page.orders[0].payload.as_slice()), (1, &b"<html>"[..]));
    assert!(page.orders[0].order.is_err());

    let odd = r#"{ "id":"gid://shopify/Order/9", "lineItems":7 }"#;
    let text = format!(r#"{{"data":{{"orders":{{"nodes":[{odd},{},3]}}}}}}"#, rich_order());
    let rows: Vec<Incoming> =
        mapping::orders_page(&text).unwrap().into_iter().map(|row| row.incoming(&settings())).collect();
    let seen: Vec<_> = rows.iter().map(|row| (row.reference.as_str(), row.order.is_ok())).collect();
    assert_eq!(seen, [("9", false), ("5001", true), ("", false)]);
    assert_eq!(rows[0].payload, odd.as_bytes());
}

#[tokio::test]
async fn an_app_of_the_dashboard_fetches_a_token_and_another_once_it_has_run_out() {
    let server = MockServer::start().await;
    for (number, times) in [(1, 1), (2, 9)] {
        let token = json!({ "access_token": format!("day-{number}"), "scope": "write_orders", "expires_in": 86_399 });
        let answer = ResponseTemplate::new(200).set_body_json(token);
        Mock::given(path("/admin/oauth/access_token")).respond_with(answer).up_to_n_times(times).mount(&server).await;
    }
    let stale = ResponseTemplate::new(401).set_body_json(json!({ "errors": "Invalid access token" }));
    Mock::given(header("x-shopify-access-token", "day-1")).respond_with(stale).mount(&server).await;
    let listings = ResponseTemplate::new(200).set_body_json(json!({ "data": { "productVariants": { "nodes": [] } } }));
    Mock::given(header("x-shopify-access-token", "day-2")).respond_with(listings).mount(&server).await;
    let mut connection = connection(&server);
    for (key, value) in [("access_token", ""), ("client_id", "id 1"), ("client_secret", "shpss_&")] {
        connection.set(key, value);
    }
    let shop = kind().connect(&connection).unwrap();
    assert!(shop.list_products(None).await.unwrap().products.is_empty());
    let calls = server.received_requests().await.unwrap();
    let body = String::from_utf8(calls[0].body.clone()).unwrap();
    assert_eq!(body, "grant_type=client_credentials&client_id=id+1&client_secret=shpss_%26");
    assert_eq!(calls.len(), 4, "token, refused, token, answered");

    let server = MockServer::start().await;
    let no = ResponseTemplate::new(400).set_body_json(json!({ "error": "invalid_client" }));
    Mock::given(path("/admin/oauth/access_token")).respond_with(no).mount(&server).await;
    connection.set("url", server.uri());
    let error = kind().connect(&connection).unwrap().test().await.unwrap_err();
    assert!(matches!(error, PortError::Unauthorised(_)), "{error:?}");
}

#[tokio::test]
async fn set_up_checks_the_scopes_and_asks_for_the_stock_location_and_keeps_secrets_left_empty() {
    let server = MockServer::start().await;
    let scopes =
        ["write_orders", "write_assigned_fulfillment_orders", "write_products", "write_inventory", "read_locations"];
    let scopes: Vec<Value> = scopes.iter().map(|scope| json!({ "handle": scope })).collect();
    let who = json!({ "data": {
        "shop": { "name": "Example", "myshopifyDomain": "example.myshopify.com" },
        "currentAppInstallation": { "accessScopes": scopes },
        "locations": { "nodes": [{ "id": "gid://shopify/Location/4", "name": "Leeds" }, { "id": "gid://shopify/Location/5", "name": "York" }] } } });
    mount(&server, "currentAppInstallation", &who).await;
    let kind = kind();
    let mut connection = Connection::default();
    let answers = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    let url = server.uri();
    let first = answers(&[("url", url.as_str()), ("access_token", "shpat_1")]);
    let step = kind.set_up(&mut connection, "account", &first).await.unwrap();
    assert!(step.done && step.fields.iter().all(|field| field.value != "shpat_1"), "secrets are not shown again");
    assert_eq!(connection.get("stock_location"), "gid://shopify/Location/4");
    let changed =
        answers(&[("stock_location", "gid://shopify/Location/5"), ("access_token", ""), ("hold_risk", "never")]);
    kind.set_up(&mut connection, "settings", &changed).await.unwrap();
    let settings = Settings::read(&connection);
    assert_eq!((connection.get("access_token"), settings.hold_risk), ("shpat_1", HoldRisk::Never));
    assert_eq!(settings.stock_location, "gid://shopify/Location/5");
    let before = connection.clone();
    assert!(kind.set_up(&mut connection, "settings", &answers(&[("url", "two words")])).await.is_err());
    assert_eq!(connection, before, "nothing half done");
    let lacking = kind.set_up(&mut Connection::default(), "account", &answers(&[("url", url.as_str())])).await;
    assert!(matches!(lacking, Err(PortError::Refused(why)) if why.contains("client ID")));
    assert_eq!(kind.set_up(&mut connection, "", &BTreeMap::new()).await.unwrap().fields[0].options.len(), 2);
}

/// Any JSON, three levels deep, with keys that the mapping reads.
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
            prop_oneof!["id", "nodes", "shopMoney", "amount", "taxLines", "priceSet", "quantity", "pageInfo", ".{0,6}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn mapping_never_panics_on_arbitrary_json(value in any_json(), at in 0_usize..80, text in ".{0,40}") {
        let mut order = rich_order();
        let keys: Vec<String> = order.as_object().unwrap().keys().cloned().collect();
        let line_keys: Vec<String> = order["lineItems"]["nodes"][0].as_object().unwrap().keys().cloned().collect();
        match keys.get(at) {
            Some(key) => order[key] = value.clone(),
            None => order["lineItems"]["nodes"][0][&line_keys[at % line_keys.len()]] = value.clone(),
        }
        let _ = mapping::order(&order, &settings());
        let _ = mapping::order(&value, &settings());
        let _ = mapping::is_open(&value, &settings());
        let _ = mapping::orders_page(&text);
        let _ = mapping::end_cursor(&text);
        let page = format!(r#"{{"data":{{"orders":{{"nodes":[{value}]}}}}}}"#);
        let rows = mapping::orders_page(&page);
        prop_assert!(rows.is_ok());
        for mut row in rows.unwrap() {
            let _ = (row.updated_at(), row.more_lines().map(str::to_owned));
            row.append_lines(value.clone());
            let _ = row.incoming(&settings());
        }
    }
}
