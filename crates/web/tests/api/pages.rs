//! What the pages change, the interface changes too: a table with every page route that takes a form, and its counterpart.

use std::fs;
use std::path::Path;

use super::*;

/// What does for programs what a page's form does.
enum Counterpart {
    /// Operations of the document, each as `METHOD /path`.
    Calls(&'static [&'static str]),
    /// Nothing, and why that is right.
    NotForPrograms(&'static str),
}

use Counterpart::{Calls, NotForPrograms};

const OWN: &str = "only the person may change how they sign in: a program that could would be more than its token";
const BROWSER: &str = "it is about a browser's own session";

const PAGES: &[(&str, Counterpart)] = &[
    ("/account", NotForPrograms(OWN)),
    ("/account/end-others", NotForPrograms(BROWSER)),
    ("/account/password", NotForPrograms(OWN)),
    ("/account/sessions/{key}/end", NotForPrograms(BROWSER)),
    ("/account/two-factor", NotForPrograms(OWN)),
    ("/account/two-factor/off", NotForPrograms(OWN)),
    ("/channels/add/{kind}", Calls(&["GET /channel-kinds", "POST /channels"])),
    (
        "/channels/{id}/do/{action}",
        Calls(&[
            "POST /channels/{id}/test",
            "POST /channels/{id}/sync",
            "PUT /channels/{id}/enabled",
            "POST /channels/{id}/resume",
            "POST /channels/{id}/compare",
            "POST /channels/{id}/listings/read",
            "DELETE /channels/{id}",
        ]),
    ),
    ("/channels/{id}/hook", Calls(&["GET /channels/{id}/hook", "PUT /channels/{id}/hook"])),
    ("/channels/{id}/listings/link", Calls(&["POST /channels/{id}/listings/link"])),
    ("/channels/{id}/locations", Calls(&["GET /channels/{id}/locations", "PUT /channels/{id}/locations"])),
    ("/channels/{id}/locations/read", Calls(&["POST /channels/{id}/locations/read"])),
    ("/channels/{id}/retry/{entry}", Calls(&["POST /channels/{id}/rejected/{payload}/retry"])),
    ("/channels/{id}/set-up", Calls(&["GET /channels/{id}/set-up", "POST /channels/{id}/set-up"])),
    ("/channels/{id}/settings", Calls(&["PUT /channels/{id}/settings"])),
    ("/channels/{id}/statuses", Calls(&["PUT /channels/{id}/statuses"])),
    ("/channels/{id}/tags", Calls(&["PUT /channels/{id}/tags"])),
    ("/customers", Calls(&["POST /customers"])),
    ("/customers/{id}", Calls(&["PUT /customers/{id}"])),
    ("/customers/{id}/delete", Calls(&["DELETE /customers/{id}"])),
    ("/drafts", Calls(&["POST /drafts", "GET /customers/look-up"])),
    ("/drafts/{id}", Calls(&["PUT /drafts/{id}", "POST /drafts/{id}/complete"])),
    ("/drafts/{id}/discard", Calls(&["DELETE /drafts/{id}"])),
    ("/folders", Calls(&["POST /folders", "POST /identifiers"])),
    ("/folders/{id}/delete", Calls(&["DELETE /folders/{id}", "DELETE /identifiers/{id}"])),
    ("/folders/{id}/edit", Calls(&["PUT /folders/{id}", "PUT /identifiers/{id}"])),
    ("/forgotten", NotForPrograms(BROWSER)),
    ("/imports", Calls(&["POST /imports"])),
    ("/imports/{id}", Calls(&["PUT /imports/{id}/mapping", "GET /imports/{id}/dry-run", "POST /imports/{id}/start"])),
    ("/imports/{id}/cancel", Calls(&["POST /imports/{id}/cancel"])),
    (
        "/hooks/{channel}/{token}",
        NotForPrograms("the platform of a channel calls it, and its signature is the permission"),
    ),
    ("/items/new", Calls(&["POST /items", "POST /items/bulk"])),
    ("/items/{id}", Calls(&["PUT /items/{id}", "DELETE /items/{id}"])),
    ("/items/{id}/components", Calls(&["PUT /items/{id}/components"])),
    ("/items/{id}/prices", Calls(&["PUT /items/{id}/prices/{channel}"])),
    ("/locations", Calls(&["POST /locations"])),
    (
        "/locations/{id}/{action}",
        Calls(&["PUT /locations/{id}", "DELETE /locations/{id}", "POST /locations/{id}/default"]),
    ),
    ("/orders/bulk", Calls(&["POST /orders/bulk"])),
    ("/orders/merge", Calls(&["POST /orders/merge"])),
    ("/orders/{id}/delete", Calls(&["DELETE /orders/{id}"])),
    ("/orders/{id}/edit", Calls(&["PATCH /orders/{id}"])),
    ("/orders/{id}/lines/{line}/link", Calls(&["POST /orders/{id}/lines/{line}/link"])),
    ("/orders/{id}/split", Calls(&["POST /orders/{id}/split"])),
    (
        "/orders/{id}/{action}",
        Calls(&[
            "POST /orders/{id}/process",
            "POST /orders/{id}/move",
            "POST /orders/{id}/park",
            "POST /orders/{id}/unpark",
            "POST /orders/{id}/lock",
            "POST /orders/{id}/unlock",
            "POST /orders/{id}/tag",
            "PUT /orders/{id}/shipping",
            "POST /orders/{id}/cancel",
            "POST /orders/{id}/notes",
            "POST /orders/{id}/send-again",
            "POST /orders/{id}/paid",
            "PUT /orders/{id}/folders/{folder}",
            "DELETE /orders/{id}/folders/{folder}",
            "PUT /orders/{id}/identifiers/{identifier}",
            "DELETE /orders/{id}/identifiers/{identifier}",
            "PUT /orders/{id}/properties",
            "PUT /orders/{id}/merging",
            "PUT /orders/{id}/notes/{note}",
            "DELETE /orders/{id}/notes/{note}",
        ]),
    ),
    ("/reset/{token}", NotForPrograms(BROWSER)),
    ("/schedules", Calls(&["POST /schedules"])),
    ("/schedules/{id}", Calls(&["PUT /schedules/{id}"])),
    ("/schedules/{id}/delete", Calls(&["DELETE /schedules/{id}"])),
    ("/schedules/{id}/run", Calls(&["POST /schedules/{id}/run"])),
    ("/set-up", NotForPrograms("the first user is made before there can be a token")),
    ("/settings", Calls(&["PUT /settings/company"])),
    ("/settings/checks", Calls(&["PUT /settings/processing-checks"])),
    ("/settings/currencies", Calls(&["PUT /settings/currencies"])),
    ("/settings/data", Calls(&["PUT /settings/retention"])),
    ("/settings/data/run", Calls(&["POST /retention/runs"])),
    ("/settings/direct", Calls(&["PUT /settings/direct-orders"])),
    ("/settings/formats", Calls(&["PUT /settings/formats"])),
    ("/settings/handling", Calls(&["PUT /settings/handling"])),
    ("/settings/me", Calls(&["PUT /settings/me"])),
    ("/settings/order-pages", Calls(&["PUT /settings/order-pages"])),
    ("/settings/person/erase", Calls(&["POST /retention/person/erase"])),
    ("/settings/person/export", Calls(&["POST /retention/person/export"])),
    ("/settings/tax", Calls(&["PUT /settings/tax-rates"])),
    ("/sign-in", NotForPrograms(BROWSER)),
    ("/sign-in/code", NotForPrograms(BROWSER)),
    ("/sign-in/{token}", NotForPrograms(BROWSER)),
    ("/sign-out", NotForPrograms(BROWSER)),
    ("/stock/{item}/{location}/adjust", Calls(&["POST /stock/{item}/{location}/adjust"])),
    ("/stock/{item}/{location}/set", Calls(&["PUT /stock/{item}/{location}"])),
    ("/stock/{item}/{location}/track", Calls(&["PUT /stock/{item}/{location}/tracked"])),
    ("/users", Calls(&["POST /users"])),
    ("/users/roles", Calls(&["GET /roles", "PUT /roles/{role}"])),
    ("/users/tokens", Calls(&["POST /tokens"])),
    ("/users/tokens/{id}/revoke", Calls(&["DELETE /tokens/{id}"])),
    ("/users/{id}", Calls(&["PUT /users/{id}"])),
    ("/users/{id}/invite", Calls(&["POST /users/{id}/invite"])),
    ("/users/{id}/sessions/{key}/end", Calls(&["GET /users/{id}/sessions", "DELETE /users/{id}/sessions/{key}"])),
    ("/users/{id}/two-factor-off", Calls(&["DELETE /users/{id}/two-factor"])),
    ("/webhooks", Calls(&["POST /webhooks"])),
    ("/webhooks/{id}", Calls(&["PUT /webhooks/{id}"])),
    ("/webhooks/{id}/delete", Calls(&["DELETE /webhooks/{id}"])),
    ("/webhooks/{id}/deliveries/{delivery}/again", Calls(&["POST /webhooks/{id}/deliveries/{delivery}/again"])),
    ("/webhooks/{id}/ping", Calls(&["POST /webhooks/{id}/ping"])),
];

