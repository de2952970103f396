//! Listings, which are product variants, and what is set on them.
//!
//! A listing's reference is the variant's number. Listings are looked up by it, and by SKU where that fails, because Shopify's
//! search lags behind; a variant counts only if it bears the SKU that was asked for. Stock is one location's *available*
//! figure, which is just what ours means, set whatever it was before: from 2026-04 that must be said by an explicit null, and
//! with an idempotency key. The key is a fresh one for each call, as Shopify answers a known key without doing anything, and
//! the same figure may have to be set again after somebody has changed it there.

use std::collections::BTreeMap;

use consign_ports::{ChannelTag, ListingPrice, Outcome, PortError, Product, ProductPage, StockLevel, TagKind};
use consign_values::clean;
use serde_json::{Value, json};
use uuid::Uuid;

use super::api::{Api, UserError};
use super::mapping::{number, sku_by_id};
use super::{Settings, documents};
use crate::loose::scalar;

/// Listings of a page.
const PAGE: usize = 100;
/// SKUs of one search.
const SEARCH: usize = 40;
/// Orders that methods are gathered from.
const METHOD_ORDERS: usize = 100;
/// How often figures are sent again without those that Shopify refuses.
const TRIES_MAX: usize = 4;

/// A variant in the shop.
struct Variant {
    id: String,
    sku: String,
    product: String,
    inventory_item: String,
}

impl Variant {
    fn read(node: &Value) -> Option<Self> {
        let text = |value: &Value| scalar(value).unwrap_or_default();
        let id = text(&node["id"]);
        (!id.is_empty()).then(|| Variant {
            sku: sku_of(node),
            product: text(&node["product"]["id"]),
            inventory_item: text(&node["inventoryItem"]["id"]),
            id,
        })
    }
}

fn sku_of(node: &Value) -> String {
    let sku = scalar(&node["sku"]).unwrap_or_default().trim().to_owned();
    if sku.is_empty() { sku_by_id(&number(&node["id"])) } else { sku }
}

/// The variants of some listings and the shop's currency.
struct Known {
    variants: Vec<Variant>,
    currency: String,
}

impl Known {
    fn find(&self, sku: &str, reference: &str) -> Option<&Variant> {
        let mut same = self.variants.iter().filter(|variant| variant.sku == sku);
        let by_reference = same.clone().find(|variant| number(&variant.id.as_str().into()) == reference);
        by_reference.or_else(|| same.next())
    }

    fn take(&mut self, data: &Value, list: &Value) {
        if let Some(currency) = data["shop"]["currencyCode"].as_str() {
            currency.clone_into(&mut self.currency);
        }
        self.variants.extend(list.as_array().into_iter().flatten().filter_map(Variant::read));
    }
}

