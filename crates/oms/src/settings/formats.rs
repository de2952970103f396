//! How dates and numbers are written, unless a user chooses otherwise.

use consign_values::{ClockStyle, DateStyle, Manner, NumberStyle, Zone};
use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Error, Result};

/// The company's way of writing dates and numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Formats {
    /// The order of a date.
    pub dates: DateStyle,
    /// The clock.
    pub clock: ClockStyle,
    /// The marks in a number.
    pub numbers: NumberStyle,
    /// IANA name of the time zone.
    pub zone: String,
}

impl Default for Formats {
    fn default() -> Self {
        Formats {
            dates: DateStyle::default(),
            clock: ClockStyle::default(),
            numbers: NumberStyle::default(),
            zone: "UTC".to_owned(),
        }
    }
}

impl Formats {
    /// As pages use it.
    pub fn manner(&self) -> Manner {
        let zone = Zone::parse(&self.zone).unwrap_or_default();
        Manner { dates: self.dates, clock: self.clock, numbers: self.numbers, zone }
    }
}

impl Section for Formats {
    const NAME: &'static str = "formats";

    fn checked(self) -> Result<Self> {
        Ok(Formats { zone: zone_name(&self.zone)?, ..self })
    }
}

/// The name of a zone as the database of zones writes it.
pub(super) fn zone_name(text: &str) -> Result<String> {
    Zone::parse(text)
        .map(|zone| zone.name().to_owned())
        .ok_or_else(|| Error::invalid("zone", "must be the name of a time zone such as Europe/London"))
}
