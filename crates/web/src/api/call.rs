//! What the interface's handlers share: reading path, query and body with errors that name the field, answering in JSON, and
//! writing under an idempotency key.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_db::Tx;
use consign_oms::tokens::{self, Caller};
use consign_oms::{Actor, Ctx, Error};
use consign_values::{Currency, Money, TokenId};
use rust_decimal::Decimal;
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::App;
use crate::problem::{Answer, Problem, turned_away};

/// The idempotency key of a request with the digest of the request; the door leaves it.
#[derive(Clone)]
pub struct Key(pub Option<(String, Vec<u8>)>);

/// A request that may change something: by which token, under which key.
#[derive(Clone)]
pub struct Call {
    app: App,
    token: TokenId,
    key: Key,
}

impl FromRequestParts<App> for Call {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match (parts.extensions.get::<Caller>(), parts.extensions.get::<Key>()) {
            (Some(caller), Some(key)) => Ok(Call { app: app.clone(), token: caller.token.id, key: key.clone() }),
            _ => Err(turned_away(StatusCode::UNAUTHORIZED, "unauthenticated", "Send a token.")),
        }
    }
}

impl Call {
    /// Who acts.
    pub fn actor(&self) -> Actor {
        Actor::Token(self.token)
    }

    /// Does `work` in one transaction and answers what it gave, as JSON with `status`. Under a key that was used before,
    /// answers what was answered then.
    pub async fn write<T: Serialize + Send + 'static>(
        &self,
        status: StatusCode,
        work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Answer<Response> {
        let (status, body, again) = self.once(self.key.0.clone(), status, work).await?;
        Ok(reply(status, body, again))
    }

    /// As [`Call::write`] for an answer that must not be kept because it holds a secret; a key is refused.
    pub async fn write_unkept<T: Serialize + Send + 'static>(
        &self,
        status: StatusCode,
        work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Answer<Response> {
        if self.key.0.is_some() {
            let why = "can't be used here: the answer holds a secret, and is kept nowhere";
            return Err(Error::invalid("Idempotency-Key", why).into());
        }
        let (status, body, again) = self.once(None, status, work).await?;
        Ok(reply(status, body, again))
    }

    /// As [`Call::write`] for one thing of many: its own transaction, its own key, so that a repeated bulk request does what
    /// is left and nothing twice. Gives the JSON.
    pub async fn write_part<T: Serialize + Send + 'static>(
        &self,
        part: usize,
        work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<serde_json::Value, Error> {
        let key = self.key.0.clone().map(|(key, request)| (format!("{key} {part}"), request));
        let (_, body, _) = self.once(key, StatusCode::OK, work).await?;
        Ok(serde_json::from_str(&body).unwrap_or_default())
    }

    async fn once<T: Serialize + Send + 'static>(
        &self,
        key: Option<(String, Vec<u8>)>,
        status: StatusCode,
        mut work: impl FnMut(&mut Tx<'_>, &Ctx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<(StatusCode, String, bool), Error> {
        let token = self.token;
        self.app
            .write(self.actor(), move |tx, ctx| {
                if let Some((key, request)) = &key
                    && let Some((status, body)) = tokens::begin(tx, ctx, token, key, request)?
                {
                    let status = u16::try_from(status).ok().and_then(|code| StatusCode::from_u16(code).ok());
                    return Ok((status.unwrap_or(StatusCode::OK), body, true));
                }
                let body = to_json(&work(tx, ctx)?)?;
                if let Some((key, _)) = &key {
                    tokens::keep(tx, token, key, i64::from(status.as_u16()), &body)?;
                }
                Ok((status, body, false))
            })
            .await
    }
}

fn to_json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::Db(consign_db::Error::Other(error.to_string())))
}

fn reply(status: StatusCode, body: String, again: bool) -> Response {
    if status == StatusCode::NO_CONTENT {
        return status.into_response();
    }
    let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
    if again {
        response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    }
    response
}

/// A body in JSON, with unknown fields refused by its type.
pub struct Input<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
            let detail = "Send the body as application/json.";
            return Err(turned_away(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let bytes = axum::body::Bytes::from_request(request, app).await.map_err(|_| {
            turned_away(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "A request may have at most 1 MiB.")
        })?;
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let malformed = |error: &serde_json::Error| {
            let detail = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
            turned_away(StatusCode::BAD_REQUEST, "malformed", &detail)
        };
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let inner = error.inner();
            if inner.is_data() { field_error(&error.path().to_string(), &inner.to_string()) } else { malformed(inner) }
        })?;
        reader.end().map_err(|error| malformed(&error))?;
        Ok(Input(value))
    }
}

