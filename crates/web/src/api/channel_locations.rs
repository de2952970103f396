//! The warehouses of a channel: where their orders land, whose stock each is told.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::channels::{self, ChannelLocationForm, SeveralLocations};
use consign_values::{ChannelId, LocationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Route};
use super::document::one_of;
use crate::App;
use crate::access::{ManageChannels, View};
use crate::channels::ask_locations;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, set)).routes(routes!(read))
}

fn several() -> Object {
    one_of(SeveralLocations::ALL.iter().map(|one| one.as_str()))
}

/// A warehouse of the channel.
#[derive(Serialize, ToSchema)]
struct ChannelLocation {
    /// The channel's id of it.
    code: String,
    name: String,
    /// Where its orders land; none: where the channel's do.
    #[schema(required)]
    download_location_id: Option<i64>,
    /// Its stock is told. As soon as that holds for one, the channel is told by warehouse.
    push_stock: bool,
    /// Whose stock is summed for it; none named means all locations.
    stock_location_ids: Vec<i64>,
}

/// The warehouses of a channel.
#[derive(Serialize, ToSchema)]
struct ChannelLocations {
    /// What becomes of an order that names several of them: it is `split`, or goes as a whole where `most` of its units come from, or
    /// to the channel's `download` location.
    #[schema(schema_with = several)]
    several: &'static str,
    locations: Vec<ChannelLocation>,
}

fn shown(tx: &mut Tx<'_>, id: ChannelId) -> Result<ChannelLocations, Error> {
    let channel = channels::get(tx, id)?;
    let stock = channels::channel_location_stock(tx, id)?;
    let all = channels::channel_locations(tx, id)?;
    let show = |one: channels::ChannelLocation| ChannelLocation {
        stock_location_ids: stock.iter().filter(|(code, _)| *code == one.code).map(|(_, id)| id.0).collect(),
        code: one.code,
        name: one.name,
        download_location_id: one.download_location_id.map(|id| id.0),
        push_stock: one.push_stock,
    };
    Ok(ChannelLocations { several: channel.several_locations.as_str(), locations: all.into_iter().map(show).collect() })
}

/// The warehouses of a channel, and how they are mapped.
#[utoipa::path(get, path = "/channels/{id}/locations", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The warehouses.", body = ChannelLocations)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<ChannelLocations>> {
    Ok(Json(app.read(move |tx| shown(tx, ChannelId(id))).await?))
}

/// How a warehouse is to be mapped.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMapping {
    /// Which: one that the channel has named.
    code: String,
    /// Where its orders land; none: where the channel's do.
    download_location_id: Option<i64>,
    /// Its stock is told.
    push_stock: bool,
    /// Whose stock is summed for it; none named means all locations.
    #[serde(default)]
    #[schema(max_items = 1000)]
    stock_location_ids: Vec<i64>,
}

/// How warehouses are to be mapped; those that are not named stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMappings {
    /// What becomes of an order that names several: `split`, `most` or `download`.
    #[schema(schema_with = several)]
    several: String,
    #[schema(max_items = 500)]
    locations: Vec<NewMapping>,
}

/// Map the warehouses of a channel; it applies to orders downloaded later.
#[utoipa::path(put, path = "/channels/{id}/locations", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = NewMappings, responses((status = 200, description = "The warehouses.", body = ChannelLocations)))]
async fn set(_: ManageChannels, call: Call, Route(id): Route<i64>, Input(new): Input<NewMappings>) -> Answer<Response> {
    let several = SeveralLocations::parse(&new.several);
    let several = several.ok_or_else(|| Error::invalid("several", "must be split, most or download"))?;
    if new.locations.len() > 500 || new.locations.iter().any(|one| one.stock_location_ids.len() > 1_000) {
        return Err(Error::invalid("locations", "must be at most 500, each with at most 1,000 stock locations").into());
    }
    call.write(StatusCode::OK, move |tx, ctx| {
        let form = |one: &NewMapping| ChannelLocationForm {
            code: one.code.clone(),
            download_location_id: one.download_location_id.map(LocationId),
            push_stock: one.push_stock,
            stock_location_ids: one.stock_location_ids.iter().copied().map(LocationId).collect(),
        };
        let forms: Vec<_> = new.locations.iter().map(form).collect();
        channels::set_channel_locations(tx, ctx, ChannelId(id), several, &forms)?;
        shown(tx, ChannelId(id))
    })
    .await
}

/// Ask the channel what its warehouses are, and note those that are new.
#[utoipa::path(post, path = "/channels/{id}/locations/read", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The warehouses.", body = ChannelLocations)))]
async fn read(State(app): State<App>, _: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    let found = ask_locations(&app, ChannelId(id)).await?;
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::record_locations(tx, ctx, ChannelId(id), &found)?;
        shown(tx, ChannelId(id))
    })
    .await
}
