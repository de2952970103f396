//! Stock: levels, who holds them, why they are what they are; set, adjusted, tracked or not.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::stock::{self, Cause};
use consign_oms::{Ctx, Error, items, locations};
use consign_values::{ItemId, LocationId, OrderId};
use serde::{Deserialize, Serialize};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{BulkResult, Call, Input, Page, Route, Search, place};
use super::document::one_of;
use super::items::needle;
use super::orders::named_item;
use crate::App;
use crate::access::{EditStock, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(levels))
        .routes(routes!(set))
        .routes(routes!(adjust))
        .routes(routes!(track))
        .routes(routes!(ledger))
        .routes(routes!(holders))
        .routes(routes!(bulk))
}

/// An item's stock at one location, or summed over all.
#[derive(Serialize, ToSchema)]
pub struct StockRow {
    item_id: i64,
    sku: String,
    title: String,
    /// Physically there.
    on_hand: i64,
    /// Promised to lines of open orders.
    allocated: i64,
    /// Wanted by lines of open, unlocked orders.
    demand: i64,
    /// `on_hand` less `demand`: signed.
    available: i64,
    /// Whether any of the locations looked at keeps figures.
    tracked: bool,
}

/// The stock of one item at one location.
#[derive(Serialize, ToSchema)]
pub struct Level {
    item_id: i64,
    location_id: i64,
    on_hand: i64,
    allocated: i64,
    demand: i64,
    /// `on_hand` less `demand`: signed.
    available: i64,
    /// Whether figures are kept at all.
    tracked: bool,
}

impl From<&stock::Level> for Level {
    fn from(level: &stock::Level) -> Self {
        Level {
            item_id: level.item_id.0,
            location_id: level.location_id.0,
            on_hand: level.on_hand,
            allocated: level.allocated,
            demand: level.demand,
            available: level.available(),
            tracked: level.tracked,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListStock {
    /// At that location; summed over all where it is left out.
    location_id: Option<i64>,
    /// Only items whose SKU, title or barcodes contain that text of three characters or more.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Only items that orders wait for.
    short: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Items with their stock, by SKU, 50 a page.
#[utoipa::path(get, path = "/stock", tag = "stock", params(ListStock), security(("token" = ["view"])),
    responses((status = 200, description = "A page of stock.", body = Page<StockRow>)))]
async fn list(State(app): State<App>, _: View, Search(query): Search<ListStock>) -> Answer<Json<Page<StockRow>>> {
    let (text, after) = (needle(query.q.as_ref())?, place(query.cursor.as_deref())?.unwrap_or_default());
    let (location, short) = (query.location_id.map(LocationId), query.short.unwrap_or(false));
    let found = app.read(move |tx| stock::list(tx, location, &text, short, &after)).await?;
    let show = |row: &stock::LevelView| StockRow {
        item_id: row.item_id.0,
        sku: row.sku.clone(),
        title: row.title.clone(),
        on_hand: row.on_hand,
        allocated: row.allocated,
        demand: row.demand,
        available: row.available(),
        tracked: row.tracked_count > 0,
    };
    Ok(Json(Page::of(found, 50, |row| row.sku.clone(), show)))
}

/// An item's levels at all locations that have one.
#[utoipa::path(get, path = "/stock/{item}", tag = "stock", params(("item" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "Its levels.", body = Page<Level>)))]
async fn levels(State(app): State<App>, _: View, Route(item): Route<i64>) -> Answer<Json<Page<Level>>> {
    let found = app
        .read(move |tx| {
            items::get(tx, ItemId(item))?;
            stock::levels_of(tx, ItemId(item))
        })
        .await?;
    Ok(Json(Page::whole(found.iter().map(Level::from).collect())))
}

fn shown(tx: &mut Tx<'_>, item: i64, location: i64) -> Result<Level, Error> {
    stock::level(tx, ItemId(item), LocationId(location)).map(|level| Level::from(&level))
}

/// How many there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetLevel {
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    on_hand: i64,
    /// Required; cut at 255 characters.
    #[schema(min_length = 1)]
    reason: String,
}

/// Set the level. Where fewer are there than were promised, the least urgent orders lose theirs and wait.
#[utoipa::path(put, path = "/stock/{item}/{location}", tag = "stock", params(("item" = i64, Path), ("location" = i64, Path)),
    security(("token" = ["edit_stock"])), request_body = SetLevel, responses((status = 200, description = "The level.", body = Level)))]
