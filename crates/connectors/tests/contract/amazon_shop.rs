//! An Amazon that remembers, as far as the connector looks. Every request is judged by the published models first, so what
//! passes here conforms to them. Stricter than Amazon in one way: the same package sent twice is two packages.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use consign_values::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::amazon_model::{Call, Models};
use crate::{Line, Shipment, Shop};

const MARKETPLACE: &str = "A1F83G8C2ARO7P";

#[derive(Default)]
struct State {
    orders: Vec<Value>,
    stock: BTreeMap<String, i64>,
    /// In hundredths.
    prices: BTreeMap<String, i64>,
    documents: Vec<String>,
    lose_next: bool,
    base: String,
}

/// The running stand-in.
pub struct AmazonShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Partner {
    state: Arc<Mutex<State>>,
    models: Models,
}

impl AmazonShop {
    /// A seller who lists two products.
    pub async fn start() -> Self {
        let server = MockServer::start().await;
        let stock = [("TEE-S", 5), ("MUG", 5)].map(|(sku, stock)| (sku.to_owned(), stock)).into();
        let state = Arc::new(Mutex::new(State { stock, base: server.uri(), ..State::default() }));
        let partner = Partner { state: state.clone(), models: Models::load() };
        Mock::given(any()).respond_with(partner).mount(&server).await;
        AmazonShop { server, state }
    }

    fn order(&self, reference: &str) -> Value {
        self.state.lock().unwrap().orders.iter().find(|order| order["orderId"] == reference).unwrap().clone()
    }
}

impl Shop for AmazonShop {
    fn kind(&self) -> &'static str {
        "amazon"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        for (key, value) in [
            ("region", "eu"),
            ("client_id", "client"),
            ("client_secret", "hush"),
            ("refresh_token", "refresh"),
            ("seller_id", "SELLER"),
            ("marketplaces", MARKETPLACE),
        ] {
            connection.set(key, value);
        }
        connection.set("endpoint", self.server.uri());
        connection.set("token_endpoint", format!("{}/token", self.server.uri()));
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("client_secret", "guessed");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        let mut state = self.state.lock().unwrap();
        let at = Timestamp(1_795_413_933_000_000 + state.orders.len() as i64 * 1_000_000).to_rfc3339_millis();
        let money = |units: i64| json!({ "amount": format!("{}.00", units * 5), "currencyCode": "GBP" });
        let item = |(id, sku, quantity): &Line| {
            json!({
                "orderItemId": id, "quantityOrdered": quantity,
                "product": { "sellerSku": sku, "title": sku, "price": { "unitPrice": money(1) } },
                "proceeds": { "proceedsTotal": money(*quantity), "breakdowns": [{ "type": "ITEM", "subtotal": money(*quantity) }] },
                "fulfillment": { "quantityFulfilled": 0, "quantityUnfulfilled": quantity },
            })
        };
        for (_, sku, quantity) in &lines {
            let stock = state.stock.get_mut(sku).unwrap();
            *stock = (*stock - quantity).max(0);
        }
        state.orders.push(json!({
            "orderId": reference, "createdTime": at, "lastUpdatedTime": at,
            "salesChannel": { "channelName": "AMAZON", "marketplaceId": MARKETPLACE, "marketplaceName": "Amazon.co.uk" },
            "recipient": { "deliveryAddress": { "name": "Ada", "addressLine1": "1 High St", "countryCode": "GB" } },
            "proceeds": { "grandTotal": money(lines.iter().map(|line| line.2).sum()) },
            "fulfillment": { "fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT", "fulfillmentServiceLevel": "STANDARD" },
            "orderItems": lines.iter().map(item).collect::<Vec<_>>(),
            "packages": [],
        }));
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        let order = self.order(reference);
        let packages = order["packages"].as_array().unwrap().iter();
        packages
            .map(|package| {
                let items = package["packageItems"].as_array().unwrap().iter();
                let items = items
                    .map(|item| (item["orderItemId"].as_str().unwrap().to_owned(), item["quantity"].as_i64().unwrap()));
                (package["trackingNumber"].as_str().unwrap().to_owned(), items.collect())
            })
            .collect()
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.order(reference)["fulfillment"]["fulfillmentStatus"] == "CANCELLED"
    }

    fn on_sale(&self, sku: &str) -> Option<i64> {
        self.state.lock().unwrap().stock.get(sku).copied()
    }

    fn price_minor(&self, sku: &str) -> Option<i64> {
        self.state.lock().unwrap().prices.get(sku).copied()
    }

    fn lose_next_answer(&self) {
        self.state.lock().unwrap().lose_next = true;
    }
}

fn refused(status: u16, why: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "errors": [{ "code": "InvalidInput", "message": why }] }))
}

impl Respond for Partner {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.state.lock().unwrap();
        let (path, body) = (request.url.path(), String::from_utf8_lossy(&request.body).into_owned());
        if path == "/token" {
            let known = body.contains("client_secret=hush") && body.contains("refresh_token=refresh");
            let (status, answer) = match known {
                true => (200, json!({ "access_token": "Atza|1", "expires_in": 3_600 })),
                false => (401, json!({ "error": "invalid_client" })),
            };
            return ResponseTemplate::new(status).set_body_json(answer);
        }
        if path == "/upload" {
            state.documents.push(body);
            return ResponseTemplate::new(200);
        }
        if request.headers.get("x-amz-access-token").is_none_or(|token| token != "Atza|1") {
            return refused(403, "Access to requested resource is denied.");
        }
        if path == "/sellers/v1/marketplaceParticipations" {
            let market = json!({ "marketplace": { "id": MARKETPLACE, "name": "Amazon.co.uk" }, "participation": { "isParticipating": true } });
            return ResponseTemplate::new(200).set_body_json(json!({ "payload": [market] }));
        }
        let query: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
        let call = match self.models.check(request.method.as_str(), path, &query, &request.body) {
            Ok(call) => call,
            Err(fault) => return refused(400, &fault),
        };
        let answer = act(&mut state, &call, &serde_json::from_str(&body).unwrap_or_default());
        let changes = matches!(call.operation.as_str(), "confirmShipment" | "createFeed" | "patchListingsItem");
        if changes && std::mem::take(&mut state.lose_next) {
            return ResponseTemplate::new(500);
        }
        answer
    }
}

