//! The connector against a real Medusa: orders are placed through the store API and followed to the end.
//!
//! Runs where `CONSIGN_TEST_MEDUSA` holds the shop's address (`http://127.0.0.1:3190`; the `shop` stage of `cargo xtask test`
//! starts one). Elsewhere there is no test here, and a line saying so. The shop is seeded as `e2e/medusa/seed.mjs` does it and has
//! the user admin@example.com / supersecret. It may be used before and after: each run places orders of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use consign_connectors::{Networks, Options, Registry};
use consign_ports::{
    Cancellation, Channel, ChannelPayment, Connection, Despatch, DespatchLine, DownloadRequest, IncomingOrder,
    ListingPrice, PortError, StatusTarget, StockLevel, TagKind,
};
use consign_values::{Clock, Currency, Money, Quantity, SystemClock, Timestamp};
use serde_json::{Value, json};

const SKU: &str = "TEE-S";
const OTHER_SKU: &str = "TEE-M";

/// The shop's two APIs as its owner and its customers use them.
struct Shop {
    url: String,
    client: reqwest::Client,
    token: String,
    publishable: String,
}

impl Shop {
    async fn open(url: String) -> Self {
        let url = url.trim_end_matches('/').to_owned();
        // The first registry says which cryptography is used, for this client too.
        let (_, client) = (registry(), reqwest::Client::new());
        let mut shop = Shop { url, client, token: String::new(), publishable: String::new() };
        let credentials = json!({ "email": "admin@example.com", "password": "supersecret" });
        shop.token = text(&shop.post("/auth/user/emailpass", credentials).await["token"]);
        shop.publishable = text(&shop.get("/admin/api-keys?type=publishable").await["api_keys"][0]["token"]);
        shop
    }

    async fn call(&self, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.url);
        let request = match body {
            Some(body) => self.client.post(url).header("content-type", "application/json").body(body.to_string()),
            None => self.client.get(url),
        };
        let (name, value) = if path.starts_with("/store") {
            ("x-publishable-api-key", self.publishable.clone())
        } else {
            ("authorization", format!("Bearer {}", self.token))
        };
        let answer = request.header(name, value).send().await.unwrap();
        let status = answer.status();
        let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(status.is_success(), "{path}: {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        self.call(path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.call(path, Some(body)).await
    }

    async fn variant(&self, sku: &str) -> Value {
        let fields = "id,*prices,*prices.price_rules,*inventory_items.inventory.location_levels";
        self.get(&format!("/admin/product-variants?sku[]={sku}&fields={fields}")).await["variants"][0].take()
    }

    /// Buys 2 of one and 1 of another; gives the order's id. The payment is authorised, not captured.
    async fn buy(&self) -> String {
        let region = self.get("/admin/regions").await["regions"][0]["id"].take();
        let address = json!({ "first_name": "Ada", "last_name": "Buyer", "address_1": "1 High St", "city": "Leeds",
            "country_code": "gb", "postal_code": "LS1 1AA" });
        let items = json!([
            { "variant_id": self.variant(SKU).await["id"], "quantity": 2 },
            { "variant_id": self.variant(OTHER_SKU).await["id"], "quantity": 1 },
        ]);
        let cart = json!({ "region_id": region, "email": "ada@example.com", "shipping_address": address,
            "billing_address": address, "items": items });
        let cart = text(&self.post("/store/carts", cart).await["cart"]["id"]);
        let options = self.get(&format!("/store/shipping-options?cart_id={cart}")).await;
        let option = json!({ "option_id": options["shipping_options"][0]["id"] });
        self.post(&format!("/store/carts/{cart}/shipping-methods"), option).await;
        let collection = self.post("/store/payment-collections", json!({ "cart_id": cart })).await;
        let collection = text(&collection["payment_collection"]["id"]);
        let provider = json!({ "provider_id": "pp_system_default" });
        self.post(&format!("/store/payment-collections/{collection}/payment-sessions"), provider).await;
        text(&self.post(&format!("/store/carts/{cart}/complete"), json!({})).await["order"]["id"])
    }

    async fn buy_paid(&self) -> String {
        let id = self.buy().await;
        self.capture(&id).await;
        id
    }

