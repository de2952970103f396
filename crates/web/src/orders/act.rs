//! What is done to orders, one or many: each action is one use case.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use consign_oms::marks;
use consign_oms::orders::{CentreAnswer, CentreStatus};
use consign_oms::{Ctx, Error, despatch, items, orders};
use consign_values::{LineId, LocationId, MarkId, OrderId};
use maud::html;
use serde_json::json;

use crate::access::{DeleteOrders, WorkOrders, is_program};
use crate::fields::Fields;
use crate::problem::{Answer, describe};
use crate::{App, ui};

/// One action of the desk on one order.
fn apply(tx: &mut consign_db::Tx<'_>, ctx: &Ctx<'_>, id: OrderId, action: &str, fields: &Fields) -> Result<(), Error> {
    match action {
        "process" if fields.ticked("notes_read") => orders::process_notes_read(tx, ctx, id),
        "process" => orders::process(tx, ctx, id),
        "paid" => orders::mark_paid(tx, ctx, id),
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
        "note" => {
            let (internal, processing) = (fields.ticked("internal"), fields.ticked("processing"));
            orders::add_note(tx, ctx, id, fields.get("body"), internal, processing)
        }
        "note-edit" => {
            let (internal, processing) = (fields.ticked("internal"), fields.ticked("processing"));
            orders::edit_note(tx, ctx, id, fields.int("note")?, fields.get("body"), internal, processing)
        }
        "note-delete" => orders::delete_note(tx, ctx, id, fields.int("note")?),
        "give" => marks::give(tx, ctx, id, MarkId(fields.int("mark")?)),
        "take" => marks::take(tx, ctx, id, MarkId(fields.int("mark")?)),
        "folder" => marks::give(tx, ctx, id, MarkId(fields.int("folder")?)),
        "unfolder" => marks::take(tx, ctx, id, MarkId(fields.int("folder")?)),
        "badge" => marks::give(tx, ctx, id, MarkId(fields.int("identifier")?)),
        "unbadge" => marks::take(tx, ctx, id, MarkId(fields.int("identifier")?)),
        "merging" => orders::set_no_merge(tx, ctx, id, fields.ticked("blocked")),
        "properties" => orders::set_properties(tx, ctx, id, &properties(fields)),
        "cancel" => orders::cancel(tx, ctx, id, fields.get("reason"), fields.ticked("tell_channel")),
        "centre" => orders::centre_answered(tx, ctx, id, &answer(fields)?),
        "send-again" => despatch::send_again(tx, ctx, id),
        _ => Err(Error::NotFound("action")),
    }
}

/// Rows of names and values; those that are empty are left out.
fn properties(fields: &Fields) -> Vec<(String, String)> {
    let mut rows: BTreeMap<usize, (String, String)> = BTreeMap::new();
    for (name, value) in fields.with_prefix("property.") {
        let Some((index, part)) = name.split_once('.') else { continue };
        let Ok(index) = index.parse() else { continue };
        let row = rows.entry(index).or_default();
        *(if part == "name" { &mut row.0 } else { &mut row.1 }) = value.trim().to_owned();
    }
    rows.into_values().filter(|(name, value)| !name.is_empty() || !value.is_empty()).collect()
}

/// What a selection of orders can be told.
const BULK: [&str; 14] = [
    "process", "move", "park", "unpark", "lock", "unlock", "tag", "folder", "unfolder", "badge", "unbadge", "merging",
    "note", "cancel",
];

fn answer(fields: &Fields) -> Result<CentreAnswer, Error> {
    let status = CentreStatus::ALL.iter().copied().find(|status| status.as_str() == fields.get("status"));
    let text = |name: &str| fields.get(name).to_owned();
    Ok(CentreAnswer {
        status: status.ok_or_else(|| Error::invalid("status", "is none of a fulfilment centre's answers"))?,
        text: text("text"),
        carrier: text("carrier"),
        service: text("service"),
        tracking_number: text("tracking_number"),
    })
}

/// Each order in a transaction of its own: what can't be done is reported, the rest is done.
pub(super) async fn bulk(
    State(app): State<App>,
    user: WorkOrders,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let ids = fields.ids("ids")?;
    let action = fields.get("action").to_owned();
    if action == "merge" {
        let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
        return Ok(Redirect::to(&format!("/orders/merge?ids={}", ids.join(","))).into_response());
    }
    if !BULK.contains(&action.as_str()) {
        return Err(Error::invalid("action", format!("is not one of {}", BULK.join(", "))).into());
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

pub(super) async fn act(
    State(app): State<App>,
    user: WorkOrders,
    headers: HeaderMap,
    Path((id, action)): Path<(i64, String)>,
    fields: Fields,
) -> Answer<Response> {
    // A form says which state of the order it was made from; a program that doesn't care leaves it out.
    let version = fields.maybe_int("version")?;
    app.write(user.actor(), move |tx, ctx| {
        if let Some(version) = version {
            orders::expect_version(tx, OrderId(id), version)?;
        }
        apply(tx, ctx, OrderId(id), &action, &fields)
    })
    .await?;
    Ok(done(&headers, &format!("/orders/{id}")))
}

pub(super) fn done(headers: &HeaderMap, to: &str) -> Response {
    if is_program(headers) { Json(json!({"ok": true})).into_response() } else { Redirect::to(to).into_response() }
}

pub(super) async fn delete(
    State(app): State<App>,
    user: DeleteOrders,
    headers: HeaderMap,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Response> {
    app.write(user.actor(), move |tx, ctx| orders::delete(tx, ctx, OrderId(id), fields.get("reason"))).await?;
    Ok(done(&headers, "/orders"))
}

pub(super) async fn link(
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
