//! Sessions, one-time tokens and the throttle on failed sign-ins, which all nodes share.

use consign_db::{Tx, row};
use consign_values::{Timestamp, UserId, clean};

use super::access::{digest, random_token};
use super::{User, store, two_factor};
use crate::{Ctx, Error, Result, history};

consign_db::text_enum! {
    /// What a one-time token is for.
    pub enum TokenPurpose {
        /// Making the first owner.
        SetUp = "set_up",
        /// Signing in once.
        SignIn = "sign_in",
        /// The second step of signing in: the password was right.
        SecondStep = "second_step",
        /// Setting a new password.
        Reset = "reset",
    }
}

row! {
    /// A session.
    #[derive(Clone, Debug)]
    pub struct Session in "session" {
        /// SHA-256 of its token.
        pub token_digest: Vec<u8>,
        /// Whose.
        pub user_id: UserId,
        /// When it began.
        pub created_at: Timestamp,
        /// When it was last used, to the minute.
        pub seen_at: Timestamp,
        /// When it ends unless it is used.
        pub expires_at: Timestamp,
        /// What the browser called itself.
        pub agent: String,
        /// The address it began from.
        pub address: String,
    }
}

/// A session that is not used ends after a fortnight.
const SESSION_SECONDS: i64 = 14 * 24 * 3_600;

/// Failures after which a subject has to wait.
const FREE_FAILURES: i64 = 5;

/// Refuses a sign-in where too many failed lately, for this account or from this address.
pub fn check_throttle(tx: &mut Tx<'_>, ctx: &Ctx<'_>, email: &str, address: &str) -> Result<()> {
    for subject in subjects(email, address) {
        let Some((failures, last_at)) = store::failures(tx, &subject)? else { continue };
        let wait = 2_i64.pow((failures - FREE_FAILURES).clamp(0, 10) as u32);
        if failures >= FREE_FAILURES && ctx.now() < last_at.plus_seconds(wait) {
            return Err(Error::invalid("password", format!("too many failed attempts; try again in {wait} s")));
        }
    }
    Ok(())
}

fn subjects(email: &str, address: &str) -> [String; 2] {
    [format!("account {}", clean(&email.to_lowercase(), 254)), format!("address {}", clean(address, 64))]
}

/// Counts a failed sign-in. Failures older than an hour are forgotten.
pub fn failed(tx: &mut Tx<'_>, ctx: &Ctx<'_>, email: &str, address: &str) -> Result<()> {
    for subject in subjects(email, address) {
        store::count_failure(tx, &subject, ctx.now(), ctx.now().plus_seconds(-3_600))?;
    }
    if let Some(user) = super::find_by_email(tx, email)? {
        history::record(tx, ctx, "user", user.id.0, "sign-in failed", format!("from {}", clean(address, 64)))?;
    }
    Ok(())
}

/// Begins a session; its token goes into the cookie and is kept nowhere.
pub fn start_session(tx: &mut Tx<'_>, ctx: &Ctx<'_>, user: UserId, agent: &str, address: &str) -> Result<String> {
    let token = random_token()?;
    let now = ctx.now();
    tx.insert(&Session {
        token_digest: digest(&token),
        user_id: user,
        created_at: now,
        seen_at: now,
        expires_at: now.plus_seconds(SESSION_SECONDS),
        agent: clean(agent, 200),
        address: clean(address, 64),
    })?;
    let email = super::get(tx, user)?.email;
    store::signed_in(tx, user, now, &format!("account {email}"))?;
    let detail = clean(&format!("{address} {agent}"), 300);
    history::record(tx, ctx, "user", user.0, "signed in", detail)?;
    Ok(token)
}

/// Whose session it is.
pub struct SignedIn {
    /// The user.
    pub user: User,
    /// The second factor that the role asks for has to be set up before anything else.
    pub must_set_up: bool,
    /// It was last used longer ago than a few minutes: tell [`seen`].
    pub is_stale: bool,
}

/// The active user of a session, if it lives. Reads only; [`clean_up`] ends what is over.
pub fn session(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: &str) -> Result<Option<SignedIn>> {
    let Some(session) = store::find_session(tx, &digest(token))? else { return Ok(None) };
    if session.expires_at <= ctx.now() {
        return Ok(None);
    }
    let Some(user) = store::find(tx, session.user_id)?.filter(|user| user.active) else { return Ok(None) };
    let must_set_up = two_factor::must_set_up(tx, &user)?;
    let is_stale = ctx.now().seconds_since(session.seen_at) > SEEN_SECONDS;
    Ok(Some(SignedIn { user, must_set_up, is_stale }))
}

/// Seconds between two notes of a session's use.
const SEEN_SECONDS: i64 = 300;

/// A session is in use: it lives on from now.
pub fn seen(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: &str) -> Result<()> {
    store::seen(tx, &digest(token), ctx.now(), ctx.now().plus_seconds(SESSION_SECONDS))
}

/// The sessions of a user.
pub fn sessions_of(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<Session>> {
    store::sessions_of(tx, user)
}

/// Ends a session.
pub fn end_session(tx: &mut Tx<'_>, token: &str) -> Result<()> {
    store::delete_session(tx, &digest(token))
}

/// Redeems a one-time sign-in link: whose it was, if it was one. It works once.
pub fn redeem_sign_in(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: &str) -> Result<Option<UserId>> {
    Ok(store::redeem(tx, &digest(token), TokenPurpose::SignIn, ctx.now())?.flatten())
}

/// Whether this is the set-up code that is out.
pub fn set_up_code_fits(tx: &mut Tx<'_>, ctx: &Ctx<'_>, code: &str) -> Result<bool> {
    store::token_lives(tx, &digest(code.trim()), TokenPurpose::SetUp, ctx.now())
}

/// Ends sessions and tokens that are over.
pub fn clean_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>) -> Result<()> {
    store::delete_expired(tx, ctx.now())
}