/// Routes of pages that take a form, as their sources name them.
fn forms(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !path.ends_with("api") {
                forms(&path, found);
            }
            continue;
        }
        if path.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for part in text.split(".route(").skip(1) {
            let route = part.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'));
            let Some((address, handlers)) = route else { continue };
            let handlers = handlers.split(';').next().unwrap_or_default();
            if handlers.contains("post(") {
                found.push(address.to_owned());
            }
        }
    }
}

#[test]
fn what_a_page_can_change_a_program_can_change_or_the_table_says_why_not() {
    let mut found = Vec::new();
    forms(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() > 30, "the sources name their routes: {found:?}");
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("pages.db").display())).unwrap();
    db.migrate(MIGRATIONS).unwrap();
    let calls: Vec<String> = routes(&Site::open(&db))
        .into_iter()
        .map(|(method, path, _)| format!("{method} {}", path.trim_start_matches("/api/v1")))
        .collect();
    let mut wrong = Vec::new();
    for (page, counterpart) in PAGES {
        match counterpart {
            Calls(named) => wrong.extend(
                named
                    .iter()
                    .filter(|call| !calls.iter().any(|known| known == *call))
                    .map(|call| format!("{page}: {call}")),
            ),
            NotForPrograms(why) => assert!(!why.is_empty(), "{page}"),
        }
    }
    assert!(wrong.is_empty(), "the document has no {wrong:?}; it has {calls:?}");
    let new: Vec<&String> = found.iter().filter(|page| !PAGES.iter().any(|(known, _)| known == page)).collect();
    assert!(new.is_empty(), "these pages change something: name their counterparts in the table: {new:?}");
}
