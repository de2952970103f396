//! Files taken in: sent as they are, mapped, tried dry, worked through; what was rejected comes back as a file.
//!
//! The scope that opens these routes is that of orders; a file of items, stock or SKU links needs theirs as well.

use std::collections::BTreeMap;

use axum::Extension;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use consign_db::Tx;
use consign_oms::imports::{self, DryOrder, Import, ImportKind, ImportState, Like, Mapping, Profile, Reading};
use consign_oms::tokens::Caller;
use consign_oms::{Error, Refusal};
use consign_values::{ImportId, LocationId, Timestamp, Zone};
use serde::{Deserialize, Serialize};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route, Search, amount};
use super::document::{ProblemBody, one_of};
use super::door::FILE_MAX;
use crate::App;
use crate::access::WorkOrders;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, upload))
        .routes(routes!(profiles))
        .routes(routes!(get))
        .routes(routes!(remap))
        .routes(routes!(dry_run))
        .routes(routes!(start))
        .routes(routes!(cancel))
        .routes(routes!(rejected))
        .layer(DefaultBodyLimit::max(FILE_MAX))
}

fn kinds() -> Object {
    one_of(ImportKind::ALL.iter().map(|kind| kind.as_str()))
}
fn states() -> Object {
    one_of(ImportState::ALL.iter().map(|state| state.as_str()))
}

/// A file that is or was taken in, as lists show it.
#[derive(Serialize, ToSchema)]
struct ImportRow {
    id: i64,
    file_name: String,
    #[schema(schema_with = kinds)]
    kind: &'static str,
    #[schema(schema_with = states)]
    state: &'static str,
    /// Orders or rows in the file.
    count: i64,
    /// How many were dealt with.
    done: i64,
    /// How many were new, or changed something.
    taken: i64,
    /// How many were known before.
    known: i64,
    rejected: i64,
    /// Why it failed; blank if it did not.
    error: String,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
}

impl From<&Import> for ImportRow {
    fn from(run: &Import) -> Self {
        ImportRow {
            id: run.id.0,
            file_name: run.file_name.clone(),
            kind: run.mapping().kind.as_str(),
            state: run.state.as_str(),
            count: run.order_count,
            done: run.done_count,
            taken: run.taken_count,
            known: run.known_count,
            rejected: run.rejected_count,
            error: run.error.clone(),
            created_at: run.created_at.to_rfc3339(),
            ended_at: run.ended_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// How a file is read, and where its orders go.
#[derive(Serialize, ToSchema)]
struct MappingShown {
    /// By column of ours: what it is made of. `{name}` is a column of the file, anything else stands for itself.
    columns: BTreeMap<String, String>,
    month_first: bool,
    decimal_comma: bool,
    zone: String,
    sub_source: String,
    location_id: i64,
}

fn mapping_shown(mapping: Mapping, sub_source: &str, location: LocationId) -> MappingShown {
    MappingShown {
        zone: mapping.zone().name().to_owned(),
        columns: mapping.columns,
        month_first: mapping.month_first,
        decimal_comma: mapping.decimal_comma,
        sub_source: sub_source.to_owned(),
        location_id: location.0,
    }
}

/// A row that was rejected.
#[derive(Serialize, ToSchema)]
struct RejectedRow {
    /// Its line in the file.
    line: i64,
    reference: String,
    /// The column that is wrong; blank where only another row of the order is.
    field: String,
    reason: String,
}

/// A file with everything that its page shows.
#[derive(Serialize, ToSchema)]
struct ImportDetail {
    #[serde(flatten)]
    row: ImportRow,
    /// The file's column names.
    header: Vec<String>,
    mapping: MappingShown,
    /// The first 200 rows that were rejected; the file of them has all.
    rejects: Vec<RejectedRow>,
}

fn detail(tx: &mut Tx<'_>, id: ImportId) -> Result<ImportDetail, Error> {
    let run = imports::get(tx, id)?;
    let rejects = imports::rejects(tx, id)?;
    let rejected = |reject: imports::Reject| RejectedRow {
        line: reject.line,
        reference: reject.reference,
        field: reject.field,
        reason: reject.reason,
    };
    Ok(ImportDetail {
        row: ImportRow::from(&run),
        header: run.header(),
        mapping: mapping_shown(run.mapping(), &run.sub_source, run.location_id),
        rejects: rejects.into_iter().map(rejected).collect(),
    })
}

/// Refuses a file that the token or its user may not take in.
fn permit(tx: &mut Tx<'_>, caller: &Caller, id: ImportId) -> Result<(), Error> {
    let permission = imports::get(tx, id)?.mapping().kind.permission();
    if caller.may(permission) { Ok(()) } else { Err(Refusal::RoleForbids(permission).into()) }
}

/// The last files, newest first.
#[utoipa::path(get, path = "/imports", tag = "imports", security(("token" = ["work_orders"])),
    responses((status = 200, description = "The files.", body = Page<ImportRow>)))]
async fn list(State(app): State<App>, _: WorkOrders) -> Answer<Json<Page<ImportRow>>> {
    let runs = app.read(imports::list).await?;
    Ok(Json(Page::whole(runs.iter().map(ImportRow::from).collect())))
}

/// What a file is of.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    /// New orders.
    Orders,
    /// Orders to process.
    Process,
    /// Tracking numbers.
    Tracking,
    /// Items.
    Items,
    /// Answers of a fulfilment centre.
    Centre,
    /// Stock levels.
    Stock,
    /// SKU links.
    Listings,
}

