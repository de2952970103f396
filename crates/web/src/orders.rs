//! Open orders, processed orders, one order, and everything that is done to them.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use consign_oms::despatch;
use consign_oms::locations::{self, Location};
use consign_oms::orders::{self, Count, Filter, LineView, Order, OrderView, Page, Scope, Sort};
use consign_oms::users::{self, Permission, User};
use consign_oms::{Ctx, Error, items};
use consign_values::{Address, LineId, LocationId, Money, OrderId};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use crate::access::{DeleteOrders, View, WorkOrders, is_program};
use crate::fields::Fields;
use crate::problem::{Answer, describe};
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(|| async { Redirect::to("/orders") }))
        .route("/orders", get(open))
        .route("/processed", get(ended))
        .route("/orders/rows", get(rows))
        .route("/orders/ids", get(ids))
        .route("/orders/bulk", post(bulk))
        .route("/orders/{id}", get(show))
        .route("/orders/{id}/{action}", post(act))
        .route("/orders/{id}/delete", post(delete))
        .route("/orders/{id}/lines/{line}/link", post(link))
}

/// The state of the list, as its address holds it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    location: String,
    q: String,
    sort: String,
    after: String,
    trouble: String,
    ids: String,
}

impl ListQuery {
    fn filter(&self, scope: Scope) -> Filter {
        let after = self.after.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
        Filter {
            scope,
            location: self.location.parse().ok().map(LocationId),
            text: self.q.chars().take(100).collect(),
            sort: if self.sort == "despatch" { Sort::DespatchBy } else { Sort::Newest },
            trouble: !self.trouble.is_empty(),
            after,
        }
    }

    fn next(&self, path: &str, (at, id): (i64, i64)) -> String {
        let text = |t: &str| {
            t.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23").replace(' ', "+")
        };
        let (location, sort, trouble) = (text(&self.location), text(&self.sort), text(&self.trouble));
        format!("{path}?location={location}&q={}&sort={sort}&trouble={trouble}&after={at}.{id}", text(&self.q))
    }
}

struct Listed {
    page: Page,
    count: Count,
    places: Vec<Location>,
}

async fn list(app: &App, filter: Filter) -> Answer<Listed> {
    Ok(app
        .read(move |tx| {
            Ok(Listed {
                page: orders::search(tx, &filter)?,
                count: orders::count(tx, &filter)?,
                places: locations::list(tx)?,
            })
        })
        .await?)
}

fn order_json(order: &Order) -> serde_json::Value {
    json!({
        "id": order.id, "reference": order.reference, "source": order.source, "sub_source": order.sub_source,
        "location": order.location_id, "state": order.state.as_str(), "payment": order.payment.as_str(),
        "parked": order.parked, "locked": order.locked, "tag": order.tag, "stock": order.stock_state.as_str(),
        "despatch": order.despatch_state.as_str(), "total": order.total().to_decimal().to_string(),
        "currency": order.currency, "received_at": order.received_at.to_rfc3339(), "version": order.version
    })
}

async fn open(
    State(app): State<App>,
    View(user): View,
    headers: HeaderMap,
    Query(mut query): Query<ListQuery>,
) -> Answer<Response> {
    if query.location.is_empty() {
        query.location = user.location_id.map_or("all".to_owned(), |id| id.to_string());
    }
    let filter = query.filter(Scope::Open);
    if filter.location != user.location_id {
        let (id, location) = (user.id, filter.location);
        app.write(consign_oms::Actor::User(id), move |tx, ctx| users::set_location(tx, ctx, id, location)).await?;
    }
    let listed = list(&app, filter).await?;
    if is_program(&headers) {
        let next = listed.page.next.map(|next| query.next("/orders", next));
        let orders: Vec<_> = listed.page.orders.iter().map(order_json).collect();
        return Ok(Json(json!({"orders": orders, "next": next})).into_response());
    }
    let content = open_page(&user, &query, &listed);
    Ok(ui::page(&app, &user, "/orders", "Open orders", content).await?.into_response())
}

