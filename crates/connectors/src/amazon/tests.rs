//! The port against the published models: each request is judged by them, the sandbox's own answers are served.

#[path = "../../tests/contract/amazon_model.rs"]
mod model;

use std::sync::{Arc, Mutex};

use consign_ports::{DespatchLine, StatusTarget};
use consign_values::{Currency, Money, Quantity};
use model::Models;
use serde_json::{Map, Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request as Received, Respond, ResponseTemplate};

use super::limits::Operation;
use super::*;
use crate::networks::Networks;

const PAIRS: &str = include_str!("../../tests/recorded/amazon/sandbox_pairs.json");
const GB: &str = "A1F83G8C2ARO7P";
const US: &str = "ATVPDKIKX0DER";

/// What Amazon was asked.
#[derive(Clone, Debug, Default)]
struct Seen {
    operation: String,
    parameters: Map<String, Value>,
    body: Value,
    token: String,
}

/// A stand-in for Amazon: refuses what the models don't allow, and answers as the sandbox does unless told otherwise.
#[derive(Clone, Default)]
struct Amazon(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    faults: Vec<String>,
    log_ins: usize,
    /// Answers for an operation, each used once before the sandbox's.
    scripted: Vec<(&'static str, u16, Value)>,
    uploads: Vec<String>,
    base: String,
}

impl Amazon {
    fn script(&self, operation: &'static str, status: u16, body: Value) {
        self.0.lock().unwrap().scripted.push((operation, status, body));
    }

    fn seen(&self, operation: &str) -> Vec<Seen> {
        self.0.lock().unwrap().seen.iter().filter(|seen| seen.operation == operation).cloned().collect()
    }

    fn operations(&self) -> Vec<String> {
        self.0.lock().unwrap().seen.iter().map(|seen| seen.operation.clone()).collect()
    }

    fn answer(&self, request: &Received) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let path = request.url.path();
        if path == "/token" {
            state.log_ins += 1;
            let form = String::from_utf8_lossy(&request.body);
            if !form.contains("grant_type=refresh_token") || !form.contains("client_secret=hush") {
                let said = json!({ "error": "invalid_client", "error_description": "Client authentication failed" });
                return ResponseTemplate::new(401).set_body_json(said);
            }
            let token = format!("Atza|{}", state.log_ins);
            return ResponseTemplate::new(200)
                .set_body_json(json!({ "access_token": token, "token_type": "bearer", "expires_in": 3_600 }));
        }
        if path == "/upload" {
            assert!(request.headers.get("x-amz-access-token").is_none(), "a token has no place at a presigned address");
            state.uploads.push(String::from_utf8_lossy(&request.body).into_owned());
            return ResponseTemplate::new(200);
        }
        let token = request.headers.get("x-amz-access-token").map_or("", |value| value.to_str().unwrap()).to_owned();
        let body = serde_json::from_slice(&request.body).unwrap_or_default();
        let operation = if path == "/sellers/v1/marketplaceParticipations" {
            "getMarketplaceParticipations".to_owned()
        } else {
            let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
            match Models::load().check(request.method.as_str(), path, &query, &request.body) {
                Ok(call) => {
                    state.seen.push(Seen {
                        operation: call.operation.clone(),
                        parameters: call.parameters,
                        body,
                        token,
                    });
                    call.operation
                }
                Err(fault) => {
                    state.faults.push(fault.clone());
                    return ResponseTemplate::new(400).set_body_json(json!({ "errors": [{ "message": fault }] }));
                }
            }
        };
        let scripted = state.scripted.iter().position(|(name, ..)| *name == operation);
        let (status, mut body) = match scripted.map(|index| state.scripted.remove(index)) {
            Some((_, status, body)) => (status, body),
            None => sandbox(&operation, true),
        };
        if operation == "createFeedDocument" {
            body["url"] = format!("{}/upload", state.base).into();
        }
        let answer = ResponseTemplate::new(status);
        if status == 204 { answer } else { answer.set_body_json(body) }
    }
}

