//! Channels added, given credentials and removed; what their statuses and tags mean; payloads fetched again.
//!
//! A kind's set-up is a row of forms; a program answers each as a person would, and is told which one comes next. Remote calls
//! are made before the transaction that keeps their result.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_oms::channels::{self, TagMap};
use consign_oms::{Actor, Error, Refusal, jobs, orders};
use consign_ports::{ChannelKind, ConfigField, Connection, FieldKind, SetupStep, StatusTarget};
use consign_values::{ChannelId, InboxId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::channels::{ChannelDetail, detail};
use super::document::one_of;
use crate::App;
use crate::access::{ManageChannels, View};
use crate::channels::{TARGETS, fetch_again, fetch_tags, open, remote, tell_removed};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(kinds))
        .routes(routes!(add))
        .routes(routes!(remove))
        .routes(routes!(step, answer))
        .routes(routes!(compare))
        .routes(routes!(read_listings))
        .routes(routes!(statuses, set_statuses))
        .routes(routes!(tags, set_tags))
        .routes(routes!(rejected))
        .routes(routes!(retry))
}

/// A choice of a list.
#[derive(Serialize, ToSchema)]
struct Choice {
    value: String,
    label: String,
}

fn field_kinds() -> Object {
    one_of(["text", "url", "password", "integer", "decimal", "boolean", "list", "long_text", "link"])
}

fn field_kind(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text => "text",
        FieldKind::Url => "url",
        FieldKind::Password => "password",
        FieldKind::Integer => "integer",
        FieldKind::Decimal => "decimal",
        FieldKind::Boolean => "boolean",
        FieldKind::List => "list",
        FieldKind::LongText => "long_text",
        FieldKind::Link => "link",
    }
}

/// A field of a form.
#[derive(Serialize, ToSchema)]
struct StepField {
    /// Its key in the answers.
    id: String,
    label: String,
    description: String,
    #[schema(schema_with = field_kinds)]
    kind: &'static str,
    /// As it is; of a password, nothing. Of a link, where it leads: a person has to go there.
    value: String,
    /// Of a list.
    options: Vec<Choice>,
    required: bool,
    read_only: bool,
}

impl From<&ConfigField> for StepField {
    fn from(field: &ConfigField) -> Self {
        let choice =
            |option: &consign_ports::ConfigOption| Choice { value: option.value.clone(), label: option.label.clone() };
        StepField {
            id: field.id.clone(),
            label: field.label.clone(),
            description: field.description.clone(),
            kind: field_kind(field.kind),
            value: if field.kind == FieldKind::Password { String::new() } else { field.value.clone() },
            options: field.options.iter().map(choice).collect(),
            required: field.required,
            read_only: field.read_only,
        }
    }
}

/// A form of a kind's set-up.
#[derive(Serialize, ToSchema)]
struct Step {
    /// Its key, sent back with the answers.
    step: String,
    title: String,
    description: String,
    fields: Vec<StepField>,
    /// The channel can run: the fields are further settings.
    done: bool,
}

impl From<&SetupStep> for Step {
    fn from(step: &SetupStep) -> Self {
        Step {
            step: step.name.clone(),
            title: step.title.clone(),
            description: step.description.clone(),
            fields: step.fields.iter().map(StepField::from).collect(),
            done: step.done,
        }
    }
}

/// A kind of channel.
#[derive(Serialize, ToSchema)]
struct Kind {
    /// Its code.
    kind: String,
    label: String,
    summary: String,
    /// What adding one begins with.
    first_step: Step,
}

/// The kinds of channel, and what adding one begins with.
#[utoipa::path(get, path = "/channel-kinds", tag = "channels", security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The kinds.", body = Page<Kind>)))]
async fn kinds(State(app): State<App>, _: ManageChannels) -> Json<Page<Kind>> {
    let show = |kind: &std::sync::Arc<dyn ChannelKind>| Kind {
        kind: kind.code().to_owned(),
        label: kind.label().to_owned(),
        summary: kind.summary().to_owned(),
        first_step: Step::from(&kind.first_step()),
    };
    Json(Page::whole(app.kinds.iter().map(show).collect()))
}

