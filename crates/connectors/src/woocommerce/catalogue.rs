//! Products and what is set on them, and the methods that orders carry.
//!
//! A listing is a simple product or one variation of a variable product; its reference is `10` or `11/13` (parent and
//! variation), as each has an endpoint of its own (`channels.md` 2.8). Looking up by SKU finds both. Batches are answered with
//! status 200 and errors inside.

use std::collections::BTreeMap;

use consign_ports::{ChannelTag, ListingPrice, Outcome, PortError, Product, ProductPage, StockLevel};
use consign_values::clean;
use serde_json::{Value, json};

use super::api::{Api, PAGE, encode};
use super::mapping::sku_by_id;
use crate::loose::scalar;

/// Products of a list page; each variable one costs a call more.
const PRODUCTS_PAGE: usize = 50;
/// Pages of variations of one product: a limit against shops that never end.
const VARIATION_PAGES_MAX: usize = 50;
const FIELDS: &str = "id,parent_id,type,name,sku,stock_quantity,manage_stock,attributes";

/// One change of a listing.
pub(super) struct Change<'c> {
    sku: &'c str,
    reference: &'c str,
    /// What the update carries beside the id.
    set: Value,
}

impl<'c> From<&'c StockLevel> for Change<'c> {
    fn from(level: &'c StockLevel) -> Self {
        let set = json!({ "manage_stock": true, "stock_quantity": level.quantity.max(0) });
        Change { sku: &level.channel_sku, reference: &level.channel_reference, set }
    }
}

impl<'c> From<&'c ListingPrice> for Change<'c> {
    fn from(price: &'c ListingPrice) -> Self {
        let set = json!({ "regular_price": price.price.to_decimal().to_string() });
        Change { sku: &price.channel_sku, reference: &price.channel_reference, set }
    }
}

/// A product or variation in the shop.
struct Listing {
    id: String,
    parent: Option<String>,
    sku: String,
}

impl Listing {
    fn read(product: &Value) -> Option<Self> {
        let id = scalar(&product["id"]).filter(|id| !id.is_empty())?;
        let parent = scalar(&product["parent_id"]).filter(|parent| product["type"] == "variation" && parent != "0");
        let sku = scalar(&product["sku"]).unwrap_or_default().trim().to_owned();
        Some(Listing { sku: if sku.is_empty() { sku_by_id(&id) } else { sku }, id, parent })
    }

    fn reference(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{parent}/{}", self.id),
            None => self.id.clone(),
        }
    }
}

/// Makes up to a page of changes: one look-up, then a batch for the products and one for each parent of variations.
pub(super) async fn push(api: &Api, changes: Vec<Change<'_>>) -> Result<Vec<Outcome>, PortError> {
    let known = look_up(api, &changes).await?;
    let mut outcomes: Vec<Outcome> = Vec::with_capacity(changes.len());
    let mut batches: BTreeMap<Option<&str>, Vec<(usize, &Listing)>> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        let mut candidates = known.iter().filter(|listing| listing.sku == change.sku);
        let first = candidates.next();
        let listing = candidates.find(|listing| listing.reference() == change.reference).or(first);
        match listing {
            Some(listing) => {
                batches.entry(listing.parent.as_deref()).or_default().push((index, listing));
                outcomes.push(Err(PortError::retry("the shop's answer left this one out")));
            }
            None => outcomes.push(Err(PortError::Refused("no longer listed in the shop".into()))),
        }
    }
    let mut done_any = false;
    for (parent, batch) in batches {
        let result = send(api, parent, &batch, &changes, &mut outcomes).await;
        match result {
            Ok(()) => done_any = true,
            Err(error) if !done_any => return Err(error),
            Err(error) => batch.iter().for_each(|(index, _)| outcomes[*index] = Err(error.clone())),
        }
    }
    Ok(outcomes)
}

