//! Locations: the list, making, editing, deleting, and which is the default.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::Error;
use consign_oms::locations::{self, Location, LocationForm};
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
            thead { tr { th { "Name and settings" } th { "Stock and orders" } th { "Below zero" } th { "" } } }
            tbody { @for place in &places { tr {
                td { @if may {
                    form.inline method="post" action={"/locations/" (place.id) "/edit"} {
                        label { span.hidden { "Name" } input name="name" value=(place.name) required maxlength="255"; }
                        (ways(Way::of(place)))
                        label { input type="checkbox" name="allow_negative" value="1" checked[place.allow_negative]; " processing may go below zero" }
                        button { "Save" }
                    }
                } @else { (place.name) } }
                td { @if place.fulfilment_centre { span.badge.warn { "⇄ fulfilment centre" } br; } small { (Way::of(place).explained()) } }
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
        p.dim { "What a location is for stock and orders can change only while no open order is there. " a href="/help/stock#fulfilment-centres" { "More on fulfilment centres" } }
        @if may {
            h2 { "New location" }
            form.inline method="post" action="/locations" {
                label { "Name " input name="name" required maxlength="255"; }
                (ways(Way::Own))
                label { input type="checkbox" name="allow_negative" value="1"; " processing may go below zero" }
                button.primary { "Add" }
            }
        }
    };
    ui::page(&app, &user, "/locations", "Locations", content).await
}

/// What a location is for stock and orders: the sensible combinations of its three flags.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Own,
    Net,
    Acknowledged,
    Processed,
}

impl Way {
    const ALL: [Way; 4] = [Way::Own, Way::Net, Way::Acknowledged, Way::Processed];

    fn of(place: &Location) -> Way {
        match (place.fulfilment_centre, place.count_until_acknowledged, place.deduct_when_processed) {
            (false, ..) => Way::Own,
            (true, false, _) => Way::Net,
            (true, true, false) => Way::Acknowledged,
            (true, true, true) => Way::Processed,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Way::Own => "own",
            Way::Net => "net",
            Way::Acknowledged => "acknowledged",
            Way::Processed => "processed",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Way::Own => "our own shelves",
            Way::Net => "fulfilment centre: its feed is net of orders",
            Way::Acknowledged => "fulfilment centre: orders count until acknowledged",
            Way::Processed => "fulfilment centre: orders count until processed",
        }
    }

    fn explained(self) -> &'static str {
        match self {
            Way::Own => "People count, process and ship here.",
            Way::Net => "Orders here are parked and locked and count nowhere: the centre's feed allows for them.",
            Way::Acknowledged => {
                "Orders here are parked, and count until the centre acknowledges them; then its feed allows for them."
            }
            Way::Processed => {
                "Orders here are parked, and count until the centre ships them; that takes the stock off."
            }
        }
    }
}

fn ways(chosen: Way) -> Markup {
    html! { label { span.hidden { "Stock and orders" } select name="way" { @for way in Way::ALL { option value=(way.code()) selected[way == chosen] { (way.label()) } } } } }
}

fn read(fields: &Fields) -> Result<LocationForm, Error> {
    let way = match fields.get("way") {
        "" => Some(Way::Own),
        code => Way::ALL.into_iter().find(|way| way.code() == code),
    };
    let way = way.ok_or_else(|| Error::invalid("way", "must be own, net, acknowledged or processed"))?;
    Ok(LocationForm {
        name: fields.get("name").to_owned(),
        allow_negative: fields.ticked("allow_negative"),
        fulfilment_centre: way != Way::Own,
        count_until_acknowledged: matches!(way, Way::Acknowledged | Way::Processed),
        deduct_when_processed: way == Way::Processed,
    })
}

async fn create(State(app): State<App>, user: ManageLocations, fields: Fields) -> Answer<Redirect> {
    let form = read(&fields)?;
    app.write(user.actor(), move |tx, ctx| locations::create(tx, ctx, &form)).await?;
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
        "edit" => locations::edit(tx, ctx, id, &read(&fields)?),
        "default" => locations::set_default(tx, ctx, id),
        "delete" => locations::delete(tx, ctx, id),
        _ => Err(Error::NotFound("action")),
    })
    .await?;
    Ok(Redirect::to("/locations"))
}
