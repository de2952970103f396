//! Users: listed, made, edited, by owners. A password is set here only for a new user; changing one is the pages' business.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::users::{self, Role, UserEdit, UserForm};
use consign_values::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use crate::access::ManageUsers;
use crate::problem::Answer;
use crate::{App, blocking};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, replace))
}

fn roles() -> Object {
    one_of(Role::ALL.iter().map(|role| role.as_str()))
}

/// Somebody who works here.
#[derive(Serialize, ToSchema)]
pub struct User {
    id: i64,
    email: String,
    name: String,
    #[schema(schema_with = roles)]
    role: &'static str,
    /// May sign in.
    active: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    signed_in_at: Option<String>,
}

impl From<&users::User> for User {
    fn from(user: &users::User) -> Self {
        User {
            id: user.id.0,
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role.as_str(),
            active: user.active,
            created_at: user.created_at.to_rfc3339(),
            signed_in_at: user.signed_in_at.map(Timestamp::to_rfc3339),
        }
    }
}

fn shown(tx: &mut Tx<'_>, id: UserId) -> Result<User, Error> {
    users::get(tx, id).map(|user| User::from(&user))
}

fn role(text: &str) -> Result<Role, Error> {
    Role::parse(text).ok_or_else(|| Error::invalid("role", "must be owner, manager, desk or viewer"))
}

/// All users by e-mail address, at most 1,000.
#[utoipa::path(get, path = "/users", tag = "users", security(("token" = ["manage_users"])),
    responses((status = 200, description = "The users.", body = Page<User>)))]
async fn list(State(app): State<App>, _: ManageUsers) -> Answer<Json<Page<User>>> {
    let all = app.read(users::list).await?;
    Ok(Json(Page::whole(all.iter().map(User::from).collect())))
}

/// One user.
#[utoipa::path(get, path = "/users/{id}", tag = "users", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    responses((status = 200, description = "The user.", body = User)))]
async fn get(State(app): State<App>, _: ManageUsers, Route(id): Route<i64>) -> Answer<Json<User>> {
    Ok(Json(app.read(move |tx| shown(tx, UserId(id))).await?))
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    #[schema(format = Email, max_length = 254)]
    email: String,
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(schema_with = roles)]
    role: String,
    /// 10 to 1,000 characters.
    #[schema(min_length = 10, max_length = 1000)]
    password: String,
}

/// Make a user.
#[utoipa::path(post, path = "/users", tag = "users", security(("token" = ["manage_users"])), request_body = NewUser,
    responses((status = 201, description = "The user.", body = User)))]
async fn create(_: ManageUsers, call: Call, Input(new): Input<NewUser>) -> Answer<Response> {
    let role = role(&new.role)?;
    let password_hash = blocking(move || users::hash_password(&new.password)).await?;
    let form = UserForm { email: new.email, name: new.name, role, password_hash };
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = users::create(tx, ctx, &form)?;
        shown(tx, id)
    })
    .await
}

/// What a user shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceUser {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(schema_with = roles)]
    role: String,
    /// May sign in. Switching it off ends all sessions and tokens at once.
    active: bool,
}

/// Replace a user's name, role and switch. The last active owner stays one.
#[utoipa::path(put, path = "/users/{id}", tag = "users", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    request_body = ReplaceUser, responses((status = 200, description = "The user.", body = User)))]
async fn replace(
    _: ManageUsers,
    call: Call,
    Route(id): Route<i64>,
    Input(new): Input<ReplaceUser>,
) -> Answer<Response> {
    let edit = UserEdit { name: new.name.clone(), role: role(&new.role)?, active: new.active, password_hash: None };
    call.write(StatusCode::OK, move |tx, ctx| {
        users::edit(tx, ctx, UserId(id), &edit)?;
        shown(tx, UserId(id))
    })
    .await
}
