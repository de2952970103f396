//! An instance's settings and mappings: the forms, and what they change.

use axum::extract::{Path, State};
use axum::response::Redirect;
use consign_oms::Error;
use consign_oms::channels::{self, Channel, ChannelSettings, TagMap};
use consign_oms::locations::{self, Location};
use consign_ports::{ChannelKind, StatusTarget};
use consign_values::{ChannelId, LocationId};
use maud::{Markup, html};

use crate::App;
use crate::access::ManageChannels;
use crate::fields::Fields;
use crate::problem::Answer;

pub(super) fn settings_form(
    channel: &Channel,
    kind: &dyn ChannelKind,
    places: &[Location],
    chosen: &[LocationId],
    may: bool,
) -> Markup {
    let can = kind.capabilities();
    let tick = |name: &str, on: bool, label: &str| html! { label { span { input type="checkbox" name=(name) value="1" checked[on]; " " (label) } } };
    html! {
        form.stack method="post" action={"/channels/" (channel.id) "/settings"} {
            input type="hidden" name="version" value=(channel.version);
            label { "Name of the account" input name="name" value=(channel.name) required maxlength="255"; }
            label { "Order download location" select name="download_location" { @for place in places { option value=(place.id) selected[place.id == channel.download_location_id] { (place.name) } } } small { "Applies to orders downloaded from now on." } }
            @if can.unpaid { (tick("download_unpaid", channel.download_unpaid, "download unpaid orders, too: they are parked and hold stock until they are paid")) }
            (tick("link_by_sku", channel.link_by_sku, "link by SKU what no listing links"))
            @if can.despatch { (tick("send_despatches", channel.send_despatches, "tell the channel of despatches")) }
            @if can.cancel { (tick("send_cancellations", channel.send_cancellations, "tell the channel of cancellations")) }
            @if can.stock {
                (tick("push_stock", channel.push_stock, "push stock to the channel"))
                @if can.prices { (tick("push_prices", channel.push_prices, "push prices to the channel: those set for it on the items' pages")) }
                fieldset { legend { "Stock of these locations, summed; none ticked means all" }
                    @for place in places { label { span { input type="checkbox" name="stock_location" value=(place.id) checked[chosen.contains(&place.id)]; " " (place.name) } } }
                }
                div.pair {
                    label { "Show at most" input name="max_listed" type="number" min="1" value=[channel.max_listed]; }
                    label { "Show none at or below" input name="end_when" type="number" min="0" value=(channel.end_when); }
                    label { "Show, %" input name="stock_percent" type="number" min="1" max="100" value=(channel.stock_percent); }
                }
            }
            label { "Seconds between downloads" input name="interval_seconds" type="number" min="1" max="86400" value=(channel.interval_seconds); }
            @if may { button.primary { "Save" } }
        }
    }
}

/// What a status can mean: its code, and its name for people.
pub(crate) const TARGETS: &[(StatusTarget, &str, &str)] = &[
    (StatusTarget::Unmapped, "unmapped", "Unmapped"),
    (StatusTarget::Paid, "paid", "Paid"),
    (StatusTarget::Unpaid, "unpaid", "Unpaid"),
    (StatusTarget::Shipped, "shipped", "Shipped"),
    (StatusTarget::Cancelled, "cancelled", "Cancelled"),
];

pub(super) fn status_row(code: &str, label: &str, means: StatusTarget) -> Markup {
    html! {
        label.pair { span { (label) @if label != code { " " span.dim { (code) } } }
            select name={"status." (code)} { @for (target, value, name) in TARGETS { option value=(value) selected[*target == means] { (name) } } }
        }
    }
}

pub(super) async fn settings(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let id = ChannelId(id);
    let version = fields.int("version")?;
    let new = ChannelSettings {
        name: fields.get("name").to_owned(),
        download_location_id: LocationId(fields.int("download_location")?),
        download_unpaid: fields.ticked("download_unpaid"),
        link_by_sku: fields.ticked("link_by_sku"),
        send_despatches: fields.ticked("send_despatches"),
        send_cancellations: fields.ticked("send_cancellations"),
        push_stock: fields.ticked("push_stock"),
        push_prices: fields.ticked("push_prices"),
        max_listed: fields.maybe_int("max_listed")?,
        end_when: fields.maybe_int("end_when")?.unwrap_or(0),
        stock_percent: fields.maybe_int("stock_percent")?.unwrap_or(100),
        interval_seconds: fields.int("interval_seconds")?,
    };
    let mut places = Vec::new();
    for place in fields.all("stock_location") {
        places.push(LocationId(place.parse().map_err(|_| Error::invalid("stock_location", "must be a location"))?));
    }
    app.write(user.actor(), move |tx, ctx| {
        channels::edit(tx, ctx, id, version, &new)?;
        if channels::stock_locations(tx, id)? != places {
            for place in &places {
                locations::get(tx, *place)?;
            }
            channels::set_stock_locations(tx, ctx, id, &places)?;
        }
        Ok(())
    })
    .await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}

pub(super) async fn statuses(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| {
        let labels = channels::status_map(tx, ChannelId(id))?;
        let mut rows = Vec::new();
        for (code, value) in fields.with_prefix("status.") {
            let target = TARGETS
                .iter()
                .find(|(_, name, _)| *name == value)
                .ok_or_else(|| Error::invalid("status", "is no target"))?
                .0;
            let label = labels.iter().find(|map| map.code == code).map_or(code, |map| &map.label);
            rows.push((code.to_owned(), label.to_owned(), target));
        }
        channels::set_statuses(tx, ctx, ChannelId(id), &rows)
    })
    .await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}

pub(super) async fn tags(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let mut rows = Vec::new();
    for (i, kind) in fields.with_prefix("kind.") {
        if !matches!(kind, "shipping" | "payment") {
            return Err(Error::invalid("kind", "must be shipping or payment").into());
        }
        let field = |name: &str| fields.get(&format!("{name}.{i}")).to_owned();
        rows.push(TagMap {
            channel_id: ChannelId(id),
            kind: kind.to_owned(),
            site: field("site"),
            tag: field("tag"),
            label: field("label"),
            carrier: field("carrier"),
            service: field("service"),
        });
    }
    app.write(user.actor(), move |tx, ctx| channels::set_tags(tx, ctx, ChannelId(id), &rows)).await?;
    Ok(Redirect::to(&format!("/channels/{id}")))
}
