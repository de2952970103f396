//! Samples written from the protocol, what real apps make of it, and faults.

use consign_ports::DespatchLine;
use consign_values::{Currency, Money, Quantity};
use proptest::prelude::*;
use serde_json::json;
use wiremock::matchers::{body_partial_json, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::networks::Networks;
use consign_ports::FieldKind;

fn kind() -> AppKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    AppKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    Manifest::of_base(&server.uri()).unwrap().store(&mut connection).unwrap();
    connection.set("token", "0123456789abcdef");
    connection.set("account_name", "Main");
    connection.set("channel_name", "SAMPLE");
    connection
}

async fn answers(server: &MockServer, at: &str, value: Value) {
    Mock::given(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(value)).mount(server).await;
}

fn request(page: Option<&str>) -> DownloadRequest {
    DownloadRequest {
        page: page.map(str::to_owned),
        since: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
        statuses: Vec::new(),
        unsettled: Vec::new(),
    }
}

fn note(key: &str, reference: &str, line: &str) -> Despatch {
    Despatch {
        key: key.into(),
        reference: reference.into(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: "RM1".into(),
        processed_at: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
        lines: vec![DespatchLine {
            channel_line: line.into(),
            channel_sku: "TEE-S".into(),
            quantity: Quantity::new(1).unwrap(),
        }],
        attempts: 0,
    }
}

fn sample() -> Value {
    json!({
        "ReferenceNumber": "R-1001", "SecondaryReferenceNumber": null, "ExternalReference": "pay_1",
        "Site": "UK", "MatchPostalServiceTag": "RM24", "MatchPaymentMethodTag": "CARD",
        "PaymentStatus": "PAID", "ChannelBuyerName": "ada99", "Currency": "gbp",
        "ReceivedDate": "2026-01-02 03:04:05Z", "DispatchBy": "/Date(1767323045000)/", "PaidOn": "0001-01-01T00:00:00",
        "PostalServiceCost": 3.5999999999999996, "PostalServiceTaxRate": "20", "UseChannelTax": true,
        "DiscountType": 1, "Discount": "1.5", "BuyerTaxNumber": "GB1",
        "DeliveryAddress": {"FullName": " Ada\tBuyer ", "Address1": "1 High St", "Town": "Leeds", "PostCode": "LS1 1AA",
                            "Country": "United Kingdom", "CountryCode": "UK", "EmailAddress": "ada@example.com"},
        "BillingAddress": null,
        "ExtendedProperties": [{"Name": "Gift", "Value": "yes"}, {"Name": "Gift", "Value": "no"}],
        "Notes": [{"Note": "Ring twice", "NoteEntryDate": "2026-01-02T03:04:05.1234567Z", "NoteUserName": "", "IsInternal": "false"},
                  {"Note": "Ring twice"}],
        "OrderItems": [
            {"OrderLineNumber": 7, "SKU": "TEE-S", "ItemTitle": "T-shirt, small", "Qty": "2", "PricePerUnit": "9.990000000000000",
             "LinePercentDiscount": 10, "TaxRate": 20.0, "TaxCostInclusive": true, "Options": [{"Name": "Colour", "Value": "Red"}]},
            {"OrderLineNumber": "8", "SKU": "", "ItemTitle": "Gift wrapping", "Qty": 1, "PricePerUnit": 1, "IsService": true},
            {"OrderLineNumber": "9", "SKU": "MUG", "ItemTitle": "Mug", "Qty": 1, "PricePerUnit": 5, "CancelStatus": "CANCELED"}
        ],
        "Source": "ignored", "OrderStatusType": 4
    })
}

#[test]
fn an_order_as_real_apps_send_it_is_mapped() {
    insta::assert_debug_snapshot!(mapping::order(&sample()).unwrap());
}

#[test]
fn each_thing_that_would_be_a_guess_is_refused_with_the_fields_name() {
    let with = |pointer: &str, value: Value| {
        let mut order = sample();
        *order.pointer_mut(pointer).unwrap() = value;
        mapping::order(&order).unwrap_err()
    };
    insta::assert_snapshot!(
        [
            with("/ReferenceNumber", json!(" ")),
            with("/ReferenceNumber", json!("a\u{0}b")),
            with("/Currency", json!("GBPP")),
            with("/PaymentStatus", json!("REFUNDED")),
            with("/PostalServiceCost", json!(-1)),
            with("/PostalServiceCost", json!("99999999999999999999")),
            with("/Discount", json!("-0.5")),
            with("/OrderItems", json!([])),
            with("/OrderItems", json!("none")),
            with("/OrderItems/0/OrderLineNumber", json!("8")),
            with("/OrderItems/0/OrderLineNumber", json!(null)),
            with("/OrderItems/0/SKU", json!("")),
            with("/OrderItems/0/Qty", json!(0)),
            with("/OrderItems/0/Qty", json!(1.5)),
            with("/OrderItems/0/Qty", json!(1e300)),
            with("/OrderItems/0/PricePerUnit", json!(-5)),
            with("/OrderItems/0/LinePercentDiscount", json!(101)),
            with("/OrderItems/0/TaxRate", json!("twenty")),
            with("/OrderItems/1/ItemTitle", json!("")),
            with("/DeliveryAddress", json!(["1 High St"])),
            mapping::order(&json!("an order")).unwrap_err(),
        ]
        .join("\n")
    );
}

#[test]
fn an_order_with_every_line_cancelled_is_cancelled_and_keeps_its_lines() {
    let mut order = sample();
    for index in 0..3 {
        order["OrderItems"][index]["CancelStatus"] = json!("CANCELLED");
    }
    let order = mapping::order(&order).unwrap();
    assert_eq!((order.payment, order.lines.len()), (ChannelPayment::Cancelled, 3));
}

#[test]
fn a_cancellation_may_come_without_the_lines_and_an_order_may_not() {
    let mut order = sample();
    order["OrderItems"] = Value::Null;
    assert!(mapping::order(&order).is_err());
    order["PaymentStatus"] = json!("CANCELLED");
    assert_eq!(mapping::order(&order).unwrap().lines, []);
}

#[test]
fn a_date_that_is_not_understood_is_shown_as_a_property() {
    let mut order = sample();
    order["DispatchBy"] = json!("next week");
    let order = mapping::order(&order).unwrap();
    assert_eq!(order.despatch_by, None);
    assert!(order.properties.contains(&("DispatchBy (not understood)".into(), "next week".into())));
}

#[test]
fn one_bad_order_spoils_nothing_but_itself_and_each_payload_is_kept_byte_for_byte() {
    let deep = format!("{{\"ReferenceNumber\":\"deep\",\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let odd = "{ \"referencenumber\" : 42,  \"OrderItems\":[1]}";
    let good = sample().to_string();
    let text = format!("{{\"HasMorePages\":\"true\",\"Error\":\"\",\"Orders\":[{deep}, {odd} ,{good},17,null]}}");
    let page = orders_page(&text).unwrap();
    assert!(page.has_more && page.error.is_none());
    let seen: Vec<_> = page.orders.iter().map(|order| (order.reference.as_str(), order.order.is_ok())).collect();
    assert_eq!(seen, [("deep", false), ("42", false), ("R-1001", true), ("", false), ("", false)]);
    assert_eq!(page.orders[0].payload, deep.as_bytes());
    assert_eq!(page.orders[1].payload, odd.as_bytes());
    assert_eq!(page.orders[2].payload, good.as_bytes());
}

#[tokio::test]
async fn pages_are_read_until_the_flag_ends_an_empty_page_or_a_page_that_repeats() {
    let server = MockServer::start().await;
    let orders = |reference: &str| json!({"HasMorePages": true, "Orders": [{"ReferenceNumber": reference}]});
    for (number, body) in
        [(1, orders("a")), (2, orders("b")), (3, orders("b")), (9, json!({"HasMorePages": true, "Orders": null}))]
    {
        let asked = json!({"PageNumber": number, "UTCTimeFrom": "2026-01-02T03:04:05Z", "AuthorizationToken": "0123456789abcdef"});
        Mock::given(path("/api/Order/Orders"))
            .and(body_partial_json(asked))
            .respond_with(ResponseTemplate::new(200).set_body_json(body).insert_header("x-ratelimit-remaining", "5"))
            .mount(&server)
            .await;
    }
    let channel = kind().connect(&connection(&server)).unwrap();
    let mut next = None;
    let mut seen = Vec::new();
    loop {
        let page = channel.download(request(next.as_deref())).await.unwrap();
        assert_eq!(page.rate_left, Some(5));
        seen.extend(page.orders.into_iter().map(|order| order.reference));
        match page.next {
            Some(token) => next = Some(token),
            None => break,
        }
    }
    assert_eq!(seen, ["a", "b"], "the third page repeats the second, so it is the end");
    assert_eq!(channel.download(request(Some("9"))).await.unwrap().next, None);
}

#[tokio::test]
async fn a_page_that_is_garbage_is_kept_as_it_came_and_ends_the_round() {
    for garbage in
        [&b"<html>down</html>"[..], b"", b"[1,2]", b"{\"Orders\":[{\"a\":1", b"\xff\xfe\x00", b"{\"Orders\":{}}"]
    {
        let server = MockServer::start().await;
        Mock::given(path("/api/Order/Orders"))
            .respond_with(ResponseTemplate::new(200).set_body_bytes(garbage))
            .mount(&server)
            .await;
        let channel = kind().connect(&connection(&server)).unwrap();
        let page = channel.download(request(None)).await.unwrap();
        assert_eq!((page.orders.len(), page.next), (1, None), "{garbage:?}");
        assert_eq!(page.orders[0].payload, garbage);
        assert_eq!(page.orders[0].reference, "");
        assert!(page.orders[0].order.is_err());
        assert!(channel.references(Vec::new(), Timestamp(0), None).await.is_err(), "a gap is not reported on garbage");
    }
}

#[tokio::test]
async fn an_error_in_the_answer_and_a_refused_token_are_told_apart() {
    let server = MockServer::start().await;
    answers(&server, "/api/Order/Orders", json!({"Error": "the shop is closed", "Orders": []})).await;
    Mock::given(path("/api/Config/ConfigTest")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.download(request(None)).await.unwrap_err(), PortError::Refused("the shop is closed".into()));
    assert!(matches!(channel.test().await, Err(PortError::Unauthorised(_))));
}

#[tokio::test]
async fn despatch_results_are_matched_by_reference_in_any_sequence() {
    let server = MockServer::start().await;
    let results = json!({"Error": null, "Orders": [
        {"ReferenceNumber": "d", "Error": "parts can't be shipped"},
        {"ReferenceNumber": "c", "Error": "busy", "Retry": true},
        {"ReferenceNumber": "a"}
    ]});
    answers(&server, "/api/Order/Despatch", results).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let outcomes = channel.despatch(["a", "b", "c", "d"].map(|r| note(r, r, "1")).to_vec()).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(PortError::Refused("not found on the channel".into())));
    assert_eq!(outcomes[2], Err(PortError::retry("busy")));
    assert_eq!(outcomes[3], Err(PortError::Refused("parts can't be shipped".into())));
    let sent: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    insta::assert_json_snapshot!(sent["Orders"][0]);
}

#[test]
fn two_notes_of_one_order_never_share_a_call_and_keep_their_sequence() {
    let notes = ["a", "b", "a", "c", "a", "b"]
        .iter()
        .enumerate()
        .map(|(i, r)| note(&i.to_string(), r, "1"))
        .collect::<Vec<_>>();
    assert_eq!(despatch_batches(&notes, 100), [vec![0, 1, 3], vec![2, 5], vec![4]]);
    assert_eq!(despatch_batches(&notes, 2), [vec![0, 1], vec![2, 3], vec![4, 5]]);
}

#[tokio::test]
async fn a_batch_that_fails_as_a_whole_leaves_the_outcomes_before_it_standing() {
    let server = MockServer::start().await;
    Mock::given(path("/api/Order/Despatch"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"Orders": [{"ReferenceNumber": "a"}]})))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(path("/api/Order/Despatch"))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "9"))
        .expect(2)
        .mount(&server)
        .await;
    let mut small = connection(&server);
    small.set("despatch_batch", "1");
    let channel = kind().connect(&small).unwrap();
    let notes = || ["a", "b", "c"].map(|r| note(r, r, "1")).to_vec();
    let outcomes = channel.despatch(notes()).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Err(PortError::Retry { after_seconds: Some(9), .. })), "{outcome:?}");
    }
    assert!(matches!(channel.despatch(notes()).await, Err(PortError::Retry { after_seconds: Some(9), .. })));
}