    async fn order(&self, id: &str) -> Value {
        let fields = "id,status,total,updated_at,fulfillment_status,*items,*payment_collections.payments,\
                      *fulfillments,*fulfillments.items,*fulfillments.labels";
        self.get(&format!("/admin/orders/{id}?fields={fields}")).await["order"].take()
    }

    async fn capture(&self, id: &str) {
        let payment = text(&self.order(id).await["payment_collections"][0]["payments"][0]["id"]);
        self.post(&format!("/admin/payments/{payment}/capture"), json!({})).await;
    }

    async fn on_sale(&self, sku: &str) -> i64 {
        let variant = self.variant(sku).await;
        let level = &variant["inventory_items"][0]["inventory"]["location_levels"][0];
        assert!(level["reserved_quantity"].as_i64().unwrap() > 0, "the test means something only with open orders");
        level["available_quantity"].as_i64().unwrap()
    }

    /// Amounts by currency and region.
    async fn prices(&self, sku: &str) -> BTreeMap<(String, bool), f64> {
        let variant = self.variant(sku).await;
        let is_regional = |one: &Value| one["rules"]["region_id"].is_string();
        let prices = variant["prices"].as_array().unwrap().iter();
        prices.map(|one| ((text(&one["currency_code"]), is_regional(one)), one["amount"].as_f64().unwrap())).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn wanted() -> Vec<String> {
    let registry = registry();
    let kind = registry.get("medusa").unwrap();
    let statuses = kind.default_statuses().iter().filter(|status| status.target != StatusTarget::Unmapped);
    statuses.map(|status| status.code.to_owned()).collect()
}

fn registry() -> Registry {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    Registry::new(Options { networks, shop_timeout: Duration::from_secs(60), ..Options::default() })
}

async fn download(channel: &dyn Channel, since: Timestamp, unsettled: &[&str]) -> BTreeMap<String, IncomingOrder> {
    let mut orders = BTreeMap::new();
    let mut page = None;
    loop {
        let unsettled = unsettled.iter().map(|id| (*id).to_owned()).collect();
        let found = channel.download(DownloadRequest { page, since, statuses: wanted(), unsettled }).await.unwrap();
        for incoming in found.orders {
            orders.insert(incoming.reference.clone(), *incoming.order.unwrap());
        }
        match found.next {
            Some(next) => page = Some(next),
            None => return orders,
        }
    }
}

async fn references(channel: &dyn Channel, statuses: Vec<String>, since: Timestamp) -> Vec<String> {
    let mut known = Vec::new();
    let mut page = None;
    loop {
        let found = channel.references(statuses.clone(), since, page).await.unwrap();
        known.extend(found.references);
        match found.next {
            Some(next) => page = Some(next),
            None => return known,
        }
    }
}

async fn fetch(channel: &dyn Channel, id: &str) -> IncomingOrder {
    *channel.fetch_order(id.to_owned()).await.unwrap().unwrap().order.unwrap()
}

fn total(order: &IncomingOrder) -> i64 {
    let lines = order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount);
    lines.sum::<i64>() + order.postage.amount - order.discount.amount
}

/// Of SKU and OTHER_SKU, as many.
fn note(order: &IncomingOrder, key: &str, quantities: [i64; 2], attempts: u32) -> Despatch {
    let wanted = [SKU, OTHER_SKU].into_iter().zip(quantities);
    let lines = wanted.filter_map(|(sku, quantity)| {
        let line = order.lines.iter().find(|line| line.channel_sku == sku)?;
        Some(DespatchLine {
            channel_line: line.channel_line.clone(),
            channel_sku: line.channel_sku.clone(),
            quantity: Quantity::new(quantity)?,
        })
    });
    Despatch {
        key: format!("{key}-{}", order.reference),
        reference: order.reference.to_string(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: format!("{key}-{}", order.secondary_reference),
        processed_at: SystemClock.now(),
        lines: lines.collect(),
        attempts,
    }
}

async fn connect(shop: &Shop) -> Box<dyn Channel> {
    let registry = registry();
    let kind = registry.get("medusa").unwrap();
    let mut connection = Connection::default();
    let mut answers = BTreeMap::from([("url".to_owned(), shop.url.clone()), ("api_key".into(), "sk_of_nobody".into())]);
    let refused = kind.set_up(&mut connection, "account", &answers).await.unwrap_err();
    assert!(matches!(refused, PortError::Unauthorised(_)), "{refused:?}");
    let key = shop.post("/admin/api-keys", json!({ "title": "Consign", "type": "secret" })).await;
    answers.insert("api_key".into(), text(&key["api_key"]["token"]));
    let step = kind.set_up(&mut connection, "account", &answers).await.unwrap();
    assert!(step.done && !step.fields[0].options.is_empty(), "stock locations are offered");
    kind.connect(&connection).unwrap()
}

const NAME: &str = "orders_of_a_real_medusa_are_followed_from_authorisation_to_shipment";

/// Speaks as much of libtest's command line as test runners use, so that a run without a shop counts as no test at all
/// rather than as a passed one.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let Ok(url) = std::env::var("CONSIGN_TEST_MEDUSA") else {
        eprintln!("SKIPPED {NAME}: set CONSIGN_TEST_MEDUSA to the address of a Medusa shop to run it");
        return;
    };
    if asked("--list") {
        if !asked("--ignored") {
            println!("{NAME}: test");
        }
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(orders_of_a_real_medusa_are_followed_from_authorisation_to_shipment(url));
    println!("test {NAME} ... ok");
}

async fn orders_of_a_real_medusa_are_followed_from_authorisation_to_shipment(url: String) {
    let shop = Shop::open(url).await;
    let channel = connect(&shop).await;
    let channel = channel.as_ref();
    assert_eq!(channel.test().await.unwrap(), "Connected to Medusa Store");

    lists_are_given(channel).await;
    let id = authorised_then_captured_is_seen_whatever_the_date(&shop, channel).await;
    parcels_are_fulfilments_made_once(&shop, channel, &id).await;
    a_parcel_left_half_way_is_finished(&shop, channel).await;
    stock_shown_is_stock_pushed(&shop, channel).await;
    a_price_pushed_is_the_price_in_the_shop(&shop, channel).await;
    a_cancellation_is_seen_from_both_sides(&shop, channel).await;
    more_than_a_page_of_orders_comes_whole(&shop, channel).await;
}

async fn lists_are_given(channel: &dyn Channel) {
    let tags = channel.list_tags(TagKind::Shipping).await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "Royal Mail 48"), "{tags:?}");
    let tags = channel.list_tags(TagKind::Payment).await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "pp_system_default"), "{tags:?}");
    let first = channel.list_products(None).await.unwrap();
    let tee = first.products.iter().find(|product| product.channel_sku == SKU).expect("the tee is listed");
    assert!(tee.quantity.is_some() && tee.title == "Tee, S" && !tee.channel_reference.is_empty(), "{tee:?}");
    let statuses = channel.list_statuses().await.unwrap();
    assert!(wanted().iter().all(|code| statuses.iter().any(|status| status.code == *code)));
    assert!(channel.fetch_order("order_of_nobody".into()).await.unwrap().is_none());
}

