//! How orders are worked on: checks before processing, what direct orders start as, what pages offer.

use axum::extract::State;
use axum::response::Redirect;
use consign_oms::Error;
use consign_oms::settings::{DirectOrders, Handling, OrderPages, ProcessingChecks, load};
use consign_values::{Currency, Rate};
use maud::{Markup, html};

use super::{Set, change_list, last_changes, page, save, tick, version};
use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub async fn show(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let (checks, handling, direct, pages, changes) = app
        .read(|tx| {
            let (checks, handling) = (load::<ProcessingChecks>(tx)?, load::<Handling>(tx)?);
            Ok((checks, handling, load::<DirectOrders>(tx)?, load::<OrderPages>(tx)?, last_changes(tx)?))
        })
        .await?;
    let content = html! {
        div.columns {
            section { (checks_form(&checks)) (pages_form(&pages)) }
            section { (handling_form(&handling)) (direct_form(&direct)) }
        }
        (change_list(&changes))
    };
    page(&app, &user.0, "/settings/orders", "Settings of orders", content).await
}

fn checks_form(checks: &Set<ProcessingChecks>) -> Markup {
    html! {
        form.stack method="post" action="/settings/checks" {
            h2 { "Before an order may be processed" }
            p.dim { "For every way to process: page, selection, interface. An order must always be open, unparked and unlocked." }
            (version(checks.version))
            (tick("paid", checks.value.paid, "it must be paid"))
            (tick("in_stock", checks.value.in_stock, "all its lines must be in stock, also where the location allows a negative level"))
            (tick("linked", checks.value.linked, "all its lines must be linked to items"))
            button.primary { "Save the checks" }
        }
    }
}

fn handling_form(handling: &Set<Handling>) -> Markup {
    html! {
        form.stack method="post" action="/settings/handling" {
            h2 { "Merging, splitting, folders" }
            p.dim { "Alike are paid, unparked, unlocked orders of one customer, address, channel, currency, postal service and location. Amazon Prime orders, split ones and blocked ones are left alone. It is looked every 15 minutes." }
            (version(handling.version))
            (tick("merge_alike", handling.value.merge_alike, "merge alike orders by themselves"))
            (tick("split_this_month_only", handling.value.split_this_month_only, "people split only orders that were received this month"))
            (tick("one_folder", handling.value.one_folder, "an order is in one folder at most"))
            p.dim { a href="/folders" { "Folders and identifiers" } }
            button.primary { "Save merging and folders" }
        }
    }
}

pub async fn save_handling(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let handling = Handling {
        merge_alike: fields.ticked("merge_alike"),
        split_this_month_only: fields.ticked("split_this_month_only"),
        one_folder: fields.ticked("one_folder"),
    };
    save(&app, &user, &fields, handling, "/settings/orders").await
}

fn pages_form(pages: &Set<OrderPages>) -> Markup {
    html! {
        form.stack method="post" action="/settings/order-pages" {
            h2 { "On the pages" }
            (version(pages.version))
            (tick("complete_and_process", pages.value.complete_and_process, "direct orders offer Complete and process"))
            button.primary { "Save the pages" }
        }
    }
}

fn direct_form(direct: &Set<DirectOrders>) -> Markup {
    let d = &direct.value;
    html! {
        form.stack method="post" action="/settings/direct" {
            h2 { "Direct orders start as" }
            p.dim { "Drafts that were begun before keep what they have." }
            (version(direct.version))
            (tick("tax_inclusive", d.tax_inclusive, "prices contain tax"))
            label { "Currency" input name="currency" maxlength="3" size="4" required value=(d.currency); }
            label { "Tax on postage, %" input name="postage_tax_rate" inputmode="decimal" list="tax-rates" value=(ui::figure(d.postage_tax_rate.to_percent())); }
            label { "Paid by" input name="payment_method" maxlength="128" value=(d.payment_method) placeholder="cash, card, invoice …"; }
            button.primary { "Save direct orders" }
        }
    }
}

pub async fn save_checks(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let checks = ProcessingChecks {
        paid: fields.ticked("paid"),
        in_stock: fields.ticked("in_stock"),
        linked: fields.ticked("linked"),
    };
    save(&app, &user, &fields, checks, "/settings/orders").await
}

pub async fn save_pages(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let pages = OrderPages { complete_and_process: fields.ticked("complete_and_process") };
    save(&app, &user, &fields, pages, "/settings/orders").await
}

pub async fn save_direct(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let direct = DirectOrders {
        tax_inclusive: fields.ticked("tax_inclusive"),
        currency: Currency::parse(fields.get("currency")).unwrap_or(Currency::UNKNOWN),
        payment_method: fields.get("payment_method").to_owned(),
        postage_tax_rate: Rate::from_percent(fields.decimal("postage_tax_rate")?)
            .ok_or_else(|| Error::invalid("postage_tax_rate", "must be between 0 and 1,000 %"))?,
    };
    save(&app, &user, &fields, direct, "/settings/orders").await
}
