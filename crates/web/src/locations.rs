//! Locations: the list, making, editing, deleting, and which is the default.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::Error;
use consign_oms::locations::{self, LocationForm};
use consign_oms::users::Permission;
use consign_values::LocationId;
use maud::{Markup, html};

use crate::access::{ManageLocations, View};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/locations", get(list).post(create)).route("/locations/{id}/{action}", post(act))
}

async fn list(State(app): State<App>, View(user): View) -> Answer<Markup> {
    let (places, default) = app.read(|tx| Ok((locations::list(tx)?, locations::default(tx).ok()))).await?;
    let may = user.role.may(Permission::ManageLocations);
    let content = html! {
        h1 { "Locations" }
        p { "An order is at one location and takes stock only from there. New orders land at their channel's download location." }
        table.grid {
            thead { tr { th { "Name" } th { "Below zero" } th { "" } } }
            tbody { @for place in &places { tr {
                td { @if may {
                    form.inline method="post" action={"/locations/" (place.id) "/edit"} {
                        label { span.hidden { "Name" } input name="name" value=(place.name) required maxlength="255"; }
                        label { input type="checkbox" name="allow_negative" value="1" checked[place.allow_negative]; " processing may go below zero" }
                        button { "Save" }
                    }
                } @else { (place.name) } }
                td { @if place.allow_negative { "allowed" } @else { "never" } }
                td {
                    @if default == Some(place.id) { span.badge { "default" } }
                    @else if may {
                        form.inline method="post" action={"/locations/" (place.id) "/default"} { button.quiet { "Make default" } }
                        form.inline method="post" action={"/locations/" (place.id) "/delete"} { button.quiet.danger data-confirm={"Delete the location " (place.name) "?"} { "Delete" } }
                    }
                }
            } } }
        }
        @if may {
            h2 { "New location" }
            form.inline method="post" action="/locations" {
                label { "Name " input name="name" required maxlength="255"; }
                label { input type="checkbox" name="allow_negative" value="1"; " processing may go below zero" }
                button.primary { "Add" }
            }
        }
    };
    ui::page(&app, &user, "/locations", "Locations", content).await
}

fn read(fields: &Fields) -> LocationForm {
    LocationForm { name: fields.get("name").to_owned(), allow_negative: fields.ticked("allow_negative") }
}

async fn create(State(app): State<App>, user: ManageLocations, fields: Fields) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| locations::create(tx, ctx, &read(&fields))).await?;
    Ok(Redirect::to("/locations"))
}

async fn act(
    State(app): State<App>,
    user: ManageLocations,
    Path((id, action)): Path<(i64, String)>,
    fields: Fields,
) -> Answer<Redirect> {
    let id = LocationId(id);
    app.write(user.actor(), move |tx, ctx| match action.as_str() {
        "edit" => locations::edit(tx, ctx, id, &read(&fields)),
        "default" => locations::set_default(tx, ctx, id),
        "delete" => locations::delete(tx, ctx, id),
        _ => Err(Error::NotFound("action")),
    })
    .await?;
    Ok(Redirect::to("/locations"))
}