impl Respond for Amazon {
    fn respond(&self, request: &Received) -> ResponseTemplate {
        self.answer(request)
    }
}

fn pairs() -> Vec<Value> {
    serde_json::from_str(PAIRS).unwrap()
}

/// The sandbox's first answer to an operation, good or bad.
fn sandbox(operation: &str, good: bool) -> (u16, Value) {
    let fits = |pair: &&Value| pair["operationId"] == operation && (pair["status"].as_u64().unwrap() < 300) == good;
    let pair = pairs().iter().find(fits).cloned().unwrap();
    (pair["status"].as_u64().unwrap() as u16, pair["response"].clone())
}

async fn amazon() -> (MockServer, Amazon) {
    let server = MockServer::start().await;
    let amazon = Amazon::default();
    amazon.0.lock().unwrap().base = server.uri();
    Mock::given(any()).respond_with(amazon.clone()).mount(&server).await;
    (server, amazon)
}

fn kind() -> AmazonKind {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    AmazonKind::new(Http::new(networks, Duration::from_secs(2), 1 << 20), Duration::from_millis(1_500))
}

fn connection(server: &MockServer) -> Connection {
    let mut connection = Connection::default();
    for (key, value) in [
        ("region", "eu"),
        ("client_id", "amzn1.application-oa2-client.x"),
        ("client_secret", "hush"),
        ("refresh_token", "Atzr|y"),
        ("seller_id", "A2SELLER"),
        ("marketplaces", GB),
    ] {
        connection.set(key, value);
    }
    connection.set("endpoint", server.uri());
    connection.set("token_endpoint", format!("{}/token", server.uri()));
    connection
}

fn request(page: Option<&str>) -> DownloadRequest {
    DownloadRequest {
        page: page.map(str::to_owned),
        since: Timestamp::parse("2026-11-01T00:00:00Z").unwrap(),
        statuses: Vec::new(),
        unsettled: Vec::new(),
    }
}

fn line(id: &str) -> DespatchLine {
    DespatchLine { channel_line: id.into(), channel_sku: "A".into(), quantity: Quantity::new(2).unwrap() }
}

fn note(attempts: u32) -> Despatch {
    Despatch {
        key: "17-1795413933000000-despatch".into(),
        reference: "902-1106328-1059050".into(),
        carrier: "royal mail".into(),
        service: "Tracked 24".into(),
        tracking_number: "JD0002".into(),
        processed_at: Timestamp::parse("2026-11-23T06:06:00Z").unwrap(),
        lines: vec![line("79039765272157"), line("wrap:79039765272157")],
        attempts,
    }
}

fn cancellation() -> Cancellation {
    Cancellation {
        key: "c".into(),
        reference: "902-1".into(),
        external_reference: String::new(),
        reason: "Out of stock".into(),
        lines: vec![line("1<")],
        attempts: 0,
    }
}

fn level(sku: &str, quantity: i64) -> StockLevel {
    StockLevel { channel_sku: sku.into(), channel_reference: String::new(), quantity }
}

fn order_in(status: &str) -> Value {
    json!({ "order": {
        "orderId": "902-1", "salesChannel": { "marketplaceId": US },
        "fulfillment": { "fulfillmentStatus": status, "fulfilledBy": "MERCHANT" },
    }})
}

fn listing(sku: &str, channel: &str, quantity: i64) -> Value {
    json!({
        "sku": sku,
        "summaries": [{ "marketplaceId": GB, "productType": "LUGGAGE", "asin": "B071VG5N9D", "itemName": "Bag", "createdDate": "2021-02-01T00:00:00Z" }],
        "fulfillmentAvailability": [{ "fulfillmentChannelCode": channel, "quantity": quantity }],
    })
}

fn found(listings: &[Value]) -> Value {
    json!({ "numberOfResults": listings.len(), "items": listings })
}

#[test]
fn the_published_usage_plans_are_kept_to() {
    let models = Models::load();
    for operation in Operation::ALL.into_iter().filter(|operation| *operation != Operation::Participations) {
        assert_eq!(models.plan(operation.id()), Some(operation.plan()), "{operation:?}");
    }
}

