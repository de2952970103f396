//! A run: prepared, mapped, tried dry, taken in batch by batch, and its rejected rows handed back.

use std::collections::{BTreeMap, HashMap};

use consign_db::Tx;
use consign_sheets::{Sheet, to_csv};
use consign_values::{FieldErrors, ImportId, LocationId, MarkId, Money, Name, clean};
use sha2::{Digest, Sha256};

use super::rows::{by_row, groups, read};
use super::{
    Group, Import, ImportKind, ImportState, Mapping, Profile, ReadOrder, Reading, Reject, RowFault, get, related, store,
};
use crate::marks::{self, MarkKind};
use crate::orders::{ImportOutcome, Imported, known_imports, take_imported};
use crate::{Ctx, Error, Refusal, Result, changes, history, jobs, locations, settings};

/// Orders in one transaction.
const BATCH: usize = 100;
/// Orders that a dry run shows one by one; all are counted.
const SHOWN: usize = 200;

/// How the columns of a new file are mapped.
#[derive(Clone, Copy, Debug)]
pub enum Like<'n> {
    /// By their names, as a file of that kind.
    Names(ImportKind),
    /// As the kept mapping of that name says.
    Profile(&'n str),
}

/// Takes a file over and maps its columns.
pub fn prepare(tx: &mut Tx<'_>, ctx: &Ctx<'_>, file_name: &str, bytes: &[u8], like: Like<'_>) -> Result<ImportId> {
    let read = |reading: &Reading| Sheet::read_as(bytes, reading).map_err(|e| Error::invalid("file", e.to_string()));
    let (sheet, mapping, sub_source, location_id) = match like {
        Like::Profile(name) => {
            let profile = store::profiles(tx)?.into_iter().find(|known| known.name == name);
            let profile = profile.ok_or(Error::NotFound("kept mapping"))?;
            let sheet = read(&profile.mapping().reading)?;
            (sheet, profile.mapping, profile.sub_source, profile.location_id)
        }
        Like::Names(kind) => {
            let sheet = read(&Reading::default())?;
            let zone = settings::preferences::zone(tx, ctx)?;
            let mapping = json(&Mapping { zone, ..Mapping::matched(kind, sheet.header()) });
            (sheet, mapping, String::new(), locations::default(tx)?)
        }
    };
    let id = ImportId(tx.next_id("import")?);
    let file_name = clean(file_name, 255);
    tx.insert(&Import {
        id,
        file_name: file_name.clone(),
        digest: Sha256::digest(bytes).to_vec(),
        header: json(sheet.header()),
        mapping,
        sub_source,
        location_id,
        state: ImportState::Prepared,
        order_count: 0,
        done_count: 0,
        taken_count: 0,
        known_count: 0,
        rejected_count: 0,
        error: String::new(),
        actor: ctx.actor_text(),
        created_at: ctx.now(),
        ended_at: None,
    })?;
    store::insert_file(tx, id, bytes)?;
    history::record(tx, ctx, "import", id.0, "prepared", format!("{file_name}, {} rows", sheet.len()))?;
    Ok(id)
}

fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The file of a run that is not over.
pub fn sheet_of(tx: &mut Tx<'_>, id: ImportId) -> Result<Sheet> {
    let reading = get(tx, id)?.mapping().reading;
    let bytes = store::file(tx, id)?.ok_or(Error::NotFound("file"))?;
    Sheet::read_as(&bytes, &reading).map_err(|error| Error::invalid("file", error.to_string()))
}

/// Changes how a prepared run is read; with a name, the mapping is kept under it for other files.
pub fn remap(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ImportId,
    mapping: &Mapping,
    sub_source: &str,
    location_id: LocationId,
    keep_as: Option<&str>,
) -> Result<()> {
    let import = prepared(tx, id)?;
    locations::get(tx, location_id)?;
    let mut errors = FieldErrors::new();
    for (field, fault) in mapping.reading.faults() {
        errors.add(field, fault);
    }
    errors.into_result()?;
    let sub_source = clean(sub_source, 128);
    let templates = mapping.columns.iter().filter(|(_, template)| !template.trim().is_empty());
    let columns: BTreeMap<String, String> =
        templates.map(|(code, template)| (clean(code, 64), clean(template, 1_000))).collect();
    let before = import.mapping();
    let mapping = Mapping { columns, zone: clean(&mapping.zone, 64), kind: before.kind, ..mapping.clone() };
    let reread = before.reading != mapping.reading;
    let mapping = json(&mapping);
    store::update_mapping(tx, id, &mapping, &sub_source, location_id)?;
    if reread {
        let sheet = sheet_of(tx, id)?;
        store::set_header(tx, id, &json(sheet.header()))?;
    }
    if let Some(name) = keep_as {
        let name = Name::parse(name).map_err(|error| Error::invalid("profile", error.to_string()))?.into_string();
        let profile_id = tx.next_id("row")?;
        let profile = Profile { id: profile_id, name, mapping, sub_source, location_id, updated_at: ctx.now() };
        store::put_profile(tx, &profile)?;
    }
    Ok(())
}

