//! Orders made, edited, split, merged and marked as paid.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::orders::{self, LineEdit, OrderEdit, Part};
use consign_oms::{Error, locations};
use consign_values::{Address, CountryCode, Currency, LineId, LocationId, OrderId, Rate, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route, read_amount};
use super::items::read_rate;
use super::orders::{Order, named_item, shown};
use crate::App;
use crate::access::{View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(edit))
        .routes(routes!(paid))
        .routes(routes!(split))
        .routes(routes!(merge))
        .routes(routes!(related))
}

/// An address. What is left out is blank.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewAddress {
    full_name: String,
    company: String,
    line1: String,
    line2: String,
    line3: String,
    town: String,
    region: String,
    postcode: String,
    /// Name of the country, where no code is given.
    country: String,
    /// Two letters.
    country_code: String,
    email: String,
    phone: String,
}

impl NewAddress {
    /// The address, cleaned.
    pub fn read(&self) -> Address {
        let code = CountryCode::resolve(&self.country_code, &self.country).unwrap_or_default();
        let country = if self.country.is_empty() { code.name().to_owned() } else { self.country.clone() };
        Address {
            full_name: self.full_name.clone(),
            company: self.company.clone(),
            line1: self.line1.clone(),
            line2: self.line2.clone(),
            line3: self.line3.clone(),
            town: self.town.clone(),
            region: self.region.clone(),
            postcode: self.postcode.clone(),
            country,
            country_code: code,
            email: self.email.clone(),
            phone: self.phone.clone(),
        }
        .cleaned()
    }
}

/// A line of an order that is made or edited.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLine {
    /// The line it was; none for one that is put in.
    pub id: Option<i64>,
    /// Its item, by id.
    pub item_id: Option<i64>,
    /// Or by SKU.
    pub sku: Option<String>,
    /// What it is called on the order.
    #[schema(max_length = 255)]
    pub title: String,
    /// Neither stock nor item.
    #[serde(default)]
    pub is_service: bool,
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub quantity: i64,
    /// Price of one: `"12.50"`.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    pub unit_price: String,
    /// A positive amount; none where it is left out.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    pub discount: Option<String>,
    /// Per cent; 0 where it is left out.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    pub tax_rate: Option<String>,
    /// Whether the price contains tax. True where it is left out.
    #[serde(default = "yes")]
    pub tax_inclusive: bool,
}

fn yes() -> bool {
    true
}

/// Lines that a request may hold.
const LINES_MAX: usize = 1_000;

/// Reads lines; items must be there.
pub fn read_lines(tx: &mut Tx<'_>, lines: &[NewLine], currency: Currency) -> Result<Vec<LineEdit>, Error> {
    if lines.len() > LINES_MAX {
        return Err(Error::invalid("lines", "must be at most 1,000"));
    }
    let mut read = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        let item = match (line.item_id, &line.sku) {
            (None, None) => None,
            (id, sku) => Some(named_item(tx, id, sku.as_deref())?),
        };
        let some = |name: &str, text: &Option<String>| {
            text.as_ref().map_or(Ok(0), |text| read_amount(&field(name), text, currency))
        };
        read.push(LineEdit {
            id: line.id.map(LineId),
            item_id: item,
            title: line.title.clone(),
            is_service: line.is_service,
            quantity: line.quantity,
            unit_price: read_amount(&field("unit_price"), &line.unit_price, currency)?,
            discount: some("discount", &line.discount)?,
            tax_rate: Rate(line.tax_rate.as_ref().map_or(Ok(0), |rate| read_rate(&field("tax_rate"), rate))?),
            tax_inclusive: line.tax_inclusive,
        });
    }
    Ok(read)
}

/// Reads a moment.
pub fn read_time(field: &str, text: &str) -> Result<Timestamp, Error> {
    Timestamp::parse(text).ok_or_else(|| Error::invalid(field, "must be a time such as 2026-01-02T03:04:05Z"))
}

