//! Payloads recorded against Vendure 3.7.3, and faults.

use consign_ports::{ChannelPayment, DespatchLine, IncomingOrder};
use consign_values::{Currency, Money, Quantity};
use proptest::prelude::*;
use wiremock::matchers::{body_string_contains, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::networks::Networks;

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/recorded/vendure/", $name, ".json"))).unwrap()
    };
}

fn kind() -> VendureKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    VendureKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    for (key, value) in [("username", "superadmin"), ("password", "hush"), ("stock_location", "1")] {
        connection.set(key, value);
    }
    connection.set("url", format!("{}/admin-api", server.uri()));
    connection
}

fn json_answer(value: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(value)
}

async fn mount(server: &MockServer, contains: &str, answer: ResponseTemplate) {
    Mock::given(method("POST")).and(body_string_contains(contains)).respond_with(answer).mount(server).await;
}

/// A shop that signs us in.
async fn shop() -> MockServer {
    let server = MockServer::start().await;
    let login = json_answer(&recorded!("01-login")["response"]).insert_header("vendure-auth-token", "tok-1");
    mount(&server, "login(username", login).await;
    server
}

fn total(order: &IncomingOrder) -> i64 {
    let lines: i64 =
        order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount).sum();
    lines + order.postage.amount - order.discount.amount
}

fn note(attempts: u32) -> Despatch {
    Despatch {
        key: "k".into(),
        reference: "B6HURUG8HDJBKZVW".into(),
        carrier: "DPD".into(),
        service: "Next Day".into(),
        tracking_number: "15501234567890".into(),
        processed_at: Timestamp::parse("2026-11-23T06:06:00Z").unwrap(),
        lines: [("1", "L2201308"), ("2", "L2201316"), ("surcharge:9", "")]
            .map(|(line, sku)| DespatchLine {
                channel_line: line.into(),
                channel_sku: sku.into(),
                quantity: Quantity::new(1).unwrap(),
            })
            .to_vec(),
        attempts,
    }
}

fn request(statuses: &[&str]) -> DownloadRequest {
    DownloadRequest {
        page: None,
        since: Timestamp::parse("2026-11-01T00:00:00Z").unwrap(),
        statuses: statuses.iter().map(|status| (*status).to_owned()).collect(),
        unsettled: Vec::new(),
    }
}

#[test]
fn the_recorded_orders_are_mapped_and_their_sums_are_the_shops() {
    for (page, expected) in [(recorded!("03-orders-page1"), 2), (recorded!("04-orders-page2"), 1)] {
        let rows = mapping::orders_page(&page["response"].to_string(), 2).unwrap();
        assert_eq!(rows.len(), expected);
        for row in rows {
            let order = row.incoming.order.unwrap();
            assert_eq!((order.payment, total(&order)), (ChannelPayment::Unpaid, 57_614_000));
        }
    }
    insta::assert_debug_snapshot!(
        mapping::order(&recorded!("12-order-shipped")["response"]["data"]["order"], 2).unwrap()
    );
}

#[test]
fn a_cancelled_order_keeps_the_quantities_it_was_placed_with() {
    let page = recorded!("18-orders-cancelled")["response"].to_string();
    let order = mapping::orders_page(&page, 2).unwrap().remove(0).incoming.order.unwrap();
    let quantities: Vec<_> = order.lines.iter().map(|line| line.quantity.units()).collect();
    assert_eq!(
        (order.payment, order.status.as_str(), quantities),
        (ChannelPayment::Cancelled, "Cancelled", vec![2, 1])
    );
}

