//! Statements: text in the dialect that both engines speak, rendered once for each, and known to the check that prepares them all.

use std::marker::PhantomData;
use std::sync::OnceLock;

use crate::{Column, FromRow};

/// Which database is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A statement with the row type that it fills. Made by [`sql!`](crate::sql).
pub struct Statement<R: 'static> {
    text: &'static str,
    sqlite: OnceLock<String>,
    postgres: OnceLock<String>,
    row: PhantomData<fn() -> R>,
}

impl<R: FromRow> Statement<R> {
    #[doc(hidden)]
    pub const fn new(text: &'static str) -> Self {
        Statement { text, sqlite: OnceLock::new(), postgres: OnceLock::new(), row: PhantomData }
    }

    pub(crate) fn render(&'static self, engine: Engine) -> &'static str {
        let cell = match engine {
            Engine::Sqlite => &self.sqlite,
            Engine::Postgres => &self.postgres,
        };
        cell.get_or_init(|| render(self.text, R::COLUMNS, engine))
    }
}

/// What the check knows of a statement.
pub struct Registered {
    /// Its text with markers.
    pub text: &'static str,
    /// What its row type reads.
    pub columns: &'static [Column],
    /// Where it stands.
    pub place: &'static str,
}

/// Every statement of the program. The linker gathers them, which the compiler counts as unsafe code; there is none of ours.
#[allow(unsafe_code)]
#[linkme::distributed_slice]
pub static STATEMENTS: [Registered];

/// A statement: `sql!(Order, "SELECT {*} FROM orders WHERE id = $1")`, or `sql!("DELETE …")` for one without rows.
///
/// Markers: `{*}` the row type's columns, `{o.*}` the same with a prefix, `{in}` membership in the list given to
/// [`Tx::all_in`](crate::Tx::all_in), `/*pg … */` and `/*sqlite … */` text for one engine. Parameters are `$1`, `$2` …
#[macro_export]
macro_rules! sql {
    ($text:literal) => {
        $crate::sql!((), $text)
    };
    ($row:ty, $text:literal) => {{
        #[allow(unsafe_code)]
        #[$crate::linkme::distributed_slice($crate::STATEMENTS)]
        #[linkme(crate = $crate::linkme)]
        static REGISTERED: $crate::Registered = $crate::Registered {
            text: $text,
            columns: <$row as $crate::FromRow>::COLUMNS,
            place: concat!(file!(), ":", line!()),
        };
        static STATEMENT: $crate::Statement<$row> = $crate::Statement::new($text);
        &STATEMENT
    }};
}

/// The number of the highest parameter in `text`.
fn parameter_count(text: &str) -> usize {
    text.split('$').skip(1).filter_map(leading_number).max().unwrap_or(0)
}

fn leading_number(text: &str) -> Option<usize> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    text[..digits].parse().ok()
}

pub(crate) fn render(text: &str, columns: &[Column], engine: Engine) -> String {
    let text = expand_engine_text(text, engine);
    let list = parameter_count(&text) + 1;
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text.as_str();
    while let Some(start) = rest.find('{') {
        out.push_str(&rest[..start]);
        let end = rest[start..].find('}').map_or(rest.len(), |length| start + length);
        let marker = &rest[start + 1..end];
        match marker.strip_suffix('*') {
            Some(prefix) => {
                for (i, column) in columns.iter().enumerate() {
                    out.push_str(if i > 0 { ", " } else { "" });
                    out.push_str(prefix);
                    out.push_str(column.name);
                }
            }
            None if marker == "in" && engine == Engine::Sqlite => {
                out.push_str(&format!("IN (SELECT value FROM json_each(${list}))"));
            }
            None if marker == "in" => out.push_str(&format!("= ANY(${list})")),
            None => panic!("unknown marker {{{marker}}} in a statement"),
        }
        rest = &rest[(end + 1).min(rest.len())..];
    }
    out.push_str(rest);
    number_parameters(out, engine)
}

/// SQLite numbers `$2 … $1` by first appearance; `?2 … ?1` by number.
fn number_parameters(text: String, engine: Engine) -> String {
    if engine == Engine::Postgres {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let parameter = c == '$' && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if parameter { '?' } else { c });
    }
    out
}

pub(crate) fn expand_engine_text(text: &str, engine: Engine) -> String {
    let own = if engine == Engine::Sqlite { "/*sqlite " } else { "/*pg " };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(own) {
        let body = start + own.len();
        let end = rest[body..].find("*/").map_or(rest.len(), |length| body + length);
        out.push_str(&rest[..start]);
        out.push_str(&rest[body..end]);
        rest = &rest[(end + 2).min(rest.len())..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_expanded_for_each_engine() {
        let columns = <(i64, i64)>::COLUMNS;
        let text = "SELECT a FROM t WHERE b = $2 AND c = $1 AND id {in} /*pg FOR UPDATE*/";
        assert_eq!(
            render(text, columns, Engine::Sqlite),
            "SELECT a FROM t WHERE b = ?2 AND c = ?1 AND id IN (SELECT value FROM json_each(?3)) /*pg FOR UPDATE*/"
        );
        assert_eq!(
            render(text, columns, Engine::Postgres),
            "SELECT a FROM t WHERE b = $2 AND c = $1 AND id = ANY($3)  FOR UPDATE".replace("  FOR", " FOR")
        );
    }
}
