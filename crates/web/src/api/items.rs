//! Items: found, made, edited, priced for channels, put together from others.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::items::{self, ItemForm};
use consign_oms::{Ctx, Error, channels, history};
use consign_values::{ChannelId, Currency, ItemId, Money, Rate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{BulkResult, Call, Input, Page, Route, Search, amount, place, read_amount};
use super::orders::HistoryEntry;
use crate::App;
use crate::access::{EditItems, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(log))
        .routes(routes!(set_price))
        .routes(routes!(set_components))
        .routes(routes!(bulk))
}

/// An item as lists show it.
#[derive(Serialize, ToSchema)]
pub struct Item {
    id: i64,
    sku: String,
    title: String,
    weight_g: i64,
    length_mm: i64,
    width_mm: i64,
    height_mm: i64,
    /// Retail price of one.
    price: String,
    currency: String,
    /// Per cent.
    tax_rate: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// Counts up with each edit.
    version: i64,
}

impl From<&items::Item> for Item {
    fn from(item: &items::Item) -> Self {
        Item {
            id: item.id.0,
            sku: item.sku.clone(),
            title: item.title.clone(),
            weight_g: item.weight_g,
            length_mm: item.length_mm,
            width_mm: item.width_mm,
            height_mm: item.height_mm,
            price: amount(item.price, item.currency),
            currency: item.currency.code().to_owned(),
            tax_rate: item.tax_rate.to_percent().to_string(),
            created_at: item.created_at.to_rfc3339(),
            version: item.version,
        }
    }
}

/// A price on one channel.
#[derive(Serialize, ToSchema)]
pub struct ChannelPrice {
    channel_id: i64,
    price: String,
    currency: String,
}

/// A part of a composite.
#[derive(Serialize, ToSchema)]
pub struct Component {
    item_id: i64,
    sku: String,
    /// Units in one composite.
    quantity: i64,
}

/// An item with everything that its page shows.
#[derive(Serialize, ToSchema)]
pub struct ItemDetail {
    #[serde(flatten)]
    item: Item,
    barcodes: Vec<String>,
    prices: Vec<ChannelPrice>,
    /// What it is made of; empty for an ordinary item.
    components: Vec<Component>,
}

fn shown(tx: &mut Tx<'_>, id: ItemId) -> Result<ItemDetail, Error> {
    let item = items::get(tx, id)?;
    let price = |price: channels::ItemPrice| ChannelPrice {
        channel_id: price.channel_id.0,
        price: amount(price.amount, price.currency),
        currency: price.currency.code().to_owned(),
    };
    let part =
        |part: items::Component| Component { item_id: part.component_id.0, sku: part.sku, quantity: part.quantity };
    Ok(ItemDetail {
        item: Item::from(&item),
        barcodes: items::barcodes(tx, id)?,
        prices: channels::prices_of(tx, id)?.into_iter().map(price).collect(),
        components: items::components_of(tx, &[id])?.into_iter().map(part).collect(),
    })
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListItems {
    /// Only items whose SKU, title or barcodes contain that text of three characters or more.
    #[param(max_length = 100)]
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A text to look for, at most 100 characters.
pub fn needle(text: Option<&String>) -> Result<String, Error> {
    let text = text.cloned().unwrap_or_default();
    if text.chars().count() > 100 {
        return Err(Error::invalid("q", "must have at most 100 characters"));
    }
    Ok(text)
}

/// Items by SKU, 50 a page.
#[utoipa::path(get, path = "/items", tag = "items", params(ListItems), security(("token" = ["view"])),
    responses((status = 200, description = "A page of items.", body = Page<Item>)))]
async fn list(State(app): State<App>, _: View, Search(query): Search<ListItems>) -> Answer<Json<Page<Item>>> {
    let (text, after) = (needle(query.q.as_ref())?, place(query.cursor.as_deref())?.unwrap_or_default());
    let found = app.read(move |tx| items::search(tx, &text, &after)).await?;
    Ok(Json(Page::of(found, 50, |item| item.sku.clone(), |item| Item::from(item))))
}

