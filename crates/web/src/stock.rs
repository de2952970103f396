//! Stock: levels per location, who holds them, why they are what they are; set and adjusted with a reason.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::users::Permission;
use consign_oms::{items, locations, stock};
use consign_values::{ItemId, LocationId};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::{EditStock, View};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, exports, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/stock", get(list))
        .route("/stock/{item}", get(show))
        .route("/stock/{item}/{location}/set", post(set))
        .route("/stock/{item}/{location}/adjust", post(adjust))
        .route("/stock/{item}/{location}/track", post(track))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StockQuery {
    location: String,
    q: String,
    short: String,
    after: String,
}

/// Items on a page; the list gives one more if there is a next page.
const PAGE: usize = 50;

async fn list(State(app): State<App>, View(user): View, Query(query): Query<StockQuery>) -> Answer<Markup> {
    let location = query.location.parse().ok().map(LocationId);
    let (text, after, short) = (query.q.clone(), query.after.clone(), !query.short.is_empty());
    let (mut levels, places) =
        app.read(move |tx| Ok((stock::list(tx, location, &text, short, &after)?, locations::list(tx)?))).await?;
    let more = levels.len() > PAGE;
    levels.truncate(PAGE);
    let content = html! {
        h1.hidden { "Stock" }
        form.bar method="get" action="/stock" role="search" {
            label { "Location " select name="location" data-submit {
                option value="all" { "All, summed" }
                @for place in &places { option value=(place.id) selected[query.location == place.id.to_string()] { (place.name) } }
            } }
            label { span.hidden { "Search" } input #search type="search" name="q" value=(query.q) placeholder="SKU, title or barcode  (/)"; }
            label { input type="checkbox" name="short" value="1" checked[short] data-submit; " only short" }
            button { "Search" }
            (exports::links("stock", &location.map_or_else(String::new, |id| format!("?location={id}")), "All levels at this location"))
        }
        @if levels.is_empty() { p.empty { "Nothing here. " a href="/items/new" { "Make an item" } ", or look for something else." } }
        @else {
            table.grid data-live="item" {
                thead { tr { th { "SKU" } th { "Title" } th.num { "On hand" } th.num { "Allocated" } th.num { "Wanted" } th.num { "Available" } } }
                tbody { @for level in &levels { tr data-id=(level.item_id) {
                    td { a href={"/stock/" (level.item_id)} { (level.sku) } } td { (level.title) }
                    @if level.tracked_count == 0 { td.dim colspan="4" { "not tracked here" } }
                    @else {
                        td.num { (level.on_hand) } td.num { (level.allocated) } td.num { (level.demand) }
                        td.num { strong { (level.available()) } @if level.demand > level.allocated { " " span.badge.bad { "○ " (level.demand - level.allocated) " short" } } }
                    }
                } } }
            }
            @if more { @if let Some(last) = levels.last() {
                p.pages { a rel="next" href={"/stock?location=" (query.location) "&short=" (query.short) "&after=" (last.sku.replace('&', "%26").replace('+', "%2B").replace('#', "%23"))} { "Next page →" } }
            } }
        }
    };
    ui::page(&app, &user, "/stock", "Stock", content).await
}

async fn show(State(app): State<App>, View(user): View, Path(id): Path<i64>) -> Answer<Markup> {
    let id = ItemId(id);
    let (item, parts, names) = app
        .read(move |tx| {
            let item = items::get(tx, id)?;
            let mut parts = Vec::new();
            for place in locations::list(tx)? {
                let level = stock::level(tx, id, place.id)?;
                parts.push((stock::holders(tx, id, place.id)?, stock::ledger(tx, id, place.id)?, level, place));
            }
            Ok((item, parts, ui::names(tx)?))
        })
        .await?;
    let may = user.role.may(Permission::EditStock);
    let content = html! {
        h1 { (item.sku) " " span.dim { (item.title) } }
        p { a href={"/items/" (item.id)} { "Edit the item" } }
        @for (holders, ledger, level, place) in &parts {
            section.level {
                h2 { (place.name) }
                @if level.tracked {
                    p.figures { strong { (level.on_hand) } " on hand · " (level.allocated) " allocated · " (level.demand) " wanted · " strong { (level.available()) } " available" }
                } @else { p.dim { "Not tracked here: no figures are kept, and orders count as covered." } }
                @if place.fulfilment_centre { p.dim { "A fulfilment centre: its figures come from the centre's feed, not from people." } }
                @if may && !place.fulfilment_centre {
                    div.bar {
                        @if level.tracked {
                            form.inline method="post" action={"/stock/" (id) "/" (place.id) "/set"} {
                                label { "Set to " input name="on_hand" type="number" min="0" required size="7"; } label { "because " input name="reason" required maxlength="255" value="counted"; } button { "Set" }
                            }
                            form.inline method="post" action={"/stock/" (id) "/" (place.id) "/adjust"} {
                                label { "Add or take off " input name="change" type="number" required size="7"; } label { "because " input name="reason" required maxlength="255"; } button { "Adjust" }
                            }
                        }
                        form.inline method="post" action={"/stock/" (id) "/" (place.id) "/track"} {
                            input type="hidden" name="tracked" value=(if level.tracked { "" } else { "1" });
                            button.quiet { @if level.tracked { "Stop tracking here" } @else { "Track here" } }
                        }
                    }
                }
                @if !holders.is_empty() {
                    h3 { "Orders that hold or want it" }
                    table.plain-table { tbody { @for holder in holders { tr {
                        td { a href={"/orders/" (holder.order_id)} { (holder.order_id) } " " (holder.source) " " (holder.reference) @if holder.parked { " (parked)" } }
                        td.num { (holder.allocated) " of " (holder.quantity) }
                    } } } }
                }
                @if !ledger.is_empty() {
                    details open[parts.len() == 1] {
                        summary { "Why is it " (level.on_hand) "?" }
                        table.grid { thead { tr { th { "When" } th { "What" } th { "Order" } th { "Who, why" } th.num { "On hand" } th.num { "Allocated" } th.num { "Wanted" } } }
                        tbody { @for e in ledger { tr {
                            td { (ui::moment(e.entry.at)) } td { (e.entry.cause) }
                            td { @if let Some(order) = e.entry.order_id { a href={"/orders/" (order)} { (order) } } }
                            td { (ui::who(&names, &e.entry.actor)) " " (e.entry.reason) }
                            td.num { (signed(e.entry.on_hand_change)) " → " (e.on_hand) } td.num { (signed(e.entry.allocated_change)) " → " (e.allocated) } td.num { (signed(e.entry.demand_change)) " → " (e.demand) }
                        } } } }
                    }
                }
            }
        }
    };
    ui::page(&app, &user, "/stock", &item.sku, content).await
}

fn signed(change: i64) -> String {
    if change == 0 { String::new() } else { format!("{change:+}") }
}

async fn set(
    State(app): State<App>,
    user: EditStock,
    Path((item, location)): Path<(i64, i64)>,
    fields: Fields,
) -> Answer<Redirect> {
    let on_hand = fields.int("on_hand")?;
    app.write(user.actor(), move |tx, ctx| {
        stock::set_level(tx, ctx, ItemId(item), LocationId(location), on_hand, fields.get("reason"))
    })
    .await?;
    Ok(Redirect::to(&format!("/stock/{item}")))
}

async fn adjust(
    State(app): State<App>,
    user: EditStock,
    Path((item, location)): Path<(i64, i64)>,
    fields: Fields,
) -> Answer<Redirect> {
    let by = fields.int("change")?;
    app.write(user.actor(), move |tx, ctx| {
        stock::adjust(tx, ctx, ItemId(item), LocationId(location), by, fields.get("reason"))
    })
    .await?;
    Ok(Redirect::to(&format!("/stock/{item}")))
}

async fn track(
    State(app): State<App>,
    user: EditStock,
    Path((item, location)): Path<(i64, i64)>,
    fields: Fields,
) -> Answer<Redirect> {
    let tracked = fields.ticked("tracked");
    app.write(user.actor(), move |tx, ctx| stock::set_tracked(tx, ctx, ItemId(item), LocationId(location), tracked))
        .await?;
    Ok(Redirect::to(&format!("/stock/{item}")))
}
