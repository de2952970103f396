//! Queries put together at run time, out of text that stands in the source and values that are bound.

use crate::statement::{Engine, expand_engine_text};
use crate::{Column, ToValue, Value};

enum Part {
    Text(&'static str),
    Value(Value),
    Limit(u32),
    Match { table: &'static str, column: &'static str, needle: String },
    Rows { table: &'static str, joined: &'static str, needles: Vec<String> },
    RowId { table: &'static str },
}

/// A query under construction. Text comes only from the source; what came from outside is bound.
pub struct Query(Vec<Part>);

impl Query {
    /// Begins with `text`; `{*}` and `{o.*}` stand for the row type's columns.
    pub fn new(text: &'static str) -> Self {
        Query(vec![Part::Text(text)])
    }

    /// Adds text.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.0.push(Part::Text(text));
        self
    }

    /// Adds a parameter.
    pub fn bind(&mut self, value: impl ToValue) -> &mut Self {
        self.0.push(Part::Value(value.to_value().into()));
        self
    }

    /// Adds a limit, written out because a bound one makes SQLite prepare the statement anew each time.
    pub fn limit(&mut self, rows: u32) -> &mut Self {
        self.0.push(Part::Limit(rows));
        self
    }

    /// Adds, after `FROM`, the rows of a search table that contain all `needles`, joined with `joined` (such as `orders o ON
    /// o.id`), and the `WHERE` that says so. Ordered by [`Query::push_row_id`] SQLite gives them one by one, so that a page
    /// costs a page, however many rows match. A needle of less than three characters matches nothing.
    pub fn push_text_rows(&mut self, table: &'static str, joined: &'static str, needles: &[&str]) -> &mut Self {
        let needles = needles.iter().map(|needle| printable(needle)).collect();
        self.0.push(Part::Rows { table, joined, needles });
        self
    }

    /// Adds the name of a search table's row id.
    pub fn push_row_id(&mut self, table: &'static str) -> &mut Self {
        self.0.push(Part::RowId { table });
        self
    }

    /// Adds the condition that the row of the search table with the id in `column` contains `needle`, in any case.
    /// Shorter than three characters it matches nothing.
    pub fn push_text_match(&mut self, table: &'static str, column: &'static str, needle: &str) -> &mut Self {
        self.0.push(Part::Match { table, column, needle: printable(needle) });
        self
    }

    pub(crate) fn render(&self, columns: &[Column], engine: Engine) -> (String, Vec<Value>) {
        let mut text = String::new();
        let mut values = Vec::new();
        let sign = if engine == Engine::Sqlite { '?' } else { '$' };
        let mut bind = |text: &mut String, value: Value| {
            values.push(value);
            text.push_str(&format!("{sign}{}", values.len()));
        };
        for part in &self.0 {
            match part {
                Part::Text(raw) => text.push_str(&expand_columns(&expand_engine_text(raw, engine), columns)),
                Part::Value(value) => bind(&mut text, value.clone()),
                Part::Limit(rows) => text.push_str(&format!(" LIMIT {rows}")),
                Part::Match { needle, .. } if needle.chars().count() < 3 => text.push_str("FALSE"),
                Part::Match { table, column, needle } if engine == Engine::Sqlite => {
                    text.push_str(&format!("{column} IN (SELECT rowid FROM {table} WHERE {table} MATCH "));
                    bind(&mut text, Value::Text(phrase(needle)));
                    text.push(')');
                }
                Part::Match { table, column, needle } => {
                    text.push_str(&format!("{column} IN (SELECT id FROM {table} WHERE text LIKE "));
                    bind(&mut text, Value::Text(pattern(needle)));
                    text.push(')');
                }
                Part::RowId { table } => text.push_str(&format!("{table}.{}", row_id(engine))),
                Part::Rows { table, joined, needles } => {
                    // CROSS JOIN tells SQLite to begin with the search table; PostgreSQL is free to choose.
                    let join = if engine == Engine::Sqlite { "CROSS JOIN" } else { "JOIN" };
                    text.push_str(&format!("{table} {join} {joined} = {table}.{} WHERE ", row_id(engine)));
                    if needles.iter().any(|needle| needle.chars().count() < 3) {
                        text.push_str("FALSE");
                    } else if engine == Engine::Sqlite {
                        let phrases: Vec<String> = needles.iter().map(|needle| phrase(needle)).collect();
                        text.push_str(&format!("{table} MATCH "));
                        bind(&mut text, Value::Text(phrases.join(" AND ")));
                    } else {
                        for (i, needle) in needles.iter().enumerate() {
                            text.push_str(if i == 0 { "" } else { " AND " });
                            text.push_str(&format!("{table}.text LIKE "));
                            bind(&mut text, Value::Text(pattern(needle)));
                        }
                    }
                }
            }
        }
        (text, values)
    }
}

fn row_id(engine: Engine) -> &'static str {
    if engine == Engine::Sqlite { "rowid" } else { "id" }
}

/// As one phrase of FTS5's language.
fn phrase(needle: &str) -> String {
    format!("\"{}\"", needle.replace('"', "\"\""))
}

/// As a pattern for `LIKE`.
fn pattern(needle: &str) -> String {
    format!("%{}%", needle.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// Lower case, without control characters, which no stored text has and PostgreSQL refuses.
fn printable(needle: &str) -> String {
    let printable: String = needle.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    printable.trim().to_lowercase()
}

fn expand_columns(text: &str, columns: &[Column]) -> String {
    let Some(start) = text.find('{') else { return text.to_owned() };
    let end = text[start..].find('}').map_or(text.len(), |length| start + length);
    let prefix = text[start + 1..end].trim_end_matches('*');
    let list: Vec<String> = columns.iter().map(|column| format!("{prefix}{}", column.name)).collect();
    format!("{}{}{}", &text[..start], list.join(", "), &text[end + 1..])
}
