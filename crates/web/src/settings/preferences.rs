//! What each user chooses for themselves.

use axum::extract::State;
use axum::response::Redirect;
use consign_oms::locations::{self, Location};
use consign_oms::settings::{Formats, Opens, Preferences, get, preferences};
use consign_oms::{Actor, Error};
use consign_values::{ClockStyle, DateStyle, LocationId, NumberStyle};
use maud::{Markup, html};

use super::{Set, choice, chosen, page, version, zone_field};
use crate::access::View;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, manner, ui};

pub async fn show(State(app): State<App>, View(user): View) -> Answer<Markup> {
    let id = user.id;
    let (own, company, places) =
        app.read(move |tx| Ok((preferences::load(tx, id)?, get::<Formats>(tx)?, locations::list(tx)?))).await?;
    let now = app.clock.now();
    let content = html! {
        (form(&own, &company, &places))
        p.dim { "It is now " (ui::moment(now)) " for you (" (manner::current().zone) ")." }
    };
    page(&app, &user, "/settings/me", "My preferences", content).await
}

fn form(own: &Set<Preferences>, company: &Formats, places: &[Location]) -> Markup {
    let p = &own.value;
    let looks = |text: Option<&str>| format!("as the company: {}", text.unwrap_or_default());
    let dates = DateStyle::ALL.iter().find(|(style, ..)| *style == company.dates).map(|(.., looks)| *looks);
    let clock = ClockStyle::ALL.iter().find(|(style, ..)| *style == company.clock).map(|(.., looks)| *looks);
    let numbers = NumberStyle::ALL.iter().find(|(style, ..)| *style == company.numbers).map(|(.., looks)| *looks);
    html! {
        form.stack method="post" action="/settings/me" {
            (version(own.version))
            h2 { "Dates and numbers" }
            (choice("dates", "Dates", DateStyle::ALL, p.dates, Some(&looks(dates))))
            (choice("clock", "Clock", ClockStyle::ALL, p.clock, Some(&looks(clock))))
            (choice("numbers", "Numbers", NumberStyle::ALL, p.numbers, Some(&looks(numbers))))
            (zone_field(p.zone.as_deref().unwrap_or_default(), &looks(Some(&company.zone))))
            h2 { "My location" }
            label { "Open orders begin with" select name="opens" {
                option value="last" selected[p.opens == Opens::Last] { "the location I looked at last" }
                option value="all" selected[p.opens == Opens::All] { "all locations" }
                @for place in places { option value=(place.id) selected[p.opens == Opens::At(place.id)] { (place.name) } }
            } }
            button.primary { "Save my preferences" }
        }
    }
}

pub async fn save(State(app): State<App>, View(user): View, fields: Fields) -> Answer<Redirect> {
    let zone = fields.get("zone").trim();
    let opens = match fields.get("opens") {
        "last" => Opens::Last,
        "all" => Opens::All,
        place => {
            Opens::At(LocationId(place.parse().map_err(|_| Error::invalid("opens", "must be one of the choices"))?))
        }
    };
    let new = Preferences {
        dates: chosen(&fields, "dates", DateStyle::ALL)?,
        clock: chosen(&fields, "clock", ClockStyle::ALL)?,
        numbers: chosen(&fields, "numbers", NumberStyle::ALL)?,
        zone: (!zone.is_empty()).then(|| zone.to_owned()),
        opens,
    };
    let (id, version) = (user.id, fields.int("version")?);
    app.write(Actor::User(id), move |tx, ctx| preferences::set(tx, ctx, id, &new, version)).await?;
    Ok(Redirect::to("/settings/me"))
}
