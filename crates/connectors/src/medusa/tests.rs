//! Payloads recorded against Medusa 2.21.2, and faults.

use consign_ports::{ChannelPayment, DespatchLine, IncomingOrder};
use consign_values::{Currency, Money, Quantity};
use proptest::prelude::*;
use serde_json::json;
use wiremock::matchers::{header, method, path, path_regex, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::networks::Networks;

macro_rules! recorded {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../tests/recorded/medusa/", $name, ".json"))).unwrap()
    };
}

fn kind() -> MedusaKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    MedusaKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    for (key, value) in [("api_key", "sk_1"), ("stock_location", "sloc_1")] {
        connection.set(key, value);
    }
    connection.set("url", server.uri());
    connection
}

async fn mount(server: &MockServer, verb: &str, at: &str, status: u16, body: &Value) {
    let answer = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(server).await;
}

fn recorded_order() -> Value {
    recorded!("06-order")["response"]["order"].take()
}

fn total(order: &IncomingOrder) -> i64 {
    let lines: i64 =
        order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount).sum();
    lines + order.postage.amount - order.discount.amount
}

fn note(order: &Value, attempts: u32) -> Despatch {
    let line = order["items"].as_array().unwrap().iter().find(|item| item["quantity"] == 2).unwrap();
    let line = |id: &str| DespatchLine {
        channel_line: id.into(),
        channel_sku: text(&line["variant_sku"]),
        quantity: Quantity::new(1).unwrap(),
    };
    let item = order["items"].as_array().unwrap().iter().find(|item| item["quantity"] == 2).unwrap();
    Despatch {
        key: "note-7".into(),
        reference: text(&order["id"]),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: "RM123456789GB".into(),
        processed_at: Timestamp::parse("2026-11-23T06:06:00Z").unwrap(),
        lines: vec![line(&text(&item["id"])), line("digital:ordli_9")],
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
    for (page, expected) in [(recorded!("04-orders-page1"), 2), (recorded!("05-orders-page2"), 1)] {
        let rows = mapping::orders_page(&page["response"].to_string()).unwrap();
        assert_eq!(rows.len(), expected);
        for row in rows {
            let order = row.incoming.order.unwrap();
            assert_eq!((order.payment, order.status.as_str()), (ChannelPayment::Unpaid, "authorized"));
            assert_eq!(total(&order), 432_000);
        }
    }
    insta::assert_debug_snapshot!(mapping::order(&recorded_order()).unwrap());
}

/// An order of 2 and 1 that cost 43.20, with changes to it.
fn changed(change: impl FnOnce(&mut Value)) -> IncomingOrder {
    let mut order = recorded_order();
    change(&mut order);
    mapping::order(&order).unwrap()
}

fn captured(order: &mut Value) {
    order["payment_status"] = "captured".into();
    order["payment_collections"][0]["captured_amount"] = json!(43.2);
}

fn in_parcels(order: &mut Value, fulfilled: &[i64], shipped: &[i64]) {
    for (index, (fulfilled, shipped)) in fulfilled.iter().zip(shipped).enumerate() {
        order["items"][index]["detail"]["fulfilled_quantity"] = (*fulfilled).into();
        order["items"][index]["detail"]["shipped_quantity"] = (*shipped).into();
    }
}

#[test]
fn the_status_is_made_of_the_order_its_parcels_and_its_money() {
    let units: Vec<i64> =
        recorded_order()["items"].as_array().unwrap().iter().map(|item| item["quantity"].as_i64().unwrap()).collect();
    let none: Vec<i64> = units.iter().map(|_| 0).collect();
    let seen = |change: &dyn Fn(&mut Value)| {
        let order = changed(change);
        (order.status, order.payment, order.shipped)
    };
    let is = |status: &str, payment, shipped| (status.to_owned(), payment, shipped);
    let (paid, unpaid) = (ChannelPayment::Paid, ChannelPayment::Unpaid);
    assert_eq!(seen(&captured), is("captured", paid, false));
    assert_eq!(seen(&|order| order["payment_status"] = "not_paid".into()), is("not_paid", unpaid, false));
    let one_packed = |order: &mut Value| {
        captured(order);
        order["items"][0]["detail"]["fulfilled_quantity"] = 1.into();
    };
    assert_eq!(seen(&one_packed), is("partially_fulfilled", paid, false));
    assert_eq!(seen(&|order| in_parcels(order, &units, &none)), is("fulfilled", unpaid, true));
    assert_eq!(seen(&|order| in_parcels(order, &units, &units)), is("shipped", unpaid, true));
    let completed = |order: &mut Value| {
        captured(order);
        order["status"] = "completed".into();
    };
    assert_eq!(seen(&completed), is("completed", paid, false));
    assert_eq!(seen(&|order| order["status"] = "canceled".into()), is("canceled", ChannelPayment::Cancelled, false));
    assert_eq!(seen(&|order| order["status"] = "archived".into()), is("archived", unpaid, false));
    for payment in
        ["captured", "authorized", "partially_refunded", "refunded", "partially_authorized", "canceled", "awaiting"]
    {
        let (status, _, _) = seen(&|order| order["payment_status"] = payment.into());
        assert!(STATUSES.iter().any(|(code, ..)| *code == status), "{payment} gives {status}, which is not listed");
    }
}

#[test]
fn paid_means_that_what_was_captured_and_kept_covers_the_total() {
    let payment = |change: &dyn Fn(&mut Value)| {
        changed(|order| {
            captured(order);
            change(order);
        })
        .payment
    };
    assert_eq!(payment(&|_| {}), ChannelPayment::Paid);
    let amount =
        |key: &'static str, value: f64| move |order: &mut Value| order["payment_collections"][0][key] = json!(value);
    assert_eq!(payment(&amount("captured_amount", 43.195)), ChannelPayment::Paid, "gateways round");
    assert_eq!(payment(&amount("captured_amount", 43.19)), ChannelPayment::Unpaid);
    assert_eq!(payment(&amount("refunded_amount", 10.0)), ChannelPayment::Unpaid);
    let refunded = |order: &mut Value| {
        order["payment_collections"][0]["refunded_amount"] = 10.into();
        order["total"] = json!(33.2);
    };
    assert_eq!(payment(&refunded), ChannelPayment::Paid, "Medusa takes a refund off the total");
    let free = changed(|order| {
        order["total"] = 0.into();
        order["payment_collections"] = json!([]);
        order["payment_status"] = "not_paid".into();
    });
    assert_eq!((free.payment, free.status.as_str(), total(&free)), (ChannelPayment::Paid, "captured", 0));
}

#[test]
fn discounts_refunds_and_unrounded_amounts_are_mapped_to_the_penny() {
    let order = changed(|order| {
        let first = &mut order["items"][0];
        first["quantity"] = 3.into();
        first["original_total"] = json!(35.964);
        first["total"] = json!(30.004);
        order["items"].as_array_mut().unwrap().truncate(1);
        order["shipping_total"] = json!(4.2);
        order["total"] = json!(29.204);
        order["promotions"] = json!([{ "code": "TENOFF" }]);
    });
    let line = &order.lines[0];
    assert_eq!((line.unit_price.amount, line.discount.amount), (119_900, 59_700));
    assert_eq!((order.discount.amount, total(&order)), (50_000, 292_000));
    assert_eq!(order.properties, [("Promotion".to_owned(), "TENOFF".to_owned())]);
    let dearer = changed(|order| order["total"] = json!(50));
    let added = dearer.lines.last().unwrap();
    assert!(added.is_service && total(&dearer) == 500_000, "{added:?}");
}

#[test]
fn lines_without_a_parcel_or_an_sku_are_told_apart() {
    let order = changed(|order| {
        let mut digital = order["items"][0].clone();
        digital["id"] = "ordli_digital".into();
        digital["requires_shipping"] = false.into();
        let mut unnamed = order["items"][0].clone();
        unnamed["id"] = "ordli_unnamed".into();
        unnamed["variant_sku"] = Value::Null;
        let mut by_hand = unnamed.clone();
        by_hand["id"] = "ordli_by_hand".into();
        by_hand["variant_id"] = Value::Null;
        order["items"].as_array_mut().unwrap().extend([digital, unnamed, by_hand]);
    });
    let line = |id: &str| order.lines.iter().find(|line| line.channel_line == id).unwrap();
    assert!(line("digital:ordli_digital").is_service);
    assert!(line("ordli_unnamed").channel_sku.starts_with("variant_"), "goes by its id, as in the list of products");
    assert!(line("ordli_by_hand").is_service && line("ordli_by_hand").channel_sku.is_empty());
}

#[test]
fn what_cannot_be_understood_names_its_field() {
    let with = |pointer: &str, value: Value| {
        let mut order = recorded_order();
        *order.pointer_mut(pointer).unwrap() = value;
        mapping::order(&order).unwrap_err()
    };
    insta::assert_snapshot!(
        [
            with("/id", Value::Null),
            with("/currency_code", json!("£")),
            with("/items", json!([])),
            with("/items/0/quantity", json!(-1)),
            with("/items/0/id", json!("")),
            with("/items/0/variant_sku", json!("x".repeat(300))),
            with("/items/0/original_total", json!(1e27)),
            with("/items/0/tax_lines", json!([{ "rate": "much" }])),
            with("/total", json!("many")),
        ]
        .join("\n")
    );
}

#[tokio::test]
async fn a_round_reads_what_changed_what_was_paid_and_what_we_hold_as_unpaid() {
    let server = MockServer::start().await;
    let mut paid = recorded_order();
    captured(&mut paid);
    paid["id"] = "order_paid".into();
    let mut held = recorded_order();
    held["id"] = "order_held".into();
    let changed = recorded!("04-orders-page1")["response"].take();
    let orders = |orders: Value| ResponseTemplate::new(200).set_body_json(json!({ "orders": orders }));
    for (id, order) in [("order_paid", paid), ("order_held", held)] {
        let asked = Mock::given(path("/admin/orders")).and(query_param("id[]", id));
        asked.respond_with(orders(json!([order]))).with_priority(1).mount(&server).await;
    }
    Mock::given(path("/admin/orders"))
        .and(query_param("updated_at[$gte]", "2026-10-31T23:59:59.999Z"))
        .and(header("authorization", "Basic c2tfMTo="))
        .respond_with(ResponseTemplate::new(200).set_body_json(changed))
        .mount(&server)
        .await;
    let payment = json!({ "id": "pay_1", "updated_at": "2026-11-23T05:32:05.921Z",
        "payment_collection": { "order": { "id": "order_paid" } } });
    let basket =
        json!({ "id": "pay_2", "updated_at": "2026-11-23T05:32:05.921Z", "payment_collection": { "order": null } });
    mount(&server, "GET", "/admin/payments", 200, &json!({ "payments": [payment, basket] })).await;

    let channel = kind().connect(&connection(&server)).unwrap();
    let mut request = request(&["captured"]);
    request.unsettled = vec!["order_held".into()];
    let mut seen = Vec::new();
    loop {
        let page = channel.download(request.clone()).await.unwrap();
        seen.push(page.orders.into_iter().map(|order| order.reference).collect::<Vec<_>>());
        match page.next {
            Some(next) => request.page = Some(next),
            None => break,
        }
    }
    let expected: [&[&str]; 3] = [&[], &["order_paid"], &["order_held"]];
    assert_eq!(seen, expected, "authorised ones are not wanted, those that we hold are");
}

#[tokio::test]
async fn garbage_is_kept_and_a_bad_order_does_not_hide_its_neighbours() {
    let server = MockServer::start().await;
    Mock::given(path("/admin/orders"))
        .respond_with(ResponseTemplate::new(200).set_body_string("<html>"))
        .mount(&server)
        .await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.download(request(&["captured"])).await.unwrap();
    assert_eq!((page.orders.len(), page.orders[0].payload.as_slice()), (1, &b"<html>"[..]));
    assert!(page.orders[0].order.is_err());

    let odd = r#"{ "id":"ODD", "items":7 }"#;
    let rows = mapping::orders_page(&format!("{{\"orders\":[{odd},{},3]}}", recorded_order())).unwrap();
    let seen: Vec<_> = rows.iter().map(|row| row.incoming.order.is_ok()).collect();
    assert_eq!((seen, rows[0].incoming.payload.as_slice()), (vec![false, true, false], odd.as_bytes()));
}

#[tokio::test]
async fn a_refused_key_and_a_shop_in_trouble_say_what_to_do() {
    let server = MockServer::start().await;
    let refused = recorded!("21-no-auth");
    mount(&server, "GET", "/admin/stores", 401, &refused["response"]).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert!(matches!(channel.test().await, Err(PortError::Unauthorised(_))));

    let server = MockServer::start().await;
    let busy = ResponseTemplate::new(503).insert_header("retry-after", "30");
    Mock::given(path_regex(".*")).respond_with(busy).mount(&server).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let order = recorded_order();
    let error = channel.despatch(vec![note(&order, 0), note(&order, 0)]).await.unwrap_err();
    assert!(matches!(error, PortError::Retry { after_seconds: Some(30), .. }), "{error:?}");
}

#[tokio::test]
async fn a_despatch_makes_a_fulfilment_of_exact_units_and_ships_it_with_its_number() {
    let server = MockServer::start().await;
    let order = recorded_order();
    let id = text(&order["id"]);
    mount(&server, "GET", "/admin/orders", 200, &json!({ "orders": [order] })).await;
    let mut made = recorded!("08-fulfil-partial")["response"].take();
    made["order"]["fulfillments"][0]["metadata"] = json!({ "consign_note": "note-7" });
    made["order"]["fulfillments"][0]["id"] = "ful_1".into();
    mount(&server, "POST", &format!("/admin/orders/{id}/fulfillments"), 200, &made).await;
    let shipped = recorded!("09-shipment-tracking");
    let shipments = format!("/admin/orders/{id}/fulfillments/ful_1/shipments");
    mount(&server, "POST", &shipments, 200, &shipped["response"]).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.despatch(vec![note(&order, 0)]).await.unwrap(), [Ok(())]);
    let sent = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = sent[1..].iter().map(|call| serde_json::from_slice(&call.body).unwrap()).collect();
    insta::assert_json_snapshot!(bodies);

    let mut foreign = note(&order, 0);
    foreign.lines[0].channel_line = "ordli_77".into();
    let mut many = note(&order, 0);
    many.lines[0].quantity = Quantity::new(3).unwrap();
    for (bad, why) in [(foreign, "no line ordli_77"), (many, "only 2 of")] {
        let outcomes = channel.despatch(vec![bad]).await.unwrap();
        assert!(matches!(&outcomes[0], Err(PortError::Refused(said)) if said.contains(why)), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_note_that_took_effect_is_a_success_and_one_left_half_way_is_finished() {
    let order = recorded_order();
    let (id, despatch) = (text(&order["id"]), note(&order, 1));
    let by_key =
        json!({ "id": "ful_1", "shipped_at": "2026-11-23T05:32:06.927Z", "metadata": { "consign_note": "note-7" } });
    let mut packed = by_key.clone();
    packed["shipped_at"] = Value::Null;
    let by_hand = json!({ "id": "ful_1", "shipped_at": "2026-11-23T05:32:06.927Z", "metadata": null,
        "labels": [{ "tracking_number": "RM123456789GB" }],
        "items": [{ "line_item_id": despatch.lines[0].channel_line, "quantity": 1 }] });
    let mut cancelled = by_key.clone();
    cancelled["canceled_at"] = "2026-11-23T06:00:00Z".into();
    for (fulfilment, fulfilments_made, shipments_made) in
        [(by_key, 0, 0), (packed, 0, 1), (by_hand, 0, 0), (cancelled, 1, 0)]
    {
        let server = MockServer::start().await;
        let mut known = order.clone();
        known["fulfillments"] = json!([fulfilment]);
        mount(&server, "GET", "/admin/orders", 200, &json!({ "orders": [known] })).await;
        let calls = [
            (format!("/admin/orders/{id}/fulfillments"), 400, fulfilments_made),
            (format!("/admin/orders/{id}/fulfillments/ful_1/shipments"), 200, shipments_made),
        ];
        for (at, status, times) in calls {
            let answer =
                ResponseTemplate::new(status).set_body_json(recorded!("13-fulfil-too-many-error")["response"].clone());
            Mock::given(method("POST")).and(path(at)).respond_with(answer).expect(times).mount(&server).await;
        }
        let channel = kind().connect(&connection(&server)).unwrap();
        let outcome = channel.despatch(vec![despatch.clone()]).await.unwrap().remove(0);
        assert_eq!(outcome.is_ok(), fulfilments_made == 0, "{outcome:?}");
    }
}

fn variant(id: &str, sku: &str, stocked: i64, reserved: i64) -> Value {
    json!({ "id": id, "sku": sku, "title": "S", "product": { "title": "Tee" }, "product_id": "prod_1", "manage_inventory": true,
        "inventory_items": [{ "inventory_item_id": format!("iitem_{id}"), "required_quantity": 1, "inventory": {
            "location_levels": [{ "location_id": "sloc_1", "stocked_quantity": stocked, "reserved_quantity": reserved }] } }] })
}

#[tokio::test]
async fn what_is_stocked_is_the_figure_and_what_is_reserved() {
    let server = MockServer::start().await;
    let mut elsewhere = variant("v3", "NEW", 0, 0);
    elsewhere["inventory_items"][0]["inventory"]["location_levels"][0]["location_id"] = "sloc_9".into();
    let mut uncounted = variant("v4", "EBOOK", 0, 0);
    uncounted["manage_inventory"] = false.into();
    let mut set = variant("v5", "SET", 0, 0);
    let part = set["inventory_items"][0].clone();
    set["inventory_items"].as_array_mut().unwrap().push(part);
    let variants = [variant("v1", "TEE", 9, 4), variant("v2", "SAME", 7, 2), elsewhere, uncounted, set];
    mount(&server, "GET", "/admin/product-variants", 200, &json!({ "variants": variants })).await;
    let answer = recorded!("16-stock-batch");
    mount(&server, "POST", "/admin/inventory-items/location-levels/batch", 200, &answer["response"]).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let level =
        |sku: &str, id: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: id.into(), quantity };
    let levels =
        [("old name", "v1", 3), ("SAME", "", 5), ("NEW", "", 8), ("EBOOK", "", 1), ("SET", "", 1), ("GONE", "", 1)];
    let outcomes = channel.push_stock(levels.map(|(sku, id, units)| level(sku, id, units)).to_vec()).await.unwrap();
    let refused: Vec<bool> = outcomes.iter().map(|one| matches!(one, Err(PortError::Refused(_)))).collect();
    assert_eq!(refused, [false, false, false, false, true, true], "{outcomes:?}");
    let sent = server.received_requests().await.unwrap();
    let body: Value = serde_json::from_slice(&sent.last().unwrap().body).unwrap();
    let entry =
        |id: &str, units: i64| json!({ "inventory_item_id": id, "location_id": "sloc_1", "stocked_quantity": units });
    assert_eq!(body, json!({ "create": [entry("iitem_v3", 8)], "update": [entry("iitem_v1", 7)] }));

    let listed = channel.list_products(None).await.unwrap();
    assert_eq!((listed.products[0].quantity, listed.products[0].title.as_str()), (Some(5), "Tee, S"));
    assert_eq!((listed.products[3].quantity, listed.next), (None, None));
}

#[tokio::test]
async fn a_price_goes_along_with_all_others_of_its_variant() {
    let server = MockServer::start().await;
    let price = |id: &str, code: &str, amount: f64, rules: Value| json!({ "id": id, "currency_code": code, "amount": amount, "rules": rules });
    let mut variant = variant("v1", "TEE", 0, 0);
    let region = json!({ "region_id": "reg_1" });
    let many = json!({ "id": "p4", "currency_code": "gbp", "amount": 8, "rules": {}, "min_quantity": 10, "max_quantity": null });
    variant["prices"] = json!([
        price("p1", "gbp", 9.0, region.clone()),
        price("p2", "gbp", 10.0, json!({})),
        price("p3", "eur", 12.0, json!({})),
        many,
    ]);
    mount(&server, "GET", "/admin/product-variants", 200, &json!({ "variants": [variant] })).await;
    mount(&server, "POST", "/admin/products/prod_1/variants/v1", 200, &json!({ "product": { "id": "prod_1" } })).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let wish = |sku: &str, minor, currency| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: String::new(),
        price: Money::from_minor(minor, Currency::parse(currency).unwrap()).unwrap(),
    };
    let wishes =
        vec![wish("TEE", 1_000, "GBP"), wish("TEE", 1_099, "GBP"), wish("TEE", 5, "USD"), wish("GONE", 1, "GBP")];
    let outcomes = channel.push_prices(wishes).await.unwrap();
    assert_eq!(outcomes[..3], [Ok(()), Ok(()), Ok(())]);
    assert!(matches!(outcomes[3], Err(PortError::Refused(_))));
    let sent = server.received_requests().await.unwrap();
    let bodies: Vec<Value> = sent.iter().filter_map(|call| serde_json::from_slice(&call.body).ok()).collect();
    let entry = |id: &str, code: &str, amount: f64| json!({ "id": id, "currency_code": code, "amount": amount });
    let (mut by_region, mut by_units) = (entry("p1", "gbp", 9.0), entry("p4", "gbp", 8.0));
    by_region["rules"] = region;
    by_units["min_quantity"] = 10.into();
    by_units["amount"] = 8.into();
    let prices =
        |pounds: f64| vec![by_region.clone(), entry("p2", "gbp", pounds), entry("p3", "eur", 12.0), by_units.clone()];
    let mut dollars = prices(10.0);
    dollars.push(json!({ "currency_code": "usd", "amount": 0.05 }));
    assert_eq!(
        bodies,
        [json!({ "prices": prices(10.99) }), json!({ "prices": dollars })],
        "an equal price is not sent"
    );
}

#[tokio::test]
async fn set_up_tries_the_key_and_offers_the_locations() {
    let server = MockServer::start().await;
    mount(&server, "GET", "/admin/stores", 200, &json!({ "stores": [{ "id": "store_1", "name": "Tees & Co" }] })).await;
    let locations =
        json!({ "stock_locations": [{ "id": "sloc_1", "name": "Leeds" }, { "id": "sloc_2", "name": "York" }] });
    mount(&server, "GET", "/admin/stock-locations", 200, &locations).await;
    let kind = kind();
    let mut connection = Connection::default();
    let answers = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let first = answers(&[("url", &format!("{}/admin", server.uri())), ("api_key", " sk_1 ")]);
    let step = kind.set_up(&mut connection, "account", &first).await.unwrap();
    assert!(step.done && step.fields.iter().all(|field| field.value != "sk_1"), "keys are not shown again");
    assert_eq!((step.fields[0].value.as_str(), step.fields[0].options.len()), ("sloc_1", 2));
    assert_eq!((connection.get("api_key"), connection.get("url")), ("sk_1", server.uri().as_str()));

    let changed = answers(&[("stock_location", "sloc_2"), ("api_key", "")]);
    kind.set_up(&mut connection, "settings", &changed).await.unwrap();
    assert_eq!((connection.get("stock_location"), connection.get("api_key")), ("sloc_2", "sk_1"));
    let before = connection.clone();
    let bad = answers(&[("url", "nonsense")]);
    assert!(matches!(kind.set_up(&mut connection, "settings", &bad).await, Err(PortError::Refused(_))));
    assert_eq!(connection, before, "nothing half done");
    assert_eq!(kind.set_up(&mut connection, "", &BTreeMap::new()).await.unwrap().fields[0].value, "sloc_2");
    let channel = kind.connect(&connection).unwrap();
    assert_eq!(channel.test().await.unwrap(), "Connected to Tees & Co");
}

/// Arbitrary JSON, some levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map("(id|quantity|total|detail|rate|[a-z]{1,6})", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn mapping_never_panics(key in 0_usize..200, value in any_json(), text in ".{0,40}") {
        let mut order = recorded_order();
        let places = |pointer: &str| -> Vec<String> {
            let keys = recorded_order().pointer(pointer).and_then(Value::as_object).map(|map| map.keys().cloned().collect());
            let keys: Vec<String> = keys.unwrap_or_default();
            keys.into_iter().map(|key| format!("{pointer}/{key}")).collect()
        };
        let all: Vec<String> = ["", "/items/0", "/items/0/detail", "/items/0/tax_lines/0", "/shipping_address",
            "/shipping_methods/0", "/payment_collections/0", "/payment_collections/0/payments/0"].iter().flat_map(|at| places(at)).collect();
        *order.pointer_mut(&all[key % all.len()]).unwrap() = value.clone();
        let _ = mapping::order(&order);
        let _ = mapping::status_of(&order);
        let _ = mapping::order(&value);
        let _ = mapping::orders_page(&text);
        let _ = mapping::orders_page(&json!({ "orders": [value] }).to_string());
    }
}
