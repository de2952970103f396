//! What items cost on channel instances, and telling the channels. Reference 13.6.
//!
//! Price push stands apart from stock push: the one works without the other; a disabled instance is told nothing.

use consign_db::{Tx, row};
use consign_values::{ChannelId, Currency, FieldErrors, ItemId, ListingId, Money, clean};

use super::store;
use crate::{Ctx, Result, changes, history, items, jobs};

row! {
    /// The price of an item on a channel instance.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ItemPrice in "item_price" {
        /// The item.
        pub item_id: ItemId,
        /// The instance.
        pub channel_id: ChannelId,
        /// Price of one, in ten-thousandths of `currency`.
        pub amount: i64,
        /// Its currency.
        pub currency: Currency,
    }
}

impl ItemPrice {
    /// As an amount of money.
    pub fn price(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }
}

row! {
    /// A listing whose price has to be told.
    #[derive(Clone, Debug)]
    pub struct DuePrice {
        /// The listing.
        pub id: ListingId,
        /// SKU on the channel.
        pub channel_sku: String,
        /// The channel's id of it.
        pub channel_reference: String,
        /// Price of one, in ten-thousandths of `currency`.
        pub amount: i64,
        /// Its currency.
        pub currency: Currency,
    }
}

impl DuePrice {
    /// As an amount of money.
    pub fn price(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }
}

/// Sets or takes away the price of an item on an instance; the item's listings there are told, if the instance pushes prices.
/// The same price again does nothing.
pub fn set_price(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    item: ItemId,
    channel_id: ChannelId,
    price: Option<Money>,
) -> Result<()> {
    let channel = super::get(tx, channel_id)?;
    items::get(tx, item)?;
    let mut errors = FieldErrors::new();
    if price.is_some_and(|price| !(0..=Money::MAX).contains(&price.amount)) {
        errors.add("price", "must be between 0 and 1,000,000,000");
    }
    if price.is_some_and(|price| price.currency == Currency::UNKNOWN) {
        errors.add("currency", "must be an ISO 4217 code such as GBP");
    }
    errors.into_result()?;
    let before = store::find_price(tx, item, channel_id)?.map(|price| price.price());
    if before == price {
        return Ok(());
    }
    match price {
        Some(Money { amount, currency }) => {
            store::put_price(tx, &ItemPrice { item_id: item, channel_id, amount, currency })?;
            if channel.enabled {
                jobs::ensure(
                    tx,
                    "push_prices",
                    &format!("push_prices {channel_id}"),
                    &channel_id.to_string(),
                    ctx.now(),
                )?;
            }
        }
        None => store::delete_price(tx, item, channel_id)?,
    }
    store::set_price_due(tx, item, channel_id, price.is_some())?;
    let text = |price: Option<Money>| price.map_or("none".to_owned(), |price| price.to_string());
    let detail = format!("on {} \"{}\": {} → {}", channel.source, channel.name, text(before), text(price));
    history::record(tx, ctx, "item", item.0, "priced", detail)?;
    changes::announce(tx, ctx, "item", [item.0])
}

/// The item's prices on channel instances.
pub fn prices_of(tx: &mut Tx<'_>, item: ItemId) -> Result<Vec<ItemPrice>> {
    store::prices_of(tx, item)
}

/// Whether an instance has prices to be told. Reads only.
pub fn any_price_due(tx: &mut Tx<'_>, id: ChannelId) -> Result<bool> {
    store::any_price_due(tx, id)
}

/// Listings of an instance whose price has to be told, at most `limit`. They stay due until [`price_pushed`].
pub fn take_due_prices(tx: &mut Tx<'_>, id: ChannelId, limit: usize) -> Result<Vec<DuePrice>> {
    store::due_prices(tx, id, limit.min(1_000) as i64)
}

/// Notes what came of telling a price: told, refused for good (not tried again until the price changes), or to be tried again.
/// A price that changed meanwhile stays due.
pub fn price_pushed(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    price: &DuePrice,
    outcome: Result<(), (String, bool)>,
) -> Result<()> {
    match outcome {
        Ok(()) => store::set_price_told(tx, price, ctx.now()),
        Err((error, for_good)) => store::set_price_error(tx, price.id, &clean(&error, 500), !for_good),
    }
}

/// The switch was turned on: everything is told.
pub(super) fn all_due(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId) -> Result<()> {
    jobs::ensure(tx, "push_prices", &format!("push_prices {id}"), &id.to_string(), ctx.now())?;
    store::set_all_prices_due(tx, id)
}

/// A listing has got an item.
pub(super) fn listing_linked(tx: &mut Tx<'_>, id: ListingId) -> Result<()> {
    store::set_price_due_if_any(tx, id)
}
