//! Folders, identifiers and what else orders carry: made, changed, given, taken.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::marks::{self, COLOURS, Mark, MarkForm, MarkKind};
use consign_oms::{Error, orders};
use consign_values::{MarkId, OrderId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use super::orders::{Order, shown};
use crate::App;
use crate::access::{ManageSettings, View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(folders, create_folder))
        .routes(routes!(replace_folder, delete_folder))
        .routes(routes!(give_folder, take_folder))
        .routes(routes!(identifiers, create_identifier))
        .routes(routes!(replace_identifier, delete_identifier))
        .routes(routes!(give_identifier, take_identifier))
        .routes(routes!(properties))
        .routes(routes!(merging))
        .routes(routes!(edit_note, delete_note))
}

/// A bucket for work.
#[derive(Serialize, ToSchema)]
pub struct Folder {
    id: i64,
    name: String,
}

impl From<&Mark> for Folder {
    fn from(mark: &Mark) -> Self {
        Folder { id: mark.id.0, name: mark.name.clone() }
    }
}

/// A badge.
#[derive(Serialize, ToSchema)]
pub struct Identifier {
    id: i64,
    name: String,
    /// What files, channels and programs call it.
    tag: String,
    /// On the badge.
    letter: String,
    #[schema(schema_with = colours)]
    colour: String,
    /// Consign's own; it can't be changed.
    system: bool,
}

impl From<&Mark> for Identifier {
    fn from(mark: &Mark) -> Self {
        Identifier {
            id: mark.id.0,
            name: mark.name.clone(),
            tag: mark.tag.clone(),
            letter: mark.letter.clone(),
            colour: mark.colour.clone(),
            system: mark.system,
        }
    }
}

fn colours() -> Object {
    one_of(COLOURS.iter().copied())
}

/// What a folder shall be called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FolderName {
    /// Unique, in any case; 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
}

impl FolderName {
    fn form(&self) -> MarkForm {
        MarkForm { name: self.name.clone(), ..MarkForm::default() }
    }
}

/// What an identifier shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewIdentifier {
    /// 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Unique; made of the name where it is left out.
    #[serde(default)]
    #[schema(max_length = 64)]
    tag: String,
    /// One or two characters; the first of the name where it is left out.
    #[serde(default)]
    #[schema(max_length = 2)]
    letter: String,
    /// Grey where it is left out.
    #[serde(default = "grey")]
    #[schema(schema_with = colours)]
    colour: String,
}

fn grey() -> String {
    "grey".to_owned()
}

impl NewIdentifier {
    fn form(&self) -> MarkForm {
        MarkForm {
            name: self.name.clone(),
            tag: self.tag.clone(),
            letter: self.letter.clone(),
            colour: self.colour.clone(),
        }
    }
}

/// The folder or identifier with that id; one of the other kind is none.
pub fn of_kind(tx: &mut Tx<'_>, id: i64, kind: MarkKind) -> Result<MarkId, Error> {
    let mark = marks::get(tx, MarkId(id))?;
    if mark.kind == kind { Ok(mark.id) } else { Err(Error::NotFound("folder or identifier")) }
}

/// All folders by name, at most 500.
#[utoipa::path(get, path = "/folders", tag = "folders", security(("token" = ["view"])),
    responses((status = 200, description = "The folders.", body = Page<Folder>)))]
async fn folders(State(app): State<App>, _: View) -> Answer<Json<Page<Folder>>> {
    let all = app.read(|tx| marks::list(tx, MarkKind::Folder)).await?;
    Ok(Json(Page::whole(all.iter().map(Folder::from).collect())))
}

/// Make a folder.
#[utoipa::path(post, path = "/folders", tag = "folders", security(("token" = ["work_orders"])), request_body = FolderName,
    responses((status = 201, description = "The folder.", body = Folder)))]
async fn create_folder(_: WorkOrders, call: Call, Input(new): Input<FolderName>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = marks::create(tx, ctx, MarkKind::Folder, &new.form())?;
        Ok(Folder::from(&marks::get(tx, id)?))
    })
    .await
}

