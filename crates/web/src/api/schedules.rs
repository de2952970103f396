//! Schedules: files that come and go by themselves.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::schedules::{self, Direction, ExportLayout, RunOutcome, ScheduleForm, Timetable};
use consign_ports::{Place, PlaceKind};
use consign_values::{ScheduleId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use crate::App;
use crate::access::ManageSettings;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(run))
        .routes(routes!(runs))
}

fn directions() -> Object {
    one_of(Direction::ALL.iter().map(|one| one.as_str()))
}

fn outcomes() -> Object {
    one_of(RunOutcome::ALL.iter().map(|one| one.as_str()))
}

const PLACES: [(PlaceKind, &str); 3] =
    [(PlaceKind::Folder, "folder"), (PlaceKind::Http, "http"), (PlaceKind::Sftp, "sftp")];

fn places() -> Object {
    one_of(PLACES.iter().map(|(_, code)| *code))
}

/// Where files are fetched from, or left.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FilePlace {
    #[schema(schema_with = places)]
    kind: String,
    /// Web address, or host with an optional port; blank for a folder.
    #[serde(default)]
    #[schema(max_length = 1000)]
    address: String,
    /// Folder and file; `*` and `?` stand for what may differ. Blank for a web address.
    #[serde(default)]
    #[schema(max_length = 1000)]
    path: String,
    /// Whom to sign in as.
    #[serde(default)]
    #[schema(max_length = 255)]
    user: String,
    /// Of the SFTP server's key: `SHA256:…`.
    #[serde(default)]
    #[schema(max_length = 200)]
    fingerprint: String,
}

impl FilePlace {
    fn show(place: Place) -> Self {
        let kind = PLACES.iter().find(|(kind, _)| *kind == place.kind).map_or("folder", |(_, code)| *code);
        FilePlace {
            kind: kind.to_owned(),
            address: place.address,
            path: place.path,
            user: place.user,
            fingerprint: place.fingerprint,
        }
    }

    fn read(&self) -> Result<Place, Error> {
        let kind = PLACES.iter().find(|(_, code)| *code == self.kind).map(|(kind, _)| *kind);
        Ok(Place {
            kind: kind.ok_or_else(|| Error::invalid("place.kind", "must be folder, http or sftp"))?,
            address: self.address.trim().to_owned(),
            path: self.path.trim().to_owned(),
            user: self.user.trim().to_owned(),
            fingerprint: self.fingerprint.trim().to_owned(),
        })
    }
}

/// When.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Times {
    /// Minutes from one run to the next; none: once a day, at `from`.
    #[schema(minimum = 1, maximum = 1440)]
    every_minutes: Option<i64>,
    /// First minute of the day.
    #[schema(minimum = 0, maximum = 1439)]
    from: i64,
    /// Last minute of the day, where it repeats.
    #[serde(default = "last_minute")]
    #[schema(minimum = 0, maximum = 1439)]
    until: i64,
    /// 1 (Monday) to 7; none named means all.
    #[serde(default)]
    #[schema(max_items = 7)]
    weekdays: Vec<i64>,
    /// Name of the time zone on whose clocks all this is: `Europe/London`.
    zone: String,
}

fn last_minute() -> i64 {
    1_439
}

/// How an exported file looks.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct Layout {
    /// XLSX instead of CSV.
    xlsx: bool,
    /// Orders received in the last so many days; none: all.
    #[schema(minimum = 1, maximum = 36500)]
    days: Option<i64>,
    /// Orders or levels of that location; none: all.
    location_id: Option<i64>,
    /// One column a line, `code` or `code = own name`; blank: all.
    #[schema(max_length = 20000)]
    columns: String,
}

/// A schedule.
#[derive(Serialize, ToSchema)]
struct Schedule {
    id: i64,
    name: String,
    #[schema(schema_with = directions)]
    direction: &'static str,
    /// In: name of the kept mapping. Out: `orders`, `centre-orders`, `items` or `stock`.
    what: String,
    place: FilePlace,
    /// A password or key is kept; it is never shown.
    has_secret: bool,
    timetable: Times,
    layout: Layout,
    enabled: bool,
    #[schema(required, format = DateTime)]
    last_at: Option<String>,
    #[schema(schema_with = outcomes)]
    last_outcome: &'static str,
    last_message: String,
    /// None while it is off.
    #[schema(required, format = DateTime)]
    next_at: Option<String>,
    /// Counts up with each edit.
    version: i64,
}

fn shown(tx: &mut Tx<'_>, one: &schedules::Schedule) -> Result<Schedule, Error> {
    let (times, layout) = (one.timetable(), one.layout());
    Ok(Schedule {
        id: one.id.0,
        name: one.name.clone(),
        direction: one.direction.as_str(),
        what: one.what.clone(),
        place: FilePlace::show(one.place()),
        has_secret: !one.secret.is_empty(),
        timetable: Times {
            every_minutes: times.every_minutes,
            from: times.from,
            until: times.until,
            weekdays: times.weekdays,
            zone: times.zone,
        },
        layout: Layout { xlsx: layout.xlsx, days: layout.days, location_id: layout.location, columns: layout.columns },
        enabled: one.enabled,
        last_at: one.last_at.map(Timestamp::to_rfc3339),
        last_outcome: one.last_outcome.as_str(),
        last_message: one.last_message.clone(),
        next_at: schedules::next_at(tx, one.id)?.map(Timestamp::to_rfc3339),
        version: one.version,
    })
}

