//! All that was done, by anybody, to anything: the history of every noun in one list.

mod store;

use consign_db::Tx;
use consign_values::{HistoryId, Timestamp};

use crate::Result;
use crate::history::Entry;

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Of that actor, as [`crate::Actor`] writes itself: `user 3`. Blank: all.
    pub actor: String,
    /// On that noun: `order`, `item`. Blank: all.
    pub noun: String,
    /// Of that kind: `moved`. Blank: all.
    pub kind: String,
    /// Done then or later.
    pub from: Option<Timestamp>,
    /// Done before then.
    pub until: Option<Timestamp>,
    /// Older than that entry.
    pub before: Option<HistoryId>,
}

/// A page of 100, newest first.
pub fn list(tx: &mut Tx<'_>, filter: &AuditFilter) -> Result<Vec<Entry>> {
    store::list(tx, filter, 100)
}

/// At most 50,000, newest first: for a file.
pub fn all(tx: &mut Tx<'_>, filter: &AuditFilter) -> Result<Vec<Entry>> {
    store::list(tx, filter, 50_000)
}
