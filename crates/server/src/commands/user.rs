//! `consign user`: accounts from the command line.

use std::io::{BufRead as _, IsTerminal as _};

use clap::Subcommand;
use consign_oms::tokens::{self, TokenForm};
use consign_oms::users::{self, Permission, Role, UserEdit, UserForm, two_factor};
use consign_oms::{Actor, Ctx, Error};

use super::Done;
use crate::config::Config;
use crate::site;

/// What to do.
#[derive(Subcommand)]
pub enum UserCommand {
    /// List all users
    List,
    /// Make a user; the password is read from standard input
    Add {
        /// E-mail address, used to sign in
        email: String,
        /// Name
        #[arg(long)]
        name: String,
        /// owner, manager, desk or viewer
        #[arg(long, default_value = "desk")]
        role: String,
    },
    /// Set a new password, read from standard input; ends all sessions of the user
    Password {
        /// E-mail address
        email: String,
    },
    /// Make a token for a program that acts with the user's rights, and print it: it is shown this once
    Token {
        /// E-mail address
        email: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do: view, work_orders, delete_orders, edit_stock, edit_items, manage_locations, manage_channels,
        /// manage_users, manage_settings
        #[arg(long, value_delimiter = ',', default_value = "view")]
        scopes: Vec<String>,
        /// Days until it expires; without it, never
        #[arg(long)]
        days: Option<i64>,
        /// Calls that it may make in a minute
        #[arg(long, default_value_t = 600)]
        calls_per_minute: i64,
    },
    /// Let a user who has lost the second factor sign in without it
    TwoFactorOff {
        /// E-mail address
        email: String,
    },
    /// Print a sign-in link that works once, within an hour
    Link {
        /// E-mail address
        email: String,
    },
}

impl UserCommand {
    pub fn run(self, config: &Config) -> Done {
        let site = site::open(config)?;
        let ctx = Ctx::new(&*site.clock, Actor::CommandLine);
        let done: Result<(), Error> = match self {
            UserCommand::List => site.db.read(users::list).map(|list| {
                for user in list {
                    println!(
                        "{:<4} {:<32} {:<8} {}{}",
                        user.id,
                        user.email,
                        user.role,
                        user.name,
                        if user.active { "" } else { " (inactive)" }
                    );
                }
            }),
            UserCommand::Add { email, name, role } => {
                let role = Role::parse(&role).ok_or("the role must be owner, manager, desk or viewer")?;
                let password_hash = users::hash_password(&read_password()?).map_err(|e| e.to_string())?;
                let form = UserForm { email, name, role, password_hash };
                site.db.write(|tx| users::create(tx, &ctx, &form)).map(|id| println!("user {id} made"))
            }
            UserCommand::Password { email } => {
                let hash = users::hash_password(&read_password()?).map_err(|e| e.to_string())?;
                site.db.write(|tx| {
                    let user = users::find_by_email(tx, &email)?.ok_or(Error::NotFound("user"))?;
                    let (name, password_hash) = (user.name.clone(), Some(hash.clone()));
                    users::edit(
                        tx,
                        &ctx,
                        user.id,
                        &UserEdit { name, role: user.role, active: user.active, password_hash },
                    )
                })
            }
            UserCommand::Token { email, name, scopes, days, calls_per_minute } => {
                let read = |text: &String| Permission::parse(text).ok_or(format!("there is no scope {text}"));
                let scopes = scopes.iter().map(read).collect::<Result<Vec<_>, _>>()?;
                let expires_at = days.map(|days| ctx.now().plus_seconds(days.saturating_mul(86_400)));
                site.db
                    .write(|tx| {
                        let user = users::find_by_email(tx, &email)?.ok_or(Error::NotFound("user"))?.id;
                        let (name, scopes) = (name.clone(), scopes.clone());
                        tokens::make(tx, &ctx, &TokenForm { user, name, scopes, expires_at, calls_per_minute })
                    })
                    .map(|(_, secret)| println!("{secret}"))
            }
            UserCommand::TwoFactorOff { email } => site.db.write(|tx| {
                let user = users::find_by_email(tx, &email)?.ok_or(Error::NotFound("user"))?;
                two_factor::switch_off(tx, &ctx, user.id)
            }),
            UserCommand::Link { email } => site
                .db
                .write(|tx| {
                    let user = users::find_by_email(tx, &email)?.ok_or(Error::NotFound("user"))?;
                    users::issue_token(tx, Some(user.id), ctx.now().plus_seconds(3_600))
                })
                .map(|token| {
                    println!("{}/sign-in/{token}", config.base_url());
                }),
        };
        done.map_err(|error| error.to_string())
    }
}

fn read_password() -> Result<String, String> {
    if std::io::stdin().is_terminal() {
        eprintln!("Password (10 characters or more), then Enter:");
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|error| error.to_string())?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