async fn set(
    _: EditStock,
    call: Call,
    Route((item, location)): Route<(i64, i64)>,
    Input(new): Input<SetLevel>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        stock::set_level(tx, ctx, ItemId(item), LocationId(location), new.on_hand, &new.reason)?;
        shown(tx, item, location)
    })
    .await
}

/// How many more or fewer there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Adjust {
    /// Units to add; negative to take off; not 0.
    change: i64,
    /// Required; cut at 255 characters.
    #[schema(min_length = 1)]
    reason: String,
}

/// Add units, or take them off. The level may not go below zero.
#[utoipa::path(post, path = "/stock/{item}/{location}/adjust", tag = "stock", params(("item" = i64, Path), ("location" = i64, Path)),
    security(("token" = ["edit_stock"])), request_body = Adjust, responses((status = 200, description = "The level.", body = Level)))]
async fn adjust(
    _: EditStock,
    call: Call,
    Route((item, location)): Route<(i64, i64)>,
    Input(new): Input<Adjust>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        stock::adjust(tx, ctx, ItemId(item), LocationId(location), new.change, &new.reason)?;
        shown(tx, item, location)
    })
    .await
}

/// Whether figures are kept.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Track {
    tracked: bool,
}

/// Begin or cease to keep figures of an item at a location.
#[utoipa::path(put, path = "/stock/{item}/{location}/tracked", tag = "stock", params(("item" = i64, Path), ("location" = i64, Path)),
    security(("token" = ["edit_stock"])), request_body = Track, responses((status = 200, description = "The level.", body = Level)))]
async fn track(
    _: EditStock,
    call: Call,
    Route((item, location)): Route<(i64, i64)>,
    Input(new): Input<Track>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        stock::set_tracked(tx, ctx, ItemId(item), LocationId(location), new.tracked)?;
        shown(tx, item, location)
    })
    .await
}

fn causes() -> Object {
    one_of(Cause::ALL.iter().map(|cause| cause.as_str()))
}

/// One change of a level.
#[derive(Serialize, ToSchema)]
pub struct LedgerEntry {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    #[schema(schema_with = causes)]
    cause: &'static str,
    on_hand_change: i64,
    allocated_change: i64,
    demand_change: i64,
    /// Figures after it.
    on_hand: i64,
    allocated: i64,
    demand: i64,
    #[schema(required)]
    order_id: Option<i64>,
    /// Who did it: `user 3`, `token 2`, `channel 1`, `system`.
    actor: String,
    reason: String,
}

/// Why is it 47? The last 200 changes of the level, newest first, each with the figures after it.
#[utoipa::path(get, path = "/stock/{item}/{location}/ledger", tag = "stock", params(("item" = i64, Path), ("location" = i64, Path)),
    security(("token" = ["view"])), responses((status = 200, description = "The ledger.", body = Page<LedgerEntry>)))]
