//! The SQL of settings and preferences.

use consign_db::{Tx, sql};
use consign_values::UserId;

use crate::Result;

pub fn find(tx: &mut Tx<'_>, name: &str) -> Result<Option<(String, i64)>> {
    Ok(tx.optional(sql!((String, i64), "SELECT value, version FROM setting WHERE name = $1"), &[&name])?)
}

/// Puts a value in the place of the one of that version (0: none yet); gives how many rows took it.
pub fn put(tx: &mut Tx<'_>, name: &str, value: &str, version: i64) -> Result<u64> {
    let text = sql!(
        "INSERT INTO setting (name, value, version) VALUES ($1, $2, $3 + 1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version WHERE setting.version = $3"
    );
    Ok(tx.execute(text, &[&name, &value, &version])?)
}

pub fn preferences(tx: &mut Tx<'_>, user: UserId) -> Result<Option<(String, i64)>> {
    let text = sql!((String, i64), "SELECT value, version FROM user_preference WHERE user_id = $1");
    Ok(tx.optional(text, &[&user])?)
}

/// As [`put`] for a user.
pub fn put_preferences(tx: &mut Tx<'_>, user: UserId, value: &str, version: i64) -> Result<u64> {
    let text = sql!(
        "INSERT INTO user_preference (user_id, value, version) VALUES ($1, $2, $3 + 1)
         ON CONFLICT (user_id) DO UPDATE SET value = excluded.value, version = excluded.version
         WHERE user_preference.version = $3"
    );
    Ok(tx.execute(text, &[&user, &value, &version])?)
}
