//! The frame of every page, the small parts that pages share, and the assets.

use std::collections::HashMap;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use consign_db::Tx;
use consign_oms::marks::{Mark, MarkKind};
use consign_oms::orders::{DespatchState, Order, Payment};
use consign_oms::stock::StockState;
use consign_oms::users::{self, Permission, User};
use consign_oms::{Error, channels, tokens};
use consign_values::{Manner, Money, Timestamp, Zone};
use maud::{DOCTYPE, Markup, html};
use rust_decimal::Decimal;

use crate::problem::Answer;
use crate::{App, help, manner};

const CSS: &str = include_str!("assets/consign.css");
const SCRIPT: &str = include_str!("assets/consign.js");

pub async fn asset(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "consign.css" => ("text/css", CSS),
        "consign.js" => ("text/javascript", SCRIPT),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

fn head(title: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " · Consign" }
            link rel="stylesheet" href={"/assets/consign.css?v=" (env!("CARGO_PKG_VERSION"))};
            script src={"/assets/consign.js?v=" (env!("CARGO_PKG_VERSION"))} defer {}
        }
    }
}

/// A page without navigation: signing in, errors.
pub fn plain(title: &str, content: Markup) -> Markup {
    html! { (DOCTYPE) html lang="en" { (head(title)) body.plain { main { p.brand { "Consign" } (content) } } } }
}

/// The areas of daily work.
const AREAS: &[(&str, &str, Permission)] = &[
    ("/orders", "Open orders", Permission::View),
    ("/drafts", "Direct", Permission::WorkOrders),
    ("/imports", "Imports", Permission::WorkOrders),
    ("/processed", "Processed", Permission::View),
    ("/stock", "Stock", Permission::View),
    ("/items", "Items", Permission::View),
    ("/locations", "Locations", Permission::View),
    ("/channels", "Channels", Permission::View),
];

/// What is opened now and then: under the user's name.
const MENU: &[(&str, &str, Permission)] = &[
    ("/account", "My account", Permission::View),
    ("/users", "Users", Permission::ManageUsers),
    ("/audit", "Audit", Permission::ManageUsers),
    ("/customers", "Address book", Permission::WorkOrders),
    ("/folders", "Folders and identifiers", Permission::View),
    ("/settings", "Settings", Permission::ManageSettings),
    ("/settings/me", "My preferences", Permission::View),
    ("/help", "Manual", Permission::View),
];

/// A page of the application; `here` is the path of its area.
pub async fn page(app: &App, user: &User, here: &str, title: &str, content: Markup) -> Answer<Markup> {
    let trouble = app.read(channels::trouble_count).await?;
    Ok(html! {
        (DOCTYPE)
        html lang="en" {
            (head(title))
            body {
                a.skip href="#content" { "Skip to content" }
                header.top {
                    a.brand href="/orders" { "Consign" }
                    nav aria-label="Areas" {
                        (links(AREAS, user, here))
                    }
                    @if trouble > 0 {
                        a.trouble href="/channels#trouble" { "⚠ " (trouble) " need" @if trouble == 1 { "s" } " attention" }
                    }
                    span.live #live title="Live updates" { "● live" }
                    a.button.quiet #help href=(help::topic(here)) title="About this page (?)" { "Help" }
                    details.menu {
                        summary aria-current=[MENU.iter().any(|(path, ..)| here == *path).then_some("page")] { (user.name) }
                        nav aria-label="Menu" {
                            small { (user.email) " · " (user.role) }
                            (links(MENU, user, here))
                            form method="post" action="/sign-out" { button { "Sign out" } }
                        }
                    }
                }
                main #content { (content) }
            }
        }
    })
}

fn links(to: &[(&str, &str, Permission)], user: &User, here: &str) -> Markup {
    html! {
        @for (path, label, _) in to.iter().filter(|(.., permission)| user.role.may(*permission)) {
            a href=(path) aria-current=[(here == *path).then_some("page")] { (label) }
        }
    }
}

