//! Files that come and go by themselves: where they are, when they are fetched or left, and what came of each time. Reference 6.4, 6.7.
//!
//! The worker fetches and leaves the files, outside any transaction; here is what it is told, and what it tells. A file that was seen
//! before, by its bytes, is passed over. What is taken in becomes an ordinary import, with its own page and rejected rows.

mod store;
mod timetable;

use consign_db::{Tx, row};
use consign_ports::{Place, PlaceKind};
use consign_values::{FieldErrors, ImportId, LocationId, Name, ScheduleId, Timestamp, clean};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use timetable::Timetable;

use crate::channels::{KeyRing, SealError};
use crate::exports::{self, Export, ExportFilter, FileKind};
use crate::imports::{self, Like};
use crate::{Ctx, Error, Refusal, Result, changes, history, jobs, locations};

consign_db::text_enum! {
    /// Which way the files go.
    pub enum Direction {
        /// In.
        Import = "import",
        /// Out.
        Export = "export",
    }
}

consign_db::text_enum! {
    /// What came of a run.
    pub enum RunOutcome {
        /// It has not run yet.
        Awaiting = "awaiting",
        /// A file was taken over, or left.
        Done = "done",
        /// There was nothing new.
        Unchanged = "unchanged",
        /// It failed.
        Failed = "failed",
    }
}

