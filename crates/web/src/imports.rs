//! Files taken in: upload, mapping with a dry run, progress, what was rejected.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use consign_oms::imports::{self, Column, DryRun, Import, ImportKind, ImportState, Like, Mapping, Reading, Reject};
use consign_oms::locations::{self, Location};
use consign_oms::users::User;
use consign_oms::{Error, Refusal};
use consign_values::{ImportId, LocationId, Zone};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::WorkOrders;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

/// The largest upload: a file of 50 MB and its envelope.
const UPLOAD_MAX: usize = 51 * 1024 * 1024;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/imports", get(list).post(upload).layer(DefaultBodyLimit::max(UPLOAD_MAX)))
        .route("/imports/{id}", get(show).post(save))
        .route("/imports/{id}/cancel", post(cancel))
        .route("/imports/{id}/rejected.csv", get(rejected))
}

async fn list(State(app): State<App>, user: WorkOrders) -> Answer<Markup> {
    let (runs, profiles) = app.read(|tx| Ok((imports::list(tx)?, imports::profiles(tx)?))).await?;
    let content = html! {
        h1 { "Imports" }
        p { "CSV in any usual spelling, or XLSX. Nothing is taken in before you have seen what would happen. In a file of new orders there is one row for each line, and rows with one reference are one order." }
        form.bar method="post" action="/imports" enctype="multipart/form-data" {
            label { "File " input type="file" name="file" required accept=".csv,.txt,.tsv,.xlsx"; }
            label { "It has " select name="like" {
                optgroup label="Columns matched by their names" { @for kind in kinds(&user.0) { option value={"kind:" (kind)} { (kind.label()) } } }
                @if !profiles.is_empty() { optgroup label="As a mapping that you kept" { @for profile in &profiles { option value={"profile:" (profile.name)} { (profile.name) " (" (profile.mapping().kind.label()) ")" } } } }
            } }
            button.primary { "Upload" }
        }
        p { "Files that come and go by themselves: " a href="/schedules" { "schedules" } ". The other way: " a href="/exports" { "exports" } "." }
        @if runs.is_empty() { p.empty { "No file has been imported yet. A file needs at least an order number, a SKU and a quantity." } }
        @else { table.grid data-live="import" {
            thead { tr { th { "File" } th { "With" } th { "When" } th { "State" } th.num { "Orders or rows" } th.num { "New or changed" } th.num { "Known" } th.num { "Rejected" } } }
            tbody { @for run in &runs { tr {
                td { a href={"/imports/" (run.id)} { (run.file_name) } }
                td { (run.mapping().kind.label()) }
                td { (ui::moment(run.created_at)) }
                td { (state(run)) }
                td.num { (run.order_count) } td.num { (run.taken_count) } td.num { (run.known_count) }
                td.num { @if run.rejected_count > 0 { span.badge.bad { (run.rejected_count) } } @else { "0" } }
            } } }
        } }
    };
    ui::page(&app, &user.0, "/imports", "Imports", content).await
}

fn state(run: &Import) -> Markup {
    let (class, text) = match run.state {
        ImportState::Prepared => ("warn", "○ to be mapped".to_owned()),
        ImportState::Running => ("warn", format!("… {} of {}", run.done_count, run.order_count)),
        ImportState::Done if run.rejected_count > 0 => ("warn", "◐ done, some rejected".to_owned()),
        ImportState::Done => ("good", "● done".to_owned()),
        ImportState::Cancelled => ("dim", "✕ stopped".to_owned()),
        ImportState::Failed => ("bad", "✕ failed".to_owned()),
    };
    html! { span.badge.(class) { (text) } }
}

/// What the user may import.
fn kinds(user: &User) -> impl Iterator<Item = ImportKind> {
    ImportKind::ALL.iter().copied().filter(|kind| user.role.may(kind.permission()))
}

/// Refuses what the user may not import.
fn permit(user: &User, run: &Import) -> Result<(), Error> {
    let permission = run.mapping().kind.permission();
    if user.role.may(permission) { Ok(()) } else { Err(Refusal::RoleForbids(permission).into()) }
}

