//! Ids: `i64` newtypes, handed out in leased blocks by `db`. Small, fast, and short enough to be read out on the telephone.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map($name)
            }
        }
    )*};
}

id! {
    /// An order; also the number people read out and scan.
    OrderId;
    /// A line of an order.
    LineId;
    /// A stock item.
    ItemId;
    /// A place that holds stock and fulfils orders.
    LocationId;
    /// A channel instance: one account of one channel kind.
    ChannelId;
    /// A channel-SKU link: one listing of one channel instance.
    ListingId;
    /// A user of Consign.
    UserId;
    /// A token of the interface for programs.
    TokenId;
    /// A webhook: an address that is told what happens.
    WebhookId;
    /// A raw payload in the inbox.
    InboxId;
    /// A message in the outbox: a despatch or a cancellation note.
    DespatchId;
    /// An entry of the stock ledger.
    LedgerId;
    /// An entry of the history.
    HistoryId;
    /// A job.
    JobId;
    /// A direct order that is not complete yet.
    DraftId;
    /// A customer of the address book.
    CustomerId;
    /// A file that is taken in.
    ImportId;
    /// A timetable for files that come or go by themselves.
    ScheduleId;
    /// A folder or an identifier.
    MarkId;
    /// A rule.
    RuleId;
}
