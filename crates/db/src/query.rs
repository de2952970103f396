//! Queries put together at run time, out of text that stands in the source and values that are bound.

use crate::statement::{Engine, expand_engine_text};
use crate::{Column, ToValue, Value};

enum Part {
    Text(&'static str),
    Value(Value),
    Limit(u32),
    Match { table: &'static str, column: &'static str, needle: String },
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
                    bind(&mut text, Value::Text(format!("\"{}\"", needle.replace('"', "\"\""))));
                    text.push(')');
                }
                Part::Match { table, column, needle } => {
                    let escaped = needle.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                    text.push_str(&format!("{column} IN (SELECT id FROM {table} WHERE text LIKE "));
                    bind(&mut text, Value::Text(format!("%{escaped}%")));
                    text.push(')');
                }
            }
        }
        (text, values)
    }
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
