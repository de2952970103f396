//! Orders: found, read, worked on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::marks::{self, MarkKind};
use consign_oms::orders::{self, Filter, Scope, Sort};
use consign_oms::{Ctx, Error, decisions, despatch, history, items};
use consign_values::{ItemId, LineId, LocationId, MarkId, OrderId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{BulkResult, Call, Input, Page, Route, Search, bad_cursor, cursor, place};
use super::marks::of_kind;
use super::order_shapes::detail;
pub use super::order_shapes::{Order, OrderDetail};
use crate::App;
use crate::access::{DeleteOrders, View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, delete))
        .routes(routes!(log))
        .routes(routes!(why))
        .routes(routes!(process))
        .routes(routes!(move_to))
        .routes(routes!(park))
        .routes(routes!(unpark))
        .routes(routes!(lock))
        .routes(routes!(unlock))
        .routes(routes!(tag))
        .routes(routes!(ship))
        .routes(routes!(cancel))
        .routes(routes!(note))
        .routes(routes!(link))
        .routes(routes!(send_again))
        .routes(routes!(bulk))
}

/// Which orders.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Wanted {
    /// At work.
    #[default]
    Open,
    /// Processed or cancelled.
    Ended,
}

/// In which sequence.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sequence {
    /// Latest received first.
    #[default]
    Newest,
    /// Earliest deadline first.
    DespatchBy,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListOrders {
    /// `open` (the default), or `ended`: processed and cancelled ones, latest first.
    #[param(inline)]
    #[serde(default)]
    state: Option<Wanted>,
    /// Only at that location.
    location_id: Option<i64>,
    /// Only containing that text: reference, name, e-mail, town, postcode, SKU, tracking number; or the order's id. Such
    /// results come newest first.
    #[param(max_length = 100)]
    q: Option<String>,
    /// Only in that folder. Found by folder or identifier, orders come newest first.
    folder_id: Option<i64>,
    /// Only with that identifier.
    identifier_id: Option<i64>,
    /// `newest` first (the default), or by `despatch_by`; open orders only.
    #[param(inline)]
    sort: Option<Sequence>,
    /// Only those whose despatch the channel refused or never confirmed.
    trouble: Option<bool>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl ListOrders {
    fn filter(&self) -> Result<Filter, Error> {
        let after = match place(self.cursor.as_deref())? {
            None => None,
            Some(place) => {
                let pair = place.split_once(' ').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
                Some(pair.ok_or_else(bad_cursor)?)
            }
        };
        let text = self.q.clone().unwrap_or_default();
        if text.chars().count() > 100 {
            return Err(Error::invalid("q", "must have at most 100 characters"));
        }
        Ok(Filter {
            scope: match self.state.unwrap_or_default() {
                Wanted::Open => Scope::Open,
                Wanted::Ended => Scope::Ended,
            },
            location: self.location_id.map(LocationId),
            text,
            sort: match self.sort.unwrap_or_default() {
                Sequence::Newest => Sort::Newest,
                Sequence::DespatchBy => Sort::DespatchBy,
            },
            trouble: self.trouble.unwrap_or(false),
            folder: self.folder_id.map(MarkId),
            identifier: self.identifier_id.map(MarkId),
            after,
        })
    }
}

/// Find orders, 50 a page.
#[utoipa::path(get, path = "/orders", tag = "orders", params(ListOrders), security(("token" = ["view"])),
    responses((status = 200, description = "A page of orders.", body = Page<Order>)))]
async fn list(State(app): State<App>, _: View, Search(query): Search<ListOrders>) -> Answer<Json<Page<Order>>> {
    let filter = query.filter()?;
    let page = app.read(move |tx| orders::search(tx, &filter)).await?;
    let next_cursor = page.next.map(|(at, id)| cursor(&format!("{at} {id}")));
    Ok(Json(Page { data: page.orders.iter().map(Order::from).collect(), next_cursor }))
}

/// One order with everything that its page shows.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The order.", body = OrderDetail)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<OrderDetail>> {
    Ok(Json(app.read(move |tx| orders::view(tx, OrderId(id)).map(|view| detail(&view))).await?))
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub struct HistoryEntry {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    /// Who did it: `user 3`, `token 2`, `channel 1`, `system`.
    actor: String,
    /// What, in the past tense: `moved`.
    kind: String,
    /// A sentence for people; may be blank.
    detail: String,
}

