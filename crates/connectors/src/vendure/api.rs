//! Vendure's Admin API: GraphQL by POST, a session that is opened anew once it has run out.
//!
//! Measured on 3.7.3 (`channels.md` 4): business errors are status 200 with a union's `errorCode`; no or an old session is
//! status 200 with `extensions.code` FORBIDDEN, which is also what an account without the permission gets, so a call is
//! repeated once after a fresh sign-in and then believed. A shop that hands out no bearer token is given its cookies back.

use std::time::Duration;

use consign_ports::{Connection, PortError};
use consign_values::clean;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::http::{Answer, Call, Http};

const TOKEN_HEADER: &str = "vendure-auth-token";
const MESSAGE_MAX: usize = 300;

const LOGIN: &str = "mutation($username:String!,$password:String!){login(username:$username,password:$password)\
    {__typename ... on ErrorResult{errorCode message}}}";

/// All of an order that `mapping.rs` reads.
pub(super) const ORDER: &str = "fragment O on Order{id code state active createdAt updatedAt orderPlacedAt currencyCode \
    subTotalWithTax shippingWithTax totalWithTax couponCodes taxSummary{taxRate} \
    customer{id emailAddress firstName lastName phoneNumber} \
    shippingAddress{fullName company streetLine1 streetLine2 city province postalCode country countryCode phoneNumber} \
    billingAddress{fullName company streetLine1 streetLine2 city province postalCode country countryCode phoneNumber} \
    lines{id quantity orderPlacedQuantity unitPriceWithTax linePriceWithTax proratedLinePriceWithTax taxRate \
    productVariant{id sku name}} surcharges{id description sku priceWithTax taxRate} \
    shippingLines{id price priceWithTax shippingMethod{code name}} \
    payments{id createdAt updatedAt state method amount transactionId} \
    fulfillments{id createdAt state method trackingCode lines{orderLineId quantity}}}";

/// A page of orders with all fields; [`ORDER`] must follow.
pub(super) const ORDERS: &str = "query($o:OrderListOptions){orders(options:$o){totalItems items{...O}}} ";

/// A page of order numbers.
pub(super) const REFERENCES: &str = "query($o:OrderListOptions){orders(options:$o){items{code createdAt}}}";

/// What despatch and cancellation must know of an order.
pub(super) const ORDER_STATE: &str = "query($o:OrderListOptions){orders(options:$o){items{id code state \
    lines{id quantity} fulfillments{id createdAt state method trackingCode lines{orderLineId quantity}}}}}";

/// Adds a fulfilment, which starts as Pending.
pub(super) const FULFIL: &str = "mutation($i:FulfillOrderInput!){result:addFulfillmentToOrder(input:$i){__typename \
    ... on Fulfillment{id state} ... on ErrorResult{errorCode message}}}";

/// Moves a fulfilment on.
pub(super) const TRANSITION: &str = "mutation($id:ID!,$state:String!){result:transitionFulfillmentToState(id:$id,state:$state)\
    {__typename ... on Fulfillment{id state} ... on ErrorResult{errorCode message} \
    ... on FulfillmentStateTransitionError{transitionError}}}";

/// Cancels an order or the rest of it.
pub(super) const CANCEL: &str = "mutation($i:CancelOrderInput!){result:cancelOrder(input:$i){__typename \
    ... on Order{id code state} ... on ErrorResult{errorCode message}}}";

/// Variants with their stock at each location.
pub(super) const VARIANTS: &str = "query($o:ProductVariantListOptions){productVariants(options:$o){totalItems \
    items{id sku name stockLevels{stockLocationId stockOnHand stockAllocated}}}}";

/// Sets stock.
pub(super) const UPDATE_VARIANTS: &str = "mutation($i:[UpdateProductVariantInput!]!){updateProductVariants(input:$i)\
    {id sku stockLevels{stockLocationId stockOnHand stockAllocated}}}";

/// Who is signed in, where, and what the account may do.
pub(super) const WHO: &str = "{activeChannel{code token} me{identifier channels{code token permissions}} \
    globalSettings{serverConfig{moneyStrategyPrecision}}}";

/// The stock locations.
pub(super) const LOCATIONS: &str = "{stockLocations(options:{take:100}){items{id name}}}";

/// The shipping methods.
pub(super) const SHIPPING_METHODS: &str = "{list:shippingMethods(options:{take:100}){items{code name}}}";

/// The payment methods.
pub(super) const PAYMENT_METHODS: &str = "{list:paymentMethods(options:{take:100}){items{code name}}}";

/// What calls of one instance need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    url: String,
    channel_token: String,
    username: String,
    password: SecretString,
    session: Mutex<Option<Session>>,
}

