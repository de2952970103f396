//! Connectors: one folder per kind of channel, each with the same files.
//!
//! `api.rs` speaks HTTP, `mapping.rs` is pure, `mod.rs` implements the port, `guide.md` is the kind's page of rules, and
//! `tests.rs` holds its tests. All of them call out through [`http`](self), the one client for addresses that users typed.
//! A connector knows nothing of stock, locations or the database, and keeps no state that a restart would lose: what it
//! needs is in the `Connection`, and what it has read so far is in the page token.

mod amazon;
mod app;
mod batch;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod http;
mod loose;
mod medusa;
mod networks;
mod registry;
mod shopify;
mod signed;
mod sums;
mod transfer;
mod vendure;
mod webhook;
mod woocommerce;

pub use networks::Networks;
pub use registry::{Options, Registry, kinds};
pub use transfer::Transfer;
pub use webhook::WebhookSender;
