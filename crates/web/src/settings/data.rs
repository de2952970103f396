//! Personal data: after how many days it goes, what the runs did, and what one customer may ask for.

use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use consign_oms::orders::OrderState;
use consign_oms::retention::people::{self, Chosen, Erased, Found};
use consign_oms::retention::{self, Due, Run};
use consign_oms::settings::{Kept, Retention, load};
use consign_oms::{Ctx, Error};
use consign_values::{CustomerId, DraftId, OrderId};
use maud::{Markup, html};
use serde::Deserialize;

use super::{change_list, last_changes, page, version};
use crate::access::ManageSettings;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, manner, ui};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct DaysQuery {
    days: String,
}

pub async fn show(State(app): State<App>, user: ManageSettings, Query(query): Query<DaysQuery>) -> Answer<Markup> {
    let asked = query.days.trim().to_owned();
    let (clock, actor) = (app.clock.clone(), user.actor());
    let (setting, due, days, runs, changes) = app
        .read(move |tx| {
            let setting = load::<Retention>(tx)?;
            let days = if asked.is_empty() { setting.value.days } else { days(&asked)? };
            let due = retention::due(tx, &Ctx::new(&*clock, actor), days)?;
            Ok((setting, due, days, retention::runs(tx)?, last_changes(tx)?))
        })
        .await?;
    let content = html! {
        div.columns {
            section { (retention_form(&setting, days)) (due_list(&due, days)) }
            section {
                h2 { "One customer" }
                p { "When somebody asks what is kept of them, or that it goes." }
                (search_form(""))
            }
        }
        (run_list(&runs, setting.value.on))
        (change_list(&changes))
    };
    page(&app, &user.0, "/settings/data", "Personal data", content).await
}

fn days(text: &str) -> Result<i64, Error> {
    text.parse()
        .ok()
        .filter(|days| (Retention::DAYS_MIN..=36_500).contains(days))
        .ok_or_else(|| Error::invalid("days", "must be a whole number between 30 and 36,500"))
}

fn retention_form(setting: &Kept<Retention>, days: i64) -> Markup {
    html! {
        form.stack method="post" action="/settings/data" {
            h2 { "How long personal data is kept" }
            p.dim { "Names, addresses, telephone numbers, e-mail addresses, notes, and what channels sent: removed from orders that were processed, cancelled or deleted so long ago. Figures, lines, country and references stay. What was removed can't be brought back, only a backup still has it." }
            p { strong { @if setting.value.on { "On." } @else { "Off: everything is kept." } } }
            (version(setting.version))
            label { span { input type="checkbox" name="on" value="1" checked[setting.value.on]; " remove it, once a day" } }
            label { "Days after an order ended (at least 30)" input name="days" type="number" min="30" max="36500" required value=(days); }
            div.bar {
                button.primary data-confirm="Save? What is removed can't be brought back." { "Save" }
                button formmethod="get" formaction="/settings/data" { "Count first" }
            }
        }
    }
}

fn due_list(due: &Due, days: i64) -> Markup {
    let row = |count: i64, what: &str| html! { tr { td.num { (ui::number(count.into())) } td { (what) } } };
    html! {
        h3 { "With " (days) " days this would go now" }
        table.plain-table #due { tbody {
            (row(due.orders, "orders lose their personal data"))
            @if due.waiting > 0 { (row(due.waiting, "more wait until their channel has answered")) }
            (row(due.payloads, "payloads that never became an order are emptied"))
            (row(due.drafts, "drafts that nobody has touched are thrown away"))
            (row(due.rejects, "rejected rows of imports are thrown away"))
            (row(due.customers, "entries of the address book that nobody has kept anew are thrown away"))
        } }
    }
}

fn run_list(runs: &[Run], on: bool) -> Markup {
    html! {
        h2 { "Runs" }
        @if on { form.bar method="post" action="/settings/data/run" { button { "Run now" } span.dim { "It works in portions of 200 orders. Switch it off to stop it; it goes on from there when it is switched on again." } } }
        div data-live="retention" { (run_table(runs)) }
    }
}

fn run_table(runs: &[Run]) -> Markup {
    html! {
        @if runs.is_empty() { p.empty { "None yet." } }
        @else { table.grid {
            thead { tr { th { "Began" } th { "State" } th.num { "After days" } th.num { "Orders" } th.num { "Payloads" } th.num { "Drafts" } th.num { "Rejected rows" } th.num { "Address book" } } }
            tbody { @for run in runs { tr {
                td { (ui::moment(run.started_at)) }
                td { @match run.ended_at {
                    None => span.badge.warn { "… under way" },
                    Some(at) if run.stopped => { span.badge.warn { "■ stopped" } " " (ui::moment(at)) }
                    Some(at) => { span.badge.good { "✓ done" } " " (ui::moment(at)) }
                } }
                td.num { (run.days) } td.num { (run.order_count) } td.num { (run.payload_count) } td.num { (run.draft_count) }
                td.num { (run.reject_count) } td.num { (run.customer_count) }
            } } }
        } }
    }
}

