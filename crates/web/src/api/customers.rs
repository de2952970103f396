//! The address book.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::customers::{self, Found, From as FoundIn};
use consign_values::{CustomerId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route, Search, bad_cursor, cursor, place};
use super::order_changes::NewAddress;
use super::order_shapes::PostalAddress;
use crate::App;
use crate::access::WorkOrders;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(look_up)).routes(routes!(get, replace, delete))
}

/// An entry of the address book.
#[derive(Serialize, ToSchema)]
struct Customer {
    id: i64,
    address: PostalAddress,
    #[schema(format = DateTime)]
    kept_at: String,
    /// Send it back with a change.
    version: i64,
}

impl From<&customers::Customer> for Customer {
    fn from(customer: &customers::Customer) -> Self {
        Customer {
            id: customer.id.0,
            address: PostalAddress::from(&customer.address()),
            kept_at: customer.updated_at.to_rfc3339(),
            version: customer.updated_at.0,
        }
    }
}

fn one(tx: &mut Tx<'_>, id: CustomerId) -> Result<Customer, Error> {
    customers::get(tx, id).map(|customer| Customer::from(&customer))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListCustomers {
    /// Only containing that text, of three characters or more: name, e-mail address, town, postcode.
    #[param(max_length = 100)]
    q: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The address book, latest made first, 50 a page.
#[utoipa::path(get, path = "/customers", tag = "customers", params(ListCustomers), security(("token" = ["work_orders"])),
    responses((status = 200, description = "A page of entries.", body = Page<Customer>)))]
async fn list(
    State(app): State<App>,
    _: WorkOrders,
    Search(query): Search<ListCustomers>,
) -> Answer<Json<Page<Customer>>> {
    let text = searched(query.q)?;
    let before = match place(query.cursor.as_deref())? {
        None => None,
        Some(place) => Some(CustomerId(place.parse().map_err(|_| bad_cursor())?)),
    };
    let (found, next) = app.read(move |tx| customers::book(tx, &text, before)).await?;
    let next_cursor = next.map(|id| cursor(&id.to_string()));
    Ok(Json(Page { data: found.iter().map(Customer::from).collect(), next_cursor }))
}

fn searched(text: Option<String>) -> Result<String, Error> {
    let text = text.unwrap_or_default();
    if text.chars().count() > 100 { Err(Error::invalid("q", "must have at most 100 characters")) } else { Ok(text) }
}

/// An address to keep.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    address: NewAddress,
}

/// Keep an address. One with a known e-mail address, or without one a known name and postcode, replaces that entry.
#[utoipa::path(post, path = "/customers", tag = "customers", security(("token" = ["work_orders"])), request_body = NewCustomer,
    responses((status = 201, description = "The entry.", body = Customer)))]
async fn create(_: WorkOrders, call: Call, Input(new): Input<NewCustomer>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = customers::keep(tx, ctx, &new.address.read())?;
        one(tx, id)
    })
    .await
}

/// One entry.
#[utoipa::path(get, path = "/customers/{id}", tag = "customers", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 200, description = "The entry.", body = Customer)))]
async fn get(State(app): State<App>, _: WorkOrders, Route(id): Route<i64>) -> Answer<Json<Customer>> {
    Ok(Json(app.read(move |tx| one(tx, CustomerId(id))).await?))
}

/// What an entry shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditedCustomer {
    address: NewAddress,
    /// As it was read: an entry that somebody has changed since is left alone.
    version: i64,
}

/// Change an entry. No order changes with it.
#[utoipa::path(put, path = "/customers/{id}", tag = "customers", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = EditedCustomer, responses((status = 200, description = "The entry.", body = Customer)))]
async fn replace(
    _: WorkOrders,
    call: Call,
    Route(id): Route<i64>,
    Input(to): Input<EditedCustomer>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        customers::edit(tx, ctx, CustomerId(id), Timestamp(to.version), &to.address.read())?;
        one(tx, CustomerId(id))
    })
    .await
}

/// Delete an entry, and what the history quotes of it. Orders keep their addresses.
#[utoipa::path(delete, path = "/customers/{id}", tag = "customers", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| customers::delete(tx, ctx, CustomerId(id))).await
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct LookUp {
    /// Name, e-mail address, postcode: three characters or more find something.
    #[param(max_length = 100)]
    q: String,
}

/// Somebody to write an order for.
#[derive(Serialize, ToSchema)]
struct FoundCustomer {
    /// The entry of the address book, where it is one.
    #[schema(required)]
    customer_id: Option<i64>,
    /// The past order that names the address, where it is not in the address book.
    #[schema(required)]
    order_id: Option<i64>,
    address: PostalAddress,
}

/// Up to 10 entries of the address book, and different addresses of the latest orders, up to 20 in all.
#[utoipa::path(get, path = "/customers/look-up", tag = "customers", params(LookUp), security(("token" = ["work_orders"])),
    responses((status = 200, description = "Who was found.", body = Page<FoundCustomer>)))]
async fn look_up(
    State(app): State<App>,
    _: WorkOrders,
    Search(query): Search<LookUp>,
) -> Answer<Json<Page<FoundCustomer>>> {
    let text = searched(Some(query.q))?;
    let found =
        app.read(move |tx| if text.trim().is_empty() { Ok(Vec::new()) } else { customers::look_up(tx, &text) }).await?;
    let shown = |found: &Found| {
        let (customer_id, order_id) = match found.from {
            FoundIn::Book(id) => (Some(id.0), None),
            FoundIn::Order(id) => (None, Some(id.0)),
        };
        FoundCustomer { customer_id, order_id, address: PostalAddress::from(&found.address) }
    };
    Ok(Json(Page::whole(found.iter().map(shown).collect())))
}
