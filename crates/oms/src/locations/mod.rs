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
        /// It is somebody else's warehouse: orders there are held until the centre answers (reference 14.5).
        pub fulfilment_centre: bool,
        /// Orders at the centre count against stock until it acknowledges them; else its feed is net of them from the start.
        pub count_until_acknowledged: bool,
        /// Processing takes units off here, and orders count until then; else the centre's feed shows that they have gone.
        pub deduct_when_processed: bool,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

impl Location {
    /// Whether orders that come to it count against its stock.
    pub fn counts_orders(&self) -> bool {
        !self.fulfilment_centre || self.count_until_acknowledged
    }

    fn mode(&self) -> (bool, bool, bool) {
        (self.fulfilment_centre, self.count_until_acknowledged, self.deduct_when_processed)
    }
}

/// What a person can say of a location.
#[derive(Clone, Debug, Default)]
pub struct LocationForm {
    /// Its name.
    pub name: String,
    /// See [`Location::allow_negative`].
    pub allow_negative: bool,
    /// See [`Location::fulfilment_centre`].
    pub fulfilment_centre: bool,
    /// See [`Location::count_until_acknowledged`]; for fulfilment centres only.
    pub count_until_acknowledged: bool,
    /// See [`Location::deduct_when_processed`]; only together with counting.
    pub deduct_when_processed: bool,
}

impl LocationForm {
    fn check(&self) -> Result<()> {
        let mut errors = FieldErrors::new();
        if self.count_until_acknowledged && !self.fulfilment_centre {
            errors.add("count_until_acknowledged", "is for fulfilment centres only");
        }
        if self.deduct_when_processed && !self.count_until_acknowledged {
            let why =
                "needs count_until_acknowledged: a centre whose feed is net of orders must not be deducted from again";
            errors.add("deduct_when_processed", why);
        }
        Ok(errors.into_result()?)
    }

    fn mode(&self) -> (bool, bool, bool) {
        (self.fulfilment_centre, self.count_until_acknowledged, self.deduct_when_processed)
    }
}

fn in_words((centre, counts, deducts): (bool, bool, bool)) -> &'static str {
    match (centre, counts, deducts) {
        (false, ..) => "own location",
        (true, false, _) => "fulfilment centre, its feed net of orders",
        (true, true, false) => "fulfilment centre, orders counted until acknowledged",
        (true, true, true) => "fulfilment centre, orders counted until processed",
    }
}

/// Makes a location. The first one ever made becomes the default.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &LocationForm) -> Result<LocationId> {
    form.check()?;
    let name = check_name(&form.name)?;
    let id = LocationId(tx.next_id("location")?);
    let location = Location {
        id,
        name: name.into_string(),
        allow_negative: form.allow_negative,
        fulfilment_centre: form.fulfilment_centre,
        count_until_acknowledged: form.count_until_acknowledged,
        deduct_when_processed: form.deduct_when_processed,
        created_at: ctx.now(),
    };
    tx.insert(&location).map_err(name_taken)?;
    store::make_default_if_none(tx, id)?;
    history::record(tx, ctx, "location", id.0, "created", format!("\"{}\", {}", location.name, in_words(form.mode())))?;
    changes::announce(tx, ctx, "location", [id.0])?;
    Ok(id)
}

/// Renames a location or changes its settings. What it is for stock can't change while open orders are there: each of them is
/// held and counted by what the location was when it came.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: LocationId, form: &LocationForm) -> Result<()> {
    form.check()?;
    let before = store::lock(tx, id)?.ok_or(Error::NotFound("location"))?;
    if before.mode() != form.mode() && store::has_open_orders(tx, id)? {
        let by = "open orders, which are held and counted by what it is now; move or finish them first";
        return Err(Refusal::InUse(by).into());
    }
    let name = check_name(&form.name)?;
    store::update(tx, id, name.as_str(), form).map_err(name_taken)?;
    let detail = format!(
        "\"{}\", negative stock {}, {} (before: \"{}\", {}, {})",
        name,
        form.allow_negative,
        in_words(form.mode()),
        before.name,
        before.allow_negative,
        in_words(before.mode())
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
