//! Channels: how each goes, adding one step by step, settings and mappings, listings, rejected payloads, the kind's guide.
//!
//! Remote calls are made between transactions: read, call, write.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use consign_oms::channels::{self, Channel, ChannelSettings, Health, TagMap};
use consign_oms::locations::{self, Location};
use consign_oms::users::Permission;
use consign_oms::{Actor, Error, Refusal, items, jobs, orders};
use consign_ports::{ChannelKind, ConfigField, Connection, FieldKind, PortError, SetupStep, StatusTarget, TagKind};
use consign_values::{ChannelId, InboxId, LocationId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::{ManageChannels, View};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/channels", get(list))
        .route("/channels/add/{kind}", get(add_page).post(add))
        .route("/channels/{id}", get(show))
        .route("/channels/{id}/set-up", get(set_up_page).post(set_up))
        .route("/channels/{id}/settings", post(settings))
        .route("/channels/{id}/statuses", post(statuses))
        .route("/channels/{id}/tags", post(tags))
        .route("/channels/{id}/listings/link", post(link))
        .route("/channels/{id}/retry/{entry}", post(retry))
        .route("/channels/{id}/do/{action}", post(act))
        .route("/channels/guide/{kind}", get(guide))
}

/// What a remote call said, as an error of the page.
fn remote(error: PortError) -> Error {
    Refusal::ChannelCannotRun(error.to_string()).into()
}

fn open(app: &App, channel: &Channel) -> Result<Connection, Error> {
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
            div.cards { @for kind in app.kinds.iter() { div.card {
                h3 { (kind.label()) } p { (kind.summary()) }
                p { a.button href={"/channels/add/" (kind.code())} { "Add" } " " a href={"/channels/guide/" (kind.code())} { "Rules & guidelines" } }
            } } }
        }
    };
    ui::page(&app, &user, "/channels", "Channels", content).await
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
    let content = html! { article.help { h1 { (kind.label()) } (ui::markdown(kind.guide())) } };
    ui::page(&app, &user, "/channels", kind.label(), content).await
}

fn step_form(action: &str, step: &SetupStep, name: Option<&str>, error: Option<&str>) -> Markup {
    html! {
        h1 { (step.title) }
        p { (step.description) }
        @if let Some(error) = error { p.problem role="alert" { (error) } }
        form.stack method="post" action=(action) {
            input type="hidden" name="step" value=(step.name);
            @if let Some(name) = name { label { "Name of the account, shown with its orders" input name="account" required maxlength="255" value=(name); } }
            @for field in &step.fields { (config_field(field)) }
            button.primary { "Next" }
        }
    }
}

fn config_field(field: &ConfigField) -> Markup {
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
                        FieldKind::Password => input type="password" name=(name) autocomplete="off" placeholder="kept if left empty";,
                        _ => input name=(name) value=(field.value) required[field.required] readonly[field.read_only] pattern=[pattern.map(|p| &p.0)] title=[pattern.map(|p| &p.1)];,
                    }
                }
                @if !field.description.is_empty() { small { (field.description) } }
            }
        }
    }
}

