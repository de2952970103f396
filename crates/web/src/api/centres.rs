//! What a program between Consign and a fulfilment centre needs: the centre's answers to orders, and its feed of stock.

use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use consign_oms::orders::{self, CentreAnswer, CentreStatus};
use consign_oms::{Error, stock};
use consign_values::{LocationId, OrderId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{BulkResult, Call, Input, Route};
use super::document::one_of;
use super::orders::{Order, named_item, shown};
use crate::App;
use crate::access::{EditStock, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(answer)).routes(routes!(feed))
}

fn statuses() -> Object {
    one_of(CentreStatus::ALL.iter().map(|status| status.as_str()))
}

/// What a fulfilment centre says of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAnswer {
    /// `shipped` and `complete` process the order and tell its channel; `cancelled` gives it back; `error` notes the text.
    #[schema(schema_with = statuses)]
    status: String,
    /// In its words; required with `error`. Cut at 255 characters.
    #[serde(default)]
    text: String,
    /// Blank leaves what the order says; so do the two that follow.
    #[serde(default)]
    carrier: String,
    #[serde(default)]
    service: String,
    #[serde(default)]
    tracking_number: String,
}

/// Record the answer of the fulfilment centre that has the order.
#[utoipa::path(post, path = "/orders/{id}/centre", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = NewAnswer, responses((status = 200, description = "The order.", body = Order)))]
async fn answer(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(new): Input<NewAnswer>) -> Answer<Response> {
    let status = CentreStatus::ALL.iter().copied().find(|status| status.as_str() == new.status);
    let status = status
        .ok_or_else(|| Error::invalid("status", "must be acknowledged, shipped, complete, cancelled or error"))?;
    let answer = CentreAnswer {
        status,
        text: new.text,
        carrier: new.carrier,
        service: new.service,
        tracking_number: new.tracking_number,
    };
    call.write(StatusCode::OK, move |tx, ctx| {
        orders::centre_answered(tx, ctx, OrderId(id), &answer)?;
        shown(tx, OrderId(id))
    })
    .await
}

/// How many of an item the centre has.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FedLevel {
    item_id: Option<i64>,
    /// Instead of the id.
    sku: Option<String>,
    #[schema(minimum = 0, maximum = 1_000_000_000)]
    on_hand: i64,
}

/// What the centre has.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Feed {
    /// 1 to 500 levels.
    #[schema(min_items = 1, max_items = 500)]
    levels: Vec<FedLevel>,
    /// Kept with each change: the name of the file, say. `feed` where it is left out.
    #[serde(default)]
    reason: String,
}

/// Take the stock feed of a fulfilment centre. Each level is taken, or not, by itself; each result has the item's id.
#[utoipa::path(post, path = "/locations/{id}/feed", tag = "locations", params(("id" = i64, Path)), security(("token" = ["edit_stock"])),
    request_body = Feed, responses((status = 200, description = "What came of each.", body = BulkResult)))]
async fn feed(_: EditStock, call: Call, Route(id): Route<i64>, Input(feed): Input<Feed>) -> Answer<Json<BulkResult>> {
    if feed.levels.is_empty() || feed.levels.len() > 500 {
        return Err(Error::invalid("levels", "must be between 1 and 500").into());
    }
    let reason = if feed.reason.trim().is_empty() { "feed".to_owned() } else { feed.reason };
    let mut results = Vec::with_capacity(feed.levels.len());
    for (index, level) in feed.levels.into_iter().enumerate() {
        let reason = reason.clone();
        let taken = call
            .write_part(index, move |tx, ctx| {
                let item = named_item(tx, level.item_id, level.sku.as_deref())?;
                stock::feed(tx, ctx, item, LocationId(id), level.on_hand, &reason)?;
                Ok(item.0)
            })
            .await;
        results.push((taken.as_ref().ok().and_then(serde_json::Value::as_i64), taken.map(|_| ())));
    }
    Ok(Json(BulkResult::of(results)))
}