impl From<&history::Entry> for HistoryEntry {
    fn from(entry: &history::Entry) -> Self {
        HistoryEntry {
            id: entry.id.0,
            at: entry.at.to_rfc3339(),
            actor: entry.actor.clone(),
            kind: entry.kind.clone(),
            detail: entry.detail.clone(),
        }
    }
}

/// The last 500 things that were done to the order, newest first.
#[utoipa::path(get, path = "/orders/{id}/history", tag = "orders", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "What was done.", body = Page<HistoryEntry>)))]
async fn log(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<HistoryEntry>>> {
    let entries = app
        .read(move |tx| {
            orders::get(tx, OrderId(id))?;
            history::list(tx, "order", id)
        })
        .await?;
    Ok(Json(Page::whole(entries.iter().map(HistoryEntry::from).collect())))
}

/// Why something on an order is as it is.
#[derive(Serialize, ToSchema)]
pub struct Decision {
    id: i64,
    #[schema(format = DateTime)]
    at: String,
    /// What was decided: `location`.
    subject: String,
    /// The outcome.
    outcome: String,
    /// The values seen, and the setting that decided.
    because: String,
}

/// Up to 500 decisions made on the order, oldest first.
#[utoipa::path(get, path = "/orders/{id}/decisions", tag = "orders", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "Why.", body = Page<Decision>)))]
async fn why(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<Decision>>> {
    let found = app
        .read(move |tx| {
            orders::get(tx, OrderId(id))?;
            decisions::list(tx, OrderId(id))
        })
        .await?;
    let show = |decision: decisions::Decision| Decision {
        id: decision.id,
        at: decision.at.to_rfc3339(),
        subject: decision.subject,
        outcome: decision.outcome,
        because: decision.because,
    };
    Ok(Json(Page::whole(found.into_iter().map(show).collect())))
}

/// An order as lists show it.
pub fn shown(tx: &mut Tx<'_>, id: OrderId) -> Result<Order, Error> {
    orders::get(tx, id).map(|order| Order::from(&order))
}

/// Does one thing to one order and answers the order as it is then.
async fn act(
    call: &Call,
    id: i64,
    work: impl Fn(&mut Tx<'_>, &Ctx<'_>, OrderId) -> Result<(), Error> + Send + 'static,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        work(tx, ctx, OrderId(id))?;
        shown(tx, OrderId(id))
    })
    .await
}

/// Process the order: stock is deducted, the order frozen, its channel told.
#[utoipa::path(post, path = "/orders/{id}/process", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The order, processed.", body = Order)))]
async fn process(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    act(&call, id, orders::process).await
}

/// Where to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveTo {
    location_id: i64,
}

/// Move the order to another location; its stock is allocated there.
#[utoipa::path(post, path = "/orders/{id}/move", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = MoveTo, responses((status = 200, description = "The order, moved.", body = Order)))]
async fn move_to(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(to): Input<MoveTo>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::move_to(tx, ctx, id, LocationId(to.location_id))).await
}

/// Why it is put aside.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PutAside {
    /// In words; cut at 255 characters.
    #[serde(default)]
    note: String,
}

/// Park the order: it keeps its stock.
#[utoipa::path(post, path = "/orders/{id}/park", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = PutAside, responses((status = 200, description = "The order, parked.", body = Order)))]
async fn park(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(why): Input<PutAside>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::park(tx, ctx, id, &why.note)).await
}

/// Unpark the order.
#[utoipa::path(post, path = "/orders/{id}/unpark", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The order.", body = Order)))]
async fn unpark(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    act(&call, id, orders::unpark).await
}

/// Lock the order: its stock is free for others at once.
#[utoipa::path(post, path = "/orders/{id}/lock", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = PutAside, responses((status = 200, description = "The order, locked.", body = Order)))]
async fn lock(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(why): Input<PutAside>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::lock(tx, ctx, id, &why.note)).await
}

/// Unlock the order: it takes what stock there is and waits for the rest.
#[utoipa::path(post, path = "/orders/{id}/unlock", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The order.", body = Order)))]
async fn unlock(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    act(&call, id, orders::unlock).await
}