async fn authorised_then_captured_is_seen_whatever_the_date(shop: &Shop, channel: &dyn Channel) -> String {
    let before = SystemClock.now().plus_seconds(-600);
    let id = shop.buy().await;
    let order = download(channel, before, &[]).await.remove(&id).expect("an authorised order is downloaded");
    assert_eq!((order.payment, order.status.as_str()), (ChannelPayment::Unpaid, "authorized"));
    assert_eq!((order.shipping_tag.as_str(), order.payment_tag.as_str()), ("Royal Mail 48", "pp_system_default"));
    let shown = shop.order(&id).await;
    let expected = (shown["total"].as_f64().unwrap() * 100.0).round() as i64 * 100;
    assert_eq!(total(&order), expected);
    assert_eq!(order.delivery.town, "Leeds");
    assert_eq!(order.lines.iter().map(|line| line.quantity.units()).sum::<i64>(), 3);

    // A cursor that lies after everything that Medusa has dated: only the capture of the payment can bring this order.
    let made = shown["payment_collections"][0]["payments"][0]["updated_at"].as_str().unwrap();
    let changed = Timestamp(Timestamp::parse(made).unwrap().0 + 2_000);
    assert!(!download(channel, changed, &[]).await.contains_key(&id));
    shop.capture(&id).await;
    assert_eq!(shop.order(&id).await["updated_at"], shown["updated_at"], "capturing leaves the order's date alone");
    let order = download(channel, changed, &[]).await.remove(&id).expect("a captured order is downloaded");
    assert_eq!((order.payment, order.status.as_str()), (ChannelPayment::Paid, "captured"));
    assert!(order.paid_at.is_some());

    assert!(references(channel, vec!["captured".into()], before).await.contains(&id));
    assert!(!references(channel, vec!["authorized".into()], before).await.contains(&id));
    assert!(references(channel, wanted(), SystemClock.now().plus_seconds(3_600)).await.is_empty());
    id
}

