//! The SQL of rules.

use consign_db::{Tx, params, sql};
use consign_values::{OrderId, RuleId};

use super::book::{Rule, RuleVersion};
use super::run::Due;
use super::trace::RuleRun;
use crate::Result;

pub fn find(tx: &mut Tx<'_>, id: RuleId) -> Result<Option<Rule>> {
    Ok(tx.optional(sql!(Rule, "SELECT {*} FROM rule WHERE id = $1"), &[&id])?)
}

pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Rule>> {
    Ok(tx.all(sql!(Rule, "SELECT {*} FROM rule ORDER BY place, id LIMIT 500"), &[])?)
}

pub fn update(tx: &mut Tx<'_>, rule: &Rule, version: i64) -> Result<u64, consign_db::Error> {
    let text = sql!(
        "UPDATE rule SET name = $3, enabled = $4, draft = $5, live = $6, version = version + 1
         WHERE id = $1 AND version = $2"
    );
    tx.execute(text, &[&rule.id, &version, &rule.name, &rule.enabled, &rule.draft, &rule.live])
}

pub fn set_place(tx: &mut Tx<'_>, id: RuleId, place: i64) -> Result<()> {
    tx.execute(sql!("UPDATE rule SET place = $2 WHERE id = $1"), &[&id, &place])?;
    Ok(())
}

pub fn set_trouble(tx: &mut Tx<'_>, id: RuleId, trouble: &str) -> Result<()> {
    tx.execute(sql!("UPDATE rule SET trouble = $2 WHERE id = $1"), &[&id, &trouble])?;
    Ok(())
}

pub fn delete(tx: &mut Tx<'_>, id: RuleId) -> Result<()> {
    tx.execute(sql!("DELETE FROM rule WHERE id = $1"), &[&id])?;
    Ok(())
}

pub fn last_number(tx: &mut Tx<'_>, id: RuleId) -> Result<i64> {
    Ok(tx.one(sql!(i64, "SELECT COALESCE(MAX(number), 0) FROM rule_version WHERE rule_id = $1"), &[&id])?)
}

pub fn version(tx: &mut Tx<'_>, id: RuleId, number: i64) -> Result<Option<RuleVersion>> {
    let text = sql!(RuleVersion, "SELECT {*} FROM rule_version WHERE rule_id = $1 AND number = $2");
    Ok(tx.optional(text, &[&id, &number])?)
}

pub fn versions(tx: &mut Tx<'_>, id: RuleId) -> Result<Vec<RuleVersion>> {
    let text = sql!(RuleVersion, "SELECT {*} FROM rule_version WHERE rule_id = $1 ORDER BY number DESC LIMIT 200");
    Ok(tx.all(text, &[&id])?)
}

/// The versions that run, in their sequence.
pub fn live(tx: &mut Tx<'_>) -> Result<Vec<RuleVersion>> {
    let text = sql!(
        RuleVersion,
        "SELECT {v.*} FROM rule r JOIN rule_version v ON v.rule_id = r.id AND v.number = r.live
         WHERE r.enabled ORDER BY r.place, r.id LIMIT 500"
    );
    Ok(tx.all(text, &[])?)
}

pub fn any_live(tx: &mut Tx<'_>) -> Result<bool> {
    Ok(tx.optional(sql!(RuleId, "SELECT id FROM rule WHERE enabled AND live > 0 LIMIT 1"), &[])?.is_some())
}

pub fn put_due(tx: &mut Tx<'_>, due: &[Due]) -> Result<()> {
    let text = sql!(
        "INSERT INTO rule_due (order_id, cause, at) VALUES ($1, $2, $3)
         ON CONFLICT (order_id) DO UPDATE SET cause = excluded.cause, at = excluded.at"
    );
    tx.execute_many(text, due.iter().map(|one| params![one.order_id, one.cause.clone(), one.at]))?;
    Ok(())
}

pub fn due(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<Due>> {
    Ok(tx.all(sql!(Due, "SELECT {*} FROM rule_due ORDER BY order_id LIMIT $1"), &[&limit])?)
}

pub fn delete_due(tx: &mut Tx<'_>, order: OrderId) -> Result<()> {
    tx.execute(sql!("DELETE FROM rule_due WHERE order_id = $1"), &[&order])?;
    Ok(())
}

pub fn all_runs(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<RuleRun>> {
    Ok(tx.all(sql!(RuleRun, "SELECT {*} FROM rule_run WHERE order_id = $1 ORDER BY id"), &[&order])?)
}

/// Only for removing personal data: else traces are append-only.
pub fn set_trace(tx: &mut Tx<'_>, id: i64, trace: &str) -> Result<()> {
    tx.execute(sql!("UPDATE rule_run SET trace = $2 WHERE id = $1"), &[&id, &trace])?;
    Ok(())
}

pub fn runs(tx: &mut Tx<'_>, order: OrderId) -> Result<Vec<RuleRun>> {
    Ok(tx.all(sql!(RuleRun, "SELECT {*} FROM rule_run WHERE order_id = $1 ORDER BY id DESC LIMIT 100"), &[&order])?)
}
