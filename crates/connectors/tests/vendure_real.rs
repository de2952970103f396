//! The connector against a real Vendure: orders are placed through the shop API and followed to the end.
//!
//! Runs where `CONSIGN_TEST_VENDURE` holds the shop's address (`http://127.0.0.1:3101`; the `shop` stage of `cargo xtask test`
//! starts one). Elsewhere there is no test here, and a line saying so. The shop has Vendure's sample products, payments that are authorised
//! first and settled by hand, and superadmin/superadmin. It may be used before and after: each run places orders of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use consign_connectors::{Networks, Options, Registry};
use consign_ports::{
    Cancellation, Channel, ChannelPayment, Connection, Despatch, DespatchLine, DownloadRequest, IncomingOrder,
    ListingPrice, PortError, StatusTarget, StockLevel, TagKind,
};
use consign_values::{Clock, Currency, Money, Quantity, SystemClock, Timestamp};
use serde_json::{Value, json};

const SKU: &str = "L2201308";
const OTHER_SKU: &str = "L2201316";

/// The shop's two APIs as its owner and its customers use them.
struct Shop {
    url: String,
    client: reqwest::Client,
}

impl Shop {
    async fn graph(&self, api: &str, token: &mut String, query: &str, variables: Value) -> Value {
        let mut request = self.client.post(format!("{}/{api}", self.url));
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = json!({ "query": query, "variables": variables }).to_string();
        let answer = request.header("content-type", "application/json").body(body).send().await.unwrap();
        if let Some(fresh) = answer.headers().get("vendure-auth-token") {
            fresh.to_str().unwrap().clone_into(token);
        }
        let mut answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(answer.get("errors").is_none(), "{query}: {answer}");
        answer["data"].take()
    }

    async fn admin(&self, query: &str, variables: Value) -> Value {
        let mut token = String::new();
        let login = "mutation{login(username:\"superadmin\",password:\"superadmin\"){__typename}}";
        self.graph("admin-api", &mut token, login, json!({})).await;
        self.graph("admin-api", &mut token, query, variables).await
    }

    async fn variant_id(&self, sku: &str) -> String {
        let query = "query($s:String!){productVariants(options:{filter:{sku:{eq:$s}}}){items{id}}}";
        let found = self.admin(query, json!({ "s": sku })).await;
        found["productVariants"]["items"][0]["id"].as_str().expect("the sample products are there").to_owned()
    }

    /// Buys 2 of one and 1 of another; gives the order's number. The payment is authorised, not settled.
    async fn buy(&self) -> String {
        let mut token = String::new();
        let mut guest =
            async |query: &str, variables: Value| self.graph("shop-api", &mut token, query, variables).await;
        for (sku, quantity) in [(SKU, 2), (OTHER_SKU, 1)] {
            let variables = json!({ "id": self.variant_id(sku).await, "q": quantity });
            let query = "mutation($id:ID!,$q:Int!){addItemToOrder(productVariantId:$id,quantity:$q){__typename ... on ErrorResult{message}}}";
            assert_eq!(guest(query, variables).await["addItemToOrder"]["__typename"], "Order");
        }
        let customer = json!({ "i": { "firstName": "Ada", "lastName": "Buyer", "emailAddress": "ada@example.com" } });
        guest("mutation($i:CreateCustomerInput!){setCustomerForOrder(input:$i){__typename}}", customer).await;
        let address = json!({ "i": { "fullName": "Ada Buyer", "streetLine1": "1 High St", "city": "Leeds",
            "postalCode": "LS1 1AA", "countryCode": "GB" } });
        guest("mutation($i:CreateAddressInput!){setOrderShippingAddress(input:$i){__typename}}", address).await;
        let methods = guest("{eligibleShippingMethods{id}}", json!({})).await;
        let method = json!({ "id": [methods["eligibleShippingMethods"][0]["id"]] });
        guest("mutation($id:[ID!]!){setOrderShippingMethod(shippingMethodId:$id){__typename}}", method).await;
        guest("mutation{transitionOrderToState(state:\"ArrangingPayment\"){__typename}}", json!({})).await;
        let pay = "mutation{addPaymentToOrder(input:{method:\"standard-payment\",metadata:{}}){__typename ... on Order{code state}}}";
        let paid = guest(pay, json!({})).await["addPaymentToOrder"].take();
        assert_eq!(paid["state"], "PaymentAuthorized", "{paid}");
        paid["code"].as_str().unwrap().to_owned()
    }

