//! Personal data: what the runs did and would do, and what one customer may ask for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_oms::retention::people::{self, Chosen};
use consign_oms::{Actor, Ctx, retention, settings};
use consign_values::{CustomerId, DraftId, OrderId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Search};
use crate::App;
use crate::access::ManageSettings;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(due))
        .routes(routes!(runs, run))
        .routes(routes!(find))
        .routes(routes!(export))
        .routes(routes!(erase))
}

/// What a run would remove now.
#[derive(Serialize, ToSchema)]
struct Due {
    /// Orders that lose their personal data.
    orders: i64,
    /// Orders that wait until their channel has answered.
    waiting: i64,
    /// Payloads that never became an order.
    payloads: i64,
    drafts: i64,
    /// Rejected rows of imports.
    rejects: i64,
    /// Entries of the address book.
    customers: i64,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DueQuery {
    /// Days after an order ended; as the setting says if left out.
    #[param(minimum = 30, maximum = 36500)]
    days: Option<i64>,
}

/// What a run would remove now.
#[utoipa::path(get, path = "/retention/due", tag = "retention", params(DueQuery), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The counts.", body = Due)))]
async fn due(State(app): State<App>, _: ManageSettings, Search(query): Search<DueQuery>) -> Answer<Json<Due>> {
    let clock = app.clock.clone();
    let due = app
        .read(move |tx| {
            let days = match query.days {
                Some(days) if !(settings::Retention::DAYS_MIN..=36_500).contains(&days) => {
                    return Err(consign_oms::Error::invalid("days", "must be between 30 and 36,500"));
                }
                Some(days) => days,
                None => settings::get::<settings::Retention>(tx)?.days,
            };
            retention::due(tx, &Ctx::new(&*clock, Actor::System), days)
        })
        .await?;
    Ok(Json(Due {
        orders: due.orders,
        waiting: due.waiting,
        payloads: due.payloads,
        drafts: due.drafts,
        rejects: due.rejects,
        customers: due.customers,
    }))
}

/// A run of the job.
#[derive(Serialize, ToSchema)]
struct Run {
    id: i64,
    #[schema(format = DateTime)]
    started_at: String,
    /// None while it is under way.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    days: i64,
    orders: i64,
    payloads: i64,
    drafts: i64,
    rejects: i64,
    customers: i64,
    /// Switched off before it was through.
    stopped: bool,
}

/// The last 20 runs, the latest first.
#[utoipa::path(get, path = "/retention/runs", tag = "retention", security(("token" = ["manage_settings"])),
    responses((status = 200, description = "The runs.", body = Page<Run>)))]
async fn runs(State(app): State<App>, _: ManageSettings) -> Answer<Json<Page<Run>>> {
    let show = |run: retention::Run| Run {
        id: run.id,
        started_at: run.started_at.to_rfc3339(),
        ended_at: run.ended_at.map(Timestamp::to_rfc3339),
        days: run.days,
        orders: run.order_count,
        payloads: run.payload_count,
        drafts: run.draft_count,
        rejects: run.reject_count,
        customers: run.customer_count,
        stopped: run.stopped,
    };
    Ok(Json(Page::whole(app.read(retention::runs).await?.into_iter().map(show).collect())))
}

/// Run now. Does nothing while the setting is off.
#[utoipa::path(post, path = "/retention/runs", tag = "retention", security(("token" = ["manage_settings"])),
    responses((status = 204, description = "It runs as soon as a node is free.")))]
async fn run(_: ManageSettings, call: Call) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, retention::run_now).await
}

/// Where somebody was found. Say which of it is theirs.
#[derive(Serialize, ToSchema)]
struct FoundPerson {
    orders: Vec<FoundOrder>,
    /// Entries of the address book.
    customers: Vec<FoundThing>,
    drafts: Vec<FoundThing>,
}

