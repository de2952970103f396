//! The books proved from the outside: every invariant of reference 4.7 and of the product, as a query that must find nothing.

mod store;

use consign_db::{Tx, row};

use crate::Result;

row! {
    /// Something that is not as it must be.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Difference {
        /// What it is about: `item 3 at location 1`, `order 17`.
        pub subject: String,
        /// What the row says.
        pub found: String,
        /// What it must say.
        pub expected: String,
    }
}

/// A check and what it found (at most 100 differences).
#[derive(Clone, Debug)]
pub struct Checked {
    /// What must hold, as a sentence.
    pub rule: &'static str,
    /// Where it doesn't.
    pub differences: Vec<Difference>,
}

/// Runs every check on one state of the database.
pub fn verify(tx: &mut Tx<'_>) -> Result<Vec<Checked>> {
    store::run(tx)
}
