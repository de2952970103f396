//! Users: listed, made, edited, invited, by owners; their sessions and second factors; what each role may do. A password is set
//! here only for a new user; changing one is the pages' business.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::users::{self, Permission, Role, Session, UserEdit, UserForm, two_factor};
use consign_values::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{Array, Object};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use crate::access::ManageUsers;
use crate::problem::Answer;
use crate::{App, blocking};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace))
        .routes(routes!(invite))
        .routes(routes!(two_factor_off))
        .routes(routes!(sessions))
        .routes(routes!(end_session))
        .routes(routes!(rights))
        .routes(routes!(require))
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

/// Mail a user who has no password yet a link to set one; it is good for some days. Needs a mail server.
#[utoipa::path(post, path = "/users/{id}/invite", tag = "users", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    responses((status = 202, description = "The user; the mail is on its way.", body = User)))]
async fn invite(State(app): State<App>, _: ManageUsers, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    let Some(base) = app.mail_from.clone() else { return Err(Error::NotFound("mail server").into()) };
    let keys = app.keys.clone();
    call.write(StatusCode::ACCEPTED, move |tx, ctx| {
        users::invite(tx, ctx, &keys, UserId(id), &base)?;
        shown(tx, UserId(id))
    })
    .await
}

/// Switch a user's second factor off, for one who has lost it. Where the role must have one, the next sign-in sets it up anew.
#[utoipa::path(delete, path = "/users/{id}/two-factor", tag = "users", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    responses((status = 204, description = "It is off.")))]
async fn two_factor_off(_: ManageUsers, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| two_factor::switch_off(tx, ctx, UserId(id))).await
}

/// A session of a user.
#[derive(Serialize, ToSchema)]
pub struct OneSession {
    /// What it is called; opens nothing.
    key: String,
    #[schema(format = DateTime)]
    created_at: String,
    /// To the minute.
    #[schema(format = DateTime)]
    seen_at: String,
    /// When it ends unless it is used.
    #[schema(format = DateTime)]
    expires_at: String,
    /// What the browser called itself.
    agent: String,
    /// The address it began from.
    address: String,
}

/// A user's sessions.
#[utoipa::path(get, path = "/users/{id}/sessions", tag = "users", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    responses((status = 200, description = "The sessions.", body = Page<OneSession>)))]
async fn sessions(State(app): State<App>, _: ManageUsers, Route(id): Route<i64>) -> Answer<Json<Page<OneSession>>> {
    let found = app
        .read(move |tx| {
            users::get(tx, UserId(id))?;
            users::sessions_of(tx, UserId(id))
        })
        .await?;
    let show = |session: &Session| OneSession {
        key: users::session_key(session),
        created_at: session.created_at.to_rfc3339(),
        seen_at: session.seen_at.to_rfc3339(),
        expires_at: session.expires_at.to_rfc3339(),
        agent: session.agent.clone(),
        address: session.address.clone(),
    };
    Ok(Json(Page::whole(found.iter().map(show).collect())))
}

/// End a session of a user.
#[utoipa::path(delete, path = "/users/{id}/sessions/{key}", tag = "users", params(("id" = i64, Path), ("key" = String, Path)),
    security(("token" = ["manage_users"])), responses((status = 204, description = "It has ended.")))]
async fn end_session(_: ManageUsers, call: Call, Route((id, key)): Route<(i64, String)>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| users::end_session_of(tx, ctx, UserId(id), &key)).await
}

fn scopes() -> Array {
    let one = one_of(Permission::ALL.iter().map(|permission| permission.as_str()));
    ArrayBuilder::new().items(one).build()
}

/// What a role may do.
#[derive(Serialize, ToSchema)]
pub struct RoleRights {
    #[schema(schema_with = roles)]
    role: &'static str,
    /// As tokens name them.
    #[schema(schema_with = scopes)]
    scopes: Vec<&'static str>,
    /// Its users set up a second factor before anything else.
    two_factor: bool,
}

fn rights_of(tx: &mut Tx<'_>, role: Role) -> Result<RoleRights, Error> {
    Ok(RoleRights {
        role: role.as_str(),
        scopes: Permission::ALL.iter().filter(|one| role.may(**one)).map(|one| one.as_str()).collect(),
        two_factor: two_factor::required_roles(tx)?.contains(&role),
    })
}

/// What each role may do, and whether it must have a second factor.
#[utoipa::path(get, path = "/roles", tag = "users", security(("token" = ["manage_users"])),
    responses((status = 200, description = "The roles.", body = Page<RoleRights>)))]
async fn rights(State(app): State<App>, _: ManageUsers) -> Answer<Json<Page<RoleRights>>> {
    let all = app.read(|tx| Role::ALL.iter().map(|role| rights_of(tx, *role)).collect()).await?;
    Ok(Json(Page::whole(all)))
}

/// What a role must have.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Demand {
    /// A second factor. Whoever lacks one sets it up right after signing in.
    two_factor: bool,
}

/// Say whether the users of a role must have a second factor.
#[utoipa::path(put, path = "/roles/{role}", tag = "users", params(("role" = String, Path)), security(("token" = ["manage_users"])),
    request_body = Demand, responses((status = 200, description = "The role.", body = RoleRights)))]
async fn require(
    _: ManageUsers,
    call: Call,
    Route(code): Route<String>,
    Input(new): Input<Demand>,
) -> Answer<Response> {
    let role = Role::parse(&code).ok_or(Error::NotFound("role"))?;
    call.write(StatusCode::OK, move |tx, ctx| {
        let mut all = two_factor::required_roles(tx)?;
        if all.contains(&role) != new.two_factor {
            all.retain(|one| *one != role);
            if new.two_factor {
                all.push(role);
            }
            two_factor::require(tx, ctx, &all)?;
        }
        rights_of(tx, role)
    })
    .await
}
