//! Where an order lands whose channel says from which of its warehouses the lines are to come. Reference 2.7.
//!
//! An order has one location. So one that names several is split, or forced to one, by the channel's setting. What is decided
//! here is pure ([`plan`]); [`spread`] then splits and moves by the use cases that people's clicks call, in the transaction that
//! takes the order in.

use std::collections::BTreeMap;

use consign_db::Tx;
use consign_ports::IncomingOrder;
use consign_values::{LocationId, OrderId};

use super::{Part, move_to, split, store};
use crate::channels::{Channel, ChannelLocation, SeveralLocations};
use crate::{Ctx, Error, Result, decisions};

/// Where an order lands, and what of it goes elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    /// Where it lands as a whole.
    pub location_id: LocationId,
    /// Why there; none: as all orders of the channel.
    pub because: Option<String>,
    /// What goes elsewhere: units by the channel's line.
    pub parts: Vec<(LocationId, Vec<(String, i64)>)>,
    /// Where the rest goes, if not where it lands.
    pub rest: Option<LocationId>,
}

/// Units by the channel's line.
type Units = Vec<(String, i64)>;

/// Decides where an order lands. `centre` tells locations that are fulfilment centres: nothing is split once it is there, so an
/// order that is to be split lands elsewhere first.
pub fn plan(
    channel: &Channel,
    warehouses: &[ChannelLocation],
    centre: impl Fn(LocationId) -> bool,
    incoming: &IncomingOrder,
) -> Landing {
    let own = channel.download_location_id;
    let whole = |location_id, because| Landing { location_id, because, parts: Vec::new(), rest: None };
    let (groups, names) = grouped(own, warehouses, incoming);
    let units = |location: &LocationId| groups[location].iter().map(|(_, units)| units).sum::<i64>();
    let Some(most) = groups.keys().copied().max_by_key(|location| (units(location), std::cmp::Reverse(*location)))
    else {
        return whole(own, None);
    };
    let named = names.join(", ");
    let several = format!("the order names several warehouses of the channel ({named})");
    match channel.several_locations {
        _ if names.is_empty() => whole(own, None),
        _ if groups.len() == 1 => whole(most, Some(format!("the channel's warehouse {named} is mapped to it"))),
        SeveralLocations::Most => whole(most, Some(format!("{several}, and most of its units come from there"))),
        SeveralLocations::Download => whole(own, Some(format!("{several}, and is forced to the download location"))),
        SeveralLocations::Split => {
            let base =
                groups.keys().copied().filter(|id| !centre(*id)).max_by_key(|id| (units(id), std::cmp::Reverse(*id)));
            let base = base.or_else(|| (!centre(own)).then_some(own));
            let Some(base) = base else {
                return whole(most, Some(format!("{several}, all of them fulfilment centres, which split nothing")));
            };
            let stays = if groups.contains_key(&base) { base } else { most };
            let parts = groups.iter().filter(|(id, _)| **id != stays).map(|(id, units)| (*id, units.clone())).collect();
            let because = format!("{several}: it is split, and this part comes from there");
            Landing { location_id: base, because: Some(because), parts, rest: (stays != base).then_some(stays) }
        }
    }
}

/// Outstanding units of lines by our location, and the names of the warehouses that were named. Units of which nothing is said
/// are the channel's own location's.
fn grouped(
    own: LocationId,
    warehouses: &[ChannelLocation],
    incoming: &IncomingOrder,
) -> (BTreeMap<LocationId, Units>, Vec<String>) {
    let mut groups: BTreeMap<LocationId, Units> = BTreeMap::new();
    let mut names: Vec<String> = Vec::new();
    for line in incoming.lines.iter().filter(|line| !line.is_service) {
        let mut left = line.quantity.units() - line.shipped_quantity.clamp(0, line.quantity.units());
        for at in incoming.locations.iter().filter(|at| at.channel_line == line.channel_line) {
            let units = at.quantity.clamp(0, left);
            if units == 0 {
                continue;
            }
            left -= units;
            let warehouse = warehouses.iter().find(|one| one.code == at.location.code);
            let name = warehouse.map_or(&at.location.name, |one| &one.name);
            if !names.contains(name) {
                names.push(name.clone());
            }
            let location = warehouse.and_then(|one| one.download_location_id).unwrap_or(own);
            groups.entry(location).or_default().push((line.channel_line.clone(), units));
        }
        if left > 0 {
            groups.entry(own).or_default().push((line.channel_line.clone(), left));
        }
    }
    (groups, names)
}

/// Splits an order that was taken in and puts its parts where they belong. What can't be split, because it is put aside or its
/// channel may still change it, stays together, and says so.
pub fn spread(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, landing: &Landing) -> Result<()> {
    if landing.parts.is_empty() {
        return Ok(());
    }
    let Some(order) = store::find(tx, id)?.filter(|order| order.location_id == landing.location_id) else {
        return Ok(());
    };
    let lines = store::lines(tx, id)?;
    let line = |named: &str| {
        lines.iter().find(|line| line.channel_line == named && line.parent_line_id.is_none()).map(|line| line.id)
    };
    let part = |(_, units): &(LocationId, Units)| Part {
        lines: units.iter().filter_map(|(named, units)| Some((line(named)?, *units))).collect(),
        park: false,
    };
    let parts: Vec<Part> = landing.parts.iter().map(part).collect();
    let done = tx.attempt(|tx| {
        let made = split(tx, ctx, id, order.version, &parts)?;
        for (part, (to, _)) in made.iter().zip(&landing.parts) {
            move_to(tx, ctx, *part, *to)?;
        }
        match landing.rest {
            Some(to) => move_to(tx, ctx, id, to),
            None => Ok(()),
        }
    });
    match done {
        Ok(()) => Ok(()),
        Err(error @ (Error::Refused(_) | Error::Invalid(_))) => {
            let why = format!("the channel wants it from several locations, but it could not be split: {error}");
            decisions::record(tx, ctx, id, "split", "left together", why)
        }
        Err(error) => Err(error),
    }
}
