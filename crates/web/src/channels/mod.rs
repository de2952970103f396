//! Channels: how each goes, adding one step by step, settings and mappings, listings, rejected payloads, the kind's guide.
//!
//! Remote calls are made between transactions: read, call, write.

mod hook;
mod set_up;
mod settings;
mod warehouses;

pub(crate) use set_up::fetch_tags;
pub(crate) use settings::TARGETS;
pub(crate) use warehouses::ask as ask_locations;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use consign_oms::channels::{self, Channel, Health};
use consign_oms::locations;
use consign_oms::users::Permission;
use consign_oms::{Actor, Error, Refusal, items, jobs, orders};
use consign_ports::{ChannelKind, Connection, Incoming, PortError};
use consign_values::{ChannelId, InboxId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::{ManageChannels, View};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/channels", get(list))
        .route("/channels/add", get(add_list))
        .route("/channels/add/{kind}", get(set_up::add_page).post(set_up::add))
        .route("/channels/{id}", get(show))
        .route("/channels/{id}/set-up", get(set_up::set_up_page).post(set_up::set_up))
        .route("/channels/{id}/settings", post(settings::settings))
        .route("/channels/{id}/hook", post(hook::switch))
        .route("/channels/{id}/statuses", post(settings::statuses))
        .route("/channels/{id}/tags", post(settings::tags))
        .route("/channels/{id}/locations", post(warehouses::save))
        .route("/channels/{id}/locations/read", post(warehouses::read))
        .route("/channels/{id}/listings/link", post(link))
        .route("/channels/{id}/retry/{entry}", post(retry))
        .route("/channels/{id}/do/{action}", post(act))
        .route("/channels/guide/{kind}", get(guide))
}

/// What a remote call said, as an error of the page.
pub(crate) fn remote(error: PortError) -> Error {
    Refusal::ChannelCannotRun(error.to_string()).into()
}

pub(crate) fn open(app: &App, channel: &Channel) -> Result<Connection, Error> {
    app.keys.open(channel.id, &channel.connection).map_err(|e| Refusal::ChannelCannotRun(e.to_string()).into())
}

async fn list(State(app): State<App>, View(user): View) -> Answer<Markup> {
    let rows = app
        .read(|tx| {
            let mut rows = Vec::new();
            for channel in channels::list(tx)? {
                rows.push((channels::health(tx, channel.id)?, channels::rejected_count(tx, channel.id)?, channel));
            }
            Ok(rows)
        })
        .await?;
    let may = user.role.may(Permission::ManageChannels);
    let now = app.clock.now();
    let content = html! {
        h1 { "Channels" }
        @if rows.is_empty() { p.empty { "No channel yet. Add one below: its orders then arrive by themselves." } }
        @else {
            table.grid #trouble data-live="channel" {
                thead { tr { th { "Channel" } th { "State" } th { "Last complete download" } th { "Both sides" } th.num { "Rejected" } th { "Last error" } th { "" } } }
                tbody { @for (health, rejected, channel) in &rows { tr {
                    td { a href={"/channels/" (channel.id)} { (channel.name) } br; small { (channel.source) " · " (channel.kind) } }
                    td { (state(channel)) }
                    td { @if let Some(at) = health.downloaded_at { (behind(now, at)) } @else { span.dim { "never" } } }
                    td { (compared(health)) }
                    td.num { @if *rejected > 0 { a.badge.bad href={"/channels/" (channel.id) "#rejected"} { "✕ " (rejected) } } @else { "0" } }
                    td { @if health.failures > 0 { (health.last_error) br; small { (health.failures) " times in a row; tried again by itself" } } }
                    td { @if may { (sync_button(channel)) } }
                } } }
            }
        }
        @if may {
            h2 { "Add a channel" }
            (kinds(&app))
        }
    };
    ui::page(&app, &user, "/channels", "Channels", content).await
}

/// The kinds that can be added.
fn kinds(app: &App) -> Markup {
    html! { div.cards { @for kind in app.kinds.iter() { div.card {
        h3 { (kind.label()) } p { (kind.summary()) }
        p { a.button href={"/channels/add/" (kind.code())} { "Add" } " " a href={"/channels/guide/" (kind.code())} { "Rules & guidelines" } }
    } } } }
}

