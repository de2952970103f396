//! Files that come and go by themselves: schedules, their next and last runs, and their log.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::exports::Export;
use consign_oms::locations::{self, Location};
use consign_oms::schedules::{
    self, Direction, ExportLayout, RunOutcome, Schedule, ScheduleForm, ScheduleRun, Timetable,
};
use consign_oms::{Error, imports};
use consign_ports::{Place, PlaceKind};
use consign_values::{ScheduleId, Timestamp, Zone};
use maud::{Markup, html};

use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/schedules", get(list).post(create))
        .route("/schedules/new/{direction}", get(new))
        .route("/schedules/{id}", get(show).post(edit))
        .route("/schedules/{id}/run", post(run))
        .route("/schedules/{id}/delete", post(delete))
}

const DAYS: [(&str, &str); 7] = [
    ("1", "Monday"),
    ("2", "Tuesday"),
    ("3", "Wednesday"),
    ("4", "Thursday"),
    ("5", "Friday"),
    ("6", "Saturday"),
    ("7", "Sunday"),
];

async fn list(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let all = app
        .read(|tx| {
            let listed = schedules::list(tx)?;
            listed.into_iter().map(|one| Ok((schedules::next_at(tx, one.id)?, one))).collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    let content = html! {
        p { a href="/imports" { "← Imports" } }
        h1 { "Schedules" }
        p { "Files that are fetched and left by themselves: from and to a folder, a web address, an SFTP server." }
        p.bar {
            a.button.primary href="/schedules/new/import" data-key="n" { "New import (n)" }
            a.button href="/schedules/new/export" data-key="e" { "New export (e)" }
        }
        @if all.is_empty() { p.empty { "None yet. For an import, first import one file by hand and keep its mapping under a name." } }
        @else { table.grid data-live="schedule" {
            thead { tr { th { "Schedule" } th { "What" } th { "Where" } th { "On" } th { "Last run" } th { "What came of it" } th { "Next run" } } }
            tbody { @for (next, one) in &all { tr {
                td { a href={"/schedules/" (one.id)} { (one.name) } }
                td { (way(one.direction)) " " (one.what) }
                td { (shown(&one.place())) }
                td { @if one.enabled { span.badge.good { "● on" } } @else { span.badge.dim { "○ off" } } }
                td { @if let Some(at) = one.last_at { (ui::moment(at)) } }
                td { (outcome(one.last_outcome)) " " (one.last_message) }
                td { @if let Some(at) = next { (ui::moment(*at)) } }
            } } }
        } }
    };
    ui::page(&app, &user.0, "/imports", "Schedules", content).await
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Import => "in:",
        Direction::Export => "out:",
    }
}

fn outcome(outcome: RunOutcome) -> Markup {
    let (class, text) = match outcome {
        RunOutcome::Awaiting => ("dim", "○ awaits its first run"),
        RunOutcome::Done => ("good", "● done"),
        RunOutcome::Unchanged => ("dim", "– nothing new"),
        RunOutcome::Failed => ("bad", "✕ failed"),
    };
    html! { span.badge.(class) { (text) } }
}

/// Without a query, which may hold a secret.
fn shown(place: &Place) -> String {
    let address = place.address.split('?').next().unwrap_or_default();
    match place.kind {
        PlaceKind::Folder => format!("folder {}", place.path),
        PlaceKind::Http => address.to_owned(),
        PlaceKind::Sftp => format!("sftp {address} {}", place.path),
    }
}

async fn new(State(app): State<App>, user: ManageSettings, Path(direction): Path<String>) -> Answer<Markup> {
    let direction = Direction::parse(&direction).ok_or(Error::NotFound("kind of schedule"))?;
    let form = form(&app, direction, None).await?;
    let content = html! {
        p { a href="/schedules" { "← Schedules" } }
        h1 { @if direction == Direction::Import { "New scheduled import" } @else { "New scheduled export" } }
        (form)
    };
    ui::page(&app, &user.0, "/imports", "New schedule", content).await
}

async fn form(app: &App, direction: Direction, known: Option<&Schedule>) -> Result<Markup, Error> {
    let (profiles, places) = app.read(|tx| Ok((imports::profiles(tx)?, locations::list(tx)?))).await?;
    let place = known.map(Schedule::place).unwrap_or_default();
    let begins = || Timetable { zone: ui::zone(), ..Timetable::default() };
    let timetable = known.map(Schedule::timetable).unwrap_or_else(begins);
    let import = direction == Direction::Import;
    let what = known.map_or("", |known| known.what.as_str());
    let kinds = [
        (PlaceKind::Folder, "folder", "a folder of this machine"),
        (PlaceKind::Http, "http", "a web address"),
        (PlaceKind::Sftp, "sftp", "an SFTP server"),
    ];
    Ok(html! {
        @if import && profiles.is_empty() {
            p.problem { "There is no kept mapping yet. " a href="/imports" { "Import one file by hand" } ", and keep its mapping under a name: a scheduled import reads its files in the same way." }
        }
        form.stack.wide method="post" action=[Some(known.map_or("/schedules".to_owned(), |known| format!("/schedules/{}", known.id)))] {
            input type="hidden" name="direction" value=(direction);
            @if let Some(known) = known { input type="hidden" name="version" value=(known.version); }
            div.columns.three {
                section { fieldset { legend { "What" }
                    label { "Name" input name="name" required maxlength="255" value=[known.map(|known| &known.name)]; }
                    @if import {
                        label { "Read as the kept mapping" select name="what" required { @for profile in &profiles { option value=(profile.name) selected[profile.name == what] { (profile.name) " (" (profile.mapping().kind.label()) ")" } } } }
                    } @else { (layout_fields(what, &known.map(Schedule::layout).unwrap_or_default(), &places)) }
                    label { input type="checkbox" name="enabled" value="1" checked[known.is_none_or(|known| known.enabled)]; " on" }
                } }
                section { fieldset { legend { "Where" }
                    label { "Kind of place" select name="place" { @for (kind, code, label) in kinds { option value=(code) selected[place.kind == kind] { (label) } } } }
                    label { "Address" input name="address" maxlength="1000" placeholder="https://… or sftp host, host:port" value=(place.address); }
                    label { "Folder and file" input name="path" maxlength="1000" placeholder=[Some(if import { "in/orders-*.csv" } else { "out/orders.csv" })] value=(place.path); }
                    label { "User" input name="user" maxlength="255" autocomplete="off" value=(place.user); }
                    label { "Password, or private key" textarea name="secret" rows="2" autocomplete="off" placeholder=[known.filter(|known| !known.secret.is_empty()).map(|_| "kept if left empty")] {} }
                    label { "Fingerprint of the SFTP server's key" input name="fingerprint" maxlength="200" placeholder="SHA256:…" value=(place.fingerprint); }
                    p.dim { "A folder lies below the one that " code { "files" } " names in the configuration. " code { "*" } " in a file's name stands for anything. The fingerprint is what " code { "ssh-keyscan HOST | ssh-keygen -lf -" } " shows." }
                } }
                section { (timetable_fields(&timetable)) }
            }
            div.bar { button.primary data-key="S" { "Save (S)" } }
        }
    })
}

fn layout_fields(what: &str, layout: &ExportLayout, places: &[Location]) -> Markup {
    html! {
        label { "What" select name="what" { @for one in Export::ALL { option value=(one.code()) selected[one.code() == what] { (one.label()) } } } }
        label { "Orders received in the last … days" input name="days" inputmode="numeric" placeholder="all" value=[layout.days]; }
        label { "Location of orders or stock" select name="location" { option value="" { "all" } @for place in places { option value=(place.id) selected[layout.location == Some(place.id.0)] { (place.name) } } } }
        label { "As" select name="kind" { option value="csv" { "CSV" } option value="xlsx" selected[layout.xlsx] { "XLSX" } } }
        label { "Columns, one a line; empty for all" textarea name="columns" rows="6" placeholder="sku\non_hand = Quantity" { (layout.columns) } }
    }
}

fn clock(minute: i64) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn timetable_fields(timetable: &Timetable) -> Markup {
    html! {
        fieldset { legend { "When" }
            label { "Every … minutes" input name="every" inputmode="numeric" placeholder="once a day" value=[timetable.every_minutes]; }
            label { "From, or once a day at" input name="from" type="time" required value=(clock(timetable.from)); }
            label { "Until" input name="until" type="time" required value=(clock(timetable.until)); }
            label { "On the clocks of" select name="zone" { @for name in Zone::names() { option selected[name == timetable.zone] { (name) } } } }
            fieldset { legend { "Only on (none: every day)" } div.bar { @for (day, name) in DAYS {
                label { input type="checkbox" name="weekday" value=(day) checked[timetable.weekdays.contains(&day.parse().unwrap_or(0))]; " " (name) }
            } } }
        }
    }
}

/// `17:30` as a minute of the day.
fn minute(fields: &Fields, name: &'static str) -> Result<i64, Error> {
    let read = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.get(..2)?.parse().ok()?);
        ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
    };
    read(fields.get(name)).ok_or_else(|| Error::invalid(name, "must be a time of day such as 17:30"))
}

