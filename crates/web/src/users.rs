//! Users: the list, making and editing them.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::mails::{self, MailState};
use consign_oms::users::{self, Permission, Role, UserEdit, UserForm, two_factor};
use consign_oms::{Error, history};
use consign_values::UserId;
use maud::{Markup, html};

use crate::access::ManageUsers;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, account, blocking, session, ui};

pub fn routes() -> Router<App> {
    Router::new()
        .route("/users", get(list).post(create))
        .route("/users/roles", get(roles).post(require))
        .route("/users/{id}", get(show).post(edit))
        .route("/users/{id}/two-factor-off", post(two_factor_off))
        .route("/users/{id}/sessions/{key}/end", post(end_session))
        .route("/users/{id}/invite", post(invite))
}

fn role_select(chosen: Role) -> Markup {
    html! { label { "Role " select name="role" { @for role in Role::ALL { option value=(role) selected[*role == chosen] { (role) } } } } }
}

async fn list(State(app): State<App>, user: ManageUsers) -> Answer<Markup> {
    let (all, with, trouble) =
        app.read(|tx| Ok((users::list(tx)?, two_factor::users_with(tx)?, mails::in_trouble(tx)?))).await?;
    let content = html! {
        h1 { "Users" }
        p { a href="/users/roles" { "What each role may do" } " · " a href="/users/tokens" { "Tokens for programs" } " · " a href="/audit?noun=user" { "What was done to accounts" } }
        table.grid {
            thead { tr { th { "Name" } th { "E-mail" } th { "Role" } th { "State" } th { "Second factor" } th { "Signed in" } } }
            tbody { @for one in &all { tr {
                td { a href={"/users/" (one.id)} { (one.name) } }
                td { (one.email) }
                td { (one.role) }
                td { @if one.active { span.badge.good { "● active" } } @else { span.badge.dim { "○ may not sign in" } } }
                td { @if with.contains(&one.id) { span.badge.good { "● on" } } @else { span.badge.dim { "○ off" } } }
                td { @if let Some(at) = one.signed_in_at { (ui::moment(at)) } @else { span.dim { "never" } } }
            } } }
        }
        @if !trouble.is_empty() {
            h2 { "Mails that could not be sent" }
            table.grid { thead { tr { th { "To" } th { "Subject" } th { "Why" } th { "Next try" } } } tbody { @for mail in &trouble { tr {
                td { (mail.recipient) } td { (mail.subject) } td { (mail.last_error) }
                td { @if mail.state == MailState::Queued { (ui::moment(mail.next_at)) } @else { span.badge.bad { "✕ given up" } } }
            } } } }
        }
        h2 { "New user" }
        form.bar method="post" action="/users" {
            label { "E-mail " input name="email" type="email" required; }
            label { "Name " input name="name" required maxlength="255"; }
            (role_select(Role::Desk))
            label { "Password " input name="password" type="password" required[app.mail_from.is_none()] minlength="10" autocomplete="new-password"; }
            button.primary { "Add" }
            @if app.mail_from.is_some() { span.dim { "Without a password a link to set one is mailed." } }
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
    let invited = app.mail_from.clone().filter(|_| fields.get("password").is_empty());
    let password_hash = match &invited {
        // No password fits until one is set by the mailed link.
        Some(_) => String::new(),
        None => hash(fields.get("password").to_owned()).await?,
    };
    let (email, name) = (fields.get("email").to_owned(), fields.get("name").to_owned());
    let (form, keys) = (UserForm { email, name, role: role(&fields)?, password_hash }, app.keys.clone());
    app.write(user.actor(), move |tx, ctx| {
        let id = users::create(tx, ctx, &form)?;
        match &invited {
            Some(base) => users::invite(tx, ctx, &keys, id, base),
            None => Ok(()),
        }
    })
    .await?;
    Ok(Redirect::to("/users"))
}

async fn show(State(app): State<App>, user: ManageUsers, Path(id): Path<i64>, headers: HeaderMap) -> Answer<Markup> {
    let id = UserId(id);
    let (one, sessions, on, log) = app
        .read(move |tx| {
            let log = history::list(tx, "user", id.0)?;
            Ok((users::get(tx, id)?, users::sessions_of(tx, id)?, two_factor::is_on(tx, id)?, log))
        })
        .await?;
    let own = session::token(&headers).unwrap_or_default();
    let content = html! {
        p { a href="/users" { "← Users" } }
        h1 { (one.name) " " small.dim { (one.email) } }
        div.columns {
            section {
                form.stack method="post" action={"/users/" (id)} {
                    label { "Name" input name="name" value=(one.name) required maxlength="255"; }
                    (role_select(one.role))
                    label { input type="checkbox" name="active" value="1" checked[one.active]; " may sign in" }
                    label { "New password; all sessions end" input name="password" type="password" minlength="10" autocomplete="new-password" placeholder="kept if left empty"; }
                    button.primary data-key="S" { "Save (S)" }
                }
                @if app.mail_from.is_some() && one.active { form.bar method="post" action={"/users/" (id) "/invite"} { button { "Mail a link to set a password" } } }
                h2 { "Two-factor sign-in" }
                @if on { form.bar method="post" action={"/users/" (id) "/two-factor-off"} { span.badge.good { "● on" } button.danger data-confirm="Let this user sign in without a second factor? Do it only for somebody who has lost it." { "Switch it off" } } }
                @else { p { span.badge.dim { "○ off" } } }
            }
            section {
                h2 { "Where they are signed in" }
                @if sessions.is_empty() { p.dim { "Nowhere." } } @else { (account::session_table(&sessions, &own, &format!("/users/{id}/sessions"))) }
                h2 { "History" }
                table.plain-table { tbody { @for entry in log.iter().take(50) { tr { td { (ui::moment(entry.at)) } td { strong { (entry.kind) } " " (entry.detail) } } } } }
            }
        }
    };
    ui::page(&app, &user.0, "/users", &one.name, content).await
}

async fn two_factor_off(State(app): State<App>, user: ManageUsers, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| two_factor::switch_off(tx, ctx, UserId(id))).await?;
    Ok(Redirect::to(&format!("/users/{id}")))
}

async fn end_session(
    State(app): State<App>,
    user: ManageUsers,
    Path((id, key)): Path<(i64, String)>,
) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| users::end_session_of(tx, ctx, UserId(id), &key)).await?;
    Ok(Redirect::to(&format!("/users/{id}")))
}