#[test]
fn the_sandbox_keeps_to_its_own_models() {
    let models = Models::load();
    for pair in pairs().iter().filter(|pair| pair["operationId"] != "getMarketplaceParticipations") {
        let (id, status) = (pair["operationId"].as_str().unwrap(), pair["status"].as_u64().unwrap() as u16);
        assert_eq!(models.check_answer(id, status, &pair["response"]), Ok(()), "{id} {status}");
    }
}

#[test]
fn what_does_not_conform_is_found() {
    let models = Models::load();
    let check = |method: &str, path: &str, query: &[(&str, &str)], body: Value| {
        let query: Vec<_> = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        models.check(method, path, &query, &body).err().unwrap_or_default()
    };
    let orders = "/orders/2026-01-01/orders";
    assert_eq!(check("GET", orders, &[("createdAfter", "2026-01-01T00:00:00Z")], Value::Null), "");
    assert!(check("GET", orders, &[("createdAfter", "yesterday")], Value::Null).contains("ISO 8601"));
    assert!(check("GET", orders, &[("MarketplaceIds", GB)], Value::Null).contains("no parameter"));
    assert!(check("GET", orders, &[("fulfilledBy", "MFN")], Value::Null).contains("none of"));
    assert!(check("GET", "/orders/v1/orders", &[], Value::Null).contains("no operation"));
    let ship = "/orders/v0/orders/1/shipmentConfirmation";
    assert!(check("POST", ship, &[], json!({ "marketplaceId": GB })).contains("packageDetail is missing"));
    let feed = json!({ "feedType": "X", "marketplaceIds": [], "inputFeedDocumentId": "1" });
    assert!(check("POST", "/feeds/2021-06-30/feeds", &[], feed).contains("0 entries"));
}

#[tokio::test]
async fn a_round_asks_by_the_model_reads_the_sandbox_and_goes_on_by_its_token() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.download(request(None)).await.unwrap();
    assert!(page.orders.is_empty(), "the sandbox's first order is Amazon's to ship");
    assert_eq!((page.next.as_deref(), page.rate_left), (Some("2YgYW55IGNhcm5hbCBwbGVhc3VyZS4"), Some(19)));
    let second = pairs().into_iter().filter(|pair| pair["operationId"] == "searchOrders").nth(1).unwrap();
    amazon.script("searchOrders", 200, second["response"].clone());
    let page = channel.download(request(page.next.as_deref())).await.unwrap();
    let orders: Vec<_> = page.orders.into_iter().map(|order| order.order.unwrap()).collect();
    assert_eq!((orders.len(), orders[0].reference.as_str(), page.next), (1, "202-7654321-1098765", None));
    let asked = amazon.seen("searchOrders");
    assert_eq!(asked[1].parameters["paginationToken"], "2YgYW55IGNhcm5hbCBwbGVhc3VyZS4");
    assert_eq!(asked[0].parameters["lastUpdatedAfter"], asked[1].parameters["lastUpdatedAfter"]);
    assert_eq!(asked[0].parameters["fulfilledBy"], json!(["MERCHANT"]));
    assert!(asked[0].parameters["includedData"].as_array().unwrap().contains(&json!("RECIPIENT")));
    assert_eq!(amazon.0.lock().unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn buyer_and_address_are_asked_for_only_where_the_setting_allows() {
    let (server, amazon) = amazon().await;
    let mut connection = connection(&server);
    connection.set("personal_data", "False");
    let channel = kind().connect(&connection).unwrap();
    channel.download(request(None)).await.unwrap();
    let sets = amazon.seen("searchOrders")[0].parameters["includedData"].clone();
    assert_eq!(sets, json!(["PROCEEDS", "CANCELLATION", "FULFILLMENT", "TAX", "PAYMENT"]));
}

#[tokio::test]
async fn amazons_own_orders_come_to_a_channel_that_is_for_them() {
    let (server, amazon) = amazon().await;
    let mut connection = connection(&server);
    connection.set("fulfilled_by", "AMAZON");
    assert_eq!(kind().source(&connection), "AMAZON_FBA");
    let channel = kind().connect(&connection).unwrap();
    let page = channel.download(request(None)).await.unwrap();
    assert_eq!(page.orders[0].reference, "250-1234567-8901234");
    assert_eq!(amazon.seen("searchOrders")[0].parameters["fulfilledBy"], json!(["AMAZON"]));
    let outcomes = channel.despatch(vec![note(0)]).await.unwrap();
    assert!(matches!(outcomes[0], Err(PortError::Refused(_))));
    assert!(matches!(channel.push_stock(vec![level("A", 1)]).await.unwrap()[0], Err(PortError::Refused(_))));
    assert_eq!(amazon.operations(), ["searchOrders"], "neither is even asked");
}

#[tokio::test]
async fn a_page_token_that_amazon_refuses_begins_the_round_anew() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let (status, body) = sandbox("searchOrders", false);
    amazon.script("searchOrders", status, body.clone());
    assert!(channel.download(request(Some("stale"))).await.is_ok());
    let asked = amazon.seen("searchOrders");
    assert!(
        asked[0].parameters.contains_key("paginationToken") && !asked[1].parameters.contains_key("paginationToken")
    );
    amazon.script("searchOrders", status, body);
    let error = channel.download(request(None)).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused(why) if why.starts_with("Amazon says: ")), "{error:?}");
}

