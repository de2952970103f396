//! The calls of the custom-channel protocol: JSON by POST, a token in the body, `Error` in the answer.
//!
//! Success is status 200 with no `Error`. Where the manifest names an authorisation endpoint, each call also carries a
//! bearer token got with the client id and secret that the user typed; it is fetched anew when it runs out or is refused.

use std::time::{Duration, Instant};

use base64::Engine;
use consign_ports::{Connection, PortError};
use consign_values::clean;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::http::{Answer, Call, Http};
use crate::loose::{find, scalar};

/// A JSON object of the protocol.
pub(super) type Object = Map<String, Value>;

/// Characters of an app's `Error` that are shown.
const ERROR_MAX: usize = 500;
/// A bearer token is renewed this long before it runs out.
const BEARER_MARGIN: Duration = Duration::from_secs(30);

/// What calls of one instance need.
pub(super) struct Api {
    http: Http,
    timeout: Duration,
    token: SecretString,
    bearer: Option<BearerSource>,
}

struct BearerSource {
    endpoint: String,
    scopes: String,
    client_id: String,
    client_secret: SecretString,
    held: Mutex<Option<(SecretString, Instant)>>,
}

impl Api {
    /// Reads token and client credentials off the connection.
    pub fn new(http: Http, timeout: Duration, connection: &Connection) -> Self {
        let (endpoint, client_id) = (connection.get("oauth_endpoint"), connection.get("oauth_client_id"));
        let bearer = (!endpoint.is_empty() && !client_id.is_empty()).then(|| BearerSource {
            endpoint: endpoint.to_owned(),
            scopes: connection.get("oauth_scopes").to_owned(),
            client_id: client_id.to_owned(),
            client_secret: connection.get("oauth_client_secret").into(),
            held: Mutex::new(None),
        });
        Api { http, timeout, token: connection.get("token").into(), bearer }
    }

    /// Calls and gives the answer as it came.
    pub async fn post(&self, url: &str, mut body: Object) -> Result<Answer, PortError> {
        if !self.token.expose_secret().is_empty() {
            body.insert("AuthorizationToken".into(), self.token.expose_secret().into());
        }
        let bytes = Value::Object(body).to_string().into_bytes();
        match self.send(url, bytes.clone()).await {
            Err(PortError::Unauthorised(_)) if self.forget_bearer().await => self.send(url, bytes).await,
            other => other,
        }
    }

    /// Calls and gives the answer's object, once its `Error` is found to be empty.
    pub async fn object(&self, url: &str, body: Object) -> Result<Object, PortError> {
        let answer = self.post(url, body).await?;
        match answer.json()? {
            Value::Object(object) => match error_of(&object) {
                Some(error) => Err(PortError::Refused(error)),
                None => Ok(object),
            },
            _ => Err(PortError::Protocol("the app's answer must be a JSON object".into())),
        }
    }

    /// The text behind an address, for a manifest.
    pub async fn fetch_text(&self, url: &str) -> Result<String, PortError> {
        let call = Call { url, headers: Vec::new(), body: None, timeout: self.timeout };
        Ok(self.http.call(call).await?.text().into_owned())
    }

    async fn send(&self, url: &str, bytes: Vec<u8>) -> Result<Answer, PortError> {
        let mut headers = vec![("accept", "application/json".to_owned())];
        if let Some(source) = &self.bearer {
            let bearer = self.bearer(source).await?;
            headers.push(("authorization", format!("Bearer {}", bearer.expose_secret())));
        }
        self.http.call(Call { url, headers, body: Some(("application/json", bytes)), timeout: self.timeout }).await
    }

    async fn forget_bearer(&self) -> bool {
        match &self.bearer {
            Some(source) => source.held.lock().await.take().is_some(),
            None => false,
        }
    }

    async fn bearer(&self, source: &BearerSource) -> Result<SecretString, PortError> {
        let mut held = source.held.lock().await;
        if let Some((bearer, until)) = held.as_ref()
            && Instant::now() < *until
        {
            return Ok(bearer.clone());
        }
        let answer = match self.grant(source, false).await {
            Err(PortError::Unauthorised(_) | PortError::Refused(_)) => self.grant(source, true).await?,
            other => other?,
        };
        let grant = answer.json()?;
        let bearer: SecretString = grant["access_token"]
            .as_str()
            .filter(|text| !text.is_empty())
            .ok_or_else(|| PortError::Unauthorised("the authorisation endpoint gave no access token".into()))?
            .into();
        let seconds = scalar(&grant["expires_in"]).and_then(|text| text.parse::<u64>().ok()).unwrap_or(300).min(86_400);
        *held = Some((bearer.clone(), Instant::now() + Duration::from_secs(seconds).saturating_sub(BEARER_MARGIN)));
        Ok(bearer)
    }

    async fn grant(&self, source: &BearerSource, basic: bool) -> Result<Answer, PortError> {
        let (headers, form) = grant_request(source, basic);
        let body = Some(("application/x-www-form-urlencoded", form));
        self.http.call(Call { url: &source.endpoint, headers, body, timeout: self.timeout }).await
    }
}

/// Asks for a token with the credentials in the form, or as HTTP Basic: servers accept the one or the other.
fn grant_request(source: &BearerSource, basic: bool) -> (Vec<(&'static str, String)>, Vec<u8>) {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    if !source.scopes.is_empty() {
        form.append_pair("scope", &source.scopes);
    }
    let mut headers = vec![("accept", "application/json".to_owned())];
    let secret = source.client_secret.expose_secret();
    if basic {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{secret}", source.client_id));
        headers.push(("authorization", format!("Basic {pair}")));
    } else {
        form.append_pair("client_id", &source.client_id).append_pair("client_secret", secret);
    }
    (headers, form.finish().into_bytes())
}

/// The answer's `Error`, unless it is missing, null, false or blank.
pub(super) fn error_of(object: &Object) -> Option<String> {
    let text = match find(object, "Error")? {
        Value::Bool(false) => return None,
        value => scalar(value).unwrap_or_else(|| value.to_string()),
    };
    let text = clean(&text, ERROR_MAX);
    (!text.is_empty()).then_some(text)
}
