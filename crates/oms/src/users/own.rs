//! What users do to their own account: name, address, password, sessions; and the way back in for one who has forgotten it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_db::Tx;
use consign_values::{Name, UserId};

use super::access::{digest, email_of, new_token};
use super::session::TokenPurpose;
use super::{Session, find_by_email, get, store};
use crate::channels::KeyRing;
use crate::{Ctx, Error, Result, history, mails};

/// Seconds that a link for a new password is good for.
const RESET_SECONDS: i64 = 3_600;

/// Changes one's name and e-mail address. The caller has checked the password.
pub fn rename(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId, name: &str, email: &str) -> Result<()> {
    let before = get(tx, id)?;
    let name = Name::parse(name).map_err(|error| Error::invalid("name", error.to_string()))?.into_string();
    let email = email_of(email).map_err(|why| Error::invalid("email", why))?;
    store::rename(tx, id, &name, &email).map_err(|error| {
        if error.is_unique("email") { Error::invalid("email", "belongs to another user") } else { error.into() }
    })?;
    if email != before.email {
        history::record(tx, ctx, "user", id.0, "e-mail changed", format!("{} → {email}", before.email))?;
    }
    if name != before.name {
        history::record(tx, ctx, "user", id.0, "renamed", format!("{} → {name}", before.name))?;
    }
    Ok(())
}

/// Sets one's own password to a hash of [`super::hash_password`]; every other session ends.
pub fn set_password(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId, hash: &str, keep: Option<&str>) -> Result<()> {
    store::set_password(tx, id, hash)?;
    store::delete_sessions_but(tx, id, &keep.map(digest).unwrap_or_default())?;
    store::delete_tokens_of(tx, id)?;
    history::record(tx, ctx, "user", id.0, "password changed", "")
}

/// What a session is called in addresses: the digest of its token, which opens nothing.
pub fn session_key(session: &Session) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(&session.token_digest)
}

/// Whether a session is the one of that token.
pub fn is_session(session: &Session, token: &str) -> bool {
    session.token_digest == digest(token)
}

/// Ends a session of a user by its key.
pub fn end_session_of(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId, key: &str) -> Result<()> {
    let sessions = store::sessions_of(tx, id)?;
    let found = sessions.iter().find(|session| session_key(session) == key).ok_or(Error::NotFound("session"))?;
    store::delete_session(tx, &found.token_digest)?;
    history::record(tx, ctx, "user", id.0, "session ended", found.agent.clone())
}

/// Ends all sessions of a user but the one of that token.
pub fn end_other_sessions(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId, keep: Option<&str>) -> Result<()> {
    store::delete_sessions_but(tx, id, &keep.map(digest).unwrap_or_default())?;
    history::record(tx, ctx, "user", id.0, "other sessions ended", "")
}

/// Somebody has forgotten a password: mails a link to the active user with that address, if there is one. `base` is where people reach
/// Consign. Says nothing of whether there was.
pub fn ask_for_reset(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, email: &str, base: &str) -> Result<()> {
    let Some(user) = find_by_email(tx, email)?.filter(|user| user.active) else { return Ok(()) };
    let token = new_token(tx, TokenPurpose::Reset, Some(user.id), ctx.now().plus_seconds(RESET_SECONDS))?;
    let text = format!(
        "Hello {},\n\nsomebody asked for a new password for your account at {base}.\nIf it was you, set one within an hour:\n\n\
         {base}/reset/{token}\n\nIf not, do nothing: your password stays as it is.\n",
        user.name
    );
    mails::queue(tx, ctx, keys, &user.email, "A new password for Consign", &text)?;
    history::record(tx, ctx, "user", user.id.0, "asked for a new password", "")
}

/// Mails somebody who was just made the way to a first password.
pub fn invite(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, id: UserId, base: &str) -> Result<()> {
    let user = get(tx, id)?;
    let token = new_token(tx, TokenPurpose::Reset, Some(id), ctx.now().plus_seconds(3 * 86_400))?;
    let text = format!(
        "Hello {},\n\nyou have an account at {base}.\nSet your password within three days:\n\n{base}/reset/{token}\n",
        user.name
    );
    mails::queue(tx, ctx, keys, &user.email, "Your account at Consign", &text)?;
    history::record(tx, ctx, "user", id.0, "invited", "")
}

/// Whether a link for a new password still works.
pub fn reset_lives(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: &str) -> Result<bool> {
    store::token_lives(tx, &digest(token), TokenPurpose::Reset, ctx.now())
}

/// Sets a new password by a mailed link, which works once. All sessions end, and the user is told by mail.
pub fn reset(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, token: &str, hash: &str) -> Result<Option<UserId>> {
    let Some(id) = store::redeem(tx, &digest(token), TokenPurpose::Reset, ctx.now())?.flatten() else {
        return Ok(None);
    };
    let user = get(tx, id)?;
    set_password(tx, ctx, id, hash, None)?;
    let text = format!(
        "Hello {},\n\nyour password for Consign was changed. If it was not you, tell an owner at once.\n",
        user.name
    );
    mails::queue(tx, ctx, keys, &user.email, "Your password was changed", &text)?;
    Ok(Some(id))
}