#[tokio::test]
async fn one_order_is_read_and_one_that_is_not_there_is_none() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let order = channel.fetch_order("171-9876543-2109876".into()).await.unwrap().unwrap();
    assert_eq!(order.order.unwrap().reference.as_str(), "171-9876543-2109876");
    amazon.script("getOrder", 404, json!({ "errors": [{ "code": "NotFound", "message": "no" }] }));
    assert!(channel.fetch_order("902-0/x".into()).await.unwrap().is_none());
    assert_eq!(amazon.seen("getOrder")[1].parameters["orderId"], "902-0%2Fx");
}

#[tokio::test]
async fn one_token_serves_all_instances_of_an_account_and_is_renewed_once_when_refused() {
    let (server, amazon) = amazon().await;
    let kind = kind();
    for _ in 0..2 {
        kind.connect(&connection(&server)).unwrap().download(request(None)).await.unwrap();
    }
    assert_eq!(amazon.0.lock().unwrap().log_ins, 1);
    let denied =
        json!({ "errors": [{ "code": "Unauthorized", "message": "Access to requested resource is denied." }] });
    amazon.script("searchOrders", 403, denied.clone());
    let channel = kind.connect(&connection(&server)).unwrap();
    channel.download(request(None)).await.unwrap();
    let tokens: Vec<String> = amazon.seen("searchOrders").into_iter().map(|seen| seen.token).collect();
    assert_eq!(tokens, ["Atza|1", "Atza|1", "Atza|1", "Atza|2"]);
    for _ in 0..2 {
        amazon.script("searchOrders", 403, denied.clone());
    }
    let error = channel.download(request(None)).await.unwrap_err();
    assert!(matches!(&error, PortError::Unauthorised(why) if why.contains("roles")), "{error:?}");
}

#[tokio::test]
async fn wrong_credentials_are_told_in_amazons_words_without_the_secret() {
    let (server, _amazon) = amazon().await;
    let mut connection = connection(&server);
    connection.set("client_secret", "guessed-secret");
    let error = kind().connect(&connection).unwrap().test().await.unwrap_err();
    assert_eq!(
        error,
        PortError::Unauthorised("Login with Amazon refused the credentials: Client authentication failed".into())
    );
}

