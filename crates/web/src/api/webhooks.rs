//! Webhooks: listed, made, edited, tried out, deleted; their deliveries, and sending one again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::webhooks::{self, DeliveryState, EventKind, WebhookForm};
use consign_values::{Timestamp, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Array, Object};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use crate::App;
use crate::access::ManageSettings;
use crate::problem::Answer;
use crate::webhooks::check_address;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(ping))
        .routes(routes!(deliveries))
        .routes(routes!(redeliver))
}

fn kind() -> Object {
    one_of(EventKind::ALL.iter().map(|kind| kind.as_str()))
}
fn kinds() -> Array {
    ArrayBuilder::new().items(kind()).min_items(Some(1)).max_items(Some(EventKind::ALL.len())).build()
}
fn states() -> Object {
    one_of(DeliveryState::ALL.iter().map(|state| state.as_str()))
}

/// An address that is told what happens.
#[derive(Serialize, ToSchema)]
pub struct Webhook {
    id: i64,
    name: String,
    url: String,
    #[schema(schema_with = kinds)]
    kinds: Vec<&'static str>,
    /// Off, nothing is noted for it and nothing is sent.
    active: bool,
    #[schema(format = DateTime)]
    created_at: String,
    /// Counts up with each edit.
    version: i64,
}

impl From<&webhooks::Webhook> for Webhook {
    fn from(hook: &webhooks::Webhook) -> Self {
        Webhook {
            id: hook.id.0,
            name: hook.name.clone(),
            url: hook.url.clone(),
            kinds: hook.kinds().map(EventKind::as_str).collect(),
            active: hook.active,
            created_at: hook.created_at.to_rfc3339(),
            version: hook.version,
        }
    }
}

/// A new webhook with its secret.
#[derive(Serialize, ToSchema)]
pub struct MadeWebhook {
    #[serde(flatten)]
    webhook: Webhook,
    /// What its deliveries are signed with: shown this once.
    secret: String,
}

fn shown(tx: &mut Tx<'_>, id: WebhookId) -> Result<Webhook, Error> {
    webhooks::get(tx, id).map(|hook| Webhook::from(&hook))
}

/// All webhooks by name.
#[utoipa::path(get, path = "/webhooks", tag = "webhooks", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The webhooks.", body = Page<Webhook>)))]
async fn list(State(app): State<App>, _: ManageSettings) -> Answer<Json<Page<Webhook>>> {
    let all = app.read(webhooks::list).await?;
    Ok(Json(Page::whole(all.iter().map(Webhook::from).collect())))
}

/// One webhook.
#[utoipa::path(get, path = "/webhooks/{id}", tag = "webhooks", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The webhook.", body = Webhook)))]
async fn get(State(app): State<App>, _: ManageSettings, Route(id): Route<i64>) -> Answer<Json<Webhook>> {
    Ok(Json(app.read(move |tx| shown(tx, WebhookId(id))).await?))
}

/// What a webhook shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewWebhook {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Where it is: http or https, in a network that channels may live in.
    #[schema(max_length = 2000)]
    url: String,
    #[schema(schema_with = kinds)]
    kinds: Vec<String>,
    /// True where it is left out.
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

impl NewWebhook {
    fn form(&self, app: &App) -> Result<WebhookForm, Error> {
        check_address(app, &self.url)?;
        let mut kinds = Vec::new();
        for (index, code) in self.kinds.iter().enumerate() {
            let kind = EventKind::parse(code);
            kinds.push(kind.ok_or_else(|| Error::invalid(format!("kinds[{index}]"), "is no kind of event"))?);
        }
        Ok(WebhookForm { name: self.name.clone(), url: self.url.clone(), kinds, active: self.active })
    }
}

/// Make a webhook. The answer holds the secret that its deliveries are signed with.
#[utoipa::path(post, path = "/webhooks", tag = "webhooks", security(("token" = ["manage_settings"])), request_body = NewWebhook,
    responses((status = 201, description = "The webhook.", body = MadeWebhook)))]