fn act(state: &mut State, call: &Call, body: &Value) -> ResponseTemplate {
    let text = |name: &str| call.parameters.get(name).and_then(Value::as_str).unwrap_or("");
    let good = |body: Value| ResponseTemplate::new(200).set_body_json(body);
    match call.operation.as_str() {
        "searchOrders" => good(search(state, call)),
        "getOrder" => match state.orders.iter().find(|order| order["orderId"] == text("orderId")) {
            Some(order) => good(json!({ "order": order })),
            None => refused(404, "no such order"),
        },
        "confirmShipment" => ship(state, text("orderId"), &body["packageDetail"]),
        "createFeedDocument" => {
            let url = format!("{}/upload", state.base);
            ResponseTemplate::new(201).set_body_json(json!({ "feedDocumentId": "doc", "url": url }))
        }
        "createFeed" => {
            let document = state.documents.last().cloned().unwrap_or_default();
            for order in &mut state.orders {
                let named = format!("<AmazonOrderID>{}</AmazonOrderID>", order["orderId"].as_str().unwrap());
                if document.contains(&named) && document.contains("<StatusCode>Failure</StatusCode>") {
                    order["fulfillment"]["fulfillmentStatus"] = json!("CANCELLED");
                }
            }
            ResponseTemplate::new(202).set_body_json(json!({ "feedId": "feed" }))
        }
        "getFeed" => good(
            json!({ "feedId": "feed", "feedType": "x", "createdTime": "2026-01-01T00:00:00Z", "processingStatus": "DONE" }),
        ),
        "searchListingsItems" => {
            let wanted = call.parameters.get("identifiers").and_then(Value::as_array);
            let fits = |sku: &str| wanted.is_none_or(|wanted| wanted.iter().any(|one| one == sku));
            let items: Vec<Value> = state.stock.iter().filter(|(sku, _)| fits(sku)).map(listing).collect();
            good(json!({ "numberOfResults": items.len(), "items": items }))
        }
        "patchListingsItem" => patch(state, text("sku"), &body["patches"][0]),
        other => refused(400, other),
    }
}

fn search(state: &State, call: &Call) -> Value {
    let text = |name: &str| call.parameters.get(name).and_then(Value::as_str).unwrap_or("");
    let wanted = call.parameters["fulfillmentStatuses"].as_array().unwrap();
    let since = Timestamp::parse(text("lastUpdatedAfter")).or_else(|| Timestamp::parse(text("createdAfter"))).unwrap();
    let fits = |order: &&Value| {
        wanted.contains(&order["fulfillment"]["fulfillmentStatus"])
            && Timestamp::parse(order["lastUpdatedTime"].as_str().unwrap()).unwrap() >= since
    };
    let found: Vec<&Value> = state.orders.iter().filter(fits).collect();
    let (skip, most) = (text("paginationToken").parse::<usize>().unwrap_or(0), 100);
    let page: Vec<&Value> = found.iter().skip(skip).take(most).copied().collect();
    let next = skip + page.len();
    let pagination = if next < found.len() { json!({ "nextToken": next.to_string() }) } else { json!({}) };
    json!({ "orders": page, "pagination": pagination })
}

fn ship(state: &mut State, reference: &str, package: &Value) -> ResponseTemplate {
    let Some(order) = state.orders.iter_mut().find(|order| order["orderId"] == reference) else {
        return refused(400, "no such order");
    };
    let items = package["orderItems"].as_array().unwrap();
    let known = order["orderItems"].as_array().unwrap();
    if !items.iter().all(|item| known.iter().any(|known| known["orderItemId"] == item["orderItemId"])) {
        return refused(400, "no such item in the order");
    }
    order["packages"].as_array_mut().unwrap().push(json!({
        "packageReferenceId": package["packageReferenceId"],
        "trackingNumber": package["trackingNumber"],
        "packageItems": items,
    }));
    ResponseTemplate::new(204)
}

fn patch(state: &mut State, sku: &str, patch: &Value) -> ResponseTemplate {
    let Some(stock) = state.stock.get_mut(sku) else { return refused(404, "no such listing") };
    let value = &patch["value"][0];
    match patch["path"].as_str() {
        Some("/attributes/fulfillment_availability") => *stock = value["quantity"].as_i64().unwrap(),
        Some("/attributes/purchasable_offer") => {
            let price = value["our_price"][0]["schedule"][0]["value_with_tax"].as_f64().unwrap();
            state.prices.insert(sku.to_owned(), (price * 100.0).round() as i64);
        }
        _ => return refused(400, "no such attribute"),
    }
    let answer = json!({ "sku": sku, "status": "ACCEPTED", "submissionId": "1" });
    ResponseTemplate::new(200).set_body_json(answer)
}

fn listing((sku, quantity): (&String, &i64)) -> Value {
    json!({
        "sku": sku,
        "summaries": [{ "marketplaceId": MARKETPLACE, "productType": "SHIRT", "asin": "B0", "itemName": sku, "createdDate": "2026-01-01T00:00:00Z" }],
        "fulfillmentAvailability": [{ "fulfillmentChannelCode": "DEFAULT", "quantity": quantity }],
    })
}
