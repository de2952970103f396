//! Adding a channel instance and its credentials: the kind's own steps, one form after the other.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use consign_oms::channels::{self, TagMap};
use consign_oms::{Actor, Error, Refusal};
use consign_ports::{ChannelKind, ConfigField, Connection, FieldKind, SetupStep, TagKind};
use consign_values::ChannelId;
use maud::{Markup, html};

use super::{open, remote};
use crate::access::ManageChannels;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

/// The form of a step; `kept`: secrets left empty stay as they are.
fn step_form(action: &str, step: &SetupStep, name: Option<&str>, kept: bool, error: Option<&str>) -> Markup {
    html! {
        h1 { (step.title) }
        p { (step.description) }
        @if let Some(error) = error { p.problem role="alert" { (error) } }
        form.stack method="post" action=(action) {
            input type="hidden" name="step" value=(step.name);
            @if let Some(name) = name { label { "Name of the account, shown with its orders" input name="account" required maxlength="255" value=(name); } }
            @for field in &step.fields { (config_field(field, kept)) }
            button.primary { "Next" }
        }
    }
}

fn config_field(field: &ConfigField, kept: bool) -> Markup {
    let name = format!("field.{}", field.id);
    let pattern = field.pattern.as_ref();
    html! {
        @if field.kind == FieldKind::Link { p { a href=(field.value) rel="noreferrer noopener" target="_blank" { (field.label) } " " (field.description) } }
        @else {
            label {
                @if field.kind == FieldKind::Boolean {
                    span { input type="checkbox" name=(name) value="True" checked[field.value.eq_ignore_ascii_case("true")] disabled[field.read_only]; " " (field.label) }
                } @else {
                    (field.label)
                    @match field.kind {
                        FieldKind::List => select name=(name) disabled[field.read_only] { @for option in &field.options { option value=(option.value) selected[option.value == field.value] { (option.label) } } },
                        FieldKind::LongText => textarea name=(name) rows="6" required[field.required] readonly[field.read_only] { (field.value) },
                        FieldKind::Password => input type="password" name=(name) autocomplete="off" placeholder=[kept.then_some("kept if left empty")];,
                        _ => input name=(name) value=(field.value) required[field.required] readonly[field.read_only] pattern=[pattern.map(|p| &p.0)] title=[pattern.map(|p| &p.1)];,
                    }
                }
                @if !field.description.is_empty() { small { (field.description) } }
            }
        }
    }
}

pub(super) async fn add_page(State(app): State<App>, user: ManageChannels, Path(kind): Path<String>) -> Answer<Markup> {
    let kind = app.kind(&kind)?;
    let content = step_form(&format!("/channels/add/{}", kind.code()), &kind.first_step(), Some(""), false, None);
    ui::page(&app, &user.0, "/channels", "Add a channel", content).await
}

/// Answers of a step; a box that is not ticked answers `False`.
fn answers(step: &SetupStep, fields: &Fields) -> std::collections::BTreeMap<String, String> {
    let mut answers = fields.answers("field.");
    for field in step.fields.iter().filter(|field| field.kind == FieldKind::Boolean) {
        answers.entry(field.id.clone()).or_insert_with(|| "False".to_owned());
    }
    answers
}

pub(super) async fn add(
    State(app): State<App>,
    user: ManageChannels,
    Path(kind): Path<String>,
    fields: Fields,
) -> Answer<Response> {
    let kind = app.kind(&kind)?;
    let first = kind.first_step();
    let mut connection = Connection::default();
    let step = match kind.set_up(&mut connection, fields.get("step"), &answers(&first, &fields)).await {
        Ok(step) => step,
        Err(error) => {
            let action = format!("/channels/add/{}", kind.code());
            let mut again = first;
            for field in &mut again.fields {
                if field.kind != FieldKind::Password {
                    field.value = fields.get(&format!("field.{}", field.id)).to_owned();
                }
            }
            let content = step_form(&action, &again, Some(fields.get("account")), false, Some(&error.to_string()));
            return Ok(ui::page(&app, &user.0, "/channels", "Add a channel", content).await?.into_response());
        }
    };
    let (source, code, statuses) = (kind.source(&connection), kind.code(), kind.default_statuses());
    let (keys, done, name) = (app.keys.clone(), step.done, fields.get("account").to_owned());
    let id = app
        .write(user.actor(), move |tx, ctx| {
            let id = channels::add(tx, ctx, code, &source, &name, statuses)?;
            let sealed = keys.seal(id, &connection).map_err(|e| Refusal::ChannelCannotRun(e.to_string()))?;
            channels::set_connection(tx, ctx, id, &source, &sealed, done)?;
            Ok(id)
        })
        .await?;
    finished(&app, user.actor(), id, kind, done).await
}