#[tokio::test]
async fn after_a_429_amazon_is_left_alone_until_its_rate_allows() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    amazon.script("searchOrders", 429, json!({ "errors": [{ "code": "QuotaExceeded", "message": "slow down" }] }));
    let error = channel.download(request(None)).await.unwrap_err();
    assert!(matches!(error, PortError::Retry { after_seconds: Some(179), .. }), "{error:?}");
    let error = channel.download(request(None)).await.unwrap_err();
    assert!(matches!(error, PortError::Retry { after_seconds: Some(170..=179), .. }), "{error:?}");
    assert_eq!(amazon.seen("searchOrders").len(), 1);
    assert!(channel.fetch_order("1".into()).await.is_ok(), "other operations go on");
}

#[tokio::test]
async fn reconciliation_leaves_the_last_searches_to_the_download() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let since = Timestamp::parse("2026-11-01T00:00:00Z").unwrap();
    let page = channel.references(Vec::new(), since, None).await.unwrap();
    assert_eq!(page.references, ["250-1234567-8901234"]);
    let mut calls = 1;
    while channel.references(Vec::new(), since, page.next.clone()).await.is_ok() {
        calls += 1;
    }
    assert_eq!(calls, 15);
    assert!(channel.download(request(None)).await.is_ok());
    let asked = &amazon.seen("searchOrders")[0].parameters;
    assert_eq!(asked["fulfillmentStatuses"], json!(["UNSHIPPED", "PARTIALLY_SHIPPED"]));
    assert!(!asked.contains_key("includedData"), "numbers need no personal data");
}

#[tokio::test]
async fn a_shipment_is_confirmed_with_its_items_by_one_call() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    assert_eq!(channel.despatch(vec![note(0)]).await.unwrap(), [Ok(())]);
    assert_eq!(amazon.operations(), ["confirmShipment"]);
    insta::assert_json_snapshot!(amazon.seen("confirmShipment")[0].body);
    let strange = Despatch { carrier: "Pony Express".into(), service: String::new(), key: "x".into(), ..note(0) };
    let services = Despatch { lines: vec![line("wrap:1")], ..note(0) };
    assert_eq!(channel.despatch(vec![strange, services]).await.unwrap(), [Ok(()), Ok(())]);
    let sent = amazon.seen("confirmShipment");
    assert_eq!(sent.len(), 2, "a parcel of charges alone is nothing to Amazon");
    let package = &sent[1].body["packageDetail"];
    assert_eq!((&package["carrierCode"], &package["carrierName"]), (&json!("Other"), &json!("Pony Express")));
    assert_ne!(package["packageReferenceId"], sent[0].body["packageDetail"]["packageReferenceId"]);
}

#[tokio::test]
async fn a_repeated_note_looks_first_and_a_note_of_several_marketplaces_names_the_orders_own() {
    let (server, amazon) = amazon().await;
    let mut connection = connection(&server);
    connection.set("marketplaces", format!("{GB},A1PA6795UKMFR9"));
    let channel = kind().connect(&connection).unwrap();
    amazon.script("getOrder", 200, order_in("UNSHIPPED"));
    assert_eq!(channel.despatch(vec![note(0)]).await.unwrap(), [Ok(())]);
    let sent = amazon.seen("confirmShipment")[0].body.clone();
    assert_eq!(sent["marketplaceId"], US);
    let mut shipped = order_in("SHIPPED");
    shipped["order"]["packages"] = json!([{ "packageReferenceId": sent["packageDetail"]["packageReferenceId"] }]);
    amazon.script("getOrder", 200, shipped.clone());
    assert_eq!(channel.despatch(vec![note(1)]).await.unwrap(), [Ok(())]);
    shipped["order"]["packages"] = json!([{ "packageReferenceId": "9", "trackingNumber": "JD0002",
        "packageItems": [{ "orderItemId": "79039765272157", "quantity": 2 }] }]);
    amazon.script("getOrder", 200, shipped);
    assert_eq!(channel.despatch(vec![note(1)]).await.unwrap(), [Ok(())]);
    assert_eq!(amazon.seen("confirmShipment").len(), 1, "what is there is not sent again");
    amazon.script("getOrder", 200, order_in("UNSHIPPED"));
    assert_eq!(channel.despatch(vec![note(1)]).await.unwrap(), [Ok(())]);
    assert_eq!(amazon.seen("confirmShipment")[1].body, sent, "the repetition is the same package");
}

