//! The JSON interface, `/api/v1`: everything that the pages do, for programs. One file per noun.
//!
//! Handlers call the same use cases behind the same permission extractors as the pages. `routes!` takes path and method from the
//! annotation that the OpenAPI document is made of, so the two can't drift; `document.rs` adds what all routes share.

mod call;
mod centres;
mod channel_hooks;
mod channel_locations;
mod channel_set_up;
mod channels;
mod customers;
mod document;
mod door;
mod drafts;
mod exports;
mod imports;
mod items;
mod locations;
mod marks;
mod order_changes;
mod order_shapes;
mod orders;
pub mod reader;
mod retention;
mod rules;
mod schedules;
mod settings;
mod stock;
mod tokens;
mod users;
mod webhooks;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use crate::access::View;
use crate::problem::turned_away;

pub use document::ProblemBody;

/// Where the interface lives.
pub const ROOT: &str = "/api/v1";

fn described() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(document::head()).nest(
        ROOT,
        OpenApiRouter::new()
            .merge(orders::routes())
            .merge(order_changes::routes())
            .merge(drafts::routes())
            .merge(customers::routes())
            .merge(marks::routes())
            .merge(imports::routes())
            .merge(exports::routes())
            .merge(items::routes())
            .merge(stock::routes())
            .merge(locations::routes())
            .merge(centres::routes())
            .merge(channels::routes())
            .merge(channel_set_up::routes())
            .merge(channel_locations::routes())
            .merge(channel_hooks::routes())
            .merge(schedules::routes())
            .merge(rules::routes())
            .merge(users::routes())
            .merge(tokens::routes())
            .merge(webhooks::routes())
            .merge(settings::routes())
            .merge(retention::routes()),
    )
}

/// The document alone.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut document) = described().split_for_parts();
    document::finish(&mut document);
    document
}

/// All routes of the interface, behind its door.
pub fn routes(app: &App) -> Router<App> {
    let (routes, _) = described().split_for_parts();
    let text: Arc<str> = openapi().to_json().unwrap_or_default().into();
    let serve = move |State(_): State<App>, View(_): View| async move {
        ([(header::CONTENT_TYPE, "application/json")], text.to_string())
    };
    let door = door::Door { app: app.clone(), limits: Arc::default() };
    routes
        .route(door::DOCUMENT, get(serve))
        .route(ROOT, axum::routing::any(unknown))
        .route("/api/v1/{*rest}", axum::routing::any(unknown))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(door, door::enter))
}

async fn unknown() -> Response {
    turned_away(StatusCode::NOT_FOUND, "not_found", "There is no such address.")
}

async fn wrong_method() -> Response {
    let detail = "This address takes other methods; see the document.";
    turned_away(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail).into_response()
}
