//! The business: orders, stock, locations, items, channels, despatch, users. No async, no HTTP, no engine of a database.
//!
//! One folder per noun. In each: the noun's types and pure transitions, `store.rs` with all its SQL, and one file per use
//! case, named by its verb. A use case is a plain function `fn verb(tx, ctx, …) -> Result<_, Error>` which runs inside one
//! transaction that its caller opened; it may be run again as a whole, so it has no effect outside the database.

pub mod audit;
pub mod changes;
pub mod channels;
mod context;
pub mod customers;
pub mod decisions;
pub mod despatch;
mod error;
pub mod exports;
pub mod history;
pub mod imports;
pub mod items;
pub mod jobs;
pub mod locations;
pub mod mails;
pub mod marks;
mod migrations;
pub mod orders;
pub mod retention;
pub mod rules;
pub mod schedules;
pub mod settings;
pub mod stock;
mod store;
pub mod tokens;
pub mod users;
pub mod verify;
pub mod webhooks;

pub use context::{Actor, Ctx};
pub use error::{Error, Refusal, Result};
pub use migrations::MIGRATIONS;