async fn add_list(State(app): State<App>, user: ManageChannels) -> Answer<Markup> {
    let content = html! { h1 { "Add a channel" } p { "Which kind of channel is it?" } (kinds(&app)) };
    ui::page(&app, &user.0, "/channels", "Add a channel", content).await
}

fn state(channel: &Channel) -> Markup {
    html! {
        @if !channel.ready { span.badge.warn { "set-up unfinished" } }
        @else if !channel.enabled { span.badge.dim { "○ off" } }
        @else if !channel.paused_because.is_empty() { span.badge.bad { "⏸ paused" } br; small { (channel.paused_because) } }
        @else { span.badge.good { "● on" } }
    }
}

fn behind(now: Timestamp, at: Timestamp) -> Markup {
    let seconds = now.seconds_since(at).max(0);
    let text = match seconds {
        0..=119 => format!("{seconds} s ago"),
        120..=7_199 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3_600),
    };
    html! { (text) }
}

fn compared(health: &Health) -> Markup {
    html! {
        @match (health.channel_count, health.our_count) {
            (Some(theirs), Some(ours)) if health.gap.is_empty() => { "channel " (theirs) ", here " (ours) " ✓" }
            (Some(theirs), Some(ours)) => { span.badge.bad { "channel " (theirs) ", here " (ours) } br; small { "missing: " (health.gap) } }
            _ => { span.dim { "not compared yet" } }
        }
    }
}

fn sync_button(channel: &Channel) -> Markup {
    html! { form.inline method="post" action={"/channels/" (channel.id) "/do/sync"} { button disabled[!channel.enabled] { "Sync now" } } }
}