fn rich_order() -> Value {
    serde_json::json!({
        "code": "RICH", "state": "PartiallyShipped", "currencyCode": "GBP", "orderPlacedAt": "2026-11-23T06:05:33.468Z",
        "shippingWithTax": 300, "totalWithTax": 5_801, "couponCodes": ["TENOFF"], "taxSummary": [{"taxRate": 20}],
        "customer": {"emailAddress": "ada@example.com", "firstName": "Ada", "lastName": "Buyer", "phoneNumber": "1"},
        "shippingAddress": {"streetLine1": "1 High St", "city": "Leeds", "countryCode": "GB"}, "billingAddress": null,
        "lines": [
            {"id": "1", "quantity": 3, "orderPlacedQuantity": 3, "unitPriceWithTax": 1_000, "proratedLinePriceWithTax": 2_700, "taxRate": 20,
             "productVariant": {"sku": "A", "name": "Thing A"}},
            {"id": "2", "quantity": 1, "unitPriceWithTax": 2_500, "proratedLinePriceWithTax": 2_500, "taxRate": 20,
             "productVariant": {"sku": "B", "name": ""}},
            {"id": "3", "quantity": 0, "unitPriceWithTax": 1, "proratedLinePriceWithTax": 0, "productVariant": {"sku": "C"}}
        ],
        "surcharges": [{"id": "9", "description": "Gift wrapping", "priceWithTax": 300, "taxRate": 20}],
        "shippingLines": [{"price": 417, "priceWithTax": 500, "shippingMethod": {"code": "standard"}}],
        "payments": [{"state": "Declined", "amount": 5_801, "method": "card", "transactionId": "no"},
                     {"state": "Settled", "amount": 5_801, "method": "stripe", "transactionId": "yes", "updatedAt": "2026-11-23T07:00:00Z"}],
        "fulfillments": [{"state": "Shipped", "lines": [{"orderLineId": "1", "quantity": 1}]},
                         {"state": "Pending", "lines": [{"orderLineId": "1", "quantity": 1}]},
                         {"state": "Cancelled", "lines": [{"orderLineId": "2", "quantity": 1}]}]
    })
}

#[test]
fn promotions_surcharges_rounding_and_parcels_are_mapped_to_the_penny() {
    let order = mapping::order(&rich_order(), 2).unwrap();
    assert_eq!(total(&order), 580_100);
    insta::assert_debug_snapshot!(order);
}

#[test]
fn an_order_whose_every_unit_is_in_a_parcel_is_shipped_whatever_its_state() {
    let mut order = rich_order();
    assert!(!mapping::order(&order, 2).unwrap().shipped);
    order["state"] = "PaymentSettled".into();
    order["fulfillments"][2]["state"] = "Shipped".into();
    order["fulfillments"][0]["lines"][0]["quantity"] = 2.into();
    assert!(mapping::order(&order, 2).unwrap().shipped);
}

#[test]
fn amounts_are_read_in_the_shops_precision_whatever_the_currency() {
    let mut order = rich_order();
    order["currencyCode"] = "JPY".into();
    for (key, units) in [("shippingWithTax", 30_000), ("totalWithTax", 580_000)] {
        order[key] = units.into();
    }
    assert_eq!(mapping::order(&order, 2).unwrap().postage.to_string(), "300 JPY");
    assert_eq!(mapping::order(&order, 0).unwrap().postage.to_string(), "30000 JPY");
}

#[test]
fn settled_means_paid_only_if_the_payments_cover_the_total() {
    let payment = |change: &dyn Fn(&mut Value)| {
        let mut order = rich_order();
        change(&mut order);
        mapping::order(&order, 2).unwrap().payment
    };
    assert_eq!(payment(&|_| {}), ChannelPayment::Paid);
    assert_eq!(payment(&|order| order["payments"][1]["amount"] = 5_800.into()), ChannelPayment::Unpaid);
    assert_eq!(payment(&|order| order["payments"][1]["state"] = "Authorized".into()), ChannelPayment::Unpaid);
    assert_eq!(payment(&|order| order["payments"] = Value::Null), ChannelPayment::Unpaid);
    assert_eq!(payment(&|order| order["state"] = "PaymentAuthorized".into()), ChannelPayment::Unpaid);
    assert_eq!(payment(&|order| order["state"] = "Cancelled".into()), ChannelPayment::Cancelled);
}

