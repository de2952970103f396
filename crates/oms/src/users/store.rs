//! The SQL of users.

use consign_db::{Tx, sql};
use consign_values::{LocationId, Timestamp, UserId};

use super::session::{Session, TokenPurpose};
use super::two_factor::TwoFactor;
use super::{Role, User};
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: UserId) -> Result<Option<User>> {
    Ok(tx.optional(sql!(User, "SELECT {*} FROM user_account WHERE id = $1"), &[&id])?)
}

pub fn find_by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
    Ok(tx.optional(sql!(User, "SELECT {*} FROM user_account WHERE email = $1"), &[&email])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<User>> {
    Ok(tx.all(sql!(User, "SELECT {*} FROM user_account ORDER BY email LIMIT 1000"), &[])?)
}

pub fn update(tx: &mut Tx<'_>, id: UserId, name: &str, role: Role, active: bool, hash: &str) -> Result<()> {
    let text = sql!("UPDATE user_account SET name = $2, role = $3, active = $4, password_hash = $5 WHERE id = $1");
    tx.execute(text, &[&id, &name, &role, &active, &hash])?;
    Ok(())
}

pub fn set_location(tx: &mut Tx<'_>, id: UserId, location: Option<LocationId>) -> Result<()> {
    tx.execute(sql!("UPDATE user_account SET location_id = $2 WHERE id = $1"), &[&id, &location])?;
    Ok(())
}

pub fn signed_in(tx: &mut Tx<'_>, id: UserId, now: Timestamp, subject: &str) -> Result<()> {
    tx.execute(sql!("UPDATE user_account SET signed_in_at = $2 WHERE id = $1"), &[&id, &now])?;
    tx.execute(sql!("DELETE FROM sign_in_failure WHERE subject = $1"), &[&subject])?;
    Ok(())
}

pub fn find_session(tx: &mut Tx<'_>, digest: &[u8]) -> Result<Option<Session>> {
    Ok(tx.optional(sql!(Session, "SELECT {*} FROM session WHERE token_digest = $1"), &[&digest])?)
}

pub fn sessions_of(tx: &mut Tx<'_>, user: UserId) -> Result<Vec<Session>> {
    let text = sql!(Session, "SELECT {*} FROM session WHERE user_id = $1 ORDER BY created_at DESC LIMIT 100");
    Ok(tx.all(text, &[&user])?)
}

pub fn delete_session(tx: &mut Tx<'_>, digest: &[u8]) -> Result<()> {
    tx.execute(sql!("DELETE FROM session WHERE token_digest = $1"), &[&digest])?;
    Ok(())
}

pub fn delete_sessions(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.execute(sql!("DELETE FROM session WHERE user_id = $1"), &[&user])?;
    Ok(())
}

pub fn delete_expired(tx: &mut Tx<'_>, now: Timestamp) -> Result<()> {
    tx.execute(sql!("DELETE FROM session WHERE expires_at <= $1"), &[&now])?;
    tx.execute(sql!("DELETE FROM one_time_token WHERE expires_at <= $1"), &[&now])?;
    Ok(())
}

pub fn failures(tx: &mut Tx<'_>, subject: &str) -> Result<Option<(i64, Timestamp)>> {
    let text = sql!((i64, Timestamp), "SELECT failures, last_at FROM sign_in_failure WHERE subject = $1");
    Ok(tx.optional(text, &[&subject])?)
}

pub fn count_failure(tx: &mut Tx<'_>, subject: &str, now: Timestamp, forget_before: Timestamp) -> Result<()> {
    let text = sql!(
        "INSERT INTO sign_in_failure (subject, failures, last_at) VALUES ($1, 1, $2)
         ON CONFLICT (subject) DO UPDATE SET last_at = $2,
           failures = CASE WHEN sign_in_failure.last_at < $3 THEN 1 ELSE sign_in_failure.failures + 1 END"
    );
    tx.execute(text, &[&subject, &now, &forget_before])?;
    Ok(())
}

pub fn insert_token(
    tx: &mut Tx<'_>,
    digest: &[u8],
    purpose: TokenPurpose,
    user: Option<UserId>,
    expires_at: Timestamp,
) -> Result<()> {
    let text = sql!("INSERT INTO one_time_token (token_digest, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)");
    tx.execute(text, &[&digest, &purpose, &user, &expires_at])?;
    Ok(())
}

pub fn delete_tokens(tx: &mut Tx<'_>, purpose: TokenPurpose) -> Result<()> {
    tx.execute(sql!("DELETE FROM one_time_token WHERE purpose = $1"), &[&purpose])?;
    Ok(())
}

pub fn redeem(tx: &mut Tx<'_>, digest: &[u8], purpose: TokenPurpose, now: Timestamp) -> Result<Option<Option<UserId>>> {
    let text = sql!(
        Option<UserId>,
        "DELETE FROM one_time_token WHERE token_digest = $1 AND purpose = $2 AND expires_at > $3 RETURNING user_id"
    );
    Ok(tx.optional(text, &[&digest, &purpose, &now])?)
}

pub fn token_lives(tx: &mut Tx<'_>, digest: &[u8], purpose: TokenPurpose, now: Timestamp) -> Result<bool> {
    let text = sql!(
        Timestamp,
        "SELECT expires_at FROM one_time_token WHERE token_digest = $1 AND purpose = $2 AND expires_at > $3"
    );
    Ok(tx.optional(text, &[&digest, &purpose, &now])?.is_some())
}

pub fn token_user(tx: &mut Tx<'_>, digest: &[u8], purpose: TokenPurpose, now: Timestamp) -> Result<Option<UserId>> {
    let text = sql!(
        UserId,
        "SELECT user_id FROM one_time_token
         WHERE token_digest = $1 AND purpose = $2 AND expires_at > $3 AND user_id IS NOT NULL"
    );
    Ok(tx.optional(text, &[&digest, &purpose, &now])?)
}

pub fn delete_tokens_of(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.execute(sql!("DELETE FROM one_time_token WHERE user_id = $1"), &[&user])?;
    Ok(())
}

pub fn seen(tx: &mut Tx<'_>, digest: &[u8], now: Timestamp, expires_at: Timestamp) -> Result<()> {
    let text = sql!("UPDATE session SET seen_at = $2, expires_at = $3 WHERE token_digest = $1");
    tx.execute(text, &[&digest, &now, &expires_at])?;
    Ok(())
}

pub fn delete_sessions_but(tx: &mut Tx<'_>, user: UserId, keep: &[u8]) -> Result<()> {
    tx.execute(sql!("DELETE FROM session WHERE user_id = $1 AND token_digest <> $2"), &[&user, &keep])?;
    Ok(())
}

pub fn rename(tx: &mut Tx<'_>, id: UserId, name: &str, email: &str) -> Result<(), consign_db::Error> {
    tx.execute(sql!("UPDATE user_account SET name = $2, email = $3 WHERE id = $1"), &[&id, &name, &email])?;
    Ok(())
}

pub fn set_password(tx: &mut Tx<'_>, id: UserId, hash: &str) -> Result<()> {
    tx.execute(sql!("UPDATE user_account SET password_hash = $2 WHERE id = $1"), &[&id, &hash])?;
    Ok(())
}

pub fn two_factor(tx: &mut Tx<'_>, user: UserId) -> Result<Option<TwoFactor>> {
    Ok(tx.optional(sql!(TwoFactor, "SELECT {*} FROM two_factor WHERE user_id = $1"), &[&user])?)
}

pub fn lock_two_factor(tx: &mut Tx<'_>, user: UserId) -> Result<Option<TwoFactor>> {
    Ok(tx.optional(sql!(TwoFactor, "SELECT {*} FROM two_factor WHERE user_id = $1 /*pg FOR UPDATE*/"), &[&user])?)
}

pub fn use_step(tx: &mut Tx<'_>, user: UserId, step: i64) -> Result<()> {
    tx.execute(sql!("UPDATE two_factor SET confirmed = TRUE, last_step = $2 WHERE user_id = $1"), &[&user, &step])?;
    Ok(())
}

pub fn delete_two_factor(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.execute(sql!("DELETE FROM two_factor WHERE user_id = $1"), &[&user])?;
    delete_recovery_codes(tx, user)
}

pub fn users_with_two_factor(tx: &mut Tx<'_>) -> Result<Vec<UserId>> {
    Ok(tx.all(sql!(UserId, "SELECT user_id FROM two_factor WHERE confirmed ORDER BY user_id LIMIT 1000"), &[])?)
}

pub fn delete_recovery_codes(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.execute(sql!("DELETE FROM recovery_code WHERE user_id = $1"), &[&user])?;
    Ok(())
}

pub fn insert_recovery_code(tx: &mut Tx<'_>, user: UserId, digest: &[u8]) -> Result<()> {
    tx.execute(sql!("INSERT INTO recovery_code (user_id, digest) VALUES ($1, $2)"), &[&user, &digest])?;
    Ok(())
}

pub fn take_recovery_code(tx: &mut Tx<'_>, user: UserId, digest: &[u8]) -> Result<u64> {
    Ok(tx.execute(sql!("DELETE FROM recovery_code WHERE user_id = $1 AND digest = $2"), &[&user, &digest])?)
}

pub fn count_recovery_codes(tx: &mut Tx<'_>, user: UserId) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COUNT(*) FROM recovery_code WHERE user_id = $1"), &[&user])?)
}

pub fn two_factor_roles(tx: &mut Tx<'_>) -> Result<Vec<Role>> {
    Ok(tx.all(sql!(Role, "SELECT role FROM two_factor_role ORDER BY role LIMIT 10"), &[])?)
}

pub fn set_two_factor_roles(tx: &mut Tx<'_>, roles: &[Role]) -> Result<()> {
    tx.execute(sql!("DELETE FROM two_factor_role"), &[])?;
    for role in roles {
        tx.execute(sql!("INSERT INTO two_factor_role (role) VALUES ($1) ON CONFLICT (role) DO NOTHING"), &[role])?;
    }
    Ok(())
}
