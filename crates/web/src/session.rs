//! Signing in and out. The cookie holds a random token; only its digest is stored.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use consign_oms::users::{self, two_factor};
use consign_oms::{Actor, Ctx, Error};
use consign_values::UserId;
use maud::{Markup, html};

use crate::access::Client;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, blocking, ui};

const COOKIE: &str = "consign_session";

/// The session token of a request.
pub fn token(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|cookies| cookies.split(';'))
        .find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
        .map(str::to_owned)
}

/// A cookie that begins (or, empty, ends) a session.
pub fn cookie(app: &App, token: &str) -> AppendHeaders<[(header::HeaderName, String); 1]> {
    let age = if token.is_empty() { 0 } else { 14 * 24 * 3_600 };
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    AppendHeaders([(
        header::SET_COOKIE,
        format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}"),
    )])
}

fn agent(headers: &HeaderMap) -> String {
    headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned()
}

pub async fn sign_in_page(State(app): State<App>) -> Answer<Response> {
    if !app.read(users::any).await? {
        return Ok(Redirect::to("/set-up").into_response());
    }
    Ok(form("", None).into_response())
}

fn form(email: &str, error: Option<&str>) -> Markup {
    ui::plain(
        "Sign in",
        html! {
            h1 { "Sign in" }
            @if let Some(error) = error { p.problem role="alert" { (error) } }
            form.stack method="post" action="/sign-in" {
                label { "E-mail" input name="email" type="email" value=(email) required autofocus autocomplete="username"; }
                label { "Password" input name="password" type="password" required autocomplete="current-password"; }
                button.primary { "Sign in" }
            }
            p { a href="/forgotten" { "Forgotten the password?" } }
        },
    )
}

/// Asks for the second factor; `token` says that the password was right.
fn second_step_form(token: &str, error: Option<&str>) -> Markup {
    ui::plain(
        "Sign in",
        html! {
            h1 { "Second step" }
            @if let Some(error) = error { p.problem role="alert" { (error) } }
            form.stack method="post" action="/sign-in/code" {
                input type="hidden" name="token" value=(token);
                label { "Code from your authenticator, or a recovery code" input name="code" required autofocus autocomplete="one-time-code" maxlength="40"; }
                button.primary { "Sign in" }
            }
            p { a href="/sign-in" { "Begin again" } }
        },
    )
}

/// The code of the second step. Wrong ones are throttled as wrong passwords are.
pub async fn second_step(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let (token, code, keys) = (fields.get("token").to_owned(), fields.get("code").to_owned(), app.keys.clone());
    let (asked, from) = (token.clone(), address.clone());
    let passed = app
        .write(Actor::System, move |tx, ctx| {
            let Some(user) = two_factor::second_step_of(tx, ctx, &asked)? else { return Ok(Step::Over) };
            users::check_throttle(tx, ctx, &user.email, &from)?;
            match two_factor::pass(tx, ctx, &keys, &asked, &code)? {
                Some(user) => Ok(Step::Passed(user)),
                None => {
                    users::failed(tx, ctx, &user.email, &from)?;
                    Ok(Step::Wrong)
                }
            }
        })
        .await;
    match passed {
        Ok(Step::Passed(user)) => enter(&app, user, &headers, &address).await,
        Ok(Step::Wrong) => {
            let page = second_step_form(&token, Some("That code is not right, or was used before."));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Ok(Step::Over) => Ok((StatusCode::GONE, form("", Some("That took too long. Begin again."))).into_response()),
        Err(Error::Invalid(errors)) => {
            let text = errors.iter().next().map_or("", |error| &error.message).to_owned();
            let page = second_step_form(&token, Some(&format!("Too fast: {text}.")));
            Ok((StatusCode::TOO_MANY_REQUESTS, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// What came of the second step.
enum Step {
    Passed(UserId),
    Wrong,
    Over,
}

/// The first step was right: asks for the second where there is one, else begins the session.
async fn first_step_done(app: &App, user: UserId, headers: &HeaderMap, address: &str) -> Answer<Response> {
    let asked = app
        .write(Actor::System, move |tx, ctx| {
            if two_factor::is_on(tx, user)? { two_factor::second_step(tx, ctx, user).map(Some) } else { Ok(None) }
        })
        .await?;
    match asked {
        Some(token) => Ok(second_step_form(&token, None).into_response()),
        None => enter(app, user, headers, address).await,
    }
}

pub async fn sign_in(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let (email, password) = (fields.get("email").to_owned(), fields.get("password").to_owned());
    let (asked, from) = (email.clone(), address.clone());
    let found = app
        .write(Actor::System, move |tx, ctx| {
            users::check_throttle(tx, ctx, &asked, &from)?;
            users::find_by_email(tx, &asked)
        })
        .await;
    let user = match found {
        Err(Error::Invalid(errors)) => {
            let text = errors.iter().next().map_or("", |error| &error.message).to_owned();
            let page = form(&email, Some(&format!("Too fast: {text}.")));
            return Ok((StatusCode::TOO_MANY_REQUESTS, page).into_response());
        }
        other => other?.filter(|user| user.active),
    };
    let hash = user.as_ref().map_or(String::new(), |user| user.password_hash.clone());
    let fits = blocking(move || Ok(users::verify_password(&hash, &password))).await?;
    match user.filter(|_| fits) {
        Some(user) => first_step_done(&app, user.id, &headers, &address).await,
        None => {
            let asked = email.clone();
            app.write(Actor::System, move |tx, ctx| users::failed(tx, ctx, &asked, &address)).await?;
            let page = form(&email, Some("E-mail address or password are wrong."));
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Begins a session for the user and goes to the orders.
pub async fn enter(app: &App, user: UserId, headers: &HeaderMap, address: &str) -> Answer<Response> {
    let (agent, address) = (agent(headers), address.to_owned());
    let begin = move |tx: &mut consign_db::Tx<'_>, ctx: &Ctx<'_>| users::start_session(tx, ctx, user, &agent, &address);
    let token = app.write(Actor::User(user), begin).await?;
    Ok((cookie(app, &token), Redirect::to("/orders")).into_response())
}

/// A one-time link is redeemed by a button, so that no preview or prefetch uses it up.
pub async fn link_page(Path(token): Path<String>) -> Markup {
    ui::plain(
        "Sign in",
        html! {
            h1 { "Sign in to Consign" }
            p { "This link works once." }
            form.stack method="post" action={"/sign-in/" (token)} { button.primary autofocus { "Sign in" } }
        },
    )
}

pub async fn redeem_link(
    State(app): State<App>,
    Client(address): Client,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Answer<Response> {
    match app.write(Actor::System, move |tx, ctx| users::redeem_sign_in(tx, ctx, &token)).await? {
        Some(user) => first_step_done(&app, user, &headers, &address).await,
        None => Ok((StatusCode::GONE, form("", Some("That link has been used or is too old."))).into_response()),
    }
}

pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Answer<Response> {
    if let Some(token) = token(&headers) {
        app.write(Actor::System, move |tx, _| users::end_session(tx, &token)).await?;
    }
    Ok((cookie(&app, ""), Redirect::to("/sign-in")).into_response())
}
