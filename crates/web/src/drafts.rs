//! Direct orders: drafts, the form, customer look-up, completing.

use std::collections::HashMap;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Redirect;
use axum::routing::{self, post};
use consign_oms::customers::{self, Found, From};
use consign_oms::locations::{self, Location};
use consign_oms::orders::{self, Draft, DraftForm, OrderEdit};
use consign_oms::settings::{OrderPages, TaxRates, get};
use consign_oms::{Error, items};
use consign_values::{Address, Currency, CustomerId, DraftId, ItemId, LocationId, Money, OrderId, Rate};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::WorkOrders;
use crate::fields::Fields;
use crate::orders::change::{
    address_fields, line_table, read_address, read_lines, read_moment, read_money, tax_choices,
};
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/drafts", routing::get(list).post(begin))
        .route("/drafts/{id}", routing::get(show).post(save))
        .route("/drafts/{id}/discard", post(discard))
}

async fn list(State(app): State<App>, user: WorkOrders) -> Answer<Markup> {
    let (drafts, places) = app.read(|tx| Ok((orders::drafts(tx)?, locations::list(tx)?))).await?;
    let here = user.0.location_id;
    let content = html! {
        h1 { "Direct orders" }
        p { "Orders by telephone, e-mail or over the counter. A draft holds no stock and is in no list of orders until it is completed." }
        (begin_form(&places, here))
        @if drafts.is_empty() { p.empty { "No drafts. Begin an order above (n)." } }
        @else { table.grid {
            thead { tr { th { "Draft" } th { "Customer" } th.num { "Lines" } th { "Last change" } th { "" } } }
            tbody { @for draft in &drafts { @let form = draft.form().ok(); tr {
                td { a href={"/drafts/" (draft.id)} { "Draft " (draft.id) } }
                td { @if let Some(form) = &form { (form.order.delivery.full_name) " " span.dim { (form.order.delivery.postcode) } } }
                td.num { @if let Some(form) = &form { (form.order.lines.len()) } }
                td { (ui::moment(draft.updated_at)) }
                td { form.inline method="post" action={"/drafts/" (draft.id) "/discard"} { button.quiet data-confirm={"Throw draft " (draft.id) " away?"} { "Discard" } } }
            } } }
        } }
    };
    ui::page(&app, &user.0, "/drafts", "Direct orders", content).await
}

fn begin_form(places: &[Location], here: Option<LocationId>) -> Markup {
    html! {
        form.bar method="post" action="/drafts" {
            label { "At " select name="location" { @for place in places { option value=(place.id) selected[Some(place.id) == here] { (place.name) } } } }
            button.primary data-key="n" { "New order (n)" }
        }
    }
}