async fn guide(State(app): State<App>, View(user): View, Path(kind): Path<String>) -> Answer<Markup> {
    let kind = app.kind(&kind)?;
    let content = html! { article.help { h1 { (kind.label()) } (crate::markdown::render(kind.guide())) } };
    ui::page(&app, &user, "/channels", kind.label(), content).await
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ShowQuery {
    after: String,
    unlinked: String,
}

async fn show(
    State(app): State<App>,
    View(user): View,
    Path(id): Path<i64>,
    Query(query): Query<ShowQuery>,
) -> Answer<Markup> {
    let id = ChannelId(id);
    let (after, unlinked) = (query.after.clone(), !query.unlinked.is_empty());
    let (channel, health, places, chosen, statuses, tags, warehouses, listings, rejected, told, entries, names) = app
        .read(move |tx| {
            Ok((
                channels::get(tx, id)?,
                channels::health(tx, id)?,
                locations::list(tx)?,
                channels::stock_locations(tx, id)?,
                channels::status_map(tx, id)?,
                channels::tags(tx, id)?,
                warehouses::load(tx, id)?,
                channels::list_listings(tx, id, unlinked, &after)?,
                channels::rejected(tx, id)?,
                channels::hook(tx, id)?,
                consign_oms::history::list(tx, "channel", id.0)?,
                ui::names(tx)?,
            ))
        })
        .await?;
    let kind = app.kind(&channel.kind)?;
    let may = user.role.may(Permission::ManageChannels);
    let content = html! {
        h1 { (channel.name) " " span.dim { (kind.label()) } }
        p.summary { (state(&channel)) " " (compared(&health)) " " @if let Some(left) = health.rate_left { span.badge.dim { (left) " calls left" } } }
        @if health.failures > 0 { p.problem { (health.last_error) } }
        @if may { (channel_buttons(&channel, kind.as_ref())) }
        p { a href={"/channels/guide/" (kind.code())} { "Rules & guidelines, how to add, how to configure" } }
        div.columns {
            section {
                h2 { "Settings" } (settings::settings_form(&channel, kind.as_ref(), &places, &chosen, may))
                (hook::section(&app, &channel, kind.as_ref(), told.as_ref(), may))
            }
            section {
                @if kind.capabilities().status_mapping {
                    h2 { "Status mapping" }
                    p { "What an order's status on the channel means here. Unmapped ones are not downloaded." }
                    form.stack method="post" action={"/channels/" (id) "/statuses"} {
                        @for status in &statuses { (settings::status_row(&status.code, &status.label, status.means())) }
                        @if may { button { "Save the mapping" } }
                    }
                }
                h2 { "Shipping and payment mapping" }
                @if tags.is_empty() { p.dim { "The channel has named no services yet." } }
                form.stack method="post" action={"/channels/" (id) "/tags"} {
                    @for (i, tag) in tags.iter().enumerate() { div.pair {
                        span { (tag.label) " " span.dim { (tag.tag) } }
                        input type="hidden" name={"kind." (i)} value=(tag.kind); input type="hidden" name={"tag." (i)} value=(tag.tag);
                        input type="hidden" name={"site." (i)} value=(tag.site); input type="hidden" name={"label." (i)} value=(tag.label);
                        @if tag.kind == "shipping" { label { "Carrier " input name={"carrier." (i)} value=(tag.carrier) maxlength="128"; } }
                        label { @if tag.kind == "shipping" { "Service " } @else { "Method " } input name={"service." (i)} value=(tag.service) maxlength="128"; }
                    } }
                    @if may && !tags.is_empty() { button { "Save the mapping" } }
                }
            }
            @if kind.capabilities().locations { (warehouses::section(&channel, &warehouses, &places, may)) }
            section.wide {
                h2 { "Listings" }
                p { @if unlinked { a href={"/channels/" (id)} { "All listings" } } @else { a href={"/channels/" (id) "?unlinked=1"} { "Only unlinked" } } }
                @if listings.is_empty() { p.dim { "None. They are read from the channel once it is on." } }
                @else { table.grid {
                    thead { tr { th { "SKU on the channel" } th { "Title" } th { "Item" } th.num { "Told" } th { "" } } }
                    tbody { @for listing in listings.iter().take(50) { tr {
                        td { (listing.channel_sku) } td { (listing.title) }
                        td { @match listing.item_id {
                            Some(item) => a href={"/stock/" (item)} { "item " (item) },
                            None => { span.badge.warn { "? unlinked" } @if may { form.inline method="post" action={"/channels/" (id) "/listings/link"} {
                                input type="hidden" name="channel_sku" value=(listing.channel_sku);
                                label { span.hidden { "SKU of the item" } input name="sku" required size="14" placeholder="SKU of the item"; } button { "Link" }
                            } } }
                        } }
                        td.num { @if let Some(units) = listing.submitted { (units) } }
                        td { @if listing.gone { span.badge.bad { "gone from the channel" } } " " (listing.last_error) @if !listing.price_error.is_empty() { " price: " (listing.price_error) } }
                    } } }
                } }
                @if listings.len() > 50 { p.pages { a rel="next" href={"/channels/" (id) "?unlinked=" (query.unlinked) "&after=" (listings[49].channel_sku.replace('&', "%26").replace('+', "%2B").replace('#', "%23"))} { "Next page →" } } }
            }
            section.wide #rejected {
                h2 { "Rejected payloads" }
                @if rejected.is_empty() { p.dim { "None: everything that came could be understood." } }
                @for entry in &rejected { details {
                    summary { strong { @if entry.reference.is_empty() { "(no reference)" } @else { (entry.reference) } } ": " (entry.reason) " · " (ui::moment(entry.received_at)) }
                    @if may && !entry.reference.is_empty() { form.inline method="post" action={"/channels/" (id) "/retry/" (entry.id)} { button { "Fetch it again" } } }
                    pre { (String::from_utf8_lossy(&entry.payload).chars().take(4_000).collect::<String>()) }
                } }
            }
            section.wide {
                h2 { "History" }
                table.plain-table { tbody { @for entry in entries.iter().take(50) { tr { td { (ui::moment(entry.at)) } td { (ui::who(&names, &entry.actor)) } td { strong { (entry.kind) } " " (entry.detail) } } } } }
            }
        }
    };
    ui::page(&app, &user, "/channels", &channel.name, content).await
}

fn channel_buttons(channel: &Channel, kind: &dyn ChannelKind) -> Markup {
    let button = |action: &str, label: &str| html! { form.inline method="post" action={"/channels/" (channel.id) "/do/" (action)} { button { (label) } } };
    html! {
        div.bar {
            @if !channel.ready { a.button.primary href={"/channels/" (channel.id) "/set-up"} { "Go on with set-up" } }
            @else if channel.enabled { (button("disable", "Switch off")) } @else { (button("enable", "Switch on")) }
            @if channel.enabled && !channel.paused_because.is_empty() { (button("resume", "Resume")) }
            @if channel.enabled { (sync_button(channel)) (button("compare", "Compare both sides")) (button("listings", "Read listings")) }
            @if channel.ready { (button("test", "Test")) a.button href={"/channels/" (channel.id) "/set-up"} { "Credentials" } }
            @if !channel.enabled { form.inline method="post" action={"/channels/" (channel.id) "/do/remove"} { button.danger data-confirm={"Remove the channel " (channel.name) " (" (kind.label()) ")? Its orders stay."} { "Remove" } } }
        }
    }
}

