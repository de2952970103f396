//! Direct orders that are being written.
//!
//! A draft is kept right or wrong as to its sense; amounts, quantities and currencies must at least be such.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::orders::{self, Draft, DraftForm, LineEdit};
use consign_oms::{Error, locations};
use consign_values::{Currency, DraftId, LocationId, Rate, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route, amount, read_amount};
use super::items::read_rate;
use super::order_changes::{NewAddress, NewLine, read_lines, read_time};
use super::order_shapes::PostalAddress;
use super::orders::{Order, shown};
use crate::App;
use crate::access::WorkOrders;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, begin)).routes(routes!(get, save, discard)).routes(routes!(complete))
}

/// A draft as lists show it.
#[derive(Serialize, ToSchema)]
struct DraftRow {
    id: i64,
    /// Delivery name.
    full_name: String,
    postcode: String,
    line_count: usize,
    /// Who left it so.
    author: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Counts up with each change.
    version: i64,
}

/// A line of a draft.
#[derive(Serialize, ToSchema)]
struct DraftLine {
    #[schema(required)]
    item_id: Option<i64>,
    title: String,
    is_service: bool,
    quantity: i64,
    unit_price: String,
    discount: String,
    /// Per cent.
    tax_rate: String,
    tax_inclusive: bool,
}

/// A draft with everything that its page shows.
#[derive(Serialize, ToSchema)]
struct DraftDetail {
    #[serde(flatten)]
    row: DraftRow,
    sub_source: String,
    reference: String,
    location_id: i64,
    currency: String,
    paid: bool,
    payment_method: String,
    carrier: String,
    service: String,
    /// Per cent.
    postage_tax_rate: String,
    /// Whether prices of lines that are put in next contain tax.
    tax_inclusive: bool,
    /// Whether the customer goes to the address book when it is completed.
    keep_customer: bool,
    delivery: PostalAddress,
    billing: PostalAddress,
    #[schema(required, format = DateTime)]
    despatch_by: Option<String>,
    postage: String,
    discount: String,
    lines: Vec<DraftLine>,
}

fn row(draft: &Draft) -> Result<(DraftRow, DraftForm), Error> {
    let form = draft.form()?;
    let row = DraftRow {
        id: draft.id.0,
        full_name: form.order.delivery.full_name.clone(),
        postcode: form.order.delivery.postcode.clone(),
        line_count: form.order.lines.len(),
        author: draft.author.clone(),
        updated_at: draft.updated_at.to_rfc3339(),
        version: draft.version,
    };
    Ok((row, form))
}

fn detail(tx: &mut Tx<'_>, id: DraftId) -> Result<DraftDetail, Error> {
    let (row, form) = row(&orders::draft(tx, id)?)?;
    let line = |line: &LineEdit| DraftLine {
        item_id: line.item_id.map(|id| id.0),
        title: line.title.clone(),
        is_service: line.is_service,
        quantity: line.quantity,
        unit_price: amount(line.unit_price, form.currency),
        discount: amount(line.discount, form.currency),
        tax_rate: line.tax_rate.to_percent().to_string(),
        tax_inclusive: line.tax_inclusive,
    };
    Ok(DraftDetail {
        lines: form.order.lines.iter().map(line).collect(),
        sub_source: form.sub_source,
        reference: form.reference,
        location_id: form.location_id.0,
        currency: form.currency.code().to_owned(),
        paid: form.paid,
        payment_method: form.payment_method,
        carrier: form.carrier,
        service: form.service,
        postage_tax_rate: form.postage_tax_rate.to_percent().to_string(),
        tax_inclusive: form.tax_inclusive,
        keep_customer: form.keep_customer,
        delivery: PostalAddress::from(&form.order.delivery),
        billing: PostalAddress::from(&form.order.billing),
        despatch_by: form.order.despatch_by.map(Timestamp::to_rfc3339),
        postage: amount(form.order.postage, form.currency),
        discount: amount(form.order.discount, form.currency),
        row,
    })
}

/// Drafts, the last touched first, at most 200.
#[utoipa::path(get, path = "/drafts", tag = "drafts", security(("token" = ["work_orders"])),
    responses((status = 200, description = "The drafts.", body = Page<DraftRow>)))]
async fn list(State(app): State<App>, _: WorkOrders) -> Answer<Json<Page<DraftRow>>> {
    let rows = app
        .read(|tx| {
            orders::drafts(tx)?.iter().map(|draft| row(draft).map(|(row, _)| row)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(Page::whole(rows)))
}

/// Where a draft begins.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDraft {
    /// The default location where it is left out.
    location_id: Option<i64>,
}

/// Begin a draft, with currency and tax as the settings say. It holds no stock and is in no list of orders.
#[utoipa::path(post, path = "/drafts", tag = "drafts", security(("token" = ["work_orders"])), request_body = NewDraft,
    responses((status = 201, description = "The draft.", body = DraftDetail)))]
async fn begin(_: WorkOrders, call: Call, Input(new): Input<NewDraft>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let location = match new.location_id {
            Some(id) => locations::get(tx, LocationId(id))?.id,
            None => locations::default(tx)?,
        };
        let id = orders::begin_draft(tx, ctx, location)?;
        detail(tx, id)
    })
    .await
}

/// One draft.
#[utoipa::path(get, path = "/drafts/{id}", tag = "drafts", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The draft.", body = DraftDetail)))]
async fn get(State(app): State<App>, _: WorkOrders, Route(id): Route<i64>) -> Answer<Json<DraftDetail>> {
    Ok(Json(app.read(move |tx| detail(tx, DraftId(id))).await?))
}

