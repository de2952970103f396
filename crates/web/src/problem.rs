//! What goes wrong, as HTTP: the only place where a use case's error becomes a status. RFC 9457 for programs, a page for people.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use consign_oms::{Error, Refusal};
use maud::html;
use serde_json::json;

use crate::ui;

/// An error on its way out of a handler.
pub struct Problem(pub Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem(error)
    }
}

/// What handlers return.
pub type Answer<T> = Result<T, Problem>;

/// Status, stable code, sentence.
pub fn describe(error: &Error) -> (StatusCode, &'static str, String) {
    match error {
        Error::NotFound(noun) => (StatusCode::NOT_FOUND, "not_found", format!("There is no such {noun}.")),
        Error::Refused(refusal @ Refusal::KeyReused) => {
            (StatusCode::UNPROCESSABLE_ENTITY, refusal.code(), sentence(&refusal.to_string()))
        }
        Error::Refused(refusal @ Refusal::RoleForbids(_)) => {
            (StatusCode::FORBIDDEN, refusal.code(), sentence(&refusal.to_string()))
        }
        Error::Refused(refusal) => (StatusCode::CONFLICT, refusal.code(), sentence(&refusal.to_string())),
        Error::Invalid(errors) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid", sentence(&errors.to_string())),
        Error::Stale => (StatusCode::CONFLICT, "stale", sentence(&error.to_string())),
        Error::Db(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "database",
            "The database did not answer in time. Nothing was changed; try again.".to_owned(),
        ),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Error::Db(error) = &self.0 {
            tracing::error!(%error, "the database failed");
        }
        let (status, _, detail) = describe(&self.0);
        let body = to_json(&self.0);
        let mut response = (status, ui::plain("Not done", html! {
            h1 { "Not done" }
            p.problem { (detail) }
            p { "Nothing was changed. See " a href="/orders" { "Open orders" } " or " a href="/help" { "Help" } "." }
        }))
        .into_response();
        // The middleware that knows what the client accepts swaps the page for this.
        response.extensions_mut().insert(Details(body));
        response
    }
}

fn body(status: StatusCode, code: &str, detail: &str, errors: serde_json::Value) -> serde_json::Value {
    let title = status.canonical_reason();
    json!({"type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail, "errors": errors})
}

/// One problem, as bulk answers hold it for each thing that could not be done.
pub fn to_json(error: &Error) -> serde_json::Value {
    let (status, code, detail) = describe(error);
    let errors = match error {
        Error::Invalid(errors) => serde_json::to_value(errors).unwrap_or_default(),
        _ => json!([]),
    };
    body(status, code, &detail, errors)
}

/// A request that is turned away before it reaches a use case.
pub fn turned_away(status: StatusCode, code: &str, detail: &str) -> Response {
    detailed((status, detail.to_owned()).into_response(), code, detail)
}

/// An answer for people, with what programs are told instead.
pub fn detailed(mut response: Response, code: &str, detail: &str) -> Response {
    let body = body(response.status(), code, detail, json!([]));
    response.extensions_mut().insert(Details(body));
    response
}

/// A problem's body for programs.
#[derive(Clone)]
pub struct Details(serde_json::Value);

/// Gives programs JSON instead of the page.
pub fn for_program(response: Response) -> Response {
    match response.extensions().get::<Details>().cloned() {
        Some(Details(body)) => (
            response.status(),
            [(header::CONTENT_TYPE, "application/problem+json")],
            Json(body).into_response().into_body(),
        )
            .into_response(),
        None => response,
    }
}

/// No such page.
pub async fn not_found() -> Problem {
    Problem(Error::NotFound("page"))
}