#[tokio::test]
async fn a_call_that_may_have_taken_effect_is_passing_trouble() {
    for template in [
        ResponseTemplate::new(500),
        ResponseTemplate::new(200).set_body_string("{\"Orders\":[{\"Refer"),
        ResponseTemplate::new(200).set_body_json(json!({"Error": "try later"})),
        ResponseTemplate::new(200).set_delay(Duration::from_secs(30)),
    ] {
        let server = MockServer::start().await;
        Mock::given(path("/api/Order/Despatch")).respond_with(template).mount(&server).await;
        let channel = kind().connect(&connection(&server)).unwrap();
        let error = channel.despatch(vec![note("k", "a", "1")]).await.unwrap_err();
        assert!(error.is_passing(), "{error:?}");
    }
}

#[tokio::test]
async fn stock_is_never_negative_and_a_sku_left_out_of_the_answer_is_gone() {
    let server = MockServer::start().await;
    let results = json!({"Products": [{"SKU": "B", "Error": "locked"}, {"SKU": "A", "Error": ""}]});
    answers(&server, "/api/Product/InventoryUpdate", results).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let level = |sku: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: "55".into(), quantity };
    let outcomes = channel.push_stock(vec![level("A", -3), level("B", 2), level("C", 1)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert_eq!(outcomes[1], Err(PortError::retry("locked")), "an error that doesn't say gone may pass");
    assert!(matches!(outcomes[2], Err(PortError::Refused(_))));
    let sent: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert_eq!(sent["Products"][0], json!({"SKU": "A", "Reference": "55", "Quantity": 0}));
}

#[tokio::test]
async fn a_price_is_sent_as_the_selling_price_and_each_sku_gets_its_own_answer() {
    let server = MockServer::start().await;
    let results = json!({"Products": [{"SKU": "A"}, {"SKU": "B", "Error": "below the minimum"}]});
    answers(&server, "/api/Product/PriceUpdate", results).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let price = |sku: &str, amount: &str| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: "55".into(),
        price: Money::from_decimal(amount.parse().unwrap(), Currency::parse("GBP").unwrap()).unwrap(),
    };
    let outcomes = channel.push_prices(vec![price("A", "12.34"), price("B", "0.10"), price("C", "5")]).await.unwrap();
    assert_eq!(outcomes[..2], [Ok(()), Err(PortError::retry("below the minimum"))]);
    assert!(matches!(outcomes[2], Err(PortError::Refused(_))), "left out of the answer");
    let sent: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert_eq!(sent["Products"][0], json!({"SKU": "A", "Reference": "55", "Price": 12.34, "Tag": ""}));
}

