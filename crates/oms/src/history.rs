//! What was done to anything: append-only. Each use case that changes something adds its line here.

use consign_db::{Tx, row};
use consign_values::{HistoryId, Timestamp};

use crate::{Ctx, Result, rules, store, webhooks};

row! {
    /// One thing that was done.
    #[derive(Clone, Debug)]
    pub struct Entry in "history" {
        /// Its id.
        pub id: HistoryId,
        /// What it was done to: the table of `noun_id`.
        pub noun: String,
        /// Which one.
        pub noun_id: i64,
        /// When.
        pub at: Timestamp,
        /// By whom, as [`crate::Actor`] writes itself.
        pub actor: String,
        /// What, in the past tense: `moved`.
        pub kind: String,
        /// A sentence for people; may be empty.
        pub detail: String,
    }
}

/// Adds a line.
pub fn record(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    noun: &str,
    noun_id: i64,
    kind: &str,
    detail: impl Into<String>,
) -> Result<()> {
    let entry = entry(tx, ctx, noun, noun_id, kind, detail.into())?;
    tx.insert(&entry)?;
    of_entries(tx, &[entry])
}

/// Tells those who have to know what was just added.
pub(crate) fn of_entries(tx: &mut Tx<'_>, entries: &[Entry]) -> Result<()> {
    rules::due_of_history(tx, entries)?;
    webhooks::of_history(tx, entries)
}

/// Makes a line without adding it, for use cases that add many at once.
pub(crate) fn entry(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    noun: &str,
    noun_id: i64,
    kind: &str,
    detail: String,
) -> Result<Entry> {
    Ok(Entry {
        id: HistoryId(tx.next_id("row")?),
        noun: noun.to_owned(),
        noun_id,
        at: ctx.now(),
        actor: ctx.actor_text(),
        kind: kind.to_owned(),
        detail,
    })
}

/// The last 500 lines on one thing, newest first.
pub fn list(tx: &mut Tx<'_>, noun: &str, noun_id: i64) -> Result<Vec<Entry>> {
    store::list_history(tx, noun, noun_id)
}
