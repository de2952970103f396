//! Stock and prices of listings, and the list of them.
//!
//! Patches of single listings, not feeds: a patch goes five times a second, says at once whether it is taken, and needs no
//! memory between jobs, while one feed goes in two minutes and tells its outcome some minutes later in a document that would
//! have to be remembered and fetched. 18,000 changes an hour are enough, as only what changed is sent: up to 20 SKUs are looked
//! up by one call, and a listing that shows the figure already is left alone. The look-up also tells the product type, which a
//! patch must name, and keeps our hands off listings that Amazon stocks itself: setting their stock would take them out of FBA.

use std::collections::HashMap;

use consign_ports::{ListingPrice, Outcome, PortError, Product, ProductPage, StockLevel};
use consign_values::clean;
use reqwest::Method;
use serde_json::{Value, json};

use super::AmazonChannel;
use super::api::{Request, escape, with_query};
use super::limits::Operation;
use super::mapping::Fulfilment;
use super::marketplaces::by_id;

/// SKUs in one look-up, rows on a page: Amazon's most.
pub(super) const LOOK_UP: usize = 20;
const PAGE: &str = "20";
/// Amazon's code for stock that the seller keeps.
const OWN_STOCK: &str = "DEFAULT";
/// The product type that takes offers of any product.
const ANY_PRODUCT: &str = "PRODUCT";
const GONE: &str = "no longer listed on Amazon";

/// A listing as far as stock and price are concerned.
struct Listing {
    sku: String,
    title: String,
    asin: String,
    product_type: String,
    created: String,
    /// Ids of the marketplaces that list it.
    marketplaces: Vec<String>,
    /// Whether Amazon stocks it.
    at_amazon: bool,
    /// What is shown as in stock, for our own stock.
    quantity: Option<i64>,
}

impl Listing {
    fn read(item: &Value) -> Self {
        let text = |value: &Value| crate::loose::scalar(value).unwrap_or_default();
        let summaries = item["summaries"].as_array().map_or(&[][..], Vec::as_slice);
        let first = |key: &str| summaries.iter().map(|s| text(&s[key])).find(|t| !t.is_empty()).unwrap_or_default();
        let stock = item["fulfillmentAvailability"].as_array().map_or(&[][..], Vec::as_slice);
        Listing {
            sku: text(&item["sku"]).trim().to_owned(),
            title: clean(&first("itemName"), 255),
            asin: first("asin"),
            product_type: first("productType"),
            created: first("createdDate"),
            marketplaces: summaries.iter().map(|summary| text(&summary["marketplaceId"])).collect(),
            at_amazon: stock.iter().any(|stock| text(&stock["fulfillmentChannelCode"]).starts_with("AMAZON")),
            quantity: stock
                .iter()
                .find(|stock| stock["fulfillmentChannelCode"] == OWN_STOCK)
                .and_then(|stock| stock["quantity"].as_i64()),
        }
    }

    fn product_type(&self) -> &str {
        if self.product_type.is_empty() { ANY_PRODUCT } else { &self.product_type }
    }
}

/// Sets the quantity and leaves restock date and handling time as they are.
fn stock_patch(quantity: i64) -> Value {
    json!({
        "op": "merge",
        "path": "/attributes/fulfillment_availability",
        "value": [{ "fulfillment_channel_code": OWN_STOCK, "quantity": quantity.max(0) }],
    })
}

/// Sets the price and leaves sale prices, limits and business prices as they are.
fn price_patch(price: &ListingPrice, marketplace: &str) -> Value {
    let amount = price.price.to_decimal().normalize().to_string();
    let amount: Value = serde_json::from_str(&amount).unwrap_or_default();
    json!({
        "op": "merge",
        "path": "/attributes/purchasable_offer",
        "value": [{
            "marketplace_id": marketplace,
            "currency": price.price.currency.code(),
            "audience": "ALL",
            "our_price": [{ "schedule": [{ "value_with_tax": amount }] }],
        }],
    })
}

impl AmazonChannel {
    fn listings_path(&self) -> String {
        format!("/listings/2021-08-01/items/{}", escape(&self.seller))
    }

    /// The listings with these SKUs.
    async fn look_up(&self, skus: &[&str]) -> Result<HashMap<String, Listing>, PortError> {
        let data = vec!["summaries", "fulfillmentAvailability"];
        let mut found = HashMap::new();
        // A comma would part a SKU in a list of them.
        let (single, listed): (Vec<&str>, Vec<&str>) = skus.iter().partition(|sku| sku.contains(','));
        if !listed.is_empty() {
            let query = [
                ("marketplaceIds", self.markets()),
                ("includedData", data.clone()),
                ("identifiersType", vec!["SKU"]),
                ("identifiers", listed),
                ("pageSize", vec![PAGE]),
            ];
            let request = Request::get(Operation::SearchListings, with_query(&self.listings_path(), &query));
            let answer = self.api.call(request).await?.into_answer()?.json()?;
            found.extend(rows(&answer)?.iter().map(Listing::read).map(|listing| (listing.sku.clone(), listing)));
        }
        for sku in single {
            let path = format!("{}/{}", self.listings_path(), escape(sku));
            let query = [("marketplaceIds", self.markets()), ("includedData", data.clone())];
            let request = Request::get(Operation::GetListing, with_query(&path, &query));
            if let Some(reply) = self.api.find(request).await? {
                found.insert(sku.to_owned(), Listing::read(&reply.into_answer()?.json()?));
            }
        }
        Ok(found)
    }