fn prepared(tx: &mut Tx<'_>, id: ImportId) -> Result<Import> {
    let import = store::lock(tx, id)?.ok_or(Error::NotFound("import"))?;
    if import.state == ImportState::Prepared { Ok(import) } else { Err(Refusal::ImportStarted.into()) }
}

/// An order, or a row, as a dry run sees it.
#[derive(Clone, Debug)]
pub struct DryOrder {
    /// What would be done, for anything but new orders.
    pub plan: String,
    /// Its number.
    pub reference: String,
    /// Its line in the file.
    pub line: u64,
    /// Its lines and its items' sum, if it can be read.
    pub read: Option<(usize, Money)>,
    /// It is known: nothing would happen.
    pub known: bool,
    /// What is wrong: line of the file, column, reason.
    pub faults: Vec<(u64, String, String)>,
    /// Columns whose values differ from row to row.
    pub differing: Vec<&'static str>,
}

/// What would happen.
#[derive(Clone, Debug, Default)]
pub struct DryRun {
    /// What keeps the mapping from being used: column, reason. Then nothing else is known.
    pub mapping_faults: Vec<(String, String)>,
    /// Orders that would be new.
    pub new: usize,
    /// Orders that are known.
    pub known: usize,
    /// Orders that would be rejected.
    pub rejected: usize,
    /// The first 200 orders, the rejected ones before the others.
    pub orders: Vec<DryOrder>,
}

/// Says for each order what would happen; changes nothing.
pub fn dry_run(tx: &mut Tx<'_>, id: ImportId) -> Result<DryRun> {
    let import = get(tx, id)?;
    let (sheet, mapping) = (sheet_of(tx, id)?, import.mapping());
    let mapping_faults = mapping.faults(sheet.header());
    if !mapping_faults.is_empty() {
        return Ok(DryRun { mapping_faults, ..DryRun::default() });
    }
    let names = Known::load(tx)?;
    let mut result = DryRun::default();
    let (mut wrong, mut right) = (Vec::new(), Vec::new());
    for batch in groups(&sheet, &mapping).chunks(1_000) {
        let rows = batch.iter().filter(|_| mapping.kind != ImportKind::Orders);
        let dry_rows =
            rows.map(|group| related::dry(tx, &import, &mapping, &sheet, group)).collect::<Result<Vec<_>>>()?;
        for row in dry_rows {
            result.count(&row, &mut wrong, &mut right);
        }
        if mapping.kind != ImportKind::Orders {
            continue;
        }
        let keys: Vec<(&str, &str)> =
            batch.iter().map(|group| (sub_source(&import, group), group.reference.as_str())).collect();
        for (group, known) in batch.iter().zip(known_imports(tx, &keys)?) {
            result.count(&dry_order(&sheet, &mapping, &names, group, known), &mut wrong, &mut right);
        }
    }
    wrong.extend(right);
    wrong.truncate(SHOWN);
    result.orders = wrong;
    Ok(result)
}

impl DryRun {
    fn count(&mut self, order: &DryOrder, wrong: &mut Vec<DryOrder>, right: &mut Vec<DryOrder>) {
        match (order.faults.is_empty(), order.known) {
            (false, _) => self.rejected += 1,
            (true, true) => self.known += 1,
            (true, false) => self.new += 1,
        }
        let shown = if order.faults.is_empty() { right } else { wrong };
        if shown.len() < SHOWN {
            shown.push(order.clone());
        }
    }
}

fn dry_order(sheet: &Sheet, mapping: &Mapping, names: &Known, group: &Group, known: bool) -> DryOrder {
    let (read, differing, faults) = match read_whole(sheet, mapping, names, group) {
        Ok((read, _)) => {
            let zero = Money::zero(read.order.currency);
            let sum = read
                .order
                .lines
                .iter()
                .try_fold(zero, |sum, line| sum.plus(line.unit_price.times(line.quantity.units())?));
            (Some((read.order.lines.len(), sum.unwrap_or(zero))), read.differing, Vec::new())
        }
        Err(faults) => (None, Vec::new(), faults),
    };
    let faults = faults.into_iter().map(|fault| (sheet.line(fault.row), fault.field, fault.reason)).collect();
    let line = sheet.line(group.rows[0]);
    DryOrder { plan: String::new(), reference: group.reference.clone(), line, read, known, faults, differing }
}