async fn parcels_are_fulfilments_made_once(shop: &Shop, channel: &dyn Channel, id: &str) {
    let order = fetch(channel, id).await;
    assert_eq!(channel.despatch(vec![note(&order, "one", [1, 0], 0)]).await.unwrap(), [Ok(())]);
    let partly = fetch(channel, id).await;
    let shipped: i64 = partly.lines.iter().map(|line| line.shipped_quantity).sum();
    assert_eq!((partly.status.as_str(), shipped, partly.shipped), ("partially_fulfilled", 1, false));

    let again = channel.despatch(vec![note(&order, "one", [1, 0], 1)]).await.unwrap();
    assert_eq!(again, [Ok(())], "a repeated note is a success");
    assert_eq!(shop.order(id).await["fulfillments"].as_array().unwrap().len(), 1, "and not doubled");

    let too_many = channel.despatch(vec![note(&order, "many", [2, 1], 0)]).await.unwrap();
    assert!(matches!(too_many[0], Err(PortError::Refused(_))), "{too_many:?}");
    assert_eq!(channel.despatch(vec![note(&order, "two", [1, 1], 0)]).await.unwrap(), [Ok(())]);
    let shipped = shop.order(id).await;
    assert_eq!(shipped["fulfillment_status"], "shipped");
    let parcels = shipped["fulfillments"].as_array().unwrap();
    let tracked = |number: &str| parcels.iter().find(|one| one["labels"][0]["tracking_number"] == number);
    let number = |key: &str| format!("{key}-{}", order.secondary_reference);
    let first = tracked(&number("one")).expect("the shop shows the first tracking number");
    assert_eq!(
        first["items"].as_array().unwrap().iter().map(|item| item["quantity"].as_i64().unwrap()).sum::<i64>(),
        1
    );
    let second = tracked(&number("two")).expect("the shop shows the second tracking number");
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert_eq!(second["metadata"]["carrier"], "Royal Mail");
    assert!(second["shipped_at"].is_string());
    let order = fetch(channel, id).await;
    assert!(order.shipped && order.status == "shipped", "{}", order.status);
    assert!(order.lines.iter().all(|line| line.shipped_quantity == line.quantity.units()));
}

/// A fulfilment that was made but not shipped, as after a crash between the two calls.
async fn a_parcel_left_half_way_is_finished(shop: &Shop, channel: &dyn Channel) {
    let id = shop.buy_paid().await;
    let despatch = note(&fetch(channel, &id).await, "half", [2, 1], 1);
    let location = shop.get("/admin/stock-locations").await["stock_locations"][0]["id"].take();
    let items: Vec<Value> = despatch
        .lines
        .iter()
        .map(|line| json!({ "id": line.channel_line, "quantity": line.quantity.units() }))
        .collect();
    let made = json!({ "location_id": location, "items": items, "metadata": { "consign_note": despatch.key } });
    shop.post(&format!("/admin/orders/{id}/fulfillments"), made).await;
    assert_eq!(fetch(channel, &id).await.status, "fulfilled");
    let number = despatch.tracking_number.clone();
    assert_eq!(channel.despatch(vec![despatch]).await.unwrap(), [Ok(())]);
    let finished = shop.order(&id).await;
    assert_eq!(finished["fulfillments"].as_array().unwrap().len(), 1);
    assert_eq!(finished["fulfillments"][0]["labels"][0]["tracking_number"], number.as_str());
    assert_eq!(finished["fulfillment_status"], "shipped");
}

