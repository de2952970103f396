//! Orders as they are shown.

use consign_oms::marks::MarkKind;
use consign_oms::orders::{self, Action, DespatchState, HoldKind, HoldReason, OrderState, Payment};
use consign_oms::stock::StockState;
use consign_values::{Currency, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::Object;

use super::call::amount;
use super::document::one_of;
use super::marks::{Folder, Identifier, Property};

fn states() -> Object {
    one_of(OrderState::ALL.iter().map(|state| state.as_str()))
}
fn payments() -> Object {
    one_of(Payment::ALL.iter().map(|state| state.as_str()))
}
fn stock_states() -> Object {
    one_of(StockState::ALL.iter().map(|state| state.as_str()))
}
fn despatch_states() -> Object {
    one_of(DespatchState::ALL.iter().map(|state| state.as_str()))
}

/// An order as lists show it.
#[derive(Serialize, ToSchema)]
pub struct Order {
    id: i64,
    /// Kind of origin, upper case.
    source: String,
    /// Account there.
    sub_source: String,
    /// The channel's number.
    reference: String,
    /// 0 for the order as it came; parts of a split count on from there.
    part: i64,
    /// The channel instance it came from.
    #[schema(required)]
    channel_id: Option<i64>,
    secondary_reference: String,
    external_reference: String,
    /// The one place that fulfils it.
    location_id: i64,
    #[schema(schema_with = states)]
    state: &'static str,
    #[schema(schema_with = payments)]
    payment: &'static str,
    /// Put aside; keeps its stock.
    parked: bool,
    /// Put aside; gives its stock up.
    locked: bool,
    /// 0 none, 1 to 6.
    #[schema(minimum = 0, maximum = 6)]
    tag: i64,
    #[schema(schema_with = stock_states)]
    stock: &'static str,
    /// What the channel knows of the despatch or cancellation.
    #[schema(schema_with = despatch_states)]
    despatch: &'static str,
    note_count: i64,
    line_count: i64,
    unit_count: i64,
    /// The buyer's name on the channel.
    buyer: String,
    /// Delivery name.
    full_name: String,
    /// Delivery company.
    company: String,
    /// Delivery postcode.
    postcode: String,
    /// Delivery country: two letters, or blank.
    country_code: String,
    /// ISO 4217 code of all amounts; blank where the channel named none.
    currency: String,
    /// What the buyer pays.
    total: String,
    /// Rank when stock is short; higher first.
    priority: i64,
    carrier: String,
    service: String,
    tracking_number: String,
    /// When the buyer ordered.
    #[schema(format = DateTime)]
    received_at: String,
    /// When it must leave, where the channel says.
    #[schema(required, format = DateTime)]
    despatch_by: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was processed, cancelled or deleted.
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    /// Counts up with each change.
    version: i64,
}

impl From<&orders::Order> for Order {
    fn from(order: &orders::Order) -> Self {
        Order {
            id: order.id.0,
            source: order.source.clone(),
            sub_source: order.sub_source.clone(),
            reference: order.reference.clone(),
            part: order.part,
            channel_id: order.channel_id.map(|id| id.0),
            secondary_reference: order.secondary_reference.clone(),
            external_reference: order.external_reference.clone(),
            location_id: order.location_id.0,
            state: order.state.as_str(),
            payment: order.payment.as_str(),
            parked: order.parked,
            locked: order.locked,
            tag: order.tag,
            stock: order.stock_state.as_str(),
            despatch: order.despatch_state.as_str(),
            note_count: order.note_count,
            line_count: order.line_count,
            unit_count: order.unit_count,
            buyer: order.buyer.clone(),
            full_name: order.full_name.clone(),
            company: order.company.clone(),
            postcode: order.postcode.clone(),
            country_code: order.country_code.clone(),
            currency: order.currency.code().to_owned(),
            total: amount(order.total, order.currency),
            priority: order.priority,
            carrier: order.carrier.clone(),
            service: order.service.clone(),
            tracking_number: order.tracking_number.clone(),
            received_at: order.received_at.to_rfc3339(),
            despatch_by: order.deadline().map(Timestamp::to_rfc3339),
            created_at: order.created_at.to_rfc3339(),
            ended_at: order.ended_at.map(Timestamp::to_rfc3339),
            version: order.version,
        }
    }
}

/// A line of an order.
#[derive(Serialize, ToSchema)]
pub struct OrderLine {
    id: i64,
    /// The channel's id of it.
    channel_line: String,
    /// SKU as sold.
    channel_sku: String,
    /// Title as sold.
    title: String,
    /// The item, once linked.
    #[schema(required)]
    item_id: Option<i64>,
    /// Its SKU.
    #[schema(required)]
    sku: Option<String>,
    /// Neither stock nor link.
    is_service: bool,
    quantity: i64,
    /// Units shipped by somebody else before it came here.
    shipped_before: i64,
    /// Units wanted of stock; none if it wants none.
    #[schema(required)]
    wanted: Option<i64>,
    /// Units held.
    #[schema(required)]
    allocated: Option<i64>,
    unit_price: String,
    discount: String,
    /// Per cent.
    tax_rate: String,
    tax_inclusive: bool,
}

fn line(line: &orders::LineView, currency: Currency) -> OrderLine {
    OrderLine {
        id: line.id.0,
        channel_line: line.channel_line.clone(),
        channel_sku: line.channel_sku.clone(),
        title: line.title.clone(),
        item_id: line.item_id.map(|id| id.0),
        sku: line.sku.clone(),
        is_service: line.is_service,
        quantity: line.quantity,
        shipped_before: line.shipped_before,
        wanted: line.wanted,
        allocated: line.allocated,
        unit_price: amount(line.unit_price, currency),
        discount: amount(line.discount, currency),
        tax_rate: line.tax_rate.to_percent().to_string(),
        tax_inclusive: line.tax_inclusive,
    }
}

/// Where something goes, or who pays.
#[derive(Serialize, ToSchema)]
pub struct PostalAddress {
    full_name: String,
    company: String,
    line1: String,
    line2: String,
    line3: String,
    town: String,
    region: String,
    postcode: String,
    country: String,
    country_code: String,
    email: String,
    phone: String,
}

impl From<&consign_values::Address> for PostalAddress {
    fn from(address: &consign_values::Address) -> Self {
        PostalAddress {
            full_name: address.full_name.clone(),
            company: address.company.clone(),
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            line3: address.line3.clone(),
            town: address.town.clone(),
            region: address.region.clone(),
            postcode: address.postcode.clone(),
            country: address.country.clone(),
            country_code: address.country_code.to_string(),
            email: address.email.clone(),
            phone: address.phone.clone(),
        }
    }
}

fn hold_kinds() -> Object {
    one_of(HoldKind::ALL.iter().map(|kind| kind.as_str()))
}
fn hold_reasons() -> Object {
    one_of(HoldReason::ALL.iter().map(|reason| reason.as_str()))
}

/// Why an order is put aside.
#[derive(Serialize, ToSchema)]
pub struct Hold {
    #[schema(schema_with = hold_kinds)]
    kind: &'static str,
    #[schema(schema_with = hold_reasons)]
    reason: &'static str,
    note: String,
    /// Who did it: `user 3`, `token 2`, `channel 1`, `system`.
    actor: String,
    #[schema(format = DateTime)]
    at: String,
}

/// A note.
#[derive(Serialize, ToSchema)]
pub struct Note {
    id: i64,
    author: String,
    /// Never shown to the buyer.
    internal: bool,
    /// To be read before the order is processed.
    processing: bool,
    body: String,
    #[schema(format = DateTime)]
    at: String,
}

/// What a channel was or is to be told.
#[derive(Serialize, ToSchema)]
pub struct Message {
    id: i64,
    /// `despatch` or `cancellation`.
    kind: &'static str,
    /// `queued`, `sent`, `confirmed`, `rejected` or `failed`.
    state: &'static str,
    reference: String,
    carrier: String,
    service: String,
    tracking_number: String,
    attempts: i64,
    last_error: String,
    #[schema(required, format = DateTime)]
    settled_at: Option<String>,
}

/// An order with everything that its page shows.
#[derive(Serialize, ToSchema)]
pub struct OrderDetail {
    #[serde(flatten)]
    order: Order,
    /// Lines, tax included.
    subtotal: String,
    /// Tax included.
    postage: String,
    discount: String,
    /// Tax contained in the total.
    tax: String,
    payment_method: String,
    #[schema(required, format = DateTime)]
    paid_at: Option<String>,
    /// The channel's status when it was last read.
    channel_status: String,
    delivery: PostalAddress,
    billing: PostalAddress,
    lines: Vec<OrderLine>,
    holds: Vec<Hold>,
    folders: Vec<Folder>,
    identifiers: Vec<Identifier>,
    /// Extended properties.
    properties: Vec<Property>,
    /// Never merged by itself.
    blocked_from_merging: bool,
    notes: Vec<Note>,
    messages: Vec<Message>,
    /// What can be done with it now, by the last part of the address that does it.
    actions: Vec<&'static str>,
}

/// An order's page.
pub fn detail(view: &orders::OrderView) -> OrderDetail {
    let currency = view.order.currency;
    let marks = |kind| view.marks.iter().filter(move |mark| mark.kind == kind);
    OrderDetail {
        order: Order::from(&view.order),
        subtotal: amount(view.detail.subtotal, currency),
        postage: amount(view.detail.postage, currency),
        discount: amount(view.detail.discount, currency),
        tax: amount(view.detail.tax, currency),
        payment_method: view.detail.payment_method.clone(),
        paid_at: view.detail.paid_at.map(Timestamp::to_rfc3339),
        channel_status: view.detail.channel_status.clone(),
        delivery: PostalAddress::from(&view.delivery),
        billing: PostalAddress::from(&view.billing),
        lines: view.lines.iter().map(|one| line(one, currency)).collect(),
        holds: view
            .holds
            .iter()
            .map(|hold| Hold {
                kind: hold.kind.as_str(),
                reason: hold.reason.as_str(),
                note: hold.note.clone(),
                actor: hold.actor.clone(),
                at: hold.at.to_rfc3339(),
            })
            .collect(),
        folders: marks(MarkKind::Folder).map(Folder::from).collect(),
        identifiers: marks(MarkKind::Identifier).map(Identifier::from).collect(),
        properties: view.detail.properties().into_iter().map(|(name, value)| Property { name, value }).collect(),
        blocked_from_merging: view.order.no_merge,
        notes: view
            .notes
            .iter()
            .map(|note| Note {
                id: note.id,
                author: note.author.clone(),
                internal: note.internal,
                processing: note.processing,
                body: note.body.clone(),
                at: note.at.to_rfc3339(),
            })
            .collect(),
        messages: view
            .messages
            .iter()
            .map(|message| Message {
                id: message.id.0,
                kind: message.kind.as_str(),
                state: message.state.as_str(),
                reference: message.reference.clone(),
                carrier: message.carrier.clone(),
                service: message.service.clone(),
                tracking_number: message.tracking_number.clone(),
                attempts: message.attempts,
                last_error: message.last_error.clone(),
                settled_at: message.settled_at.map(Timestamp::to_rfc3339),
            })
            .collect(),
        actions: orders::actions(&view.order).into_iter().filter_map(action_name).collect(),
    }
}

/// The last part of an action's address here; actions that have none are left out.
fn action_name(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::Move => "move",
        Action::Process => "process",
        Action::Park => "park",
        Action::Unpark => "unpark",
        Action::Lock => "lock",
        Action::Unlock => "unlock",
        Action::Tag => "tag",
        Action::Ship => "shipping",
        Action::Link => "link",
        Action::Cancel => "cancel",
        Action::Delete => "delete",
        Action::Note => "notes",
        Action::SendAgain => "send-again",
        Action::MarkPaid => "paid",
        Action::Split => "split",
        Action::Merge => "merge",
        Action::CentreAnswer => "centre",
        Action::File => "folders",
        Action::Badge => "identifiers",
        Action::Properties => "properties",
        Action::NoMerge => "merging",
        Action::Edit => return None,
    })
}
