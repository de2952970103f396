//! Settings of the company: the checks before processing.

use axum::Router;
use axum::extract::State;
use axum::response::Redirect;
use axum::routing::get;
use consign_oms::settings::{ProcessingChecks, processing_checks, set_processing_checks};
use maud::{Markup, html};

use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/settings", get(show).post(save))
}

async fn show(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let checks = app.read(processing_checks).await?;
    let content = html! {
        h1 { "Settings" }
        form.stack method="post" action="/settings" {
            h2 { "Before an order may be processed" }
            p { "They hold for every way to process: page, selection, interface. An order must always be open, unparked and unlocked." }
            label { input type="checkbox" name="paid" value="1" checked[checks.paid]; " it must be paid" }
            label { input type="checkbox" name="in_stock" value="1" checked[checks.in_stock]; " all its lines must be in stock, also where the location allows a negative level" }
            label { input type="checkbox" name="linked" value="1" checked[checks.linked]; " all its lines must be linked to items" }
            button.primary { "Save" }
        }
    };
    ui::page(&app, &user.0, "/settings", "Settings", content).await
}

async fn save(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let checks = ProcessingChecks {
        paid: fields.ticked("paid"),
        in_stock: fields.ticked("in_stock"),
        linked: fields.ticked("linked"),
    };
    app.write(user.actor(), move |tx, ctx| set_processing_checks(tx, ctx, checks)).await?;
    Ok(Redirect::to("/settings"))
}
