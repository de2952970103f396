//! Webhooks: made, edited, tried out, deleted; what each was and is to be told.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use consign_oms::Error;
use consign_oms::users::User;
use consign_oms::webhooks::{self, Delivery, DeliveryState, EventKind, Webhook, WebhookForm};
use consign_values::{Timestamp, WebhookId};
use maud::{Markup, html};

use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/webhooks", get(list).post(create))
        .route("/webhooks/{id}", get(show).post(edit))
        .route("/webhooks/{id}/ping", post(ping))
        .route("/webhooks/{id}/delete", post(delete))
        .route("/webhooks/{id}/deliveries/{delivery}/again", post(again))
}

/// What each kind of event says, in words.
fn label(kind: EventKind) -> &'static str {
    match kind {
        EventKind::OrderReceived => "an order came in",
        EventKind::OrderChanged => "something was done to an order",
        EventKind::OrderProcessed => "an order was processed",
        EventKind::OrderCancelled => "an order was cancelled",
        EventKind::OrderDeleted => "an order was deleted",
        EventKind::DespatchConfirmed => "a channel has confirmed a despatch or cancellation",
        EventKind::DespatchRejected => "a channel has refused one",
        EventKind::DespatchFailed => "one was not confirmed in time",
        EventKind::StockChanged => "the stock of an item at a location changed",
        EventKind::Ping => "somebody tries the webhook out",
    }
}

/// Refuses an address that the network settings bar.
pub fn check_address(app: &App, url: &str) -> Result<(), Error> {
    (app.may_call)(url.trim()).map_err(|why| Error::invalid("url", format!("can't be called: {why}")))
}

fn form(action: &str, hook: Option<&Webhook>) -> Markup {
    let wants: Vec<EventKind> = hook.map_or_else(Vec::new, |hook| hook.kinds().collect());
    html! {
        form.stack method="post" action=(action) {
            @if let Some(hook) = hook { input type="hidden" name="version" value=(hook.version); }
            label { "What it is for" input name="name" required maxlength="255" value=[hook.map(|hook| &hook.name)]; }
            label { "Address" input name="url" type="url" required maxlength="2000" placeholder="https://…" value=[hook.map(|hook| &hook.url)]; }
            fieldset { legend { "Told when" }
                @for kind in EventKind::ALL.iter().filter(|kind| **kind != EventKind::Ping) {
                    label { span { input type="checkbox" name="kind" value=(kind) checked[wants.contains(kind)]; " " (label(*kind)) " " span.dim { (kind) } } }
                }
            }
            label { span { input type="checkbox" name="active" value="1" checked[hook.is_none_or(|hook| hook.active)]; " on" } }
            button.primary { @if hook.is_some() { "Save" } @else { "Add the webhook" } }
        }
    }
}

fn read(app: &App, fields: &Fields) -> Result<WebhookForm, Error> {
    check_address(app, fields.get("url"))?;
    Ok(WebhookForm {
        name: fields.get("name").to_owned(),
        url: fields.get("url").to_owned(),
        kinds: fields.all("kind").filter_map(EventKind::parse).collect(),
        active: fields.ticked("active"),
    })
}

async fn list(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let hooks = app.read(webhooks::list).await?;
    let content = html! {
        p { a href="/settings" { "← Settings" } }
        h1 { "Webhooks" }
        p { "Addresses of your own programs that are told of orders, stock and despatches as they happen. " a href="/help/api#webhooks" { "How deliveries look and are checked" } "." }
        @if hooks.is_empty() { p.empty { "None yet. Add one below." } }
        @else { table.grid {
            thead { tr { th { "Webhook" } th { "Address" } th { "Told of" } th { "State" } } }
            tbody { @for hook in &hooks { tr {
                td { a href={"/webhooks/" (hook.id)} { (hook.name) } } td { (address(hook)) } td { (hook.kinds.replace(' ', ", ")) } td { (state(hook)) }
            } } }
        } }
        h2 { "New webhook" }
        (form("/webhooks", None))
    };
    ui::page(&app, &user.0, "/settings", "Webhooks", content).await
}

/// Without the query, which may hold a secret.
fn address(hook: &Webhook) -> &str {
    hook.url.split('?').next().unwrap_or("")
}

fn state(hook: &Webhook) -> Markup {
    html! { @if hook.active { span.badge.good { "● on" } } @else { span.badge.dim { "○ off" } } }
}

