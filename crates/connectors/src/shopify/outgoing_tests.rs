//! What goes out to a Shopify shop: shipments, cancellations, stock and prices; and its lists.

use consign_ports::DespatchLine;
use consign_values::{Currency, Money, Quantity};
use serde_json::Value;
use wiremock::matchers::body_string_contains;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::tests::{channel, mount, page_of, sent};
use super::*;

fn note(attempts: u32, lines: &[(&str, i64)]) -> Despatch {
    let line = |(line, units): &(&str, i64)| DespatchLine {
        channel_line: (*line).into(),
        channel_sku: "X".into(),
        quantity: Quantity::new(*units).unwrap(),
    };
    Despatch {
        key: "k1".into(),
        reference: "5001".into(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: "RM1".into(),
        processed_at: Timestamp::parse("2026-11-23T06:00:00Z").unwrap(),
        lines: lines.iter().map(line).collect(),
        attempts,
    }
}

/// A fulfilment order: number, status, location, and lines with their remaining units.
fn fulfilment_order(number: i64, status: &str, location: i64, lines: &[(i64, i64)]) -> Value {
    let line = |(line, units): &(i64, i64)| {
        json!({ "id": format!("gid://shopify/FulfillmentOrderLineItem/{number}{line}"), "remainingQuantity": units,
                "lineItem": { "id": format!("gid://shopify/LineItem/{line}") } })
    };
    json!({ "id": format!("gid://shopify/FulfillmentOrder/{number}"), "status": status,
            "assignedLocation": { "location": { "id": format!("gid://shopify/Location/{location}") } },
            "lineItems": { "nodes": lines.iter().map(line).collect::<Vec<_>>(), "pageInfo": { "hasNextPage": false } } })
}

fn fulfilment(tracking: &str, at: &str, lines: &[(i64, i64)]) -> Value {
    let line = |(line, units): &(i64, i64)| json!({ "quantity": units, "lineItem": { "id": format!("gid://shopify/LineItem/{line}") } });
    json!({ "status": "SUCCESS", "createdAt": at, "trackingInfo": [{ "number": tracking }],
            "fulfillmentLineItems": { "nodes": lines.iter().map(line).collect::<Vec<_>>() } })
}

async fn despatch_shop(fulfilment_orders: &[Value], fulfilments: &[Value]) -> MockServer {
    let server = MockServer::start().await;
    let order = json!({ "id": "gid://shopify/Order/5001", "cancelledAt": null,
        "fulfillmentOrders": { "nodes": fulfilment_orders }, "fulfillments": fulfilments });
    mount(&server, "fulfillmentOrders(first:20)", &json!({ "data": { "order": order } })).await;
    let done = json!({ "fulfillment": { "id": "gid://shopify/Fulfillment/1", "status": "SUCCESS" }, "userErrors": [] });
    mount(&server, "fulfillmentCreate", &json!({ "data": { "result": done } })).await;
    server
}

#[tokio::test]
async fn a_note_ships_lines_of_open_fulfilment_orders_by_location() {
    let orders = [
        fulfilment_order(7, "CLOSED", 4, &[(1, 0)]),
        fulfilment_order(8, "OPEN", 4, &[(1, 2), (2, 5)]),
        fulfilment_order(9, "IN_PROGRESS", 5, &[(1, 3)]),
    ];
    let server = despatch_shop(&orders, &[]).await;
    let shop = channel(&server);
    assert_eq!(shop.despatch(vec![note(0, &[("1", 3), ("2", 1), ("difference:", 1)])]).await.unwrap(), [Ok(())]);
    insta::assert_json_snapshot!(&sent(&server).await[1..]);

    let outcomes = shop.despatch(vec![note(0, &[("1", 6)]), note(0, &[("3", 1)])]).await.unwrap();
    assert!(matches!(&outcomes[0], Err(PortError::Refused(why)) if why.contains("otherwise")), "{outcomes:?}");
    assert!(matches!(&outcomes[1], Err(PortError::Refused(why)) if why.contains("no line 3")), "{outcomes:?}");
}

#[tokio::test]
async fn a_held_fulfilment_order_is_tried_again_and_user_errors_are_refusals() {
    let server = despatch_shop(&[fulfilment_order(8, "ON_HOLD", 4, &[(1, 2)])], &[]).await;
    let notes = vec![note(0, &[("1", 1)]), note(0, &[("1", 1)]), note(0, &[("2", 1)])];
    let outcomes = channel(&server).despatch(notes).await.unwrap();
    for outcome in &outcomes[..2] {
        assert!(matches!(outcome, Err(PortError::Retry { message, .. }) if message.contains("on hold")), "{outcome:?}");
    }
    assert!(matches!(outcomes[2], Err(PortError::Refused(_))), "held orders hold up nobody: {outcomes:?}");

    let server = MockServer::start().await;
    let no =
        json!({ "fulfillment": null, "userErrors": [{ "field": ["fulfillment"], "message": "Invalid tracking" }] });
    mount(&server, "fulfillmentCreate", &json!({ "data": { "result": no } })).await;
    let order = json!({ "id": "x", "cancelledAt": null, "fulfillments": [],
        "fulfillmentOrders": { "nodes": [fulfilment_order(8, "OPEN", 4, &[(1, 2)])] } });
    mount(&server, "fulfillmentOrders(first:20)", &json!({ "data": { "order": order } })).await;
    let outcomes = channel(&server).despatch(vec![note(0, &[("1", 1)])]).await.unwrap();
    assert_eq!(outcomes, [Err(PortError::Refused("Shopify says: Invalid tracking".into()))]);
}

#[tokio::test]
async fn a_repeated_note_sends_only_what_is_not_there_yet() {
    let open = [fulfilment_order(8, "OPEN", 4, &[(1, 0)]), fulfilment_order(9, "OPEN", 5, &[(1, 1)])];
    // Of two units, the first location's has been told before the answer was lost.
    let server = despatch_shop(&open, &[fulfilment("RM1", "2026-11-23T06:00:05Z", &[(1, 1)])]).await;
    assert_eq!(channel(&server).despatch(vec![note(1, &[("1", 2)])]).await.unwrap(), [Ok(())]);
    let sent = sent(&server).await;
    let orders = &sent[1]["fulfillment"]["lineItemsByFulfillmentOrder"];
    assert_eq!((sent.len(), &orders[0]["fulfillmentOrderLineItems"][0]["quantity"]), (2, &json!(1)));

    let server = despatch_shop(&open, &[fulfilment("RM1", "2026-11-23T06:00:05Z", &[(1, 2)])]).await;
    assert_eq!(channel(&server).despatch(vec![note(1, &[("1", 2)])]).await.unwrap(), [Ok(())]);
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "all of it was there");

    // An earlier parcel without a number is not taken for this one's.
    let server = despatch_shop(&open, &[fulfilment("", "2026-11-23T04:00:00Z", &[(1, 1)])]).await;
    let unnumbered = Despatch { tracking_number: String::new(), ..note(1, &[("1", 1)]) };
    assert_eq!(channel(&server).despatch(vec![unnumbered]).await.unwrap(), [Ok(())]);
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_cancellation_is_sent_once_with_what_the_settings_say_of_the_money() {
    let cancellation = Cancellation {
        key: "c".into(),
        reference: "5001".into(),
        external_reference: String::new(),
        reason: "out of stock".into(),
        lines: Vec::new(),
        attempts: 0,
    };
    let server = MockServer::start().await;
    let mut order = json!({ "id": "gid://shopify/Order/5001", "cancelledAt": null });
    mount(&server, "fulfillmentOrders(first:20)", &json!({ "data": { "order": order } })).await;
    let done = json!({ "job": { "id": "gid://shopify/Job/1" }, "userErrors": [] });
    mount(&server, "orderCancel(", &json!({ "data": { "result": done } })).await;
    assert_eq!(channel(&server).cancel(cancellation.clone()).await, Ok(()));
    insta::assert_json_snapshot!(sent(&server).await[1]);

    let server = MockServer::start().await;
    order["cancelledAt"] = "2026-11-24T00:00:00Z".into();
    mount(&server, "fulfillmentOrders(first:20)", &json!({ "data": { "order": order } })).await;
    assert_eq!(channel(&server).cancel(cancellation.clone()).await, Ok(()));
    mount(&server, "none of ours", &json!({})).await;
    assert_eq!(server.received_requests().await.unwrap().len(), 1);

    let server = MockServer::start().await;
    mount(&server, "fulfillmentOrders(first:20)", &json!({ "data": { "order": null } })).await;
    assert!(matches!(channel(&server).cancel(cancellation).await, Err(PortError::Refused(_))));
}

fn variant(id: i64, sku: &str, product: i64) -> Value {
    json!({ "id": format!("gid://shopify/ProductVariant/{id}"), "sku": sku, "product": { "id": format!("gid://shopify/Product/{product}") },
            "inventoryItem": { "id": format!("gid://shopify/InventoryItem/{id}0") } })
}

fn level(sku: &str, reference: &str, quantity: i64) -> StockLevel {
    StockLevel { channel_sku: sku.into(), channel_reference: reference.into(), quantity }
}

/// A shop that knows three variants by their ids, and one more by its SKU.
async fn variant_shop() -> MockServer {
    let server = MockServer::start().await;
    let shop = json!({ "currencyCode": "GBP" });
    let nodes = json!([variant(1, "A", 100), variant(2, "B", 100), variant(3, "RENAMED", 100), null]);
    mount(&server, "nodes(ids:$ids)", &json!({ "data": { "shop": shop, "nodes": nodes } })).await;
    let found = json!({ "nodes": [variant(4, "D\"D", 200)] });
    mount(
        &server,
        "productVariants(first:$first,query:$query){",
        &json!({ "data": { "shop": shop, "productVariants": found } }),
    )
    .await;
    server
}

#[tokio::test]
async fn stock_is_set_without_comparing_under_a_fresh_key_and_without_what_shopify_refuses() {
    let server = variant_shop().await;
    let error = json!({ "field": ["input", "quantities", "1", "inventoryItemId"], "code": "NON_MUTABLE_INVENTORY_ITEM", "message": "A bundle" });
    let answer = ResponseTemplate::new(200).set_body_json(json!({ "data": { "result": { "userErrors": [error] } } }));
    let set = body_string_contains("inventorySetQuantities");
    Mock::given(set).respond_with(answer).up_to_n_times(1).mount(&server).await;
    mount(&server, "inventorySetQuantities", &json!({ "data": { "result": { "userErrors": [] } } })).await;
    let levels = vec![level("A", "1", 7), level("C", "3", 1), level("B", "2", -4), level("D\"D", "", 9)];
    let outcomes = channel(&server).push_stock(levels).await.unwrap();
    assert_eq!((&outcomes[0], &outcomes[3]), (&Ok(()), &Ok(())));
    assert!(matches!(&outcomes[1], Err(PortError::Refused(why)) if why.contains("no longer listed")), "{outcomes:?}");
    assert!(matches!(&outcomes[2], Err(PortError::Refused(why)) if why.contains("A bundle")), "{outcomes:?}");
    let mut sent = sent(&server).await;
    assert_ne!(sent[2]["key"], sent[3]["key"]);
    sent.iter_mut().filter(|call| call["key"].is_string()).for_each(|call| call["key"] = "fresh".into());
    insta::assert_json_snapshot!(sent);
    let raw = server.received_requests().await.unwrap();
    let body: Value = raw[2].body_json().unwrap();
    let quantity = body["variables"]["input"]["quantities"][0].as_object().unwrap();
    assert!(quantity["changeFromQuantity"].is_null(), "an explicit null says that nothing is compared");
}

#[tokio::test]
async fn trouble_with_the_location_refuses_no_listing() {
    let server = variant_shop().await;
    let error = json!({ "field": ["input", "locationId"], "code": "INVALID_LOCATION", "message": "No such location" });
    mount(&server, "inventorySetQuantities", &json!({ "data": { "result": { "userErrors": [error] } } })).await;
    let error = channel(&server).push_stock(vec![level("A", "1", 7)]).await.unwrap_err();
    assert!(matches!(error, PortError::Retry { .. }), "{error:?}");
}

#[tokio::test]
async fn prices_go_product_by_product_in_the_shops_currency_and_errors_are_each_ones_own() {
    let server = variant_shop().await;
    let error = json!({ "field": ["variants", "1", "price"], "code": "INVALID", "message": "Too high" });
    mount(&server, "productVariantsBulkUpdate", &json!({ "data": { "result": { "userErrors": [error] } } })).await;
    let price = |sku: &str, reference: &str, currency: &str| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: reference.into(),
        price: Money::from_minor(1_950, Currency::parse(currency).unwrap()).unwrap(),
    };
    let prices =
        vec![price("A", "1", "GBP"), price("B", "2", "GBP"), price("RENAMED", "3", "EUR"), price("GONE", "", "GBP")];
    let outcomes = channel(&server).push_prices(prices).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    for (outcome, part) in outcomes[1..].iter().zip(["Too high", "are in GBP", "no longer listed"]) {
        assert!(matches!(outcome, Err(PortError::Refused(why)) if why.contains(part)), "{outcome:?}");
    }
    insta::assert_json_snapshot!(sent(&server).await[2]);
}

