//! A channel's own warehouses: where the orders of each land, and whose stock it is shown. Reference 2.7.

use std::collections::HashSet;

use consign_db::{Tx, row};
use consign_ports::ChannelPlace;
use consign_values::{ChannelId, LocationId, clean};

use super::{Channel, store};
use crate::{Ctx, Error, Result, changes, history, locations};

consign_db::text_enum! {
    /// What becomes of an order that names several warehouses of its channel, mapped to different locations.
    pub enum SeveralLocations {
        /// It is split, each part at its location.
        Split = "split",
        /// It goes as a whole where most of its units are to come from.
        Most = "most",
        /// It goes as a whole to the channel's download location.
        Download = "download",
    }
}

row! {
    /// A warehouse of a channel.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ChannelLocation in "channel_location" {
        /// The instance.
        pub channel_id: ChannelId,
        /// The channel's id of it.
        pub code: String,
        /// What the channel calls it.
        pub name: String,
        /// Where its orders land; none: where the channel's do.
        pub download_location_id: Option<LocationId>,
        /// Its stock is told. As soon as that holds for one, stock is told by warehouse, and to no other.
        pub push_stock: bool,
    }
}

/// How a warehouse is mapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelLocationForm {
    /// Which.
    pub code: String,
    /// Where its orders land; none: where the channel's do.
    pub download_location_id: Option<LocationId>,
    /// Its stock is told.
    pub push_stock: bool,
    /// Whose stock is summed for it; none named means all locations.
    pub stock_location_ids: Vec<LocationId>,
}

/// Warehouses of one channel at most.
const LOCATIONS_MAX: usize = 500;

/// The warehouses of an instance by name.
pub fn channel_locations(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<ChannelLocation>> {
    store::channel_locations(tx, id)
}

/// Whose stock is summed for each of them: code and location.
pub fn channel_location_stock(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<(String, LocationId)>> {
    store::channel_location_stock(tx, id)
}

/// Takes over what the channel, or an order of it, says of its warehouses: new ones, changed names. Gives how many are new.
pub fn record_locations(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, seen: &[ChannelPlace]) -> Result<usize> {
    let known = store::channel_locations(tx, id)?;
    let (mut new, mut codes) = (Vec::new(), HashSet::new());
    for place in seen.iter().filter(|place| !place.code.is_empty()) {
        let (code, name) = (clean(&place.code, 128), clean(&place.name, 255));
        if !codes.insert(code.clone()) {
            continue;
        }
        match known.iter().find(|one| one.code == code) {
            Some(one) if name.is_empty() || one.name == name => {}
            Some(_) => store::name_channel_location(tx, id, &code, &name)?,
            None if known.len() + new.len() >= LOCATIONS_MAX => {}
            None => {
                let name = if name.is_empty() { code.clone() } else { name };
                new.push(ChannelLocation { channel_id: id, code, name, download_location_id: None, push_stock: false });
            }
        }
    }
    for one in &new {
        tx.insert(one)?;
        history::record(tx, ctx, "channel", id.0, "warehouse seen", format!("{} ({})", one.name, one.code))?;
    }
    if !new.is_empty() {
        changes::announce(tx, ctx, "channel", [id.0])?;
    }
    Ok(new.len())
}

/// Maps the warehouses; those that are not named stay as they are. It applies to orders that are downloaded later; stock is due
/// again.
pub fn set_channel_locations(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ChannelId,
    several: SeveralLocations,
    forms: &[ChannelLocationForm],
) -> Result<()> {
    let channel = super::get(tx, id)?;
    let known = store::channel_locations(tx, id)?;
    let mut said = Vec::new();
    if channel.several_locations != several {
        store::set_several_locations(tx, id, several)?;
        said.push(format!("orders of several: {} → {several}", channel.several_locations));
    }
    let mut codes = HashSet::new();
    for (index, form) in forms.iter().enumerate() {
        let field = |name: &str| format!("locations[{index}].{name}");
        let Some(before) = known.iter().find(|one| one.code == form.code) else {
            return Err(Error::invalid(field("code"), "is not a warehouse that the channel has named"));
        };
        if !codes.insert(&form.code) {
            return Err(Error::invalid(field("code"), "stands there twice"));
        }
        for location in form.download_location_id.iter().chain(&form.stock_location_ids) {
            locations::get(tx, *location)?;
        }
        let now = ChannelLocation {
            download_location_id: form.download_location_id,
            push_stock: form.push_stock,
            ..before.clone()
        };
        let stock_changed = store::replace_channel_location_stock(tx, id, &form.code, &form.stock_location_ids)?;
        if now != *before {
            store::update_channel_location(tx, &now)?;
        }
        if now != *before || stock_changed {
            let place =
                form.download_location_id.map_or("the channel's location".to_owned(), |id| format!("location {id}"));
            let stock = if form.push_stock { "stock told" } else { "stock not told" };
            said.push(format!("{}: orders to {place}, {stock}", before.name));
        }
    }
    if said.is_empty() {
        return Ok(());
    }
    store::mark_channel_listings_due(tx, id)?;
    history::record(tx, ctx, "channel", id.0, "warehouses mapped", said.join("; "))?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// The warehouses whose stock is told; none: the instance has one figure for all.
pub(super) fn told(tx: &mut Tx<'_>, channel: &Channel) -> Result<Vec<String>> {
    let all = store::channel_locations(tx, channel.id)?;
    Ok(all.into_iter().filter(|one| one.push_stock).map(|one| one.code).collect())
}
