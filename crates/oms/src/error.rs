//! What a use case can answer instead of doing what was asked. Refusals are data; their words are all here.

use std::fmt;

use consign_values::{FieldErrors, LineId, OrderId};

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did nothing. Whatever it had written is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing: its noun.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// A rule of the business says no.
    #[error("{0}")]
    Refused(Refusal),
    /// The input is wrong, field by field.
    #[error("{0}")]
    Invalid(FieldErrors),
    /// Somebody else changed it since it was read.
    #[error("changed by somebody else meanwhile; load it again")]
    Stale,
    /// The database failed.
    #[error("database")]
    Db(#[from] consign_db::Error),
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Error::Invalid(FieldErrors::of(field, message))
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

impl From<FieldErrors> for Error {
    fn from(errors: FieldErrors) -> Self {
        Error::Invalid(errors)
    }
}

impl consign_db::Retryable for Error {
    fn is_retryable(&self) -> bool {
        matches!(self, Error::Db(error) if error.is_retryable())
    }
}

/// A line that lacks stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// The line.
    pub line_id: LineId,
    /// Its SKU, or title where it has none.
    pub sku: String,
    /// How many units it lacks.
    pub missing: i64,
}

/// Why the business says no. [`Refusal::code`] is stable; the sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The order is parked.
    Parked,
    /// The order is locked.
    Locked,
    /// The order is not parked.
    NotParked,
    /// The order is not locked.
    NotLocked,
    /// It is parked because it is unpaid, and only payment unparks it.
    AwaitingPayment,
    /// The order is paid.
    AlreadyPaid,
    /// The order has been processed.
    AlreadyProcessed,
    /// The order has been cancelled.
    AlreadyCancelled,
    /// The order has been deleted.
    Deleted,
    /// Its lines went into that order.
    Merged(OrderId),
    /// Its channel has not reported it as paid, and may still change its lines.
    ChannelMayChangeIt,
    /// People split only orders of the current month.
    SplitThisMonthOnly,
    /// Why each of the orders can't be merged.
    CannotMerge(Vec<String>),
    /// Notes that have to be read before the order is processed.
    NotesToRead(Vec<String>),
    /// The item is made of others, or part of one that is.
    Composite(&'static str),
    /// Only paid orders may be processed.
    Unpaid,
    /// Some lines have no item.
    Unlinked(Vec<String>),
    /// Some lines lack stock at the order's location.
    ShortOfStock(Vec<Shortfall>),
    /// It is there already.
    SameLocation,
    /// The default location can't be deleted.
    DefaultLocation,
    /// Something still refers to it.
    InUse(&'static str),
    /// The line has an item already.
    AlreadyLinked,
    /// A service takes no stock.
    ServiceLine,
    /// No figure is kept for it there.
    NotTracked,
    /// The despatch is still on its way, or confirmed.
    NothingToResend,
    /// The channel instance can't run: why.
    ChannelCannotRun(String),
    /// The import is running or over.
    ImportStarted,
    /// The import is over.
    ImportOver,
    /// The very same file was imported then.
    ImportedBefore(String),
    /// The last owner must stay.
    LastOwner,
    /// Set-up has been done.
    AlreadySetUp,
    /// A fulfilment centre has it.
    AtCentre,
    /// No fulfilment centre has it.
    NotAtCentre,
    /// The order is at a fulfilment centre's location, where nobody processes by hand.
    CentreProcesses,
    /// The figures of a fulfilment centre are its own.
    CentreStock,
    /// The location is no fulfilment centre.
    NoCentre,
    /// The idempotency key was used for another request.
    KeyReused,
    /// The user has a second factor already.
    TwoFactorOn,
    /// The role must have a second factor.
    TwoFactorRequired,
    /// A schedule that is off does not run.
    ScheduleOff,
    /// The user's role lacks the right that this use of a page needs.
    RoleForbids(crate::users::Permission),
}

impl Refusal {
    /// A stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Parked => "parked",
            Refusal::Locked => "locked",
            Refusal::NotParked => "not_parked",
            Refusal::NotLocked => "not_locked",
            Refusal::AwaitingPayment => "awaiting_payment",
            Refusal::AlreadyPaid => "already_paid",
            Refusal::AlreadyProcessed => "already_processed",
            Refusal::AlreadyCancelled => "already_cancelled",
            Refusal::Deleted => "deleted",
            Refusal::Merged(_) => "merged",
            Refusal::ChannelMayChangeIt => "channel_may_change_it",
            Refusal::SplitThisMonthOnly => "split_this_month_only",
            Refusal::CannotMerge(_) => "cannot_merge",
            Refusal::NotesToRead(_) => "notes_to_read",
            Refusal::Composite(_) => "composite",
            Refusal::Unpaid => "unpaid",
            Refusal::Unlinked(_) => "unlinked",
            Refusal::ShortOfStock(_) => "short_of_stock",
            Refusal::SameLocation => "same_location",
            Refusal::DefaultLocation => "default_location",
            Refusal::InUse(_) => "in_use",
            Refusal::AlreadyLinked => "already_linked",
            Refusal::ServiceLine => "service_line",
            Refusal::NotTracked => "not_tracked",
            Refusal::NothingToResend => "nothing_to_resend",
            Refusal::ChannelCannotRun(_) => "channel_cannot_run",
            Refusal::ImportStarted => "import_started",
            Refusal::ImportOver => "import_over",
            Refusal::ImportedBefore(_) => "imported_before",
            Refusal::LastOwner => "last_owner",
            Refusal::AlreadySetUp => "already_set_up",
            Refusal::AtCentre => "at_centre",
            Refusal::NotAtCentre => "not_at_centre",
            Refusal::CentreProcesses => "centre_processes",
            Refusal::CentreStock => "centre_stock",
            Refusal::NoCentre => "no_centre",
            Refusal::KeyReused => "idempotency_key_reused",
            Refusal::TwoFactorOn => "two_factor_on",
            Refusal::TwoFactorRequired => "two_factor_required",
            Refusal::ScheduleOff => "schedule_off",
            Refusal::RoleForbids(_) => "forbidden",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Parked => "the order is parked; unpark it first",
            Refusal::Locked => "the order is locked; unlock it first",
            Refusal::NotParked => "the order is not parked",
            Refusal::NotLocked => "the order is not locked",
            Refusal::AwaitingPayment => "the order waits for its payment; it is unparked when the channel reports it",
            Refusal::AlreadyPaid => "the order is paid already",
            Refusal::AlreadyProcessed => "the order has been processed already",
            Refusal::AlreadyCancelled => "the order has been cancelled",
            Refusal::Deleted => "the order has been deleted",
            Refusal::Merged(id) => return write!(f, "the order was merged into order {id}"),
            Refusal::ChannelMayChangeIt => "its channel may still change the order; wait until it is paid",
            Refusal::SplitThisMonthOnly => {
                "the order was received before this month, and the settings of orders let people split only this month's"
            }
            Refusal::CannotMerge(orders) => return write!(f, "can't be merged: {}", orders.join("; ")),
            Refusal::NotesToRead(notes) => return write!(f, "read the note first: {}", notes.join(" · ")),
            Refusal::Composite(why) => why,
            Refusal::Unpaid => "the order is not paid, and only paid orders may be processed",
            Refusal::Unlinked(lines) => return write!(f, "no item is linked to {}; link it first", lines.join(", ")),
            Refusal::ShortOfStock(lines) => {
                let lines: Vec<_> = lines.iter().map(|l| format!("{} × {}", l.missing, l.sku)).collect();
                return write!(f, "short of stock at the order's location: {}", lines.join(", "));
            }
            Refusal::SameLocation => "the order is at that location already",
            Refusal::DefaultLocation => "the default location can't be deleted",
            Refusal::InUse(by) => return write!(f, "still in use by {by}"),
            Refusal::AlreadyLinked => "the line is linked to an item already",
            Refusal::ServiceLine => "a service has no item",
            Refusal::NotTracked => "stock of this item is not tracked at this location",
            Refusal::NothingToResend => "nothing to send again: it is on its way or was never due",
            Refusal::ChannelCannotRun(why) => return write!(f, "the channel can't run: {why}"),
            Refusal::ImportStarted => "the import has been started already",
            Refusal::ImportOver => "the import is over",
            Refusal::ImportedBefore(at) => {
                return write!(f, "the very same file was imported on {at}; nothing in it is new");
            }
            Refusal::LastOwner => "the last active owner can't be removed or lose the role",
            Refusal::AlreadySetUp => "set-up has been done; sign in instead",
            Refusal::TwoFactorOn => "two-factor sign-in is on already; switch it off first to begin anew",
            Refusal::TwoFactorRequired => "your role must have two-factor sign-in",
            Refusal::ScheduleOff => "the schedule is off; switch it on first",
            Refusal::RoleForbids(permission) => {
                return write!(f, "this needs the right {permission}, which your role has not");
            }
            Refusal::AtCentre => {
                "the order is with a fulfilment centre; nothing can be done with it until the centre answers \
                 (record its answer on the order if it came another way)"
            }
            Refusal::NotAtCentre => "no fulfilment centre has the order",
            Refusal::CentreProcesses => {
                "a fulfilment centre ships what is at this location; move the order to a location of your own first"
            }
            Refusal::CentreStock => "the figures of a fulfilment centre come from the centre's feed, not from a person",
            Refusal::NoCentre => "the location is not a fulfilment centre; count its stock instead",
            Refusal::KeyReused => "this Idempotency-Key was used for another request; take a new one",
        })
    }
}
