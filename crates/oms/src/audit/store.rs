//! The SQL of the audit.

use consign_db::{Query, Tx};

use super::AuditFilter;
use crate::Result;
use crate::history::Entry;

pub fn list(tx: &mut Tx<'_>, filter: &AuditFilter, limit: u32) -> Result<Vec<Entry>> {
    let mut query = Query::new("SELECT {h.*} FROM history h WHERE h.id < ");
    query.bind(filter.before.map_or(i64::MAX, |before| before.0));
    for (column, value) in [("actor", &filter.actor), ("noun", &filter.noun), ("kind", &filter.kind)] {
        if !value.is_empty() {
            query.push(" AND h.").push(column).push(" = ").bind(value.clone());
        }
    }
    if let Some(from) = filter.from {
        query.push(" AND h.at >= ").bind(from);
    }
    if let Some(until) = filter.until {
        query.push(" AND h.at < ").bind(until);
    }
    query.push(" ORDER BY h.id DESC").limit(limit);
    Ok(tx.query(&query)?)
}
