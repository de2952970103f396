//! Items: the list, making and editing one.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use consign_oms::channels::{self, Channel, ItemPrice};
use consign_oms::items::{self, Component, Item, ItemForm};
use consign_oms::users::Permission;
use consign_oms::{Error, history};
use consign_values::{ChannelId, Currency, ItemId, Money, Rate};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use crate::access::{EditItems, View};
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, exports, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/items", get(list))
        .route("/items/new", get(new).post(create))
        .route("/items/find", get(find))
        .route("/items/{id}", get(show).post(edit))
        .route("/items/{id}/prices", post(set_price))
        .route("/items/{id}/components", post(set_components))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ItemQuery {
    q: String,
    after: String,
}

async fn list(State(app): State<App>, View(user): View, Query(query): Query<ItemQuery>) -> Answer<Markup> {
    let (text, after) = (query.q.clone(), query.after.clone());
    let mut found = app.read(move |tx| items::search(tx, &text, &after)).await?;
    let more = found.len() > 50;
    found.truncate(50);
    let content = html! {
        h1.hidden { "Items" }
        form.bar method="get" action="/items" role="search" {
            label { span.hidden { "Search" } input #search type="search" name="q" value=(query.q) placeholder="SKU, title or barcode  (/)"; }
            button { "Search" }
            @if user.role.may(Permission::EditItems) { a.button href="/items/new" { "New item" } }
            (exports::links("items", "", "All items"))
        }
        @if found.is_empty() { p.empty { "No items here. " a href="/items/new" { "Make the first one" } ": orders are linked to it by its SKU." } }
        @else {
            table.grid {
                thead { tr { th { "SKU" } th { "Title" } th.num { "Weight" } th.num { "Price" } th.num { "Tax" } } }
                tbody { @for item in &found { tr {
                    td { a href={"/items/" (item.id)} { (item.sku) } } td { (item.title) } td.num { (item.weight_g) " g" } td.num { (ui::money(item.price())) } td.num { (ui::number(item.tax_rate.to_percent())) " %" }
                } } }
            }
            @if more { @if let Some(last) = found.last() { p.pages { a rel="next" href={"/items?q=" (query.q) "&after=" (last.sku.replace('&', "%26").replace('+', "%2B").replace('#', "%23"))} { "Next page →" } } } }
        }
    };
    ui::page(&app, &user, "/items", "Items", content).await
}

fn read(fields: &Fields) -> Result<ItemForm, Error> {
    let currency = Currency::parse(fields.get("currency")).unwrap_or(Currency::UNKNOWN);
    let price =
        Money::from_decimal(fields.decimal("price")?, currency).map_err(|e| Error::invalid("price", e.to_string()))?;
    let tax_rate = Rate::from_percent(fields.decimal("tax_rate")?)
        .ok_or_else(|| Error::invalid("tax_rate", "must be between 0 and 1,000 %"))?;
    let measure = |name: &str| Ok::<_, Error>(fields.maybe_int(name)?.unwrap_or(0));
    Ok(ItemForm {
        sku: fields.get("sku").to_owned(),
        title: fields.get("title").to_owned(),
        barcodes: fields.get("barcodes").split([',', ' ', '\n', '\r']).map(str::to_owned).collect(),
        weight_g: measure("weight_g")?,
        length_mm: measure("length_mm")?,
        width_mm: measure("width_mm")?,
        height_mm: measure("height_mm")?,
        price: price.amount,
        currency: fields.get("currency").to_owned(),
        tax_rate: tax_rate.0,
    })
}

fn form(action: &str, item: Option<&Item>, barcodes: &[String], may: bool) -> Markup {
    let number = |value: Option<i64>| value.unwrap_or(0).to_string();
    let text = |value: Option<&String>| value.cloned().unwrap_or_default();
    html! {
        form.stack method="post" action=(action) {
            @if let Some(item) = item { input type="hidden" name="version" value=(item.version); }
            label { "SKU" input name="sku" required maxlength="128" value=(text(item.map(|i| &i.sku))); }
            label { "Title" input name="title" required maxlength="255" value=(text(item.map(|i| &i.title))); }
            label { "Barcodes, apart by commas" input name="barcodes" value=(barcodes.join(", ")); }
            div.pair {
                label { "Weight, g" input name="weight_g" type="number" min="0" value=(number(item.map(|i| i.weight_g))); }
                label { "Length, mm" input name="length_mm" type="number" min="0" value=(number(item.map(|i| i.length_mm))); }
                label { "Width, mm" input name="width_mm" type="number" min="0" value=(number(item.map(|i| i.width_mm))); }
                label { "Height, mm" input name="height_mm" type="number" min="0" value=(number(item.map(|i| i.height_mm))); }
            }
            div.pair {
                label { "Price" input name="price" inputmode="decimal" value=(item.map_or("0".to_owned(), |i| ui::figure(i.price().to_decimal()))); }
                label { "Currency" input name="currency" maxlength="3" size="4" value=(item.map_or("GBP".to_owned(), |i| i.currency.to_string())); }
                label { "Tax, %" input name="tax_rate" inputmode="decimal" value=(item.map_or("20".to_owned(), |i| ui::figure(i.tax_rate.to_percent()))); }
            }
            @if may { button.primary { "Save" } }
        }
    }
}

async fn new(State(app): State<App>, user: EditItems) -> Answer<Markup> {
    let content = html! { h1 { "New item" } (form("/items/new", None, &[], true)) };
    ui::page(&app, &user.0, "/items", "New item", content).await
}

async fn create(State(app): State<App>, user: EditItems, fields: Fields) -> Answer<Redirect> {
    let form = read(&fields)?;
    let id = app.write(user.actor(), move |tx, ctx| items::create(tx, ctx, &form)).await?;
    Ok(Redirect::to(&format!("/stock/{id}")))
}

async fn show(State(app): State<App>, View(user): View, Path(id): Path<i64>) -> Answer<Markup> {
    let id = ItemId(id);
    let (item, barcodes, entries, names) = app
        .read(move |tx| {
            let entries = history::list(tx, "item", id.0)?;
            Ok((items::get(tx, id)?, items::barcodes(tx, id)?, entries, ui::names(tx)?))
        })
        .await?;
    let (prices, instances, parts) = app
        .read(move |tx| Ok((channels::prices_of(tx, id)?, channels::list(tx)?, items::components_of(tx, &[id])?)))
        .await?;
    let takes_prices = |c: &Channel| app.kind(&c.kind).is_ok_and(|kind| kind.capabilities().prices);
    let instances: Vec<Channel> = instances.into_iter().filter(takes_prices).collect();
    let may = user.role.may(Permission::EditItems);
    let content = html! {
        h1 { (item.sku) }
        p { a href={"/stock/" (item.id)} { "Its stock" } }
        (form(&format!("/items/{id}"), Some(&item), &barcodes, may))
        (component_form(&item, &parts, may))
        (price_table(&item, &prices, &instances, may))
        h2 { "History" }
        table.plain-table { tbody { @for entry in &entries { tr { td { (ui::moment(entry.at)) } td { (ui::who(&names, &entry.actor)) } td { strong { (entry.kind) } " " (entry.detail) } } } } }
    };
    ui::page(&app, &user, "/items", &item.sku, content).await
}

/// SKUs and titles for fields that name an item: the first of those that contain the text.
async fn find(State(app): State<App>, _: View, Query(query): Query<ItemQuery>) -> Answer<Response> {
    let found = app.read(move |tx| items::search(tx, &query.q, "")).await?;
    let found: Vec<_> = found.iter().take(20).map(|item| json!({"sku": item.sku, "title": item.title})).collect();
    Ok(Json(json!({ "items": found })).into_response())
}

/// What a composite is made of; empty rows are for more.
fn component_form(item: &Item, parts: &[Component], may: bool) -> Markup {
    let row = |n: usize, part: Option<&Component>| {
        html! { div.pair {
            label { span.hidden { "SKU of part " (n + 1) } input name={"part." (n) ".sku"} disabled[!may] value=[part.map(|p| &p.sku)] placeholder="SKU of a part" list="skus" data-items; }
            label { "× " span.hidden { "Units of part " (n + 1) } input name={"part." (n) ".quantity"} type="number" min="1" max="10000" disabled[!may] value=(part.map_or(1, |p| p.quantity)); }
            @if let Some(part) = part { span.dim { (part.title) } }
        } }
    };
    html! {
        details open[!parts.is_empty()] { summary { "Made of other items" @if !parts.is_empty() { " (" (parts.len()) ")" } }
            p.dim { "A kit has no stock of its own: orders take its parts, and channels are shown what can be made of them. Orders that came before keep what they were made of." }
            form.stack method="post" action={"/items/" (item.id) "/components"} {
                @for (n, part) in parts.iter().enumerate() { (row(n, Some(part))) }
                @for n in parts.len()..parts.len() + 3 { (row(n, None)) }
                datalist #skus {}
                @if may { button { "Save the parts" } }
            }
        }
    }
}

async fn set_components(
    State(app): State<App>,
    user: EditItems,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| {
        let mut parts = Vec::new();
        for n in 0..200 {
            let (field, quantity) = (format!("part.{n}.sku"), format!("part.{n}.quantity"));
            let sku = fields.get(&field).trim();
            if sku.is_empty() {
                continue;
            }
            let part = items::find_by_sku(tx, sku)?
                .ok_or_else(|| Error::invalid(field.as_str(), format!("{sku} is not the SKU of an item")))?;
            parts.push((part.id, fields.int(&quantity)?));
        }
        items::set_components(tx, ctx, ItemId(id), &parts)
    })
    .await?;
    Ok(Redirect::to(&format!("/items/{id}")))
}

