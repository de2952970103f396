//! Channel-SKU links, and the figures that channels are shown. Reference 13.4, 13.5.

use consign_db::{Tx, row};
use consign_ports::Product;
use consign_values::{ChannelId, ItemId, ListingId, clean};

use super::{Channel, Listing, channel_locations, prices, store};
use crate::{Ctx, Error, Result, changes, history, items};

row! {
    /// A listing whose figure may have to be told.
    #[derive(Clone, Debug)]
    pub struct DueListing {
        /// The listing.
        pub id: ListingId,
        /// SKU on the channel.
        pub channel_sku: String,
        /// The channel's id of it.
        pub channel_reference: String,
        /// Its item.
        pub item_id: ItemId,
        /// Own limits, or none.
        pub max_listed: Option<i64>,
        /// Own limit, or none.
        pub end_when: Option<i64>,
        /// Own limit, or none.
        pub stock_percent: Option<i64>,
        /// What the channel was told last.
        pub submitted: Option<i64>,
        /// Sum of what is available at the stock locations, signed.
        pub available: i64,
        /// The channel's warehouse that is told; blank: the instance has one figure for all.
        pub warehouse: String,
    }
}

/// The figure to show (reference 13.5): the part by percent, none at or below `end_when` (compared with the raw figure), at
/// most `max_listed`, never below zero.
pub(super) fn shown(available: i64, percent: i64, end_when: i64, max_listed: Option<i64>) -> i64 {
    if available <= end_when {
        return 0;
    }
    let part = available.saturating_mul(percent).div_euclid(100);
    part.min(max_listed.unwrap_or(i64::MAX)).max(0)
}

impl DueListing {
    /// The figure to show on the channel.
    pub fn figure(&self, channel: &Channel) -> i64 {
        shown(
            self.available,
            self.stock_percent.unwrap_or(channel.stock_percent),
            self.end_when.unwrap_or(channel.end_when),
            self.max_listed.or(channel.max_listed),
        )
    }
}

/// Due listings of an instance that have to be told another figure, at most `limit`. Those whose figure is the same are
/// settled on the way. They stay due until [`pushed`], so that nothing is lost if the call fails.
///
/// Where warehouses of the channel are told each its own figure, all that is given is for one of them; the others follow.
pub fn take_due(tx: &mut Tx<'_>, channel: &Channel, limit: usize) -> Result<Vec<DueListing>> {
    let told = channel_locations::told(tx, channel)?;
    if told.is_empty() {
        let (push, same) = parted(channel, store::due_listings(tx, channel.id)?, limit);
        store::settle_listings(tx, &same)?;
        return Ok(push);
    }
    let mut settled: Option<Vec<ListingId>> = None;
    for warehouse in &told {
        let (push, same) = parted(channel, store::due_listings_at(tx, channel.id, warehouse)?, limit);
        if !push.is_empty() {
            return Ok(push);
        }
        settled =
            Some(settled.map_or(same.clone(), |known| known.into_iter().filter(|id| same.contains(id)).collect()));
    }
    store::settle_listings(tx, &settled.unwrap_or_default())?;
    Ok(Vec::new())
}

/// Those to be told, at most `limit`, and those whose figure is the same.
fn parted(channel: &Channel, due: Vec<DueListing>, limit: usize) -> (Vec<DueListing>, Vec<ListingId>) {
    let (mut push, mut same) = (Vec::new(), Vec::new());
    for listing in due {
        if listing.submitted == Some(listing.figure(channel)) {
            same.push(listing.id);
        } else if push.len() < limit {
            push.push(listing);
        }
    }
    (push, same)
}

/// Notes what came of telling a listing's figure: told (`Ok`), refused for good (`gone`), or to be tried again.
/// A figure that changed meanwhile stays due.
pub fn pushed(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    listing: &DueListing,
    figure: i64,
    outcome: Result<(), (String, bool)>,
) -> Result<()> {
    match outcome {
        Ok(()) if listing.warehouse.is_empty() => store::set_submitted(tx, listing.id, figure, ctx.now()),
        Ok(()) => store::set_submitted_at(tx, listing.id, &listing.warehouse, figure, ctx.now()),
        Err((error, gone)) => store::set_push_error(tx, listing.id, &clean(&error, 500), gone),
    }
}

