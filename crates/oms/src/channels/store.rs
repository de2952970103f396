//! The SQL of channel instances.

use consign_db::{Query, Tx, params, row, sql};
use consign_values::{ChannelId, InboxId, ItemId, ListingId, LocationId, OrderId, Timestamp};

use super::{
    Channel, ChannelLocation, ChannelSettings, Cursor, DueListing, DuePrice, Health, Hook, InboxEntry, InboxState,
    ItemPrice, Listing, SeveralLocations, StatusMap, TagMap, Told,
};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Channel>> {
    Ok(tx.optional(sql!(Channel, "SELECT {*} FROM channel WHERE id = $1"), &[&id])?)
}

/// Locks the instance, so that two nodes never take orders of one channel at the same moment.
pub fn lock(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Channel>> {
    Ok(tx.optional(sql!(Channel, "SELECT {*} FROM channel WHERE id = $1 /*pg FOR UPDATE*/"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Channel>> {
    Ok(tx.all(sql!(Channel, "SELECT {*} FROM channel ORDER BY source, name LIMIT 500"), &[])?)
}

pub fn update_settings(
    tx: &mut Tx<'_>,
    id: ChannelId,
    version: i64,
    s: &ChannelSettings,
) -> Result<u64, consign_db::Error> {
    let text = sql!(
        "UPDATE channel SET name = $3, download_location_id = $4, download_unpaid = $5, link_by_sku = $6,
           send_despatches = $7, send_cancellations = $8, push_stock = $9, max_listed = $10, end_when = $11,
           stock_percent = $12, interval_seconds = $13, push_prices = $14, version = version + 1
         WHERE id = $1 AND version = $2"
    );
    tx.execute(
        text,
        &[
            &id,
            &version,
            &s.name,
            &s.download_location_id,
            &s.download_unpaid,
            &s.link_by_sku,
            &s.send_despatches,
            &s.send_cancellations,
            &s.push_stock,
            &s.max_listed,
            &s.end_when,
            &s.stock_percent,
            &s.interval_seconds,
            &s.push_prices,
        ],
    )
}

pub fn update_connection(
    tx: &mut Tx<'_>,
    id: ChannelId,
    source: &str,
    sealed: &[u8],
    ready: bool,
) -> Result<(), consign_db::Error> {
    let text = sql!("UPDATE channel SET source = $2, connection = $3, ready = $4, paused_because = '' WHERE id = $1");
    tx.execute(text, &[&id, &source, &sealed, &ready]).map(|_| ())
}

pub fn set_enabled(tx: &mut Tx<'_>, id: ChannelId, on: bool) -> Result<()> {
    tx.execute(sql!("UPDATE channel SET enabled = $2, paused_because = '' WHERE id = $1"), &[&id, &on])?;
    Ok(())
}

pub fn set_paused(tx: &mut Tx<'_>, id: ChannelId, because: &str) -> Result<()> {
    tx.execute(sql!("UPDATE channel SET paused_because = $2 WHERE id = $1"), &[&id, &because])?;
    Ok(())
}

pub fn delete(tx: &mut Tx<'_>, id: ChannelId) -> Result<()> {
    tx.execute(sql!("DELETE FROM channel WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn statuses(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<StatusMap>> {
    let text = sql!(StatusMap, "SELECT {*} FROM channel_status WHERE channel_id = $1 ORDER BY code LIMIT 500");
    Ok(tx.all(text, &[&id])?)
}

pub fn delete_statuses(tx: &mut Tx<'_>, id: ChannelId) -> Result<()> {
    tx.execute(sql!("DELETE FROM channel_status WHERE channel_id = $1"), &[&id])?;
    Ok(())
}

pub fn tag_maps(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<TagMap>> {
    let text = sql!(TagMap, "SELECT {*} FROM channel_tag WHERE channel_id = $1 ORDER BY kind, site, tag LIMIT 1000");
    Ok(tx.all(text, &[&id])?)
}

pub fn delete_tags(tx: &mut Tx<'_>, id: ChannelId) -> Result<()> {
    tx.execute(sql!("DELETE FROM channel_tag WHERE channel_id = $1"), &[&id])?;
    Ok(())
}

pub fn stock_locations(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<LocationId>> {
    let text =
        sql!(LocationId, "SELECT location_id FROM channel_stock_location WHERE channel_id = $1 ORDER BY location_id");
    Ok(tx.all(text, &[&id])?)
}

pub fn replace_stock_locations(tx: &mut Tx<'_>, id: ChannelId, locations: &[LocationId]) -> Result<()> {
    tx.execute(sql!("DELETE FROM channel_stock_location WHERE channel_id = $1"), &[&id])?;
    let text = sql!(
        "INSERT INTO channel_stock_location (channel_id, location_id) VALUES ($1, $2) ON CONFLICT (channel_id, location_id) DO NOTHING"
    );
    tx.execute_many(text, locations.iter().map(|location| params![id, *location]))?;
    Ok(())
}

pub fn channel_locations(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<ChannelLocation>> {
    let text =
        sql!(ChannelLocation, "SELECT {*} FROM channel_location WHERE channel_id = $1 ORDER BY name, code LIMIT 500");
    Ok(tx.all(text, &[&id])?)
}

pub fn channel_location_stock(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<(String, LocationId)>> {
    let text = sql!(
        (String, LocationId),
        "SELECT code, location_id FROM channel_location_stock WHERE channel_id = $1 ORDER BY code, location_id"
    );
    Ok(tx.all(text, &[&id])?)
}

pub fn name_channel_location(tx: &mut Tx<'_>, id: ChannelId, code: &str, name: &str) -> Result<()> {
    let text = sql!("UPDATE channel_location SET name = $3 WHERE channel_id = $1 AND code = $2");
    tx.execute(text, &[&id, &code, &name])?;
    Ok(())
}

pub fn update_channel_location(tx: &mut Tx<'_>, one: &ChannelLocation) -> Result<()> {
    let text = sql!(
        "UPDATE channel_location SET download_location_id = $3, push_stock = $4 WHERE channel_id = $1 AND code = $2"
    );
    tx.execute(text, &[&one.channel_id, &one.code, &one.download_location_id, &one.push_stock])?;
    Ok(())
}

/// Whether that is a change.
pub fn replace_channel_location_stock(
    tx: &mut Tx<'_>,
    id: ChannelId,
    code: &str,
    locations: &[LocationId],
) -> Result<bool> {
    let before: Vec<LocationId> =
        channel_location_stock(tx, id)?.into_iter().filter(|(known, _)| known == code).map(|(_, id)| id).collect();
    let mut wanted = locations.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    if wanted == before {
        return Ok(false);
    }
    tx.execute(sql!("DELETE FROM channel_location_stock WHERE channel_id = $1 AND code = $2"), &[&id, &code])?;
    let text = sql!("INSERT INTO channel_location_stock (channel_id, code, location_id) VALUES ($1, $2, $3)");
    tx.execute_many(text, wanted.iter().map(|location| params![id, code.to_owned(), *location]))?;
    Ok(true)
}

pub fn set_several_locations(tx: &mut Tx<'_>, id: ChannelId, several: SeveralLocations) -> Result<()> {
    tx.execute(sql!("UPDATE channel SET several_locations = $2 WHERE id = $1"), &[&id, &several])?;
    Ok(())
}

pub fn find_cursor(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Cursor>> {
    Ok(tx.optional(sql!(Cursor, "SELECT {*} FROM channel_cursor WHERE channel_id = $1"), &[&id])?)
}

pub fn start_round(tx: &mut Tx<'_>, id: ChannelId, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE channel_cursor SET page = NULL, started_at = $2, page_count = 0, taken_count = 0 WHERE channel_id = $1"
    );
    tx.execute(text, &[&id, &now])?;
    Ok(())
}

pub fn reset_cursor(tx: &mut Tx<'_>, id: ChannelId, since: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE channel_cursor SET since_at = $2, previous_at = $2, page = NULL, started_at = NULL, page_count = 0,
           taken_count = 0
         WHERE channel_id = $1"
    );
    tx.execute(text, &[&id, &since])?;
    Ok(())
}

pub fn finish_page(tx: &mut Tx<'_>, cursor: &Cursor) -> Result<()> {
    let text = sql!(
        "UPDATE channel_cursor SET since_at = $2, page = $3, started_at = $4, page_count = $5, taken_count = $6,
           previous_at = $7
         WHERE channel_id = $1"
    );
    tx.execute(
        text,
        &[
            &cursor.channel_id,
            &cursor.since_at,
            &cursor.page,
            &cursor.started_at,
            &cursor.page_count,
            &cursor.taken_count,
            &cursor.previous_at,
        ],
    )?;
    Ok(())
}

pub fn find_health(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Health>> {
    Ok(tx.optional(sql!(Health, "SELECT {*} FROM channel_health WHERE channel_id = $1"), &[&id])?)
}

pub fn set_failed(tx: &mut Tx<'_>, id: ChannelId, error: &str, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE channel_health SET failures = failures + 1, failing_since = COALESCE(failing_since, $3), last_error = $2,
           last_error_at = $3
         WHERE channel_id = $1"
    );
    tx.execute(text, &[&id, &error, &now])?;
    Ok(())
}

pub fn set_downloaded(tx: &mut Tx<'_>, id: ChannelId, now: Timestamp, rate_left: Option<i64>) -> Result<()> {
    let text = sql!(
        "UPDATE channel_health SET downloaded_at = $2, failures = 0, failing_since = NULL, rate_left = $3 WHERE channel_id = $1"
    );
    tx.execute(text, &[&id, &now, &rate_left])?;
    Ok(())
}

pub fn set_reconciled(tx: &mut Tx<'_>, id: ChannelId, now: Timestamp, theirs: i64, ours: i64, gap: &str) -> Result<()> {
    let text = sql!(
        "UPDATE channel_health SET reconciled_at = $2, channel_count = $3, our_count = $4, gap = $5 WHERE channel_id = $1"
    );
    tx.execute(text, &[&id, &now, &theirs, &ours, &gap])?;
    Ok(())
}

pub fn known_references(tx: &mut Tx<'_>, channel: &Channel, references: &[String]) -> Result<Vec<String>> {
    let text = sql!(
        String,
        "SELECT reference FROM orders WHERE source = $1 AND sub_source = $2 AND part = 0 AND reference {in}"
    );
    Ok(tx.all_in(text, references, &[&channel.source, &channel.name])?)
}

pub fn unsettled(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<String>> {
    let text = sql!(
        String,
        "SELECT reference FROM orders WHERE channel_id = $1 AND state = 'open' AND payment = 'unpaid' ORDER BY id DESC LIMIT 200"
    );
    Ok(tx.all(text, &[&id])?)
}

pub fn rejected(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<InboxEntry>> {
    let text = sql!(
        InboxEntry,
        "SELECT {*} FROM inbox WHERE channel_id = $1 AND state = 'rejected' ORDER BY id DESC LIMIT 200"
    );
    Ok(tx.all(text, &[&id])?)
}

pub fn rejected_count(tx: &mut Tx<'_>, id: ChannelId) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM inbox WHERE channel_id = $1 AND state = 'rejected'"), &[&id])?)
}

pub fn trouble_count(tx: &mut Tx<'_>) -> Result<i64> {
    let text = sql!(
        i64,
        "SELECT (SELECT COUNT(*) FROM inbox WHERE state = 'rejected')
           + (SELECT COUNT(*) FROM orders WHERE despatch_state IN ('rejected', 'failed'))
           + (SELECT COUNT(*) FROM channel c JOIN channel_health h ON h.channel_id = c.id
              WHERE c.enabled AND (c.paused_because <> '' OR h.failures >= 3 OR h.gap <> ''))"
    );
    Ok(tx.one(text, &[])?)
}

pub fn find_inbox(tx: &mut Tx<'_>, id: InboxId) -> Result<Option<InboxEntry>> {
    Ok(tx.optional(sql!(InboxEntry, "SELECT {*} FROM inbox WHERE id = $1"), &[&id])?)
}

row! {
    /// A payload that came before.
    pub struct Known {
        /// Its reference.
        pub reference: String,
        /// SHA-256 of its bytes.
        pub digest: Vec<u8>,
        /// What became of it.
        pub state: InboxState,
        /// Its row.
        pub id: InboxId,
    }
}

pub fn inbox_digests(tx: &mut Tx<'_>, id: ChannelId, references: &[String]) -> Result<Vec<Known>> {
    let text = sql!(Known, "SELECT {*} FROM inbox WHERE channel_id = $1 AND reference {in}");
    Ok(tx.all_in(text, references, &[&id])?)
}

pub fn insert_inbox_rows(tx: &mut Tx<'_>, rows: &[InboxEntry]) -> Result<()> {
    Ok(tx.insert_many(rows)?)
}

pub fn set_inbox_state(
    tx: &mut Tx<'_>,
    id: InboxId,
    state: InboxState,
    reason: &str,
    order: Option<OrderId>,
) -> Result<()> {
    let text = sql!("UPDATE inbox SET state = $2, reason = $3, order_id = $4 WHERE id = $1");
    tx.execute(text, &[&id, &state, &reason, &order])?;
    Ok(())
}

/// A reference was understood: what was rejected of it before needs nobody's attention any more.
pub fn supersede_rejected(tx: &mut Tx<'_>, id: ChannelId, reference: &str) -> Result<()> {
    let text = sql!(
        "UPDATE inbox SET state = 'ignored', reason = 'superseded; was: ' || reason
         WHERE channel_id = $1 AND reference = $2 AND state = 'rejected'"
    );
    tx.execute(text, &[&id, &reference])?;
    Ok(())
}

/// Linked listings: channel SKU and item.
pub fn items_by_listing(tx: &mut Tx<'_>, id: ChannelId, skus: &[String]) -> Result<Vec<(String, ItemId)>> {
    let text = sql!(
        (String, ItemId),
        "SELECT channel_sku, item_id FROM listing WHERE channel_id = $1 AND item_id IS NOT NULL AND channel_sku {in}"
    );
    Ok(tx.all_in(text, skus, &[&id])?)
}

pub fn listings_by_sku(tx: &mut Tx<'_>, id: ChannelId, skus: &[String]) -> Result<Vec<Listing>> {
    let text = sql!(Listing, "SELECT {*} FROM listing WHERE channel_id = $1 AND channel_sku {in}");
    Ok(tx.all_in(text, skus, &[&id])?)
}

pub fn refresh_listing(tx: &mut Tx<'_>, id: ListingId, title: &str, reference: &str) -> Result<()> {
    let text =
        sql!("UPDATE listing SET title = $2, channel_reference = $3, due = (due OR gone), gone = FALSE WHERE id = $1");
    tx.execute(text, &[&id, &title, &reference])?;
    Ok(())
}

pub fn set_listing_item(tx: &mut Tx<'_>, id: ListingId, item: ItemId) -> Result<()> {
    tx.execute(sql!("UPDATE listing SET item_id = $2, due = TRUE WHERE id = $1"), &[&id, &item])?;
    Ok(())
}

pub fn list_listings(tx: &mut Tx<'_>, id: ChannelId, unlinked_only: bool, after_sku: &str) -> Result<Vec<Listing>> {
    let mut query = Query::new("SELECT {*} FROM listing WHERE channel_id = ");
    query.bind(id).push(" AND channel_sku > ").bind(after_sku.to_owned());
    if unlinked_only {
        query.push(" AND item_id IS NULL");
    }
    query.push(" ORDER BY channel_sku").limit(51);
    Ok(tx.query(&query)?)
}

pub fn mark_channel_listings_due(tx: &mut Tx<'_>, id: ChannelId) -> Result<()> {
    tx.execute(
        sql!("UPDATE listing SET due = TRUE WHERE channel_id = $1 AND item_id IS NOT NULL AND NOT due"),
        &[&id],
    )?;
    Ok(())
}

pub fn due_listings(tx: &mut Tx<'_>, id: ChannelId) -> Result<Vec<DueListing>> {
    let text = sql!(
        DueListing,
        "SELECT g.id, g.channel_sku, g.channel_reference, g.item_id, g.max_listed, g.end_when, g.stock_percent, g.submitted,
           CAST((SELECT COALESCE(SUM(l.on_hand - l.demand), 0) FROM stock_level l
             WHERE l.item_id = g.item_id AND l.tracked
               AND (NOT EXISTS (SELECT 1 FROM channel_stock_location s WHERE s.channel_id = g.channel_id)
                 OR l.location_id IN (SELECT s.location_id FROM channel_stock_location s WHERE s.channel_id = g.channel_id))
           ) + (SELECT COALESCE(SUM(m.whole), 0) FROM (
             SELECT MIN(CASE WHEN NOT l.tracked THEN 1000000 WHEN l.on_hand < l.demand THEN 0
                 ELSE (l.on_hand - l.demand) / k.quantity END) AS whole
               FROM item_component k JOIN stock_level l ON l.item_id = k.component_id
               WHERE k.item_id = g.item_id
                 AND (NOT EXISTS (SELECT 1 FROM channel_stock_location s WHERE s.channel_id = g.channel_id)
                   OR l.location_id IN (SELECT s.location_id FROM channel_stock_location s WHERE s.channel_id = g.channel_id))
               GROUP BY l.location_id
               HAVING COUNT(*) = (SELECT COUNT(*) FROM item_component a WHERE a.item_id = g.item_id)) m
           ) AS BIGINT) AS available, '' AS warehouse
         FROM listing g
         WHERE g.channel_id = $1 AND g.due AND g.item_id IS NOT NULL AND NOT g.ignore_stock AND NOT g.gone
           AND (EXISTS (SELECT 1 FROM stock_level l WHERE l.item_id = g.item_id AND l.tracked)
             OR EXISTS (SELECT 1 FROM item_component k WHERE k.item_id = g.item_id))
         ORDER BY g.id LIMIT 2000"
    );
    Ok(tx.all(text, &[&id])?)
}

/// As [`due_listings`], for one warehouse of the channel.
pub fn due_listings_at(tx: &mut Tx<'_>, id: ChannelId, code: &str) -> Result<Vec<DueListing>> {
    let text = sql!(
        DueListing,
        "SELECT g.id, g.channel_sku, g.channel_reference, g.item_id, g.max_listed, g.end_when, g.stock_percent, p.submitted,
           CAST((SELECT COALESCE(SUM(l.on_hand - l.demand), 0) FROM stock_level l
             WHERE l.item_id = g.item_id AND l.tracked
               AND (NOT EXISTS (SELECT 1 FROM channel_location_stock s WHERE s.channel_id = g.channel_id AND s.code = $2)
                 OR l.location_id IN (SELECT s.location_id FROM channel_location_stock s WHERE s.channel_id = g.channel_id AND s.code = $2))
           ) + (SELECT COALESCE(SUM(m.whole), 0) FROM (
             SELECT MIN(CASE WHEN NOT l.tracked THEN 1000000 WHEN l.on_hand < l.demand THEN 0
                 ELSE (l.on_hand - l.demand) / k.quantity END) AS whole
               FROM item_component k JOIN stock_level l ON l.item_id = k.component_id
               WHERE k.item_id = g.item_id
                 AND (NOT EXISTS (SELECT 1 FROM channel_location_stock s WHERE s.channel_id = g.channel_id AND s.code = $2)
                   OR l.location_id IN (SELECT s.location_id FROM channel_location_stock s WHERE s.channel_id = g.channel_id AND s.code = $2))
               GROUP BY l.location_id
               HAVING COUNT(*) = (SELECT COUNT(*) FROM item_component a WHERE a.item_id = g.item_id)) m
           ) AS BIGINT) AS available, CAST($2 AS TEXT) AS warehouse
         FROM listing g LEFT JOIN listing_location p ON p.listing_id = g.id AND p.code = $2
         WHERE g.channel_id = $1 AND g.due AND g.item_id IS NOT NULL AND NOT g.ignore_stock AND NOT g.gone
           AND (EXISTS (SELECT 1 FROM stock_level l WHERE l.item_id = g.item_id AND l.tracked)
             OR EXISTS (SELECT 1 FROM item_component k WHERE k.item_id = g.item_id))
         ORDER BY g.id LIMIT 2000"
    );
    Ok(tx.all(text, &[&id, &code])?)
}

/// What one warehouse was told.
pub fn set_submitted_at(tx: &mut Tx<'_>, id: ListingId, code: &str, figure: i64, now: Timestamp) -> Result<()> {
    let text = sql!(
        "INSERT INTO listing_location (listing_id, code, submitted, submitted_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (listing_id, code) DO UPDATE SET submitted = excluded.submitted, submitted_at = excluded.submitted_at"
    );
    tx.execute(text, &[&id, &code, &figure, &now])?;
    tx.execute(sql!("UPDATE listing SET submitted_at = $2, last_error = '' WHERE id = $1"), &[&id, &now])?;
    Ok(())
}

pub fn settle_listings(tx: &mut Tx<'_>, ids: &[ListingId]) -> Result<()> {
    tx.execute_many(sql!("UPDATE listing SET due = FALSE WHERE id = $1"), ids.iter().map(|id| params![*id]))?;
    Ok(())
}

/// Stays due: the next look settles it if the figure is still the same.
pub fn set_submitted(tx: &mut Tx<'_>, id: ListingId, figure: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        sql!("UPDATE listing SET submitted = $2, submitted_at = $3, last_error = '' WHERE id = $1"),
        &[&id, &figure, &now],
    )?;
    Ok(())
}

pub fn set_push_error(tx: &mut Tx<'_>, id: ListingId, error: &str, gone: bool) -> Result<()> {
    let text = sql!("UPDATE listing SET last_error = $2, gone = $3 WHERE id = $1");
    tx.execute(text, &[&id, &error, &gone])?;
    Ok(())
}

pub fn any_listing_due(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    let text = sql!(
        ListingId,
        "SELECT g.id FROM channel c JOIN listing g ON g.channel_id = c.id
         WHERE c.id = $1 AND c.enabled AND c.push_stock AND c.paused_because = ''
           AND g.due AND g.item_id IS NOT NULL AND NOT g.ignore_stock AND NOT g.gone
           AND (EXISTS (SELECT 1 FROM stock_level l WHERE l.item_id = g.item_id AND l.tracked)
             OR EXISTS (SELECT 1 FROM item_component k WHERE k.item_id = g.item_id))
         LIMIT 1"
    );
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn find_price(tx: &mut Tx<'_>, item: ItemId, channel: ChannelId) -> Result<Option<ItemPrice>> {
    let text = sql!(ItemPrice, "SELECT {*} FROM item_price WHERE item_id = $1 AND channel_id = $2");
    Ok(tx.optional(text, &[&item, &channel])?)
}

pub fn prices_of(tx: &mut Tx<'_>, item: ItemId) -> Result<Vec<ItemPrice>> {
    let text = sql!(ItemPrice, "SELECT {*} FROM item_price WHERE item_id = $1 ORDER BY channel_id LIMIT 500");
    Ok(tx.all(text, &[&item])?)
}

pub fn put_price(tx: &mut Tx<'_>, price: &ItemPrice) -> Result<()> {
    let text = sql!(
        "INSERT INTO item_price (item_id, channel_id, amount, currency) VALUES ($1, $2, $3, $4)
         ON CONFLICT (item_id, channel_id) DO UPDATE SET amount = excluded.amount, currency = excluded.currency"
    );
    tx.execute(text, &[&price.item_id, &price.channel_id, &price.amount, &price.currency])?;
    Ok(())
}

pub fn delete_price(tx: &mut Tx<'_>, item: ItemId, channel: ChannelId) -> Result<()> {
    tx.execute(sql!("DELETE FROM item_price WHERE item_id = $1 AND channel_id = $2"), &[&item, &channel])?;
    Ok(())
}

pub fn set_price_due(tx: &mut Tx<'_>, item: ItemId, channel: ChannelId, due: bool) -> Result<()> {
    let text = sql!("UPDATE listing SET price_due = $3, price_error = '' WHERE item_id = $1 AND channel_id = $2");
    tx.execute(text, &[&item, &channel, &due])?;
    Ok(())
}

pub fn set_all_prices_due(tx: &mut Tx<'_>, channel: ChannelId) -> Result<()> {
    let text = sql!(
        "UPDATE listing SET price_due = TRUE WHERE channel_id = $1 AND NOT price_due AND item_id IN
           (SELECT p.item_id FROM item_price p WHERE p.channel_id = $1)"
    );
    tx.execute(text, &[&channel])?;
    Ok(())
}

/// Due if its item has a price on its channel.
pub fn set_price_due_if_any(tx: &mut Tx<'_>, id: ListingId) -> Result<()> {
    let text = sql!(
        "UPDATE listing SET price_due = EXISTS (SELECT 1 FROM item_price p
           WHERE p.item_id = listing.item_id AND p.channel_id = listing.channel_id)
         WHERE id = $1"
    );
    tx.execute(text, &[&id])?;
    Ok(())
}

pub fn due_prices(tx: &mut Tx<'_>, id: ChannelId, limit: i64) -> Result<Vec<DuePrice>> {
    let text = sql!(
        DuePrice,
        "SELECT g.id, g.channel_sku, g.channel_reference, p.amount, p.currency
         FROM listing g JOIN item_price p ON p.item_id = g.item_id AND p.channel_id = g.channel_id
         WHERE g.channel_id = $1 AND g.price_due AND NOT g.gone ORDER BY g.id LIMIT $2"
    );
    Ok(tx.all(text, &[&id, &limit])?)
}

/// Stays due if the price has changed since it was read.
pub fn set_price_told(tx: &mut Tx<'_>, price: &DuePrice, now: Timestamp) -> Result<()> {
    let text = sql!(
        "UPDATE listing SET price_told_at = $2, price_error = '', price_due = NOT EXISTS (SELECT 1 FROM item_price p
           WHERE p.item_id = listing.item_id AND p.channel_id = listing.channel_id AND p.amount = $3 AND p.currency = $4)
         WHERE id = $1"
    );
    tx.execute(text, &[&price.id, &now, &price.amount, &price.currency])?;
    Ok(())
}

pub fn set_price_error(tx: &mut Tx<'_>, id: ListingId, error: &str, due: bool) -> Result<()> {
    tx.execute(sql!("UPDATE listing SET price_error = $2, price_due = $3 WHERE id = $1"), &[&id, &error, &due])?;
    Ok(())
}

pub fn any_price_due(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    let text = sql!(
        ListingId,
        "SELECT g.id FROM channel c JOIN listing g ON g.channel_id = c.id
           JOIN item_price p ON p.item_id = g.item_id AND p.channel_id = g.channel_id
         WHERE c.id = $1 AND c.enabled AND c.push_prices AND c.paused_because = '' AND g.price_due AND NOT g.gone LIMIT 1"
    );
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn find_hook(tx: &mut Tx<'_>, id: ChannelId) -> Result<Option<Hook>> {
    Ok(tx.optional(sql!(Hook, "SELECT {*} FROM channel_hook WHERE channel_id = $1"), &[&id])?)
}

pub fn want_hook(tx: &mut Tx<'_>, id: ChannelId, wanted: bool, sealed: &[u8]) -> Result<()> {
    let text = sql!("UPDATE channel_hook SET wanted = $2, sealed = $3, last_error = '' WHERE channel_id = $1");
    tx.execute(text, &[&id, &wanted, &sealed])?;
    Ok(())
}

pub fn set_registered(tx: &mut Tx<'_>, id: ChannelId, ids: &str, at: Option<Timestamp>) -> Result<()> {
    let text =
        sql!("UPDATE channel_hook SET registered = $2, registered_at = $3, last_error = '' WHERE channel_id = $1");
    tx.execute(text, &[&id, &ids, &at])?;
    Ok(())
}

pub fn set_hook_failed(tx: &mut Tx<'_>, id: ChannelId, error: &str, now: Timestamp) -> Result<()> {
    let text = sql!("UPDATE channel_hook SET last_error = $2, last_error_at = $3 WHERE channel_id = $1");
    tx.execute(text, &[&id, &error, &now])?;
    Ok(())
}

pub fn count_delivery(tx: &mut Tx<'_>, id: ChannelId, now: Timestamp) -> Result<()> {
    let text =
        sql!("UPDATE channel_hook SET delivered_at = $2, delivery_count = delivery_count + 1 WHERE channel_id = $1");
    tx.execute(text, &[&id, &now])?;
    Ok(())
}

pub fn count_refused(tx: &mut Tx<'_>, id: ChannelId, now: Timestamp) -> Result<()> {
    let text = sql!("UPDATE channel_hook SET refused_at = $2, refused_count = refused_count + 1 WHERE channel_id = $1");
    tx.execute(text, &[&id, &now])?;
    Ok(())
}

pub fn told_count(tx: &mut Tx<'_>, id: ChannelId) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM told_order WHERE channel_id = $1"), &[&id])?)
}

pub fn tell_again(tx: &mut Tx<'_>, id: ChannelId, reference: &str) -> Result<u64> {
    let text = sql!("UPDATE told_order SET times = times + 1 WHERE channel_id = $1 AND reference = $2");
    Ok(tx.execute(text, &[&id, &reference])?)
}

pub fn tell(tx: &mut Tx<'_>, told: &Told) -> Result<()> {
    let text = sql!(
        "INSERT INTO told_order (channel_id, reference, told_at, times) VALUES ($1, $2, $3, 1)
         ON CONFLICT (channel_id, reference) DO UPDATE SET times = told_order.times + 1"
    );
    tx.execute(text, &[&told.channel_id, &told.reference, &told.told_at])?;
    Ok(())
}

pub fn any_told(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    let text = sql!(
        ChannelId,
        "SELECT c.id FROM channel c JOIN told_order t ON t.channel_id = c.id
         WHERE c.id = $1 AND c.enabled AND c.paused_because = '' LIMIT 1"
    );
    Ok(tx.optional(text, &[&id])?.is_some())
}

pub fn told(tx: &mut Tx<'_>, id: ChannelId, most: i64) -> Result<Vec<Told>> {
    let text = sql!(Told, "SELECT {*} FROM told_order WHERE channel_id = $1 ORDER BY told_at, reference LIMIT $2");
    Ok(tx.all(text, &[&id, &most])?)
}

pub fn forget_told(tx: &mut Tx<'_>, told: &[Told]) -> Result<()> {
    let text = sql!("DELETE FROM told_order WHERE channel_id = $1 AND reference = $2 AND times = $3");
    tx.execute_many(text, told.iter().map(|one| params![one.channel_id, one.reference.clone(), one.times]))?;
    Ok(())
}