/// What orders of a file may name, in lower case.
struct Known {
    places: HashMap<String, LocationId>,
    folders: HashMap<String, MarkId>,
    identifiers: HashMap<String, MarkId>,
}

impl Known {
    fn load(tx: &mut Tx<'_>) -> Result<Self> {
        Ok(Known {
            places: locations::list(tx)?.into_iter().map(|place| (place.name.to_lowercase(), place.id)).collect(),
            folders: marks::by_name(tx, MarkKind::Folder)?,
            identifiers: marks::by_name(tx, MarkKind::Identifier)?,
        })
    }
}

/// What an order of a file names, found.
#[derive(Default)]
struct Named {
    place: Option<LocationId>,
    marks: Vec<MarkId>,
}

fn sub_source<'a>(import: &'a Import, group: &'a Group) -> &'a str {
    if group.sub_source.is_empty() { &import.sub_source } else { &group.sub_source }
}

/// Reads an order and finds its location, folders and identifiers, if it names some.
fn read_whole(
    sheet: &Sheet,
    mapping: &Mapping,
    known: &Known,
    group: &Group,
) -> Result<(ReadOrder, Named), Vec<RowFault>> {
    let order = read(sheet, mapping, group)?;
    let (mut named, mut faults) = (Named::default(), Vec::new());
    let mut fault = |field: &str, reason: String| {
        faults.push(RowFault { row: group.rows[0], field: field.to_owned(), reason });
    };
    if !order.location.is_empty() {
        named.place = known.places.get(&order.location.to_lowercase()).copied();
        if named.place.is_none() {
            fault("location", format!("{} is no location", order.location));
        }
    }
    let lists = [
        ("folders", "folder", &order.folders, &known.folders),
        ("identifiers", "identifier", &order.identifiers, &known.identifiers),
    ];
    for (field, noun, names, ids) in lists {
        for name in names {
            match ids.get(&name.to_lowercase()) {
                Some(id) => named.marks.push(*id),
                None => fault(field, format!("{name} is no {noun}")),
            }
        }
    }
    if faults.is_empty() { Ok((order, named)) } else { Err(faults) }
}

/// Begins to take a prepared run in; a worker goes on with it. Refused while the mapping can't be used. The very same file again
/// would change nothing, and is refused unless `again`.
pub fn start(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ImportId, again: bool) -> Result<()> {
    let mut import = prepared(tx, id)?;
    if !again && let Some(at) = store::done_before(tx, &import.digest)? {
        return Err(Refusal::ImportedBefore(at.to_minutes()).into());
    }
    let (sheet, mapping) = (sheet_of(tx, id)?, import.mapping());
    let mut errors = FieldErrors::new();
    for (code, fault) in mapping.faults(sheet.header()) {
        errors.add(code, fault);
    }
    errors.into_result()?;
    import.order_count = groups(&sheet, &mapping).len() as i64;
    import.state = ImportState::Running;
    store::update(tx, &import)?;
    jobs::ensure(tx, "import", &format!("import {id}"), &id.to_string(), ctx.now())?;
    history::record(tx, ctx, "import", id.0, "started", format!("{} {}", import.order_count, mapping.kind.counted()))?;
    changes::announce(tx, ctx, "import", [id.0])
}

/// A run's file, read once for all its batches.
pub struct Progress {
    sheet: Sheet,
    mapping: Mapping,
    groups: Vec<Group>,
}

impl Progress {
    /// Reads the file of a run.
    pub fn open(tx: &mut Tx<'_>, id: ImportId) -> Result<Self> {
        let (sheet, mapping) = (sheet_of(tx, id)?, get(tx, id)?.mapping());
        let groups = groups(&sheet, &mapping);
        Ok(Progress { sheet, mapping, groups })
    }
}

/// Takes the next batch of a run; `true` if there is more. What it has done is noted in the same transaction.
pub fn work(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ImportId, progress: &Progress) -> Result<bool> {
    let mut import = store::lock(tx, id)?.ok_or(Error::NotFound("import"))?;
    if import.state != ImportState::Running {
        return Ok(false);
    }
    let from = usize::try_from(import.done_count).unwrap_or(0).min(progress.groups.len());
    let batch = &progress.groups[from..(from + BATCH).min(progress.groups.len())];
    if progress.mapping.kind == ImportKind::Orders {
        take_orders(tx, ctx, &mut import, progress, batch)?;
    } else {
        for group in batch {
            match related::work(tx, ctx, &import, &progress.mapping, &progress.sheet, group)? {
                Ok(true) => import.taken_count += 1,
                Ok(false) => import.known_count += 1,
                Err(faults) => reject(tx, &mut import, progress, group, &faults)?,
            }
        }
    }
    import.done_count += batch.len() as i64;
    let more = (import.done_count as usize) < progress.groups.len();
    if !more {
        end(tx, ctx, &mut import, ImportState::Done)?;
    }
    store::update(tx, &import)?;
    changes::announce(tx, ctx, "import", [id.0])?;
    Ok(more)
}

