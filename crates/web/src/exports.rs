//! Orders, items and stock as files to take away.

use axum::Router;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use consign_oms::Error;
use consign_oms::exports::{self, Columns, Export, ExportFilter, FileKind};
use consign_oms::locations;
use consign_values::{LocationId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::{View, WorkOrders};
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/exports", get(page))
        .route("/exports/file", get(chosen))
        .route("/exports/orders/{kind}", get(orders))
        .route("/exports/centre-orders/{kind}", get(centre_orders))
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
    from: String,
    until: String,
    columns: String,
}

async fn page(State(app): State<App>, user: WorkOrders) -> Answer<Markup> {
    let places = app.read(locations::list).await?;
    let content = html! {
        p { a href="/imports" { "← Imports" } }
        h1 { "Exports" }
        p { "Orders, items and stock as a file. An exported file can be imported as it is; cells that a spreadsheet could take for a formula are made harmless. " a href="/schedules" { "Schedules" } " leave files by themselves." }
        form.stack method="get" action="/exports/file" {
            label { "What" select name="what" { @for what in Export::ALL { option value=(what.code()) { (what.label()) } } } }
            label { "Location of orders or stock" select name="location" { option value="" { "all" } @for place in &places { option value=(place.id) { (place.name) } } } }
            fieldset { legend { "Orders received" }
                div.pair {
                    label { "From" input type="date" name="from"; }
                    label { "Until, that day included" input type="date" name="until"; }
                }
                p.dim { "Neither of them: the last 31 days." }
            }
            label { "Columns, one a line; empty for all" textarea name="columns" rows="6" placeholder="reference\nsku = Article\nquantity" {} }
            @for what in [Export::Orders, Export::Items, Export::Stock] {
                details { summary { "The columns of " (what.code()) } p { @for code in what.columns() { code { (code) } " " } } }
            }
            label { "As" select name="kind" { option value="csv" { "CSV" } option value="xlsx" { "XLSX" } } }
            button.primary { "Export" }
        }
    };
    ui::page(&app, &user.0, "/imports", "Exports", content).await
}

#[derive(Deserialize)]
struct Chosen {
    what: String,
    kind: String,
}

/// The form's choice as the address of a file.
async fn chosen(_: View, Query(chosen): Query<Chosen>, RawQuery(query): RawQuery) -> Answer<Redirect> {
    let what = Export::parse(&chosen.what).ok_or(Error::NotFound("kind of export"))?;
    if !matches!(chosen.kind.as_str(), "csv" | "xlsx") {
        return Err(Error::NotFound("kind of file; there are csv and xlsx").into());
    }
    Ok(Redirect::to(&format!("/exports/{}/{}?{}", what.code(), chosen.kind, query.unwrap_or_default())))
}

/// A day of the form's, `2026-11-23`, and days after it.
fn day(field: &'static str, text: &str, days: i64) -> Result<Option<Timestamp>, Error> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let at = Timestamp::parse(text).ok_or_else(|| Error::invalid(field, "must be a day such as 2026-11-23"))?;
    Ok(Some(at.plus_seconds(days * 86_400)))
}

async fn orders(
    State(app): State<App>,
    _: WorkOrders,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    let (from, until) = (day("from", &query.from, 0)?, day("until", &query.until, 1)?);
    let days = match query.days.trim() {
        "" if from.is_some() || until.is_some() => None,
        "" => Some(DAYS),
        "all" => None,
        days => {
            let days = days.parse().ok().filter(|days| (1..=36_500).contains(days));
            Some(days.ok_or_else(|| Error::invalid("days", "must be between 1 and 36,500, or all"))?)
        }
    };
    let received_from = from.or(days.map(|days| app.clock.now().plus_seconds(-days * 86_400)));
    let filter = ExportFilter { received_from, received_until: until, ..located(&query)? };
    answer(&app, Export::Orders, filter, &query.columns, &kind).await
}

/// All that the centre has, however old: it is to have them all.
async fn centre_orders(
    State(app): State<App>,
    _: WorkOrders,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    answer(&app, Export::CentreOrders, located(&query)?, &query.columns, &kind).await
}

async fn items(
    State(app): State<App>,
    _: View,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    answer(&app, Export::Items, ExportFilter::default(), &query.columns, &kind).await
}

async fn stock(
    State(app): State<App>,
    _: View,
    Path(kind): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Answer<Response> {
    answer(&app, Export::Stock, located(&query)?, &query.columns, &kind).await
}

fn located(query: &ExportQuery) -> Result<ExportFilter, Error> {
    let location = match query.location.trim() {
        "" | "all" => None,
        id => Some(LocationId(id.parse().map_err(|_| Error::invalid("location", "must be the number of a location"))?)),
    };
    Ok(ExportFilter { location, ..ExportFilter::default() })
}

async fn answer(app: &App, what: Export, filter: ExportFilter, columns: &str, kind: &str) -> Answer<Response> {
    let columns = Columns::parse(what, columns).map_err(|reason| Error::invalid("columns", reason))?;
    let file_kind = match kind {
        "csv" => FileKind::Csv,
        "xlsx" => FileKind::Xlsx,
        _ => return Err(Error::NotFound("kind of file; there are csv and xlsx").into()),
    };
    let bytes = app.read(move |tx| exports::file(tx, what, &filter, &columns, file_kind)).await?;
    let headers = [
        (header::CONTENT_TYPE, file_kind.media_type().to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}.{kind}\"", what.code())),
    ];
    Ok((headers, bytes).into_response())
}

/// Links to both files of `what`; `query` begins with `?` or is blank.
pub fn links(what: &str, query: &str, title: &str) -> Markup {
    html! { span.exports title=(title) {
        "Export " a href={"/exports/" (what) "/csv" (query)} download { "CSV" } " " a href={"/exports/" (what) "/xlsx" (query)} download { "XLSX" }
    } }
}
