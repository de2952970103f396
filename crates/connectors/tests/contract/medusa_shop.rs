//! A Medusa that remembers, as far as the connector looks: lists by time and by id, fulfilments and shipments, stock, prices.
//! Answers have the shapes of the recorded ones, with their traps: capturing a payment moves the payment's date alone, and what is
//! not asked for by `fields` is not there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_ports::Connection;
use consign_values::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{Line, Shipment, Shop};

const KEY: &str = "sk_1";
const LOCATION: &str = "sloc_1";

#[derive(Clone, Default)]
struct Variant {
    stocked: i64,
    reserved: i64,
    prices: Vec<Value>,
}

#[derive(Default)]
struct State {
    orders: Vec<Value>,
    variants: BTreeMap<String, Variant>,
    lose_next: bool,
}

/// The running shop.
pub struct MedusaShop {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct AdminApi(Arc<Mutex<State>>);

impl MedusaShop {
    /// A shop that lists two variants.
    pub async fn start() -> Self {
        let regional =
            json!({ "id": "price_r", "currency_code": "gbp", "amount": 12.49, "rules": { "region_id": "reg_1" } });
        let plain = json!({ "id": "price_p", "currency_code": "gbp", "amount": 5, "rules": {} });
        let variant = Variant { stocked: 5, reserved: 0, prices: vec![plain, regional] };
        let variants = ["TEE-S", "MUG"].map(|sku| (sku.to_owned(), variant.clone())).into();
        let state = Arc::new(Mutex::new(State { variants, ..State::default() }));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(AdminApi(state.clone())).mount(&server).await;
        MedusaShop { server, state }
    }

    fn order(&self, reference: &str) -> Value {
        self.state.lock().unwrap().orders.iter().find(|order| order["id"] == reference).unwrap().clone()
    }
}

impl Shop for MedusaShop {
    fn kind(&self) -> &'static str {
        "medusa"
    }

    fn connection(&self) -> Connection {
        let mut connection = Connection::default();
        connection.set("url", self.server.uri());
        connection.set("api_key", KEY);
        connection.set("stock_location", LOCATION);
        connection
    }

    fn wrong_connection(&self) -> Connection {
        let mut connection = self.connection();
        connection.set("api_key", "sk_guessed");
        connection
    }

    fn place(&self, reference: &str, lines: Vec<Line>) {
        let mut state = self.state.lock().unwrap();
        let number = state.orders.len() as i64;
        // Seven orders to a millisecond: many share a time, as after an import.
        let placed = Timestamp(1_795_413_933_000_000 + number / 7 * 1_000);
        let (created, captured) = (placed.to_rfc3339_millis(), placed.plus_seconds(3_600).to_rfc3339_millis());
        for (_, sku, quantity) in &lines {
            state.variants.get_mut(sku).unwrap().reserved += quantity;
        }
        let item = |(id, sku, quantity): &Line| {
            json!({ "id": id, "title": sku, "variant_id": format!("var-{sku}"), "variant_sku": sku, "quantity": quantity,
                    "requires_shipping": true, "original_total": 5 * quantity, "total": 5 * quantity,
                    "tax_lines": [{ "rate": 20 }], "detail": { "fulfilled_quantity": 0, "shipped_quantity": 0 } })
        };
        let total: i64 = lines.iter().map(|line| line.2 * 5).sum();
        let payment = json!({ "id": format!("pay_{number}"), "provider_id": "pp_system_default", "captured_at": captured,
                              "updated_at": captured, "canceled_at": null });
        state.orders.push(json!({
            "id": reference, "display_id": number + 1, "status": "pending", "payment_status": "captured",
            "currency_code": "gbp", "created_at": created, "updated_at": created, "canceled_at": null,
            "email": "ada@example.com", "total": total, "shipping_total": 0,
            "shipping_address": { "first_name": "Ada", "address_1": "1 High St", "country_code": "gb" },
            "items": lines.iter().map(item).collect::<Vec<_>>(),
            "payment_collections": [{ "captured_amount": total, "refunded_amount": 0, "payments": [payment] }],
            "fulfillments": [],
        }));
    }

    fn shipments(&self, reference: &str) -> Vec<Shipment> {
        let order = self.order(reference);
        let shipped = order["fulfillments"].as_array().unwrap().iter().filter(|one| one["shipped_at"].is_string());
        let shipment = |one: &Value| {
            let items = one["items"].as_array().unwrap().iter();
            let item =
                |item: &Value| (item["line_item_id"].as_str().unwrap().to_owned(), item["quantity"].as_i64().unwrap());
            (one["labels"][0]["tracking_number"].as_str().unwrap().to_owned(), items.map(item).collect())
        };
        shipped.map(shipment).collect()
    }