    async fn order(&self, code: &str) -> Value {
        let query = "query($c:String!){orders(options:{filter:{code:{eq:$c}}}){items{id state totalWithTax payments{id} \
            fulfillments{state method trackingCode lines{orderLineId quantity}}}}}";
        self.admin(query, json!({ "c": code })).await["orders"]["items"][0].take()
    }

    async fn settle(&self, code: &str) {
        let payment = self.order(code).await["payments"][0]["id"].take();
        self.admin("mutation($id:ID!){settlePayment(id:$id){__typename}}", json!({ "id": payment })).await;
    }

    async fn on_sale(&self, sku: &str) -> i64 {
        let query = "query($s:String!){productVariants(options:{filter:{sku:{eq:$s}}}){items{stockLevels{stockOnHand stockAllocated}}}}";
        let found = self.admin(query, json!({ "s": sku })).await;
        let level = &found["productVariants"]["items"][0]["stockLevels"][0];
        level["stockOnHand"].as_i64().unwrap() - level["stockAllocated"].as_i64().unwrap()
    }

    async fn currency(&self) -> String {
        let channel = self.admin("{activeChannel{defaultCurrencyCode}}", json!({})).await;
        channel["activeChannel"]["defaultCurrencyCode"].as_str().unwrap().to_owned()
    }

    async fn price(&self, sku: &str) -> i64 {
        let query = "query($s:String!){productVariants(options:{filter:{sku:{eq:$s}}}){items{price}}}";
        self.admin(query, json!({ "s": sku })).await["productVariants"]["items"][0]["price"].as_i64().unwrap()
    }
}

fn wanted() -> Vec<String> {
    let registry = registry();
    let kind = registry.get("vendure").unwrap();
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
        let unsettled = unsettled.iter().map(|code| (*code).to_owned()).collect();
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

async fn references(channel: &dyn Channel, since: Timestamp) -> Vec<String> {
    let mut known = Vec::new();
    let mut page = None;
    loop {
        let found = channel.references(wanted(), since, page).await.unwrap();
        known.extend(found.references);
        match found.next {
            Some(next) => page = Some(next),
            None => return known,
        }
    }
}

fn total(order: &IncomingOrder) -> i64 {
    let lines = order.lines.iter().map(|line| line.unit_price.amount * line.quantity.units() - line.discount.amount);
    lines.sum::<i64>() + order.postage.amount - order.discount.amount
}

fn note(order: &IncomingOrder, key: &str, quantities: &[i64], attempts: u32) -> Despatch {
    let lines = order.lines.iter().zip(quantities).filter_map(|(line, quantity)| {
        Some(DespatchLine {
            channel_line: line.channel_line.clone(),
            channel_sku: line.channel_sku.clone(),
            quantity: Quantity::new(*quantity)?,
        })
    });
    Despatch {
        key: key.into(),
        reference: order.reference.to_string(),
        carrier: "Royal Mail".into(),
        service: "Tracked 24".into(),
        tracking_number: format!("{key}-{}", order.reference),
        processed_at: SystemClock.now(),
        lines: lines.collect(),
        attempts,
    }
}

async fn connect(shop: &Shop) -> (Connection, Box<dyn Channel>) {
    let registry = registry();
    let kind = registry.get("vendure").unwrap();
    let mut connection = Connection::default();
    let mut answers = BTreeMap::from([
        ("url".to_owned(), shop.url.clone()),
        ("username".into(), "superadmin".into()),
        ("password".into(), "wrong".into()),
    ]);
    let refused = kind.set_up(&mut connection, "account", &answers).await.unwrap_err();
    assert!(matches!(refused, PortError::Unauthorised(_)), "{refused:?}");
    answers.insert("password".into(), "superadmin".into());
    let step = kind.set_up(&mut connection, "account", &answers).await.unwrap();
    assert!(step.done && !step.fields[0].options.is_empty(), "stock locations are offered");
    assert_eq!(connection.get("money_precision"), "2");
    let channel = kind.connect(&connection).unwrap();
    (connection, channel)
}

const NAME: &str = "orders_of_a_real_shop_are_followed_from_authorisation_to_shipment";

/// Speaks as much of libtest's command line as test runners use, so that a run without a shop counts as no test at all
/// rather than as a passed one.
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let Ok(url) = std::env::var("CONSIGN_TEST_VENDURE") else {
        eprintln!("SKIPPED {NAME}: set CONSIGN_TEST_VENDURE to the address of a Vendure shop to run it");
        return;
    };
    if asked("--list") {
        if !asked("--ignored") {
            println!("{NAME}: test");
        }
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(orders_of_a_real_shop_are_followed_from_authorisation_to_shipment(url));
    println!("test {NAME} ... ok");
}

async fn orders_of_a_real_shop_are_followed_from_authorisation_to_shipment(url: String) {
    let (_, client) = (registry(), reqwest::Client::new());
    let shop = Shop { url: url.trim_end_matches('/').to_owned(), client };
    let (_, channel) = connect(&shop).await;
    let channel = channel.as_ref();
    assert_eq!(channel.test().await.unwrap(), "Connected to the default channel as superadmin");

    lists_are_given(channel).await;
    let code = authorised_then_settled_is_seen_whatever_the_date(&shop, channel).await;
    parcels_are_fulfilments_made_once(&shop, channel, &code).await;
    stock_shown_is_stock_pushed(&shop, channel).await;
    a_price_pushed_is_the_price_in_the_shop(&shop, channel).await;
    a_cancellation_is_seen_from_both_sides(&shop, channel).await;
}

async fn lists_are_given(channel: &dyn Channel) {
    let tags = channel.list_tags(TagKind::Shipping).await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "standard-shipping"), "{tags:?}");
    let tags = channel.list_tags(TagKind::Payment).await.unwrap();
    assert!(tags.iter().any(|tag| tag.tag == "standard-payment"), "{tags:?}");
    let first = channel.list_products(None).await.unwrap();
    assert!(first.products.iter().any(|product| product.channel_sku == SKU && product.quantity.is_some()));
    assert!(channel.fetch_order("NO-SUCH-ORDER".into()).await.unwrap().is_none());
}

