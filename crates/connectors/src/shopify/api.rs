//! Shopify's Admin API: GraphQL by POST, paid for in points.
//!
//! An app made in the shop's own admin has a lasting token; one made in the developer dashboard has an id and a secret, for
//! which Shopify gives a token for a day (its "client credentials grant"). Each answer tells the points left and how fast they
//! come back; being out of them is status 200 with the code THROTTLED, and becomes [`PortError::Retry`] with the time that the
//! missing points take. A single question that costs more than is ever allowed is asked again in smaller pages.

use std::time::Duration;

use consign_ports::{Connection, PortError};
use consign_values::clean;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::documents::VERSION;
use crate::http::{Answer, Call, Http};

const MESSAGE_MAX: usize = 300;
/// The longest wait that is computed from points.
const WAIT_SECONDS_MAX: f64 = 300.0;

/// What calls of one shop need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    /// `https://name.myshopify.com`, without a slash at the end.
    site: String,
    /// A lasting token; empty where the app has an id and a secret.
    token: SecretString,
    client_id: String,
    client_secret: SecretString,
    session: Mutex<Option<SecretString>>,
}

/// One of a mutation's `userErrors`.
#[derive(Debug)]
pub(super) struct UserError {
    /// The path of what is wrong, such as `input`, `quantities`, `3`.
    pub field: Vec<String>,
    /// Shopify's words.
    pub message: String,
}

impl UserError {
    /// The index in the list `list` that it speaks of.
    pub fn index_in(&self, list: &str) -> Option<usize> {
        let at = self.field.iter().position(|part| part == list)?;
        self.field.get(at + 1)?.parse().ok()
    }
}

/// What the first of an answer's `errors` means.
enum GraphError {
    /// The question costs more than a single one may.
    TooDear(String),
    Port(PortError),
}

impl Api {
    /// Reads address and credentials off the connection.
    pub fn new(http: Http, timeout: Duration, connection: &Connection) -> Self {
        Api {
            http,
            timeout,
            site: connection.get("url").trim_end_matches('/').to_owned(),
            token: connection.get("access_token").into(),
            client_id: connection.get("client_id").to_owned(),
            client_secret: connection.get("client_secret").into(),
            session: Mutex::new(None),
        }
    }

    /// Asks, and gives the answer's `data`.
    pub async fn data(&self, document: &str, variables: Value) -> Result<Value, PortError> {
        data_of(&self.answer(document, variables).await?)
    }

    /// Asks for pages of `first`, or of half as many as long as that costs too much, and gives the `data`.
    pub async fn page(&self, document: &str, variables: Value, first: usize) -> Result<Value, PortError> {
        data_of(&self.page_answer(document, variables, first).await?)
    }

    /// Like [`Api::page`], but gives the answer as it came. What is no JSON is passed on.
    pub async fn page_answer(&self, document: &str, mut variables: Value, first: usize) -> Result<Answer, PortError> {
        let mut first = first;
        loop {
            variables["first"] = first.into();
            match self.ask(document, &variables).await? {
                Ok(answer) => return Ok(answer),
                Err(message) if first == 1 => return Err(PortError::Refused(message)),
                Err(_) => first = (first / 2).max(1),
            }
        }
    }

    /// Runs a mutation whose payload is called `result`: the payload and its `userErrors`.
    pub async fn change(&self, document: &str, variables: Value) -> Result<Vec<UserError>, PortError> {
        let data = self.data(document, variables).await?;
        let text = |value: &Value| clean(value.as_str().unwrap_or(""), MESSAGE_MAX);
        if !data["result"].is_object() {
            return Err(PortError::retry("Shopify's answer tells no result"));
        }
        let errors = data["result"]["userErrors"].as_array().into_iter().flatten();
        let error = |error: &Value| UserError {
            field: error["field"].as_array().into_iter().flatten().map(text).collect(),
            message: text(&error["message"]),
        };
        Ok(errors.map(error).collect())
    }

    /// Asks, and gives the answer as it came, once it is known to carry no `errors`. What is no JSON is passed on.
    pub async fn answer(&self, document: &str, variables: Value) -> Result<Answer, PortError> {
        self.ask(document, &variables).await?.map_err(PortError::Refused)
    }

    /// The inner error is the message of a question that costs too much.
    async fn ask(&self, document: &str, variables: &Value) -> Result<Result<Answer, String>, PortError> {
        let body = json!({ "query": document, "variables": variables }).to_string().into_bytes();
        let answer = match self.send(&body).await {
            // A day has passed, or the app's rights have changed.
            Err(PortError::Unauthorised(_)) if self.session.lock().await.take().is_some() => self.send(&body).await?,
            other => other?,
        };
        match graph_error(&answer) {
            None => Ok(Ok(answer)),
            Some(GraphError::TooDear(message)) => Ok(Err(message)),
            Some(GraphError::Port(error)) => Err(error),
        }
    }

    async fn send(&self, body: &[u8]) -> Result<Answer, PortError> {
        let token = self.token().await?;
        let url = format!("{}/admin/api/{VERSION}/graphql.json", self.site);
        let headers = vec![
            ("accept", "application/json".to_owned()),
            ("x-shopify-access-token", token.expose_secret().to_owned()),
        ];
        let body = Some(("application/json", body.to_vec()));
        self.http.call(Call { url: &url, headers, body, timeout: self.timeout }).await
    }

