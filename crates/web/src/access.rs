//! Who may do what: one extractor for each permission, and the check that a form comes from our own pages.
//!
//! The interface for programs goes through the same extractors: its door (`api/door.rs`) leaves the caller in the request.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use consign_oms::tokens::Caller;
use consign_oms::users::{self, Permission, User};
use consign_oms::{Actor, Ctx, settings};

use crate::problem::{self, Problem};
use crate::{App, manner, session, ui};

/// Why a request is turned away.
pub enum Turned {
    /// Nobody is signed in.
    Unknown { program: bool },
    /// The role does not allow it.
    Forbidden,
    /// The token lacks this scope, or its user the right.
    Scope(Permission),
    /// The role must have a second factor first.
    SecondFactor,
    /// The database failed.
    Failed(Problem),
}

impl IntoResponse for Turned {
    fn into_response(self) -> Response {
        match self {
            Turned::Unknown { program: true } => problem::detailed(
                (StatusCode::UNAUTHORIZED, "sign in first").into_response(),
                "unauthenticated",
                "Sign in, or send a token as Authorization: Bearer.",
            ),
            Turned::Scope(permission) => problem::turned_away(
                StatusCode::FORBIDDEN,
                "forbidden",
                &format!("This needs the scope {permission}, and a user whose role allows it."),
            ),
            Turned::Unknown { program: false } => Redirect::to("/sign-in").into_response(),
            Turned::Forbidden => (
                StatusCode::FORBIDDEN,
                ui::plain(
                    "Not allowed",
                    maud::html! {
                        h1 { "Not allowed" } p { "Your role does not allow this. An owner can change it under Users." }
                    },
                ),
            )
                .into_response(),
            Turned::SecondFactor => Redirect::to("/account/two-factor").into_response(),
            Turned::Failed(problem) => problem.into_response(),
        }
    }
}

/// Whether the client is a program that wants JSON.
pub fn is_program(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|accept| accept.contains("application/json"))
}

async fn user_with(parts: &mut Parts, app: &App, permission: Permission) -> Result<User, Turned> {
    if let Some(caller) = parts.extensions.get::<Caller>() {
        return if caller.may(permission) { Ok(caller.user.clone()) } else { Err(Turned::Scope(permission)) };
    }
    let SignedIn(user, must_set_up) = signed_in(parts, app).await?;
    match user.role.may(permission) {
        _ if must_set_up => Err(Turned::SecondFactor),
        true => Ok(user),
        false => Err(Turned::Forbidden),
    }
}

/// Whose session it is. A session that is in use lives on.
async fn signed_in(parts: &Parts, app: &App) -> Result<SignedIn, Turned> {
    let program = is_program(&parts.headers) || parts.method != Method::GET;
    let Some(token) = session::token(&parts.headers) else { return Err(Turned::Unknown { program }) };
    let (clock, known) = (app.clock.clone(), token.clone());
    let found = app
        .read(move |tx| {
            let found = users::session(tx, &Ctx::new(&*clock, Actor::System), &known)?;
            found.map(|found| Ok((settings::preferences::manner(tx, found.user.id)?, found))).transpose()
        })
        .await;
    let found = found.map_err(|error| Turned::Failed(error.into()))?;
    let (manner, found) = found.ok_or(Turned::Unknown { program })?;
    manner::put(manner);
    if found.is_stale {
        let noted = app.write(Actor::System, move |tx, ctx| users::seen(tx, ctx, &token)).await;
        noted.map_err(|error| Turned::Failed(error.into()))?;
    }
    Ok(SignedIn(found.user, found.must_set_up))
}

/// Somebody who is signed in by a browser, whatever their role: for their own account. Also whether they must set up a second factor
/// before anything else.
pub struct SignedIn(pub User, pub bool);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Turned;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Turned> {
        signed_in(parts, app).await
    }
}

macro_rules! permissions {
    ($($name:ident),* $(,)?) => {$(
        /// A signed-in user with this permission.
        pub struct $name(pub User);

        impl FromRequestParts<App> for $name {
            type Rejection = Turned;
            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Turned> {
                user_with(parts, app, Permission::$name).await.map($name)
            }
        }

        impl $name {
            /// The user as an actor.
            #[allow(dead_code)]
            pub fn actor(&self) -> Actor {
                Actor::User(self.0.id)
            }
        }
    )*};
}

permissions!(
    View,
    WorkOrders,
    DeleteOrders,
    EditStock,
    EditItems,
    ManageLocations,
    ManageChannels,
    ManageRules,
    ManageUsers,
    ManageSettings,
);

/// Refuses what changes something unless it comes from our own pages (browsers say so) or from a program that sends no such
/// header; then swaps problem pages for JSON where a program asked.
pub async fn same_origin_only(request: Request, next: Next) -> Response {
    let program = is_program(request.headers());
    if !matches!(*request.method(), Method::GET | Method::HEAD) && foreign(request.headers()) {
        return (StatusCode::FORBIDDEN, "this form was not sent from Consign's own pages").into_response();
    }
    let response = next.run(request).await;
    if program { problem::for_program(response) } else { response }
}

fn foreign(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = text("host").unwrap_or("");
            origin.split_once("://").is_none_or(|(_, from)| from != host)
        }
        // Neither: no browser of these years. A cookie alone must not do, so such a client has to ask for JSON.
        (None, None) => !is_program(headers),
    }
}

/// The client's address: the connection's, or what a trusted proxy says.
pub struct Client(pub String);

impl FromRequestParts<App> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let peer: Option<IpAddr> = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let trusted = |ip: IpAddr| app.trusted_proxies.iter().any(|network| network.contains(&ip));
        let forwarded = parts.headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let address = match (peer, forwarded) {
            (Some(peer), Some(list)) if trusted(peer) => list
                .rsplit(',')
                .filter_map(|text| text.trim().parse::<IpAddr>().ok())
                .find(|ip| !trusted(*ip))
                .unwrap_or(peer),
            (Some(peer), _) => peer,
            (None, _) => IpAddr::from([0, 0, 0, 0]),
        };
        Ok(Client(address.to_string()))
    }
}
