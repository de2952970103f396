//! One's own account: name and address, password, two-factor sign-in, sessions.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::users::two_factor::{self, Enrolment};
use consign_oms::users::{self, User};
use consign_oms::{Actor, Error};
use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;

use crate::access::SignedIn;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, blocking, session, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(show).post(rename))
        .route("/account/password", post(set_password))
        .route("/account/two-factor", get(two_factor_page).post(confirm))
        .route("/account/two-factor/off", post(switch_off))
        .route("/account/sessions/{key}/end", post(end_session))
        .route("/account/end-others", post(end_others))
}

async fn show(State(app): State<App>, user: SignedIn, headers: HeaderMap) -> Answer<Markup> {
    let id = user.0.id;
    let (sessions, on, left) = app
        .read(move |tx| {
            Ok((users::sessions_of(tx, id)?, two_factor::is_on(tx, id)?, two_factor::recovery_codes_left(tx, id)?))
        })
        .await?;
    let own = session::token(&headers).unwrap_or_default();
    let content = html! {
        h1 { "My account" }
        div.columns {
            section {
                h2 { "Name and address" }
                form.stack method="post" action="/account" {
                    label { "Name" input name="name" required maxlength="255" value=(user.0.name) autocomplete="name"; }
                    label { "E-mail, to sign in with" input name="email" type="email" required value=(user.0.email) autocomplete="username"; }
                    label { "Your password, to be sure" input name="password" type="password" required autocomplete="current-password"; }
                    button { "Save" }
                }
                h2 { "Password" }
                form.stack method="post" action="/account/password" {
                    input.hidden type="email" value=(user.0.email) autocomplete="username" tabindex="-1" aria-hidden="true";
                    label { "The present one" input name="password" type="password" required autocomplete="current-password"; }
                    label { "The new one" input name="new" type="password" required minlength="10" autocomplete="new-password"; small { "10 characters or more; all other sessions end" } }
                    button { "Change the password" }
                }
            }
            section {
                h2 { "Two-factor sign-in" }
                @if on {
                    p { span.badge.good { "● on" } " " (left) " recovery codes are left." }
                    form.stack method="post" action="/account/two-factor/off" {
                        label { "Your password" input name="password" type="password" required autocomplete="current-password"; }
                        button.danger data-confirm="Sign in without a second factor from now on?" { "Switch it off" }
                    }
                } @else {
                    p { span.badge.dim { "○ off" } " Besides the password, a code from an app on your telephone is asked for." }
                    p { a.button.primary href="/account/two-factor" { "Set it up" } }
                }
                h2 { "Where you are signed in" }
                (session_table(&sessions, &own, "/account/sessions"))
                @if sessions.len() > 1 { form.bar method="post" action="/account/end-others" { button { "Sign out everywhere else" } } }
            }
        }
    };
    ui::page(&app, &user.0, "/account", "My account", content).await
}

/// A user's sessions; `own` is the token of the one that asks, `base` the address below which each is ended.
pub fn session_table(sessions: &[users::Session], own: &str, base: &str) -> Markup {
    html! {
        table.plain-table {
            thead { tr { th { "Last used" } th { "Since" } th { "From" } th { "Browser" } th { } } }
            tbody { @for one in sessions { tr {
                td { (ui::moment(one.seen_at)) }
                td { (ui::moment(one.created_at)) }
                td { (one.address) }
                td { (browser(&one.agent)) }
                td {
                    @if users::is_session(one, own) { span.badge.good { "● this one" } }
                    @else { form method="post" action={(base) "/" (users::session_key(one)) "/end"} { button.quiet { "End" } } }
                }
            } } }
        }
    }
}

/// The telling part of what a browser calls itself.
fn browser(agent: &str) -> String {
    let name = ["Edg", "Firefox", "Chrome", "Safari"].into_iter().find(|name| agent.contains(name));
    let system =
        ["Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux"].into_iter().find(|name| agent.contains(name));
    match (name, system) {
        (Some(name), Some(system)) => format!("{} on {system}", if name == "Edg" { "Edge" } else { name }),
        _ => agent.chars().take(60).collect(),
    }
}

/// Refuses whoever can't give the account's own password.
async fn prove(user: &User, password: &str) -> Result<(), Error> {
    let (hash, password) = (user.password_hash.clone(), password.to_owned());
    let right = blocking(move || Ok(users::verify_password(&hash, &password))).await?;
    if right { Ok(()) } else { Err(Error::invalid("password", "is not your password")) }
}