/// What a draft shall be, if it is still at a version. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SaveDraft {
    /// The version that was read: a change that somebody else made since is not overwritten.
    version: i64,
    sub_source: Option<String>,
    reference: Option<String>,
    location_id: Option<i64>,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$")]
    currency: Option<String>,
    paid: Option<bool>,
    payment_method: Option<String>,
    carrier: Option<String>,
    service: Option<String>,
    /// Per cent.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    postage_tax_rate: Option<String>,
    keep_customer: Option<bool>,
    delivery: Option<NewAddress>,
    billing: Option<NewAddress>,
    /// When it must leave; blank for no deadline.
    despatch_by: Option<String>,
    /// Tax included.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    postage: Option<String>,
    /// Of the whole order; a positive amount.
    #[schema(pattern = r"^\d+(\.\d{1,4})?$")]
    discount: Option<String>,
    /// All lines; those that are left out are taken away.
    #[schema(max_items = 1000)]
    lines: Option<Vec<NewLine>>,
}

/// Digits, perhaps a point and up to four more.
fn plain(field: &str, text: &str) -> Result<(), Error> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(rest) && rest.len() <= 4 {
        return Ok(());
    }
    Err(Error::invalid(field, "must be a positive number such as \"12.50\""))
}

fn check_lines(lines: &[NewLine]) -> Result<(), Error> {
    for (index, line) in lines.iter().enumerate() {
        let field = |name: &str| format!("lines[{index}].{name}");
        if !(1..=1_000_000).contains(&line.quantity) {
            return Err(Error::invalid(field("quantity"), "must be between 1 and 1,000,000"));
        }
        if line.title.chars().count() > 255 {
            return Err(Error::invalid(field("title"), "must have at most 255 characters"));
        }
        plain(&field("unit_price"), &line.unit_price)?;
        for (name, text) in [("discount", &line.discount), ("tax_rate", &line.tax_rate)] {
            text.as_ref().map_or(Ok(()), |text| plain(&field(name), text))?;
        }
    }
    Ok(())
}

fn filled(tx: &mut Tx<'_>, form: &mut DraftForm, new: &SaveDraft) -> Result<(), Error> {
    let set = |kept: &mut String, text: &Option<String>| {
        if let Some(text) = text {
            kept.clone_from(text);
        }
    };
    set(&mut form.sub_source, &new.sub_source);
    set(&mut form.reference, &new.reference);
    set(&mut form.payment_method, &new.payment_method);
    set(&mut form.carrier, &new.carrier);
    set(&mut form.service, &new.service);
    if let Some(code) = &new.currency {
        form.currency = Currency::parse(code)
            .filter(|currency| *currency != Currency::UNKNOWN && currency.code() == code)
            .ok_or_else(|| Error::invalid("currency", "must be an ISO 4217 code such as GBP"))?;
    }
    if let Some(id) = new.location_id {
        form.location_id = locations::get(tx, LocationId(id))?.id;
    }
    form.paid = new.paid.unwrap_or(form.paid);
    form.keep_customer = new.keep_customer.unwrap_or(form.keep_customer);
    if let Some(text) = &new.postage_tax_rate {
        plain("postage_tax_rate", text)?;
        form.postage_tax_rate = Rate(read_rate("postage_tax_rate", text)?);
    }
    if let Some(address) = &new.delivery {
        form.order.delivery = address.read();
    }
    if let Some(address) = &new.billing {
        form.order.billing = address.read();
    }
    form.order.despatch_by = match new.despatch_by.as_deref() {
        None => form.order.despatch_by,
        Some("") => None,
        Some(text) => Some(read_time("despatch_by", text)?),
    };
    for (name, text, kept) in
        [("postage", &new.postage, &mut form.order.postage), ("discount", &new.discount, &mut form.order.discount)]
    {
        if let Some(text) = text {
            plain(name, text)?;
            *kept = read_amount(name, text, form.currency)?;
        }
    }
    if let Some(lines) = &new.lines {
        check_lines(lines)?;
        form.order.lines = read_lines(tx, lines, form.currency)?;
        // Lines of a draft have no ids yet.
        form.order.lines.iter_mut().for_each(|line| line.id = None);
    }
    Ok(())
}

/// Keep a draft as it is now.
#[utoipa::path(put, path = "/drafts/{id}", tag = "drafts", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = SaveDraft, responses((status = 200, description = "The draft.", body = DraftDetail)))]
async fn save(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(new): Input<SaveDraft>) -> Answer<Response> {
    let id = DraftId(id);
    call.write(StatusCode::OK, move |tx, ctx| {
        let mut form = orders::draft(tx, id)?.form()?;
        filled(tx, &mut form, &new)?;
        orders::save_draft(tx, ctx, id, new.version, &form)?;
        detail(tx, id)
    })
    .await
}

/// Throw a draft away.
#[utoipa::path(delete, path = "/drafts/{id}", tag = "drafts", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 204, description = "It is gone.")))]
async fn discard(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| orders::discard_draft(tx, ctx, DraftId(id))).await
}

/// How a draft is completed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Complete {
    /// The version that was read.
    version: i64,
    /// Process the order at once; if it can't be processed, it is not made either.
    #[serde(default)]
    process: bool,
}

/// Make the order of a draft; it takes its stock at once. Unpaid, it is parked.
#[utoipa::path(post, path = "/drafts/{id}/complete", tag = "drafts", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Complete, responses((status = 201, description = "The order.", body = Order)))]
async fn complete(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(how): Input<Complete>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let order = orders::complete_draft(tx, ctx, DraftId(id), how.version)?;
        if how.process {
            orders::process(tx, ctx, order)?;
        }
        shown(tx, order)
    })
    .await
}
