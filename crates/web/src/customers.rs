//! The address book: found, edited, deleted. No order changes with an entry.

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::customers::{self, Customer};
use consign_values::{Address, CustomerId, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::WorkOrders;
use crate::fields::Fields;
use crate::orders::change::{address_fields, read_address};
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/customers", get(list).post(create))
        .route("/customers/new", get(blank))
        .route("/customers/{id}", get(show).post(edit))
        .route("/customers/{id}/delete", post(delete))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BookQuery {
    q: String,
    before: String,
}

async fn list(State(app): State<App>, user: WorkOrders, Query(query): Query<BookQuery>) -> Answer<Markup> {
    let text: String = query.q.chars().take(100).collect();
    let (needle, before) = (text.clone(), query.before.parse().ok().map(CustomerId));
    let (found, next) = app.read(move |tx| customers::book(tx, &needle, before)).await?;
    let next = next.map(|id| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("q", &text)
            .append_pair("before", &id.to_string())
            .finish();
        format!("/customers?{query}")
    });
    let content = html! {
        h1 { "Address book" }
        form.bar method="get" action="/customers" role="search" {
            label { span.hidden { "Search" } input #search type="search" name="q" value=(text) placeholder="Name, e-mail, postcode, town …  (/)" maxlength="100"; }
            button { "Search" }
            a.button href="/customers/new" data-key="n" { "New entry (n)" }
        }
        @if found.is_empty() {
            p.empty {
                @if text.is_empty() { "The address book is empty. Entries come in by choice: tick “keep in the address book” on a direct order, or make one here." }
                @else { "Nobody found for “" (text) "”. A search needs three characters. People of past orders are found under " a href="/processed" { "Processed" } "." }
            }
        } @else {
            table.grid { thead { tr { th { "Name" } th { "Company" } th { "E-mail" } th { "Town" } th { "Postcode" } th { "Country" } th { "Kept" } } } tbody {
                @for customer in &found { (row(customer)) }
            } }
            @if let Some(next) = next { p.pages { a rel="next" href=(next) { "Next page →" } } }
        }
        details.keys { summary { "Keys (?)" } p { kbd { "/" } " search " kbd { "j" } kbd { "k" } " down, up " kbd { "Enter" } " open " kbd { "n" } " new" } }
    };
    ui::page(&app, &user.0, "/customers", "Address book", content).await
}

fn row(customer: &Customer) -> Markup {
    let address = customer.address();
    html! { tr {
        td { a href={"/customers/" (customer.id)} { @if customer.full_name.is_empty() { "(no name)" } @else { (customer.full_name) } } }
        td { (customer.company) }
        td { (customer.email) }
        td { (address.town) }
        td { (address.postcode) }
        td { @if address.country.is_empty() { (address.country_code) } @else { (address.country) } }
        td { (ui::moment(customer.updated_at)) }
    } }
}

async fn blank(State(app): State<App>, user: WorkOrders) -> Answer<Markup> {
    let content = html! {
        h1 { "New entry of the address book" }
        form.stack method="post" action="/customers" {
            (address_fields("Address", "delivery", &Address::default()))
            p.bar { button.primary data-key="S" { "Keep (S)" } a.button href="/customers" { "Leave it" } }
        }
    };
    ui::page(&app, &user.0, "/customers", "New entry", content).await
}

async fn show(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Markup> {
    let customer = app.read(move |tx| customers::get(tx, CustomerId(id))).await?;
    let content = html! {
        h1 { @if customer.full_name.is_empty() { "(no name)" } @else { (customer.full_name) } }
        p.dim { "Kept " (ui::moment(customer.updated_at)) ". Orders keep the address they were made with." }
        form.stack method="post" action={"/customers/" (id)} {
            input type="hidden" name="version" value=(customer.updated_at.0);
            (address_fields("Address", "delivery", &customer.address()))
            p.bar { button.primary data-key="S" { "Save (S)" } a.button href="/customers" { "Leave it as it was" } }
        }
        form method="post" action={"/customers/" (id) "/delete"} {
            button.danger data-confirm="Delete this entry? The history forgets it, too; orders keep their addresses." { "Delete the entry" }
        }
    };
    ui::page(&app, &user.0, "/customers", "Entry of the address book", content).await
}

async fn create(State(app): State<App>, user: WorkOrders, fields: Fields) -> Answer<Redirect> {
    let address = read_address(&fields, "delivery", &Address::default());
    let id = app.write(user.actor(), move |tx, ctx| customers::keep(tx, ctx, &address)).await?;
    Ok(Redirect::to(&format!("/customers/{id}")))
}

async fn edit(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let seen = Timestamp(fields.int("version")?);
    app.write(user.actor(), move |tx, ctx| {
        let was = customers::get(tx, CustomerId(id))?.address();
        customers::edit(tx, ctx, CustomerId(id), seen, &read_address(&fields, "delivery", &was))
    })
    .await?;
    Ok(Redirect::to("/customers"))
}

async fn delete(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| customers::delete(tx, ctx, CustomerId(id))).await?;
    Ok(Redirect::to("/customers"))
}
