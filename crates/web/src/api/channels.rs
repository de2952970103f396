//! Channels: how each goes, its settings, switched on and off, tested, told to download now; its listings. Adding one
//! and what its statuses mean is in `channel_set_up.rs`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::channels::{self, ChannelSettings};
use consign_oms::{Error, Refusal, jobs, locations, orders};
use consign_values::{ChannelId, LocationId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route, Search, place};
use super::orders::named_item;
use crate::App;
use crate::access::{ManageChannels, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(set))
        .routes(routes!(test))
        .routes(routes!(sync))
        .routes(routes!(switch))
        .routes(routes!(resume))
        .routes(routes!(listings))
        .routes(routes!(link))
}

/// A channel instance and how it goes.
#[derive(Serialize, ToSchema)]
pub struct Channel {
    id: i64,
    /// Code of its kind.
    kind: String,
    /// Source of its orders.
    source: String,
    /// Its account: sub-source of its orders.
    name: String,
    enabled: bool,
    /// Set-up is finished.
    ready: bool,
    /// Why it can't run although enabled; blank if it can.
    paused_because: String,
    /// End of the last complete download.
    #[schema(required, format = DateTime)]
    downloaded_at: Option<String>,
    /// Failed calls in a row.
    failures: i64,
    last_error: String,
    /// Payloads that could not be understood.
    rejected_count: i64,
    /// Orders that the channel has in the wanted statuses, when both sides were last compared.
    #[schema(required)]
    channel_count: Option<i64>,
    /// Those of them that are here.
    #[schema(required)]
    our_count: Option<i64>,
}

/// A channel's settings.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Its account name, unique for its kind.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Where its orders land; a change touches only later downloads.
    download_location_id: i64,
    /// Unpaid orders are taken, too.
    download_unpaid: bool,
    /// Unlinked listings are linked to the item of the same SKU.
    link_by_sku: bool,
    send_despatches: bool,
    send_cancellations: bool,
    push_stock: bool,
    push_prices: bool,
    /// Locations whose stock is summed; empty means all.
    #[schema(max_items = 1000)]
    stock_location_ids: Vec<i64>,
    /// Shows at most so many.
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    max_listed: Option<i64>,
    /// Shows none at or below this.
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    end_when: i64,
    /// Shows that part, per cent.
    #[schema(minimum = 1, maximum = 100)]
    stock_percent: i64,
    /// Between two downloads.
    #[schema(minimum = 1, maximum = 86_400)]
    interval_seconds: i64,
}

/// A channel with its settings.
#[derive(Serialize, ToSchema)]
pub struct ChannelDetail {
    #[serde(flatten)]
    channel: Channel,
    settings: Settings,
    /// Counts up with each edit.
    version: i64,
}

fn show(tx: &mut Tx<'_>, channel: &channels::Channel) -> Result<Channel, Error> {
    let health = channels::health(tx, channel.id)?;
    Ok(Channel {
        id: channel.id.0,
        kind: channel.kind.clone(),
        source: channel.source.clone(),
        name: channel.name.clone(),
        enabled: channel.enabled,
        ready: channel.ready,
        paused_because: channel.paused_because.clone(),
        downloaded_at: health.downloaded_at.map(Timestamp::to_rfc3339),
        failures: health.failures,
        last_error: health.last_error,
        rejected_count: channels::rejected_count(tx, channel.id)?,
        channel_count: health.channel_count,
        our_count: health.our_count,
    })
}

/// A channel with its settings.
pub fn detail(tx: &mut Tx<'_>, id: ChannelId) -> Result<ChannelDetail, Error> {
    let channel = channels::get(tx, id)?;
    let places = channels::stock_locations(tx, id)?;
    Ok(ChannelDetail {
        channel: show(tx, &channel)?,
        settings: Settings {
            name: channel.name.clone(),
            download_location_id: channel.download_location_id.0,
            download_unpaid: channel.download_unpaid,
            link_by_sku: channel.link_by_sku,
            send_despatches: channel.send_despatches,
            send_cancellations: channel.send_cancellations,
            push_stock: channel.push_stock,
            push_prices: channel.push_prices,
            stock_location_ids: places.iter().map(|id| id.0).collect(),
            max_listed: channel.max_listed,
            end_when: channel.end_when,
            stock_percent: channel.stock_percent,
            interval_seconds: channel.interval_seconds,
        },
        version: channel.version,
    })
}

