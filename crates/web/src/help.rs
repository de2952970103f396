//! The manual, served by the binary: its pages and pictures, and for each page of the application the part that is about it.
//!
//! The texts are the files of `docs/`. Which part belongs to which page is [`TOPICS`]; `?` and the link *Help* at the top of each page
//! lead there.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use consign_oms::Error;
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::View;
use crate::problem::Answer;
use crate::{App, markdown, ui};

macro_rules! pages {
    ($($name:literal: $title:literal),* $(,)?) => {
        const PAGES: &[(&str, &str, &str)] = &[$(($name, $title, include_str!(concat!("../../../docs/", $name, ".md")))),*];
    };
}

macro_rules! pictures {
    ($($name:literal),* $(,)?) => {
        const PICTURES: &[(&str, &[u8])] = &[$(($name, include_bytes!(concat!("../../../docs/images/", $name)))),*];
    };
}

pages! {
    "index": "Start here",
    "orders": "Orders",
    "changes": "Changing orders",
    "direct": "Direct orders",
    "files": "Imports and exports",
    "stock": "Stock and locations",
    "items": "Items",
    "channels": "Channels",
    "users": "Users",
    "settings": "Settings",
    "api": "Interface for programs",
    "install": "Installing and running",
}

pictures! {
    "account-two-factor.png",
    "audit.png",
    "channel-add.png",
    "channel-told.png",
    "channel-warehouses.png",
    "channel.png",
    "channels.png",
    "customers.png",
    "demo-orders.png",
    "draft.png",
    "exports.png",
    "folders.png",
    "import-items-tried.png",
    "import-tried.png",
    "item-kit.png",
    "locations-centre.png",
    "merge-refused.png",
    "order-carrying.png",
    "order-edit.png",
    "order-split.png",
    "order.png",
    "processed.png",
    "roles.png",
    "schedule.png",
    "settings-data.png",
    "settings-general-changes.png",
    "settings-me.png",
    "settings-orders.png",
    "settings-tax.png",
    "stock-ledger.png",
    "stock.png",
    "tokens.png",
    "users-with-state.png",
    "webhook.png",
}

/// Path of a page (`*` for one part), page of the manual, anchor of the part that is about it. The first that fits counts.
const TOPICS: &[(&str, &str, &str)] = &[
    ("/folders", "orders", "folders-and-identifiers"),
    ("/customers", "direct", "address-book"),
    ("/customers/*", "direct", "address-book"),
    ("/orders/merge", "changes", "merging"),
    ("/orders/*/edit", "changes", "editing"),
    ("/orders/*/split", "changes", "splitting"),
    ("/orders/*", "orders", "one-order"),
    ("/orders", "orders", "open-orders"),
    ("/processed", "orders", "processed-orders"),
    ("/drafts", "direct", ""),
    ("/drafts/*", "direct", ""),
    ("/imports", "files", "importing-orders"),
    ("/imports/*", "files", "importing-orders"),
    ("/schedules", "files", "schedules"),
    ("/schedules/*", "files", "schedules"),
    ("/schedules/new/*", "files", "schedules"),
    ("/exports", "files", "exporting"),
    ("/stock", "stock", ""),
    ("/stock/*", "stock", "why-is-it-47"),
    ("/items", "items", ""),
    ("/items/*", "items", "one-item"),
    ("/locations", "stock", "locations"),
    ("/channels", "channels", ""),
    ("/channels/add", "channels", "adding-one"),
    ("/channels/add/*", "channels", "adding-one"),
    ("/channels/*/set-up", "channels", "adding-one"),
    ("/channels/*", "channels", "settings"),
    ("/account", "users", "my-account"),
    ("/account/two-factor", "users", "two-factor-sign-in"),
    ("/users", "users", "all-users"),
    ("/users/roles", "users", "all-users"),
    ("/audit", "users", "audit"),
    ("/users/tokens", "api", "tokens"),
    ("/users/*", "users", "all-users"),
    ("/settings", "settings", ""),
    ("/settings/orders", "settings", "orders"),
    ("/settings/tax", "settings", "tax-and-currency"),
    ("/settings/data", "settings", "personal-data"),
    ("/settings/person", "settings", "one-customer"),
    ("/settings/me", "settings", "my-preferences"),
    ("/webhooks", "api", "webhooks"),
    ("/webhooks/*", "api", "webhooks"),
];

