//! The second factor: codes of six digits from an authenticator (TOTP, RFC 6238), and recovery codes for the day it is lost.
//!
//! The secret is sealed. It counts once a first code has proved that it arrived. The code of a time step is taken once only; recovery codes
//! are kept as digests and go when they are used.

use consign_db::{Tx, row};
use consign_values::{Timestamp, UserId};
use totp_rs::{Builder, Secret, Totp};

use super::access::{digest, random_bytes};
use super::session::TokenPurpose;
use super::{Role, User, get, store};
use crate::channels::KeyRing;
use crate::{Ctx, Error, Refusal, Result, history};

row! {
    /// A user's second factor.
    #[derive(Clone)]
    pub struct TwoFactor in "two_factor" {
        /// Whose.
        pub user_id: UserId,
        /// Sealed.
        pub secret: Vec<u8>,
        /// A first code was right.
        pub confirmed: bool,
        /// The last time step whose code was used.
        pub last_step: i64,
        /// When it was begun.
        pub since: Timestamp,
    }
}

/// Bytes of a secret: the 160 bits that RFC 4226 recommends.
const SECRET_BYTES: usize = 20;
/// Recovery codes that are handed out at once.
const RECOVERY_CODES: usize = 10;

/// What an authenticator has to be told.
pub struct Enrolment {
    /// `otpauth://…`, for a QR code.
    pub url: String,
    /// The secret in base 32, for typing.
    pub secret: String,
}

fn binding(user: UserId) -> String {
    format!("two factor {user}")
}

fn sealing(error: impl std::fmt::Display) -> Error {
    Error::Db(consign_db::Error::Other(error.to_string()))
}

fn totp(secret: &[u8], email: &str) -> Result<Totp> {
    let account = email.replace(':', " ");
    let built =
        Builder::new().with_secret(secret.to_vec()).with_account_name(account).with_issuer(Some("Consign")).build();
    built.map_err(|error| sealing(format!("the second factor can't be computed: {error}")))
}

fn enrolment(secret: &[u8], user: &User) -> Result<Enrolment> {
    let url = totp(secret, &user.email)?.to_url().map_err(sealing)?;
    Ok(Enrolment { url, secret: Secret::from(secret.to_vec()).to_base32() })
}

/// Begins, or shows again what was begun and not confirmed. Refused while one is on.
pub fn begin(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, id: UserId) -> Result<Enrolment> {
    let user = get(tx, id)?;
    match store::two_factor(tx, id)? {
        Some(known) if known.confirmed => Err(Refusal::TwoFactorOn.into()),
        Some(known) => enrolment(&open(keys, &known)?, &user),
        None => {
            let secret = random_bytes::<SECRET_BYTES>()?;
            let text = Secret::from(secret.to_vec()).to_base32();
            let sealed = keys.seal_text(&binding(id), &text).map_err(sealing)?;
            tx.insert(&TwoFactor { user_id: id, secret: sealed, confirmed: false, last_step: 0, since: ctx.now() })?;
            enrolment(&secret, &user)
        }
    }
}

fn open(keys: &KeyRing, known: &TwoFactor) -> Result<Vec<u8>> {
    let text = keys.open_text(&binding(known.user_id), &known.secret).map_err(sealing)?;
    Ok(Secret::try_from_base32(text).map_err(sealing)?.as_ref().to_vec())
}

/// The time step of a right code that was not used yet. The steps before and after count, too: clocks differ.
fn step_of(secret: &[u8], user: &User, code: &str, now: Timestamp, last: i64) -> Result<Option<i64>> {
    let code: String = code.chars().filter(char::is_ascii_digit).collect();
    let seconds = u64::try_from(now.0 / 1_000_000).unwrap_or_default();
    let step = totp(secret, &user.email)?.check(&code, seconds).and_then(|step| i64::try_from(step).ok());
    Ok(step.filter(|step| *step > last))
}

/// Switches the factor on with a first right code, and gives the recovery codes: they are shown this once.
pub fn confirm(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, id: UserId, code: &str) -> Result<Vec<String>> {
    let (user, known) = (get(tx, id)?, store::two_factor(tx, id)?.ok_or(Error::NotFound("second factor"))?);
    if known.confirmed {
        return Err(Refusal::TwoFactorOn.into());
    }
    let step = step_of(&open(keys, &known)?, &user, code, ctx.now(), known.last_step)?;
    let step = step.ok_or_else(|| Error::invalid("code", "is not right; check the clock of your device"))?;
    store::use_step(tx, id, step)?;
    history::record(tx, ctx, "user", id.0, "two-factor on", "")?;
    new_recovery_codes(tx, id)
}