async fn rename(State(app): State<App>, user: SignedIn, fields: Fields) -> Answer<Redirect> {
    prove(&user.0, fields.get("password")).await?;
    let (id, name, email) = (user.0.id, fields.get("name").to_owned(), fields.get("email").to_owned());
    app.write(Actor::User(id), move |tx, ctx| users::rename(tx, ctx, id, &name, &email)).await?;
    Ok(Redirect::to("/account"))
}

async fn set_password(State(app): State<App>, user: SignedIn, headers: HeaderMap, fields: Fields) -> Answer<Redirect> {
    prove(&user.0, fields.get("password")).await?;
    let (id, new, own) = (user.0.id, fields.get("new").to_owned(), session::token(&headers));
    let hash = blocking(move || users::hash_password(&new)).await?;
    app.write(Actor::User(id), move |tx, ctx| users::set_password(tx, ctx, id, &hash, own.as_deref())).await?;
    Ok(Redirect::to("/account"))
}

async fn two_factor_page(State(app): State<App>, user: SignedIn) -> Answer<Markup> {
    enrol(&app, &user, None).await
}

async fn enrol(app: &App, SignedIn(user, must): &SignedIn, error: Option<&str>) -> Answer<Markup> {
    let (id, keys) = (user.id, app.keys.clone());
    let enrolment = app.write(Actor::User(id), move |tx, ctx| two_factor::begin(tx, ctx, &keys, id)).await?;
    let content = html! {
        p { a href="/account" { "← My account" } }
        h1 { "Set up two-factor sign-in" }
        @if *must { p.note { "Your role must have it: set it up to go on." } }
        @if let Some(error) = error { p.problem role="alert" { (error) } }
        ol {
            li { "Open an authenticator app on your telephone: Aegis, FreeOTP, Google Authenticator, 1Password …" }
            li { "Let it scan this picture, or type the secret: " code { (enrolment.secret) } (picture(&enrolment)) }
            li { "Type the six digits that it shows:"
                form.bar method="post" action="/account/two-factor" {
                    label { "Code " input name="code" inputmode="numeric" required autofocus autocomplete="one-time-code" maxlength="7" size="8"; }
                    button.primary { "Switch it on" }
                }
            }
        }
    };
    ui::page(app, user, "/account", "Two-factor sign-in", content).await
}

fn picture(enrolment: &Enrolment) -> Markup {
    match QrCode::new(enrolment.url.as_bytes()) {
        Ok(code) => {
            let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).build();
            // Without the XML head, which has no place inside a page.
            let svg = drawn.find("<svg").map_or("", |at| &drawn[at..]);
            html! { div.qr role="img" aria-label="The secret as a QR code" { (PreEscaped(svg)) } }
        }
        Err(_) => html! {},
    }
}

async fn confirm(State(app): State<App>, user: SignedIn, fields: Fields) -> Answer<Markup> {
    let (id, keys, code) = (user.0.id, app.keys.clone(), fields.get("code").to_owned());
    let codes = app.write(Actor::User(id), move |tx, ctx| two_factor::confirm(tx, ctx, &keys, id, &code)).await;
    let codes = match codes {
        Err(Error::Invalid(errors)) => {
            let text = errors.of_field("code").unwrap_or("is not right").to_owned();
            return enrol(&app, &user, Some(&format!("The code {text}."))).await;
        }
        other => other?,
    };
    let content = html! {
        h1 { "Two-factor sign-in is on" }
        p { "Keep these recovery codes where you keep things that must not be lost. Each works once, in place of a code, when your telephone is away. They are not shown again." }
        ul.codes { @for code in &codes { li { code { (code) } } } }
        p { a.button.primary href="/orders" { "I have kept them" } }
    };
    ui::page(&app, &user.0, "/account", "Two-factor sign-in", content).await
}

async fn switch_off(State(app): State<App>, user: SignedIn, fields: Fields) -> Answer<Redirect> {
    prove(&user.0, fields.get("password")).await?;
    let id = user.0.id;
    app.write(Actor::User(id), move |tx, ctx| two_factor::switch_off(tx, ctx, id)).await?;
    Ok(Redirect::to("/account"))
}

async fn end_session(State(app): State<App>, user: SignedIn, Path(key): Path<String>) -> Answer<Redirect> {
    let id = user.0.id;
    app.write(Actor::User(id), move |tx, ctx| users::end_session_of(tx, ctx, id, &key)).await?;
    Ok(Redirect::to("/account"))
}

async fn end_others(State(app): State<App>, user: SignedIn, headers: HeaderMap) -> Answer<Redirect> {
    let (id, own) = (user.0.id, session::token(&headers));
    app.write(Actor::User(id), move |tx, ctx| users::end_other_sessions(tx, ctx, id, own.as_deref())).await?;
    Ok(Redirect::to("/account"))
}