/// One item.
#[utoipa::path(get, path = "/items/{id}", tag = "items", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The item.", body = ItemDetail)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<ItemDetail>> {
    Ok(Json(app.read(move |tx| shown(tx, ItemId(id))).await?))
}

/// The last 500 things that were done to the item, newest first.
#[utoipa::path(get, path = "/items/{id}/history", tag = "items", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "What was done.", body = Page<HistoryEntry>)))]
async fn log(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<HistoryEntry>>> {
    let entries = app
        .read(move |tx| {
            items::get(tx, ItemId(id))?;
            history::list(tx, "item", id)
        })
        .await?;
    Ok(Json(Page::whole(entries.iter().map(HistoryEntry::from).collect())))
}

/// What an item shall be.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewItem {
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    sku: String,
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    title: String,
    #[serde(default)]
    barcodes: Vec<String>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    weight_g: i64,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    length_mm: i64,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    width_mm: i64,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 10_000_000)]
    height_mm: i64,
    /// Retail price of one: `"12.50"`. `"0"` where it is left out.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    price: Option<String>,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    /// Per cent: `"20"`. `"0"` where it is left out.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    tax_rate: Option<String>,
}

impl NewItem {
    fn form(&self) -> Result<ItemForm, Error> {
        // A form of the pages may leave it open; a program says it, as the document has it.
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(Error::invalid("currency", "must be an ISO 4217 code such as GBP"));
        }
        let currency = Currency::parse(&self.currency).unwrap_or(Currency::UNKNOWN);
        Ok(ItemForm {
            sku: self.sku.clone(),
            title: self.title.clone(),
            barcodes: self.barcodes.iter().take(100).cloned().collect(),
            weight_g: self.weight_g,
            length_mm: self.length_mm,
            width_mm: self.width_mm,
            height_mm: self.height_mm,
            price: self.price.as_ref().map_or(Ok(0), |price| read_amount("price", price, currency))?,
            currency: self.currency.clone(),
            tax_rate: self.tax_rate.as_ref().map_or(Ok(0), |rate| read_rate("tax_rate", rate))?,
        })
    }
}

/// Reads a rate in per cent as millionths.
pub fn read_rate(field: &str, text: &str) -> Result<i64, Error> {
    let percent: Decimal =
        text.trim().parse().map_err(|_| Error::invalid(field, "must be a number of per cent such as \"20\""))?;
    let rate = Rate::from_percent(percent).ok_or_else(|| Error::invalid(field, "must be between 0 and 1,000"))?;
    Ok(rate.0)
}

/// Make an item.
#[utoipa::path(post, path = "/items", tag = "items", security(("token" = ["edit_items"])), request_body = NewItem,
    responses((status = 201, description = "The item.", body = ItemDetail)))]
async fn create(_: EditItems, call: Call, Input(new): Input<NewItem>) -> Answer<Response> {
    let form = new.form()?;
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = items::create(tx, ctx, &form)?;
        shown(tx, id)
    })
    .await
}

/// What an item shall be, if it is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceItem {
    /// The version that was read: an edit that somebody else made since is not overwritten.
    version: i64,
    item: NewItem,
}

/// Replace an item's fields.
#[utoipa::path(put, path = "/items/{id}", tag = "items", params(("id" = i64, Path)), security(("token" = ["edit_items"])),
    request_body = ReplaceItem, responses((status = 200, description = "The item.", body = ItemDetail)))]
async fn replace(_: EditItems, call: Call, Route(id): Route<i64>, Input(new): Input<ReplaceItem>) -> Answer<Response> {
    let form = new.item.form()?;
    call.write(StatusCode::OK, move |tx, ctx| {
        items::edit(tx, ctx, ItemId(id), new.version, &form)?;
        shown(tx, ItemId(id))
    })
    .await
}