async fn create(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Markup> {
    let (form, keys) = (read(&app, &fields)?, app.keys.clone());
    let (id, secret) = app.write(user.actor(), move |tx, ctx| webhooks::create(tx, ctx, &keys, &form)).await?;
    page(&app, &user.0, id, Some(&secret)).await
}

async fn show(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Markup> {
    page(&app, &user.0, WebhookId(id), None).await
}

async fn page(app: &App, user: &User, id: WebhookId, fresh: Option<&str>) -> Answer<Markup> {
    let (hook, log) = app.read(move |tx| Ok((webhooks::get(tx, id)?, webhooks::deliveries(tx, id)?))).await?;
    let content = html! {
        p { a href="/webhooks" { "← Webhooks" } }
        h1 { (hook.name) " " (state(&hook)) }
        @if let Some(secret) = fresh {
            section.card role="status" {
                h2 { "Its secret" }
                p { strong { "Copy it now: it is shown this once." } " Your program checks with it that a delivery comes from here." }
                p { label { "Secret" input readonly value=(secret) size="60" autofocus; } }
            }
        }
        div.bar {
            form.inline method="post" action={"/webhooks/" (id) "/ping"} { button disabled[!hook.active] data-key="t" { "Send a ping" } }
            form.inline method="post" action={"/webhooks/" (id) "/delete"} { button.danger data-confirm={"Delete the webhook " (hook.name) " with its log?"} { "Delete" } }
        }
        div.columns {
            section { h2 { "Settings" } (form(&format!("/webhooks/{id}"), Some(&hook))) }
            section.wide {
                h2 { "The last deliveries" }
                p { a href={"/webhooks/" (id)} { "Load anew" } }
                @if log.is_empty() { p.dim { "Nothing has happened yet that it is told of." } }
                @else { table.grid {
                    thead { tr { th { "Delivery" } th { "Since" } th { "State" } th.num { "Tries" } th { "Next try, or error" } th { "" } } }
                    tbody { @for delivery in &log { (row(id, delivery)) } }
                } }
            }
        }
    };
    ui::page(app, user, "/settings", &hook.name, content).await
}

fn row(hook: WebhookId, delivery: &Delivery) -> Markup {
    let settled = |at: Option<Timestamp>| html! { @if let Some(at) = at { " " (ui::moment(at)) } };
    html! { tr {
        td { details { summary { (delivery.id) " " (delivery.kind) } pre { (delivery.body) } } }
        td { (ui::moment(delivery.at)) }
        td { @match delivery.state {
            DeliveryState::Queued => span.badge.warn { "… queued" },
            DeliveryState::Delivered => { span.badge.good { "✓ delivered" } (settled(delivery.settled_at)) }
            DeliveryState::Failed => { span.badge.bad { "✕ given up" } (settled(delivery.settled_at)) }
        } }
        td.num { (delivery.attempts) }
        td { @if delivery.state == DeliveryState::Queued && delivery.attempts > 0 { "next " (ui::moment(delivery.next_at)) " " } (delivery.last_error) }
        td { form.inline method="post" action={"/webhooks/" (hook) "/deliveries/" (delivery.id) "/again"} { button.quiet { "Send again" } } }
    } }
}

async fn edit(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let (form, version) = (read(&app, &fields)?, fields.int("version")?);
    app.write(user.actor(), move |tx, ctx| webhooks::edit(tx, ctx, WebhookId(id), version, &form)).await?;
    Ok(Redirect::to(&format!("/webhooks/{id}")))
}

async fn ping(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| webhooks::ping(tx, ctx, WebhookId(id))).await?;
    Ok(Redirect::to(&format!("/webhooks/{id}")))
}

async fn again(
    State(app): State<App>,
    user: ManageSettings,
    Path((id, delivery)): Path<(i64, i64)>,
) -> Answer<Response> {
    app.write(user.actor(), move |tx, ctx| webhooks::redeliver(tx, ctx, WebhookId(id), delivery)).await?;
    Ok(Redirect::to(&format!("/webhooks/{id}")).into_response())
}

async fn delete(State(app): State<App>, user: ManageSettings, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| webhooks::delete(tx, ctx, WebhookId(id))).await?;
    Ok(Redirect::to("/webhooks"))
}
