//! Places that hold stock and fulfil orders. One is the default; the schema keeps it from being deleted.

mod store;

use consign_db::{Tx, row};
use consign_values::{FieldErrors, LocationId, Name, Timestamp};

use crate::{Ctx, Error, Refusal, Result, changes, history};

row! {
    /// A location.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Location in "location" {
        /// Its id.
        pub id: LocationId,
        /// Its name, unique.
        pub name: String,
        /// Whether processing may take a level below zero here. Allocation never does.
        pub allow_negative: bool,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

/// What a person can say of a location.
#[derive(Clone, Debug)]
pub struct LocationForm {
    /// Its name.
    pub name: String,
    /// See [`Location::allow_negative`].
    pub allow_negative: bool,
}

/// Makes a location. The first one ever made becomes the default.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &LocationForm) -> Result<LocationId> {
    let name = check_name(&form.name)?;
    let id = LocationId(tx.next_id("location")?);
    let location =
        Location { id, name: name.into_string(), allow_negative: form.allow_negative, created_at: ctx.now() };
    tx.insert(&location).map_err(name_taken)?;
    store::make_default_if_none(tx, id)?;
    history::record(tx, ctx, "location", id.0, "created", format!("\"{}\"", location.name))?;
    changes::announce(tx, ctx, "location", [id.0])?;
    Ok(id)
}

/// Renames a location or changes its settings.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: LocationId, form: &LocationForm) -> Result<()> {
    let before = get(tx, id)?;
    let name = check_name(&form.name)?;
    store::update(tx, id, name.as_str(), form.allow_negative).map_err(name_taken)?;
    let detail = format!(
        "\"{}\", negative stock {} (before: \"{}\", {})",
        name, form.allow_negative, before.name, before.allow_negative
    );
    history::record(tx, ctx, "location", id.0, "edited", detail)?;
    changes::announce(tx, ctx, "location", [id.0])
}

/// Deletes a location that nothing refers to any more: not the default one, none with orders, stock or channels.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: LocationId) -> Result<()> {
    let location = get(tx, id)?;
    if default(tx)? == id {
        return Err(Refusal::DefaultLocation.into());
    }
    if store::has_stock(tx, id)? {
        return Err(Refusal::InUse("stock").into());
    }
    store::delete_empty_levels(tx, id)?;
    store::delete(tx, id).map_err(|error| match error {
        consign_db::Error::ForeignKey => Refusal::InUse("orders or channels").into(),
        other => Error::Db(other),
    })?;
    history::record(tx, ctx, "location", id.0, "deleted", format!("\"{}\"", location.name))?;
    changes::announce(tx, ctx, "location", [id.0])
}

/// Makes another location the default: new orders of channels without a download location of their own land there.
pub fn set_default(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: LocationId) -> Result<()> {
    get(tx, id)?;
    store::set_default(tx, id)?;
    history::record(tx, ctx, "location", id.0, "made default", "")
}

/// The default location.
pub fn default(tx: &mut Tx<'_>) -> Result<LocationId> {
    store::find_default(tx)?.ok_or(Error::NotFound("location"))
}

/// One location.
pub fn get(tx: &mut Tx<'_>, id: LocationId) -> Result<Location> {
    store::find(tx, id)?.ok_or(Error::NotFound("location"))
}

/// All locations by name (at most 1,000).
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Location>> {
    store::list(tx)
}

fn check_name(name: &str) -> Result<Name> {
    Name::parse(name).map_err(|error| Error::Invalid(FieldErrors::of("name", error.to_string())))
}

fn name_taken(error: consign_db::Error) -> Error {
    if error.is_unique("name") { Error::invalid("name", "is the name of another location") } else { error.into() }
}
