//! Tokens of programs: made, shown once, revoked.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Redirect;
use axum::routing::{get, post};
use consign_oms::tokens::{self, ApiToken, TokenForm};
use consign_oms::users::{self, Permission, User};
use consign_values::{Timestamp, TokenId, UserId};
use maud::{Markup, html};

use crate::access::ManageUsers;
use crate::fields::Fields;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/users/tokens", get(list).post(make)).route("/users/tokens/{id}/revoke", post(revoke))
}

/// What each permission lets a program do, in words.
fn label(permission: Permission) -> &'static str {
    match permission {
        Permission::View => "see everything but users and credentials",
        Permission::WorkOrders => "move, hold, process, note and cancel orders",
        Permission::DeleteOrders => "delete orders",
        Permission::EditStock => "set and adjust stock",
        Permission::EditItems => "make and edit items",
        Permission::ManageLocations => "make, edit and delete locations",
        Permission::ManageChannels => "set and switch channels",
        Permission::ManageRules => "make and publish rules",
        Permission::ManageUsers => "make and edit users",
        Permission::ManageSettings => "system settings and webhooks",
    }
}

async fn list(State(app): State<App>, user: ManageUsers) -> Answer<Markup> {
    page(&app, &user.0, None).await
}

async fn page(app: &App, user: &User, fresh: Option<&str>) -> Answer<Markup> {
    let (all, people) = app.read(|tx| Ok((tokens::list(tx)?, users::list(tx)?))).await?;
    let now = app.clock.now();
    let content = html! {
        p { a href="/users" { "← Users" } }
        h1 { "Tokens for programs" }
        p { "A program sends its token with each call of the " a href="/help/api" { "JSON interface" } ". A token may do what its scopes say, and never more than its user. " a href="/help/api-reference" { "All calls" } "." }
        @if let Some(secret) = fresh {
            section.card role="status" {
                h2 { "The new token" }
                p { strong { "Copy it now: it is shown this once and kept nowhere." } }
                p { label { "Token" input #token readonly value=(secret) size="60" autofocus; } }
            }
        }
        h2 { "New token" }
        form.stack method="post" action="/users/tokens" {
            div.pair {
                label { "What it is for" input name="name" required maxlength="255" placeholder="Warehouse screen"; }
                label { "Acts with the rights of" select name="user" { @for one in people.iter().filter(|one| one.active) { option value=(one.id) selected[one.id == user.id] { (one.name) " (" (one.role) ")" } } } }
                label { "Ends after, days (empty: never)" input name="days" type="number" min="1" max="3650" value="365"; }
                label { "Calls a minute" input name="calls_per_minute" type="number" min="1" max="1000000" value="600" required; }
            }
            fieldset { legend { "It may" }
                @for permission in Permission::ALL { label { span { input type="checkbox" name="scope" value=(permission) checked[*permission == Permission::View]; " " (label(*permission)) " " span.dim { (permission) } } } }
            }
            button.primary { "Make the token" }
        }
        h2 { "Tokens" }
        @if all.is_empty() { p.empty { "None yet. Make one above for each program, so that each can be revoked by itself." } }
        @else {
            table.grid {
                thead { tr { th { "Token" } th { "Of" } th { "May" } th.num { "Calls a minute" } th { "Made" } th { "Last used" } th { "State" } th { "" } } }
                tbody { @for token in &all { (row(token, &people, now)) } }
            }
        }
    };
    ui::page(app, user, "/users", "Tokens", content).await
}

fn row(token: &ApiToken, people: &[User], now: Timestamp) -> Markup {
    let whose = people.iter().find(|user| user.id == token.user_id);
    html! { tr {
        td { (token.name) br; small { "token " (token.id) ": " (token.beginning) "…" } }
        td { @if let Some(user) = whose { (user.name) " " @if !user.active { span.badge.bad { "✕ may not sign in" } } } }
        td { (token.scopes.replace(' ', ", ")) }
        td.num { (token.calls_per_minute) }
        td { (ui::moment(token.created_at)) }
        td { @if let Some(at) = token.used_at { (ui::moment(at)) } @else { span.dim { "never" } } }
        td {
            @if let Some(at) = token.revoked_at { span.badge.dim { "✕ revoked" } " " (ui::moment(at)) }
            @else if !token.lives(now) { span.badge.dim { "○ expired" } }
            @else { span.badge.good { "● lives" } @if let Some(at) = token.expires_at { " until " (ui::moment(at)) } }
        }
        td { @if token.lives(now) { form.inline method="post" action={"/users/tokens/" (token.id) "/revoke"} {
            button.danger data-confirm={"Revoke the token " (token.name) "? The program that uses it is locked out at once."} { "Revoke" }
        } } }
    } }
}

async fn make(State(app): State<App>, user: ManageUsers, fields: Fields) -> Answer<Markup> {
    let days = fields.maybe_int("days")?.map(|days| days.clamp(0, 36_500));
    let form = TokenForm {
        user: UserId(fields.int("user")?),
        name: fields.get("name").to_owned(),
        scopes: fields.all("scope").filter_map(Permission::parse).collect(),
        expires_at: days.map(|days| app.clock.now().plus_seconds(days * 86_400)),
        calls_per_minute: fields.int("calls_per_minute")?,
    };
    let (_, secret) = app.write(user.actor(), move |tx, ctx| tokens::make(tx, ctx, &form)).await?;
    page(&app, &user.0, Some(&secret)).await
}

async fn revoke(State(app): State<App>, user: ManageUsers, Path(id): Path<i64>) -> Answer<Redirect> {
    app.write(user.actor(), move |tx, ctx| tokens::revoke(tx, ctx, TokenId(id))).await?;
    Ok(Redirect::to("/users/tokens"))
}
