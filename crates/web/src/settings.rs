//! Settings of the company: the checks before processing, what direct orders start as.

use axum::Router;
use axum::extract::State;
use axum::response::Redirect;
use axum::routing::get;
use consign_oms::Error;
use consign_oms::settings::{
    DirectOrders, ProcessingChecks, direct_orders, processing_checks, set_direct_orders, set_processing_checks,
};
use consign_values::{Currency, Rate};
use maud::{Markup, html};

use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/settings", get(show).post(save))
}

async fn show(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let (checks, direct) = app.read(|tx| Ok((processing_checks(tx)?, direct_orders(tx)?))).await?;
    let content = html! {
        h1 { "Settings" }
        p { a href="/webhooks" { "Webhooks" } ": addresses that are told what happens" }
        form.stack method="post" action="/settings" {
            h2 { "Before an order may be processed" }
            p { "They hold for every way to process: page, selection, interface. An order must always be open, unparked and unlocked." }
            label { input type="checkbox" name="paid" value="1" checked[checks.paid]; " it must be paid" }
            label { input type="checkbox" name="in_stock" value="1" checked[checks.in_stock]; " all its lines must be in stock, also where the location allows a negative level" }
            label { input type="checkbox" name="linked" value="1" checked[checks.linked]; " all its lines must be linked to items" }
            h2 { "Direct orders start as" }
            p { "Drafts that were begun before keep what they have." }
            label { input type="checkbox" name="tax_inclusive" value="1" checked[direct.tax_inclusive]; " prices contain tax" }
            label { "Currency" input name="currency" maxlength="3" size="4" required value=(direct.currency); }
            label { "Tax on postage, %" input name="postage_tax_rate" inputmode="decimal" value=(direct.postage_tax_rate.to_percent()); }
            label { "Paid by" input name="payment_method" maxlength="128" value=(direct.payment_method); }
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
    let direct = DirectOrders {
        tax_inclusive: fields.ticked("tax_inclusive"),
        currency: Currency::parse(fields.get("currency")).unwrap_or(Currency::UNKNOWN),
        payment_method: fields.get("payment_method").to_owned(),
        postage_tax_rate: Rate::from_percent(fields.decimal("postage_tax_rate")?)
            .ok_or_else(|| Error::invalid("postage_tax_rate", "must be between 0 and 1,000 %"))?,
    };
    app.write(user.actor(), move |tx, ctx| {
        set_processing_checks(tx, ctx, checks)?;
        set_direct_orders(tx, ctx, &direct)
    })
    .await?;
    Ok(Redirect::to("/settings"))
}
