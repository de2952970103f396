//! How long personal data is kept; `retention` does what it says.

use serde::{Deserialize, Serialize};

use super::Section;
use crate::{Error, Result};

/// How long personal data of orders that have ended is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retention {
    /// Whether anything is scrubbed.
    pub on: bool,
    /// Days after an order ended, at least [`Retention::DAYS_MIN`].
    pub days: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention { on: false, days: 365 }
    }
}

impl Retention {
    /// Fewer days would take the address from orders that buyers still ask about.
    pub const DAYS_MIN: i64 = 30;
}

impl Section for Retention {
    const NAME: &'static str = "retention";

    fn checked(self) -> Result<Self> {
        if !(Self::DAYS_MIN..=36_500).contains(&self.days) {
            return Err(Error::invalid("days", "must be between 30 and 36,500"));
        }
        Ok(self)
    }
}