    /// One patch. `Refused` in Amazon's words where it finds fault with it.
    async fn patch(&self, listing: &Listing, marketplace: &str, patch: Value) -> Outcome {
        let path = format!("{}/{}", self.listings_path(), escape(&listing.sku));
        let request = Request {
            operation: Operation::PatchListing,
            method: Method::PATCH,
            path: with_query(&path, &[("marketplaceIds", vec![marketplace])]),
            body: Some(json!({ "productType": listing.product_type(), "patches": [patch] })),
        };
        let Some(reply) = self.api.find(request).await? else { return Err(PortError::Refused(GONE.into())) };
        let answer = reply.into_answer()?.json()?;
        match answer["status"].as_str() {
            Some("ACCEPTED" | "VALID") => Ok(()),
            Some("INVALID") => Err(PortError::Refused(format!("Amazon says: {}", issues(&answer)))),
            _ => Err(PortError::Protocol("the answer has no status".into())),
        }
    }

    /// The marketplace of ours that lists it.
    fn own_marketplace(&self, listing: &Listing) -> &str {
        let own = self.marketplaces.iter().find(|market| listing.marketplaces.contains(market));
        own.or(self.marketplaces.first()).map_or("", String::as_str)
    }

    /// Sets stock figures; what the seller's own stock is shown as holds for all marketplaces of a region.
    pub(super) async fn set_stock(&self, levels: &[StockLevel]) -> Result<Vec<Outcome>, PortError> {
        if self.fulfilment == Fulfilment::Amazon {
            return Ok(levels
                .iter()
                .map(|_| Err(PortError::Refused("Amazon keeps the stock itself".into())))
                .collect());
        }
        let skus: Vec<&str> = levels.iter().map(|level| level.channel_sku.as_str()).collect();
        let known = self.look_up(&skus).await?;
        let mut outcomes = Outcomes::default();
        for level in levels {
            let outcome = match known.get(&level.channel_sku) {
                None => Err(PortError::Refused(GONE.into())),
                Some(listing) if listing.at_amazon => {
                    Err(PortError::Refused("Amazon keeps the stock of this listing itself (FBA)".into()))
                }
                Some(listing) if listing.quantity == Some(level.quantity.max(0)) => Ok(()),
                Some(listing) => self.patch(listing, self.own_marketplace(listing), stock_patch(level.quantity)).await,
            };
            if outcomes.ended_by(outcome)? {
                break;
            }
        }
        Ok(outcomes.filled(levels.len()))
    }

    /// Sets prices in those marketplaces of ours that list the product and have the price's currency.
    pub(super) async fn set_prices(&self, prices: &[ListingPrice]) -> Result<Vec<Outcome>, PortError> {
        let skus: Vec<&str> = prices.iter().map(|price| price.channel_sku.as_str()).collect();
        let known = self.look_up(&skus).await?;
        let mut outcomes = Outcomes::default();
        for price in prices {
            let outcome = match known.get(&price.channel_sku) {
                None => Err(PortError::Refused(GONE.into())),
                Some(listing) => self.set_price(listing, price).await,
            };
            if outcomes.ended_by(outcome)? {
                break;
            }
        }
        Ok(outcomes.filled(prices.len()))
    }

    async fn set_price(&self, listing: &Listing, price: &ListingPrice) -> Outcome {
        let currency = price.price.currency;
        let fits = |market: &&String| {
            listing.marketplaces.contains(market) && by_id(market).is_some_and(|m| m.currency == currency.code())
        };
        let places: Vec<&String> = self.marketplaces.iter().filter(fits).collect();
        if places.is_empty() {
            return Err(PortError::Refused(format!(
                "not listed in a marketplace of this channel with prices in {currency}"
            )));
        }
        for place in places {
            self.patch(listing, place, price_patch(price, place)).await?;
        }
        Ok(())
    }