async fn create(
    State(app): State<App>,
    _: ManageSettings,
    call: Call,
    Input(new): Input<NewWebhook>,
) -> Answer<Response> {
    let (form, keys) = (new.form(&app)?, app.keys.clone());
    // No kept answer: it would keep the secret.
    call.write_unkept(StatusCode::CREATED, move |tx, ctx| {
        let (id, secret) = webhooks::create(tx, ctx, &keys, &form)?;
        Ok(MadeWebhook { webhook: shown(tx, id)?, secret })
    })
    .await
}

/// What a webhook shall be, if it is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceWebhook {
    /// The version that was read.
    version: i64,
    webhook: NewWebhook,
}

/// Replace a webhook's settings. Its secret stays.
#[utoipa::path(put, path = "/webhooks/{id}", tag = "webhooks", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    request_body = ReplaceWebhook, responses((status = 200, description = "The webhook.", body = Webhook)))]
async fn replace(
    State(app): State<App>,
    _: ManageSettings,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<ReplaceWebhook>,
) -> Answer<Response> {
    let form = new.webhook.form(&app)?;
    call.write(StatusCode::OK, move |tx, ctx| {
        webhooks::edit(tx, ctx, WebhookId(id), new.version, &form)?;
        shown(tx, WebhookId(id))
    })
    .await
}

/// Delete a webhook with its log.
#[utoipa::path(delete, path = "/webhooks/{id}", tag = "webhooks", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: ManageSettings, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| webhooks::delete(tx, ctx, WebhookId(id))).await
}

/// What was noted for a webhook.
#[derive(Serialize, ToSchema)]
pub struct Noted {
    /// The delivery.
    delivery_id: i64,
}

/// Send the webhook a `ping`.
#[utoipa::path(post, path = "/webhooks/{id}/ping", tag = "webhooks", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 202, description = "It is on its way.", body = Noted)))]
async fn ping(_: ManageSettings, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::ACCEPTED, move |tx, ctx| Ok(Noted { delivery_id: webhooks::ping(tx, ctx, WebhookId(id))? }))
        .await
}

/// Something that a webhook was or is to be told.
#[derive(Serialize, ToSchema)]
pub struct Delivery {
    /// Stays the same however often it is sent.
    id: i64,
    #[schema(schema_with = kind)]
    kind: &'static str,
    /// JSON, byte by byte as it is sent.
    body: String,
    /// When that happened, or when it was sent again.
    #[schema(format = DateTime)]
    at: String,
    #[schema(schema_with = states)]
    state: &'static str,
    attempts: i64,
    /// Not tried before.
    #[schema(format = DateTime)]
    next_at: String,
    last_error: String,
    #[schema(required, format = DateTime)]
    settled_at: Option<String>,
}

/// The last 100 deliveries, newest first.
#[utoipa::path(get, path = "/webhooks/{id}/deliveries", tag = "webhooks", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The deliveries.", body = Page<Delivery>)))]
async fn deliveries(State(app): State<App>, _: ManageSettings, Route(id): Route<i64>) -> Answer<Json<Page<Delivery>>> {
    let found = app.read(move |tx| webhooks::deliveries(tx, WebhookId(id))).await?;
    let show = |delivery: webhooks::Delivery| Delivery {
        id: delivery.id,
        kind: delivery.kind.as_str(),
        body: delivery.body,
        at: delivery.at.to_rfc3339(),
        state: delivery.state.as_str(),
        attempts: delivery.attempts,
        next_at: delivery.next_at.to_rfc3339(),
        last_error: delivery.last_error,
        settled_at: delivery.settled_at.map(Timestamp::to_rfc3339),
    };
    Ok(Json(Page::whole(found.into_iter().map(show).collect())))
}

/// Send a delivery again, whatever came of it before.
#[utoipa::path(post, path = "/webhooks/{id}/deliveries/{delivery}/again", tag = "webhooks",
    params(("id" = i64, Path), ("delivery" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 202, description = "It is on its way.", body = Noted)))]
async fn redeliver(_: ManageSettings, call: Call, Route((id, delivery)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::ACCEPTED, move |tx, ctx| {
        webhooks::redeliver(tx, ctx, WebhookId(id), delivery)?;
        Ok(Noted { delivery_id: delivery })
    })
    .await
}