/// Change a folder; all orders that carry it keep it.
#[utoipa::path(put, path = "/folders/{id}", tag = "folders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = FolderName, responses((status = 200, description = "The folder.", body = Folder)))]
async fn replace_folder(
    _: WorkOrders,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<FolderName>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, id, MarkKind::Folder)?;
        marks::edit(tx, ctx, id, &new.form())?;
        Ok(Folder::from(&marks::get(tx, id)?))
    })
    .await
}

/// Delete a folder. It comes off all its orders at once.
#[utoipa::path(delete, path = "/folders/{id}", tag = "folders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete_folder(_: WorkOrders, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| {
        let id = of_kind(tx, id, MarkKind::Folder)?;
        marks::delete(tx, ctx, id)
    })
    .await
}

/// Put the order into the folder. Where the settings allow one folder, it leaves its other one.
#[utoipa::path(put, path = "/orders/{id}/folders/{folder}", tag = "orders", params(("id" = i64, Path), ("folder" = i64, Path)),
    security(("token" = ["work_orders"])), responses((status = 200, description = "The order.", body = Order)))]
async fn give_folder(_: WorkOrders, call: Call, Route((order, folder)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, folder, MarkKind::Folder)?;
        marks::give(tx, ctx, OrderId(order), id)?;
        shown(tx, OrderId(order))
    })
    .await
}

/// Take the order out of the folder.
#[utoipa::path(delete, path = "/orders/{id}/folders/{folder}", tag = "orders", params(("id" = i64, Path), ("folder" = i64, Path)),
    security(("token" = ["work_orders"])), responses((status = 200, description = "The order.", body = Order)))]
async fn take_folder(_: WorkOrders, call: Call, Route((order, folder)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, folder, MarkKind::Folder)?;
        marks::take(tx, ctx, OrderId(order), id)?;
        shown(tx, OrderId(order))
    })
    .await
}

/// All identifiers by name, at most 500.
#[utoipa::path(get, path = "/identifiers", tag = "identifiers", security(("token" = ["view"])),
    responses((status = 200, description = "The identifiers.", body = Page<Identifier>)))]
async fn identifiers(State(app): State<App>, _: View) -> Answer<Json<Page<Identifier>>> {
    let all = app.read(|tx| marks::list(tx, MarkKind::Identifier)).await?;
    Ok(Json(Page::whole(all.iter().map(Identifier::from).collect())))
}

/// Make an identifier.
#[utoipa::path(post, path = "/identifiers", tag = "identifiers", security(("token" = ["manage_settings"])), request_body = NewIdentifier,
    responses((status = 201, description = "The identifier.", body = Identifier)))]
async fn create_identifier(_: ManageSettings, call: Call, Input(new): Input<NewIdentifier>) -> Answer<Response> {
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = marks::create(tx, ctx, MarkKind::Identifier, &new.form())?;
        Ok(Identifier::from(&marks::get(tx, id)?))
    })
    .await
}

/// Change an identifier; all orders that carry it keep it.
#[utoipa::path(put, path = "/identifiers/{id}", tag = "identifiers", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    request_body = NewIdentifier, responses((status = 200, description = "The identifier.", body = Identifier)))]
async fn replace_identifier(
    _: ManageSettings,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<NewIdentifier>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, id, MarkKind::Identifier)?;
        marks::edit(tx, ctx, id, &new.form())?;
        Ok(Identifier::from(&marks::get(tx, id)?))
    })
    .await
}

/// Delete an identifier. It comes off all its orders at once.
#[utoipa::path(delete, path = "/identifiers/{id}", tag = "identifiers", params(("id" = i64, Path)), security(("token" = ["manage_settings"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete_identifier(_: ManageSettings, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| {
        let id = of_kind(tx, id, MarkKind::Identifier)?;
        marks::delete(tx, ctx, id)
    })
    .await
}

