//! PostgreSQL: a pool of connections, each with its own prepared statements.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, PoisonError};

use postgres::Client;
use postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::{Error, FromRow, Kind, RowRef, ValueRef, row::Source};

use crate::pg_address::Address;

pub(crate) struct Postgres {
    address: Box<Address>,
    idle: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    connections: Vec<Connection>,
    /// How many more may be opened.
    left: usize,
}

pub(crate) struct Connection {
    pub client: Client,
    statements: HashMap<String, postgres::Statement>,
}

/// Connections to one server. Each use case holds one for its transaction.
const POOL: usize = 16;

impl Postgres {
    pub fn open(url: &str) -> Result<Self, Error> {
        let pool = Postgres {
            address: Box::new(Address::parse(url)?),
            idle: Mutex::new(Idle { connections: Vec::new(), left: POOL }),
            returned: Condvar::new(),
        };
        drop(pool.take()?);
        Ok(pool)
    }

    pub fn take(&self) -> Result<Lent<'_>, Error> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(connection) = idle.connections.pop() {
                if !connection.client.is_closed() {
                    return Ok(Lent { pool: self, connection: Some(connection) });
                }
                idle.left += 1;
            }
            if idle.left > 0 {
                idle.left -= 1;
                break;
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
        drop(idle);
        match self.address.connect() {
            Ok(client) => Ok(Lent { pool: self, connection: Some(Connection { client, statements: HashMap::new() }) }),
            Err(error) => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
                self.returned.notify_one();
                Err(Error::Connection(Error::from(error).to_string()))
            }
        }
    }
}

/// Closing a connection blocks, which no thread of an asynchronous runtime may do, and the last owner may be dropped on one.
impl Drop for Postgres {
    fn drop(&mut self) {
        let idle = self.idle.get_mut().unwrap_or_else(PoisonError::into_inner);
        let connections = std::mem::take(&mut idle.connections);
        let _ = std::thread::spawn(move || drop(connections)).join();
    }
}

/// A connection, given back when dropped; one in an unknown state is closed instead.
pub(crate) struct Lent<'p> {
    pool: &'p Postgres,
    connection: Option<Connection>,
}

impl Lent<'_> {
    pub fn connection(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("a lent connection is there until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let connection = self.connection.take();
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match connection {
            Some(connection) if !connection.client.is_closed() && !std::thread::panicking() => {
                idle.connections.push(connection);
            }
            _ => idle.left += 1,
        }
        self.pool.returned.notify_one();
    }
}

#[derive(Debug)]
struct Param<'v>(ValueRef<'v>);

impl ToSql for Param<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut postgres::types::private::BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            ValueRef::Null => Ok(IsNull::Yes),
            ValueRef::Int(v) if *ty == Type::INT4 => i32::try_from(v)?.to_sql(ty, out),
            ValueRef::Int(v) if *ty == Type::INT8 => v.to_sql(ty, out),
            // The one character that PostgreSQL's texts can't hold.
            ValueRef::Text(v) if v.contains('\0') => v.replace('\0', "\u{FFFD}").to_sql(ty, out),
            ValueRef::Text(v) if <&str as ToSql>::accepts(ty) => v.to_sql(ty, out),
            ValueRef::Bool(v) if *ty == Type::BOOL => v.to_sql(ty, out),
            ValueRef::Bytes(v) if *ty == Type::BYTEA => v.to_sql(ty, out),
            other => Err(format!("a parameter of type {ty} was given {other:?}").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Connection {
    pub fn prepare(&mut self, text: &str) -> Result<postgres::Statement, Error> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text)?;
        self.statements.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    pub fn execute(&mut self, text: &str, params: &[ValueRef<'_>]) -> Result<u64, Error> {
        let statement = self.prepare(text)?;
        let params: Vec<Param<'_>> = params.iter().map(|p| Param(*p)).collect();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        Ok(self.client.execute(&statement, &params)?)
    }

    pub fn query<R: FromRow>(&mut self, text: &str, params: &[ValueRef<'_>], limit: usize) -> Result<Vec<R>, Error> {
        let params: Vec<Param<'_>> = params.iter().map(|p| Param(*p)).collect();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        self.rows(text, &params, limit)
    }

    /// As [`Connection::query`], with a list of keys as the last parameter.
    pub fn query_in<R: FromRow>(
        &mut self,
        text: &str,
        params: &[ValueRef<'_>],
        keys: &[ValueRef<'_>],
    ) -> Result<Vec<R>, Error> {
        let params: Vec<Param<'_>> = params.iter().map(|p| Param(*p)).collect();
        let mut all: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        let array = array(kind_of(keys), keys.iter().copied());
        all.push(&*array);
        self.rows(text, &all, usize::MAX)
    }

    fn rows<R: FromRow>(&mut self, text: &str, params: &[&(dyn ToSql + Sync)], limit: usize) -> Result<Vec<R>, Error> {
        let statement = self.prepare(text)?;
        let rows = self.client.query(&statement, params)?;
        rows.iter().take(limit).map(|row| R::from_row(&RowRef(Source::Postgres(row)))).collect()
    }

    /// Inserts rows as arrays, one for each column.
    pub fn insert_arrays(&mut self, text: &str, kinds: &[Kind], rows: &[Vec<ValueRef<'_>>]) -> Result<(), Error> {
        let arrays: Vec<Box<dyn ToSql + Sync + '_>> =
            kinds.iter().enumerate().map(|(i, kind)| array(*kind, rows.iter().map(move |row| row[i]))).collect();
        let params: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|a| &**a).collect();
        let statement = self.prepare(text)?;
        self.client.execute(&statement, &params)?;
        Ok(())
    }
}

fn kind_of(keys: &[ValueRef<'_>]) -> Kind {
    match keys.first() {
        Some(ValueRef::Text(_)) => Kind::Text,
        Some(ValueRef::Bytes(_)) => Kind::Bytes,
        Some(ValueRef::Bool(_)) => Kind::Bool,
        _ => Kind::Int,
    }
}

fn array<'v>(kind: Kind, values: impl Iterator<Item = ValueRef<'v>>) -> Box<dyn ToSql + Sync + 'v> {
    macro_rules! collect {
        ($variant:ident) => {
            Box::new(values.map(|v| if let ValueRef::$variant(v) = v { Some(v) } else { None }).collect::<Vec<_>>())
        };
    }
    match kind {
        Kind::Int => collect!(Int),
        Kind::Text => collect!(Text),
        Kind::Bool => collect!(Bool),
        Kind::Bytes => collect!(Bytes),
    }
}
