//! Files of orders: upload, mapping with a dry run, progress, what was rejected.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use consign_oms::Error;
use consign_oms::imports::{self, COLUMNS, COMPULSORY, Column, DryRun, Import, ImportState, Mapping, Reject};
use consign_oms::locations::{self, Location};
use consign_values::{ImportId, LocationId};
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
        p { "Orders from a file: CSV in any usual spelling, or XLSX. One row for each line; rows with one reference are one order. Nothing is taken in before you have seen what would happen." }
        form.bar method="post" action="/imports" enctype="multipart/form-data" {
            label { "File " input type="file" name="file" required accept=".csv,.txt,.tsv,.xlsx"; }
            label { "Read it as " select name="profile" { option value="" { "matched by column names" } @for profile in &profiles { option value=(profile.name) { (profile.name) } } } }
            button.primary { "Upload" }
        }
        @if runs.is_empty() { p.empty { "No file has been imported yet. A file needs at least an order number, a SKU and a quantity." } }
        @else { table.grid data-live="import" {
            thead { tr { th { "File" } th { "When" } th { "State" } th.num { "Orders" } th.num { "New" } th.num { "Known" } th.num { "Rejected" } } }
            tbody { @for run in &runs { tr {
                td { a href={"/imports/" (run.id)} { (run.file_name) } }
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

async fn upload(State(app): State<App>, user: WorkOrders, mut form: Multipart) -> Answer<Redirect> {
    let unreadable = |error: axum::extract::multipart::MultipartError| Error::invalid("file", error.body_text());
    let (mut file, mut profile) = (None, String::new());
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        match field.name() {
            Some("file") => {
                let name = field.file_name().unwrap_or("file").to_owned();
                file = Some((name, field.bytes().await.map_err(unreadable)?));
            }
            Some("profile") => profile = field.text().await.map_err(unreadable)?,
            _ => {}
        }
    }
    let (name, bytes) =
        file.filter(|(_, bytes)| !bytes.is_empty()).ok_or_else(|| Error::invalid("file", "choose a file"))?;
    let id = app
        .write(user.actor(), move |tx, ctx| {
            let profile = (!profile.is_empty()).then_some(profile.as_str());
            imports::prepare(tx, ctx, &name, &bytes, profile)
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
    let tried = !query.tried.is_empty();
    let (run, places, rejects, dry) = app
        .read(move |tx| {
            let run = imports::get(tx, id)?;
            let prepared = run.state == ImportState::Prepared;
            let dry = if prepared && tried { Some(imports::dry_run(tx, id)?) } else { None };
            Ok((run, locations::list(tx)?, imports::rejects(tx, id)?, dry))
        })
        .await?;
    let content = html! {
        h1 { (run.file_name) " " (state(&run)) }
        @if run.state == ImportState::Prepared {
            @if let Some(dry) = &dry { (dry_table(dry)) }
            (mapping_form(&run, &places))
        } @else { (progress(&run, &rejects)) }
    };
    ui::page(&app, &user.0, "/imports", &run.file_name, content).await
}

fn mapping_form(run: &Import, places: &[Location]) -> Markup {
    let (mapping, header) = (run.mapping(), run.header());
    let mut groups: Vec<(&str, Vec<&Column>)> = Vec::new();
    for column in COLUMNS {
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
                section { fieldset { legend { "For the whole file" }
                    label { "Location, where a row names none" select name="location" { @for place in places { option value=(place.id) selected[place.id == run.location_id] { (place.name) } } } }
                    label { "Sub-source, where a row names none" input name="sub_source" maxlength="128" value=(run.sub_source); }
                    label { input type="checkbox" name="month_first" value="1" checked[mapping.month_first]; " 03/04/2026 is the 4th of March" }
                    label { input type="checkbox" name="decimal_comma" value="1" checked[mapping.decimal_comma]; " a comma before the decimals: 1.234,50" }
                    label { "Keep this mapping for other files as" input name="profile" maxlength="255" placeholder="its name"; }
                } }
                @for (group, columns) in &groups { section { fieldset { legend { (group) }
                    @for column in columns { label {
                        span { (column.label) @if COMPULSORY.contains(&column.code) { " " strong { "(needed)" } } }
                        input name={"column." (column.code)} list="columns" maxlength="1000" value=[mapping.template(column.code)];
                    } }
                } } }
            }
        }
        form.bar method="post" action={"/imports/" (run.id) "/cancel"} { button.danger data-confirm="Throw this file away?" { "Throw the file away" } }
    }
}

fn dry_table(dry: &DryRun) -> Markup {
    html! {
        h2 #dry { "What would happen" }
        @if !dry.mapping_faults.is_empty() {
            div.problem role="alert" { p { "The mapping can't be used:" } ul { @for (column, fault) in &dry.mapping_faults { li { strong { (column) } " " (fault) } } } }
        } @else {
            p.summary { span.badge.good { "● " (dry.new) " new" } " " span.badge.dim { (dry.known) " known" } " " @if dry.rejected > 0 { span.badge.bad { "✕ " (dry.rejected) " rejected" } } }
            table.grid {
                thead { tr { th { "Order" } th { "Line" } th { "What would happen" } th.num { "Lines" } th.num { "Items" } } }
                tbody { @for order in &dry.orders { tr {
                    td { (order.reference) } td { (order.line) }
                    td {
                        @if !order.faults.is_empty() { span.badge.bad { "✕ rejected" } ul { @for (line, field, reason) in &order.faults { li { "line " (line) ", " strong { (field) } ": " (reason) } } } }
                        @else if order.known { span.badge.dim { "known: nothing" } }
                        @else { span.badge.good { "● new" } }
                        @if !order.differing.is_empty() { p.dim { "Its rows differ in " (order.differing.join(", ")) "; the first counts." } }
                    }
                    td.num { @if let Some((lines, _)) = order.read { (lines) } }
                    td.num { @if let Some((_, sum)) = order.read { (sum) } }
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
                span.badge { (run.done_count) " of " (run.order_count) " orders" } " " span.badge.good { "● " (run.taken_count) " new" } " "
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
                    thead { tr { th { "Line" } th { "Order" } th { "Why" } } }
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
    let mapping =
        Mapping { columns, month_first: fields.ticked("month_first"), decimal_comma: fields.ticked("decimal_comma") };
    let location = LocationId(fields.int("location")?);
    let (action, again) = (fields.get("action").to_owned(), fields.ticked("again"));
    let start = action == "start";
    app.write(user.actor(), {
        move |tx, ctx| {
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
    app.write(user.actor(), move |tx, ctx| imports::cancel(tx, ctx, ImportId(id))).await?;
    Ok(Redirect::to("/imports"))
}

async fn rejected(State(app): State<App>, _: WorkOrders, Path(id): Path<i64>) -> Answer<Response> {
    let bytes = app.read(move |tx| imports::rejected_file(tx, ImportId(id))).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"rejected-{id}.csv\"")),
    ];
    Ok((headers, bytes).into_response())
}