pub async fn save(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Redirect> {
    let new = Retention { on: fields.ticked("on"), days: days(fields.get("days").trim())? };
    let version = fields.int("version")?;
    app.write(user.actor(), move |tx, ctx| retention::switch(tx, ctx, &new, version)).await?;
    Ok(Redirect::to("/settings/data"))
}

pub async fn run(State(app): State<App>, user: ManageSettings) -> Answer<Redirect> {
    app.write(user.actor(), retention::run_now).await?;
    Ok(Redirect::to("/settings/data"))
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct PersonQuery {
    q: String,
}

fn search_form(q: &str) -> Markup {
    html! {
        form.bar method="get" action="/settings/person" role="search" {
            label { span.hidden { "Name or e-mail" } input #search type="search" name="q" value=(q) required minlength="3" maxlength="255" placeholder="name or e-mail" size="34"; }
            button.primary { "Find" }
        }
    }
}

pub async fn person(State(app): State<App>, user: ManageSettings, Query(query): Query<PersonQuery>) -> Answer<Markup> {
    let asked = query.q.clone();
    let found = app.read(move |tx| people::find(tx, &asked)).await?;
    let content = html! {
        h2 { "What is kept of one customer" }
        (search_form(&query.q))
        (found_list(&found))
    };
    page(&app, &user.0, "/settings/data", "One customer", content).await
}

fn found_list(found: &Found) -> Markup {
    let nothing = found.orders.is_empty() && found.customers.is_empty() && found.drafts.is_empty();
    if nothing {
        return html! { p.empty { "Nothing is kept under this name or e-mail address. Try another spelling, or the postcode." } };
    }
    html! {
        p { "Names are shared: untick what belongs to somebody else. Open orders can be exported, but erased only after they were processed or cancelled." }
        form method="post" action="/settings/person/export" {
            table.grid {
                thead { tr { th.tick {} th { "What" } th { "Who and where" } th { "State" } th { "Since" } } }
                tbody {
                    @for (order, address) in &found.orders { tr {
                        td { input type="checkbox" name="order" value=(order.id) checked aria-label={"Order " (order.id)}; }
                        td { a href={"/orders/" (order.id)} { "Order " (order.id) } " " small { (order.source) " " (order.reference) } }
                        td { (address.one_line()) }
                        td { @if order.state == OrderState::Open { span.badge.warn { "open: stays" } } @else { span.badge.dim { (order.state) } } }
                        td { (ui::moment(order.received_at)) }
                    } }
                    @for one in &found.customers { tr {
                        td { input type="checkbox" name="customer" value=(one.id) checked aria-label={"Entry of " (one.full_name)}; }
                        td { "Address book" } td { (one.address().one_line()) } td {} td { (ui::moment(one.updated_at)) }
                    } }
                    @for draft in &found.drafts { tr {
                        td { input type="checkbox" name="draft" value=(draft.id) checked aria-label={"Draft " (draft.id)}; }
                        td { a href={"/drafts/" (draft.id)} { "Draft " (draft.id) } }
                        td { @if let Ok(form) = draft.form() { (form.order.delivery.one_line()) } }
                        td {} td { (ui::moment(draft.updated_at)) }
                    } }
                }
            }
            div.bar {
                button.primary { "Export as JSON" }
                button.danger formaction="/settings/person/erase" data-confirm="Erase now what is ticked? It can't be brought back." { "Erase now" }
            }
        }
    }
}

fn chosen(fields: &Fields) -> Result<Chosen, Error> {
    let ids = |name: &str| -> Result<Vec<i64>, Error> {
        fields.all(name).map(|id| id.parse().map_err(|_| Error::invalid(name, "must be a number"))).collect()
    };
    Ok(Chosen {
        orders: ids("order")?.into_iter().map(OrderId).collect(),
        customers: ids("customer")?.into_iter().map(CustomerId).collect(),
        drafts: ids("draft")?.into_iter().map(DraftId).collect(),
    })
}

pub async fn export(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Response> {
    let chosen = chosen(&fields)?;
    let file = app.write(user.actor(), move |tx, ctx| people::export(tx, ctx, &chosen)).await?;
    let text = serde_json::to_string_pretty(&file).unwrap_or_default();
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"customer.json\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, text).into_response())
}

pub async fn erase(State(app): State<App>, user: ManageSettings, fields: Fields) -> Answer<Markup> {
    let chosen = chosen(&fields)?;
    let erased = app.write(user.actor(), move |tx, ctx| people::erase(tx, ctx, &chosen)).await?;
    page(&app, &user.0, "/settings/data", "Erased", erased_page(&erased)).await
}

fn erased_page(erased: &Erased) -> Markup {
    html! {
        h2 { "Erased" }
        ul {
            li { (erased.orders) " orders have lost their personal data" }
            li { (erased.customers) " entries of the address book and " (erased.drafts) " drafts are gone" }
            li { (erased.others) " other rows that named the customer are gone: rejected rows of imports, payloads, kept answers" }
        }
        @if !erased.left.is_empty() {
            p.problem role="alert" { "Left as they are, because they are open or their channel has not answered yet: "
                @for id in &erased.left { a href={"/orders/" (id)} { "order " (id) } " " }
                ". Process or cancel them, wait for the channel, and erase again." }
        }
        p { a.button href="/settings/data" { "Back to personal data" } }
    }
}

/// Today on the clocks of the one who looks, as a date field wants it.
pub fn today(app: &App) -> String {
    manner::current().field(app.clock.now()).chars().take(10).collect()
}