/// All channels by name, at most 500, and how each goes.
#[utoipa::path(get, path = "/channels", tag = "channels", security(("token" = ["view"])),
    responses((status = 200, description = "The channels.", body = Page<Channel>)))]
async fn list(State(app): State<App>, _: View) -> Answer<Json<Page<Channel>>> {
    let found = app
        .read(|tx| {
            let mut shown = Vec::new();
            for channel in channels::list(tx)? {
                shown.push(show(tx, &channel)?);
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(Page::whole(found)))
}

/// One channel with its settings.
#[utoipa::path(get, path = "/channels/{id}", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The channel.", body = ChannelDetail)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<ChannelDetail>> {
    Ok(Json(app.read(move |tx| detail(tx, ChannelId(id))).await?))
}

/// A channel's settings, if it is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSettings {
    /// The version that was read.
    version: i64,
    settings: Settings,
}

/// Replace a channel's settings.
#[utoipa::path(put, path = "/channels/{id}/settings", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = NewSettings, responses((status = 200, description = "The channel.", body = ChannelDetail)))]
async fn set(_: ManageChannels, call: Call, Route(id): Route<i64>, Input(new): Input<NewSettings>) -> Answer<Response> {
    let id = ChannelId(id);
    let NewSettings { version, settings } = new;
    if settings.stock_location_ids.len() > 1_000 {
        return Err(Error::invalid("settings.stock_location_ids", "must be at most 1,000").into());
    }
    let places: Vec<LocationId> = settings.stock_location_ids.iter().copied().map(LocationId).collect();
    let form = ChannelSettings {
        name: settings.name,
        download_location_id: LocationId(settings.download_location_id),
        download_unpaid: settings.download_unpaid,
        link_by_sku: settings.link_by_sku,
        send_despatches: settings.send_despatches,
        send_cancellations: settings.send_cancellations,
        push_stock: settings.push_stock,
        push_prices: settings.push_prices,
        max_listed: settings.max_listed,
        end_when: settings.end_when,
        stock_percent: settings.stock_percent,
        interval_seconds: settings.interval_seconds,
    };
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::edit(tx, ctx, id, version, &form)?;
        if channels::stock_locations(tx, id)? != places {
            for place in &places {
                locations::get(tx, *place)?;
            }
            channels::set_stock_locations(tx, ctx, id, &places)?;
        }
        detail(tx, id)
    })
    .await
}

/// What the channel said.
#[derive(Serialize, ToSchema)]
pub struct Tested {
    /// A sentence for people.
    said: String,
}

/// Call the channel with the stored credentials.
#[utoipa::path(post, path = "/channels/{id}/test", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "It answered.", body = Tested)))]
async fn test(State(app): State<App>, _: ManageChannels, Route(id): Route<i64>) -> Answer<Json<Tested>> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let kind = app.kind(&channel.kind)?;
    let remote = |error: consign_ports::PortError| Error::from(Refusal::ChannelCannotRun(error.to_string()));
    let opened = app.keys.open(channel.id, &channel.connection);
    let connection = opened.map_err(|error| Error::from(Refusal::ChannelCannotRun(error.to_string())))?;
    let said = kind.connect(&connection).map_err(remote)?.test().await.map_err(remote)?;
    Ok(Json(Tested { said }))
}

/// Download now, or as soon as the download under way has ended. The channel must be on.
#[utoipa::path(post, path = "/channels/{id}/sync", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The channel; its download is due.", body = ChannelDetail)))]
async fn sync(_: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let channel = channels::get(tx, ChannelId(id))?;
        if !channel.enabled || !jobs::wake(tx, ctx, &format!("download {id}"))? {
            return Err(Refusal::ChannelCannotRun("it is switched off".to_owned()).into());
        }
        detail(tx, ChannelId(id))
    })
    .await
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: bool,
}

