//! One order: what it is, what can be done with it, and why everything is as it is.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use consign_oms::locations::{self, Location};
use consign_oms::marks::{self, Mark, MarkKind};
use consign_oms::orders::{
    self, Action, CentreState, CentreStatus, LineView, Order, OrderState, OrderView, Relation, RelationKind,
};
use consign_oms::rules::{self, ActionResult, RuleRun};
use consign_oms::settings::{self, Currencies};
use consign_oms::users::Permission;
use consign_values::{Address, Money, OrderId};
use maud::{Markup, html};

use super::carried;
use super::list::order_json;
use crate::access::{View, is_program};
use crate::problem::Answer;
use crate::{App, ui};

pub(super) async fn show(
    State(app): State<App>,
    View(user): View,
    headers: HeaderMap,
    Path(id): Path<i64>,
) -> Answer<Response> {
    let (view, around) = app
        .read(move |tx| {
            let mut marks = marks::list(tx, MarkKind::Folder)?;
            marks.extend(marks::list(tx, MarkKind::Identifier)?);
            let around = Around {
                places: locations::list(tx)?,
                marks,
                runs: rules::runs(tx, OrderId(id))?,
                names: ui::names(tx)?,
                currencies: settings::get::<Currencies>(tx)?,
            };
            Ok((orders::view(tx, OrderId(id))?, around))
        })
        .await?;
    if is_program(&headers) {
        return Ok(Json(order_json(&view.order)).into_response());
    }
    let may = |permission| user.role.may(permission);
    let content = order_page(&view, &around, may(Permission::WorkOrders), may(Permission::DeleteOrders));
    let title = format!("Order {id}");
    Ok(ui::page(&app, &user, "/orders", &title, content).await?.into_response())
}

/// What the page shows beside the order.
struct Around {
    places: Vec<Location>,
    marks: Vec<Mark>,
    runs: Vec<RuleRun>,
    names: HashMap<String, String>,
    currencies: Currencies,
}

