//! Being told at once by a channel: how that goes, and its switch.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::channels;
use consign_oms::{Error, Refusal};
use consign_values::{ChannelId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Route};
use crate::App;
use crate::access::{ManageChannels, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, set))
}

/// How it goes that a channel calls us when an order changes. Its address and secret are never shown.
#[derive(Serialize, ToSchema)]
struct ChannelHook {
    /// Switched on.
    wanted: bool,
    /// The platform was last seen to have it then; none: not yet, or no longer.
    #[schema(required, format = DateTime)]
    registered_at: Option<String>,
    last_error: String,
    /// The last call.
    #[schema(required, format = DateTime)]
    delivered_at: Option<String>,
    delivery_count: i64,
    /// Calls to the right address with a wrong signature.
    refused_count: i64,
}

fn shown(tx: &mut Tx<'_>, id: ChannelId) -> Result<ChannelHook, Error> {
    channels::get(tx, id)?;
    let hook = channels::hook(tx, id)?;
    let hook = hook.as_ref();
    Ok(ChannelHook {
        wanted: hook.is_some_and(|hook| hook.wanted),
        registered_at: hook.and_then(|hook| hook.registered_at).map(Timestamp::to_rfc3339),
        last_error: hook.map_or_else(String::new, |hook| hook.last_error.clone()),
        delivered_at: hook.and_then(|hook| hook.delivered_at).map(Timestamp::to_rfc3339),
        delivery_count: hook.map_or(0, |hook| hook.delivery_count),
        refused_count: hook.map_or(0, |hook| hook.refused_count),
    })
}

/// Whether the channel tells at once which orders changed, and how that goes.
#[utoipa::path(get, path = "/channels/{id}/hook", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "How it goes.", body = ChannelHook)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<ChannelHook>> {
    Ok(Json(app.read(move |tx| shown(tx, ChannelId(id))).await?))
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HookSwitch {
    wanted: bool,
}

/// Have the channel tell at once which orders changed, or no longer. Needs `public_url` in the configuration, and a kind whose
/// platform can.
#[utoipa::path(put, path = "/channels/{id}/hook", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = HookSwitch, responses((status = 200, description = "How it goes.", body = ChannelHook)))]
async fn set(
    State(app): State<App>,
    _: ManageChannels,
    call: Call,
    Route(id): Route<i64>,
    Input(to): Input<HookSwitch>,
) -> Answer<Response> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let refused = |why: &str| Error::from(Refusal::ChannelCannotRun(why.to_owned()));
    if to.wanted && app.kind(&channel.kind)?.hooks().is_none() {
        return Err(refused("this kind of channel can't tell at once").into());
    }
    if to.wanted && app.public_url.is_none() {
        return Err(refused("public_url is not set in the configuration").into());
    }
    let keys = app.keys.clone();
    call.write(StatusCode::OK, move |tx, ctx| {
        channels::set_hook(tx, ctx, &keys, ChannelId(id), to.wanted)?;
        shown(tx, ChannelId(id))
    })
    .await
}