/// A direct order.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    /// Free text that tells its origin apart: a shop, a fair, a program.
    #[schema(max_length = 255)]
    #[serde(default)]
    sub_source: String,
    /// The customer's number of it; its own id where it is left out.
    #[schema(max_length = 128)]
    #[serde(default)]
    reference: String,
    /// The default location where it is left out.
    location_id: Option<i64>,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: String,
    /// The money is there. An unpaid order is parked.
    #[serde(default)]
    paid: bool,
    #[serde(default)]
    payment_method: String,
    #[serde(default)]
    carrier: String,
    #[serde(default)]
    service: String,
    delivery: NewAddress,
    #[serde(default)]
    billing: NewAddress,
    /// When it must leave.
    #[schema(format = DateTime)]
    despatch_by: Option<String>,
    /// Tax included.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    postage: Option<String>,
    /// Of the whole order; a positive amount.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    discount: Option<String>,
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<NewLine>,
}

/// Make a direct order; it takes its stock at once.
#[utoipa::path(post, path = "/orders", tag = "orders", security(("token" = ["work_orders"])), request_body = NewOrder,
    responses((status = 201, description = "The order.", body = Order)))]
async fn create(_: WorkOrders, call: Call, Input(new): Input<NewOrder>) -> Answer<Response> {
    let currency = Currency::parse(&new.currency)
        .filter(|currency| *currency != Currency::UNKNOWN)
        .ok_or_else(|| Error::invalid("currency", "must be an ISO 4217 code such as GBP"))?;
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let location = match new.location_id {
            Some(id) => locations::get(tx, LocationId(id))?.id,
            None => locations::default(tx)?,
        };
        let draft = orders::begin_draft(tx, ctx, location)?;
        let begun = orders::draft(tx, draft)?;
        let mut form = begun.form()?;
        form.sub_source = new.sub_source.clone();
        form.reference = new.reference.clone();
        form.currency = currency;
        form.paid = new.paid;
        form.payment_method = new.payment_method.clone();
        form.carrier = new.carrier.clone();
        form.service = new.service.clone();
        form.order.delivery = new.delivery.read();
        form.order.billing = new.billing.read();
        form.order.despatch_by = new.despatch_by.as_ref().map(|text| read_time("despatch_by", text)).transpose()?;
        let some =
            |name: &str, text: &Option<String>| text.as_ref().map_or(Ok(0), |text| read_amount(name, text, currency));
        form.order.postage = some("postage", &new.postage)?;
        form.order.discount = some("discount", &new.discount)?;
        form.order.lines = read_lines(tx, &new.lines, currency)?;
        orders::save_draft(tx, ctx, draft, begun.version, &form)?;
        let version = orders::draft(tx, draft)?.version;
        let id = orders::complete_draft(tx, ctx, draft, version)?;
        shown(tx, id)
    })
    .await
}

/// What an open order shall be, if it is still at a version. What is left out stays as it is.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditOrder {
    /// The version that was read: a change that somebody else made since is not overwritten.
    version: i64,
    delivery: Option<NewAddress>,
    billing: Option<NewAddress>,
    buyer: Option<String>,
    secondary_reference: Option<String>,
    external_reference: Option<String>,
    /// When it must leave; blank for no deadline.
    despatch_by: Option<String>,
    /// Rank when stock is short; higher first.
    #[schema(minimum = -100, maximum = 100)]
    priority: Option<i64>,
    /// Tax included.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    postage: Option<String>,
    /// A positive amount.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    discount: Option<String>,
    /// All lines; those that are left out are taken away.
    #[schema(max_items = 1000)]
    lines: Option<Vec<NewLine>>,
}

fn edited(tx: &mut Tx<'_>, id: OrderId, new: &EditOrder) -> Result<OrderEdit, Error> {
    let (order, mut form) = orders::editable(tx, id)?;
    if let Some(address) = &new.delivery {
        form.delivery = address.read();
    }
    if let Some(address) = &new.billing {
        form.billing = address.read();
    }
    form.buyer = new.buyer.clone().unwrap_or(form.buyer);
    form.secondary_reference = new.secondary_reference.clone().unwrap_or(form.secondary_reference);
    form.external_reference = new.external_reference.clone().unwrap_or(form.external_reference);
    form.despatch_by = match new.despatch_by.as_deref() {
        None => form.despatch_by,
        Some("") => None,
        Some(text) => Some(read_time("despatch_by", text)?),
    };
    form.priority = new.priority.unwrap_or(form.priority);
    if let Some(text) = &new.postage {
        form.postage = read_amount("postage", text, order.currency)?;
    }
    if let Some(text) = &new.discount {
        form.discount = read_amount("discount", text, order.currency)?;
    }
    if let Some(lines) = &new.lines {
        form.lines = read_lines(tx, lines, order.currency)?;
    }
    Ok(form)
}