#[test]
fn what_cannot_be_understood_names_its_field() {
    let with = |pointer: &str, value: Value| {
        let mut order = rich_order();
        *order.pointer_mut(pointer).unwrap() = value;
        mapping::order(&order, 2).unwrap_err()
    };
    insta::assert_snapshot!(
        [
            with("/code", Value::Null),
            with("/currencyCode", json!("£")),
            with("/lines", json!([])),
            with("/lines/0/quantity", json!(-1)),
            with("/lines/1/id", json!("1")),
            with("/lines/0/productVariant/sku", json!(" ")),
            with("/lines/0/productVariant", Value::Null),
            with("/lines/0/unitPriceWithTax", json!(i64::MAX)),
            with("/totalWithTax", json!("many")),
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn a_session_that_ran_out_is_renewed_once_and_then_believed() {
    let server = shop().await;
    let forbidden = json_answer(&recorded!("20-no-auth")["response"]);
    Mock::given(body_string_contains("orders(options")).respond_with(forbidden).up_to_n_times(1).mount(&server).await;
    mount(&server, "orders(options", json_answer(&recorded!("04-orders-page2")["response"])).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.download(request(&["PaymentAuthorized"])).await.unwrap();
    assert_eq!((page.orders.len(), page.next), (1, None));
    let sent = server.received_requests().await.unwrap();
    assert_eq!(sent.len(), 4, "sign in, refused, sign in, answered");
    assert_eq!(sent[3].headers["authorization"], "Bearer tok-1");

    let server = shop().await;
    mount(&server, "orders(options", json_answer(&recorded!("20-no-auth")["response"])).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert!(matches!(channel.download(request(&["Cancelled"])).await, Err(PortError::Unauthorised(_))));
}

#[tokio::test]
async fn a_shop_that_knows_only_cookies_gets_them_back() {
    let server = MockServer::start().await;
    let login = json_answer(&recorded!("01-login")["response"])
        .append_header("set-cookie", "session=abc; path=/; httponly")
        .append_header("set-cookie", "session.sig=def; path=/");
    mount(&server, "login(username", login).await;
    mount(&server, "orders(options", json_answer(&recorded!("04-orders-page2")["response"])).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    channel.download(request(&["PaymentSettled"])).await.unwrap();
    assert_eq!(server.received_requests().await.unwrap()[1].headers["cookie"], "session=abc; session.sig=def");
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_permission_are_unauthorised_and_a_bad_query_is_refused() {
    let server = MockServer::start().await;
    let refused = json!({"data": {"login": {"__typename": "InvalidCredentialsError", "message": "The provided credentials are invalid"}}});
    mount(&server, "login(username", json_answer(&refused)).await;
    let error = kind().connect(&connection(&server)).unwrap().test().await.unwrap_err();
    assert!(
        matches!(&error, PortError::Unauthorised(why) if why.contains("invalid") && !why.contains("hush")),
        "{error:?}"
    );

    let server = shop().await;
    mount(&server, "orders(options", json_answer(&recorded!("19-take-too-large")["response"])).await;
    let error = kind().connect(&connection(&server)).unwrap().download(request(&["Cancelled"])).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused(why) if why.contains("1000")), "{error:?}");
}

#[tokio::test]
async fn garbage_is_kept_and_ends_the_round_and_a_bad_order_spoils_only_itself() {
    let server = shop().await;
    mount(&server, "orders(options", ResponseTemplate::new(200).set_body_string("<html>")).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.download(request(&["PaymentSettled", "Cancelled"])).await.unwrap();
    assert_eq!((page.orders.len(), page.next, page.orders[0].payload.as_slice()), (1, None, &b"<html>"[..]));
    assert!(page.orders[0].order.is_err());

    let odd = r#"{ "code":"ODD", "lines":7 }"#;
    let text = format!("{{\"data\":{{\"orders\":{{\"items\":[{odd},{},3]}}}}}}", rich_order());
    let rows = mapping::orders_page(&text, 2).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| (row.incoming.reference.as_str(), row.incoming.order.is_ok())).collect();
    assert_eq!(seen, [("ODD", false), ("RICH", true), ("", false)]);
    assert_eq!(rows[0].incoming.payload, odd.as_bytes());
}

#[tokio::test]
async fn a_shop_in_trouble_asks_for_patience() {
    for (answer, after) in [
        (ResponseTemplate::new(429).insert_header("retry-after", "30"), Some(30)),
        (ResponseTemplate::new(500), None),
        (ResponseTemplate::new(200).set_delay(Duration::from_secs(30)), None),
        (json_answer(&json!({"errors": [{"message": "oops", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]})), None),
    ] {
        let server = shop().await;
        mount(&server, "orders(options", answer).await;
        let channel = kind().connect(&connection(&server)).unwrap();
        let outcomes = match channel.despatch(vec![note(0), note(0)]).await {
            Ok(outcomes) => outcomes,
            Err(error) => vec![Err(error)],
        };
        for error in outcomes.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, PortError::Retry { after_seconds, .. } if after_seconds == after), "{error:?}");
        }
    }
}

/// The order as Vendure has it once both parcels are there.
fn order_with_both_parcels(second_state: &str) -> Value {
    let mut order = recorded!("12-order-shipped")["response"]["data"]["order"].take();
    order["fulfillments"][1]["state"] = second_state.into();
    json!({ "data": { "orders": { "items": [order] } } })
}

fn result_of(mut recorded: Value, field: &str) -> ResponseTemplate {
    json_answer(&json!({ "data": { "result": recorded["response"]["data"][field].take() } }))
}