    /// One page of listings, oldest first. Amazon pages through a thousand; after those the search goes on from the last
    /// one's date. Those that Amazon stocks are in the instance for Amazon's orders only.
    pub(super) async fn products(&self, page: Option<&str>) -> Result<ProductPage, PortError> {
        let mut cursor = page.map_or(Ok(Cursor::default()), Cursor::parse)?;
        let mut query = vec![
            ("marketplaceIds", self.markets()),
            ("includedData", vec!["summaries", "fulfillmentAvailability"]),
            ("sortBy", vec!["createdDate"]),
            ("sortOrder", vec!["ASC"]),
            ("pageSize", vec![PAGE]),
        ];
        if !cursor.after.is_empty() {
            query.push(("createdAfter", vec![&cursor.after]));
        }
        if !cursor.token.is_empty() {
            query.push(("pageToken", vec![&cursor.token]));
        }
        let request = Request::get(Operation::SearchListings, with_query(&self.listings_path(), &query));
        let answer = self.api.call(request).await?.into_answer()?.json()?;
        let listings: Vec<Listing> = rows(&answer)?.iter().map(Listing::read).collect();
        cursor.seen += listings.len() as u64;
        let total = answer["numberOfResults"].as_u64().unwrap_or_default();
        let last = listings.last().map(|listing| listing.created.clone()).unwrap_or_default();
        let token = answer["pagination"]["nextToken"].as_str().unwrap_or("");
        let next = if !token.is_empty() {
            Some(Cursor { token: token.to_owned(), ..cursor })
        } else if cursor.seen < total && !last.is_empty() && last != cursor.after {
            Some(Cursor { after: last, ..Cursor::default() })
        } else {
            None
        };
        let ours =
            |listing: &Listing| !listing.sku.is_empty() && listing.at_amazon == (self.fulfilment == Fulfilment::Amazon);
        let product = |listing: Listing| Product {
            channel_sku: listing.sku,
            title: listing.title,
            channel_reference: listing.asin,
            quantity: listing.quantity,
        };
        let products = listings.into_iter().filter(ours).map(product).collect();
        Ok(ProductPage { products, next: next.map(|cursor| cursor.to_token()) })
    }
}

/// Where a list of products stands.
#[derive(Debug, Default, PartialEq, Eq)]
struct Cursor {
    /// The search asks for listings created from then on; empty for all.
    after: String,
    /// Listings that this search has given.
    seen: u64,
    /// Amazon's token; empty for the search's first page.
    token: String,
}

impl Cursor {
    fn parse(token: &str) -> Result<Self, PortError> {
        let parts = token.splitn(3, '|').collect::<Vec<_>>();
        match parts[..] {
            [after, seen, token] if seen.parse::<u64>().is_ok() => {
                Ok(Cursor { after: after.to_owned(), seen: seen.parse().unwrap_or_default(), token: token.to_owned() })
            }
            _ => Err(PortError::Refused("the page token is none of ours".into())),
        }
    }

    fn to_token(&self) -> String {
        format!("{}|{}|{}", self.after, self.seen, self.token)
    }
}

/// Outcomes of listings one by one, until Amazon is in trouble.
#[derive(Default)]
struct Outcomes {
    done: Vec<Outcome>,
    ended: Option<PortError>,
}

impl Outcomes {
    /// Takes an outcome; true if the rest must wait. An error if nothing went out before.
    fn ended_by(&mut self, outcome: Outcome) -> Result<bool, PortError> {
        match outcome {
            Err(error @ (PortError::Unauthorised(_) | PortError::Retry { .. })) if self.done.is_empty() => Err(error),
            Err(error @ (PortError::Unauthorised(_) | PortError::Retry { .. })) => {
                self.ended = Some(error);
                Ok(true)
            }
            outcome => {
                self.done.push(outcome);
                Ok(false)
            }
        }
    }

    /// As many outcomes as were asked for; the error that ended them stands for the rest.
    fn filled(mut self, count: usize) -> Vec<Outcome> {
        if let Some(error) = self.ended {
            self.done.resize(count, Err(error));
        }
        self.done
    }
}

fn rows(answer: &Value) -> Result<&Vec<Value>, PortError> {
    answer["items"].as_array().ok_or_else(|| PortError::Protocol("the answer has no list of listings".into()))
}

/// What Amazon finds fault with.
fn issues(answer: &Value) -> String {
    let errors = answer["issues"].as_array().into_iter().flatten().filter(|issue| issue["severity"] == "ERROR");
    let words: Vec<&str> = errors.filter_map(|issue| issue["message"].as_str()).collect();
    if words.is_empty() { "the change is not valid".to_owned() } else { clean(&words.join("; "), 300) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_way_through_the_database_whatever_amazons_token() {
        for (after, seen, token) in [("", 20, "a|b=="), ("2021-02-01T00:00:00Z", 0, "")] {
            let cursor = Cursor { after: after.into(), seen, token: token.into() };
            assert_eq!(Cursor::parse(&cursor.to_token()), Ok(cursor));
        }
        for token in ["", "x", "a|b|c"] {
            assert!(Cursor::parse(token).is_err(), "{token}");
        }
    }

    #[test]
    fn trouble_ends_a_batch_and_stands_for_the_rest() {
        let mut outcomes = Outcomes::default();
        assert!(outcomes.ended_by(Err(PortError::retry("x"))).is_err(), "nothing went out before");
        assert_eq!(outcomes.ended_by(Err(PortError::Refused("gone".into()))), Ok(false));
        assert_eq!(outcomes.ended_by(Ok(())), Ok(false));
        assert_eq!(outcomes.ended_by(Err(PortError::retry("x"))), Ok(true));
        let expected = vec![
            Err(PortError::Refused("gone".into())),
            Ok(()),
            Err(PortError::retry("x")),
            Err(PortError::retry("x")),
        ];
        assert_eq!(outcomes.filled(4), expected);
    }
}
