//! The company, and how dates and numbers are written unless a user chooses otherwise.

use axum::extract::State;
use axum::response::Redirect;
use consign_oms::settings::{Company, Formats, load};
use consign_values::{ClockStyle, DateStyle, NumberStyle};
use maud::{Markup, html};

use super::{Set, change_list, choice, chosen, last_changes, page, save, text, version, zone_field};
use crate::App;
use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;

pub async fn show(State(app): State<App>, user: ManageSettings) -> Answer<Markup> {
    let (company, formats, changes) =
        app.read(|tx| Ok((load::<Company>(tx)?, load::<Formats>(tx)?, last_changes(tx)?))).await?;
    let content = html! {
        div.columns {
            section { (company_form(&company)) }
            section { (formats_form(&formats)) }
        }
        (change_list(&changes))
    };
    page(&app, &user.0, "/settings", "Settings", content).await
}

fn company_form(company: &Set<Company>) -> Markup {
    let c = &company.value;
    html! {
        form.stack method="post" action="/settings" {
            h2 { "Company" }
            (version(company.version))
            (text("name", "Name", &c.name))
            (text("line1", "Address", &c.line1))
            (text("line2", "More of it", &c.line2))
            div.pair { (text("town", "Town", &c.town)) (text("region", "County or state", &c.region)) }
            div.pair { (text("postcode", "Postcode", &c.postcode)) (text("country_code", "Country", &c.country_code)) }
            div.pair { (text("phone", "Telephone", &c.phone)) (text("email", "E-mail", &c.email)) }
            (text("tax_number", "VAT or sales tax number", &c.tax_number))
            button.primary { "Save the company" }
        }
    }
}

fn formats_form(formats: &Set<Formats>) -> Markup {
    let f = &formats.value;
    html! {
        form.stack method="post" action="/settings/formats" {
            h2 { "Dates and numbers" }
            p.dim { "Each user may choose their own under " a href="/settings/me" { "My preferences" } ". Files and the interface for programs always use ISO dates, UTC and the decimal point." }
            (version(formats.version))
            (choice("dates", "Dates", DateStyle::ALL, Some(f.dates), None))
            (choice("clock", "Clock", ClockStyle::ALL, Some(f.clock), None))
            (choice("numbers", "Numbers", NumberStyle::ALL, Some(f.numbers), None))
            (zone_field(&f.zone, "UTC"))
            button.primary { "Save dates and numbers" }
        }
    }
}

pub async fn save_company(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let field = |name: &str| fields.get(name).to_owned();
    let company = Company {
        name: field("name"),
        line1: field("line1"),
        line2: field("line2"),
        town: field("town"),
        region: field("region"),
        postcode: field("postcode"),
        country_code: field("country_code"),
        phone: field("phone"),
        email: field("email"),
        tax_number: field("tax_number"),
    };
    save(&app, &user, &fields, company, "/settings").await
}

pub async fn save_formats(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let formats = Formats {
        dates: chosen(&fields, "dates", DateStyle::ALL)?.unwrap_or_default(),
        clock: chosen(&fields, "clock", ClockStyle::ALL)?.unwrap_or_default(),
        numbers: chosen(&fields, "numbers", NumberStyle::ALL)?.unwrap_or_default(),
        zone: fields.get("zone").to_owned(),
    };
    save(&app, &user, &fields, formats, "/settings").await
}