async fn authorised_then_settled_is_seen_whatever_the_date(shop: &Shop, channel: &dyn Channel) -> String {
    let code = shop.buy().await;
    let before = SystemClock.now().plus_seconds(-600);
    let order = download(channel, before, &[]).await.remove(&code).expect("an authorised order is downloaded");
    assert_eq!((order.payment, order.status.as_str()), (ChannelPayment::Unpaid, "PaymentAuthorized"));
    assert_eq!(order.shipping_tag, "standard-shipping");
    assert_eq!(total(&order), shop.order(&code).await["totalWithTax"].as_i64().unwrap() * 100);

    shop.settle(&code).await;
    // A cursor that lies after everything that Vendure has dated: only the state can bring this order.
    let later = SystemClock.now().plus_seconds(3_600);
    let order = download(channel, later, &[]).await.remove(&code).expect("a settled order is downloaded");
    assert_eq!(order.payment, ChannelPayment::Paid);
    assert!(order.paid_at.is_some());
    let known = references(channel, before).await;
    assert!(known.contains(&code));
    let query = "query($s:[String!]!,$t:DateTime!){orders(options:{take:1,filter:{state:{in:$s},orderPlacedAt:{after:$t}}}){totalItems}}";
    let counted = shop.admin(query, json!({ "s": wanted(), "t": before.to_rfc3339_millis() })).await;
    assert_eq!(known.len() as u64, counted["orders"]["totalItems"], "reconciliation sees as many as the shop has");
    assert!(references(channel, later).await.is_empty());
    code
}

