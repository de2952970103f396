//! Values without behaviour of their own: money, quantities, time, ids, names, addresses, and the errors a form can have.
//!
//! Everything here is pure. A value that exists is valid: text that came from outside becomes a value only through
//! `parse`, so the rest of the code never checks it again. What a value *means* (a price, a stock level) is told by `oms`.

mod address;
mod field_errors;
mod id;
mod manner;
mod money;
mod quantity;
mod text;
mod time;
mod zone;

pub use address::{Address, CountryCode};
pub use field_errors::{FieldError, FieldErrors};
pub use id::{
    ChannelId, CustomerId, DespatchId, DraftId, HistoryId, ImportId, InboxId, ItemId, JobId, LedgerId, LineId,
    ListingId, LocationId, MarkId, OrderId, RuleId, ScheduleId, TokenId, UserId, WebhookId,
};
pub use manner::{ClockStyle, DateStyle, Manner, NumberStyle};
pub use money::{Currency, Money, MoneyError, Rate};
pub use quantity::Quantity;
pub use text::{Barcode, Name, Reference, Sku, TextError, clean};
pub use time::{Clock, FixedClock, SystemClock, Timestamp};
pub use zone::Zone;
