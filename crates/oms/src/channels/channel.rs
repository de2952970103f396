//! The rows of channel instances.

use consign_db::row;
use consign_ports::StatusTarget;
use consign_values::{ChannelId, InboxId, ItemId, ListingId, LocationId, OrderId, Timestamp};

use super::SeveralLocations;

row! {
    /// A channel instance.
    #[derive(Clone, Debug)]
    pub struct Channel in "channel" {
        /// Its id.
        pub id: ChannelId,
        /// Code of its kind.
        pub kind: String,
        /// Source of its orders, upper case.
        pub source: String,
        /// Its account: sub-source of its orders.
        pub name: String,
        /// Master switch: off means no traffic at all.
        pub enabled: bool,
        /// Why it can't run although enabled; blank if it can.
        pub paused_because: String,
        /// What set-up stored, sealed.
        pub connection: Vec<u8>,
        /// Set-up is finished.
        pub ready: bool,
        /// Where its orders land.
        pub download_location_id: LocationId,
        /// Unpaid orders are taken, too.
        pub download_unpaid: bool,
        /// Unlinked listings are linked to the item of the same SKU.
        pub link_by_sku: bool,
        /// Despatches are reported.
        pub send_despatches: bool,
        /// Cancellations are reported.
        pub send_cancellations: bool,
        /// Stock is pushed.
        pub push_stock: bool,
        /// Shows at most so many.
        pub max_listed: Option<i64>,
        /// Shows none at or below this level.
        pub end_when: i64,
        /// Shows that part of the level.
        pub stock_percent: i64,
        /// Between two download rounds.
        pub interval_seconds: i64,
        /// When it was added.
        pub created_at: Timestamp,
        /// Counts up with each edit.
        pub version: i64,
        /// Prices are pushed.
        pub push_prices: bool,
        /// What becomes of an order that names several of the channel's warehouses.
        pub several_locations: SeveralLocations,
    }
}

row! {
    /// Where a download stands.
    #[derive(Clone, Debug)]
    pub struct Cursor in "channel_cursor" {
        /// The instance.
        pub channel_id: ChannelId,
        /// The round asks for what changed since then.
        pub since_at: Timestamp,
        /// Next page of the round under way.
        pub page: Option<String>,
        /// When it started; none between rounds.
        pub started_at: Option<Timestamp>,
        /// Pages read in it.
        pub page_count: i64,
        /// New orders in it.
        pub taken_count: i64,
        /// Start of the round before.
        pub previous_at: Timestamp,
    }
}

row! {
    /// How an instance goes.
    #[derive(Clone, Debug)]
    pub struct Health in "channel_health" {
        /// The instance.
        pub channel_id: ChannelId,
        /// End of the last complete round.
        pub downloaded_at: Option<Timestamp>,
        /// Since when every call fails.
        pub failing_since: Option<Timestamp>,
        /// How many in a row.
        pub failures: i64,
        /// The last error.
        pub last_error: String,
        /// Its time.
        pub last_error_at: Option<Timestamp>,
        /// Calls that the channel still allows, where it says.
        pub rate_left: Option<i64>,
        /// When both sides were last compared.
        pub reconciled_at: Option<Timestamp>,
        /// Orders that the channel has in the wanted statuses.
        pub channel_count: Option<i64>,
        /// Those of them that we have.
        pub our_count: Option<i64>,
        /// Up to 100 references that we have not, comma separated.
        pub gap: String,
    }
}

row! {
    /// What a status of the channel means.
    #[derive(Clone, Debug)]
    pub struct StatusMap in "channel_status" {
        /// The instance.
        pub channel_id: ChannelId,
        /// The channel's code.
        pub code: String,
        /// What people call it.
        pub label: String,
        /// Code of a [`StatusTarget`]; see [`StatusMap::means`].
        pub target: String,
    }
}

impl StatusMap {
    /// What it means.
    pub fn means(&self) -> StatusTarget {
        target_from(&self.target)
    }
}

/// The target with that stored code; *Unmapped* for anything else.
pub(super) fn target_from(code: &str) -> StatusTarget {
    match code {
        "paid" => StatusTarget::Paid,
        "unpaid" => StatusTarget::Unpaid,
        "shipped" => StatusTarget::Shipped,
        "cancelled" => StatusTarget::Cancelled,
        _ => StatusTarget::Unmapped,
    }
}

/// The stored code of a target.
pub(super) fn target_code(target: StatusTarget) -> &'static str {
    match target {
        StatusTarget::Unmapped => "unmapped",
        StatusTarget::Paid => "paid",
        StatusTarget::Unpaid => "unpaid",
        StatusTarget::Shipped => "shipped",
        StatusTarget::Cancelled => "cancelled",
    }
}

row! {
    /// What a shipping or payment tag of the channel means.
    #[derive(Clone, Debug)]
    pub struct TagMap in "channel_tag" {
        /// The instance.
        pub channel_id: ChannelId,
        /// `shipping` or `payment`.
        pub kind: String,
        /// The channel's site; mostly blank.
        pub site: String,
        /// The channel's tag.
        pub tag: String,
        /// What people call it.
        pub label: String,
        /// Carrier (shipping).
        pub carrier: String,
        /// Service (shipping) or method (payment).
        pub service: String,
    }
}

row! {
    /// A channel-SKU link.
    #[derive(Clone, Debug)]
    pub struct Listing in "listing" {
        /// Its id.
        pub id: ListingId,
        /// The instance.
        pub channel_id: ChannelId,
        /// SKU on the channel.
        pub channel_sku: String,
        /// Title on the channel.
        pub title: String,
        /// The channel's id of it.
        pub channel_reference: String,
        /// Our item.
        pub item_id: Option<ItemId>,
        /// Own limit; the instance's if none.
        pub max_listed: Option<i64>,
        /// Own limit; the instance's if none.
        pub end_when: Option<i64>,
        /// Own limit; the instance's if none.
        pub stock_percent: Option<i64>,
        /// No stock is pushed.
        pub ignore_stock: bool,
        /// The figure may differ from what the channel was told.
        pub due: bool,
        /// What it was told.
        pub submitted: Option<i64>,
        /// When.
        pub submitted_at: Option<Timestamp>,
        /// Why it could not be told; blank if it could.
        pub last_error: String,
        /// The channel no longer has it.
        pub gone: bool,
        /// The price may differ from what the channel was told.
        pub price_due: bool,
        /// When it was told a price last.
        pub price_told_at: Option<Timestamp>,
        /// Why a price could not be told; blank if it could.
        pub price_error: String,
    }
}

consign_db::text_enum! {
    /// What became of a payload.
    pub enum InboxState {
        /// It made or changed an order, or was found to change nothing.
        Taken = "taken",
        /// The settings say that it is not wanted.
        Ignored = "ignored",
        /// It can't be understood.
        Rejected = "rejected",
    }
}

row! {
    /// A payload as it came.
    #[derive(Clone, Debug)]
    pub struct InboxEntry in "inbox" {
        /// Its id.
        pub id: InboxId,
        /// The instance.
        pub channel_id: ChannelId,
        /// The channel's order number; blank if unreadable.
        pub reference: String,
        /// SHA-256 of the payload.
        pub digest: Vec<u8>,
        /// When it came.
        pub received_at: Timestamp,
        /// What became of it.
        pub state: InboxState,
        /// Why.
        pub reason: String,
        /// The order it belongs to.
        pub order_id: Option<OrderId>,
        /// The bytes.
        pub payload: Vec<u8>,
    }
}
