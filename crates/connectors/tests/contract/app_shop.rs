//! A channel app that remembers, written from the protocol. It takes the same note twice as once, as good apps do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Line, Shipment, Shop};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PAGE: usize = 100;

#[derive(Default)]
struct Order {
    lines: Vec<Line>,
    shipments: Vec<Shipment>,
    cancelled: bool,
}

#[derive(Default)]
struct State {
    orders: BTreeMap<String, Order>,
    stock: BTreeMap<String, i64>,
    /// In hundredths.
    prices: BTreeMap<String, i64>,
    lose_next: bool,
}

/// The running app.
pub struct AppShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct App(Arc<Mutex<State>>);

impl AppShop {
    /// An app that lists two products.
    pub async fn start() -> Self {
        let stock = [("TEE-S", 5), ("MUG", 5)].map(|(sku, quantity)| (sku.to_owned(), quantity)).into();
        let state = Arc::new(Mutex::new(State { stock, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(App(state.clone())).mount(&server).await;
        AppShop { server, state }
    }
}

impl Shop for AppShop {
    fn kind(&self) -> &'static str {
        "app"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        for (name, path) in [
            ("ConfigTestEndpoint", "test"),
            ("OrdersEndpoint", "orders"),
            ("DespatchEndpoint", "despatch"),
            ("CancelEndpoint", "cancel"),
            ("ProductsEndpoint", "products"),
            ("InventoryUpdateEndpoint", "inventory"),
            ("PriceUpdateEndpoint", "prices"),
            ("ShippingTagsEndpoint", "shipping"),
            ("PaymentTagsEndpoint", "payment"),
        ] {
            connection.set(&format!("endpoint.{name}"), format!("{}/{path}", self.server.uri()));
        }
        connection.set("token", TOKEN);
        connection.set("channel_name", "FAKE");
        connection.set("account_name", "Main");
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("token", "stale");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        self.state.lock().unwrap().orders.insert(reference.to_owned(), Order { lines, ..Order::default() });
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        self.state.lock().unwrap().orders[reference].shipments.clone()
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.state.lock().unwrap().orders[reference].cancelled
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

impl Respond for App {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let body: Value = request.body_json().unwrap();
        if body["AuthorizationToken"] != TOKEN {
            return ResponseTemplate::new(401);
        }
        let answer = match request.url.path() {
            "/orders" => orders(&state, &body),
            "/despatch" => {
                let answer = despatch(&mut state, &body);
                if std::mem::take(&mut state.lose_next) {
                    return ResponseTemplate::new(500);
                }
                answer
            }
            "/cancel" => cancel(&mut state, &body["Cancellation"]),
            "/products" => products(&state, &body),
            "/inventory" => inventory(&mut state, &body),
            "/prices" => prices(&mut state, &body),
            "/shipping" => json!({ "ShippingTags": [{ "Tag": "RM24", "FriendlyName": "Royal Mail" }] }),
            "/payment" => json!({ "PaymentTags": [{ "Tag": "CARD", "FriendlyName": "Card", "Site": "" }] }),
            "/test" => json!({ "Error": "" }),
            _ => return ResponseTemplate::new(404),
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

fn orders(state: &State, body: &Value) -> Value {
    let page = body["PageNumber"].as_u64().unwrap() as usize;
    let order = |(reference, order): (&String, &Order)| {
        let item = |(number, sku, quantity): &Line| {
            json!({ "OrderLineNumber": number, "SKU": sku, "ItemTitle": sku, "Qty": quantity, "PricePerUnit": 5,
                    "TaxRate": 20, "TaxCostInclusive": true })
        };
        json!({
            "ReferenceNumber": reference,
            "PaymentStatus": if order.cancelled { "CANCELLED" } else { "PAID" },
            "Currency": "GBP",
            "DeliveryAddress": { "FullName": "Ada", "Address1": "1 High St", "CountryCode": "GB" },
            "OrderItems": order.lines.iter().map(item).collect::<Vec<_>>(),
        })
    };
    let rows: Vec<Value> = state.orders.iter().skip((page - 1) * PAGE).take(PAGE).map(order).collect();
    // As seen in the wild: more pages are promised on every page that holds rows.
    json!({ "HasMorePages": !rows.is_empty(), "Orders": rows })
}

fn despatch(state: &mut State, body: &Value) -> Value {
    let mut results = Vec::new();
    for note in body["Orders"].as_array().unwrap() {
        let reference = note["ReferenceNumber"].as_str().unwrap();
        let Some(order) = state.orders.get_mut(reference) else { continue };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let items = note["Items"].as_array().unwrap();
        let lines = items.iter().map(|i| (text(&i["OrderLineNumber"]), i["DespatchedQuantity"].as_i64().unwrap()));
        let shipment = (text(&note["TrackingNumber"]), lines.collect());
        if !order.shipments.contains(&shipment) {
            order.shipments.push(shipment);
        }
        results.insert(0, json!({ "ReferenceNumber": reference, "Error": "" }));
    }
    json!({ "Orders": results })
}

fn cancel(state: &mut State, cancellation: &Value) -> Value {
    match state.orders.get_mut(cancellation["ReferenceNumber"].as_str().unwrap()) {
        None => json!({ "Error": "no such order" }),
        Some(order) if order.cancelled => json!({ "Error": "the order is already cancelled" }),
        Some(order) => {
            order.cancelled = true;
            json!({})
        }
    }
}

fn products(state: &State, body: &Value) -> Value {
    if body["PageNumber"] != 1 {
        return json!({ "HasMorePages": false, "Products": null });
    }
    let product =
        |(sku, quantity): (&String, &i64)| json!({ "SKU": sku, "Title": sku, "Quantity": quantity, "Reference": 7 });
    json!({ "HasMorePages": true, "Products": state.stock.iter().map(product).collect::<Vec<_>>() })
}

fn prices(state: &mut State, body: &Value) -> Value {
    let mut results = Vec::new();
    for row in body["Products"].as_array().unwrap() {
        let sku = row["SKU"].as_str().unwrap();
        if state.stock.contains_key(sku) {
            state.prices.insert(sku.to_owned(), (row["Price"].as_f64().unwrap() * 100.0).round() as i64);
            results.push(json!({ "SKU": sku }));
        }
    }
    json!({ "Products": results })
}

fn inventory(state: &mut State, body: &Value) -> Value {
    let mut results = Vec::new();
    for row in body["Products"].as_array().unwrap() {
        let sku = row["SKU"].as_str().unwrap();
        if let Some(stock) = state.stock.get_mut(sku) {
            *stock = row["Quantity"].as_i64().unwrap();
            results.push(json!({ "SKU": sku }));
        }
    }
    json!({ "Products": results })
}