fn read(app: &App, fields: &Fields, fresh: bool) -> Result<ScheduleForm, Error> {
    let text = |name: &str| fields.get(name).trim().to_owned();
    let place = Place {
        kind: match fields.get("place") {
            "folder" => PlaceKind::Folder,
            "http" => PlaceKind::Http,
            "sftp" => PlaceKind::Sftp,
            _ => return Err(Error::invalid("place", "must be folder, http or sftp")),
        },
        address: text("address"),
        path: text("path"),
        user: text("user"),
        fingerprint: text("fingerprint"),
    };
    (app.may_transfer)(&place).map_err(|why| Error::invalid("place", format!("can't be used: {why}")))?;
    let secret = fields.get("secret");
    Ok(ScheduleForm {
        name: text("name"),
        direction: Direction::parse(fields.get("direction"))
            .ok_or_else(|| Error::invalid("direction", "must be import or export"))?,
        what: text("what"),
        place,
        secret: (fresh || !secret.is_empty()).then(|| secret.to_owned()),
        timetable: Timetable {
            every_minutes: fields.maybe_int("every")?,
            from: minute(fields, "from")?,
            until: minute(fields, "until")?,
            weekdays: fields.all("weekday").filter_map(|day| day.parse().ok()).collect(),
            zone: text("zone"),
        },
        layout: ExportLayout {
            xlsx: fields.get("kind") == "xlsx",
            days: fields.maybe_int("days")?,
            location: fields.maybe_int("location")?,
            columns: text("columns"),
        },
        enabled: fields.ticked("enabled"),
    })
}

