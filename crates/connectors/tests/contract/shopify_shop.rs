//! A Shopify shop that remembers, written from the schema of Admin API 2026-10 and its prose: fulfilment orders from which units are
//! shipped, orders by their date of change with a cursor, variants that are found by id and by SKU, all-or-nothing stock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Line, Shipment, Shop};

/// Orders that carry the same second of change, so that a page ends within one.
const ORDERS_PER_SECOND: usize = 30;
const START: i64 = 1_795_411_993;
const LOCATION: &str = "gid://shopify/Location/4";

struct Order {
    id: String,
    lines: Vec<Line>,
    changed: i64,
    cancelled: bool,
    shipments: Vec<Shipment>,
}

#[derive(Default)]
struct State {
    orders: Vec<Order>,
    stock: BTreeMap<&'static str, i64>,
    prices: BTreeMap<String, i64>,
    keys: Vec<String>,
    lose_next: bool,
}

/// The running shop.
pub struct ShopifyShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Api(Arc<Mutex<State>>);

impl ShopifyShop {
    /// A shop with two variants.
    pub async fn start() -> Self {
        let stock = [("TEE-S", 5), ("MUG", 5)].into();
        let state = Arc::new(Mutex::new(State { stock, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Api(state.clone())).mount(&server).await;
        ShopifyShop { server, state }
    }

    fn with_order<T>(&self, reference: &str, read: impl Fn(&Order) -> T) -> T {
        let state = self.state.lock().unwrap();
        read(state.orders.iter().find(|order| order.id == reference).unwrap())
    }
}

impl Shop for ShopifyShop {
    fn kind(&self) -> &'static str {
        "shopify"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        for (key, value) in [("access_token", "shpat_1"), ("stock_location", LOCATION)] {
            connection.set(key, value);
        }
        connection.set("url", self.server.uri());
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("access_token", "shpat_other");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        let mut state = self.state.lock().unwrap();
        let changed = START + (state.orders.len() / ORDERS_PER_SECOND) as i64;
        let id = reference.to_owned();
        state.orders.push(Order { id, lines, changed, cancelled: false, shipments: Vec::new() });
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        self.with_order(reference, |order| order.shipments.clone())
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.with_order(reference, |order| order.cancelled)
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
        if request.headers.get("x-shopify-access-token").is_none_or(|token| token != "shpat_1") {
            return ResponseTemplate::new(401)
                .set_body_json(json!({ "errors": "[API] Invalid API key or access token" }));
        }
        assert_eq!(request.url.path(), "/admin/api/2026-10/graphql.json");
        let body: Value = request.body_json().unwrap();
        let (document, variables) = (body["query"].as_str().unwrap(), &body["variables"]);
        let data = if document.starts_with("mutation") {
            let result = change(&mut state, document, variables);
            if std::mem::take(&mut state.lose_next) {
                return ResponseTemplate::new(500);
            }
            json!({ "result": result })
        } else {
            read(&state, document, variables)
        };
        ResponseTemplate::new(200).set_body_json(json!({ "data": data }))
    }
}

fn moment(seconds: i64) -> String {
    format!("{}Z", &consign_values::Timestamp(seconds * 1_000_000).to_rfc3339_millis()[..19])
}

fn tail(id: &Value) -> &str {
    id.as_str().unwrap().rsplit('/').next().unwrap()
}

fn shipped(order: &Order, line: &str) -> i64 {
    let lines = order.shipments.iter().flat_map(|(_, lines)| lines);
    lines.filter(|(id, _)| id == line).map(|(_, units)| units).sum()
}

fn order(order: &Order) -> Value {
    let line = |(id, sku, units): &Line| {
        json!({ "id": format!("gid://shopify/LineItem/{id}"), "title": sku, "sku": sku, "quantity": units,
                "currentQuantity": if order.cancelled { 0 } else { *units }, "unfulfilledQuantity": units - shipped(order, id),
                "requiresShipping": true, "originalUnitPriceSet": { "shopMoney": { "amount": "12.00" } } })
    };
    json!({
        "id": format!("gid://shopify/Order/{}", order.id), "name": format!("#{}", order.id), "createdAt": moment(order.changed),
        "updatedAt": moment(order.changed), "cancelledAt": order.cancelled.then(|| moment(order.changed)),
        "sourceName": "web", "currencyCode": "GBP", "taxesIncluded": true, "displayFinancialStatus": "PAID",
        "displayFulfillmentStatus": "UNFULFILLED", "risk": { "recommendation": "ACCEPT", "assessments": [] },
        "paymentGatewayNames": ["shopify_payments"],
        "shippingAddress": { "name": "Ada", "address1": "1 High St", "countryCodeV2": "GB" },
        "shippingLines": { "nodes": [{ "title": "Royal Mail", "code": "RM" }] },
        "lineItems": { "nodes": order.lines.iter().map(line).collect::<Vec<_>>(), "pageInfo": { "hasNextPage": false } },
    })
}

/// What despatch asks for: everything is in one fulfilment order.
fn order_state(order: &Order) -> Value {
    let line = |(id, _, units): &Line| {
        json!({ "id": format!("gid://shopify/FulfillmentOrderLineItem/{id}"), "remainingQuantity": units - shipped(order, id),
                "lineItem": { "id": format!("gid://shopify/LineItem/{id}") } })
    };
    let shipment = |(tracking, lines): &Shipment| {
        let line = |(id, units): &(String, i64)| json!({ "quantity": units, "lineItem": { "id": format!("gid://shopify/LineItem/{id}") } });
        json!({ "status": "SUCCESS", "createdAt": moment(order.changed), "trackingInfo": [{ "number": tracking }],
                "fulfillmentLineItems": { "nodes": lines.iter().map(line).collect::<Vec<_>>() } })
    };
    json!({
        "id": format!("gid://shopify/Order/{}", order.id), "cancelledAt": order.cancelled.then(|| moment(order.changed)),
        "fulfillmentOrders": { "nodes": [{
            "id": format!("gid://shopify/FulfillmentOrder/{}", order.id), "status": "OPEN",
            "assignedLocation": { "location": { "id": LOCATION } },
            "lineItems": { "nodes": order.lines.iter().map(line).collect::<Vec<_>>(), "pageInfo": { "hasNextPage": false } },
        }] },
        "fulfillments": order.shipments.iter().map(shipment).collect::<Vec<_>>(),
    })
}

fn variants(state: &State) -> Vec<Value> {
    let variant = |(number, (sku, quantity)): (usize, (&&str, &i64))| {
        json!({ "id": format!("gid://shopify/ProductVariant/{number}"), "sku": sku, "displayName": sku,
                "product": { "id": "gid://shopify/Product/1" },
                "inventoryItem": { "id": format!("gid://shopify/InventoryItem/{sku}"), "tracked": true,
                                   "inventoryLevel": { "quantities": [{ "quantity": quantity }] } } })
    };
    state.stock.iter().enumerate().map(variant).collect()
}

fn read(state: &State, document: &str, variables: &Value) -> Value {
    let first = variables["first"].as_u64().unwrap_or(250) as usize;
    let query = variables["query"].as_str().unwrap_or("");
    if document.contains("currentAppInstallation") {
        let scopes = [
            "write_orders",
            "write_merchant_managed_fulfillment_orders",
            "write_products",
            "write_inventory",
            "read_locations",
        ];
        let scopes: Vec<Value> = scopes.iter().map(|scope| json!({ "handle": scope })).collect();
        return json!({ "shop": { "name": "Example", "myshopifyDomain": "example.myshopify.com" },
                       "currentAppInstallation": { "accessScopes": scopes }, "locations": { "nodes": [] } });
    }
    if document.contains("reverse:true") {
        // An order of before the tests' time.
        let old = Order { id: "OLD".into(), lines: vec![], changed: 0, cancelled: false, shipments: vec![] };
        return json!({ "orders": { "nodes": [order(&old)] } });
    }
    let found = |id: &Value| state.orders.iter().find(|order| order.id == tail(id));
    if document.contains("fulfillmentOrders(") {
        return json!({ "order": found(&variables["id"]).map(order_state) });
    }
    if document.contains("orders(") {
        let since = query.split('\'').nth(1).map(|text| text[..19].to_owned()).unwrap_or_default();
        let rows: Vec<&Order> = state.orders.iter().filter(|order| moment(order.changed) >= since).collect();
        let skip: usize = variables["after"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let page: Vec<Value> = rows.iter().skip(skip).take(first).map(|row| order(row)).collect();
        let end = skip + page.len();
        let info = json!({ "hasNextPage": end < rows.len(), "endCursor": end.to_string() });
        return json!({ "orders": { "nodes": page, "pageInfo": info } });
    }
    let ids = variables["ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_variant = |id: &Value| id.as_str().unwrap().contains("/ProductVariant/");
    if document.contains("productVariants(") {
        let is_asked = |node: &Value| !query.contains("sku:") || query.contains(&format!("sku:{}", node["sku"]));
        let nodes: Vec<Value> = variants(state).into_iter().filter(is_asked).collect();
        return json!({ "shop": { "currencyCode": "GBP" },
                       "productVariants": { "nodes": nodes, "pageInfo": { "hasNextPage": false } } });
    }
    let all = variants(state);
    let node = |id: &Value| {
        if is_variant(id) { all.iter().find(|node| node["id"] == *id).cloned() } else { found(id).map(order) }
    };
    json!({ "shop": { "currencyCode": "GBP" }, "nodes": ids.iter().map(node).collect::<Vec<_>>() })
}

fn change(state: &mut State, document: &str, variables: &Value) -> Value {
    if document.contains("inventorySetQuantities") {
        assert!(document.contains("@idempotent(key:$key)"), "required since 2026-04");
        let key = variables["key"].as_str().unwrap().to_owned();
        if state.keys.contains(&key) {
            return json!({ "userErrors": [] });
        }
        state.keys.push(key);
        for quantity in variables["input"]["quantities"].as_array().unwrap() {
            assert!(quantity.as_object().unwrap().contains_key("changeFromQuantity"), "must be said, if only as null");
            assert_eq!(quantity["locationId"], LOCATION);
            let level = state.stock.get_mut(tail(&quantity["inventoryItemId"])).unwrap();
            *level = quantity["quantity"].as_i64().unwrap();
        }
        return json!({ "userErrors": [] });
    }
    if document.contains("productVariantsBulkUpdate") {
        let known = variants(state);
        for variant in variables["variants"].as_array().unwrap() {
            let node = known.iter().find(|node| node["id"] == variant["id"]).unwrap();
            assert_eq!(node["product"]["id"], variables["product"]);
            let price = variant["price"].as_str().unwrap().replace('.', "").parse().unwrap();
            state.prices.insert(node["sku"].as_str().unwrap().to_owned(), price);
        }
        return json!({ "userErrors": [] });
    }
    if document.contains("orderCancel") {
        let order = state.orders.iter_mut().find(|order| order.id == tail(&variables["id"])).unwrap();
        assert!(!order.cancelled, "a cancelled order can't be cancelled again");
        order.cancelled = true;
        return json!({ "job": { "id": "gid://shopify/Job/1" }, "userErrors": [] });
    }
    let input = &variables["fulfillment"];
    let part = &input["lineItemsByFulfillmentOrder"][0];
    let order = state.orders.iter_mut().find(|order| order.id == tail(&part["fulfillmentOrderId"])).unwrap();
    let lines = part["fulfillmentOrderLineItems"].as_array().unwrap().iter();
    let lines: Vec<(String, i64)> =
        lines.map(|line| (tail(&line["id"]).to_owned(), line["quantity"].as_i64().unwrap())).collect();
    let tracking = input["trackingInfo"]["number"].as_str().unwrap_or("").to_owned();
    order.shipments.push((tracking, lines));
    json!({ "fulfillment": { "id": "gid://shopify/Fulfillment/1", "status": "SUCCESS" }, "userErrors": [] })
}