async fn send(
    api: &Api,
    parent: Option<&str>,
    batch: &[(usize, &Listing)],
    changes: &[Change<'_>],
    outcomes: &mut [Outcome],
) -> Result<(), PortError> {
    let path = match parent {
        Some(parent) => format!("products/{}/variations/batch", encode(parent)),
        None => "products/batch".to_owned(),
    };
    let updates: Vec<Value> = batch
        .iter()
        .map(|(index, listing)| {
            let mut update = changes[*index].set.clone();
            update["id"] = listing.id.parse::<i64>().map_or_else(|_| listing.id.clone().into(), Value::from);
            update
        })
        .collect();
    let answer = api.post(&path, &json!({ "update": updates })).await.map_err(|error| match error {
        // Nothing says that any one listing is gone.
        PortError::Refused(message) => PortError::retry(message),
        other => other,
    })?;
    for ((index, listing), result) in batch.iter().zip(answer["update"].as_array().into_iter().flatten()) {
        if scalar(&result["id"]).as_ref() != Some(&listing.id) {
            continue;
        }
        let said = result["error"]["message"].as_str();
        outcomes[*index] = match said {
            Some(message) => Err(PortError::Refused(format!("the shop says: {}", clean(message, 200)))),
            None if result["error"].is_object() => Err(PortError::Refused("the shop refused it".into())),
            None => Ok(()),
        };
    }
    Ok(())
}

/// The listings with these SKUs. A SKU with a comma in it is asked for by itself, as commas part the SKUs of a question.
async fn look_up(api: &Api, changes: &[Change<'_>]) -> Result<Vec<Listing>, PortError> {
    let mut questions: Vec<(&str, String)> = Vec::new();
    let (mut skus, mut ids) = (Vec::new(), Vec::new());
    for change in changes {
        match change.sku.strip_prefix("id:") {
            // Variations are found by no list of ids, but we know where they are.
            Some(_) if change.reference.contains('/') => {}
            Some(id) => ids.push(id),
            None if change.sku.contains(',') => questions.push(("sku", change.sku.to_owned())),
            None => skus.push(change.sku),
        }
    }
    questions
        .extend([("sku", skus.join(",")), ("include", ids.join(","))].into_iter().filter(|(_, list)| !list.is_empty()));
    let mut known = Vec::new();
    for (name, list) in questions {
        let params = [(name, list), ("per_page", PAGE.to_string()), ("_fields", "id,parent_id,type,sku".to_owned())];
        known.extend(api.list("products", &params).await?.iter().filter_map(Listing::read));
    }
    for change in changes.iter().filter(|change| change.sku.starts_with("id:")) {
        if let Some((parent, id)) = change.reference.split_once('/').filter(|(_, id)| sku_by_id(id) == change.sku) {
            known.push(Listing { id: id.to_owned(), parent: Some(parent.to_owned()), sku: change.sku.to_owned() });
        }
    }
    Ok(known)
}

/// A page of listings.
pub(super) async fn list(api: &Api, page: Option<&str>) -> Result<ProductPage, PortError> {
    let number: usize = page.and_then(|page| page.parse().ok()).unwrap_or(1);
    let params = [
        ("per_page", PRODUCTS_PAGE.to_string()),
        ("page", number.to_string()),
        ("orderby", "id".to_owned()),
        ("order", "asc".to_owned()),
        ("_fields", FIELDS.to_owned()),
    ];
    let rows = api.list("products", &params).await?;
    let mut products = Vec::new();
    for row in &rows {
        match row["type"].as_str().unwrap_or("simple") {
            "variable" | "variable-subscription" => variations(api, row, &mut products).await?,
            "grouped" | "external" => {}
            _ => products.extend(product(row, None)),
        }
    }
    Ok(ProductPage { products, next: (rows.len() == PRODUCTS_PAGE).then(|| (number + 1).to_string()) })
}

async fn variations(api: &Api, parent: &Value, products: &mut Vec<Product>) -> Result<(), PortError> {
    let path = format!("products/{}/variations", encode(&scalar(&parent["id"]).unwrap_or_default()));
    for number in 1..=VARIATION_PAGES_MAX {
        let params = [("per_page", PAGE.to_string()), ("page", number.to_string()), ("_fields", FIELDS.to_owned())];
        let rows = api.list(&path, &params).await?;
        products.extend(rows.iter().filter_map(|row| product(row, Some(parent))));
        if rows.len() < PAGE {
            break;
        }
    }
    Ok(())
}

/// A listing as the port wants it. A variation that has no SKU of its own is told with its parent's; that is left out here,
/// as one SKU can't be several listings.
fn product(row: &Value, parent: Option<&Value>) -> Option<Product> {
    let mut row = row.clone();
    let mut title = scalar(&row["name"]).unwrap_or_default();
    if let (Some(parent), true) = (parent, row.is_object()) {
        row["type"] = "variation".into();
        row["parent_id"] = parent["id"].clone();
        if row["sku"] == parent["sku"] {
            row["sku"] = "".into();
        }
        let of = scalar(&parent["name"]).unwrap_or_default();
        let attributes = row["attributes"].as_array().into_iter().flatten();
        let chosen: Vec<&str> = attributes.filter_map(|attribute| attribute["option"].as_str()).collect();
        let which = if chosen.is_empty() { title } else { chosen.join(", ") };
        title = format!("{of} - {which}");
    }
    let listing = Listing::read(&row)?;
    Some(Product {
        title: clean(&title, 255),
        channel_reference: listing.reference(),
        channel_sku: listing.sku,
        quantity: row["stock_quantity"].as_i64().filter(|_| row["manage_stock"] == true),
    })
}

/// The methods of all shipping zones, by the title that orders carry.
pub(super) async fn shipping_methods(api: &Api) -> Result<Vec<ChannelTag>, PortError> {
    let mut tags: Vec<ChannelTag> = Vec::new();
    for zone in api.list("shipping/zones", &[]).await?.iter().take(PAGE) {
        let path = format!("shipping/zones/{}/methods", encode(&scalar(&zone["id"]).unwrap_or_default()));
        for method in api.list(&path, &[]).await? {
            let title = clean(&scalar(&method["title"]).unwrap_or_default(), 255);
            let tag =
                if title.is_empty() { clean(&scalar(&method["method_id"]).unwrap_or_default(), 255) } else { title };
            if !tag.is_empty() && !tags.iter().any(|known| known.tag == tag) {
                tags.push(ChannelTag { label: tag.clone(), tag, site: String::new() });
            }
        }
    }
    Ok(tags)
}

/// The payment gateways, by the code that orders carry.
pub(super) async fn payment_methods(api: &Api) -> Result<Vec<ChannelTag>, PortError> {
    let text = |value: &Value| clean(&scalar(value).unwrap_or_default(), 255);
    let rows = api.list("payment_gateways", &[]).await?;
    let tags = rows.iter().map(|gateway| {
        let (tag, title) = (text(&gateway["id"]), text(&gateway["title"]));
        ChannelTag { label: if title.is_empty() { tag.clone() } else { title }, tag, site: String::new() }
    });
    Ok(tags.filter(|tag| !tag.tag.is_empty()).collect())
}