/// A header that shows who we are: a bearer token or cookies.
type Session = (&'static str, SecretString);

impl Api {
    /// Reads address and credentials off the connection.
    pub fn new(http: Http, timeout: Duration, connection: &Connection) -> Self {
        Api {
            http,
            timeout,
            url: connection.get("url").to_owned(),
            channel_token: connection.get("channel_token").to_owned(),
            username: connection.get("username").to_owned(),
            password: connection.get("password").into(),
            session: Mutex::new(None),
        }
    }

    /// Runs a query and gives its `data`.
    pub async fn data(&self, query: &str, variables: Value) -> Result<Value, PortError> {
        let mut answer = self.answer(query, variables).await?.json()?;
        match answer.get_mut("data").map(Value::take) {
            Some(data) if data.is_object() => Ok(data),
            _ => Err(PortError::Protocol("the shop's answer has no data".into())),
        }
    }

    /// Runs a mutation whose `result` is a union: gives the object, or the error's code and message.
    pub async fn result(&self, query: &str, variables: Value) -> Result<Result<Value, Refusal>, PortError> {
        let result = self.data(query, variables).await?["result"].take();
        let text = |key: &str| clean(result[key].as_str().unwrap_or(""), MESSAGE_MAX);
        if result["errorCode"].is_string() {
            let mut message = text("message");
            if result["transitionError"].is_string() {
                message = format!("{message}: {}", text("transitionError"));
            }
            return Ok(Err(Refusal { code: text("errorCode"), message }));
        }
        Ok(Ok(result))
    }

    /// Runs a query and gives the answer as it came, once it is known to carry no `errors`. What is no JSON is passed on.
    pub async fn answer(&self, query: &str, variables: Value) -> Result<Answer, PortError> {
        let body = json!({ "query": query, "variables": variables }).to_string().into_bytes();
        match self.attempt(&body).await {
            Err(PortError::Unauthorised(_)) if self.session.lock().await.take().is_some() => self.attempt(&body).await,
            other => other,
        }
    }

    async fn attempt(&self, body: &[u8]) -> Result<Answer, PortError> {
        let (name, value) = self.session().await?;
        let answer = self.send(body.to_vec(), Some((name, value.expose_secret().to_owned()))).await?;
        match graph_error(&answer) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    async fn send(&self, body: Vec<u8>, session: Option<(&'static str, String)>) -> Result<Answer, PortError> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if !self.channel_token.is_empty() {
            headers.push(("vendure-token", self.channel_token.clone()));
        }
        headers.extend(session);
        let body = Some(("application/json", body));
        self.http.call(Call { url: &self.url, headers, body, timeout: self.timeout }).await
    }

    async fn session(&self) -> Result<Session, PortError> {
        let mut held = self.session.lock().await;
        if let Some(session) = held.as_ref() {
            return Ok(session.clone());
        }
        let variables = json!({ "username": self.username, "password": self.password.expose_secret() });
        let body = json!({ "query": LOGIN, "variables": variables }).to_string().into_bytes();
        let answer = self.send(body, None).await?;
        if let Some(error) = graph_error(&answer) {
            return Err(error);
        }
        let login = answer.json()?;
        if login["data"]["login"]["__typename"] != "CurrentUser" {
            let message = clean(login["data"]["login"]["message"].as_str().unwrap_or(""), MESSAGE_MAX);
            let message = if message.is_empty() { "no reason given".to_owned() } else { message };
            return Err(PortError::Unauthorised(format!("the shop refused user name or password: {message}")));
        }
        let session = session_of(&answer)
            .ok_or_else(|| PortError::Protocol("the shop signed us in without a token or a cookie".into()))?;
        *held = Some(session.clone());
        Ok(session)
    }
}

/// An error result of a union.
pub(super) struct Refusal {
    /// Such as `ITEMS_ALREADY_FULFILLED_ERROR`.
    pub code: String,
    /// The shop's words, in its language.
    pub message: String,
}

fn session_of(answer: &Answer) -> Option<Session> {
    if let Some(token) =
        answer.headers.get(TOKEN_HEADER).and_then(|value| value.to_str().ok()).filter(|t| !t.is_empty())
    {
        return Some(("authorization", format!("Bearer {token}").into()));
    }
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|value| value.to_str().ok()?.split(';').next().map(str::trim))
        .filter(|pair| pair.contains('='))
        .collect();
    (!cookies.is_empty()).then(|| ("cookie", cookies.join("; ").into()))
}

/// What the first of an answer's `errors` means.
fn graph_error(answer: &Answer) -> Option<PortError> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        errors: Option<Vec<Value>>,
    }
    let envelope: Envelope = serde_json::from_slice(&answer.body).ok()?;
    let error = envelope.errors?.into_iter().next()?;
    let message = clean(error["message"].as_str().unwrap_or("the shop gave no reason"), MESSAGE_MAX);
    Some(match error["extensions"]["code"].as_str().unwrap_or("") {
        "FORBIDDEN" | "UNAUTHORIZED" | "UNAUTHENTICATED" => {
            PortError::Unauthorised(format!("the shop says: {message}"))
        }
        "INTERNAL_SERVER_ERROR" => PortError::retry(format!("the shop is in trouble: {message}")),
        _ => PortError::Refused(format!("the shop says: {message}")),
    })
}