async fn create(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let (form, keys) = (read(&app, &fields, true)?, app.keys.clone());
    let id = app.write(user.actor(), move |tx, ctx| schedules::create(tx, ctx, &keys, &form)).await?;
    Ok(Redirect::to(&format!("/schedules/{id}")))
}

async fn show(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Markup> {
    let id = ScheduleId(id);
    let (schedule, runs, next) = app
        .read(move |tx| Ok((schedules::get(tx, id)?, schedules::runs(tx, id)?, schedules::next_at(tx, id)?)))
        .await?;
    let form = form(&app, schedule.direction, Some(&schedule)).await?;
    let content = html! {
        p { a href="/schedules" { "← Schedules" } }
        h1 { (schedule.name) }
        (log(&schedule, &runs, next))
        h2 { "What, where, when" }
        (form)
        form.bar method="post" action={"/schedules/" (id) "/delete"} { button.danger data-confirm="Delete this schedule with its log? What it took in stays." { "Delete" } }
    };
    ui::page(&app, &user.0, "/imports", &schedule.name, content).await
}

fn log(schedule: &Schedule, runs: &[ScheduleRun], next: Option<Timestamp>) -> Markup {
    html! {
        div data-live="schedule" {
            p.summary {
                (outcome(schedule.last_outcome)) " "
                @if let Some(at) = next { "next run " (ui::moment(at)) } @else { span.badge.dim { "○ off" } }
            }
            @if schedule.enabled { form.bar method="post" action={"/schedules/" (schedule.id) "/run"} { button data-key="r" { "Run now (r)" } } }
            @if runs.is_empty() { p.empty { "It has not run yet." } }
            @else { table.grid {
                thead { tr { th { "When" } th { "What came of it" } th { } } }
                tbody { @for run in runs { tr {
                    td { (ui::moment(run.at)) } td { (outcome(run.outcome)) " " (run.message) }
                    td { @if let Some(import) = run.import_id { a href={"/imports/" (import)} { "import " (import) } } }
                } } }
            } }
        }
    }
}

async fn edit(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let (form, keys, version) = (read(&app, &fields, false)?, app.keys.clone(), fields.int("version")?);
    app.write(user.actor(), move |tx, ctx| schedules::edit(tx, ctx, &keys, ScheduleId(id), version, &form)).await?;
    Ok(Redirect::to(&format!("/schedules/{id}")))
}

async fn run(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| schedules::run_now(tx, ctx, ScheduleId(id))).await?;
    Ok(Redirect::to(&format!("/schedules/{id}")))
}

async fn delete(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| schedules::delete(tx, ctx, ScheduleId(id))).await?;
    Ok(Redirect::to("/schedules"))
}