    fn is_cancelled(&self, reference: &str) -> bool {
        self.order(reference)["status"] == "canceled"
    }

    fn on_sale(&self, sku: &str) -> Option<i64> {
        self.state.lock().unwrap().variants.get(sku).map(|variant| variant.stocked - variant.reserved)
    }

    fn price_minor(&self, sku: &str) -> Option<i64> {
        let state = self.state.lock().unwrap();
        let prices = &state.variants.get(sku)?.prices;
        assert!(prices.iter().any(|one| one["rules"]["region_id"] == "reg_1"), "the regional price is still there");
        let own = prices.iter().find(|one| one["rules"].as_object().is_none_or(serde_json::Map::is_empty))?;
        Some((own["amount"].as_f64()? * 100.0).round() as i64)
    }

    fn lose_next_answer(&self) {
        self.state.lock().unwrap().lose_next = true;
    }
}

/// The query as far as it is used.
struct Asked {
    pairs: Vec<(String, String)>,
}

impl Asked {
    fn one(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn many(&self, key: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(name, _)| name == key).map(|(_, value)| value.as_str()).collect()
    }

    fn page(&self, list: &str, mut rows: Vec<Value>) -> Value {
        let number = |key: &str, otherwise: usize| self.one(key).map_or(otherwise, |text| text.parse().unwrap());
        let ids = self.many("id[]");
        rows.retain(|row| ids.is_empty() || ids.contains(&row["id"].as_str().unwrap()));
        for time in ["created_at", "updated_at"] {
            if let Some(since) = self.one(&format!("{time}[$gte]")) {
                rows.retain(|row| row[time].as_str().unwrap() >= since);
            }
        }
        if let Some(key) = self.one("order") {
            rows.sort_by(|a, b| a[key].as_str().cmp(&b[key].as_str()));
        }
        let count = rows.len();
        let rows: Vec<Value> = rows.into_iter().skip(number("offset", 0)).take(number("limit", 50)).collect();
        json!({ list: rows, "count": count })
    }

    fn asks_for(&self, field: &str) -> bool {
        self.one("fields").is_none_or(|fields| fields.split(',').any(|one| one == field))
    }
}

fn refused(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "type": "not_allowed", "message": message }))
}

impl Respond for AdminApi {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let basic = request.headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if basic != format!("Basic {}", base64(&format!("{KEY}:"))) {
            return refused(401, "Unauthorized");
        }
        let pairs = request.url.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        let asked = Asked { pairs };
        let path: Vec<&str> = request.url.path_segments().unwrap().skip(1).collect();
        let body: Value = request.body_json().unwrap_or_default();
        let answer = match (request.method.as_str(), path.as_slice()) {
            ("GET", ["stores"]) => json!({ "stores": [{ "id": "store_1", "name": "Medusa Store" }] }),
            ("GET", ["orders"]) => orders(&state, &asked),
            ("GET", ["payments"]) => payments(&state, &asked),
            ("GET", ["payments", "payment-providers"]) => {
                json!({ "payment_providers": [{ "id": "pp_system_default" }] })
            }
            ("GET", ["shipping-options"]) => json!({ "shipping_options": [{ "id": "so_1", "name": "Royal Mail 48" }] }),
            ("GET", ["product-variants"]) => variants(&state, &asked),
            ("POST", ["orders", id, "fulfillments"]) => match fulfil(&mut state, id, &body) {
                Ok(_) if std::mem::take(&mut state.lose_next) => return ResponseTemplate::new(500),
                Ok(answer) => answer,
                Err(why) => return refused(400, why),
            },
            ("POST", ["orders", id, "fulfillments", fulfilment, "shipments"]) => {
                ship(&mut state, id, fulfilment, &body)
            }
            ("POST", ["orders", id, "cancel"]) => {
                let order = order_mut(&mut state, id);
                assert_eq!(order["status"], "pending", "an order is cancelled once");
                let now = json!("2026-11-25T08:00:00.000Z");
                order["status"] = "canceled".into();
                order["canceled_at"] = now.clone();
                order["updated_at"] = now;
                json!({ "order": { "id": id } })
            }
            ("POST", ["inventory-items", "location-levels", "batch"]) => {
                for change in body["update"].as_array().unwrap() {
                    assert_eq!(change["location_id"], LOCATION);
                    let sku = change["inventory_item_id"].as_str().unwrap().strip_prefix("iitem-").unwrap();
                    state.variants.get_mut(sku).unwrap().stocked = change["stocked_quantity"].as_i64().unwrap();
                }
                json!({ "updated": body["update"] })
            }
            ("POST", ["products", "prod_1", "variants", id]) => {
                let sku = id.strip_prefix("var-").unwrap();
                // All prices at once: those that are left out are gone.
                state.variants.get_mut(sku).unwrap().prices = body["prices"].as_array().unwrap().clone();
                json!({ "product": { "id": "prod_1" } })
            }
            (method, path) => panic!("the fake knows no {method} {path:?}"),
        };
        ResponseTemplate::new(200).set_body_json(answer)
    }
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn order_mut<'s>(state: &'s mut State, id: &str) -> &'s mut Value {
    state.orders.iter_mut().find(|order| order["id"] == id).unwrap()
}