/// After a step: on to the next one, or to the settings with the channel's tags fetched.
async fn finished(app: &App, actor: Actor, id: ChannelId, kind: Arc<dyn ChannelKind>, done: bool) -> Answer<Response> {
    if !done {
        return Ok(Redirect::to(&format!("/channels/{id}/set-up")).into_response());
    }
    if let Err(error) = fetch_tags(app, actor, id, &kind).await {
        tracing::warn!(channel = id.0, ?error, "the channel's shipping and payment tags could not be fetched");
    }
    Ok(Redirect::to(&format!("/channels/{id}")).into_response())
}

/// Asks the channel for its shipping and payment tags, and adds those that are new.
pub(crate) async fn fetch_tags(
    app: &App,
    actor: Actor,
    id: ChannelId,
    kind: &Arc<dyn ChannelKind>,
) -> Result<(), String> {
    let (channel, known) = app
        .read(move |tx| Ok((channels::get(tx, id)?, channels::tags(tx, id)?)))
        .await
        .map_err(|error| error.to_string())?;
    let connection = open(app, &channel).map_err(|error| error.to_string())?;
    let remote = kind.connect(&connection).map_err(|error| error.to_string())?;
    let mut tags = known;
    for (tag_kind, code) in [(TagKind::Shipping, "shipping"), (TagKind::Payment, "payment")] {
        for tag in remote.list_tags(tag_kind).await.map_err(|error| error.to_string())? {
            if tags.iter().all(|known| known.kind != code || known.tag != tag.tag || known.site != tag.site) {
                let (site, label, service) = (tag.site, tag.label.clone(), tag.label);
                tags.push(TagMap {
                    channel_id: id,
                    kind: code.to_owned(),
                    site,
                    tag: tag.tag,
                    label,
                    carrier: String::new(),
                    service,
                });
            }
        }
    }
    app.write(actor, move |tx, ctx| channels::set_tags(tx, ctx, id, &tags)).await.map_err(|error| error.to_string())
}

pub(super) async fn set_up_page(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>) -> Answer<Markup> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let kind = app.kind(&channel.kind)?;
    let mut connection = open(&app, &channel)?;
    let step = kind.set_up(&mut connection, "", &Default::default()).await.map_err(remote)?;
    let content = step_form(&format!("/channels/{id}/set-up"), &step, None, channel.ready, None);
    ui::page(&app, &user.0, "/channels", &channel.name, content).await
}

pub(super) async fn set_up(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Response> {
    let id = ChannelId(id);
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let kind = app.kind(&channel.kind)?;
    let mut connection = open(&app, &channel)?;
    let now = kind.set_up(&mut connection, "", &Default::default()).await.map_err(remote)?;
    let given = answers(&now, &fields);
    match kind.set_up(&mut connection, fields.get("step"), &given).await {
        Err(error) => {
            let content =
                step_form(&format!("/channels/{id}/set-up"), &now, None, channel.ready, Some(&error.to_string()));
            Ok(ui::page(&app, &user.0, "/channels", &channel.name, content).await?.into_response())
        }
        Ok(step) => {
            let sealed =
                app.keys.seal(id, &connection).map_err(|e| Error::from(Refusal::ChannelCannotRun(e.to_string())))?;
            let (source, done) = (kind.source(&connection), step.done);
            app.write(user.actor(), move |tx, ctx| channels::set_connection(tx, ctx, id, &source, &sealed, done))
                .await?;
            finished(&app, user.actor(), id, kind, done).await
        }
    }
}
