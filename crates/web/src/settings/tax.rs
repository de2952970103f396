//! Tax rates to choose from, and what currencies are worth.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Redirect;
use consign_oms::Error;
use consign_oms::settings::{Currencies, CurrencyRate, TaxRate, TaxRates, load};
use consign_values::{Currency, Rate};
use maud::{Markup, html};

use super::{Set, change_list, last_changes, page, save, version};
use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, manner, ui};

/// Rows for new entries at the end of a table.
const EMPTY_ROWS: usize = 4;

pub async fn show(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let (rates, currencies, changes) =
        app.read(|tx| Ok((load::<TaxRates>(tx)?, load::<Currencies>(tx)?, last_changes(tx)?))).await?;
    let today = super::data::today(&app);
    let content = html! {
        div.columns {
            section { (rates_form(&rates)) }
            section { (currencies_form(&currencies, &today)) }
        }
        (change_list(&changes))
    };
    page(&app, &user.0, "/settings/tax", "Tax and currency", content).await
}

fn rates_form(rates: &Set<TaxRates>) -> Markup {
    let known = &rates.value.rates;
    let row = |n: usize, rate: Option<&TaxRate>| {
        html! { tr {
            td { input name={"rate." (n) ".country"} aria-label={"Country of rate " (n + 1)} maxlength="64" size="8" placeholder="GB" value=[rate.map(|rate| &rate.country_code)]; }
            td { input name={"rate." (n) ".name"} aria-label={"Name of rate " (n + 1)} maxlength="64" placeholder="standard" value=[rate.map(|rate| &rate.name)]; }
            td.num { input name={"rate." (n) ".percent"} aria-label={"Percent of rate " (n + 1)} inputmode="decimal" size="6" value=[rate.map(|rate| ui::figure(rate.rate.to_percent()))]; }
        } }
    };
    html! {
        form.stack method="post" action="/settings/tax" {
            h2 { "Tax rates" }
            p.dim { "To choose from in direct orders and edits. Orders keep the rate they have. Empty a country to take its row out. Whether prices of direct orders contain tax is under " a href="/settings/orders" { "Orders" } "." }
            (version(rates.version))
            table.grid.form-grid { thead { tr { th { "Country" } th { "Name" } th.num { "%" } } }
                tbody { @for (n, rate) in known.iter().enumerate() { (row(n, Some(rate))) } @for n in known.len()..known.len() + EMPTY_ROWS { (row(n, None)) } } }
            button.primary { "Save the rates" }
        }
    }
}

fn currencies_form(currencies: &Set<Currencies>, today: &str) -> Markup {
    let known = &currencies.value.rates;
    let row = |n: usize, rate: Option<&CurrencyRate>| {
        html! { tr {
            td { input name={"currency." (n) ".code"} aria-label={"Currency " (n + 1)} maxlength="3" size="4" placeholder="EUR" value=[rate.map(|rate| rate.currency)]; }
            td.num { input name={"currency." (n) ".rate"} aria-label={"Worth of currency " (n + 1)} inputmode="decimal" size="10" value=[rate.map(|rate| ui::figure(rate.rate))]; }
            td { input name={"currency." (n) ".day"} aria-label={"Day of rate " (n + 1)} type="date" value=(rate.map_or(today, |rate| &rate.day)); }
        } }
    };
    html! {
        form.stack method="post" action="/settings/currencies" {
            h2 { "Currencies" }
            p.dim { "What one unit of another currency is worth in the base currency. An order in another currency shows its total in the base currency, too, with the day of the rate. No order changes." }
            (version(currencies.version))
            label { "Base currency" input name="base" maxlength="3" size="4" required value=(currencies.value.base); }
            table.grid.form-grid { thead { tr { th { "Currency" } th.num { "Worth in " (currencies.value.base) } th { "As of" } } }
                tbody { @for (n, rate) in known.iter().enumerate() { (row(n, Some(rate))) } @for n in known.len()..known.len() + EMPTY_ROWS { (row(n, None)) } } }
            button.primary { "Save the currencies" }
        }
    }
}

/// The numbers of the rows of a table that name something.
fn rows(fields: &Fields, prefix: &str, named_by: &str) -> Vec<usize> {
    let found: BTreeSet<usize> = fields
        .with_prefix(prefix)
        .filter(|(_, value)| !value.trim().is_empty())
        .filter_map(|(rest, _)| rest.split_once('.').filter(|(_, field)| *field == named_by)?.0.parse().ok())
        .collect();
    found.into_iter().collect()
}

pub async fn save_rates(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let mut rates = Vec::new();
    for n in rows(&fields, "rate.", "country") {
        let percent = format!("rate.{n}.percent");
        let rate = Rate::from_percent(fields.decimal(&percent)?)
            .ok_or_else(|| Error::invalid(percent, "must be between 0 and 1,000 %"))?;
        rates.push(TaxRate {
            country_code: fields.get(&format!("rate.{n}.country")).to_owned(),
            name: fields.get(&format!("rate.{n}.name")).to_owned(),
            rate,
        });
    }
    save(&app, &user, &fields, TaxRates { rates }, "/settings/tax").await
}

pub async fn save_currencies(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let mut rates = Vec::new();
    for n in rows(&fields, "currency.", "code") {
        let field = |name: &str| format!("currency.{n}.{name}");
        let code = fields.get(&field("code"));
        rates.push(CurrencyRate {
            currency: Currency::parse(code)
                .ok_or_else(|| Error::invalid(field("code"), "must be an ISO 4217 code such as EUR"))?,
            rate: manner::current()
                .read_number(fields.get(&field("rate")))
                .map_err(|why| Error::invalid(field("rate"), why))?,
            day: fields.get(&field("day")).to_owned(),
        });
    }
    let base = Currency::parse(fields.get("base"))
        .ok_or_else(|| Error::invalid("base", "must be an ISO 4217 code such as GBP"))?;
    save(&app, &user, &fields, Currencies { base, rates }, "/settings/tax").await
}
