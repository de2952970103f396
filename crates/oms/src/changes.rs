//! What has changed, so that the browsers of every node fetch it anew. Ids only: filters and permissions stay where the rows are read.

use consign_db::{Tx, row};
use consign_values::Timestamp;

use crate::{Ctx, Result, store};

row! {
    /// Some things of one noun that changed in one transaction.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Change in "changes" {
        /// Its id; becomes visible out of order, so readers overlap by a few seconds.
        pub id: i64,
        /// When.
        pub at: Timestamp,
        /// `order`, `item`, `channel` or `location`.
        pub noun: String,
        /// Ids, comma separated.
        pub ids: String,
    }
}

/// Announces that `ids` changed. Does nothing for none.
pub fn announce(tx: &mut Tx<'_>, ctx: &Ctx<'_>, noun: &str, ids: impl IntoIterator<Item = i64>) -> Result<()> {
    let ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let change = Change { id: tx.next_id("row")?, at: ctx.now(), noun: noun.to_owned(), ids: ids.join(",") };
    tx.insert(&change)?;
    Ok(())
}

/// What changed since then, at most 2,000 entries.
pub fn list(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Change>> {
    store::list_changes(tx, since)
}

/// Forgets what is older than an hour: every browser has seen it or will load the whole page.
pub fn forget(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<u64> {
    store::delete_changes(tx, ctx.now().plus_seconds(-3_600))
}
