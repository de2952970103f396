//! A Vendure that remembers, as far as the connector looks: filters, paging, fulfilments, stock. Answers have the shapes of
//! the recorded ones; `updatedAt` stands still where the real one's does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use consign_values::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Line, Shipment, Shop};

const TOKEN: &str = "Bearer tok-1";
const LOCATION: &str = "1";

#[derive(Default)]
struct State {
    orders: Vec<Value>,
    /// On hand and allocated.
    stock: BTreeMap<String, (i64, i64)>,
    prices: BTreeMap<String, i64>,
    lose_next: bool,
}

/// The running shop.
pub struct VendureShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct AdminApi(Arc<Mutex<State>>);

impl VendureShop {
    /// A shop that lists two variants.
    pub async fn start() -> Self {
        let stock = [("TEE-S", (5, 0)), ("MUG", (5, 0))].map(|(sku, stock)| (sku.to_owned(), stock)).into();
        let state = Arc::new(Mutex::new(State { stock, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(AdminApi(state.clone())).mount(&server).await;
        VendureShop { server, state }
    }

    fn order(&self, reference: &str) -> Value {
        self.state.lock().unwrap().orders.iter().find(|order| order["code"] == reference).unwrap().clone()
    }
}

impl Shop for VendureShop {
    fn kind(&self) -> &'static str {
        "vendure"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        connection.set("url", format!("{}/admin-api", self.server.uri()));
        connection.set("username", "superadmin");
        connection.set("password", "superadmin");
        connection.set("stock_location", LOCATION);
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("password", "guessed");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        let mut state = self.state.lock().unwrap();
        let number = state.orders.len() as i64;
        // Seven orders to a millisecond: many share a creation time, as after an import.
        let created = Timestamp(1_795_413_933_000_000 + number / 7 * 1_000).to_rfc3339_millis();
        let line = |(id, sku, quantity): &Line| {
            json!({ "id": id, "quantity": quantity, "orderPlacedQuantity": quantity, "unitPriceWithTax": 500,
                    "proratedLinePriceWithTax": 500 * quantity, "taxRate": 20, "productVariant": { "sku": sku, "name": sku } })
        };
        let total: i64 = lines.iter().map(|line| line.2 * 500).sum();
        for (_, sku, quantity) in &lines {
            state.stock.get_mut(sku).unwrap().1 += quantity;
        }
        state.orders.push(json!({
            "id": number.to_string(), "code": reference, "state": "PaymentSettled", "currencyCode": "GBP",
            "createdAt": created, "updatedAt": created, "orderPlacedAt": created,
            "totalWithTax": total, "shippingWithTax": 0,
            "shippingAddress": { "fullName": "Ada", "streetLine1": "1 High St", "countryCode": "GB" },
            "lines": lines.iter().map(line).collect::<Vec<_>>(),
            "payments": [{ "state": "Settled", "amount": total, "method": "card" }],
            "fulfillments": [],
        }));
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        let shipment = |fulfilment: &Value| {
            let lines = fulfilment["lines"].as_array().unwrap().iter();
            let line =
                |line: &Value| (line["orderLineId"].as_str().unwrap().to_owned(), line["quantity"].as_i64().unwrap());
            (fulfilment["trackingCode"].as_str().unwrap().to_owned(), lines.map(line).collect())
        };
        let order = self.order(reference);
        let fulfilments = order["fulfillments"].as_array().unwrap().iter();
        fulfilments.filter(|fulfilment| fulfilment["state"] == "Shipped").map(shipment).collect()
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.order(reference)["state"] == "Cancelled"
    }

    fn on_sale(&self, sku: &str) -> Option<i64> {
        self.state.lock().unwrap().stock.get(sku).map(|(on_hand, allocated)| on_hand - allocated)
    }

    fn price_minor(&self, sku: &str) -> Option<i64> {
        self.state.lock().unwrap().prices.get(sku).copied()
    }

    fn lose_next_answer(&self) {
        self.state.lock().unwrap().lose_next = true;
    }
}

impl Respond for AdminApi {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let body: Value = request.body_json().unwrap();
        let (query, variables) = (body["query"].as_str().unwrap(), &body["variables"]);
        if query.contains("login(") {
            return login(variables);
        }
        if request.headers.get("authorization").is_none_or(|token| token != TOKEN) {
            let error = json!({ "message": "not authorized", "extensions": { "code": "FORBIDDEN" } });
            return ResponseTemplate::new(200).set_body_json(json!({ "errors": [error], "data": null }));
        }
        let data = if query.contains("orders(options") {
            orders(&state, &variables["o"])
        } else if query.contains("productVariants(") {
            variants(&state, &variables["o"])
        } else if query.contains("updateProductVariants") {
            update_variants(&mut state, &variables["i"])
        } else if query.contains("addFulfillmentToOrder") {
            let result = fulfil(&mut state, &variables["i"]);
            if std::mem::take(&mut state.lose_next) {
                return ResponseTemplate::new(500);
            }
            json!({ "result": result })
        } else if query.contains("transitionFulfillmentToState") {
            json!({ "result": ship(&mut state, &variables["id"]) })
        } else if query.contains("cancelOrder") {
            json!({ "result": cancel(&mut state, &variables["i"]["orderId"]) })
        } else if query.contains("activeChannel") {
            let channel = json!({ "code": "__default_channel__", "permissions": ["SuperAdmin"] });
            json!({ "activeChannel": channel, "me": { "identifier": "superadmin", "channels": [channel] } })
        } else {
            json!({ "list": { "items": [{ "code": "standard", "name": "Standard" }] } })
        };
        ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
    }
}

fn login(variables: &Value) -> ResponseTemplate {
    let right = variables["password"] == "superadmin";
    let name = if right { "CurrentUser" } else { "InvalidCredentialsError" };
    let answer = json!({ "data": { "login": { "__typename": name, "message": "invalid" } } });
    let template = ResponseTemplate::new(200).set_body_json(answer);
    if right { template.insert_header("vendure-auth-token", "tok-1") } else { template }
}

/// Vendure's filter input, as far as it is used.
fn matches(order: &Value, filter: &Value) -> bool {
    filter.as_object().unwrap().iter().all(|(field, test)| {
        if field == "_or" {
            return test.as_array().unwrap().iter().any(|one| matches(order, one));
        }
        test.as_object().unwrap().iter().all(|(operator, operand)| match operator.as_str() {
            "in" => operand.as_array().unwrap().contains(&order[field]),
            "eq" => order[field] == *operand,
            "after" => order[field].as_str() > operand.as_str(),
            other => panic!("the fake knows no {other}"),
        })
    })
}

fn page(rows: Vec<Value>, options: &Value) -> Value {
    let (skip, take) = (options["skip"].as_u64().unwrap_or(0) as usize, options["take"].as_u64().unwrap() as usize);
    assert!(take <= 1_000, "Cannot take more than 1000 results from a list query");
    json!({ "totalItems": rows.len(), "items": rows.into_iter().skip(skip).take(take).collect::<Vec<_>>() })
}

fn orders(state: &State, options: &Value) -> Value {
    let rows = state.orders.iter().filter(|order| matches(order, &options["filter"])).cloned().collect();
    json!({ "orders": page(rows, options) })
}

fn variants(state: &State, options: &Value) -> Value {
    let variant = |(sku, (on_hand, allocated)): (&String, &(i64, i64))| {
        let level = json!({ "stockLocationId": LOCATION, "stockOnHand": on_hand, "stockAllocated": allocated });
        json!({ "id": format!("v-{sku}"), "sku": sku, "name": sku, "stockLevels": [level] })
    };
    let filter = options.get("filter").cloned().unwrap_or_else(|| json!({}));
    let rows = state.stock.iter().map(variant).filter(|variant| matches(variant, &filter)).collect();
    json!({ "productVariants": page(rows, options) })
}

fn update_variants(state: &mut State, changes: &Value) -> Value {
    for change in changes.as_array().unwrap() {
        let sku = change["id"].as_str().unwrap().strip_prefix("v-").unwrap();
        if let Some(on_hand) = change["stockLevels"][0]["stockOnHand"].as_i64() {
            state.stock.get_mut(sku).unwrap().0 = on_hand;
        }
        if let Some(price) = change["prices"][0]["price"].as_i64() {
            state.prices.insert(sku.to_owned(), price);
        }
    }
    json!({ "updateProductVariants": [] })
}

fn fulfil(state: &mut State, input: &Value) -> Value {
    let wanted = input["lines"].as_array().unwrap();
    let id = &wanted[0]["orderLineId"];
    let of = |order: &&mut Value| order["lines"].as_array().unwrap().iter().any(|line| line["id"] == *id);
    let order = state.orders.iter_mut().find(of).unwrap();
    for line in wanted {
        let placed =
            order["lines"].as_array().unwrap().iter().find(|known| known["id"] == line["orderLineId"]).unwrap();
        let done: i64 = order["fulfillments"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|fulfilment| fulfilment["lines"].as_array().unwrap())
            .filter(|known| known["orderLineId"] == line["orderLineId"])
            .map(|known| known["quantity"].as_i64().unwrap())
            .sum();
        if done + line["quantity"].as_i64().unwrap() > placed["quantity"].as_i64().unwrap() {
            return json!({ "errorCode": "ITEMS_ALREADY_FULFILLED_ERROR", "message": "already part of a Fulfillment" });
        }
    }
    let argument = |name: &str| {
        let arguments = input["handler"]["arguments"].as_array().unwrap();
        arguments.iter().find(|argument| argument["name"] == name).unwrap()["value"].clone()
    };
    let number = order["fulfillments"].as_array().unwrap().len();
    let fulfilment = json!({
        "id": format!("{}/{number}", order["code"].as_str().unwrap()), "state": "Pending", "method": argument("method"),
        "trackingCode": argument("trackingCode"), "lines": wanted, "createdAt": "2026-11-23T06:07:00.000Z",
    });
    order["fulfillments"].as_array_mut().unwrap().push(fulfilment.clone());
    fulfilment
}

fn ship(state: &mut State, id: &Value) -> Value {
    let fulfilments = state.orders.iter_mut().flat_map(|order| order["fulfillments"].as_array_mut().unwrap());
    let fulfilment = fulfilments.into_iter().find(|fulfilment| fulfilment["id"] == *id).unwrap();
    assert_eq!(fulfilment["state"], "Pending", "a fulfilment is shipped once");
    fulfilment["state"] = "Shipped".into();
    fulfilment.clone()
}

fn cancel(state: &mut State, id: &Value) -> Value {
    let order = state.orders.iter_mut().find(|order| order["id"] == *id).unwrap();
    if order["state"] == "Cancelled" {
        return json!({ "errorCode": "ORDER_STATE_TRANSITION_ERROR", "message": "cannot transition" });
    }
    order["state"] = "Cancelled".into();
    order["updatedAt"] = "2026-11-23T08:00:00.000Z".into();
    for line in order["lines"].as_array_mut().unwrap() {
        line["quantity"] = 0.into();
    }
    json!({ "__typename": "Order", "state": "Cancelled" })
}
