//! Marks: what orders carry besides their own fields. Folders are people's buckets (reference 2.5), identifiers are badges that
//! channels, people and Consign itself give (2.4).
//!
//! Both are named things that many orders carry, so they share their rows; `orders::refusal` says which orders may be given them.

mod store;

use std::collections::HashMap;

use consign_db::{Tx, row};
use consign_values::{MarkId, Name, OrderId, Timestamp, clean};

use crate::orders::{Action, open_for};
use crate::settings::{self, Handling};
use crate::{Ctx, Error, Refusal, Result, changes, history};

consign_db::text_enum! {
    /// What a mark is.
    pub enum MarkKind {
        /// A bucket for work.
        Folder = "folder",
        /// A badge.
        Identifier = "identifier",
    }
}

row! {
    /// A folder or an identifier.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Mark in "mark" {
        /// Its id.
        pub id: MarkId,
        /// What it is.
        pub kind: MarkKind,
        /// What people call it.
        pub name: String,
        /// What files, channels and programs call it; of a folder, its name in lower case.
        pub tag: String,
        /// Shown on the badge; blank for folders.
        pub letter: String,
        /// One of [`COLOURS`]; blank for folders.
        pub colour: String,
        /// Given by Consign; nobody edits or deletes it.
        pub system: bool,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

row! {
    /// An order carries a mark.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct OrderMark in "order_mark" {
        /// The order.
        pub order_id: OrderId,
        /// The mark.
        pub mark_id: MarkId,
        /// The order is open.
        pub open: bool,
    }
}

/// Colours of badges.
pub const COLOURS: &[&str] = &["blue", "green", "grey", "orange", "purple", "red"];

/// What a mark shall be. Folders need only the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MarkForm {
    /// 1 to 255 characters.
    pub name: String,
    /// Upper-case key of an identifier; made of the name where it is blank.
    pub tag: String,
    /// One or two characters; the first of the name where it is blank.
    pub letter: String,
    /// One of [`COLOURS`]; grey where it is blank.
    pub colour: String,
}

fn shaped(id: MarkId, kind: MarkKind, form: &MarkForm, created_at: Timestamp) -> Result<Mark> {
    let name = Name::parse(&form.name).map_err(|error| Error::invalid("name", error.to_string()))?.into_string();
    if kind == MarkKind::Folder {
        let (letter, colour) = (String::new(), String::new());
        return Ok(Mark { id, kind, tag: name.to_lowercase(), name, letter, colour, system: false, created_at });
    }
    let wanted = if form.tag.trim().is_empty() { name.as_str() } else { form.tag.trim() };
    let tag: String = wanted.to_uppercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let letter = match form.letter.trim() {
        "" => name.chars().take(1).collect::<String>().to_uppercase(),
        text if text.chars().count() <= 2 => clean(text, 2),
        _ => return Err(Error::invalid("letter", "must be one or two characters")),
    };
    let colour = if form.colour.is_empty() { "grey" } else { form.colour.as_str() };
    if !COLOURS.contains(&colour) {
        return Err(Error::invalid("colour", format!("must be one of {}", COLOURS.join(", "))));
    }
    let tag = clean(&tag, 64);
    Ok(Mark { id, kind, name, tag, letter, colour: colour.to_owned(), system: false, created_at })
}

fn named(kind: MarkKind, error: consign_db::Error) -> Error {
    if error.is_unique("tag") { Error::invalid("name", format!("is the name of another {kind}")) } else { error.into() }
}

/// All of a kind by name, at most 500.
pub fn list(tx: &mut Tx<'_>, kind: MarkKind) -> Result<Vec<Mark>> {
    store::list(tx, kind)
}

/// One mark.
pub fn get(tx: &mut Tx<'_>, id: MarkId) -> Result<Mark> {
    store::find(tx, id)?.ok_or(Error::NotFound("folder or identifier"))
}

/// How many open orders carry each mark; marks that none carries are left out.
pub fn counts(tx: &mut Tx<'_>) -> Result<HashMap<MarkId, i64>> {
    Ok(store::counts(tx)?.into_iter().collect())
}

