//! Medusa's variants: what is listed, how many are in stock, what they cost.
//!
//! A listing's reference is its variant's id. What can be sold of a variant is what is stocked at the shop's locations less
//! what orders have reserved, of the inventory item that the variant is made of.

use std::collections::HashMap;

use consign_ports::{ListingPrice, Outcome, PortError, Product, ProductPage, StockLevel};
use consign_values::clean;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::api::{self, Api};
use super::{rows, text};

/// Variants of a page.
const PAGE: usize = 100;
/// Prices show what they are for only if their rules are asked for (measured).
const VARIANT_PRICES: &str = "id,sku,product_id,*prices,*prices.price_rules";

/// The variants that listings speak of, by id and by SKU.
struct Variants(HashMap<String, Value>);

impl Variants {
    /// Reads them: those with a reference by it, all by SKU.
    async fn read(api: &Api, listings: &[(&str, &str)], fields: &str) -> Result<Self, PortError> {
        let ids: Vec<&str> = listings.iter().map(|(reference, _)| *reference).filter(|id| !id.is_empty()).collect();
        let skus: Vec<&str> = listings.iter().map(|(_, sku)| *sku).collect();
        let mut found = HashMap::new();
        for (key, wanted) in [("sku[]", skus), ("id[]", ids)] {
            if wanted.is_empty() {
                continue;
            }
            let mut query = vec![("limit", (2 * PAGE).to_string()), ("fields", fields.to_owned())];
            query.extend(wanted.iter().map(|value| (key, (*value).to_owned())));
            for variant in rows(&api.get(&["product-variants"], &query).await?, "variants") {
                found.insert(text(&variant["id"]), variant.clone());
                found.insert(text(&variant["sku"]), variant.clone());
            }
        }
        found.remove("");
        Ok(Variants(found))
    }

    fn get(&self, reference: &str, sku: &str) -> Result<&Value, PortError> {
        let gone = || PortError::Refused("no longer listed in the shop".into());
        self.0.get(reference).or_else(|| self.0.get(sku)).ok_or_else(gone)
    }
}

/// Medusa sells what is stocked less what is reserved, and keeps units reserved for each order until it is fulfilled there. Our
/// figure is without the units of such orders already; so, for the shop to offer `quantity`, `quantity` and what is reserved
/// must be stocked. Orders placed between reading and setting are right after the next download and push.
pub(super) async fn set_stock(api: &Api, location: &str, levels: &[StockLevel]) -> Result<Vec<Outcome>, PortError> {
    if location.is_empty() {
        return Err(PortError::Refused("choose the stock location in the channel's settings first".into()));
    }
    let listings: Vec<_> =
        levels.iter().map(|level| (level.channel_reference.as_str(), level.channel_sku.as_str())).collect();
    let known = Variants::read(api, &listings, api::VARIANT_STOCK).await?;
    let (mut update, mut create, mut outcomes) = (Vec::new(), Vec::new(), Vec::with_capacity(levels.len()));
    for level in levels {
        let outcome = known.get(&level.channel_reference, &level.channel_sku).and_then(|variant| stock_item(variant));
        outcomes.push(outcome.map(|item| {
            let Some(StockItem { id, per_unit, levels }) = item else { return };
            let here = levels.iter().find(|one| text(&one["location_id"]) == location);
            let reserved = here.and_then(|one| one["reserved_quantity"].as_i64()).unwrap_or_default().max(0);
            let stocked = level.quantity.max(0).saturating_mul(per_unit).saturating_add(reserved);
            let entry = json!({ "inventory_item_id": id, "location_id": location, "stocked_quantity": stocked });
            match here {
                None => create.push(entry),
                Some(here) if here["stocked_quantity"].as_i64() != Some(stocked) => update.push(entry),
                Some(_) => {}
            }
        }));
    }
    if !(update.is_empty() && create.is_empty()) {
        let body = json!({ "create": create, "update": update });
        let set = api.post(&["inventory-items", "location-levels", "batch"], &[], &body).await;
        set.map_err(|error| match error {
            // Nothing says that any one listing is gone.
            PortError::Refused(message) => PortError::retry(message),
            other => other,
        })?;
    }
    Ok(outcomes)
}

/// What a variant takes from stock.
struct StockItem<'v> {
    id: String,
    /// How many of it make one variant.
    per_unit: i64,
    levels: &'v [Value],
}

