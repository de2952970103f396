//! The lists of open and processed orders: search, paging, rows that are fetched anew, the bar of bulk actions.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use consign_oms::locations::{self, Location};
use consign_oms::marks::{self, Mark, MarkKind};
use consign_oms::orders::{self, Count, Filter, Order, Page, Scope, Sort};
use consign_oms::settings::{Opens, preferences};
use consign_oms::users::{self, Permission, User};
use consign_values::{LocationId, MarkId, OrderId};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use crate::access::{View, WorkOrders, is_program};
use crate::problem::Answer;
use crate::{App, exports, ui};

/// The state of the list, as its address holds it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ListQuery {
    location: String,
    q: String,
    sort: String,
    after: String,
    trouble: String,
    folder: String,
    identifier: String,
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
            folder: self.folder.parse().ok().map(MarkId),
            identifier: self.identifier.parse().ok().map(MarkId),
            after,
        }
    }

    fn next(&self, path: &str, (at, id): (i64, i64)) -> String {
        let text = |t: &str| {
            t.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23").replace(' ', "+")
        };
        let (location, sort, trouble) = (text(&self.location), text(&self.sort), text(&self.trouble));
        let (folder, identifier) = (text(&self.folder), text(&self.identifier));
        let marks = format!("folder={folder}&identifier={identifier}");
        format!("{path}?location={location}&q={}&sort={sort}&trouble={trouble}&{marks}&after={at}.{id}", text(&self.q))
    }
}

struct Listed {
    page: Page,
    count: Count,
    places: Vec<Location>,
    folders: Vec<Mark>,
    identifiers: Vec<Mark>,
    carried: Carried,
}

/// The folders and identifiers of the orders on a page.
type Carried = HashMap<OrderId, Vec<Mark>>;

async fn list(app: &App, filter: Filter) -> Answer<Listed> {
    Ok(app
        .read(move |tx| {
            let page = orders::search(tx, &filter)?;
            let ids: Vec<OrderId> = page.orders.iter().map(|order| order.id).collect();
            Ok(Listed {
                page,
                count: orders::count(tx, &filter)?,
                places: locations::list(tx)?,
                folders: marks::list(tx, MarkKind::Folder)?,
                identifiers: marks::list(tx, MarkKind::Identifier)?,
                carried: marks::of_orders(tx, &ids)?,
            })
        })
        .await?)
}

pub(super) fn order_json(order: &Order) -> serde_json::Value {
    json!({
        "id": order.id, "reference": order.reference, "source": order.source, "sub_source": order.sub_source,
        "location": order.location_id, "state": order.state.as_str(), "payment": order.payment.as_str(),
        "parked": order.parked, "locked": order.locked, "tag": order.tag, "stock": order.stock_state.as_str(),
        "despatch": order.despatch_state.as_str(), "total": order.total().to_decimal().to_string(),
        "currency": order.currency, "received_at": order.received_at.to_rfc3339(), "version": order.version
    })
}

pub(super) async fn open(
    State(app): State<App>,
    View(user): View,
    headers: HeaderMap,
    Query(mut query): Query<ListQuery>,
) -> Answer<Response> {
    if query.location.is_empty() {
        let id = user.id;
        let begins = match app.read(move |tx| preferences::load(tx, id)).await?.value.opens {
            Opens::Last => user.location_id,
            Opens::All => None,
            Opens::At(place) => Some(place),
        };
        query.location = begins.map_or("all".to_owned(), |id| id.to_string());
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

fn search_bar(query: &ListQuery, listed: &Listed, path: &str, sorts: bool, exports: bool) -> Markup {
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
            (mark_filter("folder", "Folder", &query.folder, &listed.folders))
            (mark_filter("identifier", "Identifier", &query.identifier, &listed.identifiers))
            button { "Search" }
            @if sorts { a.button href="/drafts" data-key="n" { "New order" } }
            span.count { strong #count { (listed.count) } " orders" }
            @if exports { (exports::links("orders", &format!("?location={}", query.location.parse::<i64>().map_or("all".to_owned(), |id| id.to_string())), "Open orders of the last 31 days, without locked ones")) }
        }
    }
}

fn gone(chosen: &str, marks: &[Mark]) -> bool {
    !chosen.is_empty() && marks.iter().all(|mark| mark.id.to_string() != chosen)
}

/// A filter by folder or identifier. One that is no more says so, instead of only finding nothing.
fn mark_filter(name: &str, label: &str, chosen: &str, marks: &[Mark]) -> Markup {
    let gone = gone(chosen, marks);
    html! { @if !marks.is_empty() || gone {
        label { (label) " " select name=(name) data-submit {
            option value="" { "any" }
            @if gone { option value=(chosen) selected { "⚠ deleted" } }
            @for mark in marks { option value=(mark.id) selected[mark.id.to_string() == chosen] { (mark.name) } }
        } }
    } }
}

fn open_page(user: &User, query: &ListQuery, listed: &Listed) -> Markup {
    let may = user.role.may(Permission::WorkOrders);
    html! {
        h1.hidden { "Open orders" }
        (search_bar(query, listed, "/orders", true, may))
        @if may { (bulk_bar(listed, listed.page.next.map(|_| listed.count))) }
        p.news #news hidden { button type="button" data-reload { "New orders have arrived – show them (r)" } }
        div #results role="status" {}
        @if listed.page.orders.is_empty() {
            p.empty {
                @if gone(&query.folder, &listed.folders) || gone(&query.identifier, &listed.identifiers) { "The folder or identifier that this list is narrowed to has been deleted. " a href="/orders?location=all" { "Show all orders" } }
                @else if !query.folder.is_empty() || !query.identifier.is_empty() { "No open order here carries that. " a href="/orders?location=all" { "Show all orders" } }
                @else if query.q.is_empty() { "No open orders here. Orders arrive from your " a href="/channels" { "channels" } "; look at other locations too." }
                @else { "Nothing found for “" (query.q) "”. A search needs three characters; processed orders are under " a href="/processed" { "Processed" } "." }
            }
        } @else {
            table.grid #orders data-live="order" {
                thead { tr {
                    th.tick { @if may { input type="checkbox" #all aria-label="Select all on this page"; } }
                    th { "Order" } th { "Channel" } th { "Received" } th { "Despatch by" } th { "Customer" } th { "Location" }
                    th.num { "Units" } th.num { "Total" } th { "Stock" } th { "Service" } th { "Signals" }
                } }
                tbody { @for order in &listed.page.orders { (row(order, &listed.places, &listed.carried, may)) } }
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
            kbd { "p" } " process " kbd { "m" } " move " kbd { "h" } " park " kbd { "l" } " lock " kbd { "t" } " tag " kbd { "f" } " more " kbd { "M" } " merge " kbd { "r" } " reload"
        } }
    }
}

/// With `whole`, the count of orders found, if they are more than this page.
fn bulk_bar(listed: &Listed, whole: Option<Count>) -> Markup {
    let places = &listed.places;
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
            button name="action" value="merge" data-key="M" { "Merge …" }
            (more_actions(listed))
        }
    }
}

