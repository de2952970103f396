//! The SQL of what belongs to no single noun: history, changes, decisions.

use consign_db::{Tx, sql};
use consign_values::{OrderId, Timestamp};

use crate::Result;
use crate::changes::Change;
use crate::decisions::Decision;
use crate::history::Entry;

pub fn list_history(tx: &mut Tx<'_>, noun: &str, noun_id: i64) -> Result<Vec<Entry>> {
    let text = sql!(Entry, "SELECT {*} FROM history WHERE noun = $1 AND noun_id = $2 ORDER BY id DESC LIMIT 500");
    Ok(tx.all(text, &[&noun, &noun_id])?)
}

pub fn list_decisions(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<Decision>> {
    let text = sql!(Decision, "SELECT {*} FROM decision WHERE order_id = $1 ORDER BY id LIMIT 500");
    Ok(tx.all(text, &[&order])?)
}

pub fn list_changes(tx: &mut Tx<'_>, since: Timestamp) -> Result<Vec<Change>> {
    Ok(tx.all(sql!(Change, "SELECT {*} FROM changes WHERE at >= $1 ORDER BY at LIMIT 2000"), &[&since])?)
}

pub fn delete_changes(tx: &mut Tx<'_>, before: Timestamp) -> Result<u64> {
    Ok(tx.execute(sql!("DELETE FROM changes WHERE at < $1"), &[&before])?)
}