/// A new channel: its name, and the answers to the first form of its kind.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewChannel {
    /// Code of its kind.
    #[schema(min_length = 1)]
    kind: String,
    /// Its account name, unique for its kind.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// By the ids of the fields.
    answers: BTreeMap<String, String>,
}

/// A channel, and the form that comes next.
#[derive(Serialize, ToSchema)]
struct SetUp {
    channel: ChannelDetail,
    next: Step,
}

/// Add a channel, switched off. The shop is called to see that the answers are right.
#[utoipa::path(post, path = "/channels", tag = "channels", security(("token" = ["manage_channels"])), request_body = NewChannel,
    responses((status = 201, description = "The channel, and what comes next.", body = SetUp)))]
async fn add(State(app): State<App>, _: ManageChannels, call: Call, Input(new): Input<NewChannel>) -> Answer<Response> {
    let kind = app.kind(&new.kind).map_err(|_| Error::invalid("kind", "is no kind of channel"))?;
    let mut connection = Connection::default();
    let first = kind.first_step();
    let step = kind.set_up(&mut connection, &first.name, &new.answers).await.map_err(remote)?;
    let (keys, source, code, statuses) =
        (app.keys.clone(), kind.source(&connection), kind.code(), kind.default_statuses());
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = channels::add(tx, ctx, code, &source, &new.name, statuses)?;
        let sealed = keys.seal(id, &connection).map_err(|e| Refusal::ChannelCannotRun(e.to_string()))?;
        channels::set_connection(tx, ctx, id, &source, &sealed, step.done)?;
        Ok(SetUp { channel: detail(tx, id)?, next: Step::from(&step) })
    })
    .await
}

/// Remove a channel that is switched off: its settings, mappings and listings. Its orders stay.
#[utoipa::path(delete, path = "/channels/{id}", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 204, description = "It is gone.")))]
async fn remove(State(app): State<App>, _: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    let id = ChannelId(id);
    let (channel, told) = app.read(move |tx| Ok((channels::get(tx, id)?, channels::hook(tx, id)?))).await?;
    let answer = call.write(StatusCode::NO_CONTENT, move |tx, ctx| channels::remove(tx, ctx, id)).await?;
    tell_removed(&app, &channel, told).await;
    Ok(answer)
}

/// The form that a channel's set-up is at.
#[utoipa::path(get, path = "/channels/{id}/set-up", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The form.", body = Step)))]
async fn step(State(app): State<App>, _: ManageChannels, Route(id): Route<i64>) -> Answer<Json<Step>> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let mut connection = open(&app, &channel)?;
    let step = app.kind(&channel.kind)?.set_up(&mut connection, "", &BTreeMap::new()).await.map_err(remote)?;
    Ok(Json(Step::from(&step)))
}

/// The answers to a form.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StepAnswers {
    /// The form's key.
    step: String,
    /// By the ids of the fields. A password that is left out stays as it is.
    answers: BTreeMap<String, String>,
}

/// Answer the form that a channel's set-up is at. The shop is called to see that the answers are right.
#[utoipa::path(post, path = "/channels/{id}/set-up", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = StepAnswers, responses((status = 200, description = "The channel, and what comes next.", body = SetUp)))]
async fn answer(
    State(app): State<App>,
    _: ManageChannels,
    call: Call,
    Route(id): Route<i64>,
    Input(given): Input<StepAnswers>,
) -> Answer<Response> {
    let id = ChannelId(id);
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let kind = app.kind(&channel.kind)?;
    let mut connection = open(&app, &channel)?;
    let step = kind.set_up(&mut connection, &given.step, &given.answers).await.map_err(remote)?;
    let sealed = app.keys.seal(id, &connection).map_err(|e| Error::from(Refusal::ChannelCannotRun(e.to_string())))?;
    let (source, done) = (kind.source(&connection), step.done);
    let answer = call
        .write(StatusCode::OK, move |tx, ctx| {
            channels::set_connection(tx, ctx, id, &source, &sealed, done)?;
            Ok(SetUp { channel: detail(tx, id)?, next: Step::from(&step) })
        })
        .await?;
    if done && let Err(error) = fetch_tags(&app, call.actor(), id, &kind).await {
        tracing::warn!(channel = id.0, ?error, "the channel's shipping and payment tags could not be fetched");
    }
    Ok(answer)
}