impl From<Kind> for ImportKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Orders => ImportKind::Orders,
            Kind::Process => ImportKind::Process,
            Kind::Tracking => ImportKind::Tracking,
            Kind::Items => ImportKind::Items,
            Kind::Centre => ImportKind::Centre,
            Kind::Stock => ImportKind::Stock,
            Kind::Listings => ImportKind::Listings,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Upload {
    /// The file's name.
    file_name: Option<String>,
    /// What it is of, its columns matched by their names; new orders where it is left out.
    #[param(inline)]
    kind: Option<Kind>,
    /// Instead of `kind`: the name of a kept mapping.
    profile: Option<String>,
}

/// A file of bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)]
struct FileBytes(Vec<u8>);

/// Send a file, CSV or XLSX, at most 50 MiB, as the body. Its columns are mapped; nothing is taken in yet.
#[utoipa::path(post, path = "/imports", tag = "imports", params(Upload), security(("token" = ["work_orders"])),
    request_body(content = FileBytes, content_type = "application/octet-stream"),
    responses((status = 201, description = "The file, to be mapped and started.", body = ImportDetail),
        (status = 413, description = "The file is larger than 50 MiB.", body = ProblemBody, content_type = "application/problem+json")))]
async fn upload(
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    call: Call,
    Search(query): Search<Upload>,
    bytes: Bytes,
) -> Answer<Response> {
    if query.kind.is_some() && query.profile.is_some() {
        return Err(Error::invalid("profile", "must not be given beside kind").into());
    }
    if bytes.is_empty() {
        return Err(Error::invalid("body", "must be a file").into());
    }
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let like = match &query.profile {
            Some(name) => Like::Profile(name),
            None => Like::Names(query.kind.unwrap_or(Kind::Orders).into()),
        };
        let id = imports::prepare(tx, ctx, query.file_name.as_deref().unwrap_or("file"), &bytes, like)?;
        permit(tx, &caller, id)?;
        detail(tx, id)
    })
    .await
}

/// A mapping that was kept under a name.
#[derive(Serialize, ToSchema)]
struct KeptMapping {
    name: String,
    #[schema(schema_with = kinds)]
    kind: &'static str,
    mapping: MappingShown,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// The kept mappings.
#[utoipa::path(get, path = "/import-profiles", tag = "imports", security(("token" = ["work_orders"])),
    responses((status = 200, description = "The mappings.", body = Page<KeptMapping>)))]
