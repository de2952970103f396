//! All that was done, by anybody, to anything: searched, paged, taken away as a file.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use consign_oms::audit::{self, AuditFilter};
use consign_oms::history::Entry;
use consign_oms::{Error, channels, exports, users};
use consign_values::{HistoryId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::ManageUsers;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/audit", get(list)).route("/audit.csv", get(file))
}

/// The nouns that have a history, and where the page of each is.
const NOUNS: &[(&str, &str)] = &[
    ("order", "/orders/"),
    ("item", "/items/"),
    ("channel", "/channels/"),
    ("import", "/imports/"),
    ("schedule", "/schedules/"),
    ("webhook", "/webhooks/"),
    ("location", "/locations"),
    ("user", "/users"),
    ("token", "/users/tokens"),
    ("setting", "/settings"),
    ("customer", ""),
    ("folder", ""),
];

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct AuditQuery {
    actor: String,
    noun: String,
    kind: String,
    from: String,
    until: String,
    before: String,
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, Error> {
        let day = |field: &'static str, text: &str, days: i64| match text.trim() {
            "" => Ok(None),
            text => Timestamp::parse(text)
                .map(|at| Some(at.plus_seconds(days * 86_400)))
                .ok_or_else(|| Error::invalid(field, "must be a day such as 2026-11-23")),
        };
        let before = match self.before.as_str() {
            "" => None,
            text => Some(HistoryId(text.parse().map_err(|_| Error::invalid("before", "must be a number"))?)),
        };
        Ok(AuditFilter {
            actor: self.actor.trim().to_owned(),
            noun: self.noun.trim().to_owned(),
            kind: self.kind.trim().to_owned(),
            from: day("from", &self.from, 0)?,
            until: day("until", &self.until, 1)?,
            before,
        })
    }

    fn address(&self, path: &str, before: Option<HistoryId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("actor", &self.actor),
            ("noun", &self.noun),
            ("kind", &self.kind),
            ("from", &self.from),
            ("until", &self.until),
        ];
        for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
            query.append_pair(name, value);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("{path}?{}", query.finish())
    }
}

/// Names of users and channels by how they are written as actors.
fn names(tx: &mut consign_db::Tx<'_>) -> Result<HashMap<String, String>, Error> {
    let people = users::list(tx)?.into_iter().map(|user| (format!("user {}", user.id), user.name));
    let people: Vec<(String, String)> = people.collect();
    let shops =
        channels::list(tx)?.into_iter().map(|one| (format!("channel {}", one.id), format!("channel {}", one.name)));
    Ok(people.into_iter().chain(shops).collect())
}

async fn list(State(app): State<App>, user: ManageUsers, Query(query): Query<AuditQuery>) -> Answer<Markup> {
    let filter = query.filter()?;
    let (entries, names) = app.read(move |tx| Ok((audit::list(tx, &filter)?, names(tx)?))).await?;
    let mut actors: Vec<(&String, &String)> = names.iter().collect();
    actors.sort_by_key(|(_, name)| name.to_lowercase());
    let content = html! {
        h1 { "Audit" }
        form.bar method="get" action="/audit" {
            label { "Who " select name="actor" { option value="" { "anybody" } @for (actor, name) in &actors { option value=(actor) selected[**actor == query.actor] { (name) } } option value="system" selected[query.actor == "system"] { "Consign itself" } option value="command line" selected[query.actor == "command line"] { "command line" } } }
            label { "To what " select name="noun" { option value="" { "anything" } @for (noun, _) in NOUNS { option selected[*noun == query.noun] { (noun) } } } }
            label { "What " input name="kind" value=(query.kind) placeholder="such as moved" maxlength="100" size="14"; }
            label { "From " input type="date" name="from" value=(query.from); }
            label { "until " input type="date" name="until" value=(query.until); }
            button.primary { "Show" }
            a href=(query.address("/audit.csv", None)) download { "CSV" }
        }
        @if entries.is_empty() { p.empty { "Nothing like that was done." } }
        @else {
            table.grid {
                thead { tr { th { "When" } th { "Who" } th { "To what" } th { "What" } th { "In detail" } } }
                tbody { @for entry in &entries { tr {
                    td { (ui::moment(entry.at)) } td { (who(&names, entry)) } td { (noun(entry)) } td { (entry.kind) } td { (entry.detail) }
                } } }
            }
            @if entries.len() == 100 && let Some(last) = entries.last() { p.pages { a rel="next" href=(query.address("/audit", Some(last.id))) { "Older →" } } }
        }
    };
    ui::page(&app, &user.0, "/audit", "Audit", content).await
}

fn who<'n>(names: &'n HashMap<String, String>, entry: &'n Entry) -> &'n str {
    names.get(&entry.actor).unwrap_or(&entry.actor)
}

fn noun(entry: &Entry) -> Markup {
    let label = if entry.noun_id == 0 { entry.noun.clone() } else { format!("{} {}", entry.noun, entry.noun_id) };
    match NOUNS.iter().find(|(noun, page)| *noun == entry.noun && !page.is_empty()) {
        Some((_, page)) if page.ends_with('/') => html! { a href={(page) (entry.noun_id)} { (label) } },
        Some((_, page)) => html! { a href=(page) { (label) } },
        None => html! { (label) },
    }
}

async fn file(State(app): State<App>, _: ManageUsers, Query(query): Query<AuditQuery>) -> Answer<Response> {
    let filter = query.filter()?;
    let (entries, names) = app.read(move |tx| Ok((audit::all(tx, &filter)?, names(tx)?))).await?;
    let header = ["when", "who", "actor", "noun", "number", "what", "detail"].map(str::to_owned);
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|entry| {
            let who = who(&names, entry).to_owned();
            let number = entry.noun_id.to_string();
            vec![
                entry.at.to_rfc3339(),
                who,
                entry.actor.clone(),
                entry.noun.clone(),
                number,
                entry.kind.clone(),
                entry.detail.clone(),
            ]
        })
        .collect();
    let headers = [
        (header::CONTENT_TYPE, exports::FileKind::Csv.media_type()),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, exports::table(&header, &rows)).into_response())
}