#[tokio::test]
async fn a_despatch_adds_a_fulfilment_of_the_order_lines_and_ships_it() {
    let server = shop().await;
    let mut order = recorded!("05-order")["response"]["data"]["order"].take();
    order["nextStates"].take();
    mount(&server, "orders(options", json_answer(&json!({"data": {"orders": {"items": [order]}}}))).await;
    mount(&server, "addFulfillmentToOrder", result_of(recorded!("10-fulfil-rest"), "addFulfillmentToOrder")).await;
    mount(
        &server,
        "transitionFulfillmentToState",
        result_of(recorded!("09-fulfilment-shipped"), "transitionFulfillmentToState"),
    )
    .await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.despatch(vec![note(0)]).await.unwrap(), [Ok(())]);
    let sent = server.received_requests().await.unwrap();
    let variables: Vec<Value> =
        sent[2..].iter().map(|call| serde_json::from_slice::<Value>(&call.body).unwrap()["variables"].take()).collect();
    insta::assert_json_snapshot!(variables);

    let mut foreign = note(0);
    foreign.lines[0].channel_line = "77".into();
    let outcomes = channel.despatch(vec![foreign]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("no line 77")), "{outcomes:?}");
}

#[tokio::test]
async fn a_note_that_took_effect_is_a_success_and_one_left_half_way_is_finished() {
    for (state, transitions) in [("Shipped", 0), ("Delivered", 0), ("Pending", 1)] {
        let server = shop().await;
        mount(&server, "orders(options", json_answer(&order_with_both_parcels(state))).await;
        Mock::given(body_string_contains("addFulfillmentToOrder"))
            .respond_with(ResponseTemplate::new(500))
            .expect(0)
            .mount(&server)
            .await;
        Mock::given(body_string_contains("transitionFulfillmentToState"))
            .respond_with(result_of(recorded!("09-fulfilment-shipped"), "transitionFulfillmentToState"))
            .expect(transitions)
            .mount(&server)
            .await;
        let channel = kind().connect(&connection(&server)).unwrap();
        assert_eq!(channel.despatch(vec![note(1)]).await.unwrap(), [Ok(())], "{state}");
    }
}

#[tokio::test]
async fn units_that_are_fulfilled_already_are_ours_or_refused() {
    let server = shop().await;
    mount(&server, "orders(options", json_answer(&order_with_both_parcels("Shipped"))).await;
    mount(&server, "addFulfillmentToOrder", result_of(recorded!("11-fulfil-again-error"), "addFulfillmentToOrder"))
        .await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.despatch(vec![note(0)]).await.unwrap(), [Ok(())]);
    let mut other = note(1);
    other.tracking_number = "another".into();
    let outcomes = channel.despatch(vec![other]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("otherwise")), "{outcomes:?}");
}

#[tokio::test]
async fn a_parcel_without_a_tracking_number_is_not_taken_for_an_earlier_one_that_looks_the_same() {
    let server = shop().await;
    let mut orders = order_with_both_parcels("Shipped");
    let parcel = &mut orders["data"]["orders"]["items"][0]["fulfillments"][1];
    parcel["trackingCode"] = "".into();
    parcel["createdAt"] = "2026-11-23T05:00:00Z".into();
    mount(&server, "orders(options", json_answer(&orders)).await;
    Mock::given(body_string_contains("addFulfillmentToOrder"))
        .respond_with(result_of(recorded!("10-fulfil-rest"), "addFulfillmentToOrder"))
        .expect(1)
        .mount(&server)
        .await;
    mount(
        &server,
        "transitionFulfillmentToState",
        result_of(recorded!("09-fulfilment-shipped"), "transitionFulfillmentToState"),
    )
    .await;
    let mut second = note(1);
    second.tracking_number = String::new();
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.despatch(vec![second]).await.unwrap(), [Ok(())]);
}

#[tokio::test]
async fn stock_on_hand_is_our_figure_and_what_the_shop_has_allocated() {
    let server = shop().await;
    mount(&server, "productVariants(options", json_answer(&recorded!("14-variant-by-sku")["response"])).await;
    let updated = json_answer(&json!({"data": {"updateProductVariants": []}}));
    Mock::given(body_string_contains("updateProductVariants")).respond_with(updated).expect(1).mount(&server).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let level = |sku: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: "1".into(), quantity };
    let outcomes = channel.push_stock(vec![level("L2201308", 40), level("GONE", 1)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))));
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent[2].body).unwrap();
    let expected = json!([{"id": "1", "stockLevels": [{"stockLocationId": "1", "stockOnHand": 44}]}]);
    assert_eq!(body["variables"]["i"], expected, "40 to sell and 4 allocated");
    // 57 on hand and 4 allocated offer 53 already: nothing is sent, so the expectation of one update holds.
    assert_eq!(channel.push_stock(vec![level("L2201308", 53)]).await.unwrap(), [Ok(())]);
}