/// The marks of one order: folders before identifiers, each by name.
pub fn of_order(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Mark>> {
    store::marks_of(tx, order)
}

/// What each of these orders carries: folders before identifiers, each by name. Orders that carry nothing are left out.
pub fn of_orders(tx: &mut Tx<'_>, orders: &[OrderId]) -> Result<HashMap<OrderId, Vec<Mark>>> {
    let carried = store::of_orders(tx, orders)?;
    let mut ids: Vec<MarkId> = carried.iter().map(|one| one.mark_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let known = store::list_of(tx, &ids)?;
    let mut of: HashMap<OrderId, Vec<Mark>> = HashMap::new();
    for mark in known {
        for one in carried.iter().filter(|one| one.mark_id == mark.id) {
            of.entry(one.order_id).or_default().push(mark.clone());
        }
    }
    for marks in of.values_mut() {
        marks.sort_by(|a, b| (a.kind.as_str(), &a.name).cmp(&(b.kind.as_str(), &b.name)));
    }
    Ok(of)
}

/// Makes a folder or a custom identifier.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, kind: MarkKind, form: &MarkForm) -> Result<MarkId> {
    let mark = shaped(MarkId(tx.next_id("mark")?), kind, form, ctx.now())?;
    tx.insert(&mark).map_err(|error| named(kind, error))?;
    history::record(tx, ctx, "mark", mark.id.0, "created", format!("{kind} {}", mark.name))?;
    Ok(mark.id)
}

fn own(tx: &mut Tx<'_>, id: MarkId) -> Result<Mark> {
    let mark = get(tx, id)?;
    if mark.system { Err(Refusal::InUse("Consign itself; it is a system identifier").into()) } else { Ok(mark) }
}

/// Renames a folder, or changes a custom identifier.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: MarkId, form: &MarkForm) -> Result<()> {
    let was = own(tx, id)?;
    let mark = shaped(id, was.kind, form, was.created_at)?;
    store::update(tx, &mark).map_err(|error| named(was.kind, error))?;
    history::record(tx, ctx, "mark", id.0, "edited", format!("{} → {}", was.name, mark.name))
}

/// Deletes a mark and takes it off all its orders, at once and for good.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: MarkId) -> Result<()> {
    let mark = own(tx, id)?;
    let count = store::count(tx, id)?;
    store::delete(tx, id)?;
    history::record(tx, ctx, "mark", id.0, "deleted", format!("{} {}, off {count} open orders", mark.kind, mark.name))
}

fn action(kind: MarkKind) -> Action {
    if kind == MarkKind::Folder { Action::File } else { Action::Badge }
}

/// Gives an order a mark. Where the setting allows one folder only, it leaves its other one.
pub fn give(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: OrderId, id: MarkId) -> Result<()> {
    let mark = get(tx, id)?;
    open_for(tx, order, action(mark.kind))?;
    let has = store::marks_of(tx, order)?;
    if has.contains(&mark) {
        return Ok(());
    }
    if mark.kind == MarkKind::Folder && settings::get::<Handling>(tx)?.one_folder {
        for other in has.iter().filter(|other| other.kind == MarkKind::Folder) {
            store::take(tx, order, other.id)?;
            history::record(tx, ctx, "order", order.0, "folder left", other.name.clone())?;
        }
    }
    store::put(tx, &[(order, id)])?;
    history::record(tx, ctx, "order", order.0, &format!("{} given", mark.kind), mark.name)?;
    changes::announce(tx, ctx, "order", [order.0])
}

/// Takes a mark off an order.
pub fn take(tx: &mut Tx<'_>, ctx: &Ctx<'_>, order: OrderId, id: MarkId) -> Result<()> {
    let mark = get(tx, id)?;
    open_for(tx, order, action(mark.kind))?;
    if !store::marks_of(tx, order)?.contains(&mark) {
        return Ok(());
    }
    store::take(tx, order, id)?;
    history::record(tx, ctx, "order", order.0, &format!("{} left", mark.kind), mark.name)?;
    changes::announce(tx, ctx, "order", [order.0])
}

/// The ids of a kind by name or tag, both in lower case: for files.
pub(crate) fn by_name(tx: &mut Tx<'_>, kind: MarkKind) -> Result<HashMap<String, MarkId>> {
    let all = store::list(tx, kind)?;
    Ok(all
        .into_iter()
        .flat_map(|mark| [(mark.tag.to_lowercase(), mark.id), (mark.name.to_lowercase(), mark.id)])
        .collect())
}

/// New orders come with these marks, and with identifiers of these tags; tags that nobody knows are left out.
pub(crate) fn come_with(tx: &mut Tx<'_>, marks: &[(OrderId, MarkId)], tags: &[(OrderId, String)]) -> Result<()> {
    store::put(tx, marks)?;
    if tags.is_empty() {
        return Ok(());
    }
    let known: HashMap<String, MarkId> =
        store::list(tx, MarkKind::Identifier)?.into_iter().map(|mark| (mark.tag, mark.id)).collect();
    let rows: Vec<_> = tags.iter().filter_map(|(order, tag)| Some((*order, *known.get(tag)?))).collect();
    store::put(tx, &rows)
}

/// A new order carries what those carry that it is made of.
pub(crate) fn inherit(tx: &mut Tx<'_>, from: &[OrderId], to: &[OrderId]) -> Result<()> {
    let marks = store::of_orders(tx, from)?;
    let rows: Vec<_> = to.iter().flat_map(|order| marks.iter().map(|mark| (*order, mark.mark_id))).collect();
    store::put(tx, &rows)
}

/// The order is open no longer.
pub(crate) fn close(tx: &mut Tx<'_>, order: OrderId) -> Result<()> {
    store::close(tx, order)
}