/// Give the order the identifier; holds do not keep from that.
#[utoipa::path(put, path = "/orders/{id}/identifiers/{identifier}", tag = "orders", params(("id" = i64, Path), ("identifier" = i64, Path)),
    security(("token" = ["work_orders"])), responses((status = 200, description = "The order.", body = Order)))]
async fn give_identifier(_: WorkOrders, call: Call, Route((order, identifier)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, identifier, MarkKind::Identifier)?;
        marks::give(tx, ctx, OrderId(order), id)?;
        shown(tx, OrderId(order))
    })
    .await
}

/// Take the identifier off the order.
#[utoipa::path(delete, path = "/orders/{id}/identifiers/{identifier}", tag = "orders", params(("id" = i64, Path), ("identifier" = i64, Path)),
    security(("token" = ["work_orders"])), responses((status = 200, description = "The order.", body = Order)))]
async fn take_identifier(_: WorkOrders, call: Call, Route((order, identifier)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let id = of_kind(tx, identifier, MarkKind::Identifier)?;
        marks::take(tx, ctx, OrderId(order), id)?;
        shown(tx, OrderId(order))
    })
    .await
}

/// A name with a value.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Property {
    /// 1 to 128 characters.
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    /// Cut at 1,000 characters.
    #[schema(max_length = 1000)]
    pub value: String,
}

/// All extended properties of an order.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Properties {
    /// At most 100; a pair counts once.
    #[schema(max_items = 100)]
    properties: Vec<Property>,
}

/// Replace the order's extended properties.
#[utoipa::path(put, path = "/orders/{id}/properties", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Properties, responses((status = 200, description = "The order.", body = Order)))]
async fn properties(
    _: WorkOrders,
    call: Call,
    Route(id): Route<i64>,
    Input(to): Input<Properties>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let pairs: Vec<_> = to.properties.iter().map(|one| (one.name.clone(), one.value.clone())).collect();
        orders::set_properties(tx, ctx, OrderId(id), &pairs)?;
        shown(tx, OrderId(id))
    })
    .await
}

/// Whether it may be merged by itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Merging {
    blocked: bool,
}

/// Keep the order from being merged by itself, or no longer.
#[utoipa::path(put, path = "/orders/{id}/merging", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = Merging, responses((status = 200, description = "The order.", body = Order)))]
async fn merging(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(to): Input<Merging>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        orders::set_no_merge(tx, ctx, OrderId(id), to.blocked)?;
        shown(tx, OrderId(id))
    })
    .await
}

/// What a note shall say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditedNote {
    /// 1 to 4,000 characters.
    #[schema(min_length = 1, max_length = 4000)]
    body: String,
    /// Never shown to the buyer.
    internal: bool,
    /// To be read before the order is processed.
    processing: bool,
}

/// Change a note; who wrote it and when stays.
#[utoipa::path(put, path = "/orders/{id}/notes/{note}", tag = "orders", params(("id" = i64, Path), ("note" = i64, Path)),
    security(("token" = ["work_orders"])), request_body = EditedNote, responses((status = 200, description = "The order.", body = Order)))]
async fn edit_note(
    _: WorkOrders,
    call: Call,
    Route((order, note)): Route<(i64, i64)>,
    Input(to): Input<EditedNote>,
) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        orders::edit_note(tx, ctx, OrderId(order), note, &to.body, to.internal, to.processing)?;
        shown(tx, OrderId(order))
    })
    .await
}

/// Delete a note; what it said stays in the history.
#[utoipa::path(delete, path = "/orders/{id}/notes/{note}", tag = "orders", params(("id" = i64, Path), ("note" = i64, Path)),
    security(("token" = ["work_orders"])), responses((status = 200, description = "The order.", body = Order)))]
async fn delete_note(_: WorkOrders, call: Call, Route((order, note)): Route<(i64, i64)>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        orders::delete_note(tx, ctx, OrderId(order), note)?;
        shown(tx, OrderId(order))
    })
    .await
}
