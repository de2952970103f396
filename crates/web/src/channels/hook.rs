//! Being told at once: how that goes on an instance's page, and its switch.

use axum::extract::{Path, State};
use axum::response::Redirect;
use consign_oms::channels::{self, Channel, Hook};
use consign_oms::{Error, Refusal};
use consign_ports::ChannelKind;
use consign_values::ChannelId;
use maud::{Markup, html};

use crate::access::ManageChannels;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

/// What the page says of it; nothing for kinds that can only be asked.
pub(super) fn section(app: &App, channel: &Channel, kind: &dyn ChannelKind, hook: Option<&Hook>, may: bool) -> Markup {
    let wanted = hook.is_some_and(|hook| hook.wanted);
    let form = |on: &str, label: &str| {
        html! { form.inline method="post" action={"/channels/" (channel.id) "/hook"} {
            input type="hidden" name="on" value=(on); button { (label) }
        } }
    };
    html! {
        @if kind.hooks().is_some() {
            h2 #hook { "Be told at once (webhook)" }
            p { "The channel calls Consign when an order is made or changes, so that it arrives within seconds. Downloads go on by the timetable: they bring what a lost call didn't." }
            p.summary { (state(channel, hook)) }
            @if let Some(hook) = hook { (figures(hook)) }
            @if may && wanted { (form("0", "Be told no longer")) }
            @else if may && app.public_url.is_some() { (form("1", "Be told at once")) }
            @else if may { p.dim { "The channel must know where to call: set " code { "public_url" } " in the configuration to the address at which it reaches this server, and start it again." } }
        }
    }
}

fn state(channel: &Channel, hook: Option<&Hook>) -> Markup {
    html! {
        @match hook {
            Some(hook) if hook.wanted => {
                @if !channel.enabled { span.badge.dim { "○ waits until the channel is on" } }
                @else if let Some(at) = hook.registered_at { span.badge.good { "● registered" } " " span.dim { "seen there " (ui::moment(at)) } }
                @else { span.badge.warn { "… being registered" } }
            },
            Some(hook) if !hook.registered.is_empty() => span.badge.warn { "… being taken back" },
            _ => span.badge.dim { "○ off" },
        }
    }
}

fn figures(hook: &Hook) -> Markup {
    html! {
        @if !hook.last_error.is_empty() {
            p.problem { (hook.last_error) @if let Some(at) = hook.last_error_at { " (" (ui::moment(at)) "; tried again by itself)" } }
        }
        @if let Some(at) = hook.delivered_at { p { "Last call " (ui::moment(at)) ", " (hook.delivery_count) " in all." } }
        @else if hook.wanted { p.dim { "No call yet." } }
        @if let Some(at) = hook.refused_at {
            p { span.badge.bad { "✕ " (hook.refused_count) " refused" } " with a wrong signature, last " (ui::moment(at)) ". Switch it off and on again if the channel sent them." }
        }
    }
}

pub(super) async fn switch(
    State(app): State<App>,
    user: ManageChannels,
    Path(id): Path<i64>,
    fields: Fields,
) -> Answer<Redirect> {
    let id = ChannelId(id);
    let on = match fields.get("on") {
        "1" => true,
        "0" => false,
        _ => return Err(Error::invalid("on", "must be 1 or 0").into()),
    };
    let channel = app.read(move |tx| channels::get(tx, id)).await?;
    let can = app.kind(&channel.kind)?.hooks().is_some();
    if on && !can {
        return Err(Error::from(Refusal::ChannelCannotRun("this kind of channel can't tell at once".to_owned())).into());
    }
    if on && app.public_url.is_none() {
        return Err(
            Error::from(Refusal::ChannelCannotRun("public_url is not set in the configuration".to_owned())).into()
        );
    }
    let keys = app.keys.clone();
    app.write(user.actor(), move |tx, ctx| channels::set_hook(tx, ctx, &keys, id, on)).await?;
    Ok(Redirect::to(&format!("/channels/{id}#hook")))
}