fn take_orders(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    import: &mut Import,
    progress: &Progress,
    batch: &[Group],
) -> Result<()> {
    let names = Known::load(tx)?;
    let mut orders = Vec::new();
    for group in batch {
        match read_whole(&progress.sheet, &progress.mapping, &names, group) {
            Ok((read, place)) => orders.push((group, imported(import, group, read, place))),
            Err(faults) => reject(tx, import, progress, group, &faults)?,
        }
    }
    let (wanted, ready): (Vec<&Group>, Vec<Imported>) = orders.into_iter().unzip();
    for (group, outcome) in wanted.into_iter().zip(take_imported(tx, ctx, &ready)?) {
        match outcome {
            ImportOutcome::Taken(_) => import.taken_count += 1,
            ImportOutcome::Known => import.known_count += 1,
            ImportOutcome::Rejected(reason) => {
                let fault = RowFault { row: group.rows[0], field: "reference".to_owned(), reason };
                reject(tx, import, progress, group, &[fault])?;
            }
        }
    }
    Ok(())
}

fn imported(import: &Import, group: &Group, read: ReadOrder, named: Named) -> Imported {
    let because = if named.place.is_some() { "named in the file" } else { "the import's location" };
    Imported {
        sub_source: sub_source(import, group).to_owned(),
        location_id: named.place.unwrap_or(import.location_id),
        location_because: format!("{because} {}", import.file_name),
        order: read.order,
        carrier: read.carrier,
        tracking_number: read.tracking_number,
        tag: read.tag,
        marks: named.marks,
    }
}

/// All rows of an order are kept; those without a fault say that another row has one.
fn reject(tx: &mut Tx<'_>, import: &mut Import, progress: &Progress, group: &Group, faults: &[RowFault]) -> Result<()> {
    let by_row = by_row(faults);
    let mut rows = Vec::new();
    for row in &group.rows {
        let (field, reason) = match by_row.get(row) {
            Some(faults) => {
                let said: Vec<String> =
                    faults.iter().map(|fault| format!("{}: {}", fault.field, fault.reason)).collect();
                (faults[0].field.clone(), said.join("; "))
            }
            None => (String::new(), "another row of the order is wrong".to_owned()),
        };
        rows.push(Reject {
            id: tx.next_id("row")?,
            run_id: import.id,
            line: progress.sheet.line(*row) as i64,
            reference: group.reference.clone(),
            field,
            reason: clean(&reason, 1_000),
            cells: json(&progress.sheet.row(*row)),
        });
    }
    tx.insert_many(&rows)?;
    import.rejected_count += 1;
    Ok(())
}

fn end(tx: &mut Tx<'_>, ctx: &Ctx<'_>, import: &mut Import, state: ImportState) -> Result<()> {
    import.state = state;
    import.ended_at = Some(ctx.now());
    store::delete_file(tx, import.id)?;
    let detail = format!(
        "{} of {} {}: {} new, {} known, {} rejected",
        import.done_count,
        import.order_count,
        import.mapping().kind.counted(),
        import.taken_count,
        import.known_count,
        import.rejected_count
    );
    history::record(tx, ctx, "import", import.id.0, state.as_str(), detail)
}

/// Stops a run, or throws a prepared one away. What was taken stays.
pub fn cancel(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ImportId) -> Result<()> {
    let mut import = store::lock(tx, id)?.ok_or(Error::NotFound("import"))?;
    if !matches!(import.state, ImportState::Prepared | ImportState::Running) {
        return Err(Refusal::ImportOver.into());
    }
    end(tx, ctx, &mut import, ImportState::Cancelled)?;
    store::update(tx, &import)?;
    changes::announce(tx, ctx, "import", [id.0])
}

/// The rejected rows as a CSV file with the file's own columns and a reason: mended, it can be imported as it is.
pub fn rejected_file(tx: &mut Tx<'_>, id: ImportId) -> Result<Vec<u8>> {
    let import = get(tx, id)?;
    let mut header = import.header();
    let width = header.len();
    header.push(REASON.to_owned());
    let rows = store::rejects(tx, id, i64::MAX)?.into_iter().map(|reject| {
        let mut cells: Vec<String> = serde_json::from_str(&reject.cells).unwrap_or_default();
        cells.resize(width, String::new());
        cells.push(format!("line {}: {}", reject.line, reject.reason));
        cells
    });
    Ok(to_csv(&header, &rows.collect::<Vec<_>>()))
}

/// The column that a file of rejected rows has more than the one they came from.
const REASON: &str = "Why it was rejected";
