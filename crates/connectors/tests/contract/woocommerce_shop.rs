//! A WooCommerce shop that remembers, written from the answers recorded against 11.0.1: orders by their date of change, the
//! fulfilments API switched on, plain `http`, so that every call must bear an OAuth signature of our key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Line, Shipment, Shop};

/// Orders that carry the same second of change, so that a page can end within one.
const ORDERS_PER_SECOND: usize = 7;
const START: i64 = 1_795_411_993;

struct Order {
    id: String,
    lines: Vec<Line>,
    status: String,
    changed: i64,
    meta: Vec<Value>,
    fulfilments: Vec<Value>,
    notes: Vec<Value>,
}

#[derive(Default)]
struct State {
    orders: Vec<Order>,
    stock: BTreeMap<String, i64>,
    prices: BTreeMap<String, i64>,
    lose_next: bool,
}

/// The running shop.
pub struct WooCommerceShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Api(Arc<Mutex<State>>);

impl WooCommerceShop {
    /// A shop with a simple product and a variation.
    pub async fn start() -> Self {
        let stock = [("TEE-S", 5), ("MUG", 5)].map(|(sku, quantity)| (sku.to_owned(), quantity)).into();
        let state = Arc::new(Mutex::new(State { stock, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Api(state.clone())).mount(&server).await;
        WooCommerceShop { server, state }
    }

    fn with_order<T>(&self, reference: &str, read: impl Fn(&Order) -> T) -> T {
        let state = self.state.lock().unwrap();
        read(state.orders.iter().find(|order| order.id == reference).unwrap())
    }
}

impl Shop for WooCommerceShop {
    fn kind(&self) -> &'static str {
        "woocommerce"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        for (key, value) in [("consumer_key", "ck_1"), ("consumer_secret", "cs_2"), ("fulfil_by", "fulfilments")] {
            connection.set(key, value);
        }
        connection.set("url", self.server.uri());
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("consumer_key", "ck_other");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        let mut state = self.state.lock().unwrap();
        let changed = START + (state.orders.len() / ORDERS_PER_SECOND) as i64;
        let (id, status) = (reference.to_owned(), "processing".to_owned());
        state.orders.push(Order { id, lines, status, changed, meta: vec![], fulfilments: vec![], notes: vec![] });
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        let entry = |fulfilment: &Value, key: &str| {
            let entries = fulfilment["meta_data"].as_array().unwrap();
            entries.iter().find(|entry| entry["key"] == key).unwrap()["value"].clone()
        };
        let shipment = |fulfilment: &Value| {
            let items = entry(fulfilment, "_items");
            let items = items.as_array().unwrap().iter();
            let lines = items.map(|item| (item["item_id"].to_string(), item["qty"].as_i64().unwrap())).collect();
            (entry(fulfilment, "_tracking_number").as_str().unwrap().to_owned(), lines)
        };
        self.with_order(reference, |order| order.fulfilments.iter().map(shipment).collect())
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.with_order(reference, |order| order.status == "cancelled")
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

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let signed = query.get("oauth_signature").is_some_and(|signature| !signature.is_empty());
        if query.get("oauth_consumer_key").is_none_or(|key| key != "ck_1") || !signed {
            let code = "woocommerce_rest_cannot_view";
            return ResponseTemplate::new(401).set_body_json(json!({"code": code, "message": "Sorry."}));
        }
        let path = request.url.path().strip_prefix("/wp-json/wc/v3/").unwrap_or("");
        let parts: Vec<&str> = path.split('/').collect();
        let answer = if request.method.as_str() == "POST" {
            let answer = change(&mut state, &parts, &request.body_json().unwrap());
            if answer.is_some() && std::mem::take(&mut state.lose_next) {
                return ResponseTemplate::new(500);
            }
            answer
        } else {
            read(&state, &parts, &query)
        };
        match answer {
            Some(answer) => ResponseTemplate::new(200).set_body_json(answer),
            None => ResponseTemplate::new(404).set_body_json(json!({"code": "rest_no_route"})),
        }
    }
}

fn moment(seconds: i64) -> String {
    consign_values::Timestamp(seconds * 1_000_000).to_rfc3339_millis().chars().take(19).collect()
}

fn order(order: &Order) -> Value {
    let line = |(id, sku, units): &Line| {
        json!({ "id": id.parse::<i64>().unwrap(), "name": sku, "sku": sku, "quantity": units, "product_id": 10,
                "subtotal": "10.00", "subtotal_tax": "2.00", "total": "10.00", "total_tax": "2.00" })
    };
    let total = 12 * order.lines.len();
    json!({
        "id": order.id, "number": order.id, "status": order.status, "currency": "GBP", "total": format!("{total}.00"),
        "payment_method": "stripe", "date_created_gmt": moment(order.changed), "date_modified_gmt": moment(order.changed),
        "date_paid_gmt": moment(order.changed), "meta_data": order.meta,
        "billing": { "first_name": "Ada", "last_name": "Buyer", "address_1": "1 High St", "country": "GB" },
        "line_items": order.lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn read(state: &State, parts: &[&str], query: &BTreeMap<String, String>) -> Option<Value> {
    let number = |key: &str| query.get(key).and_then(|text| text.parse::<usize>().ok());
    let (size, page) = (number("per_page").unwrap_or(10), number("page").unwrap_or(1));
    assert!((1..=100).contains(&size), "the API takes pages of 1 to 100");
    let found = |id: &str| state.orders.iter().find(|order| order.id == id);
    match parts {
        ["orders"] => {
            let is_wanted = |order: &&Order| {
                let status = query.get("status").is_none_or(|list| list.split(',').any(|one| one == order.status));
                let changed = query.get("modified_after").is_none_or(|after| moment(order.changed) > *after);
                status && changed && query.get("include").is_none_or(|id| *id == order.id)
            };
            let rows = state.orders.iter().filter(is_wanted).skip((page - 1) * size).take(size);
            Some(rows.map(order).collect())
        }
        ["orders", "statuses"] => {
            let all = ["pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed"];
            Some(all.iter().map(|slug| json!({ "slug": slug, "name": slug })).collect())
        }
        ["orders", id, "fulfillments"] => Some(found(id)?.fulfilments.clone().into()),
        ["orders", id, "notes"] => Some(found(id)?.notes.clone().into()),
        ["products"] => {
            let mug = json!({ "id": 10, "type": "simple", "name": "Mug", "sku": "MUG", "parent_id": 0 });
            let tee = json!({ "id": 11, "type": "variable", "name": "Tee", "sku": "TEE", "parent_id": 0 });
            match query.get("sku") {
                None => Some(json!([mug, tee])),
                Some(list) => {
                    let small = json!({ "id": 12, "type": "variation", "sku": "TEE-S", "parent_id": 11 });
                    let is_asked = |row: &Value| list.split(',').any(|sku| row["sku"] == sku);
                    Some([mug, tee, small].into_iter().filter(is_asked).collect())
                }
            }
        }
        ["products", "11", "variations"] => Some(json!([{ "id": 12, "sku": "TEE-S", "name": "S" }])),
        ["shipping", "zones"] => Some(json!([{ "id": 1 }])),
        ["shipping", "zones", "1", "methods"] => Some(json!([{ "title": "Royal Mail", "method_id": "flat_rate" }])),
        ["payment_gateways"] => Some(json!([{ "id": "stripe", "title": "Card" }])),
        _ => None,
    }
}

fn change(state: &mut State, parts: &[&str], body: &Value) -> Option<Value> {
    if let [.., "batch"] = parts {
        let mut done = Vec::new();
        for update in body["update"].as_array()? {
            let sku = match (parts, update["id"].as_i64()?) {
                (["products", "11", "variations", "batch"], 12) => "TEE-S",
                (["products", "batch"], 10) => "MUG",
                (_, id) => {
                    done.push(json!({ "id": id, "error": { "message": "Invalid ID." } }));
                    continue;
                }
            };
            if let Some(quantity) = update["stock_quantity"].as_i64() {
                state.stock.insert(sku.to_owned(), quantity);
            }
            if let Some(price) = update["regular_price"].as_str() {
                state.prices.insert(sku.to_owned(), price.replace('.', "").parse().unwrap());
            }
            done.push(json!({ "id": update["id"] }));
        }
        return Some(json!({ "update": done }));
    }
    let order = state.orders.iter_mut().find(|order| Some(&order.id.as_str()) == parts.get(1))?;
    match parts {
        ["orders", _, "fulfillments"] => {
            let mut fulfilment = body.clone();
            fulfilment["is_fulfilled"] = "1".into();
            order.fulfilments.push(fulfilment);
        }
        ["orders", _, "notes"] => order.notes.push(body.clone()),
        ["orders", _] => {
            if let Some(status) = body["status"].as_str() {
                order.status = status.to_owned();
            }
            for entry in body["meta_data"].as_array().into_iter().flatten() {
                order.meta.retain(|known| known["key"] != entry["key"]);
                order.meta.push(entry.clone());
            }
        }
        _ => return None,
    }
    Some(body.clone())
}
