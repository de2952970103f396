//! Being told at once: what a kind does whose platform calls us when orders change.
//!
//! A delivery only says *which* orders changed, and only once its signature proves who sent it: the orders themselves are
//! fetched by the port, so that nothing that came in by itself is ever taken for an order. Polling goes on beside it.

use crate::{BoxFuture, Connection, PortError};

/// A call that claims to come from the platform, as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HookDelivery {
    /// Header names in lower case, with their values; values that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, unchanged: signatures are of its bytes.
    pub body: Vec<u8>,
}

impl HookDelivery {
    /// The first header of that lower-case name, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// What a delivery turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookReading {
    /// Signed, and tells that these orders changed (by their references).
    Changed(Vec<String>),
    /// Harmless and of no use: a greeting, or about something else than orders.
    Nothing,
    /// Not signed with this instance's secret.
    Refused,
}

/// A kind whose platform can call us. The address holds a random part that only the platform and we know.
pub trait Hooks: Send + Sync {
    /// Checks a delivery's signature in constant time, and says which orders it tells of. `secret` is the instance's own, made
    /// here and given to [`Hooks::register`]; a platform that signs with a secret of its own has that in `connection`.
    fn read(&self, connection: &Connection, secret: &str, delivery: &HookDelivery) -> HookReading;

    /// Makes the platform call `address` whenever an order is made or changes, and gives the platform's ids of that.
    /// Repeating it makes nothing twice, and sets right what was switched off or changed on the platform.
    fn register<'a>(
        &'a self,
        connection: &'a Connection,
        address: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Vec<String>, PortError>>;

    /// Takes registrations back. Those that are gone already are no error.
    fn unregister<'a>(&'a self, connection: &'a Connection, ids: &'a [String]) -> BoxFuture<'a, Result<(), PortError>>;
}