async fn stock_shown_is_stock_pushed(shop: &Shop, channel: &dyn Channel) {
    shop.buy().await;
    let level =
        |sku: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: String::new(), quantity };
    let outcomes = channel.push_stock(vec![level(SKU, 41), level("NO-SUCH-SKU", 3)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{outcomes:?}");
    assert_eq!(shop.on_sale(SKU).await, 41, "what is reserved stays on top");
    let listed = channel.list_products(None).await.unwrap().products;
    let tee = listed.iter().find(|product| product.channel_sku == SKU).unwrap();
    assert_eq!(tee.quantity, Some(41));
    let by_id =
        StockLevel { channel_sku: "renamed".into(), channel_reference: tee.channel_reference.clone(), quantity: 1_000 };
    assert_eq!(channel.push_stock(vec![by_id, level(OTHER_SKU, 1_000)]).await.unwrap(), [Ok(()), Ok(())]);
    assert_eq!((shop.on_sale(SKU).await, shop.on_sale(OTHER_SKU).await), (1_000, 1_000));
}

async fn a_price_pushed_is_the_price_in_the_shop(shop: &Shop, channel: &dyn Channel) {
    let price = |sku: &str, minor: i64| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: String::new(),
        price: Money::from_minor(minor, Currency::parse("GBP").unwrap()).unwrap(),
    };
    let mut expected = shop.prices(OTHER_SKU).await;
    assert_eq!(expected.len(), 3, "the seed has a price in euros and one for a region");
    let outcomes = channel.push_prices(vec![price(OTHER_SKU, 1_299), price("NO-SUCH-SKU", 1)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{outcomes:?}");
    expected.insert(("gbp".to_owned(), false), 12.99);
    assert_eq!(shop.prices(OTHER_SKU).await, expected, "the others stay");
    assert_eq!(channel.push_prices(vec![price(OTHER_SKU, 1_250)]).await.unwrap(), [Ok(())]);
}

async fn a_cancellation_is_seen_from_both_sides(shop: &Shop, channel: &dyn Channel) {
    let id = shop.buy_paid().await;
    let cancellation = |attempts| Cancellation {
        key: "c".into(),
        reference: id.clone(),
        external_reference: String::new(),
        reason: "out of stock".into(),
        lines: Vec::new(),
        attempts,
    };
    let before = SystemClock.now().plus_seconds(-600);
    assert_eq!(channel.cancel(cancellation(0)).await, Ok(()));
    assert_eq!(channel.cancel(cancellation(1)).await, Ok(()));
    assert_eq!(shop.order(&id).await["status"], "canceled");
    let order = download(channel, before, &[]).await.remove(&id).expect("a cancelled order is told");
    assert_eq!(order.payment, ChannelPayment::Cancelled);
    assert_eq!(order.lines.iter().map(|line| line.quantity.units()).sum::<i64>(), 3);
    let later = SystemClock.now().plus_seconds(3_600);
    assert!(!download(channel, later, &[]).await.contains_key(&id), "orders go by date");
    assert!(download(channel, later, &[&id]).await.contains_key(&id), "unsettled ones go by id");

    let in_the_shop = shop.buy().await;
    shop.post(&format!("/admin/orders/{in_the_shop}/cancel"), json!({})).await;
    let seen = download(channel, before, &[]).await.remove(&in_the_shop).expect("so is one cancelled in the shop");
    assert_eq!(seen.payment, ChannelPayment::Cancelled);
}

/// A page has 50 orders.
async fn more_than_a_page_of_orders_comes_whole(shop: &Shop, channel: &dyn Channel) {
    let before = SystemClock.now().plus_seconds(-86_400);
    let count = async || shop.get("/admin/orders?limit=1&fields=id").await["count"].as_u64().unwrap() as usize;
    while count().await <= 52 {
        shop.buy().await;
    }
    let expected = count().await;
    assert_eq!(download(channel, before, &[]).await.len(), expected);
    let mut known = references(channel, wanted(), before).await;
    assert_eq!(known.len(), expected);
    known.sort();
    known.dedup();
    assert_eq!(known.len(), expected, "each once");
}