pub fn routes() -> Router<App> {
    Router::new()
        .route("/help", get(index))
        .route("/help/about", get(about))
        .route("/help/images/{name}", get(image))
        .route("/help/{page}", get(page))
}

/// Where the manual tells about the page with that path.
pub fn topic(path: &str) -> String {
    let (page, place) = find_topic(path).unwrap_or(("index", ""));
    if place.is_empty() { format!("/help/{page}") } else { format!("/help/{page}#{place}") }
}

fn find_topic(path: &str) -> Option<(&'static str, &'static str)> {
    let fits = |pattern: &str| {
        let (mut wanted, mut given) = (pattern.split('/'), path.trim_end_matches('/').split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some("*"), Some(_)) => {}
                (Some(one), Some(other)) if one == other => {}
                _ => return false,
            }
        }
    };
    TOPICS.iter().find(|(pattern, ..)| fits(pattern)).map(|(_, page, place)| (*page, *place))
}

fn find_page(name: &str) -> Result<(&'static str, &'static str), Error> {
    let page = PAGES.iter().find(|(key, ..)| *key == name).ok_or(Error::NotFound("page"))?;
    Ok((page.1, page.2))
}

async fn index(state: State<App>, user: View) -> Answer<Markup> {
    page(state, user, Path("index".to_owned())).await
}

async fn page(State(app): State<App>, View(user): View, Path(name): Path<String>) -> Answer<Markup> {
    let (title, text) = find_page(&name)?;
    let content = html! {
        div.help {
            nav aria-label="Manual" {
                @for (key, label, _) in PAGES {
                    a href={"/help/" (key)} aria-current=[(*key == name).then_some("page")] { (label) }
                }
            }
            article { (markdown::render(text)) }
        }
    };
    ui::page(&app, &user, "/help", title, content).await
}

#[derive(Deserialize)]
struct About {
    path: String,
}

/// The part about a page, to be shown over it.
async fn about(_: View, Query(about): Query<About>) -> Answer<Markup> {
    let (name, place) = find_topic(&about.path).unwrap_or(("index", ""));
    let (title, text) = find_page(name)?;
    let part = markdown::section(text, place).unwrap_or(text);
    Ok(html! {
        article.help { (markdown::render(part)) }
        p { "More in the manual: " a href=(topic(&about.path)) { (title) } }
    })
}

async fn image(_: View, Path(name): Path<String>) -> Response {
    match PICTURES.iter().find(|(key, _)| *key == name) {
        Some((_, bytes)) => {
            ([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "public, max-age=3600")], *bytes)
                .into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_a_part_of_the_manual() {
        for (path, page, place) in TOPICS {
            let (_, text) = find_page(page).unwrap_or_else(|_| panic!("{path}: there is no page {page}"));
            assert!(markdown::section(text, place).is_some(), "{path}: {page} has no part {place}");
        }
    }

    #[test]
    fn the_first_topic_that_fits_counts() {
        assert_eq!(topic("/orders/merge"), "/help/changes#merging");
        assert_eq!(topic("/orders/17"), "/help/orders#one-order");
        assert_eq!(topic("/drafts/"), "/help/direct");
        assert_eq!(topic("/nowhere"), "/help/index");
    }

    #[test]
    fn every_picture_is_shown_and_every_shown_picture_is_there() {
        let texts: String = PAGES.iter().map(|(.., text)| *text).collect();
        for (name, bytes) in PICTURES {
            assert!(texts.contains(&format!("(images/{name})")), "{name} is shown nowhere");
            assert!(bytes.starts_with(b"\x89PNG"), "{name} is no PNG");
        }
        for shown in texts.split("(images/").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(PICTURES.iter().any(|(name, _)| *name == shown), "{shown} is not there");
        }
    }

    #[test]
    fn every_link_between_pages_leads_somewhere() {
        for (from, _, text) in PAGES {
            for to in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let (file, place) = to.split_once('#').unwrap_or((to, ""));
                let Some(name) = file.strip_suffix(".md") else { continue };
                let (_, text) = find_page(name).unwrap_or_else(|_| panic!("{from}: {to}"));
                assert!(markdown::section(text, place).is_some(), "{from}: {to}");
            }
        }
    }
}
