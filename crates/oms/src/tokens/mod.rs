//! Tokens of programs that use the JSON interface, and the answers kept for requests that are repeated.
//!
//! A token belongs to a user and never may more than that user: its scopes and the user's role must both allow what is
//! asked. Only a digest of its secret is kept. Rate limits are the interface's business (`web`), as they need no database.

mod answers;
mod store;

pub use answers::{KEPT_SECONDS, Kept, Stored, begin, keep};

use consign_db::{Tx, row};
use consign_values::{FieldErrors, Name, Timestamp, TokenId, UserId};

use crate::users::{self, Permission, User};
use crate::{Ctx, Error, Result, history};

row! {
    /// A token.
    #[derive(Clone)]
    pub struct ApiToken in "api_token" {
        /// Its id.
        pub id: TokenId,
        /// Whose rights bound its own.
        pub user_id: UserId,
        /// What it is for.
        pub name: String,
        /// SHA-256 of its secret.
        pub digest: Vec<u8>,
        /// The secret's first characters.
        pub beginning: String,
        /// Codes of [`Permission`], apart by spaces.
        pub scopes: String,
        /// Calls that it may make in a minute.
        pub calls_per_minute: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// From then on it is refused.
        pub expires_at: Option<Timestamp>,
        /// When it was last used, to the minute.
        pub used_at: Option<Timestamp>,
        /// When it was revoked.
        pub revoked_at: Option<Timestamp>,
    }
}

impl ApiToken {
    /// What it is limited to.
    pub fn scopes(&self) -> impl Iterator<Item = Permission> + '_ {
        self.scopes.split(' ').filter_map(Permission::parse)
    }

    /// Neither revoked nor expired.
    pub fn lives(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}

/// What a person says of a new token.
#[derive(Clone, Debug)]
pub struct TokenForm {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// Until when; none means until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// 1 to 1,000,000.
    pub calls_per_minute: i64,
}

/// Who calls: a living token and its active user.
#[derive(Clone)]
pub struct Caller {
    /// The token.
    pub token: ApiToken,
    /// Its user.
    pub user: User,
}

impl Caller {
    /// Whether both the token's scopes and the user's role allow it.
    pub fn may(&self, permission: Permission) -> bool {
        self.token.scopes().any(|scope| scope == permission) && self.user.role.may(permission)
    }
}

/// What a secret begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "consign_";
/// Characters of the secret that are kept to recognise it by.
const SHOWN: usize = 14;
/// A user has no more tokens than this.
const TOKENS_MAX: usize = 100;

/// Makes a token. Gives its id and its secret, which is kept nowhere.
pub fn make(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &TokenForm) -> Result<(TokenId, String)> {
    let user = users::get(tx, form.user)?;
    let mut errors = FieldErrors::new();
    let name = errors.check("name", Name::parse(&form.name));
    if form.scopes.is_empty() {
        errors.add("scopes", "must name at least one");
    }
    if !(1..=1_000_000).contains(&form.calls_per_minute) {
        errors.add("calls_per_minute", "must be between 1 and 1,000,000");
    }
    if form.expires_at.is_some_and(|at| at <= ctx.now()) {
        errors.add("expires_at", "must lie in the future");
    }
    if store::list_of(tx, user.id)?.iter().filter(|token| token.lives(ctx.now())).count() >= TOKENS_MAX {
        errors.add("name", "can't be given: the user has 100 living tokens; revoke one first");
    }
    errors.into_result()?;
    let mut scopes = form.scopes.clone();
    scopes.sort_unstable();
    scopes.dedup();
    let scopes: Vec<&str> = scopes.into_iter().map(Permission::as_str).collect();
    let secret = format!("{PREFIX}{}", users::random_token()?);
    let token = ApiToken {
        id: TokenId(tx.next_id("token")?),
        user_id: user.id,
        name: name.map_or_else(String::new, Name::into_string),
        digest: users::digest(&secret),
        beginning: secret.chars().take(SHOWN).collect(),
        scopes: scopes.join(" "),
        calls_per_minute: form.calls_per_minute,
        created_at: ctx.now(),
        expires_at: form.expires_at,
        used_at: None,
        revoked_at: None,
    };
    tx.insert(&token)?;
    let detail = format!("\"{}\" for {}: {}", token.name, user.email, token.scopes);
    history::record(tx, ctx, "token", token.id.0, "created", detail)?;
    Ok((token.id, secret))
}

/// Revokes a token: it is refused from now on. Revoking twice does nothing.
pub fn revoke(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: TokenId) -> Result<()> {
    let token = store::find(tx, id)?.ok_or(Error::NotFound("token"))?;
    if token.revoked_at.is_some() {
        return Ok(());
    }
    store::revoke(tx, id, ctx.now())?;
    history::record(tx, ctx, "token", id.0, "revoked", format!("\"{}\"", token.name))
}

/// All tokens, newest first (at most 1,000).
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<ApiToken>> {
    store::list(tx)
}

/// Whose token that secret is, if it lives and its user is active. Reads only.
pub fn caller(tx: &mut Tx<'_>, ctx: &Ctx<'_>, secret: &str) -> Result<Option<Caller>> {
    if !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    let Some(token) = store::find_by_digest(tx, &users::digest(secret))? else { return Ok(None) };
    if !token.lives(ctx.now()) {
        return Ok(None);
    }
    let user = users::get(tx, token.user_id)?;
    Ok(user.active.then_some(Caller { token, user }))
}

/// Seconds between two notes of the use of a token.
const USE_NOTED_SECONDS: i64 = 60;

/// Whether the use of a token is worth a note.
pub fn use_is_news(token: &ApiToken, now: Timestamp) -> bool {
    token.used_at.is_none_or(|at| now.seconds_since(at) >= USE_NOTED_SECONDS)
}

/// Notes that a token was used.
pub fn used(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: TokenId) -> Result<()> {
    store::set_used(tx, id, ctx.now())
}

/// Forgets answers that are too old to be asked for again, and the oldest where there are too many.
pub fn clean_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    answers::clean_up(tx, ctx)
}
