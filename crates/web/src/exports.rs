//! Orders, items and stock as files to take away.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use consign_oms::Error;
use consign_oms::exports::{self, Export, ExportFilter, FileKind};
use consign_values::LocationId;
use maud::{Markup, html};
use serde::Deserialize;

use crate::App;
use crate::access::{View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/exports/orders/{kind}", get(orders))
        .route("/exports/items/{kind}", get(items))
        .route("/exports/stock/{kind}", get(stock))
}

/// How far back orders reach unless a number of days is named (reference 6.7).
const DAYS: i64 = 31;

#[derive(Default, Deserialize)]
#[serde(default)]
struct ExportQuery {
    location: String,
    days: String,
}

async fn orders(
    State(app): State<App>,
    _: WorkOrders,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    let days = match query.days.trim() {
        "" => Some(DAYS),
        "all" => None,
        days => {
            let days = days.parse().ok().filter(|days| (1..=36_500).contains(days));
            Some(days.ok_or_else(|| Error::invalid("days", "must be between 1 and 36,500, or all"))?)
        }
    };
    let received_from = days.map(|days| app.clock.now().plus_seconds(-days * 86_400));
    answer(&app, Export::Orders, ExportFilter { received_from, ..located(&query)? }, &kind, "orders").await
}

async fn items(State(app): State<App>, _: View, Path(kind): Path<String>) -> Answer<Response> {
    answer(&app, Export::Items, ExportFilter::default(), &kind, "items").await
}

async fn stock(
    State(app): State<App>,
    _: View,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    answer(&app, Export::Stock, located(&query)?, &kind, "stock").await
}

fn located(query: &ExportQuery) -> Result<ExportFilter, Error> {
    let location = match query.location.trim() {
        "" | "all" => None,
        id => Some(LocationId(id.parse().map_err(|_| Error::invalid("location", "must be the number of a location"))?)),
    };
    Ok(ExportFilter { location, received_from: None })
}

async fn answer(app: &App, what: Export, filter: ExportFilter, kind: &str, name: &str) -> Answer<Response> {
    let file_kind = match kind {
        "csv" => FileKind::Csv,
        "xlsx" => FileKind::Xlsx,
        _ => return Err(Error::NotFound("kind of file; there are csv and xlsx").into()),
    };
    let bytes = app.read(move |tx| exports::file(tx, what, &filter, file_kind)).await?;
    let headers = [
        (header::CONTENT_TYPE, file_kind.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{kind}\"")),
    ];
    Ok((headers, bytes).into_response())
}

/// Links to both files of `what`; `query` begins with `?` or is blank.
pub fn links(what: &str, query: &str, title: &str) -> Markup {
    html! { span.exports title=(title) {
        "Export " a href={"/exports/" (what) "/csv" (query)} download { "CSV" } " " a href={"/exports/" (what) "/xlsx" (query)} download { "XLSX" }
    } }
}
