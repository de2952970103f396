//! The migrations, embedded in their order.

use consign_db::Migration;

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        /// All migrations, oldest first.
        pub const MIGRATIONS: &[Migration] = &[$(Migration {
            name: $name,
            text: include_str!(concat!("../../../migrations/", $name, ".sql")),
        }),*];
    };
}

migrations![
    "0001_foundations",
    "0002_items_locations_stock",
    "0003_channels",
    "0004_orders",
    "0005_prices",
    "0006_imports",
    "0007_api",
    "0008_order_changes",
    "0009_references",
    "0010_schedules",
    "0011_marks",
    "0013_fulfilment_centres",
    "0015_accounts",
    "0017_settings",
    "0018_retention",
    "0021_channel_hooks",
    "0022_channel_locations",
    "0023_rules",
];