/// An order that names somebody.
#[derive(Serialize, ToSchema)]
struct FoundOrder {
    id: i64,
    reference: String,
    state: &'static str,
    /// Name and address on one line.
    address: String,
}

/// An entry or a draft that names somebody.
#[derive(Serialize, ToSchema)]
struct FoundThing {
    id: i64,
    /// Name and address on one line.
    address: String,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PersonQuery {
    /// A name or an e-mail address, or a part of one.
    #[param(min_length = 3, max_length = 255)]
    q: String,
}

/// Where a customer is found, by name or e-mail, in orders of every state, the address book and drafts.
#[utoipa::path(get, path = "/retention/person", tag = "retention", params(PersonQuery), security(("token" = ["manage_settings"])),
    responses((status = 200, description = "What was found, at most 500 of each.", body = FoundPerson)))]
async fn find(
    State(app): State<App>,
    _: ManageSettings,
    Search(query): Search<PersonQuery>,
) -> Answer<Json<FoundPerson>> {
    let found = app.read(move |tx| people::find(tx, &query.q)).await?;
    let order = |(order, address): &(consign_oms::orders::Order, consign_values::Address)| FoundOrder {
        id: order.id.0,
        reference: order.reference.clone(),
        state: order.state.as_str(),
        address: address.one_line(),
    };
    let draft = |draft: &consign_oms::orders::Draft| FoundThing {
        id: draft.id.0,
        address: draft.form().map_or_else(|_| String::new(), |form| form.order.delivery.one_line()),
    };
    Ok(Json(FoundPerson {
        orders: found.orders.iter().map(order).collect(),
        customers: found
            .customers
            .iter()
            .map(|one| FoundThing { id: one.id.0, address: one.address().one_line() })
            .collect(),
        drafts: found.drafts.iter().map(draft).collect(),
    }))
}

/// Which things belong to the customer: 1 to 500 in all.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Theirs {
    #[serde(default)]
    orders: Vec<i64>,
    #[serde(default)]
    customers: Vec<i64>,
    #[serde(default)]
    drafts: Vec<i64>,
}

impl Theirs {
    fn chosen(&self) -> Chosen {
        Chosen {
            orders: self.orders.iter().copied().map(OrderId).collect(),
            customers: self.customers.iter().copied().map(CustomerId).collect(),
            drafts: self.drafts.iter().copied().map(DraftId).collect(),
        }
    }
}

/// All that is kept of a customer, for handing over. It is in the history; the answer is not kept for repeated requests.
#[utoipa::path(post, path = "/retention/person/export", tag = "retention", security(("token" = ["manage_settings"])), request_body = Theirs,
    responses((status = 200, description = "All that is kept.", body = serde_json::Value)))]
async fn export(_: ManageSettings, call: Call, Input(theirs): Input<Theirs>) -> Answer<Response> {
    call.write_unkept(StatusCode::OK, move |tx, ctx| people::export(tx, ctx, &theirs.chosen())).await
}

/// What an erasure did.
#[derive(Serialize, ToSchema)]
struct Erased {
    orders: i64,
    /// Orders left as they are: open, or their channel has not answered yet.
    left: Vec<i64>,
    customers: i64,
    drafts: i64,
    /// Rejected rows of imports, payloads and kept answers that named the customer.
    others: i64,
}

/// Erase a customer now. It can't be brought back.
#[utoipa::path(post, path = "/retention/person/erase", tag = "retention", security(("token" = ["manage_settings"])), request_body = Theirs,
    responses((status = 200, description = "What was erased.", body = Erased)))]
async fn erase(_: ManageSettings, call: Call, Input(theirs): Input<Theirs>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let erased = people::erase(tx, ctx, &theirs.chosen())?;
        Ok(Erased {
            orders: erased.orders,
            left: erased.left.into_iter().map(|id| id.0).collect(),
            customers: erased.customers,
            drafts: erased.drafts,
            others: erased.others,
        })
    })
    .await
}