/// `None` where the shop doesn't count the variant. Sets of several things have no figure of their own.
fn stock_item(variant: &Value) -> Result<Option<StockItem<'_>>, PortError> {
    let items = variant["inventory_items"].as_array().map_or(&[][..], Vec::as_slice);
    if variant["manage_inventory"] == false {
        return Ok(None);
    }
    match items {
        [] => Ok(None),
        [item] => Ok(Some(StockItem {
            id: text(&item["inventory_item_id"]),
            per_unit: item["required_quantity"].as_i64().unwrap_or(1).max(1),
            levels: item["inventory"]["location_levels"].as_array().map_or(&[][..], Vec::as_slice),
        })),
        _ => Err(PortError::Refused("made of several inventory items in the shop: link those instead".into())),
    }
}

/// Sets the variants' prices in the price's own currency, one call each.
pub(super) async fn set_prices(api: &Api, prices: &[ListingPrice]) -> Result<Vec<Outcome>, PortError> {
    let listings: Vec<_> =
        prices.iter().map(|price| (price.channel_reference.as_str(), price.channel_sku.as_str())).collect();
    let known = Variants::read(api, &listings, VARIANT_PRICES).await?;
    let mut outcomes = Vec::with_capacity(prices.len());
    for price in prices {
        outcomes.push(match known.get(&price.channel_reference, &price.channel_sku) {
            Ok(variant) => set_price(api, variant, price).await,
            Err(gone) => Err(gone),
        });
    }
    Ok(outcomes)
}

/// Medusa takes all prices of a variant at once and drops those that are left out (measured), so the others are sent along as
/// they are, with the regions and quantities that they are for. Ours is the one without such rules.
async fn set_price(api: &Api, variant: &Value, price: &ListingPrice) -> Outcome {
    let currency = price.price.currency.code().to_ascii_lowercase();
    let amount = json!(price.price.to_decimal().to_f64().unwrap_or_default());
    let is_ours = |one: &Value| {
        let no_rules = one["rules"].as_object().is_none_or(serde_json::Map::is_empty);
        let any_quantity = one["min_quantity"].is_null() && one["max_quantity"].is_null();
        no_rules && any_quantity && text(&one["currency_code"]).eq_ignore_ascii_case(&currency)
    };
    let mut all = Vec::new();
    let mut found = false;
    for one in rows(variant, "prices") {
        let mut entry = json!({ "id": one["id"], "currency_code": one["currency_code"], "amount": one["amount"] });
        for key in ["rules", "min_quantity", "max_quantity"] {
            if !(one[key].is_null() || one[key] == json!({})) {
                entry[key] = one[key].clone();
            }
        }
        if is_ours(one) {
            if one["amount"].as_f64() == amount.as_f64() {
                return Ok(());
            }
            entry["amount"] = amount.clone();
            found = true;
        }
        all.push(entry);
    }
    if !found {
        all.push(json!({ "currency_code": currency, "amount": amount }));
    }
    let path = ["products", &text(&variant["product_id"]), "variants", &text(&variant["id"])];
    api.post(&path, &[("fields", "id".to_owned())], &json!({ "prices": all })).await.map(drop)
}

/// One page of variants.
pub(super) async fn products(api: &Api, location: &str, page: Option<&str>) -> Result<ProductPage, PortError> {
    let skip: usize = page.and_then(|page| page.parse().ok()).unwrap_or(0);
    let query = [
        ("limit", PAGE.to_string()),
        ("offset", skip.to_string()),
        ("order", "id".to_owned()),
        ("fields", api::VARIANT_STOCK.to_owned()),
    ];
    let data = api.get(&["product-variants"], &query).await?;
    let found = rows(&data, "variants").count();
    let products = rows(&data, "variants").map(|variant| product(variant, location));
    let products = products.filter(|product| !product.channel_sku.is_empty()).collect();
    Ok(ProductPage { products, next: (found == PAGE).then(|| (skip + found).to_string()) })
}

/// A variant without an SKU goes by its id, as `mapping.rs` has it too.
fn product(variant: &Value, location: &str) -> Product {
    let (id, sku) = (text(&variant["id"]), text(&variant["sku"]).trim().to_owned());
    let quantity = stock_item(variant).ok().flatten().and_then(|item| {
        let here = item.levels.iter().find(|one| text(&one["location_id"]) == location)?;
        let left = here["stocked_quantity"].as_i64()?.saturating_sub(here["reserved_quantity"].as_i64().unwrap_or(0));
        Some(left / item.per_unit)
    });
    let title = [&variant["product"]["title"], &variant["title"]].map(text).join(", ");
    Product {
        channel_sku: if sku.is_empty() { id.clone() } else { sku },
        title: clean(title.trim_matches([',', ' ']), 255),
        channel_reference: id,
        quantity,
    }
}