#[tokio::test]
async fn listings_follow_by_their_numbers_and_methods_are_those_of_the_latest_orders() {
    let server = MockServer::start().await;
    let at = |quantity: i64| json!({ "tracked": true, "inventoryLevel": { "quantities": [{ "quantity": quantity }] } });
    let nodes = json!([
        { "id": "gid://shopify/ProductVariant/1", "sku": "A", "displayName": "Mug - Default Title", "inventoryItem": at(5) },
        { "id": "gid://shopify/ProductVariant/2", "sku": "", "displayName": "Tee - S", "inventoryItem": { "tracked": true, "inventoryLevel": null } }]);
    let page = json!({ "data": { "productVariants": { "nodes": nodes, "pageInfo": { "hasNextPage": true } } } });
    mount(&server, "sortKey:ID", &page).await;
    let order =
        json!({ "paymentGatewayNames": ["paypal"], "shippingLines": { "nodes": [{ "title": "", "code": "STD" }] } });
    mount(&server, "reverse:true", &page_of(&[order.clone(), order])).await;
    let shop = channel(&server);
    let page = shop.list_products(Some("17".into())).await.unwrap();
    let seen: Vec<_> = page.products.iter().map(|p| (p.channel_sku.as_str(), p.title.as_str(), p.quantity)).collect();
    assert_eq!(seen, [("A", "Mug", Some(5)), ("id:2", "Tee - S", None)]);
    assert_eq!(page.next.as_deref(), Some("2"));
    for (kind, tag) in [(TagKind::Shipping, "STD"), (TagKind::Payment, "paypal")] {
        let tags: Vec<String> = shop.list_tags(kind).await.unwrap().into_iter().map(|tag| tag.tag).collect();
        assert_eq!(tags, [tag]);
    }
    assert_eq!(sent(&server).await[0]["query"], "id:>17");
}