async fn invite(State(app): State<App>, user: ManageUsers, Path(id): Path<i64>) -> Answer<Redirect> {
    let Some(base) = app.mail_from.clone() else { return Err(Error::NotFound("mail server").into()) };
    let keys = app.keys.clone();
    app.write(user.actor(), move |tx, ctx| users::invite(tx, ctx, &keys, UserId(id), &base)).await?;
    Ok(Redirect::to(&format!("/users/{id}")))
}

async fn roles(State(app): State<App>, user: ManageUsers) -> Answer<Markup> {
    let required = app.read(two_factor::required_roles).await?;
    let content = html! {
        p { a href="/users" { "← Users" } }
        h1 { "What each role may do" }
        form method="post" action="/users/roles" {
            table.grid {
                thead { tr { th { "Right" } @for role in Role::ALL { th { (role) } } } }
                tbody {
                    @for permission in Permission::ALL { tr {
                        th scope="row" { (permission.label()) " " small.dim { (permission) } }
                        @for role in Role::ALL { td { @if role.may(*permission) { span.good { "✓ yes" } } @else { span.dim { "– no" } } } }
                    } }
                    tr {
                        th scope="row" { "Must sign in with two factors" }
                        @for role in Role::ALL { td { label { input type="checkbox" name="role" value=(role) checked[required.contains(role)]; " required" } } }
                    }
                }
            }
            p.dim { "Whoever lacks a second factor sets it up right after signing in, before anything else. Tokens of programs have the same names for their scopes." }
            button.primary data-key="S" { "Save (S)" }
        }
    };
    ui::page(&app, &user.0, "/users", "Roles", content).await
}

async fn require(State(app): State<App>, user: ManageUsers, fields: Fields) -> Answer<Redirect> {
    let roles: Vec<Role> = fields.all("role").filter_map(Role::parse).collect();
    app.write(user.actor(), move |tx, ctx| two_factor::require(tx, ctx, &roles)).await?;
    Ok(Redirect::to("/users/roles"))
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
