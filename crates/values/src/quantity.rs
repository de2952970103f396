//! How many of something is ordered.

use std::fmt;

/// A whole number of units on an order line: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// The most that one line can ask for. Beyond it a figure is taken for a mistake of the sender.
    pub const MAX: i64 = 1_000_000;

    /// `None` unless `units` is between 1 and [`Quantity::MAX`].
    pub fn new(units: i64) -> Option<Self> {
        (1..=Self::MAX).contains(&units).then_some(Quantity(units))
    }

    /// The number of units.
    pub fn units(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> serde::Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let units = i64::deserialize(deserializer)?;
        Quantity::new(units).ok_or_else(|| serde::de::Error::custom("quantity must be between 1 and 1,000,000"))
    }
}