fn field_error(path: &str, message: &str) -> Response {
    let message = message.split(" at line ").next().unwrap_or(message);
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let error = match (path, missing) {
        (".", Some(field)) => Error::invalid(field, "is missing"),
        (path, Some(field)) => Error::invalid(format!("{path}.{field}"), "is missing"),
        (".", None) => Error::invalid("body", format!("is wrong: {message}")),
        (path, None) => Error::invalid(path, format!("is wrong: {message}")),
    };
    Problem(error).into_response()
}

/// A query, with unknown parameters refused by its type.
pub struct Search<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Search<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Response> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes());
        serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs))
            .map(Search)
            .map_err(|error| field_error(&error.path().to_string(), &error.inner().to_string()))
    }
}

/// What a path names. One that can't be read names nothing that there is.
pub struct Route<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Route<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Path(value) =
            Path::from_request_parts(parts, app).await.map_err(|_: PathRejection| Error::NotFound("thing"))?;
        Ok(Route(value))
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub struct Page<T> {
    /// What was found, in the list's sequence.
    pub data: Vec<T>,
    /// Give it as `cursor` for the next page; none after the last.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` of `rows`, which hold one more if there is a next page; `place` names where a row stands.
    pub fn of<R>(mut rows: Vec<R>, limit: usize, place: impl Fn(&R) -> String, show: impl Fn(&R) -> T) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| cursor(&place(row)));
        Page { data: rows.iter().map(show).collect(), next_cursor }
    }

    /// A list that has no second page.
    pub fn whole(data: Vec<T>) -> Self {
        Page { data, next_cursor: None }
    }
}

/// A cursor for a place in a list: nobody is to read it.
pub fn cursor(place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(place)
}

/// The place of a cursor, or none where no cursor was given.
pub fn place(cursor: Option<&str>) -> Result<Option<String>, Error> {
    let Some(cursor) = cursor else { return Ok(None) };
    BASE64_URL_SAFE_NO_PAD
        .decode(cursor)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|place| place.len() <= 600 && !place.chars().any(char::is_control))
        .map(Some)
        .ok_or_else(bad_cursor)
}

/// A cursor that no list gave.
pub fn bad_cursor() -> Error {
    Error::invalid("cursor", "is not one that this list gave; leave it out for the first page")
}

/// An amount: main units with the currency's decimals, more only where it has them.
pub fn amount(amount: i64, currency: Currency) -> String {
    let mut value = Decimal::new(amount, 4).normalize();
    if value.scale() < currency.decimals() {
        value.rescale(currency.decimals());
    }
    value.to_string()
}

/// Reads an amount.
pub fn read_amount(field: &str, text: &str, currency: Currency) -> Result<i64, Error> {
    let wrong = |_| Error::invalid(field, "must be an amount such as \"12.50\"");
    let value: Decimal = text.trim().parse().map_err(|error: rust_decimal::Error| wrong(error.to_string()))?;
    Money::from_decimal(value, currency)
        .map(|money| money.amount)
        .map_err(|error| Error::invalid(field, error.to_string()))
}

/// What came of one thing of many.
#[derive(Serialize, ToSchema)]
pub struct PartResult {
    /// Which one, counted from 0 in the sequence they were sent.
    pub index: usize,
    /// Its id, where it has one.
    #[schema(required)]
    pub id: Option<i64>,
    /// Whether it was done.
    pub ok: bool,
    /// Why not.
    #[schema(required, value_type = Option<super::ProblemBody>)]
    pub problem: Option<serde_json::Value>,
}

/// What came of many things: each was done, or not, by itself.
#[derive(Serialize, ToSchema)]
pub struct BulkResult {
    /// How many were done.
    pub done: usize,
    /// How many were not.
    pub failed: usize,
    /// Each, in the sequence they were sent.
    pub results: Vec<PartResult>,
}

impl BulkResult {
    /// From what came of each.
    pub fn of(results: Vec<(Option<i64>, Result<(), Error>)>) -> Self {
        let results: Vec<PartResult> = results
            .into_iter()
            .enumerate()
            .map(|(index, (id, result))| PartResult {
                index,
                id,
                ok: result.is_ok(),
                problem: result.err().map(|error| crate::problem::to_json(&error)),
            })
            .collect();
        let done = results.iter().filter(|result| result.ok).count();
        BulkResult { done, failed: results.len() - done, results }
    }
}