async fn ledger(
    State(app): State<App>,
    _: View,
    Route((item, location)): Route<(i64, i64)>,
) -> Answer<Json<Page<LedgerEntry>>> {
    let entries = app
        .read(move |tx| {
            items::get(tx, ItemId(item))?;
            locations::get(tx, LocationId(location))?;
            let mut shown = Vec::new();
            for line in stock::ledger(tx, ItemId(item), LocationId(location))? {
                shown.push(LedgerEntry {
                    id: line.entry.id.0,
                    at: line.entry.at.to_rfc3339(),
                    cause: line.entry.cause.as_str(),
                    on_hand_change: line.entry.on_hand_change,
                    allocated_change: line.entry.allocated_change,
                    demand_change: line.entry.demand_change,
                    on_hand: line.on_hand,
                    allocated: line.allocated,
                    demand: line.demand,
                    order_id: line.entry.order_id.map(|OrderId(id)| id),
                    actor: line.entry.actor,
                    reason: line.entry.reason,
                });
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(Page::whole(entries)))
}

/// An order that holds or wants an item.
#[derive(Serialize, ToSchema)]
pub struct Holder {
    order_id: i64,
    reference: String,
    source: String,
    sub_source: String,
    parked: bool,
    /// Units wanted.
    quantity: i64,
    /// Units held.
    allocated: i64,
}

/// Up to 200 orders that hold or want the item at the location, the most urgent first.
#[utoipa::path(get, path = "/stock/{item}/{location}/orders", tag = "stock", params(("item" = i64, Path), ("location" = i64, Path)),
    security(("token" = ["view"])), responses((status = 200, description = "The orders.", body = Page<Holder>)))]
async fn holders(
    State(app): State<App>,
    _: View,
    Route((item, location)): Route<(i64, i64)>,
) -> Answer<Json<Page<Holder>>> {
    let found = app
        .read(move |tx| {
            items::get(tx, ItemId(item))?;
            locations::get(tx, LocationId(location))?;
            stock::holders(tx, ItemId(item), LocationId(location))
        })
        .await?;
    let show = |holder: stock::Holder| Holder {
        order_id: holder.order_id.0,
        reference: holder.reference,
        source: holder.source,
        sub_source: holder.sub_source,
        parked: holder.parked,
        quantity: holder.quantity,
        allocated: holder.allocated,
    };
    Ok(Json(Page::whole(found.into_iter().map(show).collect())))
}

/// One level to change: set, or adjusted.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkLevel {
    item_id: Option<i64>,
    /// Instead of the id.
    sku: Option<String>,
    location_id: i64,
    /// Set it to this.
    on_hand: Option<i64>,
    /// Or add this, negative to take off.
    change: Option<i64>,
    /// Required; cut at 255 characters.
    reason: String,
}

/// Many levels to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkLevels {
    /// 1 to 500 levels.
    #[schema(min_items = 1, max_items = 500)]
    levels: Vec<BulkLevel>,
}

fn change(tx: &mut Tx<'_>, ctx: &Ctx<'_>, new: &BulkLevel) -> Result<i64, Error> {
    let item = named_item(tx, new.item_id, new.sku.as_deref())?;
    let location = LocationId(new.location_id);
    match (new.on_hand, new.change) {
        (Some(on_hand), None) => stock::set_level(tx, ctx, item, location, on_hand, &new.reason)?,
        (None, Some(by)) => stock::adjust(tx, ctx, item, location, by, &new.reason)?,
        _ => return Err(Error::invalid("on_hand", "or change must be given, and not both")),
    };
    Ok(item.0)
}

/// Set or adjust up to 500 levels. Each is changed, or not, by itself; each result has the item's id.
#[utoipa::path(post, path = "/stock/bulk", tag = "stock", security(("token" = ["edit_stock"])), request_body = BulkLevels,
    responses((status = 200, description = "What came of each.", body = BulkResult)))]
async fn bulk(_: EditStock, call: Call, Input(bulk): Input<BulkLevels>) -> Answer<Json<BulkResult>> {
    if bulk.levels.is_empty() || bulk.levels.len() > 500 {
        return Err(Error::invalid("levels", "must be between 1 and 500").into());
    }
    let mut results = Vec::with_capacity(bulk.levels.len());
    for (index, new) in bulk.levels.into_iter().enumerate() {
        let done = call.write_part(index, move |tx, ctx| change(tx, ctx, &new)).await;
        results.push((done.as_ref().ok().and_then(serde_json::Value::as_i64), done.map(|_| ())));
    }
    Ok(Json(BulkResult::of(results)))
}