async fn parcels_are_fulfilments_made_once(shop: &Shop, channel: &dyn Channel, code: &str) {
    let fetch = async || *channel.fetch_order(code.to_owned()).await.unwrap().unwrap().order.unwrap();
    let order = fetch().await;
    assert_eq!(channel.despatch(vec![note(&order, "one", &[1, 0], 0)]).await.unwrap(), [Ok(())]);
    let partly = fetch().await;
    assert_eq!((partly.status.as_str(), partly.lines[0].shipped_quantity), ("PartiallyShipped", 1));

    let again = channel.despatch(vec![note(&order, "one", &[1, 0], 1)]).await.unwrap();
    assert_eq!(again, [Ok(())], "a repeated note is a success");
    assert_eq!(shop.order(code).await["fulfillments"].as_array().unwrap().len(), 1, "and not doubled");

    let too_many = channel.despatch(vec![note(&order, "many", &[2, 1], 0)]).await.unwrap();
    assert!(matches!(too_many[0], Err(PortError::Refused(_))), "{too_many:?}");
    assert_eq!(channel.despatch(vec![note(&order, "two", &[1, 1], 0)]).await.unwrap(), [Ok(())]);
    let shipped = shop.order(code).await;
    assert_eq!(shipped["state"], "Shipped");
    assert_eq!(shipped["fulfillments"][1]["method"], "Royal Mail Tracked 24");
    assert_eq!(shipped["fulfillments"][1]["trackingCode"], format!("two-{code}"));
    let order = fetch().await;
    assert!(order.shipped && order.lines.iter().all(|line| line.shipped_quantity == line.quantity.units()));

    // A fulfilment that was added but not shipped, as after a crash between the two calls, is finished.
    let half = shop.buy().await;
    shop.settle(&half).await;
    let order = *channel.fetch_order(half.clone()).await.unwrap().unwrap().order.unwrap();
    let despatch = note(&order, "half", &[2, 1], 1);
    let lines: Vec<Value> = despatch
        .lines
        .iter()
        .map(|line| json!({ "orderLineId": line.channel_line, "quantity": line.quantity.units() }))
        .collect();
    let input = json!({ "i": { "lines": lines, "handler": { "code": "manual-fulfillment", "arguments": [
        { "name": "method", "value": "Royal Mail Tracked 24" },
        { "name": "trackingCode", "value": despatch.tracking_number }]}}});
    shop.admin("mutation($i:FulfillOrderInput!){addFulfillmentToOrder(input:$i){__typename}}", input).await;
    assert_eq!(channel.despatch(vec![despatch]).await.unwrap(), [Ok(())]);
    let finished = shop.order(&half).await;
    assert_eq!((&finished["state"], finished["fulfillments"].as_array().unwrap().len()), (&json!("Shipped"), 1));
}

async fn stock_shown_is_stock_pushed(shop: &Shop, channel: &dyn Channel) {
    let code = shop.buy().await;
    let level =
        |sku: &str, quantity| StockLevel { channel_sku: sku.into(), channel_reference: String::new(), quantity };
    let outcomes = channel.push_stock(vec![level(SKU, 41), level("NO-SUCH-SKU", 3)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{outcomes:?}");
    assert_eq!(shop.on_sale(SKU).await, 41, "what is allocated to {code} stays on top");
    assert_eq!(channel.push_stock(vec![level(SKU, 100)]).await.unwrap(), [Ok(())]);
}

async fn a_price_pushed_is_the_price_in_the_shop(shop: &Shop, channel: &dyn Channel) {
    let currency = shop.currency().await;
    let price = |sku: &str, minor: i64| ListingPrice {
        channel_sku: sku.into(),
        channel_reference: String::new(),
        price: Money::from_minor(minor, Currency::parse(&currency).unwrap()).unwrap(),
    };
    let outcomes = channel.push_prices(vec![price(SKU, 123_456), price("NO-SUCH-SKU", 1)]).await.unwrap();
    assert_eq!(outcomes[0], Ok(()));
    assert!(matches!(outcomes[1], Err(PortError::Refused(_))), "{outcomes:?}");
    assert_eq!(shop.price(SKU).await, 123_456);
}

async fn a_cancellation_is_seen_from_both_sides(shop: &Shop, channel: &dyn Channel) {
    let code = shop.buy().await;
    let cancellation = |attempts| Cancellation {
        key: "c".into(),
        reference: code.clone(),
        external_reference: String::new(),
        reason: "out of stock".into(),
        lines: Vec::new(),
        attempts,
    };
    let before = SystemClock.now().plus_seconds(-600);
    assert_eq!(channel.cancel(cancellation(0)).await, Ok(()));
    assert_eq!(channel.cancel(cancellation(1)).await, Ok(()));
    assert_eq!(shop.order(&code).await["state"], "Cancelled");
    let order = download(channel, before, &[]).await.remove(&code).expect("a cancelled order is told");
    assert_eq!((order.payment, order.lines[0].quantity.units()), (ChannelPayment::Cancelled, 2));
    let later = SystemClock.now().plus_seconds(3_600);
    assert!(!download(channel, later, &[]).await.contains_key(&code), "closed orders go by date");
    assert!(download(channel, later, &[&code]).await.contains_key(&code), "unsettled ones go by number");
}