/// Edit an open order.
#[utoipa::path(patch, path = "/orders/{id}", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = EditOrder, responses((status = 200, description = "The order.", body = Order)))]
async fn edit(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(new): Input<EditOrder>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let form = edited(tx, OrderId(id), &new)?;
        orders::edit(tx, ctx, OrderId(id), new.version, &form)?;
        shown(tx, OrderId(id))
    })
    .await
}

/// Say that the money has come for an order that no channel speaks for.
#[utoipa::path(post, path = "/orders/{id}/paid", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The order, paid.", body = Order)))]
async fn paid(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        orders::mark_paid(tx, ctx, OrderId(id))?;
        shown(tx, OrderId(id))
    })
    .await
}

/// Units of a line.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineUnits {
    line_id: i64,
    #[schema(minimum = 1)]
    quantity: i64,
}

/// What goes into a new part.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPart {
    #[schema(min_items = 1, max_items = 1000)]
    lines: Vec<LineUnits>,
    /// Park it at once.
    #[serde(default)]
    park: bool,
}

/// How an order is split, if it is still at a version.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Split {
    /// The version that was read.
    version: i64,
    #[schema(min_items = 1, max_items = 50)]
    parts: Vec<NewPart>,
}

/// Split parts off the order; each is an order of its own.
#[utoipa::path(post, path = "/orders/{id}/split", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Split, responses((status = 200, description = "The order and its new parts.", body = Page<Order>)))]
async fn split(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(new): Input<Split>) -> Answer<Response> {
    if new.parts.iter().any(|part| part.lines.len() > LINES_MAX) {
        return Err(Error::invalid("parts", "may have at most 1,000 lines each").into());
    }
    let part = |part: &NewPart| Part {
        lines: part.lines.iter().map(|line| (LineId(line.line_id), line.quantity)).collect(),
        park: part.park,
    };
    let parts: Vec<Part> = new.parts.iter().map(part).collect();
    call.write(StatusCode::OK, move |tx, ctx| {
        let made = orders::split(tx, ctx, OrderId(id), new.version, &parts)?;
        let mut all = vec![shown(tx, OrderId(id))?];
        for part in made {
            all.push(shown(tx, part)?);
        }
        Ok(Page::whole(all))
    })
    .await
}

/// Which orders become one.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Merge {
    /// 2 to 50 open orders to one address.
    #[schema(min_items = 2, max_items = 50)]
    ids: Vec<i64>,
}

/// Merge orders into a new one. Refused, with each order's reasons, if any can't be merged.
#[utoipa::path(post, path = "/orders/merge", tag = "orders", security(("token" = ["work_orders"])), request_body = Merge,
    responses((status = 201, description = "The merged order.", body = Order)))]
async fn merge(_: WorkOrders, call: Call, Input(new): Input<Merge>) -> Answer<Response> {
    let ids: Vec<OrderId> = new.ids.iter().copied().map(OrderId).collect();
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = orders::merge(tx, ctx, &ids)?;
        shown(tx, id)
    })
    .await
}

/// Two related orders.
#[derive(Serialize, ToSchema)]
pub struct Relation {
    /// The order that was there before.
    parent_id: i64,
    /// The order that came out of it.
    child_id: i64,
    /// `split` or `merge`.
    kind: &'static str,
    #[schema(format = DateTime)]
    at: String,
}

/// The orders that this one came out of, and those that came out of it.
#[utoipa::path(get, path = "/orders/{id}/relations", tag = "orders", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The relations.", body = Page<Relation>)))]
async fn related(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<Relation>>> {
    let found = app
        .read(move |tx| {
            orders::get(tx, OrderId(id))?;
            orders::relations(tx, OrderId(id))
        })
        .await?;
    let show = |relation: orders::Relation| Relation {
        parent_id: relation.parent_id.0,
        child_id: relation.child_id.0,
        kind: relation.kind.as_str(),
        at: relation.at.to_rfc3339(),
    };
    Ok(Json(Page::whole(found.into_iter().map(show).collect())))
}