async fn profiles(State(app): State<App>, _: WorkOrders) -> Answer<Json<Page<KeptMapping>>> {
    let shown = |profile: Profile| KeptMapping {
        name: profile.name.clone(),
        kind: profile.mapping().kind.as_str(),
        mapping: mapping_shown(profile.mapping(), &profile.sub_source, profile.location_id),
        updated_at: profile.updated_at.to_rfc3339(),
    };
    let kept = app.read(imports::profiles).await?;
    Ok(Json(Page::whole(kept.into_iter().map(shown).collect())))
}

/// One file: how far it is, and what was rejected.
#[utoipa::path(get, path = "/imports/{id}", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The file.", body = ImportDetail)))]
async fn get(
    State(app): State<App>,
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    Route(id): Route<i64>,
) -> Answer<Json<ImportDetail>> {
    let found = app
        .read(move |tx| {
            permit(tx, &caller, ImportId(id))?;
            detail(tx, ImportId(id))
        })
        .await?;
    Ok(Json(found))
}

/// How a file shall be read. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMapping {
    /// By column of ours: what it is made of. `{name}` is a column of the file, anything else stands for itself. All of them:
    /// columns that are left out are not read.
    columns: Option<BTreeMap<String, String>>,
    /// `03/04/2026` is the 4th of March.
    month_first: Option<bool>,
    /// `1.234,50` instead of `1,234.50`.
    decimal_comma: Option<bool>,
    /// IANA name of the time zone of dates that name none.
    zone: Option<String>,
    /// Between cells: one character; blank to find out.
    delimiter: Option<String>,
    /// Around cells: one character; blank to find out.
    quote: Option<String>,
    /// Name of the encoding; blank to find out.
    encoding: Option<String>,
    /// The first row is no header.
    headerless: Option<bool>,
    /// Where a row names none.
    sub_source: Option<String>,
    /// Where a row names none.
    location_id: Option<i64>,
    /// Keep the mapping under that name.
    keep_as: Option<String>,
}

fn mark(field: &'static str, text: &str) -> Result<Option<char>, Error> {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (one, None) => Ok(one),
        _ => Err(Error::invalid(field, "must be one character")),
    }
}

fn mapped(was: Mapping, new: &NewMapping) -> Result<Mapping, Error> {
    let wanted = |field, text: &Option<String>, was| text.as_ref().map_or(Ok(was), |text| mark(field, text));
    if new.columns.as_ref().is_some_and(|columns| columns.len() > 500) {
        return Err(Error::invalid("columns", "must be at most 500"));
    }
    if let Some(zone) = &new.zone
        && Zone::parse(zone).is_none()
    {
        return Err(Error::invalid("zone", "must be a time zone such as Europe/London"));
    }
    Ok(Mapping {
        columns: new.columns.clone().unwrap_or(was.columns),
        month_first: new.month_first.unwrap_or(was.month_first),
        decimal_comma: new.decimal_comma.unwrap_or(was.decimal_comma),
        zone: new.zone.clone().unwrap_or(was.zone),
        reading: Reading {
            delimiter: wanted("delimiter", &new.delimiter, was.reading.delimiter)?,
            quote: wanted("quote", &new.quote, was.reading.quote)?,
            encoding: new.encoding.clone().unwrap_or(was.reading.encoding),
            headerless: new.headerless.unwrap_or(was.reading.headerless),
        },
        kind: was.kind,
    })
}

/// Say how a file is read, before it is started.
#[utoipa::path(put, path = "/imports/{id}/mapping", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = NewMapping, responses((status = 200, description = "The file.", body = ImportDetail)))]
async fn remap(
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewMapping>,
) -> Answer<Response> {
    let id = ImportId(id);
    call.write(StatusCode::OK, move |tx, ctx| {
        permit(tx, &caller, id)?;
        let run = imports::get(tx, id)?;
        let mapping = mapped(run.mapping(), &new)?;
        let sub_source = new.sub_source.as_ref().unwrap_or(&run.sub_source);
        let location = new.location_id.map_or(run.location_id, LocationId);
        imports::remap(tx, ctx, id, &mapping, sub_source, location, new.keep_as.as_deref())?;
        detail(tx, id)
    })
    .await
}

