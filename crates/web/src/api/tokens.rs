//! Tokens of programs: listed, made, revoked.
//!
//! A program hands on no more than it has: a token that it makes has only scopes of its own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use consign_oms::tokens::{self, ApiToken, Caller, TokenForm};
use consign_oms::users::Permission;
use consign_oms::{Error, Refusal};
use consign_values::{Timestamp, TokenId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use super::document::one_of;
use super::order_changes::read_time;
use crate::App;
use crate::access::ManageUsers;
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(revoke))
}

fn scopes() -> Object {
    one_of(Permission::ALL.iter().map(|permission| permission.as_str()))
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
struct Token {
    id: i64,
    /// Whose rights bound its own.
    user_id: i64,
    /// What it is for.
    name: String,
    /// The secret's first characters.
    beginning: String,
    scopes: Vec<&'static str>,
    calls_per_minute: i64,
    /// Neither revoked nor expired.
    lives: bool,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(required, format = DateTime)]
    expires_at: Option<String>,
    /// To the minute.
    #[schema(required, format = DateTime)]
    used_at: Option<String>,
    #[schema(required, format = DateTime)]
    revoked_at: Option<String>,
}

fn shown(token: &ApiToken, now: Timestamp) -> Token {
    Token {
        id: token.id.0,
        user_id: token.user_id.0,
        name: token.name.clone(),
        beginning: token.beginning.clone(),
        scopes: token.scopes().map(Permission::as_str).collect(),
        calls_per_minute: token.calls_per_minute,
        lives: token.lives(now),
        created_at: token.created_at.to_rfc3339(),
        expires_at: token.expires_at.map(Timestamp::to_rfc3339),
        used_at: token.used_at.map(Timestamp::to_rfc3339),
        revoked_at: token.revoked_at.map(Timestamp::to_rfc3339),
    }
}

/// All tokens.
#[utoipa::path(get, path = "/tokens", tag = "tokens", security(("token" = ["manage_users"])),
    responses((status = 200, description = "The tokens.", body = Page<Token>)))]
async fn list(State(app): State<App>, _: ManageUsers) -> Answer<Json<Page<Token>>> {
    let all = app.read(tokens::list).await?;
    let now = app.clock.now();
    Ok(Json(Page::whole(all.iter().map(|token| shown(token, now)).collect())))
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// With whose rights it acts.
    user_id: i64,
    /// What it is for.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// What it may do: at most what the calling token may.
    #[schema(schema_with = scope_list)]
    scopes: Vec<String>,
    /// Until when; until it is revoked where it is left out.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    #[schema(minimum = 1, maximum = 1_000_000)]
    calls_per_minute: i64,
}

fn scope_list() -> utoipa::openapi::Array {
    utoipa::openapi::ArrayBuilder::new().items(scopes()).min_items(Some(1)).build()
}

/// A token with its secret.
#[derive(Serialize, ToSchema)]
struct MadeToken {
    id: i64,
    /// Shown this once, and kept nowhere.
    secret: String,
}

/// Make a token. Its secret is in this answer alone.
#[utoipa::path(post, path = "/tokens", tag = "tokens", security(("token" = ["manage_users"])), request_body = NewToken,
    responses((status = 201, description = "The token.", body = MadeToken)))]
async fn make(
    _: ManageUsers,
    Extension(caller): Extension<Caller>,
    call: Call,
    Input(new): Input<NewToken>,
) -> Answer<Response> {
    let read = |code: &String| Permission::parse(code).ok_or_else(|| Error::invalid("scopes", "must be scopes"));
    let form = TokenForm {
        user: UserId(new.user_id),
        name: new.name.clone(),
        scopes: new.scopes.iter().map(read).collect::<Result<_, _>>()?,
        expires_at: new.expires_at.as_ref().map(|text| read_time("expires_at", text)).transpose()?,
        calls_per_minute: new.calls_per_minute,
    };
    if let Some(more) = form.scopes.iter().find(|scope| !caller.may(**scope)) {
        return Err(Error::from(Refusal::RoleForbids(*more)).into());
    }
    call.write_unkept(StatusCode::CREATED, move |tx, ctx| {
        let (id, secret) = tokens::make(tx, ctx, &form)?;
        Ok(MadeToken { id: id.0, secret })
    })
    .await
}

/// Revoke a token: the program that uses it is locked out at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = i64, Path)), security(("token" = ["manage_users"])),
    responses((status = 204, description = "It is revoked.")))]
async fn revoke(_: ManageUsers, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| tokens::revoke(tx, ctx, TokenId(id))).await
}
