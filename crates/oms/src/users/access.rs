//! Accounts are made and changed; passwords hashed; one-time tokens issued.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_db::Tx;
use consign_values::{FieldErrors, Name, Timestamp, UserId};
use sha2::{Digest, Sha256};

use super::session::{TokenPurpose, set_up_code_fits};
use super::{Role, User, store};
use crate::{Ctx, Error, Refusal, Result, history};

/// A new user.
#[derive(Clone)]
pub struct UserForm {
    /// E-mail address.
    pub email: String,
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// A hash of [`hash_password`].
    pub password_hash: String,
}

/// Changes to a user.
#[derive(Clone)]
pub struct UserEdit {
    /// Name.
    pub name: String,
    /// Role.
    pub role: Role,
    /// May sign in.
    pub active: bool,
    /// A new hash of [`hash_password`]; ends all sessions.
    pub password_hash: Option<String>,
}

/// Checks a password's length and hashes it: slow on purpose.
pub fn hash_password(password: &str) -> Result<String> {
    let length = password.chars().count();
    if !(10..=1_000).contains(&length) {
        return Err(Error::invalid("password", "must have between 10 and 1,000 characters"));
    }
    Ok(password_auth::generate_hash(password))
}

/// Whether the password is the one that was hashed: slow on purpose. For an unknown user call it with an empty hash, so that
/// the answer takes as long.
pub fn verify_password(hash: &str, password: &str) -> bool {
    if hash.is_empty() {
        let _ = password_auth::generate_hash(password);
        return false;
    }
    password_auth::verify_password(password, hash).is_ok()
}

/// Makes the first user, an owner, with the code that the first start printed.
pub fn set_up(tx: &mut Tx<'_>, ctx: &Ctx<'_>, code: &str, form: &UserForm) -> Result<UserId> {
    if super::any(tx)? {
        return Err(Refusal::AlreadySetUp.into());
    }
    if !set_up_code_fits(tx, ctx, code)? {
        return Err(Error::invalid("code", "is not the set-up code that the server printed"));
    }
    let id = create(tx, ctx, &UserForm { role: Role::Owner, ..form.clone() })?;
    store::delete_tokens(tx, TokenPurpose::SetUp)?;
    Ok(id)
}

/// An e-mail address in lower case.
pub(super) fn email_of(text: &str) -> Result<String, &'static str> {
    let email = text.trim().to_lowercase();
    let (before, after) = email.split_once('@').unwrap_or_default();
    if before.is_empty() || after.is_empty() || email.len() > 254 || email.chars().any(|c| c.is_control() || c == ' ') {
        return Err("must be an e-mail address");
    }
    Ok(email)
}

/// Makes a user.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, form: &UserForm) -> Result<UserId> {
    let mut errors = FieldErrors::new();
    let email = errors.check("email", email_of(&form.email)).unwrap_or_default();
    let name = errors.check("name", Name::parse(&form.name));
    errors.into_result()?;
    let id = UserId(tx.next_id("user")?);
    let user = User {
        id,
        email,
        name: name.map_or_else(String::new, Name::into_string),
        role: form.role,
        password_hash: form.password_hash.clone(),
        active: true,
        location_id: None,
        created_at: ctx.now(),
        signed_in_at: None,
    };
    tx.insert(&user).map_err(|error| {
        if error.is_unique("email") { Error::invalid("email", "belongs to another user") } else { error.into() }
    })?;
    history::record(tx, ctx, "user", id.0, "created", format!("{} as {}", user.email, user.role))?;
    Ok(id)
}

/// Changes a user. The last active owner stays one.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId, edit: &UserEdit) -> Result<()> {
    let before = super::get(tx, id)?;
    let name = Name::parse(&edit.name).map_err(|e| Error::invalid("name", e.to_string()))?;
    let owners =
        super::list(tx)?.iter().filter(|user| user.active && user.role == Role::Owner && user.id != id).count();
    if owners == 0 && before.role == Role::Owner && (edit.role != Role::Owner || !edit.active) {
        return Err(Refusal::LastOwner.into());
    }
    let hash = edit.password_hash.as_deref().unwrap_or(&before.password_hash);
    store::update(tx, id, name.as_str(), edit.role, edit.active, hash)?;
    if edit.password_hash.is_some() || !edit.active {
        store::delete_sessions(tx, id)?;
    }
    let password = if edit.password_hash.is_some() { ", new password" } else { "" };
    let detail = format!("{} → {}, active {} → {}{password}", before.role, edit.role, before.active, edit.active);
    history::record(tx, ctx, "user", id.0, "edited", detail)
}

/// Random bytes of the system.
pub(super) fn random_bytes<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|error| consign_db::Error::Other(error.to_string()))?;
    Ok(bytes)
}

/// A random token of 256 bits, as text.
pub(crate) fn random_token() -> Result<String> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(random_bytes::<32>()?))
}

/// What is kept of a token.
pub(crate) fn digest(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Issues a one-time token until then: the set-up code (without a user) or a sign-in link (for one).
pub fn issue_token(tx: &mut Tx<'_>, user: Option<UserId>, expires_at: Timestamp) -> Result<String> {
    let purpose = if user.is_some() { TokenPurpose::SignIn } else { TokenPurpose::SetUp };
    if purpose == TokenPurpose::SetUp {
        store::delete_tokens(tx, purpose)?;
    }
    new_token(tx, purpose, user, expires_at)
}

/// A one-time token; only its digest is kept.
pub(super) fn new_token(
    tx: &mut Tx<'_>,
    purpose: TokenPurpose,
    user: Option<UserId>,
    expires_at: Timestamp,
) -> Result<String> {
    let token = random_token()?;
    store::insert_token(tx, &digest(&token), purpose, user, expires_at)?;
    Ok(token)
}