async fn upload(State(app): State<App>, user: WorkOrders, mut form: Multipart) -> Answer<Redirect> {
    let unreadable = |error: axum::extract::multipart::MultipartError| Error::invalid("file", error.body_text());
    let (mut file, mut like) = (None, String::new());
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("file") => {
                let name = field.file_name().unwrap_or("file").to_owned();
                file = Some((name, field.bytes().await.map_err(unreadable)?));
            }
            Some("like") => like = field.text().await.map_err(unreadable)?,
            _ => {}
        }
    }
    let (name, bytes) =
        file.filter(|(_, bytes)| !bytes.is_empty()).ok_or_else(|| Error::invalid("file", "choose a file"))?;
    let actor = user.actor();
    let id = app
        .write(actor, move |tx, ctx| {
            let like = match like.split_once(':') {
                Some(("profile", name)) => Like::Profile(name),
                Some(("kind", kind)) => Like::Names(ImportKind::parse(kind).ok_or(Error::NotFound("kind of import"))?),
                _ => Like::Names(ImportKind::Orders),
            };
            let id = imports::prepare(tx, ctx, &name, &bytes, like)?;
            permit(&user.0, &imports::get(tx, id)?)?;
            Ok(id)
        })
        .await?;
    Ok(Redirect::to(&format!("/imports/{id}")))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ShowQuery {
    tried: String,
}

async fn show(
    State(app): State<App>,
    user: WorkOrders,
    Path(id): Path<i64>,
    Query(query): Query<ShowQuery>,
) -> Answer<Markup> {
    let id = ImportId(id);
    let (tried, reader) = (!query.tried.is_empty(), user.0.clone());
    let (run, places, rejects, dry) = app
        .read(move |tx| {
            let run = imports::get(tx, id)?;
            permit(&reader, &run)?;
            let prepared = run.state == ImportState::Prepared;
            let dry = if prepared && tried { Some(imports::dry_run(tx, id)?) } else { None };
            Ok((run, locations::list(tx)?, imports::rejects(tx, id)?, dry))
        })
        .await?;
    let content = html! {
        h1 { (run.file_name) " " small.dim { (run.mapping().kind.label()) } " " (state(&run)) }
        @if run.state == ImportState::Prepared {
            @if let Some(dry) = &dry { (dry_table(dry, run.mapping().kind)) }
            (mapping_form(&run, &places))
        } @else { (progress(&run, &rejects)) }
    };
    ui::page(&app, &user.0, "/imports", &run.file_name, content).await
}

fn mapping_form(run: &Import, places: &[Location]) -> Markup {
    let (mapping, header) = (run.mapping(), run.header());
    let mut groups: Vec<(&str, Vec<&Column>)> = Vec::new();
    for column in mapping.kind.columns() {
        match groups.last_mut() {
            Some((group, columns)) if *group == column.group => columns.push(column),
            _ => groups.push((column.group, vec![column])),
        }
    }
    html! {
        form.stack.wide method="post" action={"/imports/" (run.id)} {
            div.bar.bulk {
                button.hidden name="action" value="try" tabindex="-1" aria-hidden="true" { "Try" }
                button.primary name="action" value="try" data-key="t" { "Try it: what would happen? (t)" }
                button name="action" value="start" data-key="S" { "Import (S)" }
                label { input type="checkbox" name="again" value="1"; " also if the very same file was imported before" }
            }
            p { "The file has the columns " @for name in &header { code { "{" (name) "}" } " " } }
            p.dim { "Each column below is made of what stands in its field: " code { "{name}" } " is a column of the file, anything else stands for itself. So " code { "{First} {Last}" } " joins two columns, and " code { "GBP" } " is the same on every row." }
            datalist #columns { @for name in &header { option value={"{" (name) "}"} {} } }
            div.columns.three {
                (whole_file(run, &mapping, places))
                @for (group, columns) in &groups { section { fieldset { legend { (group) }
                    @for column in columns { label {
                        span { (column.label) @if mapping.kind.compulsory().contains(&column.code) { " " strong { "(needed)" } } @else if mapping.kind.one_of().contains(&column.code) { " " strong { "(one of these is needed)" } } }
                        input name={"column." (column.code)} list="columns" maxlength="1000" value=[mapping.template(column.code)];
                    } }
                } } }
            }
        }
        form.bar method="post" action={"/imports/" (run.id) "/cancel"} { button.danger data-confirm="Throw this file away?" { "Throw the file away" } }
    }
}