/// Switch a channel on or off.
#[utoipa::path(put, path = "/channels/{id}/enabled", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = Switch, responses((status = 200, description = "The channel.", body = ChannelDetail)))]
async fn switch(
    State(app): State<App>,
    _: ManageChannels,
    call: Call,
    Route(id): Route<i64>,
    Input(to): Input<Switch>,
) -> Answer<Response> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let capabilities = app.kind(&channel.kind)?.capabilities();
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::enable(tx, ctx, ChannelId(id), capabilities, to.enabled)?;
        detail(tx, ChannelId(id))
    })
    .await
}

/// Let a channel that paused itself run again.
#[utoipa::path(post, path = "/channels/{id}/resume", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The channel.", body = ChannelDetail)))]
async fn resume(_: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::resume(tx, ctx, ChannelId(id))?;
        detail(tx, ChannelId(id))
    })
    .await
}

/// What a channel lists, and which item it is.
#[derive(Serialize, ToSchema)]
pub struct Listing {
    id: i64,
    channel_sku: String,
    title: String,
    /// The channel's id of it.
    channel_reference: String,
    #[schema(required)]
    item_id: Option<i64>,
    /// No stock is pushed.
    ignore_stock: bool,
    /// The figure that the channel was told last.
    #[schema(required)]
    submitted: Option<i64>,
    #[schema(required, format = DateTime)]
    submitted_at: Option<String>,
    last_error: String,
    /// The channel no longer has it.
    gone: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListListings {
    /// Only those without an item.
    unlinked: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What a channel lists, by its SKU there, 50 a page.
#[utoipa::path(get, path = "/channels/{id}/listings", tag = "listings", params(("id" = i64, Path), ListListings), security(("token" = ["view"])),
    responses((status = 200, description = "A page of listings.", body = Page<Listing>)))]
async fn listings(
    State(app): State<App>,
    _: View,
    Route(id): Route<i64>,
    Search(query): Search<ListListings>,
) -> Answer<Json<Page<Listing>>> {
    let after = place(query.cursor.as_deref())?.unwrap_or_default();
    let unlinked = query.unlinked.unwrap_or(false);
    let found = app
        .read(move |tx| {
            channels::get(tx, ChannelId(id))?;
            channels::list_listings(tx, ChannelId(id), unlinked, &after)
        })
        .await?;
    let show = |listing: &channels::Listing| Listing {
        id: listing.id.0,
        channel_sku: listing.channel_sku.clone(),
        title: listing.title.clone(),
        channel_reference: listing.channel_reference.clone(),
        item_id: listing.item_id.map(|id| id.0),
        ignore_stock: listing.ignore_stock,
        submitted: listing.submitted,
        submitted_at: listing.submitted_at.map(Timestamp::to_rfc3339),
        last_error: listing.last_error.clone(),
        gone: listing.gone,
    };
    Ok(Json(Page::of(found, 50, |listing| listing.channel_sku.clone(), show)))
}

/// Which item a SKU of the channel is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLink {
    /// SKU on the channel.
    #[schema(min_length = 1)]
    channel_sku: String,
    item_id: Option<i64>,
    /// Our SKU, instead of the id.
    sku: Option<String>,
}

/// What was linked.
#[derive(Serialize, ToSchema)]
pub struct Linked {
    item_id: i64,
    /// Lines of waiting orders that were linked with it.
    lines: usize,
}

/// Link a SKU of the channel to an item, and the lines of all orders that wait for it.
#[utoipa::path(post, path = "/channels/{id}/listings/link", tag = "listings", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = NewLink, responses((status = 200, description = "It is linked.", body = Linked)))]
async fn link(_: ManageChannels, call: Call, Route(id): Route<i64>, Input(new): Input<NewLink>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::get(tx, ChannelId(id))?;
        let item = named_item(tx, new.item_id, new.sku.as_deref())?;
        channels::link_listing(tx, ctx, ChannelId(id), &new.channel_sku, item)?;
        let lines = orders::link_waiting(tx, ctx, ChannelId(id), &new.channel_sku, item)?;
        Ok(Linked { item_id: item.0, lines })
    })
    .await
}
