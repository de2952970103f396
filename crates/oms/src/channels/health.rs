//! How an instance goes: failures, pauses, rejected payloads, and whether both sides have the same orders.

use consign_db::Tx;
use consign_values::{ChannelId, clean};

use super::store;
use crate::{Ctx, Result, changes, history};

/// A call failed; it will be tried again.
pub fn failed(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, error: &str) -> Result<()> {
    store::set_failed(tx, id, &clean(error, 500), ctx.now())?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// The instance can't go on without a person: it pauses and says why.
pub fn paused(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, because: &str) -> Result<()> {
    let because = clean(because, 500);
    store::set_paused(tx, id, &because)?;
    store::set_failed(tx, id, &because, ctx.now())?;
    history::record(tx, ctx, "channel", id.0, "paused", because)?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// A person has mended it: it runs again.
pub fn resume(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId) -> Result<()> {
    super::get(tx, id)?;
    store::set_paused(tx, id, "")?;
    crate::jobs::wake(tx, ctx, &format!("download {id}"))?;
    history::record(tx, ctx, "channel", id.0, "resumed", "")?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// Which of the channel's references we don't have, in any state.
pub fn reconcile_references(tx: &mut Tx<'_>, id: ChannelId, references: &[String]) -> Result<Vec<String>> {
    let channel = super::get(tx, id)?;
    let known: std::collections::HashSet<String> =
        store::known_references(tx, &channel, references)?.into_iter().collect();
    Ok(references.iter().filter(|reference| !known.contains(*reference)).cloned().collect())
}

/// Stores what a comparison found: the channel's count and the references that we don't have.
pub fn reconciled(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, channel_count: i64, missing: &[String]) -> Result<()> {
    let ours = channel_count - i64::try_from(missing.len()).unwrap_or(i64::MAX);
    let gap: Vec<&str> = missing.iter().take(100).map(String::as_str).collect();
    store::set_reconciled(tx, id, ctx.now(), channel_count, ours, &gap.join(","))?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// Payloads of an instance that were rejected and not mended since.
pub fn rejected_count(tx: &mut Tx<'_>, id: ChannelId) -> Result<i64> {
    store::rejected_count(tx, id)
}

/// What a person must look at, for the counter in the header: rejected payloads, refused or failed messages, channels that
/// pause or fail.
pub fn trouble_count(tx: &mut Tx<'_>) -> Result<i64> {
    store::trouble_count(tx)
}