/// Which tag.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tag {
    /// 1 to 6, or 0 for none.
    #[schema(minimum = 0, maximum = 6)]
    tag: i64,
}

/// Tag the order.
#[utoipa::path(post, path = "/orders/{id}/tag", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Tag, responses((status = 200, description = "The order, tagged.", body = Order)))]
async fn tag(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(tag): Input<Tag>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::set_tag(tx, ctx, id, tag.tag)).await
}

/// How the parcel goes. What is blank is cleared.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Shipping {
    carrier: String,
    service: String,
    tracking_number: String,
}

/// Set carrier, service and tracking number.
#[utoipa::path(put, path = "/orders/{id}/shipping", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Shipping, responses((status = 200, description = "The order.", body = Order)))]
async fn ship(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(to): Input<Shipping>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::set_shipping(tx, ctx, id, &to.carrier, &to.service, &to.tracking_number))
        .await
}

/// Why it is cancelled.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// Required; cut at 255 characters.
    #[schema(min_length = 1)]
    reason: String,
    /// Tell the channel, if its switch is on.
    #[serde(default)]
    tell_channel: bool,
}

/// Cancel the order. It can't be opened again.
#[utoipa::path(post, path = "/orders/{id}/cancel", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Cancel, responses((status = 200, description = "The order, cancelled.", body = Order)))]
async fn cancel(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(why): Input<Cancel>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::cancel(tx, ctx, id, &why.reason, why.tell_channel)).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct DeleteReason {
    /// Why; cut at 255 characters.
    #[serde(default)]
    reason: Option<String>,
}

/// Delete the order for good. The channel can't bring it back, and is told nothing.
#[utoipa::path(delete, path = "/orders/{id}", tag = "orders", params(("id" = i64, Path), DeleteReason), security(("token" = ["delete_orders"])),
    responses((status = 200, description = "What is left of the order.", body = Order)))]
async fn delete(
    _: DeleteOrders,
    call: Call,
    Route(id): Route<i64>,
    Search(why): Search<DeleteReason>,
) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::delete(tx, ctx, id, why.reason.as_deref().unwrap_or(""))).await
}

/// What to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNote {
    /// 1 to 4,000 characters.
    #[schema(min_length = 1, max_length = 4000)]
    body: String,
    /// Never shown to the buyer. True where it is left out.
    #[serde(default = "yes")]
    internal: bool,
    /// To be read before the order is processed.
    #[serde(default)]
    processing: bool,
}

fn yes() -> bool {
    true
}

/// Add a note, whatever the order's state.
#[utoipa::path(post, path = "/orders/{id}/notes", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = NewNote, responses((status = 200, description = "The order.", body = Order)))]
async fn note(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(note): Input<NewNote>) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| orders::add_note(tx, ctx, id, &note.body, note.internal, note.processing)).await
}

/// Which item a line is: by its id or its SKU.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkTo {
    item_id: Option<i64>,
    /// Instead of the id.
    sku: Option<String>,
    /// Link the channel's listing, too, and the lines of all other waiting orders.
    #[serde(default)]
    remember: bool,
}

/// The item that a request names by id or by SKU.
pub fn named_item(tx: &mut Tx<'_>, id: Option<i64>, sku: Option<&str>) -> Result<ItemId, Error> {
    match (id, sku) {
        (Some(id), None) => items::get(tx, ItemId(id)).map(|item| item.id),
        (None, Some(sku)) => items::find_by_sku(tx, sku.trim())?
            .map(|item| item.id)
            .ok_or_else(|| Error::invalid("sku", "is not the SKU of an item")),
        _ => Err(Error::invalid("item_id", "or sku must be given, and not both")),
    }
}

/// Link a line to an item; it takes stock at once.
#[utoipa::path(post, path = "/orders/{id}/lines/{line}/link", tag = "orders", params(("id" = i64, Path), ("line" = i64, Path)),
    security(("token" = ["work_orders"])), request_body = LinkTo, responses((status = 200, description = "The order.", body = Order)))]