/// Delete an item that no order, stock or listing refers to.
#[utoipa::path(delete, path = "/items/{id}", tag = "items", params(("id" = i64, Path)), security(("token" = ["edit_items"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: EditItems, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| items::delete(tx, ctx, ItemId(id))).await
}

/// A price on a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPrice {
    /// None takes the price away.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    price: Option<String>,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
}

/// Set or take away the item's price on a channel.
#[utoipa::path(put, path = "/items/{id}/prices/{channel}", tag = "items", params(("id" = i64, Path), ("channel" = i64, Path)),
    security(("token" = ["edit_items"])), request_body = NewPrice, responses((status = 200, description = "The item.", body = ItemDetail)))]
async fn set_price(
    _: EditItems,
    call: Call,
    Route((id, channel)): Route<(i64, i64)>,
    Input(new): Input<NewPrice>,
) -> Answer<Response> {
    let currency = Currency::parse(&new.currency)
        .filter(|currency| *currency != Currency::UNKNOWN)
        .ok_or_else(|| Error::invalid("currency", "must be an ISO 4217 code such as GBP"))?;
    let price = new.price.as_ref().map(|price| read_amount("price", price, currency)).transpose()?;
    let price = price.map(|amount| Money { amount, currency });
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::set_price(tx, ctx, ItemId(id), ChannelId(channel), price)?;
        shown(tx, ItemId(id))
    })
    .await
}

/// A part of a composite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewComponent {
    item_id: i64,
    #[schema(minimum = 1, maximum = 10_000)]
    quantity: i64,
}

/// What the item is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewComponents {
    /// Empty makes it an ordinary item again.
    #[schema(max_items = 200)]
    components: Vec<NewComponent>,
}

/// Say what the item is made of.
#[utoipa::path(put, path = "/items/{id}/components", tag = "items", params(("id" = i64, Path)), security(("token" = ["edit_items"])),
    request_body = NewComponents, responses((status = 200, description = "The item.", body = ItemDetail)))]
async fn set_components(
    _: EditItems,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewComponents>,
) -> Answer<Response> {
    if new.components.len() > 200 {
        return Err(Error::invalid("components", "must be at most 200").into());
    }
    let parts: Vec<_> = new.components.iter().map(|part| (ItemId(part.item_id), part.quantity)).collect();
    call.write(StatusCode::OK, move |tx, ctx| {
        for (part, _) in &parts {
            items::get(tx, *part)?;
        }
        items::set_components(tx, ctx, ItemId(id), &parts)?;
        shown(tx, ItemId(id))
    })
    .await
}

/// Many new items.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkItems {
    /// 1 to 500 items.
    #[schema(min_items = 1, max_items = 500)]
    items: Vec<NewItem>,
}

/// Make up to 500 items. Each is made, or not, by itself; each result has the new item's id.
#[utoipa::path(post, path = "/items/bulk", tag = "items", security(("token" = ["edit_items"])), request_body = BulkItems,
    responses((status = 200, description = "What came of each.", body = BulkResult)))]
async fn bulk(_: EditItems, call: Call, Input(bulk): Input<BulkItems>) -> Answer<Json<BulkResult>> {
    if bulk.items.is_empty() || bulk.items.len() > 500 {
        return Err(Error::invalid("items", "must be between 1 and 500").into());
    }
    let mut results = Vec::with_capacity(bulk.items.len());
    for (index, new) in bulk.items.into_iter().enumerate() {
        let create = move |tx: &mut Tx<'_>, ctx: &Ctx<'_>| items::create(tx, ctx, &new.form()?);
        let done = call.write_part(index, create).await;
        results.push((done.as_ref().ok().and_then(serde_json::Value::as_i64), done.map(|_| ())));
    }
    Ok(Json(BulkResult::of(results)))
}
