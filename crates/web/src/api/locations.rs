//! Locations: listed, made, edited, deleted, made the default.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::locations::{self, LocationForm};
use consign_values::LocationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use crate::App;
use crate::access::{ManageLocations, View};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(make_default))
}

/// A place that holds stock and fulfils orders.
#[derive(Serialize, ToSchema)]
pub struct Location {
    id: i64,
    name: String,
    /// Whether processing may take a level below zero here. Allocation never does.
    allow_negative: bool,
    /// Somebody else's warehouse: orders there are held until it answers, and its stock comes from its feed alone.
    fulfilment_centre: bool,
    /// Orders at the centre count against stock until it acknowledges them; else its feed is net of orders from the start.
    count_until_acknowledged: bool,
    /// Processing takes units off, and orders count until then; else the feed shows that they have gone.
    deduct_when_processed: bool,
    /// New orders of channels without a download location of their own land here.
    default: bool,
    #[schema(format = DateTime)]
    created_at: String,
}

fn show(location: &locations::Location, default: LocationId) -> Location {
    Location {
        id: location.id.0,
        name: location.name.clone(),
        allow_negative: location.allow_negative,
        fulfilment_centre: location.fulfilment_centre,
        count_until_acknowledged: location.count_until_acknowledged,
        deduct_when_processed: location.deduct_when_processed,
        default: location.id == default,
        created_at: location.created_at.to_rfc3339(),
    }
}

fn shown(tx: &mut Tx<'_>, id: LocationId) -> Result<Location, Error> {
    let location = locations::get(tx, id)?;
    Ok(show(&location, locations::default(tx)?))
}

/// All locations by name, at most 1,000.
#[utoipa::path(get, path = "/locations", tag = "locations", security(("token" = ["view"])),
    responses((status = 200, description = "The locations.", body = Page<Location>)))]
async fn list(State(app): State<App>, _: View) -> Answer<Json<Page<Location>>> {
    let (all, default) = app.read(|tx| Ok((locations::list(tx)?, locations::default(tx)?))).await?;
    Ok(Json(Page::whole(all.iter().map(|location| show(location, default)).collect())))
}

/// One location.
#[utoipa::path(get, path = "/locations/{id}", tag = "locations", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The location.", body = Location)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Location>> {
    Ok(Json(app.read(move |tx| shown(tx, LocationId(id))).await?))
}

/// What a location shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLocation {
    /// Unique; 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[serde(default)]
    allow_negative: bool,
    /// Can change only while no open orders are there; so can the two that follow.
    #[serde(default)]
    fulfilment_centre: bool,
    /// For fulfilment centres only.
    #[serde(default)]
    count_until_acknowledged: bool,
    /// Only together with `count_until_acknowledged`.
    #[serde(default)]
    deduct_when_processed: bool,
}

impl NewLocation {
    fn form(&self) -> LocationForm {
        LocationForm {
            name: self.name.clone(),
            allow_negative: self.allow_negative,
            fulfilment_centre: self.fulfilment_centre,
            count_until_acknowledged: self.count_until_acknowledged,
            deduct_when_processed: self.deduct_when_processed,
        }
    }
}

/// Make a location.
#[utoipa::path(post, path = "/locations", tag = "locations", security(("token" = ["manage_locations"])), request_body = NewLocation,
    responses((status = 201, description = "The location.", body = Location)))]
async fn create(_: ManageLocations, call: Call, Input(new): Input<NewLocation>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = locations::create(tx, ctx, &new.form())?;
        shown(tx, id)
    })
    .await
}

/// Replace a location's name and settings.
#[utoipa::path(put, path = "/locations/{id}", tag = "locations", params(("id" = i64, Path)), security(("token" = ["manage_locations"])),
    request_body = NewLocation, responses((status = 200, description = "The location.", body = Location)))]
async fn replace(
    _: ManageLocations,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewLocation>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        locations::edit(tx, ctx, LocationId(id), &new.form())?;
        shown(tx, LocationId(id))
    })
    .await
}

/// Delete a location that nothing refers to.
#[utoipa::path(delete, path = "/locations/{id}", tag = "locations", params(("id" = i64, Path)), security(("token" = ["manage_locations"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: ManageLocations, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| locations::delete(tx, ctx, LocationId(id))).await
}

/// Make it the default location.
#[utoipa::path(post, path = "/locations/{id}/default", tag = "locations", params(("id" = i64, Path)), security(("token" = ["manage_locations"])),
    responses((status = 200, description = "The location.", body = Location)))]
async fn make_default(_: ManageLocations, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        locations::set_default(tx, ctx, LocationId(id))?;
        shown(tx, LocationId(id))
    })
    .await
}