/// A moment as the one who looks reads it, exact on hover.
pub fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at.to_rfc3339()) title=(at.to_rfc3339()) { (manner::current().moment(at)) } }
}

/// A day that is written as in ISO, as the one who looks reads it.
pub fn day(text: &str) -> String {
    let manner = Manner { zone: Zone::default(), ..manner::current() };
    Timestamp::parse(text).map_or_else(|| text.to_owned(), |at| manner.date(at))
}

/// An amount as the one who looks reads it.
pub fn money(money: Money) -> String {
    manner::current().money(money)
}

/// A number as the one who looks reads it.
pub fn number(value: Decimal) -> String {
    manner::current().number(value)
}

/// A number for a form's field: with the decimal mark of the one who fills it in, as [`crate::fields::Fields::decimal`] reads it.
pub fn figure(value: Decimal) -> String {
    manner::current().plain(value)
}

/// A moment for `<input type="datetime-local">`, on the clocks of the one who fills it in.
pub fn moment_field(at: Timestamp) -> String {
    manner::current().field(at)
}

/// The name of their time zone, for the label of such a field.
pub fn zone() -> String {
    manner::current().zone.to_string()
}

/// How an order stands for stock: a word and a shape, not only a colour.
pub fn stock_badge(state: StockState) -> Markup {
    let (class, text) = match state {
        StockState::Full => ("good", "● in stock"),
        StockState::Part => ("warn", "◐ part"),
        StockState::Short => ("bad", "○ short"),
        StockState::Unknown => ("warn", "? unlinked"),
        StockState::None => ("dim", "–"),
    };
    html! { span.badge.(class) { (text) } }
}

/// What the channel knows.
pub fn despatch_badge(state: DespatchState) -> Markup {
    let (class, text) = match state {
        DespatchState::None => return html! {},
        DespatchState::Off => ("dim", "not sent"),
        DespatchState::Queued => ("warn", "… queued"),
        DespatchState::Sent => ("warn", "→ sent"),
        DespatchState::Confirmed => ("good", "✓ confirmed"),
        DespatchState::Rejected => ("bad", "✕ rejected"),
        DespatchState::Failed => ("bad", "✕ failed"),
    };
    html! { span.badge.(class) { (text) } }
}

/// The signals of an order's row (reference 7.6).
pub fn signals(order: &Order) -> Markup {
    html! {
        @if order.payment == Payment::Unpaid { span.badge.bad title="not paid" { "£ unpaid" } " " }
        @if order.parked { span.badge.dim title="parked: keeps its stock" { "P parked" } " " }
        @if order.locked { span.badge.dim title="locked: gives its stock up" { "L locked" } " " }
        @if order.tag > 0 && !order.parked { span.{"badge tag tag" (order.tag)} { "⚑ " (order.tag) } " " }
        @if order.note_count > 0 { span.badge.dim title="has notes" { "✎ " (order.note_count) } }
    }
}

/// A folder or an identifier: a shape and a word, not only a colour.
pub fn mark(mark: &Mark) -> Markup {
    html! {
        @if mark.kind == MarkKind::Folder { span.badge.dim title={"folder " (mark.name)} { "▣ " (mark.name) } }
        @else { span.{"badge mark-" (mark.colour)} title=(mark.name) { strong { (mark.letter) } " " (mark.name) } }
    }
}

/// What people call those whom history names: `user 1` and the like to names.
pub fn names(tx: &mut Tx<'_>) -> Result<HashMap<String, String>, Error> {
    let mut names: HashMap<String, String> =
        users::list(tx)?.into_iter().map(|user| (format!("user {}", user.id), user.name)).collect();
    let programs = tokens::list(tx)?.into_iter();
    names.extend(programs.map(|token| (format!("token {}", token.id), format!("{} (program)", token.name))));
    Ok(names)
}

/// The name of one of them; as it is recorded where nobody knows it.
pub fn who<'n>(names: &'n HashMap<String, String>, actor: &'n str) -> &'n str {
    names.get(actor).map_or(actor, String::as_str)
}
