//! Settings in sections, one file each: what holds for the whole company, and what each user chooses for themselves.
//!
//! A section's form carries the version it was read at; one that somebody has changed since is refused instead of overwritten.

mod data;
mod general;
mod orders;
mod preferences;
mod tax;

use std::collections::HashMap;

use axum::Router;
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_db::Tx;
use consign_oms::settings::{self, Kept, Section};
use consign_oms::users::{self, Permission, User};
use consign_oms::{Error, history};
use maud::{Markup, html};

use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/settings", get(general::show).post(general::save_company))
        .route("/settings/formats", post(general::save_formats))
        .route("/settings/orders", get(orders::show))
        .route("/settings/checks", post(orders::save_checks))
        .route("/settings/direct", post(orders::save_direct))
        .route("/settings/order-pages", post(orders::save_pages))
        .route("/settings/handling", post(orders::save_handling))
        .route("/settings/tax", get(tax::show).post(tax::save_rates))
        .route("/settings/currencies", post(tax::save_currencies))
        .route("/settings/data", get(data::show).post(data::save))
        .route("/settings/data/run", post(data::run))
        .route("/settings/person", get(data::person))
        .route("/settings/person/export", post(data::export))
        .route("/settings/person/erase", post(data::erase))
        .route("/settings/me", get(preferences::show).post(preferences::save))
}

const SECTIONS: &[(&str, &str, Permission)] = &[
    ("/settings", "General", Permission::ManageSettings),
    ("/settings/orders", "Orders", Permission::ManageSettings),
    ("/settings/tax", "Tax and currency", Permission::ManageSettings),
    ("/settings/data", "Personal data", Permission::ManageSettings),
    ("/webhooks", "Webhooks", Permission::ManageSettings),
    ("/settings/me", "My preferences", Permission::View),
];

/// A page of one section, with the way to the others that the user may open.
async fn page(app: &App, user: &User, here: &str, title: &str, content: Markup) -> Answer<Markup> {
    let own = here == "/settings/me";
    let content = html! {
        h1 { "Settings" }
        nav.tabs aria-label="Sections" {
            @for (path, label, _) in SECTIONS.iter().filter(|(.., permission)| user.role.may(*permission)) {
                a href=(path) aria-current=[(*path == here).then_some("page")] { (label) }
            }
        }
        p {
            @if own { span.badge.good { "only you" } " Nobody else sees a difference." }
            @else { span.badge.warn { "the whole company" } " What you change here changes for everybody." }
        }
        (content)
    };
    let area = if own { here } else { "/settings" };
    ui::page(app, user, area, title, content).await
}

fn version(version: i64) -> Markup {
    html! { input type="hidden" name="version" value=(version); }
}

fn tick(name: &str, on: bool, text: &str) -> Markup {
    html! { label { input type="checkbox" name=(name) value="1" checked[on]; " " (text) } }
}

fn text(name: &str, label: &str, value: &str) -> Markup {
    html! { label { (label) input name=(name) maxlength="255" value=(value); } }
}

/// A choice among styles: code and how it looks.
fn choice<T: Copy + PartialEq>(
    name: &str,
    label: &str,
    all: &[(T, &str, &str)],
    chosen: Option<T>,
    first: Option<&str>,
) -> Markup {
    html! { label { (label) select name=(name) {
        @if let Some(first) = first { option value="" { (first) } }
        @for (style, code, looks) in all { option value=(code) selected[chosen == Some(*style)] { (looks) } }
    } } }
}

/// What a choice among styles sent; none where it was left open.
fn chosen<T: Copy>(fields: &Fields, name: &str, all: &[(T, &str, &str)]) -> Result<Option<T>, Error> {
    match fields.get(name) {
        "" => Ok(None),
        code => match all.iter().find(|(_, known, _)| *known == code) {
            Some((style, ..)) => Ok(Some(*style)),
            None => Err(Error::invalid(name, "must be one of the choices")),
        },
    }
}

/// A field for a time zone, with all names to choose from. They are asked for once on a page.
fn zone_field(value: &str, placeholder: &str) -> Markup {
    html! {
        label { "Time zone" input name="zone" list="zones" maxlength="64" value=(value) placeholder=(placeholder) autocomplete="off"; }
        datalist #zones { @for name in consign_values::Zone::names() { option value=(name) {} } }
    }
}

/// The latest changes of settings, with who made them.
fn last_changes(tx: &mut Tx<'_>) -> Result<Vec<(history::Entry, String)>, Error> {
    let names: HashMap<String, String> =
        users::list(tx)?.into_iter().map(|user| (format!("user {}", user.id), user.name)).collect();
    let entries = history::list(tx, "setting", 0)?.into_iter().take(20);
    Ok(entries
        .map(|entry| (names.get(&entry.actor).cloned().unwrap_or_else(|| entry.actor.clone()), entry))
        .map(|(who, entry)| (entry, who))
        .collect())
}

fn change_list(entries: &[(history::Entry, String)]) -> Markup {
    html! {
        details { summary { "The last changes of settings" }
            @if entries.is_empty() { p.dim { "None yet." } }
            table.plain-table { tbody { @for (entry, who) in entries { tr {
                td { (ui::moment(entry.at)) } td { (who) } td { (entry.detail) }
            } } } }
        }
    }
}

/// Sets a section that the form was made of.
async fn save<S: Section + Send + 'static>(
    app: &App,
    user: &ManageSettings,
    fields: &Fields,
    value: S,
    back: &str,
) -> Answer<Redirect> {
    let version = fields.int("version")?;
    app.write(user.actor(), move |tx, ctx| settings::set(tx, ctx, &value, version)).await?;
    Ok(Redirect::to(back))
}

/// A section for a form.
type Set<S> = Kept<S>;