#[tokio::test]
async fn a_price_is_set_in_its_currency_and_the_shops_precision() {
    let server = shop().await;
    mount(&server, "productVariants(options", json_answer(&recorded!("14-variant-by-sku")["response"])).await;
    let updated = json_answer(&json!({"data": {"updateProductVariants": []}}));
    Mock::given(body_string_contains("updateProductVariants")).respond_with(updated).expect(1).mount(&server).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let price = |sku: &str| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: "1".into(),
        price: Money::from_minor(1_999, Currency::parse("GBP").unwrap()).unwrap(),
    };
    let outcomes = channel.push_prices(vec![price("L2201308"), price("GONE")]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))));
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent[2].body).unwrap();
    assert_eq!(body["variables"]["i"], json!([{"id": "1", "prices": [{"currencyCode": "GBP", "price": 1_999}]}]));
}

#[tokio::test]
async fn set_up_signs_in_and_asks_for_the_stock_location_and_keeps_a_password_left_empty() {
    let server = shop().await;
    let who = json!({"data": {
        "activeChannel": {"code": "__default_channel__"},
        "me": {"identifier": "superadmin", "channels": [{"code": "__default_channel__", "permissions": ["SuperAdmin"]}]},
        "globalSettings": {"serverConfig": {"moneyStrategyPrecision": 3}}}});
    mount(&server, "activeChannel", json_answer(&who)).await;
    let locations =
        json!({"data": {"stockLocations": {"items": [{"id": "4", "name": "Leeds"}, {"id": 5, "name": "York"}]}}});
    mount(&server, "stockLocations", json_answer(&locations)).await;
    let kind = kind();
    let mut connection = Connection::default();
    let answers = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let url = server.uri();
    let first = answers(&[("url", url.as_str()), ("username", "superadmin"), ("password", "hush")]);
    let step = kind.set_up(&mut connection, "account", &first).await.unwrap();
    assert!(step.done);
    assert_eq!((step.fields[0].value.as_str(), step.fields[0].options.len()), ("4", 2));
    assert_eq!((connection.get("money_precision"), connection.get("url")), ("3", format!("{url}/admin-api").as_str()));
    assert!(step.fields.iter().all(|field| field.value != "hush"), "passwords are not shown again");

    let changed = answers(&[("stock_location", "5"), ("password", "")]);
    kind.set_up(&mut connection, "settings", &changed).await.unwrap();
    assert_eq!((connection.get("stock_location"), connection.get("password")), ("5", "hush"));
    let before = connection.clone();
    let bad = answers(&[("url", "nonsense")]);
    assert!(matches!(kind.set_up(&mut connection, "settings", &bad).await, Err(PortError::Refused(_))));
    assert_eq!(connection, before, "nothing half done");
    let again = kind.set_up(&mut connection, "", &BTreeMap::new()).await.unwrap();
    assert_eq!(again.fields[0].value, "5");
}

proptest! {
    #[test]
    fn mapping_never_panics(key in 0_usize..40, number in any::<i64>(), text in ".{0,40}", which in 0_u8..5, precision in 0_u32..10) {
        let value = match which {
            0 => Value::Null,
            1 => Value::from(number),
            2 => Value::from(text.clone()),
            3 => json!([{ "quantity": number, "amount": number, "id": text, "unitPriceWithTax": number }]),
            _ => json!({ "code": text, "sku": text }),
        };
        let mut order = rich_order();
        let keys: Vec<String> = order.as_object().unwrap().keys().cloned().collect();
        let line_keys: Vec<String> = order["lines"][0].as_object().unwrap().keys().cloned().collect();
        match keys.get(key) {
            Some(key) => order[key] = value,
            None => order["lines"][0][&line_keys[key % line_keys.len()]] = value,
        }
        let _ = mapping::order(&order, precision);
        let _ = mapping::orders_page(&text, precision);
        let _ = mapping::orders_page(&format!("{{\"data\":{{\"orders\":{{\"items\":[{text}]}}}}}}"), precision);
    }
}