fn order_page(view: &OrderView, around: &Around, may_work: bool, may_delete: bool) -> Markup {
    let Around { places, marks, runs, names, currencies } = around;
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
            (centre(order, place, may_work))
            @if may_work { (action_bar(view, places, may_delete)) }
            div.columns {
                section { h2 { "Lines" } (lines(view, may_work)) (money(view, currencies)) }
                section {
                    h2 { "Customer" }
                    @if view.decisions.iter().any(|one| one.subject == "retention") { p.dim { "The personal data was removed: see History." } }
                    div.pair { (address("Deliver to", &view.delivery)) @if !view.billing.is_empty() { (address("Bill to", &view.billing)) } }
                    h2 { "Shipping" } (shipping(order, may_work))
                    @if !view.holds.is_empty() {
                        h2 { "Put aside" }
                        ul { @for hold in &view.holds { li { (hold.kind) " by " (who(&hold.actor)) " (" (hold.reason) ") " (hold.note) " " (ui::moment(hold.at)) } } }
                    }
                    @if !view.relations.is_empty() { (relations(order.id, &view.relations)) }
                    @if !view.messages.is_empty() { (messages(view)) }
                }
                section {
                    (carried::marks(view, marks, may_work))
                    (carried::properties(view, may_work))
                    (carried::notes(view, names, may_work))
                }
                section {
                    h2 #why { "Why?" }
                    table.plain-table { tbody { @for d in &view.decisions { tr { th { (d.subject) } td { (named(&d.outcome, places)) br; small { (d.because) " – " (ui::moment(d.at)) } } } } } }
                    (rule_runs(runs))
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

/// What each rule saw and did, each time that they ran.
fn rule_runs(runs: &[RuleRun]) -> Markup {
    html! { @for run in runs { details {
        summary { "Rules, " (ui::moment(run.at)) " – " (run.cause) }
        @for rule in run.trace() {
            h3 { (rule.name) " " span.dim { "version " (rule.version) } @if rule.leaf.is_none() { " " span.badge.dim { "○ did not match" } } }
            ul { @for step in &rule.steps { li {
                (step.name) " " @if step.matched { span.badge.good { "● matched" } } @else { span.badge.dim { "○ no" } }
                @if !step.tests.is_empty() { ul { @for test in &step.tests { li { (test.asks) @if !test.held { " – " strong { "no" } } ", saw " code { (test.seen) } } } } }
            } } }
            ul { @for action in &rule.actions { li { @match action.result {
                ActionResult::Done | ActionResult::Untried => { "✓ " (action.what) }
                ActionResult::Kept => { "– " (action.what) ": left, " (action.why) }
                ActionResult::Failed => { span.badge.bad { "✕ failed" } " " (action.what) ": " (action.why) }
            } } } }
        }
    } } }
}

/// What a fulfilment centre has to do with the order, and the form for its answer.
fn centre(order: &Order, place: &str, may_work: bool) -> Markup {
    let labels = [
        (CentreStatus::Shipped, "it has shipped it"),
        (CentreStatus::Acknowledged, "it has taken it on"),
        (CentreStatus::Cancelled, "it will not ship it: the order is ours again"),
        (CentreStatus::Error, "something is wrong (say what)"),
        (CentreStatus::Complete, "it is done with it: shipped"),
    ];
    match (order.centre, order.state) {
        (CentreState::Held, OrderState::Open) => html! {
            p.summary { span.badge.warn { "⇄ with a fulfilment centre" } " " (place) " has this order. It stays as it is until the centre answers." }
            @if may_work { details {
                summary data-key="c" { "Record the centre's answer (c) …" }
                form.stack method="post" action={"/orders/" (order.id) "/centre"} {
                    (version(order))
                    label { "The centre says" select name="status" { @for (status, label) in labels { option value=(status) { (label) } } } }
                    label { "In its words" input name="text" maxlength="255"; }
                    label { "Carrier" input name="carrier" maxlength="128" value=(order.carrier); }
                    label { "Service" input name="service" maxlength="128" value=(order.service); }
                    label { "Tracking number" input name="tracking_number" maxlength="128" value=(order.tracking_number); }
                    p.dim { "Shipped: the order is processed, and its channel is told carrier, service and tracking number." }
                    button.primary { "Record the answer" }
                }
            } }
        },
        (CentreState::Released, OrderState::Open) => html! {
            p.problem { "The fulfilment centre " (place) " will not ship this order. Move it to another location." }
        },
        _ => html! {},
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

/// Which state of the order a form was made from.
pub(super) fn version(order: &Order) -> Markup {
    html! { input type="hidden" name="version" value=(order.version); }
}

/// Notes that have to be read stand in the question that the button asks.
fn process_button(view: &OrderView, possible: &[Action]) -> Markup {
    let order = &view.order;
    let notes: Vec<&str> = view.notes.iter().filter(|note| note.processing).map(|note| note.body.as_str()).collect();
    let question = (!notes.is_empty()).then(|| format!("Read before processing:\n\n{}", notes.join("\n\n")));
    html! { form method="post" action={"/orders/" (order.id) "/process"} {
        (version(order))
        @if question.is_some() { input type="hidden" name="notes_read" value="1"; }
        button.primary disabled[!possible.contains(&Action::Process)] data-key="p" data-confirm=[question]
            title=[orders::refusal(order, Action::Process).map(|refusal| refusal.to_string())] { "Process" }
    } }
}

fn link_to(order: &Order, possible: &[Action], action: Action, path: &str, label: &str, key: &str) -> Markup {
    html! { form method="get" action={"/orders/" (order.id) "/" (path)} {
        button disabled[!possible.contains(&action)] data-key=(key)
            title=[orders::refusal(order, action).map(|refusal| refusal.to_string())] { (label) }
    } }
}

fn action_bar(view: &OrderView, places: &[Location], may_delete: bool) -> Markup {
    let order = &view.order;
    let possible = orders::actions(order);
    let can = |action| possible.contains(&action);
    let button = |action: Action, path: &str, label: &str, key: &str| {
        html! { form method="post" action={"/orders/" (order.id) "/" (path)} {
            (version(order))
            button.primary[action == Action::Process] disabled[!can(action)] data-key=(key)
                title=[orders::refusal(order, action).map(|refusal| refusal.to_string())] { (label) }
        } }
    };
    html! {
        div.bar.actions {
            (process_button(view, &possible))
            form method="post" action={"/orders/" (order.id) "/move"} {
                (version(order))
                label { span.hidden { "Move to" } select name="location" { @for place in places.iter().filter(|place| place.id != order.location_id) { option value=(place.id) { (place.name) } } } }
                button disabled[!can(Action::Move) || places.len() < 2] data-key="m" { "Move" }
            }
            @if can(Action::Unpark) { (button(Action::Unpark, "unpark", "Unpark", "h")) } @else { (button(Action::Park, "park", "Park", "h")) }
            @if can(Action::Unlock) { (button(Action::Unlock, "unlock", "Unlock", "l")) } @else { (button(Action::Lock, "lock", "Lock", "l")) }
            form method="post" action={"/orders/" (order.id) "/tag"} {
                (version(order))
                label { span.hidden { "Tag" } select name="tag" { @for tag in 0..=6 { option value=(tag) selected[order.tag == tag] { @if tag == 0 { "no tag" } @else { "tag " (tag) } } } } }
                button disabled[!can(Action::Tag)] { "Tag" }
            }
            @if can(Action::MarkPaid) { (button(Action::MarkPaid, "paid", "It is paid", "$")) }
            (link_to(order, &possible, Action::Edit, "edit", "Edit …", "e"))
            (link_to(order, &possible, Action::Split, "split", "Split …", "s"))
            @if can(Action::SendAgain) { (button(Action::SendAgain, "send-again", "Send again", "g")) }
            @if can(Action::Cancel) {
                details { summary { "Cancel …" } form.stack method="post" action={"/orders/" (order.id) "/cancel"} {
                    (version(order))
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
            tbody { @for line in &view.lines { tr .part[line.parent_line_id.is_some()] {
                td {
                    @if line.parent_line_id.is_some() { span.dim { "↳ part: " } }
                    @match (&line.sku, line.item_id) {
                        (Some(sku), Some(item)) => { a href={"/stock/" (item)} { (sku) } }
                        _ if line.is_service => { span.dim { "service" } }
                        _ => { span.badge.warn { "? unlinked" } @if may_work { (link_form(view, line)) } }
                    }
                }
                td {
                    (line.title) br; small { (line.channel_sku) }
                    @if line.composite { " " span.badge.dim { "kit" } }
                    @if line.added && view.order.channel_id.is_some() { " " span.badge.dim title="the channel is not told of it" { "added here" } }
                    @if !line.reference.is_empty() { " " span.badge.dim { "of " (line.reference) } }
                }
                td.num { (line.quantity) @if line.shipped_before > 0 { br; small { (line.shipped_before) " shipped before" } } }
                td.num { @if let (Some(wanted), Some(held)) = (line.wanted, line.allocated) { (held) " of " (wanted) } @else { "–" } }
                td.num { (ui::money(amount(line.unit_price))) }
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

fn money(view: &OrderView, currencies: &Currencies) -> Markup {
    let amount = |amount| Money { amount, currency: view.order.currency };
    html! {
        dl.money {
            dt { "Items" } dd { (ui::money(amount(view.detail.subtotal))) }
            dt { "Postage" } dd { (ui::money(amount(view.detail.postage))) }
            @if view.detail.discount != 0 { dt { "Discount" } dd { "–" (ui::money(amount(view.detail.discount))) } }
            dt { "Tax in it" } dd { (ui::money(amount(view.detail.tax))) }
            dt { strong { "Total" } } dd { strong { (ui::money(view.order.total())) } }
            @if let Some((total, rate)) = currencies.in_base(view.order.total()) { dt.dim { "at " (ui::number(rate.rate)) " of " (ui::day(&rate.day)) } dd.dim { (ui::money(total)) } }
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
            (version(order))
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

fn relations(id: OrderId, relations: &[Relation]) -> Markup {
    let said = |relation: &Relation| match (relation.kind, relation.parent_id == id) {
        (RelationKind::Split, true) => ("split off it: order", relation.child_id),
        (RelationKind::Split, false) => ("split off order", relation.parent_id),
        (RelationKind::Merge, true) => ("merged into order", relation.child_id),
        (RelationKind::Merge, false) => ("merged from order", relation.parent_id),
    };
    html! {
        h2 { "Related orders" }
        ul { @for relation in relations { @let (text, other) = said(relation); li { (text) " " a href={"/orders/" (other)} { (other) } " " small { (ui::moment(relation.at)) } } } }
    }
}