/// What is done less often to a selection.
fn more_actions(listed: &Listed) -> Markup {
    let choice = |name: &str, label: &str, marks: &[Mark]| {
        html! {
            label { span.hidden { (label) } select name=(name) { @for mark in marks { option value=(mark.id) { (mark.name) } } } }
        }
    };
    html! {
        details.more {
            summary data-key="f" { "More … (f)" }
            div.stack {
                p.pair {
                    @if listed.folders.is_empty() { span.dim { "No folders yet: " a href="/folders" { "make one" } } }
                    @else {
                        (choice("folder", "Folder", &listed.folders))
                        button name="action" value="folder" { "Into folder" }
                        button name="action" value="unfolder" { "Out of it" }
                    }
                }
                p.pair {
                    (choice("identifier", "Identifier", &listed.identifiers))
                    button name="action" value="badge" { "Give" }
                    button name="action" value="unbadge" { "Take off" }
                }
                p.pair {
                    label { span.hidden { "Note" } input name="body" maxlength="4000" placeholder="Note"; }
                    label { input type="checkbox" name="internal" value="1" checked; " internal" }
                    button name="action" value="note" { "Add note" }
                }
                p.pair {
                    label { span.hidden { "Reason" } input name="reason" maxlength="255" placeholder="Reason for cancelling"; }
                    label { input type="checkbox" name="tell_channel" value="1" checked; " tell the channel" }
                    button.danger name="action" value="cancel" data-confirm="Cancel the selected orders? Cancelled orders can't be opened again." { "Cancel" }
                }
            }
        }
    }
}

/// A row of the grid: the page, the update and the tests use this one function.
pub fn row(order: &Order, places: &[Location], carried: &Carried, may: bool) -> Markup {
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
            td.num { (ui::money(order.total())) }
            td { (ui::stock_badge(order.stock_state)) }
            td { (order.carrier) " " (order.service) @if !order.tracking_number.is_empty() { " " span.dim { (order.tracking_number) } } }
            td {
                (ui::signals(order)) (ui::despatch_badge(order.despatch_state))
                @for mark in carried.get(&order.id).into_iter().flatten() { " " (ui::mark(mark)) }
            }
        }
    }
}

pub(super) async fn rows(State(app): State<App>, View(user): View, Query(query): Query<ListQuery>) -> Answer<Markup> {
    let ids: Vec<OrderId> = query.ids.split(',').filter_map(|id| id.parse().ok()).map(OrderId).take(200).collect();
    let filter = query.filter(Scope::Open);
    let whole = Filter { after: None, ..filter.clone() };
    let (found, places, carried, count) = app
        .read(move |tx| {
            let carried = marks::of_orders(tx, &ids)?;
            Ok((orders::list_of(tx, &ids)?, locations::list(tx)?, carried, orders::count(tx, &whole)?))
        })
        .await?;
    let may = user.role.may(Permission::WorkOrders);
    Ok(html! {
        span #count { (count) }
        table { tbody { @for order in found.iter().filter(|order| filter.admits(order) && wears(&filter, carried.get(&order.id))) { (row(order, &places, &carried, may)) } } }
    })
}

/// Whether an order still carries what the list is filtered by.
fn wears(filter: &Filter, marks: Option<&Vec<Mark>>) -> bool {
    let has = |id: &MarkId| marks.is_some_and(|marks| marks.iter().any(|mark| mark.id == *id));
    [filter.folder, filter.identifier].iter().flatten().all(has)
}

/// The ids of all open orders that the list's search finds, at most 10,000: for actions on the whole search.
pub(super) async fn ids(State(app): State<App>, _: WorkOrders, Query(query): Query<ListQuery>) -> Answer<Response> {
    let filter = Filter { after: None, ..query.filter(Scope::Open) };
    let ids = app.read(move |tx| orders::ids(tx, &filter)).await?;
    Ok(Json(json!({ "ids": ids })).into_response())
}

pub(super) async fn ended(
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
        (search_bar(&query, &listed, "/processed", false, false))
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
                    td.num { (ui::money(order.total())) }
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