fn new_recovery_codes(tx: &mut Tx<'_>, id: UserId) -> Result<Vec<String>> {
    store::delete_recovery_codes(tx, id)?;
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let text = Secret::from(random_bytes::<10>()?.to_vec()).to_base32().to_lowercase();
        let code = text.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join("-");
        store::insert_recovery_code(tx, id, &digest(&plain(&code)))?;
        codes.push(code);
    }
    Ok(codes)
}

/// A recovery code as it is compared: however it was typed.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Switches it off: by its user, or by an owner for somebody who has lost it. Sessions stay.
pub fn switch_off(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId) -> Result<()> {
    let user = get(tx, id)?;
    if store::two_factor(tx, id)?.is_none() {
        return Ok(());
    }
    if ctx.actor == crate::Actor::User(id) && required_for(tx, user.role)? {
        return Err(Refusal::TwoFactorRequired.into());
    }
    store::delete_two_factor(tx, id)?;
    history::record(tx, ctx, "user", id.0, "two-factor off", "")
}

/// Whether the user has one that is on.
pub fn is_on(tx: &mut Tx<'_>, id: UserId) -> Result<bool> {
    Ok(store::two_factor(tx, id)?.is_some_and(|known| known.confirmed))
}

/// How many recovery codes are left.
pub fn recovery_codes_left(tx: &mut Tx<'_>, id: UserId) -> Result<i64> {
    store::count_recovery_codes(tx, id)
}

/// Who has one that is on.
pub fn users_with(tx: &mut Tx<'_>) -> Result<Vec<UserId>> {
    store::users_with_two_factor(tx)
}

/// The password was right: a token for the second step, good for five minutes.
pub fn second_step(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: UserId) -> Result<String> {
    super::access::new_token(tx, TokenPurpose::SecondStep, Some(id), ctx.now().plus_seconds(300))
}

/// Whose second step it is, as long as it lives.
pub fn second_step_of(tx: &mut Tx<'_>, ctx: &Ctx<'_>, token: &str) -> Result<Option<User>> {
    let user = store::token_user(tx, &digest(token), TokenPurpose::SecondStep, ctx.now())?;
    Ok(user.map(|id| get(tx, id)).transpose()?.filter(|user| user.active))
}

/// Tries a code, or a recovery code, at the second step. A right one uses both up.
pub fn pass(tx: &mut Tx<'_>, ctx: &Ctx<'_>, keys: &KeyRing, token: &str, code: &str) -> Result<Option<UserId>> {
    let Some(user) = second_step_of(tx, ctx, token)? else { return Ok(None) };
    let Some(known) = store::lock_two_factor(tx, user.id)?.filter(|known| known.confirmed) else { return Ok(None) };
    let typed = plain(code);
    if typed.len() > 6 {
        if store::take_recovery_code(tx, user.id, &digest(&typed))? == 0 {
            return Ok(None);
        }
        history::record(tx, ctx, "user", user.id.0, "recovery code used", "")?;
    } else {
        match step_of(&open(keys, &known)?, &user, &typed, ctx.now(), known.last_step)? {
            Some(step) => store::use_step(tx, user.id, step)?,
            None => return Ok(None),
        }
    }
    store::redeem(tx, &digest(token), TokenPurpose::SecondStep, ctx.now())?;
    Ok(Some(user.id))
}

/// Roles whose users must have a second factor.
pub fn required_roles(tx: &mut Tx<'_>) -> Result<Vec<Role>> {
    store::two_factor_roles(tx)
}

fn required_for(tx: &mut Tx<'_>, role: Role) -> Result<bool> {
    Ok(required_roles(tx)?.contains(&role))
}

/// Says which roles must have one. Whoever lacks it sets it up before anything else.
pub fn require(tx: &mut Tx<'_>, ctx: &Ctx<'_>, roles: &[Role]) -> Result<()> {
    let before = required_roles(tx)?;
    store::set_two_factor_roles(tx, roles)?;
    let list = |roles: &[Role]| match roles {
        [] => "nobody".to_owned(),
        roles => roles.iter().map(Role::to_string).collect::<Vec<_>>().join(", "),
    };
    history::record(tx, ctx, "user", 0, "two-factor required", format!("{} → {}", list(&before), list(roles)))
}

/// Whether the user must set one up before anything else.
pub fn must_set_up(tx: &mut Tx<'_>, user: &User) -> Result<bool> {
    Ok(required_for(tx, user.role)? && !is_on(tx, user.id)?)
}
