//! A transaction: everything that a use case can ask of the database.

use std::collections::HashMap;
use std::ops::Range;

use crate::statement::{Engine, Statement};
use crate::{Error, FromRow, Kind, Query, Table, ToValue, Value, ValueRef, pg, sqlite};

pub(crate) enum Connection<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c mut pg::Connection),
}

/// A transaction under way. Begun, committed and rolled back by [`Db`](crate::Db).
pub struct Tx<'c> {
    pub(crate) connection: Connection<'c>,
    /// What is left of the id blocks in use: taken over from the pool, or leased in this transaction.
    pub(crate) ids: HashMap<&'static str, Range<i64>>,
    /// Blocks as they were taken over, to go back if nothing comes of this transaction.
    pub(crate) borrowed: HashMap<&'static str, Range<i64>>,
    pub(crate) pool: &'c crate::IdPool,
}

type Params<'p> = &'p [&'p dyn ToValue];

impl Tx<'_> {
    pub(crate) fn engine(&self) -> Engine {
        match self.connection {
            Connection::Sqlite(_) => Engine::Sqlite,
            Connection::Postgres(_) => Engine::Postgres,
        }
    }

    fn run(&mut self, text: &str, params: &[ValueRef<'_>]) -> Result<u64, Error> {
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::execute(connection, text, params),
            Connection::Postgres(connection) => connection.execute(text, params),
        }
    }

    fn fetch<R: FromRow>(&mut self, text: &str, params: &[ValueRef<'_>], limit: usize) -> Result<Vec<R>, Error> {
        match &mut self.connection {
            Connection::Sqlite(connection) => sqlite::query(connection, text, params, limit),
            Connection::Postgres(connection) => connection.query(text, params, limit),
        }
    }

    /// Runs a statement without rows; gives how many rows it changed.
    pub fn execute(&mut self, statement: &'static Statement<()>, params: Params<'_>) -> Result<u64, Error> {
        self.run(statement.render(self.engine()), &values(params))
    }

    /// Runs a statement for each row of parameters; gives how many rows were changed in all.
    pub fn execute_many<const N: usize>(
        &mut self,
        statement: &'static Statement<()>,
        rows: impl Iterator<Item = [Value; N]>,
    ) -> Result<u64, Error> {
        let text = statement.render(self.engine());
        let mut changed = 0;
        for row in rows {
            changed += self.run(text, &row.each_ref().map(Value::as_ref))?;
        }
        Ok(changed)
    }

    /// The first row, or [`Error::NoRow`].
    pub fn one<R: FromRow>(&mut self, statement: &'static Statement<R>, params: Params<'_>) -> Result<R, Error> {
        self.optional(statement, params)?.ok_or(Error::NoRow)
    }

    /// The first row, if there is any.
    pub fn optional<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: Params<'_>,
    ) -> Result<Option<R>, Error> {
        Ok(self.fetch(statement.render(self.engine()), &values(params), 1)?.pop())
    }

    /// All rows.
    pub fn all<R: FromRow>(&mut self, statement: &'static Statement<R>, params: Params<'_>) -> Result<Vec<R>, Error> {
        self.fetch(statement.render(self.engine()), &values(params), usize::MAX)
    }

    /// All rows of a statement with the marker `{in}`: membership in `keys`, which are whole numbers or texts.
    pub fn all_in<R: FromRow, K: ToValue>(
        &mut self,
        statement: &'static Statement<R>,
        keys: &[K],
        params: Params<'_>,
    ) -> Result<Vec<R>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let text = statement.render(self.engine());
        let mut params = values(params);
        let keys: Vec<ValueRef<'_>> = keys.iter().map(ToValue::to_value).collect();
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let list = json_list(&keys);
                params.push(ValueRef::Text(&list));
                sqlite::query(connection, text, &params, usize::MAX)
            }
            Connection::Postgres(connection) => connection.query_in(text, &params, &keys),
        }
    }

    /// All rows of a query put together at run time.
    pub fn query<R: FromRow>(&mut self, query: &Query) -> Result<Vec<R>, Error> {
        let (text, values) = query.render(R::COLUMNS, self.engine());
        let values: Vec<ValueRef<'_>> = values.iter().map(Value::as_ref).collect();
        self.fetch(&text, &values, usize::MAX)
    }

    /// Inserts a row.
    pub fn insert<R: Table>(&mut self, row: &R) -> Result<(), Error> {
        self.insert_many(std::slice::from_ref(row))
    }

    /// Inserts rows, in their order.
    pub fn insert_many<R: Table>(&mut self, rows: &[R]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = R::COLUMNS.iter().map(|column| column.name).collect();
        let head = format!("INSERT INTO {} ({})", R::NAME, names.join(", "));
        match &mut self.connection {
            Connection::Sqlite(connection) => {
                let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
                let text = format!("{head} VALUES ({})", marks.join(", "));
                for row in rows {
                    sqlite::execute(connection, &text, &row.values())?;
                }
            }
            Connection::Postgres(connection) => {
                let kinds: Vec<Kind> = R::COLUMNS.iter().map(|column| column.kind).collect();
                let arrays: Vec<String> =
                    kinds.iter().enumerate().map(|(i, kind)| format!("${}::{}[]", i + 1, type_name(*kind))).collect();
                let text = format!("{head} SELECT * FROM unnest({})", arrays.join(", "));
                for chunk in rows.chunks(1_000) {
                    let values: Vec<_> = chunk.iter().map(Table::values).collect();
                    connection.insert_arrays(&text, &kinds, &values)?;
                }
            }
        }
        Ok(())
    }

    /// The next id of a sequence, from 1 (or from what a migration put into `id_block`).
    pub fn next_id(&mut self, sequence: &'static str) -> Result<i64, Error> {
        self.next_ids(sequence, 1).map(|ids| ids.start)
    }

    /// The next `count` ids of a sequence, without a gap between them.
    pub fn next_ids(&mut self, sequence: &'static str, count: usize) -> Result<Range<i64>, Error> {
        let count = i64::try_from(count).map_err(|e| Error::Other(e.to_string()))?;
        let mut block = match self.ids.remove(sequence) {
            Some(block) => block,
            None => match self.pool.take(sequence) {
                Some(block) => {
                    self.borrowed.insert(sequence, block.clone());
                    block
                }
                None => 0..0,
            },
        };
        if block.end - block.start < count {
            block = self.lease(sequence, count.max(self.pool.block(sequence)))?;
        }
        let taken = block.start..block.start + count;
        self.ids.insert(sequence, taken.end..block.end);
        Ok(taken)
    }

    fn lease(&mut self, sequence: &'static str, count: i64) -> Result<Range<i64>, Error> {
        let sign = if self.engine() == Engine::Sqlite { '?' } else { '$' };
        let text = format!(
            "INSERT INTO id_block (name, next) VALUES ({sign}1, {sign}2 + 1)
             ON CONFLICT (name) DO UPDATE SET next = id_block.next + {sign}2 RETURNING next"
        );
        let next: i64 =
            self.fetch(&text, &[ValueRef::Text(sequence), ValueRef::Int(count)], 1)?.pop().ok_or(Error::NoRow)?;
        Ok(next - count..next)
    }

    /// Runs `work` so that its failure undoes only itself; the transaction lives on.
    pub fn attempt<T, E: From<Error>>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let ids = self.ids.clone();
        self.run("SAVEPOINT attempt", &[])?;
        match work(self) {
            Ok(done) => {
                self.run("RELEASE SAVEPOINT attempt", &[])?;
                Ok(done)
            }
            Err(error) => {
                // A block leased inside is undone with it; ids taken from an older one are free again.
                self.ids = ids;
                self.run("ROLLBACK TO SAVEPOINT attempt", &[])?;
                self.run("RELEASE SAVEPOINT attempt", &[])?;
                Err(error)
            }
        }
    }

    /// Puts the text of row `id` into a search table, in place of what was there.
    pub fn search_put(&mut self, table: &'static str, id: i64, text: &str) -> Result<(), Error> {
        self.search_put_many(table, &[(id, text.to_owned())])
    }

    /// As [`Tx::search_put`] for many rows.
    pub fn search_put_many(&mut self, table: &'static str, texts: &[(i64, String)]) -> Result<(), Error> {
        let statement = match self.engine() {
            Engine::Sqlite => format!("INSERT OR REPLACE INTO {table} (rowid, text) VALUES (?1, ?2)"),
            Engine::Postgres => format!(
                "INSERT INTO {table} (id, text) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET text = excluded.text"
            ),
        };
        for (id, text) in texts {
            self.run(&statement, &[ValueRef::Int(*id), ValueRef::Text(&text.to_lowercase())])?;
        }
        Ok(())
    }

    /// Removes row `id` from a search table.
    pub fn search_delete(&mut self, table: &'static str, id: i64) -> Result<(), Error> {
        let statement = match self.engine() {
            Engine::Sqlite => format!("DELETE FROM {table} WHERE rowid = ?1"),
            Engine::Postgres => format!("DELETE FROM {table} WHERE id = $1"),
        };
        self.run(&statement, &[ValueRef::Int(id)]).map(|_| ())
    }
}

fn values<'p>(params: Params<'p>) -> Vec<ValueRef<'p>> {
    params.iter().map(|param| param.to_value()).collect()
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "bigint",
        Kind::Text => "text",
        Kind::Bool => "boolean",
        Kind::Bytes => "bytea",
    }
}

/// Keys as the JSON list that SQLite's `json_each` reads.
fn json_list(keys: &[ValueRef<'_>]) -> String {
    let items: Vec<String> = keys
        .iter()
        .map(|key| match key {
            ValueRef::Text(text) => serde_json::Value::from(*text).to_string(),
            ValueRef::Int(number) => number.to_string(),
            ValueRef::Bool(truth) => i64::from(*truth).to_string(),
            ValueRef::Null | ValueRef::Bytes(_) => panic!("keys are whole numbers or texts"),
        })
        .collect();
    format!("[{}]", items.join(","))
}