row! {
    /// A schedule.
    #[derive(Clone, Debug)]
    pub struct Schedule in "schedule" {
        /// Its id.
        pub id: ScheduleId,
        /// Its name.
        pub name: String,
        /// In or out.
        pub direction: Direction,
        /// In: the kept mapping by its name. Out: the code of an [`Export`].
        pub what: String,
        /// JSON of a [`Place`].
        pub place: String,
        /// The sealed password or private key; empty for none.
        pub secret: Vec<u8>,
        /// JSON of a [`Timetable`].
        pub timetable: String,
        /// JSON of an [`ExportLayout`].
        pub layout: String,
        /// Whether it runs.
        pub enabled: bool,
        /// When it ran last.
        pub last_at: Option<Timestamp>,
        /// What came of it.
        pub last_outcome: RunOutcome,
        /// The same for people.
        pub last_message: String,
        /// Counts edits.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

row! {
    /// One time that a schedule ran.
    #[derive(Clone, Debug)]
    pub struct ScheduleRun in "schedule_run" {
        /// Its id.
        pub id: i64,
        /// The schedule.
        pub schedule_id: ScheduleId,
        /// When.
        pub at: Timestamp,
        /// What came of it.
        pub outcome: RunOutcome,
        /// The same for people.
        pub message: String,
        /// The import that was begun.
        pub import_id: Option<ImportId>,
    }
}

/// How an exported file looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportLayout {
    /// XLSX instead of CSV.
    pub xlsx: bool,
    /// Orders received in the last so many days; none: all.
    pub days: Option<i64>,
    /// Orders or levels of that location; none: all.
    pub location: Option<i64>,
    /// One column a line, `code` or `code = own name`; blank: all.
    pub columns: String,
}

impl ExportLayout {
    /// Which kind of file.
    pub fn file_kind(&self) -> FileKind {
        if self.xlsx { FileKind::Xlsx } else { FileKind::Csv }
    }
}

/// What somebody says of a schedule.
#[derive(Clone, Debug)]
pub struct ScheduleForm {
    /// Its name.
    pub name: String,
    /// In or out.
    pub direction: Direction,
    /// In: the kept mapping by its name. Out: the code of an [`Export`].
    pub what: String,
    /// Where.
    pub place: Place,
    /// Password or private key; `None` keeps the one that is there.
    pub secret: Option<String>,
    /// When.
    pub timetable: Timetable,
    /// How an exported file looks.
    pub layout: ExportLayout,
    /// Whether it runs.
    pub enabled: bool,
}

impl Schedule {
    /// Where.
    pub fn place(&self) -> Place {
        serde_json::from_str(&self.place).unwrap_or_default()
    }

    /// When.
    pub fn timetable(&self) -> Timetable {
        serde_json::from_str(&self.timetable).unwrap_or_default()
    }

    /// How an exported file looks.
    pub fn layout(&self) -> ExportLayout {
        serde_json::from_str(&self.layout).unwrap_or_default()
    }

    /// The password or key, opened; blank for none.
    pub fn open_secret(&self, keys: &KeyRing) -> Result<String, SealError> {
        if self.secret.is_empty() { Ok(String::new()) } else { keys.open_text(&binding(self.id), &self.secret) }
    }
}

/// The job of a schedule.
fn job_key(id: ScheduleId) -> String {
    format!("schedule {id}")
}

/// What a secret is sealed for: it opens nowhere else.
fn binding(id: ScheduleId) -> String {
    format!("schedule {id}")
}

fn check(tx: &mut Tx<'_>, form: &ScheduleForm) -> Result<String> {
    let mut errors = FieldErrors::new();
    let name = errors.check("name", Name::parse(&form.name));
    match form.direction {
        Direction::Import if !imports::profiles(tx)?.iter().any(|known| known.name == form.what) => {
            errors.add("what", "must be a kept mapping: import one file by hand, and keep its mapping under a name");
        }
        Direction::Export => match Export::parse(&form.what) {
            Some(what) => exports::Columns::parse(what, &form.layout.columns)
                .map(|_| ())
                .unwrap_or_else(|reason| errors.add("columns", reason)),
            None => errors.add("what", "must be orders, centre-orders, items or stock"),
        },
        Direction::Import => {}
    }
    match form.layout.location.map(|id| locations::get(tx, LocationId(id))) {
        Some(Err(Error::NotFound(_))) => errors.add("location", "is no location"),
        Some(Err(error)) => return Err(error),
        _ => {}
    }
    if form.layout.days.is_some_and(|days| !(1..=36_500).contains(&days)) {
        errors.add("days", "must be between 1 and 36,500");
    }
    let place = &form.place;
    let long = [&place.address, &place.path, &place.user, &place.fingerprint].iter().any(|text| text.len() > 1_000);
    if long || form.secret.as_ref().is_some_and(|secret| secret.len() > 20_000) {
        errors.add("place", "is too long");
    }
    match place.kind {
        PlaceKind::Folder | PlaceKind::Sftp if place.path.trim().is_empty() => errors.add("path", "must name a file"),
        PlaceKind::Http if !place.path.is_empty() => errors.add("path", "belongs into the address"),
        _ => {}
    }
    if place.kind != PlaceKind::Folder && place.address.trim().is_empty() {
        errors.add("address", "must not be empty");
    }
    if place.kind == PlaceKind::Sftp && !place.fingerprint.starts_with("SHA256:") {
        errors.add("fingerprint", "must be the server's key as ssh-keygen -l shows it: SHA256:…");
    }
    if form.direction == Direction::Export && place.path.contains(['*', '?']) {
        errors.add("path", "must name one file");
    }
    form.timetable.check(&mut errors);
    errors.into_result()?;
    Ok(name.map_or_else(String::new, Name::into_string))
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn seal(keys: &KeyRing, id: ScheduleId, secret: &str) -> Result<Vec<u8>> {
    if secret.is_empty() {
        return Ok(Vec::new());
    }
    keys.seal_text(&binding(id), secret).map_err(|error| Error::Db(consign_db::Error::Other(error.to_string())))
}

fn name_taken(error: consign_db::Error) -> Error {
    if error.is_unique("schedule_name") || error.is_unique("schedule.name") {
        Error::invalid("name", "is the name of another schedule")
    } else {
        error.into()
    }
}

/// Makes a schedule.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, form: &ScheduleForm) -> Result<ScheduleId> {
    let name = check(tx, form)?;
    let id = ScheduleId(tx.next_id("schedule")?);
    let schedule = Schedule {
        id,
        name,
        direction: form.direction,
        what: form.what.clone(),
        place: json(&form.place),
        secret: seal(keys, id, form.secret.as_deref().unwrap_or_default())?,
        timetable: json(&form.timetable),
        layout: json(&form.layout),
        enabled: form.enabled,
        last_at: None,
        last_outcome: RunOutcome::Awaiting,
        last_message: String::new(),
        version: 1,
        created_at: ctx.now(),
    };
    tx.insert(&schedule).map_err(name_taken)?;
    arm(tx, ctx, &schedule)?;
    history::record(tx, ctx, "schedule", id.0, "created", schedule.name)?;
    Ok(id)
}

/// Changes one that is still at `version`.
pub fn edit(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    keys: &KeyRing,
    id: ScheduleId,
    version: i64,
    form: &ScheduleForm,
) -> Result<()> {
    let before = get(tx, id)?;
    let name = check(tx, form)?;
    let place = json(&form.place);
    let secret = match &form.secret {
        Some(secret) => seal(keys, id, secret)?,
        // A password is never sent to another place than the one that it was given for.
        None if before.place().address != form.place.address => Vec::new(),
        None => before.secret.clone(),
    };
    let schedule = Schedule {
        name,
        direction: form.direction,
        what: form.what.clone(),
        place,
        secret,
        timetable: json(&form.timetable),
        layout: json(&form.layout),
        enabled: form.enabled,
        ..before
    };
    if store::update(tx, &schedule, version).map_err(name_taken)? == 0 {
        return Err(Error::Stale);
    }
    arm(tx, ctx, &schedule)?;
    history::record(tx, ctx, "schedule", id.0, "edited", schedule.name)?;
    changes::announce(tx, ctx, "schedule", [id.0])
}

/// The job of a schedule that is on, at its next time; none for one that is off.
fn arm(tx: &mut Tx<'_>, ctx: &Ctx<'_>, schedule: &Schedule) -> Result<()> {
    jobs::remove(tx, &job_key(schedule.id))?;
    if schedule.enabled {
        let at = schedule.timetable().next(ctx.now());
        jobs::ensure(tx, "schedule", &job_key(schedule.id), &schedule.id.to_string(), at)?;
    }
    Ok(())
}

/// Deletes one with its log. What it took in stays.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ScheduleId) -> Result<()> {
    let schedule = get(tx, id)?;
    jobs::remove(tx, &job_key(id))?;
    store::delete(tx, id)?;
    history::record(tx, ctx, "schedule", id.0, "deleted", schedule.name)?;
    changes::announce(tx, ctx, "schedule", [id.0])
}

