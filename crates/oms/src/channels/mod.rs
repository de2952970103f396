//! Channel instances: settings, mappings, listings, what came in (inbox) and how it goes (health).
//!
//! What a kind of channel *is* lives in `connectors`; here are only its instances. The worker in `server` joins both.

mod channel;
mod channel_locations;
mod health;
mod hooks;
mod listings;
mod prices;
mod seal;
mod settings;
mod status;
mod store;

pub use channel::{Channel, Cursor, Health, InboxEntry, InboxState, Listing, StatusMap, TagMap};
pub use channel_locations::{
    ChannelLocation, ChannelLocationForm, SeveralLocations, channel_location_stock, channel_locations,
    record_locations, set_channel_locations,
};
pub use health::{failed, paused, reconcile_references, reconciled, rejected_count, resume, trouble_count};
pub use hooks::{
    FETCH_AT_ONCE, Hook, HookKeys, Told, any_told, delivered, hook, hook_address, hook_failed, hook_keys, hook_refused,
    registered, set_hook, take_told,
};
pub use listings::{DueListing, link_listing, linked_item, list_listings, pushed, record_products, take_due};
pub use prices::{DuePrice, ItemPrice, any_price_due, price_pushed, prices_of, set_price, take_due_prices};
pub use seal::{KeyRing, SealError};
pub use settings::{
    ChannelSettings, add, edit, enable, remove, set_connection, set_statuses, set_stock_locations, set_tags,
};
pub use status::{Verdict, judge, runnable};

pub(crate) use hooks::forget_told;
pub(crate) use store::{
    find_inbox, finish_page, inbox_digests, insert_inbox_rows, items_by_listing, lock, set_downloaded, set_inbox_state,
    statuses, supersede_rejected, tag_maps,
};

use consign_db::Tx;
use consign_values::{ChannelId, LocationId, Timestamp};

use crate::{Ctx, Error, Result};

/// One instance.
pub fn get(tx: &mut Tx<'_>, id: ChannelId) -> Result<Channel> {
    store::find(tx, id)?.ok_or(Error::NotFound("channel"))
}

/// All instances by name (at most 500).
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Channel>> {
    store::list(tx)
}

/// How an instance goes.
pub fn health(tx: &mut Tx<'_>, id: ChannelId) -> Result<Health> {
    store::find_health(tx, id)?.ok_or(Error::NotFound("channel"))
}

/// Where its download stands.
pub fn cursor(tx: &mut Tx<'_>, id: ChannelId) -> Result<Cursor> {
    store::find_cursor(tx, id)?.ok_or(Error::NotFound("channel"))
}

/// Its status mapping.
pub fn status_map(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<StatusMap>> {
    store::statuses(tx, id)
}

/// Its shipping and payment mapping.
pub fn tags(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<TagMap>> {
    store::tag_maps(tx, id)
}

/// The locations whose stock it shows; none means all (reference 13.5).
pub fn stock_locations(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<LocationId>> {
    store::stock_locations(tx, id)
}

/// Whether an instance has listings whose figure may have to be told. Reads only.
pub fn any_listing_due(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    store::any_listing_due(tx, id)
}

/// The last 200 payloads of an instance that were rejected, newest first.
pub fn rejected(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<InboxEntry>> {
    store::rejected(tx, id)
}

/// Begins a download round, or goes on with the one under way: its cursor.
pub fn begin_round(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId) -> Result<Cursor> {
    let cursor = cursor(tx, id)?;
    if cursor.started_at.is_some() {
        return Ok(cursor);
    }
    store::start_round(tx, id, ctx.now())?;
    Ok(Cursor { started_at: Some(ctx.now()), page: None, page_count: 0, taken_count: 0, ..cursor })
}

/// Sets the moment from which on orders are asked for; the round under way ends.
pub fn set_cursor(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, since: Timestamp) -> Result<()> {
    get(tx, id)?;
    store::reset_cursor(tx, id, since)?;
    crate::history::record(tx, ctx, "channel", id.0, "cursor set", since.to_rfc3339())
}

/// References of open orders that the channel has not reported as paid (at most 200): a kind may ask for them by name.
pub fn unsettled(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<String>> {
    store::unsettled(tx, id)
}
