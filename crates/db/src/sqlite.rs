//! SQLite: one writer connection and a few readers. WAL, and every commit is on the disk before it is answered.

use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef as SqlValue};
use rusqlite::{Connection, OpenFlags};

use crate::{Error, FromRow, RowRef, ValueRef, row::Source};

pub(crate) struct Sqlite {
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
    returned: Condvar,
}

/// Connections that read. A page gathers its reads in one transaction, so a few serve many people.
const READERS: usize = 4;

impl Sqlite {
    pub fn open(path: &str) -> Result<Self, Error> {
        let writer = Connection::open(path)?;
        writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;")?;
        set_up(&writer)?;
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
            let reader = Connection::open_with_flags(path, flags)?;
            reader.execute_batch("PRAGMA cache_size = -8192;")?;
            set_up(&reader)?;
            readers.push(reader);
        }
        Ok(Sqlite { writer: Mutex::new(writer), readers: Mutex::new(readers), returned: Condvar::new() })
    }

    pub fn writer(&self) -> MutexGuard<'_, Connection> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if !writer.is_autocommit() {
            // A panic left a transaction open.
            let _ = writer.execute_batch("ROLLBACK");
        }
        writer
    }

    pub fn reader(&self) -> Reader<'_> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match readers.pop() {
                Some(connection) => return Reader { pool: self, connection: Some(connection) },
                None => readers = self.returned.wait(readers).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    pub fn backup_to(&self, path: &Path) -> Result<(), Error> {
        let reader = self.reader();
        let mut target = Connection::open(path)?;
        let backup = rusqlite::backup::Backup::new(reader.connection(), &mut target)?;
        backup.run_to_completion(4_096, Duration::ZERO, None)?;
        Ok(())
    }
}

/// A reader connection, given back when dropped.
pub(crate) struct Reader<'p> {
    pool: &'p Sqlite,
    connection: Option<Connection>,
}

impl Reader<'_> {
    pub fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            self.pool.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            self.pool.returned.notify_one();
        }
    }
}

fn set_up(connection: &Connection) -> Result<(), Error> {
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // Without it a bound value may make SQLite prepare a statement anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

struct Param<'v>(ValueRef<'v>);

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            ValueRef::Null => SqlValue::Null,
            ValueRef::Int(v) => SqlValue::Integer(v),
            ValueRef::Text(v) => SqlValue::Text(v.as_bytes()),
            ValueRef::Bool(v) => SqlValue::Integer(i64::from(v)),
            ValueRef::Bytes(v) => SqlValue::Blob(v),
        }))
    }
}

pub(crate) fn execute(connection: &Connection, text: &str, params: &[ValueRef<'_>]) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached(text)?;
    let changed = statement.execute(rusqlite::params_from_iter(params.iter().map(|p| Param(*p))))?;
    Ok(changed as u64)
}

pub(crate) fn query<R: FromRow>(
    connection: &Connection,
    text: &str,
    params: &[ValueRef<'_>],
    limit: usize,
) -> Result<Vec<R>, Error> {
    let mut statement = connection.prepare_cached(text)?;
    let mut rows = statement.query(rusqlite::params_from_iter(params.iter().map(|p| Param(*p))))?;
    let mut found = Vec::new();
    while found.len() < limit
        && let Some(row) = rows.next()?
    {
        found.push(R::from_row(&RowRef(Source::Sqlite(row)))?);
    }
    Ok(found)
}

/// Writers begin with the lock, so that waiting for it is all that can go wrong.
pub(crate) fn begin(connection: &Connection, write: bool) -> Result<(), Error> {
    connection.prepare_cached(if write { "BEGIN IMMEDIATE" } else { "BEGIN" })?.execute([])?;
    Ok(())
}