    async fn token(&self) -> Result<SecretString, PortError> {
        if !self.token.expose_secret().is_empty() {
            return Ok(self.token.clone());
        }
        let mut held = self.session.lock().await;
        if let Some(token) = held.as_ref() {
            return Ok(token.clone());
        }
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &self.client_id)
            .append_pair("client_secret", self.client_secret.expose_secret())
            .finish();
        let url = format!("{}/admin/oauth/access_token", self.site);
        let headers = vec![("accept", "application/json".to_owned())];
        let body = Some(("application/x-www-form-urlencoded", form.into_bytes()));
        let call = Call { url: &url, headers, body, timeout: self.timeout };
        let answer = self.http.call(call).await.map_err(|error| match error {
            // Wrong ids are told with status 400.
            PortError::Refused(message) => PortError::Unauthorised(message),
            other => other,
        })?;
        let answer = answer.json()?;
        let token: SecretString = match answer["access_token"].as_str().filter(|token| !token.is_empty()) {
            Some(token) => token.into(),
            None => return Err(PortError::Protocol("Shopify gave no access token".into())),
        };
        *held = Some(token.clone());
        Ok(token)
    }
}

fn data_of(answer: &Answer) -> Result<Value, PortError> {
    match answer.json()?.get_mut("data").map(Value::take) {
        Some(data) if data.is_object() => Ok(data),
        _ => Err(PortError::Protocol("Shopify's answer has no data".into())),
    }
}

/// How many questions like this one the points that are left allow.
pub(super) fn rate_left(answer: &Answer) -> Option<u32> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        extensions: Value,
    }
    let envelope: Envelope = serde_json::from_slice(&answer.body).ok()?;
    let cost = &envelope.extensions["cost"];
    let left = cost["throttleStatus"]["currentlyAvailable"].as_f64()?;
    let each = cost["requestedQueryCost"].as_f64().filter(|each| *each >= 1.0).unwrap_or(1.0);
    // A quotient that is negative or no number becomes 0, one that is too large the largest.
    Some((left / each) as u32)
}

/// What the first of an answer's `errors` means. An answer that is no object is left to who reads its data.
fn graph_error(answer: &Answer) -> Option<GraphError> {
    #[derive(serde::Deserialize)]
    struct Envelope {
        errors: Option<Value>,
        #[serde(default)]
        extensions: Value,
    }
    if answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return None;
    }
    let envelope: Envelope = serde_json::from_slice(&answer.body).ok()?;
    let errors = envelope.errors.filter(|errors| !errors.is_null())?;
    // Old doors answer `errors` with a text.
    let error = match &errors {
        Value::Array(list) => list.first()?.clone(),
        other => json!({ "message": other.as_str().unwrap_or("no reason given") }),
    };
    let message = clean(error["message"].as_str().unwrap_or("no reason given"), MESSAGE_MAX);
    let said = format!("Shopify says: {message}");
    Some(match error["extensions"]["code"].as_str().unwrap_or("") {
        "THROTTLED" => GraphError::Port(PortError::Retry {
            message: "Shopify asks for fewer calls".into(),
            after_seconds: Some(wait_seconds(&envelope.extensions["cost"])),
        }),
        "MAX_COST_EXCEEDED" => GraphError::TooDear(said),
        "ACCESS_DENIED" | "UNAUTHORIZED" | "FORBIDDEN" => GraphError::Port(PortError::Unauthorised(said)),
        "INTERNAL_SERVER_ERROR" | "TIMEOUT" => {
            GraphError::Port(PortError::retry(format!("Shopify is in trouble: {message}")))
        }
        _ => GraphError::Port(PortError::Refused(said)),
    })
}

/// Seconds until the points that the question needs are there: `extensions.cost`.
fn wait_seconds(cost: &Value) -> u32 {
    let status = &cost["throttleStatus"];
    let (needed, left) = (cost["requestedQueryCost"].as_f64(), status["currentlyAvailable"].as_f64());
    let rate = status["restoreRate"].as_f64().filter(|rate| *rate > 0.0);
    let seconds = match (needed, left, rate) {
        (Some(needed), Some(left), Some(rate)) => ((needed - left) / rate).ceil(),
        _ => 1.0,
    };
    seconds.clamp(1.0, WAIT_SECONDS_MAX) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_the_time_that_the_missing_points_take() {
        let cost = |needed: f64, left: f64, rate: f64| {
            let status = json!({ "maximumAvailable": 2_000.0, "currentlyAvailable": left, "restoreRate": rate });
            json!({ "requestedQueryCost": needed, "throttleStatus": status })
        };
        assert_eq!(wait_seconds(&cost(502.0, 50.0, 100.0)), 5);
        assert_eq!(wait_seconds(&cost(10.0, 50.0, 100.0)), 1);
        assert_eq!(wait_seconds(&cost(1e9, 0.0, 1.0)), 300);
        assert_eq!(wait_seconds(&cost(1.0, 0.0, 0.0)), 1);
        assert_eq!(wait_seconds(&Value::Null), 1);
    }
}
