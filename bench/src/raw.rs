//! The raw limit: bare rusqlite inserting the rows that Consign stored.

use std::path::Path;

use consign_oms::MIGRATIONS;
use rusqlite::Connection;
use rusqlite::types::Value;

/// Tables that receiving fills, in an order that their foreign keys allow, with the column that grows.
const TABLES: &[(&str, &str)] = &[
    ("orders", "id"),
    ("order_detail", "order_id"),
    ("order_line", "id"),
    ("claim", "line_id"),
    ("stock_ledger", "id"),
    ("history", "id"),
    ("decision", "id"),
    ("inbox", "id"),
    ("changes", "id"),
];

/// The highest key of each table.
pub fn marks(path: &Path) -> Vec<i64> {
    let connection = Connection::open(path).expect("the database opens");
    let mark = |(table, key): &(&str, &str)| {
        connection
            .query_row(&format!("SELECT COALESCE(MAX({key}), 0) FROM {table}"), [], |row| row.get(0))
            .expect("a mark")
    };
    TABLES.iter().map(mark).collect()
}

/// Rows read back, and a database of the same schema to put them into.
pub struct Copy {
    target: Connection,
    rows: Vec<(String, Vec<Vec<Value>>)>,
    texts: Vec<(i64, String)>,
}

impl Copy {
    /// Reads the rows above the marks, and makes the database with everything below them.
    pub fn prepare(source: &Path, target: &Path, marks: &[i64]) -> Copy {
        consign_db::Db::open(&format!("sqlite:{}", target.display()))
            .and_then(|db| db.migrate(MIGRATIONS))
            .expect("it migrates");
        let connection = Connection::open(target).expect("the raw database opens");
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA foreign_keys = OFF;")
            .expect("pragmas");
        connection.execute("ATTACH ? AS old", [source.display().to_string()]).expect("the source attaches");
        for table in ["location", "item", "stock_level", "channel"] {
            connection
                .execute(&format!("INSERT INTO {table} SELECT * FROM old.{table}"), [])
                .expect("the surroundings are copied");
        }
        let mut rows = Vec::new();
        for ((table, key), mark) in TABLES.iter().zip(marks) {
            connection
                .execute(&format!("INSERT INTO {table} SELECT * FROM old.{table} WHERE {key} <= ?"), [mark])
                .expect("older rows");
            let mut statement = connection
                .prepare(&format!("SELECT * FROM old.{table} WHERE {key} > ? ORDER BY {key}"))
                .expect("a table");
            let width = statement.column_count();
            let found: Vec<Vec<Value>> = statement
                .query_map([mark], |row| (0..width).map(|i| row.get(i)).collect())
                .and_then(Iterator::collect)
                .expect("its rows");
            let marks = vec!["?"; width].join(", ");
            rows.push((format!("INSERT INTO {table} VALUES ({marks})"), found));
        }
        let mut statement = connection
            .prepare(
                "SELECT o.id, lower(o.reference || ' ' || o.full_name || ' ' || o.buyer || ' ' || json_extract(d.delivery, '$.email') || ' '
                   || json_extract(d.delivery, '$.town') || ' ' || o.postcode
                   || (SELECT string_agg(' ' || l.channel_sku, '') FROM old.order_line l WHERE l.order_id = o.id))
                 FROM old.orders o JOIN old.order_detail d ON d.order_id = o.id WHERE o.id > ? ORDER BY o.id",
            )
            .expect("the search texts");
        let texts = statement
            .query_map([marks[0]], |row| Ok((row.get(0)?, row.get(1)?)))
            .and_then(Iterator::collect)
            .expect("the search texts");
        drop(statement);
        connection.execute_batch("DETACH old; PRAGMA foreign_keys = ON;").expect("the source detaches");
        Copy { target: connection, rows, texts }
    }

    /// How many orders there are to insert.
    pub fn orders(&self) -> usize {
        self.texts.len()
    }

    /// Inserts everything in so many transactions; gives how many rows.
    pub fn insert(self, batches: usize) -> usize {
        let mut count = 0;
        for batch in 0..batches {
            let part = |length: usize| length * batch / batches..length * (batch + 1) / batches;
            self.target.execute_batch("BEGIN IMMEDIATE").expect("a transaction");
            for (text, rows) in &self.rows {
                let mut statement = self.target.prepare_cached(text).expect("an insert");
                for row in &rows[part(rows.len())] {
                    statement.execute(rusqlite::params_from_iter(row)).expect("a row");
                    count += 1;
                }
            }
            let mut statement =
                self.target.prepare_cached("INSERT INTO order_search (rowid, text) VALUES (?, ?)").expect("an insert");
            for text in &self.texts[part(self.texts.len())] {
                statement.execute(rusqlite::params![text.0, text.1]).expect("a row");
                count += 1;
            }
            self.target.execute_batch("COMMIT").expect("a commit");
        }
        count
    }
}