#[tokio::test]
async fn orders_say_from_which_of_the_shops_locations_they_are_to_come_and_each_is_told_its_own_stock() {
    let server = variant_shop().await;
    let mut order = super::tests::rich_order();
    order["displayFulfillmentStatus"] = "UNFULFILLED".into();
    let info = json!({ "hasNextPage": false, "endCursor": null });
    let page = json!({ "data": { "orders": { "nodes": [order], "pageInfo": info } } });
    mount(&server, "orders(first:$first", &page).await;
    let mut leeds = fulfilment_order(8, "OPEN", 4, &[(1, 1)]);
    leeds["assignedLocation"]["name"] = "Leeds".into();
    let mut gone = fulfilment_order(7, "CLOSED", 6, &[(1, 1)]);
    gone["assignedLocation"]["name"] = "Hull".into();
    let assigned = json!({ "order": { "fulfillmentOrders": { "nodes": [gone, leeds] } } });
    assert_eq!(
        super::schema_tests::check_answer(super::documents::ORDER_LOCATIONS, &with_cursors(&assigned)),
        Ok(()),
        "Shopify could answer so"
    );
    mount(&server, "assignedLocation{name", &json!({ "data": assigned })).await;
    mount(&server, "inventorySetQuantities", &json!({ "data": { "result": { "userErrors": [] } } })).await;
    let mut connection = super::tests::connection(&server);
    connection.set("use_locations", "True");
    let shop = super::tests::kind().connect(&connection).unwrap();
    let request = DownloadRequest { page: None, since: Timestamp(0), statuses: Vec::new(), unsettled: Vec::new() };
    let mut orders = shop.download(request).await.unwrap().orders;
    let incoming = orders.remove(0);
    assert!(
        String::from_utf8(incoming.payload).unwrap().contains("assignedLocation"),
        "a new assignment is a new payload"
    );
    let located = incoming.order.unwrap().locations;
    assert_eq!((located.len(), located[0].quantity, located[0].channel_line.as_str()), (1, 1, "1"));
    assert_eq!(
        (located[0].location.code.as_str(), located[0].location.name.as_str()),
        ("gid://shopify/Location/4", "Leeds")
    );
    let told = shop.push_stock_at("gid://shopify/Location/5".into(), vec![level("A", "1", 7)]).await.unwrap();
    assert_eq!(told, [Ok(())]);
    let sent = sent(&server).await;
    let quantity = &sent.last().unwrap()["input"]["quantities"][0];
    assert_eq!((&quantity["locationId"], &quantity["quantity"]), (&json!("gid://shopify/Location/5"), &json!(7)));
}

/// The same with the cursors that the document asks for, and that nothing here looks at.
fn with_cursors(data: &Value) -> Value {
    let mut data = data.clone();
    for order in data["order"]["fulfillmentOrders"]["nodes"].as_array_mut().unwrap() {
        order["lineItems"]["pageInfo"]["endCursor"] = Value::Null;
    }
    data
}
