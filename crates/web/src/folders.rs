//! Folders and identifiers: made, renamed, deleted. Orders get them on their own page and in the list's selection.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::marks::{self, COLOURS, Mark, MarkForm, MarkKind};
use consign_oms::users::{Permission, User};
use consign_oms::{Error, Refusal};
use consign_values::MarkId;
use maud::{Markup, html};

use crate::access::{View, WorkOrders};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/folders", get(show).post(create))
        .route("/folders/{id}/edit", post(edit))
        .route("/folders/{id}/delete", post(delete))
}

/// Identifiers are settings of the company; folders are everybody's tool.
fn may(user: &User, kind: MarkKind) -> Result<(), Refusal> {
    let needed = if kind == MarkKind::Folder { Permission::WorkOrders } else { Permission::ManageSettings };
    if user.role.may(needed) { Ok(()) } else { Err(Refusal::RoleForbids(needed)) }
}

async fn show(State(app): State<App>, View(user): View) -> Answer<Markup> {
    let (folders, identifiers, counts) = app
        .read(|tx| {
            let list = |tx: &mut _, kind| marks::list(tx, kind);
            Ok((list(tx, MarkKind::Folder)?, list(tx, MarkKind::Identifier)?, marks::counts(tx)?))
        })
        .await?;
    let count = |mark: &Mark| counts.get(&mark.id).copied().unwrap_or(0);
    let content = html! {
        h1 { "Folders and identifiers" }
        div.narrow {
            section { h2 #folders { "Folders" }
                p.dim { "Buckets for work: Backorder, Ask the customer, Monday. An order can be in several, unless the settings of orders say one." }
                @if folders.is_empty() { p.empty { "No folders yet. Make one below; then put orders into it from the list (f) or from their page." } }
                @else { table.grid { thead { tr { th { "Folder" } th.num { "Open orders" } th {} } } tbody {
                    @for folder in &folders { tr {
                        td { (form(folder, may(&user, MarkKind::Folder).is_ok())) }
                        td.num { a href={"/orders?location=all&folder=" (folder.id)} { (count(folder)) } }
                        td { @if may(&user, MarkKind::Folder).is_ok() { (delete_button(folder, count(folder))) } }
                    } }
                } } }
                @if may(&user, MarkKind::Folder).is_ok() {
                    form.inline method="post" action="/folders" {
                        input type="hidden" name="kind" value="folder";
                        label { "New folder" input name="name" required maxlength="255"; }
                        button.primary { "Add" }
                    }
                }
            }
            section { h2 #identifiers { "Identifiers" }
                p.dim { "Badges that stay visible on parked and locked orders. Channels and Consign give some by themselves." }
                table.grid { thead { tr { th { "Badge" } th { "Identifier" } th { "Tag" } th.num { "Open orders" } th {} } } tbody {
                    @for mark in &identifiers { tr {
                        td { (ui::mark(mark)) }
                        td { (form(mark, !mark.system && may(&user, MarkKind::Identifier).is_ok())) }
                        td { code { (mark.tag) } }
                        td.num { a href={"/orders?location=all&identifier=" (mark.id)} { (count(mark)) } }
                        td { @if mark.system { span.dim { "Consign's own" } } @else if may(&user, MarkKind::Identifier).is_ok() { (delete_button(mark, count(mark))) } }
                    } }
                } }
                @if may(&user, MarkKind::Identifier).is_ok() {
                    form.inline method="post" action="/folders" {
                        input type="hidden" name="kind" value="identifier";
                        label { "New identifier" input name="name" required maxlength="255"; }
                        label { "Letters" input name="letter" maxlength="2" size="3"; }
                        (colours("grey"))
                        label { "Tag for files and programs" input name="tag" maxlength="64" placeholder="made of the name"; }
                        button.primary { "Add" }
                    }
                }
            }
        }
    };
    ui::page(&app, &user, "/folders", "Folders and identifiers", content).await
}

fn colours(chosen: &str) -> Markup {
    html! { label { "Colour" select name="colour" { @for colour in COLOURS { option value=(colour) selected[*colour == chosen] { (colour) } } } } }
}

fn form(mark: &Mark, may: bool) -> Markup {
    html! { @if may {
        form.inline method="post" action={"/folders/" (mark.id) "/edit"} {
            label { span.hidden { "Name" } input name="name" value=(mark.name) required maxlength="255"; }
            @if mark.kind == MarkKind::Identifier {
                input type="hidden" name="tag" value=(mark.tag);
                label { span.hidden { "Letters" } input name="letter" value=(mark.letter) maxlength="2" size="2"; }
                label { span.hidden { "Colour" } select name="colour" { @for colour in COLOURS { option value=(colour) selected[*colour == mark.colour] { (colour) } } } }
            }
            button.quiet { "Save" }
        }
    } @else { (mark.name) } }
}

fn delete_button(mark: &Mark, count: i64) -> Markup {
    let question =
        format!("Delete “{}”? It comes off {count} open orders at once, and can't be brought back.", mark.name);
    html! { form.inline method="post" action={"/folders/" (mark.id) "/delete"} { button.quiet.danger data-confirm=(question) { "Delete" } } }
}

fn read(fields: &Fields) -> MarkForm {
    let text = |name: &str| fields.get(name).to_owned();
    MarkForm { name: text("name"), tag: text("tag"), letter: text("letter"), colour: text("colour") }
}

async fn create(State(app): State<App>, user: WorkOrders, fields: Fields) -> Answer<Redirect> {
    let kind =
        MarkKind::parse(fields.get("kind")).ok_or_else(|| Error::invalid("kind", "must be folder or identifier"))?;
    may(&user.0, kind).map_err(Error::from)?;
    let form = read(&fields);
    app.write(user.actor(), move |tx, ctx| marks::create(tx, ctx, kind, &form)).await?;
    Ok(Redirect::to("/folders"))
}

async fn edit(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let (form, who) = (read(&fields), user.0.clone());
    app.write(user.actor(), move |tx, ctx| {
        may(&who, marks::get(tx, MarkId(id))?.kind)?;
        marks::edit(tx, ctx, MarkId(id), &form)
    })
    .await?;
    Ok(Redirect::to("/folders"))
}

async fn delete(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Redirect> {
    let who = user.0.clone();
    app.write(user.actor(), move |tx, ctx| {
        may(&who, marks::get(tx, MarkId(id))?.kind)?;
        marks::delete(tx, ctx, MarkId(id))
    })
    .await?;
    Ok(Redirect::to("/folders"))
}
