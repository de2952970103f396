//! What a database can answer, told alike for both engines.

/// The database's refusal or failure.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A row was expected and there is none.
    #[error("no row")]
    NoRow,
    /// A unique constraint or primary key was broken. SQLite names the columns (`item.sku`), PostgreSQL the constraint (`item_sku`).
    #[error("unique constraint {0}")]
    Unique(String),
    /// A named check was broken.
    #[error("check {0}")]
    Check(String),
    /// A foreign key was broken.
    #[error("foreign key")]
    ForeignKey,
    /// Another transaction was in the way; the same work may succeed when it is done again.
    #[error("busy: {0}")]
    Busy(String),
    /// The connection broke, or none could be made.
    #[error("connection: {0}")]
    Connection(String),
    /// A value does not have the type that the code reads.
    #[error("column {column}: {message}")]
    Type {
        /// Position in the row, from 0.
        column: usize,
        /// What was found.
        message: String,
    },
    /// This engine can't do it.
    #[error("{0}")]
    Unsupported(&'static str),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// Whether a unique constraint whose name or columns contain `part` was broken.
    pub fn is_unique(&self, part: &str) -> bool {
        matches!(self, Error::Unique(name) if name.contains(part))
    }

    /// Whether a named check was broken.
    pub fn is_check(&self, name: &str) -> bool {
        matches!(self, Error::Check(found) if found == name)
    }
}

/// Errors that know whether the whole transaction may be done again.
pub trait Retryable {
    /// Whether doing the same work again may succeed.
    fn is_retryable(&self) -> bool;
}

impl Retryable for Error {
    fn is_retryable(&self) -> bool {
        matches!(self, Error::Busy(_) | Error::Connection(_))
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ffi;
        let rusqlite::Error::SqliteFailure(failure, message) = &error else { return Error::Other(error.to_string()) };
        let message = message.clone().unwrap_or_else(|| error.to_string());
        let after_colon = || message.split_once(": ").map_or(message.clone(), |(_, rest)| rest.to_owned());
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                Error::Unique(after_colon())
            }
            ffi::SQLITE_CONSTRAINT_CHECK => Error::Check(after_colon()),
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Error::ForeignKey,
            _ => match failure.code {
                rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked => Error::Busy(message),
                _ => Error::Other(message),
            },
        }
    }
}

impl From<postgres::Error> for Error {
    fn from(error: postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            let message = match std::error::Error::source(&error) {
                Some(source) => format!("{error}: {source}"),
                None => error.to_string(),
            };
            return if error.is_closed() || message.contains("connect") || message.contains("communicating") {
                Error::Connection(message)
            } else {
                Error::Other(message)
            };
        };
        let constraint = || db.constraint().unwrap_or("").to_owned();
        match db.code().code() {
            "23505" => Error::Unique(constraint()),
            "23514" => Error::Check(constraint()),
            "23503" => Error::ForeignKey,
            "40001" | "40P01" | "55P03" => Error::Busy(db.message().to_owned()),
            "57P01" | "57P02" | "57P03" | "53300" => Error::Connection(db.message().to_owned()),
            code => Error::Other(format!("{} ({code})", db.message())),
        }
    }
}