/// Lets one run at once, besides its times. One that is off never runs.
pub fn run_now(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ScheduleId) -> Result<()> {
    let schedule = get(tx, id)?;
    if !schedule.enabled || !jobs::wake(tx, ctx, &job_key(id))? {
        return Err(Refusal::ScheduleOff.into());
    }
    history::record(tx, ctx, "schedule", id.0, "run now", "")
}

/// One schedule.
pub fn get(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Schedule> {
    store::find(tx, id)?.ok_or(Error::NotFound("schedule"))
}

/// All by name, at most 500.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Schedule>> {
    store::list(tx)
}

/// The last 100 runs, newest first.
pub fn runs(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Vec<ScheduleRun>> {
    store::runs(tx, id)
}

/// When it runs next; none if it is off.
pub fn next_at(tx: &mut Tx<'_>, id: ScheduleId) -> Result<Option<Timestamp>> {
    jobs::run_at(tx, &job_key(id))
}

/// A file has been fetched: begins to take it in, unless it is the very one that was there before.
pub fn arrived(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ScheduleId, name: &str, bytes: &[u8]) -> Result<()> {
    let schedule = get(tx, id)?;
    let (name, digest) = (clean(name, 255), Sha256::digest(bytes).to_vec());
    if store::digest_of(tx, id, &name)?.as_deref() == Some(digest.as_slice()) {
        return note(tx, ctx, id, RunOutcome::Unchanged, &format!("{name} is the file of last time"), None);
    }
    let begun = tx.attempt(|tx| {
        let import = imports::prepare(tx, ctx, &name, bytes, Like::Profile(&schedule.what))?;
        imports::start(tx, ctx, import, true)?;
        Ok(import)
    });
    match begun {
        Ok(import) => {
            store::put_digest(tx, id, &name, &digest, ctx.now())?;
            note(tx, ctx, id, RunOutcome::Done, &format!("{name}, {} bytes", bytes.len()), Some(import))
        }
        Err(error @ (Error::Invalid(_) | Error::Refused(_) | Error::NotFound(_))) => {
            note(tx, ctx, id, RunOutcome::Failed, &format!("{name}: {error}"), None)
        }
        Err(error) => Err(error),
    }
}

/// The file that a schedule leaves now.
pub fn outgoing(tx: &mut Tx<'_>, ctx: &Ctx<'_>, schedule: &Schedule) -> Result<Vec<u8>> {
    let layout = schedule.layout();
    let what = Export::parse(&schedule.what).ok_or(Error::NotFound("kind of export"))?;
    let filter = ExportFilter {
        location: layout.location.map(LocationId),
        received_from: layout.days.map(|days| ctx.now().plus_seconds(-days * 86_400)),
        received_until: None,
    };
    let columns = exports::Columns::parse(what, &layout.columns).map_err(|reason| Error::invalid("columns", reason))?;
    exports::file(tx, what, &filter, &columns, layout.file_kind())
}

/// Notes what came of a run. The last 200 are kept.
pub fn note(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ScheduleId,
    outcome: RunOutcome,
    message: &str,
    import_id: Option<ImportId>,
) -> Result<()> {
    let run = ScheduleRun {
        id: tx.next_id("row")?,
        schedule_id: id,
        at: ctx.now(),
        outcome,
        message: clean(message, 1_000),
        import_id,
    };
    store::set_last(tx, &run)?;
    tx.insert(&run)?;
    store::forget_runs(tx, id)?;
    changes::announce(tx, ctx, "schedule", [id.0])
}