fn orders(state: &State, asked: &Asked) -> Value {
    let shown = |order: &Value| {
        let mut order = order.clone();
        for part in ["items", "fulfillments", "payment_collections"] {
            if !asked.asks_for(&format!("*{part}")) {
                order.as_object_mut().unwrap().remove(part);
            }
        }
        order
    };
    asked.page("orders", state.orders.iter().map(shown).collect())
}

fn payments(state: &State, asked: &Asked) -> Value {
    let payment = |order: &Value| {
        let payment = &order["payment_collections"][0]["payments"][0];
        json!({ "id": payment["id"], "updated_at": payment["updated_at"], "payment_collection": { "order": { "id": order["id"] } } })
    };
    asked.page("payments", state.orders.iter().map(payment).collect())
}

fn variants(state: &State, asked: &Asked) -> Value {
    let skus = asked.many("sku[]");
    let chosen = state.variants.iter().filter(|(sku, _)| skus.is_empty() || skus.contains(&sku.as_str()));
    let shown = |(sku, variant): (&String, &Variant)| {
        let level = json!({ "location_id": LOCATION, "stocked_quantity": variant.stocked, "reserved_quantity": variant.reserved });
        let item = json!({ "inventory_item_id": format!("iitem-{sku}"), "required_quantity": 1,
                           "inventory": { "location_levels": [level] } });
        json!({ "id": format!("var-{sku}"), "sku": sku, "title": "S", "manage_inventory": true, "product_id": "prod_1",
                "product": { "title": "Tee" }, "inventory_items": [item], "prices": variant.prices })
    };
    asked.page("variants", chosen.map(shown).collect())
}

fn fulfil(state: &mut State, id: &str, body: &Value) -> Result<Value, &'static str> {
    assert_eq!(body["location_id"], LOCATION);
    let wanted = body["items"].as_array().unwrap().clone();
    let order = order_mut(state, id);
    for one in &wanted {
        let items = order["items"].as_array_mut().unwrap();
        let item = items.iter_mut().find(|item| item["id"] == one["id"]).ok_or("Item does not exist")?;
        let fulfilled = item["detail"]["fulfilled_quantity"].as_i64().unwrap() + one["quantity"].as_i64().unwrap();
        if fulfilled > item["quantity"].as_i64().unwrap() {
            return Err("Cannot fulfill more items than what was ordered");
        }
        item["detail"]["fulfilled_quantity"] = fulfilled.into();
    }
    let items = wanted.iter().map(|one| json!({ "line_item_id": one["id"], "quantity": one["quantity"] }));
    let fulfilments = order["fulfillments"].as_array().unwrap().len();
    let fulfilment = json!({
        "id": format!("ful_{fulfilments}"), "items": items.collect::<Vec<_>>(), "metadata": body["metadata"], "labels": [],
        "shipped_at": null, "delivered_at": null, "canceled_at": null,
    });
    order["fulfillments"].as_array_mut().unwrap().push(fulfilment);
    order["updated_at"] = "2026-11-25T07:00:00.000Z".into();
    Ok(json!({ "order": { "id": id, "fulfillments": order["fulfillments"] } }))
}

fn ship(state: &mut State, id: &str, fulfilment: &str, body: &Value) -> Value {
    let order = order_mut(state, id);
    let found = order["fulfillments"].as_array_mut().unwrap().iter_mut().find(|one| one["id"] == fulfilment).unwrap();
    assert!(found["shipped_at"].is_null(), "a fulfilment is shipped once");
    found["shipped_at"] = "2026-11-25T07:00:01.000Z".into();
    found["labels"] = body["labels"].clone();
    json!({ "order": { "id": id } })
}