async fn begin(State(app): State<App>, user: WorkOrders, fields: Fields) -> Answer<Redirect> {
    let location = fields.maybe_int("location")?.map(LocationId);
    let id = app
        .write(user.actor(), move |tx, ctx| {
            let location = match location {
                Some(location) => location,
                None => locations::default(tx)?,
            };
            orders::begin_draft(tx, ctx, location)
        })
        .await?;
    Ok(Redirect::to(&format!("/drafts/{id}")))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LookUp {
    customer: String,
}

async fn show(
    State(app): State<App>,
    user: WorkOrders,
    Path(id): Path<i64>,
    Query(query): Query<LookUp>,
) -> Answer<Markup> {
    let wanted = query.customer.clone();
    let (draft, form, skus, places, found, rates, pages) = app
        .read(move |tx| {
            let draft = orders::draft(tx, DraftId(id))?;
            let form = draft.form()?;
            let named: Vec<ItemId> = form.order.lines.iter().filter_map(|line| line.item_id).collect();
            let skus: HashMap<ItemId, String> =
                items::list_of(tx, &named)?.into_iter().map(|item| (item.id, item.sku)).collect();
            let found = if wanted.trim().is_empty() { Vec::new() } else { customers::look_up(tx, &wanted)? };
            let (rates, pages) = (get::<TaxRates>(tx)?, get::<OrderPages>(tx)?);
            Ok((draft, form, skus, locations::list(tx)?, found, rates, pages))
        })
        .await?;
    let content = html! {
        h1 { "New order " span.dim { "draft " (id) } }
        form.stack.wide method="post" action={"/drafts/" (id)} {
            input type="hidden" name="version" value=(draft.version);
            (buttons(pages.complete_and_process))
            (look_up(&query.customer, &found))
            h2 { "Lines" }
            (line_table(&form.order.lines, &skus, form.currency, form.tax_inclusive))
            (tax_choices(&rates))
            div.columns.three {
                section { (general(&form, &places)) }
                section { (address_fields("Deliver to", "delivery", &form.order.delivery))
                    label { input type="checkbox" name="keep_customer" value="1" checked[form.keep_customer]; " keep the customer in the address book" } }
                section { (address_fields("Bill to, if somebody else", "billing", &form.order.billing)) }
            }
        }
        form.bar method="post" action={"/drafts/" (id) "/discard"} { button.danger data-confirm="Throw this draft away?" { "Discard the draft" } }
    };
    ui::page(&app, &user.0, "/drafts", &format!("Draft {id}"), content).await
}

/// Always in sight. The first one is what Enter in a field does: it must not complete an order by accident.
fn buttons(and_process: bool) -> Markup {
    html! { div.bar.bulk {
        button.hidden name="action" value="save" tabindex="-1" aria-hidden="true" { "Save" }
        button.primary name="action" value="complete" data-key="c" { "Complete (c)" }
        @if and_process { button name="action" value="process" data-key="p" { "Complete and process (p)" } }
        button name="action" value="save" data-key="S" { "Save the draft (S)" }
    } }
}

/// The look-up is part of the form, so that nothing typed elsewhere is lost when an address is taken over.
fn look_up(text: &str, found: &[Found]) -> Markup {
    html! {
        fieldset { legend { "Find the customer" }
            div.bar {
                label { span.hidden { "Name, e-mail, postcode" } input type="search" name="customer" data-enter="#find" value=(text) placeholder="name, e-mail, postcode" maxlength="100"; }
                button #find name="action" value="find" { "Find" }
            }
            @if !text.trim().is_empty() && found.is_empty() { p.dim { "Nobody found. A search needs three characters." } }
            @if !found.is_empty() { ul.found { @for known in found { li {
                @let key = match known.from { From::Book(id) => format!("customer:{id}"), From::Order(id) => format!("order:{id}") };
                button name="use" value=(key) { "Use" } " " (known.address.one_line()) " "
                span.badge.dim { @match known.from { From::Book(_) => "address book", From::Order(id) => { "order " (id) } } }
            } } } }
        }
    }
}

fn general(form: &DraftForm, places: &[Location]) -> Markup {
    let money = |amount: i64| Money { amount, currency: form.currency }.to_decimal();
    html! {
        fieldset { legend { "Order" }
            label { "Location" select name="location" { @for place in places { option value=(place.id) selected[place.id == form.location_id] { (place.name) } } } }
            label { "Taken by, or where" input name="sub_source" maxlength="128" value=(form.sub_source) placeholder="telephone, fair, shop …"; }
            label { "Reference" input name="reference" maxlength="128" value=(form.reference) placeholder="its own number if empty"; }
            label { "Despatch by (" (ui::zone()) ")" input name="despatch_by" type="datetime-local" value=[form.order.despatch_by.map(ui::moment_field)]; }
            label { "Carrier" input name="carrier" maxlength="128" value=(form.carrier); }
            label { "Service" input name="service" maxlength="128" value=(form.service); }
        }
        fieldset { legend { "Money" }
            label { "Currency" input name="currency" maxlength="3" size="4" value=(form.currency); }
            label { "Postage, with tax" input name="postage" inputmode="decimal" value=(ui::figure(money(form.order.postage))); }
            label { "Tax on postage, %" input name="postage_tax_rate" inputmode="decimal" list="tax-rates" value=(ui::figure(form.postage_tax_rate.to_percent())); }
            label { "Order discount" input name="discount" inputmode="decimal" value=(ui::figure(money(form.order.discount))); }
            label { "Paid by" input name="payment_method" maxlength="128" value=(form.payment_method); }
            label { input type="checkbox" name="paid" value="1" checked[form.paid]; " it is paid" }
            p.dim { "An unpaid order is parked and holds its stock until it is marked as paid." }
        }
    }
}

fn read(tx: &mut consign_db::Tx<'_>, fields: &Fields, was: &DraftForm) -> Result<DraftForm, Error> {
    let currency = Currency::parse(fields.get("currency"))
        .ok_or_else(|| Error::invalid("currency", "must be an ISO 4217 code such as GBP"))?;
    let postage_tax_rate = Rate::from_percent(fields.decimal("postage_tax_rate")?)
        .ok_or_else(|| Error::invalid("postage_tax_rate", "must be between 0 and 1,000 %"))?;
    let mut form = DraftForm {
        sub_source: fields.get("sub_source").to_owned(),
        reference: fields.get("reference").to_owned(),
        location_id: LocationId(fields.int("location")?),
        currency,
        paid: fields.ticked("paid"),
        payment_method: fields.get("payment_method").to_owned(),
        carrier: fields.get("carrier").to_owned(),
        service: fields.get("service").to_owned(),
        postage_tax_rate,
        tax_inclusive: was.tax_inclusive,
        keep_customer: fields.ticked("keep_customer"),
        order: OrderEdit {
            delivery: read_address(fields, "delivery", &was.order.delivery),
            billing: read_address(fields, "billing", &was.order.billing),
            despatch_by: read_moment(fields, "despatch_by")?,
            postage: read_money(fields, "postage", currency)?,
            discount: read_money(fields, "discount", currency)?,
            lines: read_lines(tx, fields, currency)?,
            ..was.order.clone()
        },
    };
    // Lines of a draft have no ids yet.
    form.order.lines.iter_mut().for_each(|line| line.id = None);
    if let Some(address) = taken_over(tx, fields.get("use"))? {
        form.order.delivery = address;
    }
    Ok(form)
}

fn taken_over(tx: &mut consign_db::Tx<'_>, key: &str) -> Result<Option<Address>, Error> {
    let wrong = || Error::invalid("use", "is nobody");
    let number = |text: &str| text.parse::<i64>().map_err(|_| wrong());
    match key.split_once(':') {
        None => Ok(None),
        Some(("customer", id)) => Ok(Some(customers::get(tx, CustomerId(number(id)?))?.address())),
        Some(("order", id)) => Ok(Some(orders::delivery(tx, OrderId(number(id)?))?)),
        Some(_) => Err(wrong()),
    }
}

async fn save(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let (id, version) = (DraftId(id), fields.int("version")?);
    let action = if fields.get("use").is_empty() { fields.get("action").to_owned() } else { "save".to_owned() };
    let customer = fields.get("customer").to_owned();
    // What was typed is kept first, so that an order that can't be completed yet loses nothing.
    let kept = app
        .write(user.actor(), {
            let fields = fields.clone();
            move |tx, ctx| {
                let was: Draft = orders::draft(tx, id)?;
                let form = read(tx, &fields, &was.form()?)?;
                orders::save_draft(tx, ctx, id, version, &form)?;
                Ok(version + 1)
            }
        })
        .await?;
    match action.as_str() {
        "complete" | "process" => {
            let process = action == "process";
            let order = app
                .write(user.actor(), move |tx, ctx| {
                    let order = orders::complete_draft(tx, ctx, id, kept)?;
                    if process {
                        orders::process(tx, ctx, order)?;
                    }
                    Ok(order)
                })
                .await?;
            Ok(Redirect::to(&format!("/orders/{order}")))
        }
        "find" => {
            let text = customer.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23");
            Ok(Redirect::to(&format!("/drafts/{id}?customer={}", text.replace(' ', "+"))))
        }
        _ => Ok(Redirect::to(&format!("/drafts/{id}"))),
    }
}

async fn discard(State(app): State<App>, user: WorkOrders, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| orders::discard_draft(tx, ctx, DraftId(id))).await?;
    Ok(Redirect::to("/drafts"))
}