async fn due(call: &Call, id: i64, job: &'static str) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let channel = channels::get(tx, ChannelId(id))?;
        if !channel.enabled || !jobs::wake(tx, ctx, &format!("{job} {id}"))? {
            return Err(Refusal::ChannelCannotRun("it is switched off".to_owned()).into());
        }
        detail(tx, ChannelId(id))
    })
    .await
}

/// Compare both sides now: which orders the channel has, and which of them are here. The channel must be on.
#[utoipa::path(post, path = "/channels/{id}/compare", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The channel; the comparison is due.", body = ChannelDetail)))]
async fn compare(_: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    due(&call, id, "reconcile").await
}

/// Read the channel's listings now. The channel must be on.
#[utoipa::path(post, path = "/channels/{id}/listings/read", tag = "listings", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    responses((status = 200, description = "The channel; reading is due.", body = ChannelDetail)))]
async fn read_listings(_: ManageChannels, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    due(&call, id, "list_products").await
}

fn targets() -> Object {
    one_of(TARGETS.iter().map(|(_, code, _)| *code))
}

/// What a status of the channel means.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Status {
    /// The channel's code.
    #[schema(min_length = 1, max_length = 128)]
    code: String,
    /// What people call it; as it was where it is left out.
    #[serde(default)]
    #[schema(max_length = 255)]
    label: String,
    #[schema(schema_with = targets)]
    means: String,
}

fn listed(maps: &[channels::StatusMap]) -> Page<Status> {
    let code = |target| TARGETS.iter().find(|(one, ..)| *one == target).map_or("unmapped", |(_, code, _)| *code);
    let show = |map: &channels::StatusMap| Status {
        code: map.code.clone(),
        label: map.label.clone(),
        means: code(map.means()).to_owned(),
    };
    Page::whole(maps.iter().map(show).collect())
}

/// What the statuses of a channel mean; none for kinds without statuses.
#[utoipa::path(get, path = "/channels/{id}/statuses", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The mapping.", body = Page<Status>)))]
async fn statuses(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<Status>>> {
    let maps = app
        .read(move |tx| {
            channels::get(tx, ChannelId(id))?;
            channels::status_map(tx, ChannelId(id))
        })
        .await?;
    Ok(Json(listed(&maps)))
}

/// All of a channel's mapping.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStatuses {
    #[schema(max_items = 500)]
    statuses: Vec<Status>,
}

/// Replace what the statuses of a channel mean; it applies to orders downloaded later.
#[utoipa::path(put, path = "/channels/{id}/statuses", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = NewStatuses, responses((status = 200, description = "The mapping.", body = Page<Status>)))]
async fn set_statuses(
    _: ManageChannels,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewStatuses>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let known = channels::status_map(tx, ChannelId(id))?;
        let mut rows: Vec<(String, String, StatusTarget)> = Vec::new();
        for (index, status) in new.statuses.iter().enumerate() {
            let target = TARGETS.iter().find(|(_, code, _)| *code == status.means).map(|(target, ..)| *target);
            let wrong = || Error::invalid(format!("statuses[{index}].means"), "is not one of the meanings");
            let label = match known.iter().find(|map| map.code == status.code) {
                Some(map) if status.label.is_empty() => map.label.clone(),
                _ if status.label.is_empty() => status.code.clone(),
                _ => status.label.clone(),
            };
            rows.push((status.code.clone(), label, target.ok_or_else(wrong)?));
        }
        channels::set_statuses(tx, ctx, ChannelId(id), &rows)?;
        Ok(listed(&channels::status_map(tx, ChannelId(id))?))
    })
    .await
}

fn tag_kinds() -> Object {
    one_of(["shipping", "payment"])
}

/// What a shipping or payment tag of the channel means.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tag {
    #[schema(schema_with = tag_kinds)]
    kind: String,
    /// The channel's site; mostly blank.
    #[serde(default)]
    #[schema(max_length = 64)]
    site: String,
    /// The channel's tag.
    #[schema(min_length = 1, max_length = 128)]
    tag: String,
    /// What people call it.
    #[serde(default)]
    #[schema(max_length = 255)]
    label: String,
    /// Of a shipping tag.
    #[serde(default)]
    #[schema(max_length = 128)]
    carrier: String,
    /// Postal service, or payment method.
    #[schema(max_length = 128)]
    service: String,
}