/// One row for each channel that takes prices; an empty field takes the price away.
fn price_table(item: &Item, prices: &[ItemPrice], instances: &[Channel], may: bool) -> Markup {
    html! {
        h2 { "Prices on channels" }
        @if instances.is_empty() { p.dim { "No channel that takes prices has been added yet." } }
        @for channel in instances {
            @let price = prices.iter().find(|price| price.channel_id == channel.id);
            form.inline method="post" action={"/items/" (item.id) "/prices"} {
                input type="hidden" name="channel" value=(channel.id);
                label { (channel.name) " "
                    input name="price" inputmode="decimal" size="8" disabled[!may] value=[price.map(|p| ui::figure(p.price().to_decimal()))] placeholder="none"; }
                label { span.hidden { "Currency of " (channel.name) }
                    input name="currency" maxlength="3" size="4" disabled[!may] value=(price.map_or(item.currency, |p| p.currency)); }
                @if may { button { "Set" } }
                @if !channel.push_prices { " " small.dim { "not told: the channel's switch " em { "push prices" } " is off" } }
            }
        }
    }
}

async fn set_price(State(app): State<App>, user: EditItems, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let channel = ChannelId(fields.int("channel")?);
    let price = if fields.get("price").trim().is_empty() {
        None
    } else {
        let currency = Currency::parse(fields.get("currency")).unwrap_or(Currency::UNKNOWN);
        let price = Money::from_decimal(fields.decimal("price")?, currency);
        Some(price.map_err(|error| Error::invalid("price", error.to_string()))?)
    };
    app.write(user.actor(), move |tx, ctx| channels::set_price(tx, ctx, ItemId(id), channel, price)).await?;
    Ok(Redirect::to(&format!("/items/{id}")))
}

async fn edit(State(app): State<App>, user: EditItems, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let (form, version) = (read(&fields)?, fields.int("version")?);
    app.write(user.actor(), move |tx, ctx| items::edit(tx, ctx, ItemId(id), version, &form)).await?;
    Ok(Redirect::to(&format!("/items/{id}")))
}