async fn add_page(State(app): State<App>, user: ManageChannels, Path(kind): Path<String>) -> Answer<Markup> {
    let kind = app.kind(&kind)?;
    let content = step_form(&format!("/channels/add/{}", kind.code()), &kind.first_step(), Some(""), None);
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

async fn add(
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
            let content = step_form(&action, &again, Some(fields.get("account")), Some(&error.to_string()));
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

async fn fetch_tags(app: &App, actor: Actor, id: ChannelId, kind: &Arc<dyn ChannelKind>) -> Result<(), String> {
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

async fn set_up_page(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>) -> Answer<Markup> {
    let channel = app.read(move |tx| channels::get(tx, ChannelId(id))).await?;
    let kind = app.kind(&channel.kind)?;
    let mut connection = open(&app, &channel)?;
    let step = kind.set_up(&mut connection, "", &Default::default()).await.map_err(remote)?;
    let content = step_form(&format!("/channels/{id}/set-up"), &step, None, None);
    ui::page(&app, &user.0, "/channels", &channel.name, content).await
}

async fn set_up(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>, fields: Fields) -> Answer<Response> {
    let id = ChannelId(id);
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let kind = app.kind(&channel.kind)?;
    let mut connection = open(&app, &channel)?;
    let now = kind.set_up(&mut connection, "", &Default::default()).await.map_err(remote)?;
    let given = answers(&now, &fields);
    match kind.set_up(&mut connection, fields.get("step"), &given).await {
        Err(error) => {
            let content = step_form(&format!("/channels/{id}/set-up"), &now, None, Some(&error.to_string()));
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
    let (channel, health, places, chosen, statuses, tags, listings, rejected, entries) = app
        .read(move |tx| {
            Ok((
                channels::get(tx, id)?,
                channels::health(tx, id)?,
                locations::list(tx)?,
                channels::stock_locations(tx, id)?,
                channels::status_map(tx, id)?,
                channels::tags(tx, id)?,
                channels::list_listings(tx, id, unlinked, &after)?,
                channels::rejected(tx, id)?,
                consign_oms::history::list(tx, "channel", id.0)?,
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
            section { h2 { "Settings" } (settings_form(&channel, kind.as_ref(), &places, &chosen, may)) }
            section {
                @if kind.capabilities().status_mapping {
                    h2 { "Status mapping" }
                    p { "What an order's status on the channel means here. Unmapped ones are not downloaded." }
                    form.stack method="post" action={"/channels/" (id) "/statuses"} {
                        @for status in &statuses { (status_row(&status.code, &status.label, status.means())) }
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
                table.plain-table { tbody { @for entry in entries.iter().take(50) { tr { td { (ui::moment(entry.at)) } td { (entry.actor) } td { strong { (entry.kind) } " " (entry.detail) } } } } }
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

fn settings_form(
    channel: &Channel,
    kind: &dyn ChannelKind,
    places: &[Location],
    chosen: &[LocationId],
    may: bool,
) -> Markup {
    let can = kind.capabilities();
    let tick = |name: &str, on: bool, label: &str| html! { label { span { input type="checkbox" name=(name) value="1" checked[on]; " " (label) } } };
    html! {
        form.stack method="post" action={"/channels/" (channel.id) "/settings"} {
            input type="hidden" name="version" value=(channel.version);
            label { "Name of the account" input name="name" value=(channel.name) required maxlength="255"; }
            label { "Order download location" select name="download_location" { @for place in places { option value=(place.id) selected[place.id == channel.download_location_id] { (place.name) } } } small { "Applies to orders downloaded from now on." } }
            @if can.unpaid { (tick("download_unpaid", channel.download_unpaid, "download unpaid orders, too: they are parked and hold stock until they are paid")) }
            (tick("link_by_sku", channel.link_by_sku, "link by SKU what no listing links"))
            @if can.despatch { (tick("send_despatches", channel.send_despatches, "tell the channel of despatches")) }
            @if can.cancel { (tick("send_cancellations", channel.send_cancellations, "tell the channel of cancellations")) }
            @if can.stock {
                (tick("push_stock", channel.push_stock, "push stock to the channel"))
                @if can.prices { (tick("push_prices", channel.push_prices, "push prices to the channel: those set for it on the items' pages")) }
                fieldset { legend { "Stock of these locations, summed; none ticked means all" }
                    @for place in places { label { span { input type="checkbox" name="stock_location" value=(place.id) checked[chosen.contains(&place.id)]; " " (place.name) } } }
                }
                div.pair {
                    label { "Show at most" input name="max_listed" type="number" min="1" value=[channel.max_listed]; }
                    label { "Show none at or below" input name="end_when" type="number" min="0" value=(channel.end_when); }
                    label { "Show, %" input name="stock_percent" type="number" min="1" max="100" value=(channel.stock_percent); }
                }
            }
            label { "Seconds between downloads" input name="interval_seconds" type="number" min="1" max="86400" value=(channel.interval_seconds); }
            @if may { button.primary { "Save" } }
        }
    }
}

const TARGETS: &[(StatusTarget, &str, &str)] = &[
    (StatusTarget::Unmapped, "unmapped", "Unmapped"),
    (StatusTarget::Paid, "paid", "Paid"),
    (StatusTarget::Unpaid, "unpaid", "Unpaid"),
    (StatusTarget::Shipped, "shipped", "Shipped"),
    (StatusTarget::Cancelled, "cancelled", "Cancelled"),
];

fn status_row(code: &str, label: &str, means: StatusTarget) -> Markup {
    html! {
        label.pair { span { (label) @if label != code { " " span.dim { (code) } } }
            select name={"status." (code)} { @for (target, value, name) in TARGETS { option value=(value) selected[*target == means] { (name) } } }
        }
    }
}

async fn settings(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let id = ChannelId(id);
    let version = fields.int("version")?;
    let new = ChannelSettings {
        name: fields.get("name").to_owned(),
        download_location_id: LocationId(fields.int("download_location")?),
        download_unpaid: fields.ticked("download_unpaid"),
        link_by_sku: fields.ticked("link_by_sku"),
        send_despatches: fields.ticked("send_despatches"),
        send_cancellations: fields.ticked("send_cancellations"),
        push_stock: fields.ticked("push_stock"),
        push_prices: fields.ticked("push_prices"),
        max_listed: fields.maybe_int("max_listed")?,
        end_when: fields.maybe_int("end_when")?.unwrap_or(0),
        stock_percent: fields.maybe_int("stock_percent")?.unwrap_or(100),
        interval_seconds: fields.int("interval_seconds")?,
    };
    let mut places = Vec::new();
    for place in fields.all("stock_location") {
        places.push(LocationId(place.parse().map_err(|_| Error::invalid("stock_location", "must be a location"))?));
    }
    app.write(user.actor(), move |tx, ctx| {
        channels::edit(tx, ctx, id, version, &new)?;
        if channels::stock_locations(tx, id)? != places {
            for place in &places {
                locations::get(tx, *place)?;
            }
            channels::set_stock_locations(tx, ctx, id, &places)?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}

async fn statuses(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| {
        let labels = channels::status_map(tx, ChannelId(id))?;
        let mut rows = Vec::new();
        for (code, value) in fields.with_prefix("status.") {
            let target = TARGETS
                .iter()
                .find(|(_, name, _)| *name == value)
                .ok_or_else(|| Error::invalid("status", "is no target"))?
                .0;
            let label = labels.iter().find(|map| map.code == code).map_or(code, |map| &map.label);
            rows.push((code.to_owned(), label.to_owned(), target));
        }
        channels::set_statuses(tx, ctx, ChannelId(id), &rows)
    })
    .await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}

async fn tags(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let mut rows = Vec::new();
    for (i, kind) in fields.with_prefix("kind.") {
        if !matches!(kind, "shipping" | "payment") {
            return Err(Error::invalid("kind", "must be shipping or payment").into());
        }
        let field = |name: &str| fields.get(&format!("{name}.{i}")).to_owned();
        rows.push(TagMap {
            channel_id: ChannelId(id),
            kind: kind.to_owned(),
            site: field("site"),
            tag: field("tag"),
            label: field("label"),
            carrier: field("carrier"),
            service: field("service"),
        });
    }
    app.write(user.actor(), move |tx, ctx| channels::set_tags(tx, ctx, ChannelId(id), &rows)).await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
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

async fn retry(State(app): State<App>, user: ManageChannels, Path((id, entry)): Path<(i64, i64)>) -> Answer<Redirect> {
    let (channel, reference) = app
        .read(move |tx| {
            let rejected = channels::rejected(tx, ChannelId(id))?;
            let entry = rejected.into_iter().find(|e| e.id.0 == entry).ok_or(Error::NotFound("payload"))?;
            Ok((channels::get(tx, ChannelId(id))?, entry.reference))
        })
        .await?;
    let kind = app.kind(&channel.kind)?;
    let connected = kind.connect(&open(&app, &channel)?).map_err(remote)?;
    let found = connected.fetch_order(reference).await.map_err(remote)?;
    let found =
        found.ok_or_else(|| Error::from(Refusal::ChannelCannotRun("it has no such order any more".to_owned())))?;
    app.write(Actor::Channel(ChannelId(id)), move |tx, ctx| orders::retry_rejected(tx, ctx, InboxId(entry), &found))
        .await?;
    drop(user);
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
        let connection = open(&app, &channel)?;
        if let Err(error) = kind.removed(&connection).await {
            tracing::info!(%error, "the channel could not be told that it was removed");
        }
        return Ok(Redirect::to("/channels").into_response());
    }
    Ok(Redirect::to(&format!("/channels/{id}")).into_response())
}
