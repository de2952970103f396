//! One data layer over SQLite and PostgreSQL: the only crate that names an engine, and one that knows no business word.
//!
//! SQL is text in the dialect that both speak ([`sql!`]); rows are plain structs ([`row!`]); work is a closure in one
//! transaction ([`Db::read`], [`Db::write`]), done again as a whole when another transaction was in its way. So a closure has
//! no effect outside the database. A test prepares every statement of the program on both engines ([`check_statements`]).

mod check;
mod error;
mod migrate;
mod pg;
mod pg_address;
mod query;
mod row;
mod sqlite;
mod statement;
#[cfg(feature = "testing")]
pub mod testing;
mod tx;
mod value;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use check::check_statements;
pub use error::{Error, Retryable};
#[doc(hidden)]
pub use linkme;
pub use migrate::Migration;
pub use query::Query;
pub use row::{Column, FromRow, RowRef, Table, column_of};
pub use statement::{Registered, STATEMENTS, Statement};
pub use tx::Tx;
pub use value::{FromValue, Kind, ToValue, Value, ValueRef};

/// A database. Cheap to clone; all clones share its connections.
#[derive(Clone)]
pub struct Db(Arc<Inner>);

struct Inner {
    engine: Engines,
    ids: IdPool,
}

enum Engines {
    Sqlite(sqlite::Sqlite),
    Postgres(pg::Postgres),
}

/// Leased ids that no transaction is using.
#[derive(Default)]
pub(crate) struct IdPool {
    left: Mutex<HashMap<&'static str, Vec<Range<i64>>>>,
    leased: Mutex<HashSet<&'static str>>,
}

/// Ids in the first block that a process leases of a sequence, and in each later one: a restart wastes few numbers that people
/// read, and a busy process leases seldom.
const FIRST_BLOCK: i64 = 32;
const BLOCK: i64 = 1_024;

impl IdPool {
    /// How many ids to lease of a sequence.
    fn block(&self, sequence: &'static str) -> i64 {
        let first = self.leased.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence);
        if first { FIRST_BLOCK } else { BLOCK }
    }

    fn take(&self, sequence: &str) -> Option<Range<i64>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).get_mut(sequence)?.pop()
    }

    fn give_back(&self, blocks: HashMap<&'static str, Range<i64>>) {
        let mut pool = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        for (sequence, block) in blocks {
            if !block.is_empty() {
                pool.entry(sequence).or_default().push(block);
            }
        }
    }
}

/// How often a transaction is done again before its failure is told.
const RETRIES: u32 = 12;

impl Db {
    /// Opens `sqlite:PATH` (made if it isn't there) or `postgres://…`.
    pub fn open(url: &str) -> Result<Db, Error> {
        let engine = if let Some(path) = url.strip_prefix("sqlite:") {
            Engines::Sqlite(sqlite::Sqlite::open(path)?)
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Engines::Postgres(pg::Postgres::open(url)?)
        } else {
            return Err(Error::Unsupported("a database is sqlite:PATH or postgres://…"));
        };
        Ok(Db(Arc::new(Inner { engine, ids: IdPool::default() })))
    }

    /// Reads in one transaction, which sees one state of the database.
    pub fn read<T, E: From<Error> + Retryable>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.again(|db| db.transaction(false, &mut work))
    }

    /// Writes in one transaction. What it returns is durable; an error leaves nothing behind.
    pub fn write<T, E: From<Error> + Retryable>(
        &self,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.again(|db| db.transaction(true, &mut work))
    }

    fn again<T, E: Retryable>(&self, mut work: impl FnMut(&Self) -> Result<T, E>) -> Result<T, E> {
        let mut tries = 0;
        loop {
            match work(self) {
                Err(error) if error.is_retryable() && tries < RETRIES => {
                    tries += 1;
                    let spread = std::time::Instant::now().elapsed().subsec_nanos() % 7;
                    std::thread::sleep(Duration::from_millis((1 << tries.min(8)) + u64::from(spread)));
                }
                other => return other,
            }
        }
    }

    fn transaction<T, E: From<Error>>(
        &self,
        write: bool,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.0.engine {
            Engines::Sqlite(sqlite) if write => {
                let writer = sqlite.writer();
                self.on_sqlite(&writer, true, work)
            }
            Engines::Sqlite(sqlite) => {
                let reader = sqlite.reader();
                self.on_sqlite(reader.connection(), false, work)
            }
            Engines::Postgres(pool) => {
                let mut lent = pool.take()?;
                let begin = if write { "BEGIN" } else { "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" };
                lent.connection().client.batch_execute(begin).map_err(Error::from)?;
                let mut tx = self.tx(tx::Connection::Postgres(lent.connection()));
                let result = work(&mut tx);
                let (ids, borrowed) = (tx.ids, tx.borrowed);
                let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
                let ended = lent.connection().client.batch_execute(end).map_err(Error::from);
                self.settle(result, ended, ids, borrowed)
            }
        }
    }

    fn on_sqlite<T, E: From<Error>>(
        &self,
        connection: &rusqlite::Connection,
        write: bool,
        work: &mut impl FnMut(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        sqlite::begin(connection, write)?;
        let mut tx = self.tx(tx::Connection::Sqlite(connection));
        let result = work(&mut tx);
        let (ids, borrowed) = (tx.ids, tx.borrowed);
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = sqlite::execute(connection, end, &[]).map(|_| ());
        if ended.is_err() && !connection.is_autocommit() {
            let _ = sqlite::execute(connection, "ROLLBACK", &[]);
        }
        self.settle(result, ended, ids, borrowed)
    }

    fn tx<'c>(&'c self, connection: tx::Connection<'c>) -> Tx<'c> {
        Tx { connection, ids: HashMap::new(), borrowed: HashMap::new(), pool: &self.0.ids }
    }

    fn settle<T, E: From<Error>>(
        &self,
        result: Result<T, E>,
        ended: Result<(), Error>,
        ids: HashMap<&'static str, Range<i64>>,
        borrowed: HashMap<&'static str, Range<i64>>,
    ) -> Result<T, E> {
        match (result, ended) {
            (Ok(done), Ok(())) => {
                self.0.ids.give_back(ids);
                Ok(done)
            }
            // Whether a commit that failed took effect is unknown: its ids stay unused.
            (Ok(_), Err(error)) => Err(error.into()),
            (Err(error), _) => {
                self.0.ids.give_back(borrowed);
                Err(error)
            }
        }
    }

    /// Copies the database into a new file while it is in use; the copy is consistent. SQLite only.
    pub fn backup_to(&self, path: &Path) -> Result<(), Error> {
        match &self.0.engine {
            Engines::Sqlite(sqlite) => sqlite.backup_to(path),
            Engines::Postgres(_) => Err(Error::Unsupported(
                "a PostgreSQL database is backed up with pg_dump, which is online and consistent",
            )),
        }
    }

    /// `SQLite` or `PostgreSQL`, for people.
    pub fn engine_name(&self) -> &'static str {
        match &self.0.engine {
            Engines::Sqlite(_) => "SQLite",
            Engines::Postgres(_) => "PostgreSQL",
        }
    }

    /// Whether the database answers.
    pub fn check(&self) -> Result<(), Error> {
        self.read(|tx| tx.one(sql!(i64, "SELECT CAST(1 AS BIGINT)"), &[])).map(|_| ())
    }
}