/// Takes over a page of what the channel lists: new listings, changed titles. Unlinked ones are linked by SKU if the instance
/// says so. Gives how many are new.
pub fn record_products(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, products: &[Product]) -> Result<usize> {
    let channel = super::get(tx, id)?;
    let skus: Vec<String> = products.iter().map(|p| p.channel_sku.clone()).filter(|sku| !sku.is_empty()).collect();
    let known: std::collections::HashMap<String, Listing> =
        store::listings_by_sku(tx, id, &skus)?.into_iter().map(|l| (l.channel_sku.clone(), l)).collect();
    let by_sku: std::collections::HashMap<String, ItemId> =
        if channel.link_by_sku { items::ids_by_sku(tx, &skus)?.into_iter().collect() } else { Default::default() };
    let mut new = 0;
    let mut seen = std::collections::HashSet::new();
    for product in products.iter().filter(|p| !p.channel_sku.is_empty()) {
        let sku = clean(&product.channel_sku, 128);
        if !seen.insert(sku.clone()) {
            continue;
        }
        let title = clean(&product.title, 255);
        match known.get(&sku) {
            Some(listing) => store::refresh_listing(tx, listing.id, &title, &product.channel_reference)?,
            None => {
                new += 1;
                let item = by_sku.get(&sku).copied();
                insert(tx, id, &sku, &title, &product.channel_reference, item)?;
            }
        }
    }
    changes::announce(tx, ctx, "channel", [id.0])?;
    Ok(new)
}

fn insert(
    tx: &mut Tx<'_>,
    channel_id: ChannelId,
    channel_sku: &str,
    title: &str,
    channel_reference: &str,
    item_id: Option<ItemId>,
) -> Result<ListingId> {
    let id = ListingId(tx.next_id("listing")?);
    tx.insert(&Listing {
        id,
        channel_id,
        channel_sku: channel_sku.to_owned(),
        title: title.to_owned(),
        channel_reference: channel_reference.to_owned(),
        item_id,
        max_listed: None,
        end_when: None,
        stock_percent: None,
        ignore_stock: false,
        due: item_id.is_some(),
        submitted: None,
        submitted_at: None,
        last_error: String::new(),
        gone: false,
        price_due: false,
        price_told_at: None,
        price_error: String::new(),
    })?;
    if item_id.is_some() {
        prices::listing_linked(tx, id)?;
    }
    Ok(id)
}

/// Links a channel SKU to an item, whether the channel has been seen to list it or not. Lines of open orders follow by
/// [`crate::orders::link_waiting`].
pub fn link_listing(tx: &mut Tx<'_>, ctx: &Ctx<'_>, channel: ChannelId, channel_sku: &str, item: ItemId) -> Result<()> {
    super::get(tx, channel)?;
    let sku = items::get(tx, item)?.sku;
    let channel_sku = clean(channel_sku, 128);
    if channel_sku.is_empty() {
        return Err(Error::invalid("channel_sku", "must not be empty"));
    }
    match store::listings_by_sku(tx, channel, std::slice::from_ref(&channel_sku))?.first() {
        Some(listing) => {
            store::set_listing_item(tx, listing.id, item)?;
            prices::listing_linked(tx, listing.id)?;
        }
        None => {
            insert(tx, channel, &channel_sku, "", "", Some(item))?;
        }
    }
    history::record(tx, ctx, "channel", channel.0, "linked", format!("{channel_sku} → {sku}"))
}

/// The item that a channel's SKU is linked to, if any.
pub fn linked_item(tx: &mut Tx<'_>, channel: ChannelId, channel_sku: &str) -> Result<Option<ItemId>> {
    let found = store::listings_by_sku(tx, channel, &[channel_sku.to_owned()])?;
    Ok(found.into_iter().next().and_then(|listing| listing.item_id))
}

/// A page of 50 listings by channel SKU after `after_sku`; only unlinked ones if asked.
pub fn list_listings(
    tx: &mut Tx<'_>,
    channel: ChannelId,
    unlinked_only: bool,
    after_sku: &str,
) -> Result<Vec<Listing>> {
    store::list_listings(tx, channel, unlinked_only, after_sku)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_shown_figure_follows_the_limits_and_is_never_negative() {
        assert_eq!(shown(40, 100, 5, Some(10)), 10);
        assert_eq!(shown(5, 100, 5, Some(10)), 0);
        assert_eq!(shown(-3, 100, 0, None), 0);
        assert_eq!(shown(41, 50, 0, None), 20);
        assert_eq!(shown(i64::MAX, 100, 0, None), i64::MAX / 100);
    }
}
