//! Prepares every statement of the program and compares what it gives with the row type that it fills.

use crate::statement::render;
use crate::{Column, Kind, STATEMENTS, Tx, tx};

/// What is wrong with the program's statements on this engine, one sentence each; empty is good. SQLite tells the columns'
/// number and names, PostgreSQL their types, too.
pub fn check_statements(tx: &mut Tx<'_>) -> Vec<String> {
    let engine = tx.engine();
    let mut faults = Vec::new();
    for registered in STATEMENTS {
        let text = render(registered.text, registered.columns, engine);
        let found = match &mut tx.connection {
            tx::Connection::Sqlite(connection) => sqlite_columns(connection, &text),
            tx::Connection::Postgres(connection) => postgres_columns(connection, &text),
        };
        match found {
            Err(error) => faults.push(format!("{}: {error}", registered.place)),
            Ok(found) => {
                faults.extend(compare(registered.columns, &found).map(|f| format!("{}: {f}", registered.place)))
            }
        }
    }
    faults
}

type Found = (String, Option<Kind>);

fn sqlite_columns(connection: &rusqlite::Connection, text: &str) -> Result<Vec<Found>, String> {
    let statement = connection.prepare(text).map_err(|e| e.to_string())?;
    Ok(statement.column_names().into_iter().map(|name| (name.to_owned(), None)).collect())
}

fn postgres_columns(connection: &mut crate::pg::Connection, text: &str) -> Result<Vec<Found>, String> {
    connection.client.batch_execute("SAVEPOINT checked").map_err(|e| e.to_string())?;
    let prepared = connection.prepare(text).map_err(|e| e.to_string());
    connection.client.batch_execute("ROLLBACK TO SAVEPOINT checked").map_err(|e| e.to_string())?;
    let statement = prepared?;
    let kind = |name: &str| match name {
        "int8" => Ok(Kind::Int),
        "text" => Ok(Kind::Text),
        "bool" => Ok(Kind::Bool),
        "bytea" => Ok(Kind::Bytes),
        other => Err(format!("gives a column of type {other}")),
    };
    statement.columns().iter().map(|c| Ok((c.name().to_owned(), Some(kind(c.type_().name())?)))).collect()
}

fn compare(expected: &[Column], found: &[Found]) -> Option<String> {
    // A statement without a row type may be an INSERT … RETURNING whose rows nobody reads.
    if expected.len() != found.len() {
        return Some(format!("gives {} columns, its row type reads {}", found.len(), expected.len()));
    }
    expected.iter().zip(found).find_map(|(column, (name, kind))| {
        if !column.name.is_empty() && column.name != name {
            return Some(format!("gives {name} where its row type reads {}", column.name));
        }
        kind.filter(|kind| *kind != column.kind)
            .map(|kind| format!("gives {kind:?} in {name}, its row type reads {:?}", column.kind))
    })
}