#[tokio::test]
async fn listings_and_tags_are_read_with_whatever_is_left_out() {
    let server = MockServer::start().await;
    let products = json!({"HasMorePages": true, "Products": [
        {"SKU": "A", "Title": "Tee", "Quantity": 5.0, "Price": 3.2, "Reference": 991}, {"Title": "no sku"}]});
    Mock::given(path("/api/Product/Products"))
        .and(body_partial_json(json!({"PageNumber": 1})))
        .respond_with(ResponseTemplate::new(200).set_body_json(products))
        .mount(&server)
        .await;
    answers(&server, "/api/Product/Products", json!({"HasMorePages": true, "Products": []})).await;
    answers(
        &server,
        "/api/Config/ShippingTags",
        json!({"Error": "", "ShippingTags": [{"Tag": "RM24", "FriendlyName": "Royal Mail"}, {}]}),
    )
    .await;
    answers(&server, "/api/Config/PaymentTags", json!({})).await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.list_products(None).await.unwrap();
    let tee =
        Product { channel_sku: "A".into(), title: "Tee".into(), channel_reference: "991".into(), quantity: Some(5) };
    assert_eq!((page.products, page.next.as_deref()), (vec![tee], Some("2")));
    assert_eq!(channel.list_products(Some("2".into())).await.unwrap(), ProductPage::default());
    let tags = channel.list_tags(TagKind::Shipping).await.unwrap();
    assert_eq!(tags, [ChannelTag { tag: "RM24".into(), label: "Royal Mail".into(), site: String::new() }]);
    assert_eq!(channel.list_tags(TagKind::Payment).await.unwrap(), []);
}