#[tokio::test]
async fn a_refused_shipment_is_refused_in_amazons_words_and_the_next_goes_on() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let (status, body) = sandbox("confirmShipment", false);
    amazon.script("confirmShipment", status, body);
    let outcomes = channel.despatch(vec![note(0), note(0)]).await.unwrap();
    assert_eq!(outcomes, [Err(PortError::Refused("Amazon says: Invalid Input".into())), Ok(())]);
}

#[tokio::test]
async fn a_cancellation_is_a_feed_that_is_followed_until_the_order_is_cancelled() {
    let (server, amazon) = amazon().await;
    let kind = kind();
    let channel = kind.connect(&connection(&server)).unwrap();
    let feed = |status: &str| json!({ "feedId": "3485934", "feedType": "x", "createdTime": "2026-01-01T00:00:00Z", "processingStatus": status });
    amazon.script("getOrder", 200, order_in("UNSHIPPED"));
    amazon.script("getFeed", 200, feed("IN_QUEUE"));
    let outcome = channel.cancel(cancellation()).await;
    assert!(
        matches!(&outcome, Err(PortError::Retry { after_seconds: Some(180), message }) if message.contains("3485934"))
    );
    let uploads = amazon.0.lock().unwrap().uploads.clone();
    insta::assert_snapshot!(uploads[0]);
    amazon.script("getOrder", 200, order_in("UNSHIPPED"));
    amazon.script("getFeed", 200, feed("DONE"));
    amazon.script("getOrder", 200, order_in("CANCELLED"));
    let later = kind.connect(&connection(&server)).unwrap();
    assert_eq!(later.cancel(Cancellation { attempts: 1, ..cancellation() }).await, Ok(()));
    assert_eq!((amazon.seen("createFeed").len(), uploads.len()), (1, 1), "the feed under way is not handed in twice");
    amazon.script("getOrder", 200, order_in("CANCELLED"));
    assert_eq!(later.cancel(Cancellation { attempts: 2, ..cancellation() }).await, Ok(()));
    assert_eq!(amazon.0.lock().unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_refused_before_a_feed_is_made() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let mut own = order_in("UNSHIPPED");
    own["order"]["fulfillment"]["fulfilledBy"] = json!("AMAZON");
    for order in [order_in("SHIPPED"), order_in("PARTIALLY_SHIPPED"), order_in("PENDING"), own] {
        amazon.script("getOrder", 200, order);
        assert!(matches!(channel.cancel(cancellation()).await, Err(PortError::Refused(_))));
    }
    amazon.script("getOrder", 200, order_in("UNSHIPPED"));
    amazon.script("getFeed", 200, json!({ "processingStatus": "FATAL" }));
    assert!(matches!(channel.cancel(cancellation()).await, Err(PortError::Refused(_))));
    assert_eq!(amazon.seen("createFeed").len(), 1);
}

#[tokio::test]
async fn stock_is_set_only_where_it_differs_and_never_for_listings_that_amazon_stocks() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let listings = [listing("A/B 1", "DEFAULT", 3), listing("SAME", "DEFAULT", 7), listing("FBA", "AMAZON_EU", 9)];
    amazon.script("searchListingsItems", 200, found(&listings));
    let levels = vec![level("A/B 1", 5), level("SAME", 7), level("FBA", 1), level("GONE", 1)];
    let outcomes = channel.push_stock(levels).await.unwrap();
    assert_eq!((&outcomes[0], &outcomes[1]), (&Ok(()), &Ok(())));
    assert!(matches!((&outcomes[2], &outcomes[3]), (Err(PortError::Refused(_)), Err(PortError::Refused(_)))));
    let patches = amazon.seen("patchListingsItem");
    assert_eq!((patches.len(), &patches[0].parameters["sku"]), (1, &json!("A%2FB%201")));
    insta::assert_json_snapshot!(patches[0].body);
    assert_eq!(amazon.seen("searchListingsItems").len(), 1, "one look-up for all");
}