/// What holds for all rows: where, dates and numbers, how cells are told apart.
fn whole_file(run: &Import, mapping: &Mapping, places: &[Location]) -> Markup {
    let orders = mapping.kind == ImportKind::Orders;
    let reading = &mapping.reading;
    let mark = |mark: Option<char>| {
        mark.map_or_else(String::new, |c| if c == '\t' { "tab".to_owned() } else { c.to_string() })
    };
    html! {
        section { fieldset { legend { "For the whole file" }
            @if orders || mapping.kind == ImportKind::Stock {
                label { "Location, where a row names none" select name="location" { @for place in places { option value=(place.id) selected[place.id == run.location_id] { (place.name) } } } }
            } @else { input type="hidden" name="location" value=(run.location_id); }
            @if orders { label { "Sub-source, where a row names none" input name="sub_source" maxlength="128" value=(run.sub_source); } }
            @if orders {
                label { input type="checkbox" name="month_first" value="1" checked[mapping.month_first]; " 03/04/2026 is the 4th of March" }
                label { "Time zone of dates that name none" select name="zone" {
                    @for name in Zone::names() { option selected[name == mapping.zone().name()] { (name) } }
                } }
            }
            label { input type="checkbox" name="decimal_comma" value="1" checked[mapping.decimal_comma]; " a comma before the decimals: 1.234,50" }
            label { "Keep this mapping for other files as" input name="profile" maxlength="255" placeholder="its name"; }
            details open[*reading != Reading::default()] { summary { "How the file is read" }
                p.dim { "Found out from the file, unless you say it. An XLSX file needs only the last." }
                label { "Between cells" input name="delimiter" maxlength="3" placeholder="found out; tab for a tab" value=(mark(reading.delimiter)); }
                label { "Around cells" input name="quote" maxlength="3" placeholder="\"" value=(mark(reading.quote)); }
                label { "Encoding" input name="encoding" maxlength="40" placeholder="found out; such as windows-1250" value=(reading.encoding); }
                label { input type="checkbox" name="headerless" value="1" checked[reading.headerless]; " the first row is no header" }
            }
        } }
    }
}

/// What a field for a delimiter or a quote says.
fn mark(fields: &Fields, name: &'static str) -> Result<Option<char>, Error> {
    match fields.get(name) {
        "" => Ok(None),
        "tab" | "\\t" => Ok(Some('\t')),
        text => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(one), None) => Ok(Some(one)),
                _ => Err(Error::invalid(name, "must be one character")),
            }
        }
    }
}

fn dry_table(dry: &DryRun, kind: ImportKind) -> Markup {
    let orders = kind == ImportKind::Orders;
    html! {
        h2 #dry { "What would happen" }
        @if !dry.mapping_faults.is_empty() {
            div.problem role="alert" { p { "The mapping can't be used:" } ul { @for (column, fault) in &dry.mapping_faults { li { strong { (column) } " " (fault) } } } }
        } @else {
            p.summary { span.badge.good { "● " (dry.new) @if orders { " new" } @else { " to do" } } " " span.badge.dim { (dry.known) " known" } " " @if dry.rejected > 0 { span.badge.bad { "✕ " (dry.rejected) " rejected" } } }
            table.grid {
                thead { tr { th { @if orders { "Order" } @else { "What" } } th { "Line" } th { "What would happen" } @if orders { th.num { "Lines" } th.num { "Items" } } } }
                tbody { @for order in &dry.orders { tr {
                    td { (order.reference) } td { (order.line) }
                    td {
                        @if !order.faults.is_empty() { span.badge.bad { "✕ rejected" } ul { @for (line, field, reason) in &order.faults { li { "line " (line) @if !field.is_empty() { ", " strong { (field) } } ": " (reason) } } } }
                        @else if order.known { span.badge.dim { "known: nothing" } }
                        @else if orders { span.badge.good { "● new" } }
                        @else { span.badge.good { "●" } " " (order.plan) }
                        @if !order.differing.is_empty() { p.dim { "Its rows differ in " (order.differing.join(", ")) "; the first counts." } }
                    }
                    @if orders {
                        td.num { @if let Some((lines, _)) = order.read { (lines) } }
                        td.num { @if let Some((_, sum)) = order.read { (sum) } }
                    }
                } } }
            }
            @if dry.new + dry.known + dry.rejected > dry.orders.len() { p.dim { "The first " (dry.orders.len()) " are shown, rejected ones before the others." } }
        }
    }
}