/// Something wrong in a file.
#[derive(Serialize, ToSchema)]
struct Fault {
    /// Line of the file.
    line: u64,
    /// Column; blank for the whole row.
    field: String,
    reason: String,
}

/// What would happen to an order or a row.
#[derive(Serialize, ToSchema)]
struct DryPart {
    reference: String,
    /// Its line in the file.
    line: u64,
    /// Nothing would happen.
    known: bool,
    /// What would be done, for anything but new orders.
    plan: String,
    /// Lines of a new order.
    #[schema(required)]
    line_count: Option<usize>,
    /// What its items come to.
    #[schema(required)]
    items_total: Option<String>,
    /// Why it would be rejected.
    faults: Vec<Fault>,
}

/// What would happen.
#[derive(Serialize, ToSchema)]
struct DryAnswer {
    /// What keeps the mapping from being used; then nothing else is known.
    mapping_faults: Vec<Fault>,
    new: usize,
    known: usize,
    rejected: usize,
    /// The first 200, rejected ones before the others.
    data: Vec<DryPart>,
}

fn part(order: DryOrder) -> DryPart {
    DryPart {
        reference: order.reference,
        line: order.line,
        known: order.known,
        plan: order.plan,
        line_count: order.read.map(|(lines, _)| lines),
        items_total: order.read.map(|(_, sum)| amount(sum.amount, sum.currency)),
        faults: order.faults.into_iter().map(|(line, field, reason)| Fault { line, field, reason }).collect(),
    }
}

/// Say what would happen; changes nothing.
#[utoipa::path(get, path = "/imports/{id}/dry-run", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "What would happen.", body = DryAnswer)))]
async fn dry_run(
    State(app): State<App>,
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    Route(id): Route<i64>,
) -> Answer<Json<DryAnswer>> {
    let id = ImportId(id);
    let dry = app
        .read(move |tx| {
            permit(tx, &caller, id)?;
            imports::dry_run(tx, id)
        })
        .await?;
    let faults = dry.mapping_faults.into_iter().map(|(field, reason)| Fault { line: 0, field, reason });
    Ok(Json(DryAnswer {
        mapping_faults: faults.collect(),
        new: dry.new,
        known: dry.known,
        rejected: dry.rejected,
        data: dry.orders.into_iter().map(part).collect(),
    }))
}

/// How it is started.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Start {
    /// Also if the very same file was taken in before.
    #[serde(default)]
    again: bool,
}

/// Take the file in. That goes on by itself; read the file to see how far it is.
#[utoipa::path(post, path = "/imports/{id}/start", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Start, responses((status = 200, description = "The file.", body = ImportDetail)))]
async fn start(
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    call: Call,
    Route(id): Route<i64>,
    Input(how): Input<Start>,
) -> Answer<Response> {
    let id = ImportId(id);
    call.write(StatusCode::OK, move |tx, ctx| {
        permit(tx, &caller, id)?;
        imports::start(tx, ctx, id, how.again)?;
        detail(tx, id)
    })
    .await
}

/// Stop a file that is being taken in, or throw one away that is not started. What was taken stays.
#[utoipa::path(post, path = "/imports/{id}/cancel", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The file.", body = ImportDetail)))]
async fn cancel(
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    call: Call,
    Route(id): Route<i64>,
) -> Answer<Response> {
    let id = ImportId(id);
    call.write(StatusCode::OK, move |tx, ctx| {
        permit(tx, &caller, id)?;
        imports::cancel(tx, ctx, id)?;
        detail(tx, id)
    })
    .await
}

/// The rejected rows as a CSV file with a column that says why: mend them there and send that file.
#[utoipa::path(get, path = "/imports/{id}/rejected.csv", tag = "imports", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The rows.", body = FileBytes, content_type = "text/csv")))]
async fn rejected(
    State(app): State<App>,
    _: WorkOrders,
    Extension(caller): Extension<Caller>,
    Route(id): Route<i64>,
) -> Answer<Response> {
    let bytes = app
        .read(move |tx| {
            permit(tx, &caller, ImportId(id))?;
            imports::rejected_file(tx, ImportId(id))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], bytes).into_response())
}
