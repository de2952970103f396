//! The way back in for somebody who has forgotten the password: a link by mail, or a hint where there is no mail.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use consign_oms::{Actor, Error, users};
use maud::{Markup, html};

use crate::access::Client;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, blocking, ui};

pub async fn forgotten(State(app): State<App>) -> Markup {
    ui::plain(
        "Forgotten",
        html! {
            h1 { "Forgotten the password?" }
            @if app.mail_from.is_some() {
                p { "A link for a new one is sent to your address." }
                form.stack method="post" action="/forgotten" {
                    label { "E-mail" input name="email" type="email" required autofocus autocomplete="username"; }
                    button.primary { "Send the link" }
                }
            } @else {
                p { "This Consign sends no mail. Ask an owner, who can give you a new password under Users; or, on the machine where it runs:" }
                pre { "consign user password you@example.com" }
            }
            p { a href="/sign-in" { "Back to signing in" } }
        },
    )
}

/// The answer is the same whether there is such a user or not.
pub async fn ask(State(app): State<App>, Client(address): Client, fields: Fields) -> Answer<Markup> {
    let Some(base) = app.mail_from.clone() else { return Err(Error::NotFound("mail server").into()) };
    let (email, keys) = (fields.get("email").to_owned(), app.keys.clone());
    app.write(Actor::System, move |tx, ctx| {
        let subject = format!("reset {email}");
        users::check_throttle(tx, ctx, &subject, &address)?;
        users::failed(tx, ctx, &subject, &address)?;
        users::ask_for_reset(tx, ctx, &keys, &email, &base)
    })
    .await?;
    Ok(ui::plain(
        "Forgotten",
        html! {
            h1 { "Look into your mail" }
            p { "If there is an account with that address, a link is on its way. It works for an hour." }
            p { a href="/sign-in" { "Back to signing in" } }
        },
    ))
}

fn form(token: &str, error: Option<&str>) -> Markup {
    ui::plain(
        "New password",
        html! {
            h1 { "A new password" }
            @if let Some(error) = error { p.problem role="alert" { (error) } }
            form.stack method="post" action={"/reset/" (token)} {
                label { "New password" input name="password" type="password" required minlength="10" autofocus autocomplete="new-password"; small { "10 characters or more" } }
                button.primary { "Set it" }
            }
        },
    )
}

fn over() -> Response {
    let page = ui::plain(
        "New password",
        html! {
            h1 { "Too late" }
            p.problem role="alert" { "This link has been used or is too old." }
            p { a href="/forgotten" { "Ask for another" } }
        },
    );
    (StatusCode::GONE, page).into_response()
}

pub async fn reset_page(State(app): State<App>, Path(token): Path<String>) -> Answer<Response> {
    let (asked, clock) = (token.clone(), app.clock.clone());
    let lives =
        app.read(move |tx| users::reset_lives(tx, &consign_oms::Ctx::new(&*clock, Actor::System), &asked)).await?;
    Ok(if lives { form(&token, None).into_response() } else { over() })
}

pub async fn reset(State(app): State<App>, Path(token): Path<String>, fields: Fields) -> Answer<Response> {
    let password = fields.get("password").to_owned();
    let hash = match blocking(move || users::hash_password(&password)).await {
        Err(Error::Invalid(errors)) => {
            let text = format!("The password {}.", errors.of_field("password").unwrap_or("can't be used"));
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&token, Some(&text))).into_response());
        }
        other => other?,
    };
    let keys = app.keys.clone();
    match app.write(Actor::System, move |tx, ctx| users::reset(tx, ctx, &keys, &token, &hash)).await? {
        Some(_) => Ok(ui::plain(
            "New password",
            html! {
                h1 { "Done" }
                p { "Your new password is set, and all your sessions have ended." }
                p { a.button.primary href="/sign-in" { "Sign in" } }
            },
        )
        .into_response()),
        None => Ok(over()),
    }
}