#[tokio::test]
async fn the_vendors_sample_wizard_is_walked_to_its_end_with_whole_items_echoed() {
    let server = MockServer::start().await;
    answers(&server, "/api/Config/AddNewUser", json!({"Error": null, "AuthorizationToken": "tok-1"})).await;
    let credentials = json!({"StepName": "AddCredentials", "WizardStepTitle": "Add Credentials", "WizardStepDescription": "Keys",
    "ConfigItems": [
        {"ConfigItemId": "APISecretKey", "Name": "API Secret", "ValueType": 4, "SelectedValue": "", "MustBeSpecified": true, "SortOrder": 2, "Extra": {"kept": 1}},
        {"configitemid": "APIKey", "Name": "API Key", "ValueType": "STRING", "SelectedValue": "old", "Sortorder": 1, "RegexValidation": "^[a-z]+$", "RegexError": "letters only"},
        {"ConfigItemId": "IsOauth", "Name": "OAuth", "ValueType": "BOOLEAN", "SelectedValue": true, "SortOrder": 3},
        {"ConfigItemId": "Mode", "Name": "Mode", "ValueType": 5, "ListValues": [{"Display": "Test", "Value": "t"}, {"Display": "Live", "Value": "l"}], "SortOrder": 4},
        {"ConfigItemId": "Hidden", "Name": "InventorySync", "HidesHeaderAttribute": true},
        {"ConfigItemId": "Docs", "Name": "https://app.example/docs", "Description": "Read this", "ValueType": "URL", "SortOrder": 5},
        {"ConfigItemId": "Evil", "Name": "javascript:alert(1)", "Description": "Click", "ValueType": 6, "SortOrder": 6}
    ]});
    answers(&server, "/api/Config/UserConfig", credentials).await;
    answers(&server, "/api/Config/SaveUserConfig", json!({"Error": "", "StepName": "UserConfig", "ConfigItems": null}))
        .await;
    let kind = kind();
    let mut connection = Connection::default();
    let form = BTreeMap::from([
        ("base_url".to_owned(), format!("{}/", server.uri())),
        ("channel_name".into(), "my shop".into()),
        ("email".into(), "me@example.com".into()),
        ("account_name".into(), "Main".into()),
    ]);
    let step = kind.set_up(&mut connection, CONNECT, &form).await.unwrap();
    insta::assert_debug_snapshot!(step);
    assert_eq!(kind.source(&connection), "MY_SHOP");

    let refused = kind.set_up(&mut connection, "AddCredentials", &BTreeMap::new()).await.unwrap_err();
    assert_eq!(refused, PortError::Refused("API Secret: must have a value".into()));
    let answers = [("APISecretKey", "s3cret"), ("APIKey", "abc"), ("Mode", "l"), ("Docs", "x")];
    let answers: BTreeMap<_, _> = answers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let done = kind.set_up(&mut connection, "AddCredentials", &answers).await.unwrap();
    assert!(done.done && done.fields.is_empty());

    let requests = server.received_requests().await.unwrap();
    let body = |index: usize| serde_json::from_slice::<Value>(&requests[index].body).unwrap();
    assert_eq!(body(0)["Email"], "me@example.com");
    assert_eq!(body(0)["LinnworksUniqueIdentifier"].as_str().unwrap().len(), 36);
    assert!(body(0).get("AuthorizationToken").is_none());
    assert_eq!(body(1), json!({"AuthorizationToken": "tok-1"}));
    insta::assert_json_snapshot!(body(2));
    assert!(!format!("{connection:?}").contains("tok-1"), "secrets are not printed");
}

