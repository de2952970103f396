//! What each user chooses for themselves: dates, numbers, time zone, and where their day begins. What they leave open is as the
//! company has it.

use consign_db::Tx;
use consign_values::{ClockStyle, DateStyle, LocationId, Manner, NumberStyle, UserId};
use serde::{Deserialize, Serialize};

use super::formats::zone_name;
use super::{Formats, Kept, changes, get, store, value};
use crate::{Actor, Ctx, Error, Result, history, locations};

/// Whose orders the list of open orders begins with (reference 2.7, *my location*).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// Those of the location that was looked at last.
    #[default]
    Last,
    /// Those of all locations.
    All,
    /// Those of one location, whatever was looked at last.
    #[serde(untagged)]
    At(LocationId),
}

/// What one user chose; none means as the company.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The order of a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateStyle>,
    /// The clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockStyle>,
    /// The marks in a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberStyle>,
    /// IANA name of the time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Where the list of open orders begins.
    pub opens: Opens,
}

/// What a user chose.
pub fn load(tx: &mut Tx<'_>, user: UserId) -> Result<Kept<Preferences>> {
    let Some((text, version)) = store::preferences(tx, user)? else {
        return Ok(Kept { value: Preferences::default(), version: 0 });
    };
    Ok(Kept { value: serde_json::from_str(&text).unwrap_or_default(), version })
}

/// Sets what a user chose, read at `version`.
pub fn set(tx: &mut Tx<'_>, ctx: &Ctx<'_>, user: UserId, new: &Preferences, version: i64) -> Result<()> {
    let was = load(tx, user)?;
    if was.version != version {
        return Err(Error::Stale);
    }
    let zone = new.zone.as_deref().map(zone_name).transpose()?;
    if let Opens::At(place) = new.opens {
        locations::get(tx, place).map_err(|_| Error::invalid("opens", "must be a location that there is"))?;
    }
    let new = Preferences { zone, ..new.clone() };
    let changes = changes(&value(&was.value), &value(&new));
    if changes.is_empty() {
        return Ok(());
    }
    let text = serde_json::to_string(&new).unwrap_or_default();
    if store::put_preferences(tx, user, &text, version)? != 1 {
        return Err(Error::Stale);
    }
    history::record(tx, ctx, "user", user.0, "preferences changed", changes.join("; "))
}

/// The name of the time zone of the one who acts: a user's own, else the company's.
pub fn zone(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<String> {
    match ctx.actor {
        Actor::User(user) => Ok(manner(tx, user)?.zone.name().to_owned()),
        _ => Ok(get::<Formats>(tx)?.zone),
    }
}

/// How a user reads and writes dates and numbers: their choice over the company's.
pub fn manner(tx: &mut Tx<'_>, user: UserId) -> Result<Manner> {
    let formats: Formats = get(tx)?;
    let own = load(tx, user)?.value;
    let zone = own.zone.unwrap_or(formats.zone);
    let (dates, clock) = (own.dates.unwrap_or(formats.dates), own.clock.unwrap_or(formats.clock));
    Ok(Formats { dates, clock, numbers: own.numbers.unwrap_or(formats.numbers), zone }.manner())
}