fn by_id(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Schedule, Error> {
    let one = schedules::get(tx, id)?;
    shown(tx, &one)
}

/// What a schedule shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSchedule {
    /// Unique.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(schema_with = directions)]
    direction: String,
    /// In: name of a kept mapping. Out: `orders`, `centre-orders`, `items` or `stock`.
    what: String,
    place: FilePlace,
    /// Password or private key. Left out, the one that is there is kept, as long as the place's address stays.
    #[schema(max_length = 20000)]
    secret: Option<String>,
    timetable: Times,
    #[serde(default)]
    layout: Layout,
    enabled: bool,
}

impl NewSchedule {
    fn form(&self, app: &App) -> Result<ScheduleForm, Error> {
        let place = self.place.read()?;
        (app.may_transfer)(&place).map_err(|why| Error::invalid("place", format!("can't be used: {why}")))?;
        let wrong = || Error::invalid("direction", "must be import or export");
        let times = &self.timetable;
        Ok(ScheduleForm {
            name: self.name.clone(),
            direction: Direction::parse(&self.direction).ok_or_else(wrong)?,
            what: self.what.clone(),
            place,
            secret: self.secret.clone(),
            timetable: Timetable {
                every_minutes: times.every_minutes,
                from: times.from,
                until: times.until,
                weekdays: times.weekdays.clone(),
                zone: times.zone.clone(),
            },
            layout: ExportLayout {
                xlsx: self.layout.xlsx,
                days: self.layout.days,
                location: self.layout.location_id,
                columns: self.layout.columns.clone(),
            },
            enabled: self.enabled,
        })
    }
}

/// All schedules by name, at most 500.
#[utoipa::path(get, path = "/schedules", tag = "schedules", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The schedules.", body = Page<Schedule>)))]
async fn list(State(app): State<App>, _: ManageSettings) -> Answer<Json<Page<Schedule>>> {
    let all = app
        .read(|tx| {
            let all = schedules::list(tx)?;
            all.iter().map(|one| shown(tx, one)).collect::<Result<Vec<_>, Error>>()
        })
        .await?;
    Ok(Json(Page::whole(all)))
}

/// One schedule.
#[utoipa::path(get, path = "/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The schedule.", body = Schedule)))]
async fn get(State(app): State<App>, _: ManageSettings, Route(id): Route<i64>) -> Answer<Json<Schedule>> {
    Ok(Json(app.read(move |tx| by_id(tx, ScheduleId(id))).await?))
}

/// Make a schedule.
#[utoipa::path(post, path = "/schedules", tag = "schedules", security(("token" = ["manage_settings"])), request_body = NewSchedule,
    responses((status = 201, description = "The schedule.", body = Schedule)))]
async fn create(
    State(app): State<App>,
    _: ManageSettings,
    call: Call,
    Input(new): Input<NewSchedule>,
) -> Answer<Response> {
    let (form, keys) = (new.form(&app)?, app.keys.clone());
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = schedules::create(tx, ctx, &keys, &form)?;
        by_id(tx, id)
    })
    .await
}

/// What a schedule shall be, if it is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditedSchedule {
    /// The version that was read.
    version: i64,
    schedule: NewSchedule,
}

/// Replace a schedule.
#[utoipa::path(put, path = "/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    request_body = EditedSchedule, responses((status = 200, description = "The schedule.", body = Schedule)))]
async fn replace(
    State(app): State<App>,
    _: ManageSettings,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<EditedSchedule>,
) -> Answer<Response> {
    let (form, keys, version) = (new.schedule.form(&app)?, app.keys.clone(), new.version);
    call.write(StatusCode::OK, move |tx, ctx| {
        schedules::edit(tx, ctx, &keys, ScheduleId(id), version, &form)?;
        by_id(tx, ScheduleId(id))
    })
    .await
}

/// Delete a schedule with its log. What it took in stays.
#[utoipa::path(delete, path = "/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: ManageSettings, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| schedules::delete(tx, ctx, ScheduleId(id))).await
}

/// Let a schedule run at once, besides its times. One that is off never runs.
#[utoipa::path(post, path = "/schedules/{id}/run", tag = "schedules", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The schedule; its run is due.", body = Schedule)))]
async fn run(_: ManageSettings, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        schedules::run_now(tx, ctx, ScheduleId(id))?;
        by_id(tx, ScheduleId(id))
    })
    .await
}

/// One time that a schedule ran.
#[derive(Serialize, ToSchema)]
struct ScheduleRun {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(schema_with = outcomes)]
    outcome: &'static str,
    message: String,
    /// The import that was begun.
    #[schema(required)]
    import_id: Option<i64>,
}

/// The last 100 runs of a schedule, newest first.
#[utoipa::path(get, path = "/schedules/{id}/runs", tag = "schedules", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The runs.", body = Page<ScheduleRun>)))]
async fn runs(State(app): State<App>, _: ManageSettings, Route(id): Route<i64>) -> Answer<Json<Page<ScheduleRun>>> {
    let runs = app
        .read(move |tx| {
            schedules::get(tx, ScheduleId(id))?;
            schedules::runs(tx, ScheduleId(id))
        })
        .await?;
    let show = |run: &schedules::ScheduleRun| ScheduleRun {
        id: run.id,
        at: run.at.to_rfc3339(),
        outcome: run.outcome.as_str(),
        message: run.message.clone(),
        import_id: run.import_id.map(|id| id.0),
    };
    Ok(Json(Page::whole(runs.iter().map(show).collect())))
}