fn search_bar(query: &ListQuery, listed: &Listed, path: &str, sorts: bool) -> Markup {
    html! {
        form.bar method="get" action=(path) role="search" {
            label { "Location " select name="location" data-submit {
                option value="all" selected[query.location == "all"] { "All locations" }
                @for place in &listed.places {
                    option value=(place.id) selected[query.location == place.id.to_string()] { (place.name) }
                }
            } }
            label { span.hidden { "Search" } input #search type="search" name="q" value=(query.q) placeholder="Search: reference, name, postcode, SKU …  (/)" maxlength="100"; }
            @if sorts {
                label { "Sort " select name="sort" data-submit {
                    option value="newest" { "newest first" }
                    option value="despatch" selected[query.sort == "despatch"] { "despatch by" }
                } }
            }
            button { "Search" }
            span.count { strong #count { (listed.count) } " orders" }
        }
    }
}

fn open_page(user: &User, query: &ListQuery, listed: &Listed) -> Markup {
    let may = user.role.may(Permission::WorkOrders);
    html! {
        h1.hidden { "Open orders" }
        (search_bar(query, listed, "/orders", true))
        @if may { (bulk_bar(&listed.places, listed.page.next.map(|_| listed.count))) }
        p.news #news hidden { button type="button" data-reload { "New orders have arrived – show them (r)" } }
        div #results role="status" {}
        @if listed.page.orders.is_empty() {
            p.empty {
                @if query.q.is_empty() { "No open orders here. Orders arrive from your " a href="/channels" { "channels" } "; look at other locations too." }
                @else { "Nothing found for “" (query.q) "”. A search needs three characters; processed orders are under " a href="/processed" { "Processed" } "." }
            }
        } @else {
            table.grid #orders data-live="order" {
                thead { tr {
                    th.tick { @if may { input type="checkbox" #all aria-label="Select all on this page"; } }
                    th { "Order" } th { "Channel" } th { "Received" } th { "Despatch by" } th { "Customer" } th { "Location" }
                    th.num { "Units" } th.num { "Total" } th { "Stock" } th { "Service" } th { "Signals" }
                } }
                tbody { @for order in &listed.page.orders { (row(order, &listed.places, may)) } }
            }
            @if let Some(next) = listed.page.next { p.pages { a rel="next" href=(query.next("/orders", next)) { "Next page →" } } }
        }
        (keys())
    }
}

fn keys() -> Markup {
    html! {
        details.keys { summary { "Keys (?)" } p {
            kbd { "/" } " search " kbd { "j" } kbd { "k" } " down, up " kbd { "x" } " select " kbd { "a" } " all on the page " kbd { "A" } " all found " kbd { "Enter" } " open "
            kbd { "p" } " process " kbd { "m" } " move " kbd { "h" } " park " kbd { "l" } " lock " kbd { "t" } " tag " kbd { "r" } " reload"
        } }
    }
}

/// With `whole`, the count of orders found, if they are more than this page.
fn bulk_bar(places: &[Location], whole: Option<Count>) -> Markup {
    html! {
        form.bar.bulk #bulk method="post" action="/orders/bulk" {
            span #selected { "0 selected" }
            @if let Some(count) = whole { button type="button" #whole data-key="A" data-count=(count) { "Select all " (count) } }
            button type="button" #stop hidden { "Stop" }
            button.primary name="action" value="process" data-key="p" { "Process" }
            label { span.hidden { "Move to" } select name="location" #move-to { @for place in places { option value=(place.id) { (place.name) } } } }
            button name="action" value="move" data-key="m" { "Move" }
            button name="action" value="park" data-key="h" { "Park" }
            button name="action" value="unpark" { "Unpark" }
            button name="action" value="lock" data-key="l" { "Lock" }
            button name="action" value="unlock" { "Unlock" }
            label { span.hidden { "Tag" } select name="tag" { @for tag in 0..=6 { option value=(tag) { @if tag == 0 { "no tag" } @else { "tag " (tag) } } } } }
            button name="action" value="tag" data-key="t" { "Tag" }
        }
    }
}

/// A row of the grid: the page, the update and the tests use this one function.
pub fn row(order: &Order, places: &[Location], may: bool) -> Markup {
    let place = places.iter().find(|place| place.id == order.location_id).map_or("?", |place| &place.name);
    html! {
        tr data-id=(order.id) .held[order.parked || order.locked] {
            td.tick { @if may { input type="checkbox" name="ids" value=(order.id) form="bulk" aria-label={"Select order " (order.id)}; } }
            td { a href={"/orders/" (order.id)} { (order.id) } " " span.dim { (order.reference) } }
            td { (order.source) " " span.dim { (order.sub_source) } }
            td { (ui::moment(order.received_at)) }
            td { @if let Some(by) = order.deadline() { (ui::moment(by)) } @else { span.dim { "–" } } }
            td { (order.full_name) " " span.dim { (order.postcode) " " (order.country_code) } }
            td { (place) }
            td.num { (order.unit_count) }
            td.num { (order.total()) }
            td { (ui::stock_badge(order.stock_state)) }
            td { (order.carrier) " " (order.service) @if !order.tracking_number.is_empty() { " " span.dim { (order.tracking_number) } } }
            td { (ui::signals(order)) (ui::despatch_badge(order.despatch_state)) }
        }
    }
}

async fn rows(State(app): State<App>, View(user): View, Query(query): Query<ListQuery>) -> Answer<Markup> {
    let ids: Vec<OrderId> = query.ids.split(',').filter_map(|id| id.parse().ok()).map(OrderId).take(200).collect();
    let filter = query.filter(Scope::Open);
    let whole = Filter { after: None, ..filter.clone() };
    let (found, places, count) =
        app.read(move |tx| Ok((orders::list_of(tx, &ids)?, locations::list(tx)?, orders::count(tx, &whole)?))).await?;
    let may = user.role.may(Permission::WorkOrders);
    Ok(html! {
        span #count { (count) }
        table { tbody { @for order in found.iter().filter(|order| filter.admits(order)) { (row(order, &places, may)) } } }
    })
}

/// The ids of all open orders that the list's search finds, at most 10,000: for actions on the whole search.
async fn ids(State(app): State<App>, _: WorkOrders, Query(query): Query<ListQuery>) -> Answer<Response> {
    let filter = Filter { after: None, ..query.filter(Scope::Open) };
    let ids = app.read(move |tx| orders::ids(tx, &filter)).await?;
    Ok(Json(json!({ "ids": ids })).into_response())
}

async fn ended(
    State(app): State<App>,
    View(user): View,
    headers: HeaderMap,
    Query(mut query): Query<ListQuery>,
) -> Answer<Response> {
    if query.location.is_empty() {
        query.location = "all".to_owned();
    }
    let listed = list(&app, query.filter(Scope::Ended)).await?;
    if is_program(&headers) {
        let next = listed.page.next.map(|next| query.next("/processed", next));
        let orders: Vec<_> = listed.page.orders.iter().map(order_json).collect();
        return Ok(Json(json!({"orders": orders, "next": next})).into_response());
    }
    let content = html! {
        h1.hidden { "Processed orders" }
        (search_bar(&query, &listed, "/processed", false))
        @if query.trouble.is_empty() { p.bar { a href="/processed?trouble=1" { "Only despatches that were rejected or failed" } } }
        @else { p.bar { a href="/processed" { "All processed orders" } } }
        @if listed.page.orders.is_empty() { p.empty { "No processed or cancelled orders here yet." } }
        @else {
            table.grid #orders {
                thead { tr { th { "Order" } th { "Channel" } th { "Ended" } th { "State" } th { "Customer" } th.num { "Total" } th { "Carrier" } th { "Tracking" } th { "Channel told" } } }
                tbody { @for order in &listed.page.orders { tr data-id=(order.id) {
                    td { a href={"/orders/" (order.id)} { (order.id) } " " span.dim { (order.reference) } }
                    td { (order.source) " " span.dim { (order.sub_source) } }
                    td { @if let Some(at) = order.ended_at { (ui::moment(at)) } }
                    td { (order.state) }
                    td { (order.full_name) " " span.dim { (order.postcode) } }
                    td.num { (order.total()) }
                    td { (order.carrier) " " (order.service) }
                    td { (order.tracking_number) }
                    td { (ui::despatch_badge(order.despatch_state)) }
                } } }
            }
            @if let Some(next) = listed.page.next { p.pages { a rel="next" href=(query.next("/processed", next)) { "Next page →" } } }
        }
    };
    Ok(ui::page(&app, &user, "/processed", "Processed orders", content).await?.into_response())
}

/// One action of the desk on one order.
fn apply(tx: &mut consign_db::Tx<'_>, ctx: &Ctx<'_>, id: OrderId, action: &str, fields: &Fields) -> Result<(), Error> {
    match action {
        "process" => orders::process(tx, ctx, id),
        "move" => orders::move_to(tx, ctx, id, LocationId(fields.int("location")?)),
        "park" => orders::park(tx, ctx, id, fields.get("note")),
        "unpark" => orders::unpark(tx, ctx, id),
        "lock" => orders::lock(tx, ctx, id, fields.get("note")),
        "unlock" => orders::unlock(tx, ctx, id),
        "tag" => orders::set_tag(tx, ctx, id, fields.int("tag")?),
        "ship" => orders::set_shipping(
            tx,
            ctx,
            id,
            fields.get("carrier"),
            fields.get("service"),
            fields.get("tracking_number"),
        ),
        "note" => orders::add_note(tx, ctx, id, fields.get("body"), fields.ticked("internal")),
        "cancel" => orders::cancel(tx, ctx, id, fields.get("reason"), fields.ticked("tell_channel")),
        "send-again" => despatch::send_again(tx, ctx, id),
        _ => Err(Error::NotFound("action")),
    }
}

/// Each order in a transaction of its own: what can't be done is reported, the rest is done.
async fn bulk(State(app): State<App>, user: WorkOrders, headers: HeaderMap, fields: Fields) -> Answer<Response> {
    let ids = fields.ids("ids")?;
    let action = fields.get("action").to_owned();
    if !["process", "move", "park", "unpark", "lock", "unlock", "tag"].contains(&action.as_str()) {
        return Err(Error::invalid("action", "is not one of process, move, park, unpark, lock, unlock, tag").into());
    }
    let mut results = Vec::new();
    for id in ids {
        let (action, fields) = (action.clone(), fields.clone());
        let done = app.write(user.actor(), move |tx, ctx| apply(tx, ctx, OrderId(id), &action, &fields)).await;
        results.push((id, done));
    }
    if is_program(&headers) {
        let results: Vec<_> = results
            .iter()
            .map(|(id, done)| match done {
                Ok(()) => json!({"id": id, "ok": true}),
                Err(error) => {
                    let (_, code, detail) = describe(error);
                    json!({"id": id, "ok": false, "code": code, "error": detail})
                }
            })
            .collect();
        return Ok(Json(json!({"results": results})).into_response());
    }
    let done = results.iter().filter(|(_, done)| done.is_ok()).count();
    let content = html! {
        h1 { (action) ": " (done) " of " (results.len()) " orders" }
        ul { @for (id, result) in &results { @if let Err(error) = result { li { a href={"/orders/" (id)} { (id) } ": " (describe(error).2) } } } }
        p { a href="/orders" { "Back to the open orders" } }
    };
    Ok(ui::page(&app, &user.0, "/orders", "Done", content).await?.into_response())
}

async fn act(
    State(app): State<App>,
    user: WorkOrders,
    headers: HeaderMap,
    Path((id, action)): Path<(i64, String)>,
    fields: Fields,
) -> Answer<Response> {
    app.write(user.actor(), move |tx, ctx| apply(tx, ctx, OrderId(id), &action, &fields)).await?;
    Ok(done(&headers, &format!("/orders/{id}")))
}

fn done(headers: &HeaderMap, to: &str) -> Response {
    if is_program(headers) { Json(json!({"ok": true})).into_response() } else { Redirect::to(to).into_response() }
}

async fn delete(
    State(app): State<App>,
    user: DeleteOrders,
    headers: HeaderMap,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Response> {
    app.write(user.actor(), move |tx, ctx| orders::delete(tx, ctx, OrderId(id), fields.get("reason"))).await?;
    Ok(done(&headers, "/orders"))
}

async fn link(
    State(app): State<App>,
    user: WorkOrders,
    headers: HeaderMap,
    Path((id, line)): Path<(i64, i64)>,
    fields: Fields,
) -> Answer<Response> {
    app.write(user.actor(), move |tx, ctx| {
        let item = items::find_by_sku(tx, fields.get("sku").trim())?
            .ok_or_else(|| Error::invalid("sku", "is not the SKU of an item"))?;
        orders::link_line(tx, ctx, OrderId(id), LineId(line), item.id, fields.ticked("remember"))
    })
    .await?;
    Ok(done(&headers, &format!("/orders/{id}")))
}

async fn show(State(app): State<App>, View(user): View, headers: HeaderMap, Path(id): Path<i64>) -> Answer<Response> {
    let (view, places, names) = app
        .read(move |tx| {
            let names: HashMap<String, String> =
                users::list(tx)?.into_iter().map(|user| (format!("user {}", user.id), user.name)).collect();
            Ok((orders::view(tx, OrderId(id))?, locations::list(tx)?, names))
        })
        .await?;
    if is_program(&headers) {
        return Ok(Json(order_json(&view.order)).into_response());
    }
    let content = order_page(
        &view,
        &places,
        &names,
        user.role.may(Permission::WorkOrders),
        user.role.may(Permission::DeleteOrders),
    );
    let title = format!("Order {id}");
    Ok(ui::page(&app, &user, "/orders", &title, content).await?.into_response())
}

fn order_page(
    view: &OrderView,
    places: &[Location],
    names: &HashMap<String, String>,
    may_work: bool,
    may_delete: bool,
) -> Markup {
    let order = &view.order;
    let who = |actor: &str| names.get(actor).cloned().unwrap_or_else(|| actor.to_owned());
    let place = places.iter().find(|place| place.id == order.location_id).map_or("?", |place| &place.name);
    html! {
        div #order data-live-order=(order.id) {
            h1 { "Order " (order.id) " " span.dim { (order.source) " " (order.sub_source) " " (order.reference) } }
            p.summary {
                span.badge { (order.state) } " " span.badge { (order.payment) } " " (ui::stock_badge(order.stock_state)) " "
                (ui::signals(order)) " " (ui::despatch_badge(order.despatch_state)) " at " strong { (place) }
            }
            @if may_work { (action_bar(order, places, may_delete)) }
            div.columns {
                section { h2 { "Lines" } (lines(view, may_work)) (money(view)) }
                section {
                    h2 { "Customer" }
                    div.pair { (address("Deliver to", &view.delivery)) @if !view.billing.is_empty() { (address("Bill to", &view.billing)) } }
                    h2 { "Shipping" } (shipping(order, may_work))
                    @if !view.holds.is_empty() {
                        h2 { "Put aside" }
                        ul { @for hold in &view.holds { li { (hold.kind) " by " (who(&hold.actor)) " (" (hold.reason) ") " (hold.note) " " (ui::moment(hold.at)) } } }
                    }
                    @if !view.messages.is_empty() { (messages(view)) }
                }
                section {
                    h2 { "Notes" }
                    @for note in &view.notes { p.note { (note.body) br; small { (who(&note.author)) " " (ui::moment(note.at)) @if note.internal { " internal" } } } }
                    @if may_work {
                        form.stack method="post" action={"/orders/" (order.id) "/note"} {
                            label { span.hidden { "Note" } textarea name="body" rows="2" maxlength="4000" required placeholder="Add a note" {} }
                            label { input type="checkbox" name="internal" value="1" checked; " internal, never for the buyer" }
                            button { "Add note" }
                        }
                    }
                }
                section {
                    h2 #why { "Why?" }
                    table.plain-table { tbody { @for d in &view.decisions { tr { th { (d.subject) } td { (named(&d.outcome, places)) br; small { (d.because) " – " (ui::moment(d.at)) } } } } } }
                    h3 { "Who set what last" }
                    p { @for (field, actor) in orders::provenance(&view.detail) { span.badge.dim { (field) ": " (who(&actor)) } " " } }
                }
                section.wide {
                    h2 { "History" }
                    table.plain-table { tbody { @for entry in &view.history { tr { td { (ui::moment(entry.at)) } td { (who(&entry.actor)) } td { strong { (entry.kind) } " " (entry.detail) } } } } }
                }
            }
        }
    }
}

/// A decision's outcome with the location's name instead of its number.
fn named(outcome: &str, places: &[Location]) -> String {
    let number = outcome.strip_prefix("location ").and_then(|id| id.parse::<i64>().ok());
    match number.and_then(|id| places.iter().find(|place| place.id.0 == id)) {
        Some(place) => place.name.clone(),
        None => outcome.to_owned(),
    }
}

fn action_bar(order: &Order, places: &[Location], may_delete: bool) -> Markup {
    use orders::Action;
    let possible = orders::actions(order);
    let can = |action| possible.contains(&action);
    let button = |action: Action, path: &str, label: &str, key: &str| {
        html! { form method="post" action={"/orders/" (order.id) "/" (path)} {
            button.primary[action == Action::Process] disabled[!can(action)] data-key=(key)
                title=[orders::refusal(order, action).map(|refusal| refusal.to_string())] { (label) }
        } }
    };
    html! {
        div.bar.actions {
            (button(Action::Process, "process", "Process", "p"))
            form method="post" action={"/orders/" (order.id) "/move"} {
                label { span.hidden { "Move to" } select name="location" { @for place in places.iter().filter(|place| place.id != order.location_id) { option value=(place.id) { (place.name) } } } }
                button disabled[!can(Action::Move) || places.len() < 2] data-key="m" { "Move" }
            }
            @if can(Action::Unpark) { (button(Action::Unpark, "unpark", "Unpark", "h")) } @else { (button(Action::Park, "park", "Park", "h")) }
            @if can(Action::Unlock) { (button(Action::Unlock, "unlock", "Unlock", "l")) } @else { (button(Action::Lock, "lock", "Lock", "l")) }
            form method="post" action={"/orders/" (order.id) "/tag"} {
                label { span.hidden { "Tag" } select name="tag" { @for tag in 0..=6 { option value=(tag) selected[order.tag == tag] { @if tag == 0 { "no tag" } @else { "tag " (tag) } } } } }
                button disabled[!can(Action::Tag)] { "Tag" }
            }
            @if can(Action::SendAgain) { (button(Action::SendAgain, "send-again", "Send again", "s")) }
            @if can(Action::Cancel) {
                details { summary { "Cancel …" } form.stack method="post" action={"/orders/" (order.id) "/cancel"} {
                    p { "A cancelled order can't be opened again." }
                    label { "Reason" input name="reason" required maxlength="255"; }
                    label { input type="checkbox" name="tell_channel" value="1" checked; " tell the channel" }
                    button.danger { "Cancel the order" }
                } }
            }
            @if may_delete && can(Action::Delete) {
                details { summary { "Delete …" } form.stack method="post" action={"/orders/" (order.id) "/delete"} {
                    p { "The order is gone for good, and the channel can't bring it back. Nothing is told to the channel." }
                    label { "Reason" input name="reason" required maxlength="255"; }
                    button.danger { "Delete the order" }
                } }
            }
        }
    }
}

fn lines(view: &OrderView, may_work: bool) -> Markup {
    let amount = |amount| Money { amount, currency: view.order.currency };
    html! {
        table.grid {
            thead { tr { th { "Item" } th { "As sold" } th.num { "Qty" } th.num { "Held" } th.num { "Price" } } }
            tbody { @for line in &view.lines { tr {
                td {
                    @match (&line.sku, line.item_id) {
                        (Some(sku), Some(item)) => { a href={"/stock/" (item)} { (sku) } }
                        _ if line.is_service => { span.dim { "service" } }
                        _ => { span.badge.warn { "? unlinked" } @if may_work { (link_form(view, line)) } }
                    }
                }
                td { (line.title) br; small { (line.channel_sku) } }
                td.num { (line.quantity) @if line.shipped_before > 0 { br; small { (line.shipped_before) " shipped before" } } }
                td.num { @if let (Some(wanted), Some(held)) = (line.wanted, line.allocated) { (held) " of " (wanted) } @else { "–" } }
                td.num { (amount(line.unit_price)) }
            } } }
        }
    }
}

fn link_form(view: &OrderView, line: &LineView) -> Markup {
    html! {
        form.inline method="post" action={"/orders/" (view.order.id) "/lines/" (line.id) "/link"} {
            label { span.hidden { "SKU of the item" } input name="sku" required placeholder="SKU of the item" value=(line.channel_sku) size="14"; }
            label title="and link the listing and all other waiting orders" { input type="checkbox" name="remember" value="1" checked; " for all" }
            button { "Link" }
        }
    }
}

fn money(view: &OrderView) -> Markup {
    let amount = |amount| Money { amount, currency: view.order.currency };
    html! {
        dl.money {
            dt { "Items" } dd { (amount(view.detail.subtotal)) }
            dt { "Postage" } dd { (amount(view.detail.postage)) }
            @if view.detail.discount != 0 { dt { "Discount" } dd { "–" (amount(view.detail.discount)) } }
            dt { "Tax in it" } dd { (amount(view.detail.tax)) }
            dt { strong { "Total" } } dd { strong { (view.order.total()) } }
            @if !view.detail.payment_method.is_empty() { dt { "Paid by" } dd { (view.detail.payment_method) } }
        }
    }
}

fn address(label: &str, address: &Address) -> Markup {
    let parts = [
        &address.full_name,
        &address.company,
        &address.line1,
        &address.line2,
        &address.line3,
        &address.town,
        &address.region,
        &address.postcode,
    ];
    html! {
        div { h3 { (label) } address {
            @for part in parts.iter().filter(|part| !part.is_empty()) { (part) br; }
            @if address.country.is_empty() { (address.country_code) } @else { (address.country) }
            @if !address.email.is_empty() { br; (address.email) }
            @if !address.phone.is_empty() { br; (address.phone) }
        } }
    }
}

fn shipping(order: &Order, may_work: bool) -> Markup {
    let blocked = orders::refusal(order, orders::Action::Ship).is_some() || !may_work;
    html! {
        form.inline method="post" action={"/orders/" (order.id) "/ship"} {
            label { "Carrier" input name="carrier" value=(order.carrier) maxlength="128" disabled[blocked]; }
            label { "Service" input name="service" value=(order.service) maxlength="128" disabled[blocked]; }
            label { "Tracking number" input name="tracking_number" value=(order.tracking_number) maxlength="128" disabled[blocked]; }
            @if !blocked { button { "Save" } }
        }
    }
}

fn messages(view: &OrderView) -> Markup {
    html! {
        h2 { "Told to the channel" }
        table.plain-table { tbody { @for message in &view.messages { tr {
            td { (message.kind) } td { (message.state) } td { (message.attempts) " tries" }
            td { (message.carrier) " " (message.tracking_number) @if !message.last_error.is_empty() { br; small { (message.last_error) } } }
        } } } }
    }
}