#[tokio::test]
async fn a_form_sent_twice_introduces_the_account_once() {
    let server = MockServer::start().await;
    Mock::given(path("/api/Config/AddNewUser"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"AuthorizationToken": "tok-1"})))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(path("/api/Config/UserConfig"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    answers(&server, "/api/Config/UserConfig", json!({})).await;
    let mut connection = Connection::default();
    let parameters =
        ENDPOINTS_OF_A_MANIFEST.map(|(name, at)| json!({"name": name, "value": format!("{}{at}", server.uri())}));
    let manifest = json!([{"modules": [{"type": "ChannelIntegration", "parameters": parameters}]}]).to_string();
    let form = BTreeMap::from([
        ("manifest".to_owned(), manifest),
        ("email".into(), "me@example.com".into()),
        ("account_name".into(), "Main".into()),
    ]);
    let kind = kind();
    assert!(kind.set_up(&mut connection, CONNECT, &form).await.unwrap_err().is_passing());
    let step = kind.set_up(&mut connection, CONNECT, &form).await.unwrap();
    assert!(step.done, "an app without a wizard is finished at once");
    assert_eq!(kind.source(&connection), "APP");
    let channel = kind.connect(&connection).unwrap();
    let missing = channel.despatch(vec![note("k", "a", "1")]).await.unwrap_err();
    assert!(missing.to_string().contains("DespatchEndpoint"), "{missing:?}");
}

const ENDPOINTS_OF_A_MANIFEST: [(&str, &str); 3] = [
    ("addnewuserendpoint", "/api/Config/AddNewUser"),
    ("UserConfigEndpoint", "/api/Config/UserConfig"),
    ("OrdersEndpoint", "/api/Order/Orders"),
];

#[tokio::test]
async fn a_manifest_with_an_unusable_address_is_refused_before_anything_is_called() {
    let kind = kind();
    let mut connection = Connection::default();
    let list = |url: &str| {
        let parameters = ENDPOINTS_OF_A_MANIFEST.map(|(name, _)| json!({"name": name, "value": url}));
        json!({"parameters": parameters}).to_string()
    };
    for (manifest, why) in [
        ("".to_owned(), "give a manifest or a base address"),
        ("{".to_owned(), "not JSON"),
        ("{\"parameters\":[]}".to_owned(), "OrdersEndpoint"),
        (list("file:///etc/passwd"), "not an http"),
        (list("http://10.0.0.1/"), "network"),
    ] {
        let form = BTreeMap::from([
            ("manifest".to_owned(), manifest),
            ("email".into(), "me@example.com".into()),
            ("account_name".into(), "Main".into()),
        ]);
        let error = kind.set_up(&mut connection, CONNECT, &form).await.unwrap_err();
        assert!(matches!(&error, PortError::Refused(text) if text.contains(why)), "{why}: {error:?}");
        assert_eq!(connection, Connection::default(), "nothing half done");
    }
}

#[tokio::test]
async fn client_credentials_are_granted_once_and_again_when_the_bearer_is_refused() {
    let server = MockServer::start().await;
    let grant =
        |token: &str| ResponseTemplate::new(200).set_body_json(json!({"access_token": token, "expires_in": "3600"}));
    Mock::given(path("/token")).respond_with(grant("one")).up_to_n_times(1).mount(&server).await;
    Mock::given(path("/token")).respond_with(grant("two")).expect(1).mount(&server).await;
    let bearer = |token: &str| wiremock::matchers::header("authorization", format!("Bearer {token}").as_str());
    Mock::given(bearer("one"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    Mock::given(bearer("one")).respond_with(ResponseTemplate::new(401)).mount(&server).await;
    Mock::given(bearer("two")).respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    let mut connection = connection(&server);
    connection.set("oauth_endpoint", format!("{}/token", server.uri()));
    connection.set("oauth_scopes", "orders");
    connection.set("oauth_client_id", "id");
    connection.set("oauth_client_secret", "se&cret");
    let channel = kind().connect(&connection).unwrap();
    for _ in 0..3 {
        assert_eq!(channel.test().await.unwrap(), "Connected to SAMPLE as Main");
    }
    let form = String::from_utf8(server.received_requests().await.unwrap()[0].body.clone()).unwrap();
    assert_eq!(form, "grant_type=client_credentials&scope=orders&client_id=id&client_secret=se%26cret");
}

#[test]
fn a_customer_has_one_id_whatever_the_spelling_of_the_address() {
    assert_eq!(customer_id(" Me@Example.com"), customer_id("me@example.com"));
    assert_ne!(customer_id("me@example.com"), customer_id("you@example.com"));
}

#[test]
fn a_connection_without_a_token_does_not_connect() {
    assert!(matches!(kind().connect(&Connection::default()), Err(PortError::Refused(_))));
    assert_eq!(kind().first_step().fields.iter().filter(|f| f.kind == FieldKind::Password).count(), 1);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::String),
        Just(json!("PAID")),
        Just(json!("GBP")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::hash_map("[A-Za-z]{1,8}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn mapping_never_panics_and_keeps_the_bytes(key in 0_usize..40, value in any_json(), text in ".{0,60}") {
        let mut order = sample();
        let keys: Vec<String> = order.as_object().unwrap().keys().cloned().collect();
        let item_keys: Vec<String> = order["OrderItems"][0].as_object().unwrap().keys().cloned().collect();
        match keys.get(key) {
            Some(key) => order[key] = value,
            None => order["OrderItems"][0][&item_keys[key % item_keys.len()]] = value,
        }
        let raw = order.to_string();
        prop_assert_eq!(mapping::incoming(&raw).payload, raw.as_bytes());
        let _ = orders_page(&text);
        let _ = orders_page(&format!("{{\"Orders\":[{text}]}}"));
        let _ = WizardStep::of_answer(order.as_object().unwrap()).form();
    }
}
