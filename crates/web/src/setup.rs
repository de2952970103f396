//! The first start: the code that the server printed makes the first owner.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use consign_oms::locations::{self, LocationForm};
use consign_oms::users::{self, Role, UserForm};
use consign_oms::{Actor, Error};
use maud::{Markup, html};

use crate::access::Client;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, blocking, session, ui};

pub async fn page(State(app): State<App>) -> Answer<Response> {
    if app.read(users::any).await? {
        return Ok(Redirect::to("/sign-in").into_response());
    }
    Ok(form(&Fields::default(), None).into_response())
}

fn form(fields: &Fields, error: Option<&str>) -> Markup {
    ui::plain(
        "Set up",
        html! {
            h1 { "Set up Consign" }
            p { "The server printed a set-up code when it started. It makes you the owner." }
            @if let Some(error) = error { p.problem role="alert" { (error) } }
            form.stack method="post" action="/set-up" {
                label { "Set-up code" input name="code" value=(fields.get("code")) required autofocus autocomplete="off"; }
                label { "Your name" input name="name" value=(fields.get("name")) required maxlength="255" autocomplete="name"; }
                label { "E-mail" input name="email" type="email" value=(fields.get("email")) required autocomplete="username"; }
                label { "Password" input name="password" type="password" required minlength="10" autocomplete="new-password"; small { "10 characters or more" } }
                button.primary { "Begin" }
            }
        },
    )
}

pub async fn set_up(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    fields: Fields,
) -> Answer<Response> {
    let password = fields.get("password").to_owned();
    let made = match blocking(move || users::hash_password(&password)).await {
        Err(error) => Err(error),
        Ok(password_hash) => {
            let (email, name) = (fields.get("email").to_owned(), fields.get("name").to_owned());
            let form = UserForm { email, name, role: Role::Owner, password_hash };
            let code = fields.get("code").to_owned();
            app.write(Actor::System, move |tx, ctx| {
                let owner = users::set_up(tx, ctx, &code, &form)?;
                if locations::list(tx)?.is_empty() {
                    let first =
                        LocationForm { name: "Default".to_owned(), allow_negative: false, ..Default::default() };
                    locations::create(tx, ctx, &first)?;
                }
                Ok(owner)
            })
            .await
        }
    };
    match made {
        Ok(user) => session::enter(&app, user, &headers, &address).await,
        Err(Error::Invalid(errors)) => {
            Ok((StatusCode::UNPROCESSABLE_ENTITY, form(&fields, Some(&errors.to_string()))).into_response())
        }
        Err(error) => Err(error.into()),
    }
}
