//! The warehouses of a channel: where their orders land, whose stock each is told. Reference 2.7.

use axum::extract::{Path, State};
use axum::response::Redirect;
use consign_oms::Error;
use consign_oms::channels::{self, Channel, ChannelLocation, ChannelLocationForm, SeveralLocations};
use consign_oms::locations::Location;
use consign_ports::ChannelPlace;
use consign_values::{ChannelId, LocationId};
use maud::{Markup, html};

use super::{open, remote};
use crate::App;
use crate::access::ManageChannels;
use crate::fields::Fields;
use crate::problem::Answer;

/// What the section shows.
pub(super) struct Warehouses {
    all: Vec<ChannelLocation>,
    stock: Vec<(String, LocationId)>,
}

pub(super) fn load(tx: &mut consign_db::Tx<'_>, id: ChannelId) -> Result<Warehouses, Error> {
    Ok(Warehouses { all: channels::channel_locations(tx, id)?, stock: channels::channel_location_stock(tx, id)? })
}

const SEVERAL: [(SeveralLocations, &str); 3] = [
    (SeveralLocations::Split, "is split, each part at its location"),
    (SeveralLocations::Most, "goes as a whole where most of its units come from"),
    (SeveralLocations::Download, "goes as a whole to the order download location"),
];

pub(super) fn section(channel: &Channel, warehouses: &Warehouses, places: &[Location], may: bool) -> Markup {
    let id = channel.id;
    html! {
        section.wide #warehouses {
            h2 { "Warehouses of the channel" }
            p { "Where the orders of each land, and whose stock it is told. As soon as one is told its stock, the channel is told by warehouse, and the stock locations in the settings no longer count." }
            @if may { form.bar method="post" action={"/channels/" (id) "/locations/read"} { button { "Read them from the channel" } } }
            @if warehouses.all.is_empty() { p.empty { "None yet. They are read from the channel, and noted when an order names one." } }
            @else {
                form.stack.wide method="post" action={"/channels/" (id) "/locations"} {
                    label { "An order that names several, mapped to different locations," select name="several" disabled[!may] {
                        @for (several, label) in SEVERAL { option value=(several) selected[several == channel.several_locations] { (label) } }
                    } }
                    table.grid { thead { tr { th { "Warehouse" } th { "Orders land at" } th { "Stock" } th { "Of the locations (none: all)" } } } tbody {
                        @for (i, one) in warehouses.all.iter().enumerate() { (row(i, one, &warehouses.stock, places, may)) }
                    } }
                    @if may { button.primary { "Save the warehouses" } }
                }
            }
        }
    }
}

fn row(i: usize, one: &ChannelLocation, stock: &[(String, LocationId)], places: &[Location], may: bool) -> Markup {
    html! { tr {
        td { (one.name) br; small { (one.code) } input type="hidden" name={"code." (i)} value=(one.code); }
        td { label { span.hidden { "Orders of " (one.name) " land at" } select name={"to." (i)} disabled[!may] {
            option value="" { "the order download location" }
            @for place in places { option value=(place.id) selected[one.download_location_id == Some(place.id)] { (place.name) } }
        } } }
        td { label { input type="checkbox" name={"told." (i)} value="1" checked[one.push_stock] disabled[!may]; " told" } }
        td { div.bar { @for place in places {
            label { input type="checkbox" name={"stock." (i)} value=(place.id) disabled[!may]
                checked[stock.iter().any(|(code, id)| *code == one.code && *id == place.id)]; " " (place.name) }
        } } }
    } }
}

pub(super) async fn save(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let several = SeveralLocations::parse(fields.get("several"));
    let several = several.ok_or_else(|| Error::invalid("several", "must be split, most or download"))?;
    let mut forms = Vec::new();
    for (i, code) in fields.with_prefix("code.") {
        let mut stock = Vec::new();
        for place in fields.all(&format!("stock.{i}")) {
            let wrong = |_| Error::invalid(format!("stock.{i}"), "must be locations");
            stock.push(LocationId(place.parse().map_err(wrong)?));
        }
        forms.push(ChannelLocationForm {
            code: code.to_owned(),
            download_location_id: fields.maybe_int(&format!("to.{i}"))?.map(LocationId),
            push_stock: fields.ticked(&format!("told.{i}")),
            stock_location_ids: stock,
        });
    }
    app.write(user.actor(), move |tx, ctx| channels::set_channel_locations(tx, ctx, ChannelId(id), several, &forms))
        .await?;
    Ok(Redirect::to(&format!("/channels/{id}#warehouses")))
}

/// What the channel says its warehouses are.
pub(crate) async fn ask(app: &App, id: ChannelId) -> Result<Vec<ChannelPlace>, Error> {
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let kind = app.kind(&channel.kind)?;
    kind.connect(&open(app, &channel)?).map_err(remote)?.list_locations().await.map_err(remote)
}

pub(super) async fn read(State(app): State<App>, user: ManageChannels, Path(id): Path<i64>) -> Answer<Redirect> {
    let found = ask(&app, ChannelId(id)).await?;
    app.write(user.actor(), move |tx, ctx| channels::record_locations(tx, ctx, ChannelId(id), &found)).await?;
    Ok(Redirect::to(&format!("/channels/{id}#warehouses")))
}
