//! Migrations: portable files, each in one transaction, each once, also when two nodes start at the same moment.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::statement::{Engine, expand_engine_text};
use crate::{Db, Error, FromRow, Tx, ValueRef, pg, sqlite, tx};

/// A migration file.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its name, without the ending.
    pub name: &'static str,
    /// Its text with markers.
    pub text: &'static str,
}

impl Db {
    /// Runs the migrations that have not run yet; gives how many.
    pub fn migrate(&self, migrations: &[Migration]) -> Result<usize, Error> {
        self.write(|tx| {
            batch(
                tx,
                "CREATE TABLE IF NOT EXISTS schema_migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)",
            )?;
            batch(tx, "CREATE TABLE IF NOT EXISTS id_block (name TEXT PRIMARY KEY, next BIGINT NOT NULL)")?;
            batch(tx, "INSERT INTO schema_migration (name, applied_at) VALUES ('', 0) ON CONFLICT (name) DO NOTHING")
        })?;
        let mut run = 0;
        for migration in migrations {
            run += usize::from(self.write(|tx| apply(tx, migration))?);
        }
        Ok(run)
    }

    /// The names of the migrations that have run.
    pub fn migrated(&self) -> Result<Vec<String>, Error> {
        self.read(|tx| fetch(tx, "SELECT name FROM schema_migration WHERE name <> '' ORDER BY name", &[]))
    }
}

fn apply(tx: &mut Tx<'_>, migration: &Migration) -> Result<bool, Error> {
    // The row is the lock: another node waits here, then sees that the work is done.
    batch(tx, "UPDATE schema_migration SET applied_at = applied_at + 1 WHERE name = ''")?;
    let sign = if tx.engine() == Engine::Sqlite { '?' } else { '$' };
    let name = ValueRef::Text(migration.name);
    let found: Vec<i64> = fetch(tx, &format!("SELECT applied_at FROM schema_migration WHERE name = {sign}1"), &[name])?;
    if !found.is_empty() {
        return Ok(false);
    }
    batch(tx, &render(migration.text, tx.engine()))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
    let insert = format!("INSERT INTO schema_migration (name, applied_at) VALUES ({sign}1, {sign}2)");
    fetch::<()>(tx, &insert, &[name, ValueRef::Int(now)])?;
    Ok(true)
}

fn render(text: &str, engine: Engine) -> String {
    let text = expand_engine_text(text, engine);
    let id = if engine == Engine::Sqlite { "INTEGER PRIMARY KEY" } else { "BIGINT PRIMARY KEY" };
    let mut out = String::new();
    for line in text.replace("{id}", id).lines() {
        match line.strip_prefix("{search ").and_then(|rest| rest.strip_suffix('}')) {
            Some(table) => out.push_str(&search_table(table, engine)),
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn search_table(table: &str, engine: Engine) -> String {
    match engine {
        Engine::Sqlite => {
            format!(
                "CREATE VIRTUAL TABLE {table} USING fts5 (text, tokenize = 'trigram', detail = 'full', content = '', contentless_delete = 1);"
            )
        }
        Engine::Postgres => format!(
            "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE TABLE {table} (id BIGINT PRIMARY KEY, text TEXT NOT NULL);
             CREATE INDEX {table}_trigrams ON {table} USING gin (text gin_trgm_ops);"
        ),
    }
}

fn batch(tx: &mut Tx<'_>, text: &str) -> Result<(), Error> {
    match &mut tx.connection {
        tx::Connection::Sqlite(connection) => Ok(connection.execute_batch(text)?),
        tx::Connection::Postgres(connection) => Ok(connection.client.batch_execute(text)?),
    }
}

fn fetch<R: FromRow>(tx: &mut Tx<'_>, text: &str, params: &[ValueRef<'_>]) -> Result<Vec<R>, Error> {
    match &mut tx.connection {
        tx::Connection::Sqlite(connection) => sqlite::query(connection, text, params, usize::MAX),
        tx::Connection::Postgres(connection) => pg::Connection::query(connection, text, params, usize::MAX),
    }
}