fn progress(run: &Import, rejects: &[Reject]) -> Markup {
    html! {
        div data-live="import" {
            p.summary {
                span.badge { (run.done_count) " of " (run.order_count) " " (run.mapping().kind.counted()) } " " span.badge.good { "● " (run.taken_count) @if run.mapping().kind == ImportKind::Orders { " new" } @else { " done" } } " "
                span.badge.dim { (run.known_count) " known" } " " @if run.rejected_count > 0 { span.badge.bad { "✕ " (run.rejected_count) " rejected" } }
            }
            @if run.state == ImportState::Running {
                progress max=(run.order_count) value=(run.done_count) { (run.done_count) " of " (run.order_count) }
                form.bar method="post" action={"/imports/" (run.id) "/cancel"} { button.danger data-key="x" { "Stop" } }
            }
            @if !run.error.is_empty() { p.problem { (run.error) } }
            @if run.rejected_count > 0 {
                p { a.button href={"/imports/" (run.id) "/rejected.csv"} { "Rejected rows as a file" } " Mend them there and import that file." }
                table.grid {
                    thead { tr { th { "Line" } th { "What" } th { "Why" } } }
                    tbody { @for reject in rejects { tr { td { (reject.line) } td { (reject.reference) } td { (reject.reason) } } } }
                }
                @if rejects.len() == 200 { p.dim { "The first 200 rows; the file has all." } }
            }
            p { a href="/imports" { "All imports" } " · " a href="/orders" { "Open orders" } }
        }
    }
}

async fn save(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let id = ImportId(id);
    let columns =
        fields.with_prefix("column.").map(|(code, template)| (code.to_owned(), template.to_owned())).collect();
    let mapping = Mapping {
        columns,
        month_first: fields.ticked("month_first"),
        decimal_comma: fields.ticked("decimal_comma"),
        zone: fields.get("zone").to_owned(),
        reading: Reading {
            delimiter: mark(&fields, "delimiter")?,
            quote: mark(&fields, "quote")?,
            encoding: fields.get("encoding").trim().to_owned(),
            headerless: fields.ticked("headerless"),
        },
        ..Mapping::default()
    };
    let location = LocationId(fields.int("location")?);
    let (action, again) = (fields.get("action").to_owned(), fields.ticked("again"));
    let start = action == "start";
    let writer = user.0.clone();
    app.write(user.actor(), {
        move |tx, ctx| {
            permit(&writer, &imports::get(tx, id)?)?;
            let keep = Some(fields.get("profile")).filter(|name| !name.trim().is_empty());
            imports::remap(tx, ctx, id, &mapping, fields.get("sub_source"), location, keep)
        }
    })
    .await?;
    if start {
        app.write(user.actor(), move |tx, ctx| imports::start(tx, ctx, id, again)).await?;
        return Ok(Redirect::to(&format!("/imports/{id}")));
    }
    Ok(Redirect::to(&format!("/imports/{id}?tried=1#dry")))
}

async fn cancel(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Redirect> {
    let actor = user.actor();
    app.write(actor, move |tx, ctx| {
        permit(&user.0, &imports::get(tx, ImportId(id))?)?;
        imports::cancel(tx, ctx, ImportId(id))
    })
    .await?;
    Ok(Redirect::to("/imports"))
}

async fn rejected(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Response> {
    let bytes = app
        .read(move |tx| {
            permit(&user.0, &imports::get(tx, ImportId(id))?)?;
            imports::rejected_file(tx, ImportId(id))
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rejected-{id}.csv\"")),
    ];
    Ok((headers, bytes).into_response())
}