async fn link(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| {
        let item = items::find_by_sku(tx, fields.get("sku").trim())?
            .ok_or_else(|| Error::invalid("sku", "is not the SKU of an item"))?;
        channels::link_listing(tx, ctx, ChannelId(id), fields.get("channel_sku"), item.id)?;
        orders::link_waiting(tx, ctx, ChannelId(id), fields.get("channel_sku"), item.id)
    })
    .await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}

/// The order of a rejected payload, as the channel has it now.
pub(crate) async fn fetch_again(app: &App, id: ChannelId, payload: InboxId) -> Result<Incoming, Error> {
    let (channel, reference) = app
        .read(move |tx| {
            let rejected = channels::rejected(tx, id)?;
            let entry = rejected.into_iter().find(|entry| entry.id == payload).ok_or(Error::NotFound("payload"))?;
            Ok((channels::get(tx, id)?, entry.reference))
        })
        .await?;
    let kind = app.kind(&channel.kind)?;
    let connected = kind.connect(&open(app, &channel)?).map_err(remote)?;
    let found = connected.fetch_order(reference).await.map_err(remote)?;
    found.ok_or_else(|| Refusal::ChannelCannotRun("it has no such order any more".to_owned()).into())
}

async fn retry(State(app): State<App>, _: ManageChannels, Path((id, entry)): Path<(i64, i64)>) -> Answer<Redirect> {
    let found = fetch_again(&app, ChannelId(id), InboxId(entry)).await?;
    app.write(Actor::Channel(ChannelId(id)), move |tx, ctx| orders::retry_rejected(tx, ctx, InboxId(entry), &found))
        .await?;
    Ok(Redirect::to(&format!("/channels/{id}#rejected")))
}

async fn act(
    State(app): State<App>,
    user: ManageChannels,
    Path((id, action)): Path<(i64, String)>,
) -> Answer<Response> {
    let number = id;
    let id = ChannelId(id);
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let kind = app.kind(&channel.kind)?;
    let capabilities = kind.capabilities();
    if action == "test" {
        let said = kind.connect(&open(&app, &channel)?).map_err(remote)?.test().await.map_err(remote)?;
        let content =
            html! { h1 { (channel.name) } p.good { "✓ " (said) } p { a href={"/channels/" (id)} { "Back" } } };
        return Ok(ui::page(&app, &user.0, "/channels", "Test", content).await?.into_response());
    }
    let told = app.read(move |tx| channels::hook(tx, id)).await?;
    let what = action.clone();
    app.write(user.actor(), move |tx, ctx| match what.as_str() {
        "enable" => channels::enable(tx, ctx, id, capabilities, true),
        "disable" => channels::enable(tx, ctx, id, capabilities, false),
        "resume" => channels::resume(tx, ctx, id),
        "remove" => channels::remove(tx, ctx, id),
        "sync" => jobs::wake(tx, ctx, &format!("download {number}")).map(|_| ()),
        "compare" => jobs::wake(tx, ctx, &format!("reconcile {number}")).map(|_| ()),
        "listings" => jobs::wake(tx, ctx, &format!("list_products {number}")).map(|_| ()),
        _ => Err(Error::NotFound("action")),
    })
    .await?;
    if action == "remove" {
        tell_removed(&app, &channel, told).await;
        return Ok(Redirect::to("/channels").into_response());
    }
    Ok(Redirect::to(&format!("/channels/{id}")).into_response())
}

/// Tells the channel that it was removed, and takes its webhook back. That this fails keeps nobody from removing it.
pub(crate) async fn tell_removed(app: &App, channel: &Channel, told: Option<channels::Hook>) {
    let (Ok(kind), Ok(connection)) = (app.kind(&channel.kind), open(app, channel)) else { return };
    if let (Some(hooks), Some(told)) = (kind.hooks(), told)
        && let Err(error) = hooks.unregister(&connection, &told.ids()).await
    {
        tracing::info!(%error, "the channel's webhook could not be taken back");
    }
    if let Err(error) = kind.removed(&connection).await {
        tracing::info!(%error, "the channel could not be told that it was removed");
    }
}