#[tokio::test]
async fn a_sku_with_a_comma_is_looked_up_by_itself_and_an_invalid_change_is_refused_with_its_reason() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    amazon.script("getListingsItem", 200, listing("A,B", "DEFAULT", 3));
    let invalid = pairs()
        .into_iter()
        .find(|pair| pair["operationId"] == "patchListingsItem" && pair["response"]["status"] == "INVALID")
        .unwrap();
    amazon.script("patchListingsItem", 200, invalid["response"].clone());
    let outcomes = channel.push_stock(vec![level("A,B", 5)]).await.unwrap();
    assert_eq!(outcomes, [Err(PortError::Refused("Amazon says: The attributes are invalid.".into()))]);
    assert_eq!(amazon.operations(), ["getListingsItem", "patchListingsItem"]);
}

#[tokio::test]
async fn a_price_goes_to_the_marketplaces_with_its_currency() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let price = |code: &str| {
        let price = Money { amount: 129_900, currency: Currency::parse(code).unwrap() };
        ListingPrice { channel_sku: "A".into(), channel_reference: String::new(), price }
    };
    amazon.script("searchListingsItems", 200, found(&[listing("A", "DEFAULT", 3)]));
    let outcomes = channel.push_prices(vec![price("GBP"), price("EUR")]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(&outcomes[1], Err(PortError::Refused(why)) if why.contains("EUR")));
    let patches = amazon.seen("patchListingsItem");
    assert_eq!((patches.len(), &patches[0].parameters["marketplaceIds"]), (1, &json!([GB])));
    insta::assert_json_snapshot!(patches[0].body);
}

#[tokio::test]
async fn listings_are_paged_beyond_amazons_thousand_and_fba_ones_are_left_out() {
    let (server, amazon) = amazon().await;
    let channel = kind().connect(&connection(&server)).unwrap();
    let page = channel.list_products(None).await.unwrap();
    assert_eq!((page.products[0].channel_sku.as_str(), page.products[0].quantity), ("GM-ZDPI-9B4E", Some(100)));
    let mut last = found(&[listing("A", "DEFAULT", 1), listing("B", "AMAZON_EU", 1)]);
    last["numberOfResults"] = json!(5_000);
    amazon.script("searchListingsItems", 200, last);
    let page = channel.list_products(page.next).await.unwrap();
    let skus: Vec<_> = page.products.iter().map(|product| product.channel_sku.as_str()).collect();
    assert_eq!(skus, ["A"]);
    amazon.script("searchListingsItems", 200, found(&[]));
    let end = channel.list_products(page.next).await.unwrap();
    assert_eq!(end.next, None);
    let asked = amazon.seen("searchListingsItems");
    assert!(asked[1].parameters.contains_key("pageToken"));
    assert_eq!(asked[2].parameters["createdAfter"], "2021-02-01T00:00:00Z");
}

#[tokio::test]
async fn set_up_takes_all_marketplaces_of_the_region_and_refuses_those_the_seller_is_not_in() {
    let (server, _amazon) = amazon().await;
    let kind = kind();
    let mut account = connection(&server);
    account.set("region", "na");
    account.set("marketplaces", "");
    let answers = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let step = kind.set_up(&mut account, "account", &answers(&[("marketplaces", "")])).await.unwrap();
    assert!(step.done);
    assert_eq!(account.get("marketplaces"), US);
    assert_eq!(kind.connect(&account).unwrap().test().await.unwrap(), "Connected to Amazon.com");
    let before = account.clone();
    let error = kind.set_up(&mut account, "settings", &answers(&[("marketplaces", "CA")])).await.unwrap_err();
    assert!(matches!(&error, PortError::Refused(why) if why.contains("CA")), "{error:?}");
    assert_eq!(account, before, "a refused step changes nothing");
    assert!(kind.connect(&Connection::default()).is_err());
    assert!(kind.default_statuses().iter().all(|status| status.target != StatusTarget::Unmapped));
}
