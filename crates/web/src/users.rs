//! Users: the list, making and editing them.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::Error;
use consign_oms::users::{self, Role, UserEdit, UserForm};
use consign_values::UserId;
use maud::{Markup, html};

use crate::access::ManageUsers;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, blocking, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/users", get(list).post(create)).route("/users/{id}", post(edit))
}

fn role_select(chosen: Role) -> Markup {
    html! { label { "Role " select name="role" { @for role in Role::ALL { option value=(role) selected[*role == chosen] { (role) } } } } }
}

async fn list(State(app): State<App>, user: ManageUsers) -> Answer<Markup> {
    let all = app.read(users::list).await?;
    let content = html! {
        h1 { "Users" }
        p { a href="/users/tokens" { "Tokens for programs" } }
        p { "An " strong { "owner" } " may do everything; a " strong { "manager" } " everything but users and settings; the " strong { "desk" } " works orders and stock; a " strong { "viewer" } " looks." }
        @for one in &all {
            form.bar method="post" action={"/users/" (one.id)} {
                strong { (one.email) }
                label { "Name " input name="name" value=(one.name) required maxlength="255"; }
                (role_select(one.role))
                label { input type="checkbox" name="active" value="1" checked[one.active]; " active" }
                label { "New password " input name="password" type="password" minlength="10" autocomplete="new-password"; }
                button { "Save" }
                @if let Some(at) = one.signed_in_at { span.dim { "signed in " (ui::moment(at)) } }
            }
        }
        h2 { "New user" }
        form.bar method="post" action="/users" {
            label { "E-mail " input name="email" type="email" required; }
            label { "Name " input name="name" required maxlength="255"; }
            (role_select(Role::Desk))
            label { "Password " input name="password" type="password" required minlength="10" autocomplete="new-password"; }
            button.primary { "Add" }
        }
    };
    ui::page(&app, &user.0, "/users", "Users", content).await
}

fn role(fields: &Fields) -> Result<Role, Error> {
    Role::parse(fields.get("role")).ok_or_else(|| Error::invalid("role", "must be owner, manager, desk or viewer"))
}

async fn hash(password: String) -> Result<String, Error> {
    blocking(move || users::hash_password(&password)).await
}

async fn create(State(app): State<App>, user: ManageUsers, fields: Fields) -> Answer<Redirect> {
    let form = UserForm {
        email: fields.get("email").to_owned(),
        name: fields.get("name").to_owned(),
        role: role(&fields)?,
        password_hash: hash(fields.get("password").to_owned()).await?,
    };
    app.write(user.actor(), move |tx, ctx| users::create(tx, ctx, &form)).await?;
    Ok(Redirect::to("/users"))
}

async fn edit(State(app): State<App>, user: ManageUsers, Path(id): Path<i64>, fields: Fields) -> Answer<Redirect> {
    let password_hash = match fields.get("password") {
        "" => None,
        password => Some(hash(password.to_owned()).await?),
    };
    let (name, active) = (fields.get("name").to_owned(), fields.ticked("active"));
    let change = UserEdit { name, role: role(&fields)?, active, password_hash };
    app.write(user.actor(), move |tx, ctx| users::edit(tx, ctx, UserId(id), &change)).await?;
    Ok(Redirect::to("/users"))
}