/// Looks listings up: pairs of SKU and reference.
async fn look_up(api: &Api, listings: &[(&str, &str)]) -> Result<Known, PortError> {
    let mut known = Known { variants: Vec::new(), currency: String::new() };
    let numbers = listings.iter().filter_map(|(sku, reference)| {
        let number = if reference.is_empty() { sku.strip_prefix("id:")? } else { reference };
        number.bytes().all(|byte| byte.is_ascii_digit()).then_some(number)
    });
    let ids: Vec<String> = numbers.map(|number| format!("gid://shopify/ProductVariant/{number}")).collect();
    if !ids.is_empty() {
        let data = api.data(documents::VARIANTS_BY_ID, json!({ "ids": ids })).await?;
        known.take(&data, &data["nodes"]);
    }
    let unknown: Vec<&str> =
        listings.iter().filter(|(sku, reference)| known.find(sku, reference).is_none()).map(|(sku, _)| *sku).collect();
    for skus in unknown.chunks(SEARCH) {
        let terms: Vec<String> = skus.iter().map(|sku| format!("sku:{}", quoted(sku))).collect();
        // One SKU may be on several variants.
        let data = api.page(documents::VARIANTS, json!({ "query": terms.join(" OR ") }), 2 * SEARCH).await?;
        known.take(&data, &data["productVariants"]["nodes"]);
    }
    Ok(known)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn gone() -> Outcome {
    Err(PortError::Refused("no longer listed in Shopify".into()))
}

fn refused(error: &UserError) -> Outcome {
    Err(PortError::Refused(format!("Shopify says: {}", error.message)))
}

/// Sets what is available at the settings' location.
pub(super) async fn set_stock(
    api: &Api,
    settings: &Settings,
    levels: &[StockLevel],
) -> Result<Vec<Outcome>, PortError> {
    if settings.stock_location.is_empty() {
        return Err(PortError::Refused("choose the stock location in the channel's settings first".into()));
    }
    let listings: Vec<_> = levels.iter().map(|l| (l.channel_sku.as_str(), l.channel_reference.as_str())).collect();
    let known = look_up(api, &listings).await?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(levels.len());
    // Shopify takes each inventory item once: of two listings of one variant the last counts.
    let mut wanted: BTreeMap<&str, (Vec<usize>, i64)> = BTreeMap::new();
    for (index, level) in levels.iter().enumerate() {
        match known.find(&level.channel_sku, &level.channel_reference) {
            Some(variant) => {
                let entry = wanted.entry(&variant.inventory_item).or_default();
                entry.0.push(index);
                entry.1 = level.quantity.max(0);
                outcomes.push(Ok(()));
            }
            None => outcomes.push(gone()),
        }
    }
    let mut sending: Vec<(&str, (Vec<usize>, i64))> = wanted.into_iter().collect();
    for _ in 0..TRIES_MAX {
        if sending.is_empty() {
            return Ok(outcomes);
        }
        let errors = api.change(documents::SET_STOCK, stock_input(settings, &sending)).await?;
        if errors.is_empty() {
            return Ok(outcomes);
        }
        // One refused figure refuses all; the others are sent again without it.
        let mut refusals: BTreeMap<usize, &UserError> = BTreeMap::new();
        for error in &errors {
            match error.index_in("quantities").filter(|index| *index < sending.len()) {
                Some(index) => refusals.insert(index, error),
                // It speaks of the location or the whole, and says nothing of any one listing.
                None => return Err(PortError::retry(format!("Shopify says: {}", error.message))),
            };
        }
        for (index, error) in refusals.iter().rev() {
            let (_, (levels, _)) = sending.remove(*index);
            levels.into_iter().for_each(|level| outcomes[level] = refused(error));
        }
    }
    for (_, (levels, _)) in sending {
        let late = || Err(PortError::retry("Shopify refused too many of the other figures"));
        levels.into_iter().for_each(|level| outcomes[level] = late());
    }
    Ok(outcomes)
}

fn stock_input(settings: &Settings, sending: &[(&str, (Vec<usize>, i64))]) -> Value {
    let quantity = |(item, (_, quantity)): &(&str, (Vec<usize>, i64))| {
        json!({
            "inventoryItemId": item,
            "locationId": settings.stock_location,
            "quantity": quantity,
            "changeFromQuantity": null,
        })
    };
    let quantities: Vec<Value> = sending.iter().map(quantity).collect();
    let input = json!({ "name": "available", "reason": "correction", "quantities": quantities });
    json!({ "input": input, "key": Uuid::new_v4().to_string() })
}

/// Sets prices, product by product. They must be in the shop's currency.
pub(super) async fn set_prices(api: &Api, prices: &[ListingPrice]) -> Result<Vec<Outcome>, PortError> {
    let listings: Vec<_> = prices.iter().map(|p| (p.channel_sku.as_str(), p.channel_reference.as_str())).collect();
    let known = look_up(api, &listings).await?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(prices.len());
    let mut products: BTreeMap<&str, Vec<(usize, &Variant)>> = BTreeMap::new();
    for (index, price) in prices.iter().enumerate() {
        let currency = price.price.currency.code();
        outcomes.push(match known.find(&price.channel_sku, &price.channel_reference) {
            None => gone(),
            Some(_) if currency != known.currency => Err(PortError::Refused(format!(
                "the shop's prices are in {}, this one is in {currency}",
                known.currency
            ))),
            Some(variant) => {
                products.entry(&variant.product).or_default().push((index, variant));
                Ok(())
            }
        });
    }
    let mut done_any = false;
    for (product, variants) in products {
        let input: Vec<Value> = variants
            .iter()
            .map(|(index, variant)| json!({ "id": variant.id, "price": prices[*index].price.to_decimal().to_string() }))
            .collect();
        match api.change(documents::SET_PRICES, json!({ "product": product, "variants": input })).await {
            Ok(errors) => {
                done_any = true;
                for error in &errors {
                    match error.index_in("variants").and_then(|at| variants.get(at)) {
                        Some((index, _)) => outcomes[*index] = refused(error),
                        None => variants.iter().for_each(|(index, _)| outcomes[*index] = refused(error)),
                    }
                }
            }
            Err(error) if !done_any => return Err(error),
            Err(error) => variants.iter().for_each(|(index, _)| outcomes[*index] = Err(error.clone())),
        }
    }
    Ok(outcomes)
}

/// A page of listings, after the variant whose number is `page`.
pub(super) async fn list(api: &Api, settings: &Settings, page: Option<&str>) -> Result<ProductPage, PortError> {
    let after = page.filter(|page| page.bytes().all(|byte| byte.is_ascii_digit()));
    let query = after.map_or(Value::Null, |after| format!("id:>{after}").into());
    let variables = json!({ "query": query, "location": settings.stock_location });
    let data = api.page(documents::LISTINGS, variables, PAGE).await?;
    let nodes = data["productVariants"]["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let products = nodes.iter().map(|node| Product {
        channel_sku: sku_of(node),
        title: clean(node["displayName"].as_str().unwrap_or("").trim_end_matches(" - Default Title"), 255),
        channel_reference: number(&node["id"]),
        quantity: node["inventoryItem"]["inventoryLevel"]["quantities"][0]["quantity"]
            .as_i64()
            .filter(|_| node["inventoryItem"]["tracked"] == true),
    });
    let more = data["productVariants"]["pageInfo"]["hasNextPage"] == true;
    let next = nodes.last().filter(|_| more).map(|node| number(&node["id"]));
    Ok(ProductPage { products: products.collect(), next })
}

/// Methods that the latest orders carry: Shopify has no list of gateways, and rates of apps are in no list of services.
pub(super) async fn methods(api: &Api, kind: TagKind) -> Result<Vec<ChannelTag>, PortError> {
    let data = api.page(documents::METHODS, json!({}), METHOD_ORDERS).await?;
    let mut tags: Vec<ChannelTag> = Vec::new();
    for order in data["orders"]["nodes"].as_array().into_iter().flatten() {
        let line = &order["shippingLines"]["nodes"][0];
        let title = line["title"].as_str().filter(|title| !title.trim().is_empty()).or(line["code"].as_str());
        let name = match kind {
            TagKind::Shipping => title,
            TagKind::Payment => order["paymentGatewayNames"][0].as_str(),
        };
        let tag = clean(name.unwrap_or(""), 255);
        if !tag.is_empty() && !tags.iter().any(|known| known.tag == tag) {
            tags.push(ChannelTag { label: tag.clone(), tag, site: String::new() });
        }
    }
    Ok(tags)
}
