//! What the outside must offer: the [`Channel`] port and the shapes that cross it.
//!
//! A connector implements these traits for one kind of channel and knows nothing of orders in stock or locations; the
//! business (`oms`) takes [`IncomingOrder`]s and gives [`Despatch`]es and knows nothing of HTTP. `server` joins the two.
//! An error says what to do next, not what the transport said.

mod channel;
mod error;
mod hook;
mod incoming;
mod kind;
mod outgoing;
mod transfer;

pub use channel::{BoxFuture, Channel, DownloadPage, DownloadRequest, Incoming, ReferencePage};
pub use error::PortError;
pub use hook::{HookDelivery, HookReading, Hooks};
pub use incoming::{ChannelPayment, ChannelPlace, IncomingLine, IncomingNote, IncomingOrder, LineLocation};
pub use kind::{
    Capabilities, ChannelKind, ConfigField, ConfigOption, Connection, DefaultStatus, FieldKind, SetupStep, StatusTarget,
};
pub use outgoing::{
    Cancellation, ChannelStatus, ChannelTag, Despatch, DespatchLine, ListingPrice, Outcome, Product, ProductPage,
    StockLevel, TagKind,
};
pub use transfer::{Fetched, Place, PlaceKind, fits};