async fn link(
    _: WorkOrders,
    call: Call,
    Route((id, line)): Route<(i64, i64)>,
    Input(to): Input<LinkTo>,
) -> Answer<Response> {
    act(&call, id, move |tx, ctx, id| {
        let item = named_item(tx, to.item_id, to.sku.as_deref())?;
        orders::link_line(tx, ctx, id, LineId(line), item, to.remember).map(|_| ())
    })
    .await
}

/// Send the order's despatch or cancellation to its channel again.
#[utoipa::path(post, path = "/orders/{id}/send-again", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The order.", body = Order)))]
async fn send_again(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    act(&call, id, despatch::send_again).await
}

/// What to do with each order.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
enum BulkAction {
    /// Process it.
    Process {},
    /// Move it.
    Move {
        /// Where to.
        location_id: i64,
    },
    /// Park it.
    Park {
        /// Why.
        #[serde(default)]
        note: String,
    },
    /// Unpark it.
    Unpark {},
    /// Lock it.
    Lock {
        /// Why.
        #[serde(default)]
        note: String,
    },
    /// Unlock it.
    Unlock {},
    /// Tag it.
    Tag {
        /// 1 to 6, or 0 for none.
        tag: i64,
    },
    /// Cancel it.
    Cancel {
        /// Why.
        reason: String,
        /// Tell the channel, if its switch is on.
        #[serde(default)]
        tell_channel: bool,
    },
    /// Put it into a folder.
    Folder {
        /// Which.
        folder_id: i64,
    },
    /// Give it an identifier.
    Identifier {
        /// Which.
        identifier_id: i64,
    },
    /// Add a note.
    Note {
        /// 1 to 4,000 characters.
        body: String,
        /// Never shown to the buyer.
        #[serde(default = "yes")]
        internal: bool,
    },
}

/// One thing, done to many orders.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Bulk {
    /// 1 to 500 orders.
    #[schema(min_items = 1, max_items = 500)]
    ids: Vec<i64>,
    /// What to do with each.
    todo: BulkAction,
}

fn apply(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: OrderId, todo: &BulkAction) -> Result<(), Error> {
    match todo {
        BulkAction::Process {} => orders::process(tx, ctx, id),
        BulkAction::Move { location_id } => orders::move_to(tx, ctx, id, LocationId(*location_id)),
        BulkAction::Park { note } => orders::park(tx, ctx, id, note),
        BulkAction::Unpark {} => orders::unpark(tx, ctx, id),
        BulkAction::Lock { note } => orders::lock(tx, ctx, id, note),
        BulkAction::Unlock {} => orders::unlock(tx, ctx, id),
        BulkAction::Tag { tag } => orders::set_tag(tx, ctx, id, *tag),
        BulkAction::Cancel { reason, tell_channel } => orders::cancel(tx, ctx, id, reason, *tell_channel),
        BulkAction::Folder { folder_id } => {
            let mark = of_kind(tx, *folder_id, MarkKind::Folder)?;
            marks::give(tx, ctx, id, mark)
        }
        BulkAction::Identifier { identifier_id } => {
            let mark = of_kind(tx, *identifier_id, MarkKind::Identifier)?;
            marks::give(tx, ctx, id, mark)
        }
        BulkAction::Note { body, internal } => orders::add_note(tx, ctx, id, body, *internal, false),
    }
}

/// Do one thing to up to 500 orders. Each is done, or not, by itself, and the answer says what came of each. Sent again under the
/// same idempotency key, it does what is left.
#[utoipa::path(post, path = "/orders/bulk", tag = "orders", security(("token" = ["work_orders"])),
    request_body = Bulk, responses((status = 200, description = "What came of each.", body = BulkResult)))]
async fn bulk(_: WorkOrders, call: Call, Input(bulk): Input<Bulk>) -> Answer<Json<BulkResult>> {
    if bulk.ids.is_empty() || bulk.ids.len() > 500 {
        return Err(Error::invalid("ids", "must name between 1 and 500 orders").into());
    }
    let mut results = Vec::with_capacity(bulk.ids.len());
    for (index, id) in bulk.ids.into_iter().enumerate() {
        let todo = bulk.todo.clone();
        let done = call.write_part(index, move |tx, ctx| apply(tx, ctx, OrderId(id), &todo)).await;
        results.push((Some(id), done.map(|_| ())));
    }
    Ok(Json(BulkResult::of(results)))
}
