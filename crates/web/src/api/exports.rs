//! Orders, items and stock as files to take away; the same files as the pages'.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use consign_oms::Error;
use consign_oms::exports::{self, Columns, Export, ExportFilter, FileKind};
use consign_values::{LocationId, Timestamp};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Route, Search};
use super::order_changes::read_time;
use crate::App;
use crate::access::{View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(orders))
        .routes(routes!(centre_orders))
        .routes(routes!(items))
        .routes(routes!(stock))
}

/// Which kind of file.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// Comma-separated, UTF-8.
    Csv,
    /// A workbook with one sheet.
    Xlsx,
}

/// A file of bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)]
struct FileBytes(Vec<u8>);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct OrdersWanted {
    /// Orders at that location only.
    location_id: Option<i64>,
    /// Orders received then or later only.
    #[param(format = DateTime)]
    received_from: Option<String>,
    /// Orders received before then only.
    #[param(format = DateTime)]
    received_until: Option<String>,
    /// Codes of columns, with commas between them; `code=name` gives one another name. All where it is left out.
    columns: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct StockWanted {
    /// Levels at that location only.
    location_id: Option<i64>,
    /// Codes of columns, with commas between them; `code=name` gives one another name. All where it is left out.
    columns: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ItemsWanted {
    /// Codes of columns, with commas between them; `code=name` gives one another name. All where it is left out.
    columns: Option<String>,
}

async fn file(app: &App, what: Export, filter: ExportFilter, columns: Option<String>, kind: Kind) -> Answer<Response> {
    let columns = columns.unwrap_or_default().replace(',', "\n");
    let columns = Columns::parse(what, &columns).map_err(|reason| Error::invalid("columns", reason))?;
    let kind = match kind {
        Kind::Csv => FileKind::Csv,
        Kind::Xlsx => FileKind::Xlsx,
    };
    let bytes = app.read(move |tx| exports::file(tx, what, &filter, &columns, kind)).await?;
    Ok(([(header::CONTENT_TYPE, kind.media_type())], bytes).into_response())
}

fn moment(field: &str, text: Option<&String>) -> Result<Option<Timestamp>, Error> {
    text.map(|text| read_time(field, text)).transpose()
}

/// Lines of open orders, parked ones too, locked ones not; at most 200,000. The file can be imported as it is.
#[utoipa::path(get, path = "/exports/orders/{kind}", tag = "exports", params(("kind" = inline(Kind), Path), OrdersWanted), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The file.", content(
        (FileBytes = "text/csv"), (FileBytes = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn orders(
    State(app): State<App>,
    _: WorkOrders,
    Route(kind): Route<Kind>,
    Search(query): Search<OrdersWanted>,
) -> Answer<Response> {
    let filter = ExportFilter {
        location: query.location_id.map(LocationId),
        received_from: moment("received_from", query.received_from.as_ref())?,
        received_until: moment("received_until", query.received_until.as_ref())?,
    };
    file(&app, Export::Orders, filter, query.columns, kind).await
}

/// Lines of the orders that fulfilment centres have, whoever sends them there; at most 200,000.
#[utoipa::path(get, path = "/exports/centre-orders/{kind}", tag = "exports", params(("kind" = inline(Kind), Path), StockWanted), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The file.", content(
        (FileBytes = "text/csv"), (FileBytes = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn centre_orders(
    State(app): State<App>,
    _: WorkOrders,
    Route(kind): Route<Kind>,
    Search(query): Search<StockWanted>,
) -> Answer<Response> {
    let filter = ExportFilter { location: query.location_id.map(LocationId), ..ExportFilter::default() };
    file(&app, Export::CentreOrders, filter, query.columns, kind).await
}

/// All items; at most 200,000.
#[utoipa::path(get, path = "/exports/items/{kind}", tag = "exports", params(("kind" = inline(Kind), Path), ItemsWanted), security(("token" = ["view"])),
    responses((status = 200, description = "The file.", content(
        (FileBytes = "text/csv"), (FileBytes = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn items(
    State(app): State<App>,
    _: View,
    Route(kind): Route<Kind>,
    Search(query): Search<ItemsWanted>,
) -> Answer<Response> {
    file(&app, Export::Items, ExportFilter::default(), query.columns, kind).await
}

/// Levels of items at locations; at most 200,000.
#[utoipa::path(get, path = "/exports/stock/{kind}", tag = "exports", params(("kind" = inline(Kind), Path), StockWanted), security(("token" = ["view"])),
    responses((status = 200, description = "The file.", content(
        (FileBytes = "text/csv"), (FileBytes = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
async fn stock(
    State(app): State<App>,
    _: View,
    Route(kind): Route<Kind>,
    Search(query): Search<StockWanted>,
) -> Answer<Response> {
    let filter = ExportFilter { location: query.location_id.map(LocationId), ..ExportFilter::default() };
    file(&app, Export::Stock, filter, query.columns, kind).await
}