fn listed_tags(maps: &[TagMap]) -> Page<Tag> {
    let show = |map: &TagMap| Tag {
        kind: map.kind.clone(),
        site: map.site.clone(),
        tag: map.tag.clone(),
        label: map.label.clone(),
        carrier: map.carrier.clone(),
        service: map.service.clone(),
    };
    Page::whole(maps.iter().map(show).collect())
}

/// What the shipping and payment tags of a channel mean.
#[utoipa::path(get, path = "/channels/{id}/tags", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The mapping.", body = Page<Tag>)))]
async fn tags(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<Tag>>> {
    let maps = app
        .read(move |tx| {
            channels::get(tx, ChannelId(id))?;
            channels::tags(tx, ChannelId(id))
        })
        .await?;
    Ok(Json(listed_tags(&maps)))
}

/// All of a channel's tags.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTags {
    #[schema(max_items = 1000)]
    tags: Vec<Tag>,
}

/// Replace what the shipping and payment tags of a channel mean; it applies to orders downloaded later.
#[utoipa::path(put, path = "/channels/{id}/tags", tag = "channels", params(("id" = i64, Path)), security(("token" = ["manage_channels"])),
    request_body = NewTags, responses((status = 200, description = "The mapping.", body = Page<Tag>)))]
async fn set_tags(
    _: ManageChannels,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewTags>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let rows = new.tags.iter().map(|tag| TagMap {
            channel_id: ChannelId(id),
            kind: tag.kind.clone(),
            site: tag.site.clone(),
            tag: tag.tag.clone(),
            label: tag.label.clone(),
            carrier: tag.carrier.clone(),
            service: tag.service.clone(),
        });
        channels::set_tags(tx, ctx, ChannelId(id), &rows.collect::<Vec<_>>())?;
        Ok(listed_tags(&channels::tags(tx, ChannelId(id))?))
    })
    .await
}

/// A payload that could not be understood.
#[derive(Serialize, ToSchema)]
struct Rejected {
    id: i64,
    /// The channel's order number; blank where not even that could be read.
    reference: String,
    /// Which field is wrong, and why.
    reason: String,
    #[schema(format = DateTime)]
    received_at: String,
}

/// Payloads of a channel that could not be understood, latest first.
#[utoipa::path(get, path = "/channels/{id}/rejected", tag = "channels", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The payloads.", body = Page<Rejected>)))]
async fn rejected(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<Rejected>>> {
    let found = app
        .read(move |tx| {
            channels::get(tx, ChannelId(id))?;
            channels::rejected(tx, ChannelId(id))
        })
        .await?;
    let show = |entry: &channels::InboxEntry| Rejected {
        id: entry.id.0,
        reference: entry.reference.clone(),
        reason: entry.reason.clone(),
        received_at: Timestamp::to_rfc3339(entry.received_at),
    };
    Ok(Json(Page::whole(found.iter().map(show).collect())))
}

/// What came of it.
#[derive(Serialize, ToSchema)]
struct Retried {
    /// It could not be understood again, and stays among the rejected.
    rejected: bool,
}

/// Fetch the order of a rejected payload again, and take it.
#[utoipa::path(post, path = "/channels/{id}/rejected/{payload}/retry", tag = "channels", params(("id" = i64, Path), ("payload" = i64, Path)),
    security(("token" = ["manage_channels"])), responses((status = 200, description = "What came of it.", body = Retried)))]
async fn retry(
    State(app): State<App>,
    _: ManageChannels,
    Route((id, payload)): Route<(i64, i64)>,
) -> Answer<Json<Retried>> {
    let found = fetch_again(&app, ChannelId(id), InboxId(payload)).await?;
    let work = move |tx: &mut consign_db::Tx<'_>, ctx: &consign_oms::Ctx<'_>| {
        orders::retry_rejected(tx, ctx, InboxId(payload), &found)
    };
    let received = app.write(Actor::Channel(ChannelId(id)), work).await?;
    Ok(Json(Retried { rejected: received.rejected > 0 }))
}
