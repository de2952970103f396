//! The SQL of mails.

use consign_db::{Tx, sql};
use consign_values::Timestamp;

use super::{Mail, MailState};
use crate::Result;

pub fn due(tx: &mut Tx<'_>, now: Timestamp) -> Result<Vec<Mail>> {
    let text =
        sql!(Mail, "SELECT {*} FROM mail WHERE state = 'queued' AND next_at <= $1 ORDER BY next_at, id LIMIT 20");
    Ok(tx.all(text, &[&now])?)
}

pub fn settle(tx: &mut Tx<'_>, id: i64, state: MailState, error: &str) -> Result<()> {
    let text = sql!("UPDATE mail SET state = $2, last_error = $3, body = $4, attempts = attempts + 1 WHERE id = $1");
    tx.execute(text, &[&id, &state, &error, &Vec::<u8>::new()])?;
    Ok(())
}

pub fn retry(tx: &mut Tx<'_>, id: i64, next_at: Timestamp, error: &str) -> Result<()> {
    let text = sql!("UPDATE mail SET next_at = $2, last_error = $3, attempts = attempts + 1 WHERE id = $1");
    tx.execute(text, &[&id, &next_at, &error])?;
    Ok(())
}

pub fn in_trouble(tx: &mut Tx<'_>) -> Result<Vec<Mail>> {
    let text = sql!(
        Mail,
        "SELECT {*} FROM mail WHERE state = 'failed' OR (state = 'queued' AND attempts > 0) ORDER BY id DESC LIMIT 50"
    );
    Ok(tx.all(text, &[])?)
}

pub fn forget(tx: &mut Tx<'_>, before: Timestamp) -> Result<()> {
    tx.execute(sql!("DELETE FROM mail WHERE state <> 'queued' AND created_at < $1"), &[&before])?;
    Ok(())
}
