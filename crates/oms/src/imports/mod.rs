//! Files taken in: mapped, tried dry, worked through. New orders; and, related, orders to process, tracking numbers, items, stock
//! levels, SKU links. Reference section 6.
//!
//! A run keeps its file until it is over, and notes with each batch how far it is: a crash goes on from there. Orders go through
//! the same door as those of channels; one that is known by its source, sub-source and reference changes nothing. A bad row rejects
//! its whole order. Nothing here reads files by itself or keeps time tables.

mod columns;
mod related;
mod rows;
mod run;
mod store;

use consign_db::{Tx, row};
use consign_values::{ImportId, LocationId, Timestamp};

pub use columns::{Column, ImportKind, Mapping};
pub use consign_sheets::Reading;
pub(crate) use rows::write_pairs;
pub use rows::{Group, ReadOrder, RowFault};
pub use run::{
    DryOrder, DryRun, Like, Progress, cancel, dry_run, prepare, rejected_file, remap, sheet_of, start, work,
};

use crate::{Error, Result};

/// The source of imported orders (reference 6.1).
pub const IMPORTED: &str = "DATAIMPORTEXPORT";

consign_db::text_enum! {
    /// How far a run is.
    pub enum ImportState {
        /// The file is there; its columns are being mapped.
        Prepared = "prepared",
        /// It is being taken in.
        Running = "running",
        /// Over.
        Done = "done",
        /// Stopped by somebody; what was taken stays.
        Cancelled = "cancelled",
        /// It can't be read.
        Failed = "failed",
    }
}

row! {
    /// One file, taken in or about to be.
    #[derive(Clone, Debug)]
    pub struct Import in "import_run" {
        /// Its id.
        pub id: ImportId,
        /// The file's name.
        pub file_name: String,
        /// SHA-256 of the file.
        pub digest: Vec<u8>,
        /// JSON of the file's column names.
        pub header: String,
        /// JSON of a [`Mapping`].
        pub mapping: String,
        /// Sub-source of its orders, where the file names none.
        pub sub_source: String,
        /// Where its orders land, where the file names no location.
        pub location_id: LocationId,
        /// How far it is.
        pub state: ImportState,
        /// Orders in the file.
        pub order_count: i64,
        /// Orders dealt with.
        pub done_count: i64,
        /// New ones.
        pub taken_count: i64,
        /// Known before.
        pub known_count: i64,
        /// Rejected.
        pub rejected_count: i64,
        /// Why it failed.
        pub error: String,
        /// Who started it.
        pub actor: String,
        /// When the file came.
        pub created_at: Timestamp,
        /// When it was over.
        pub ended_at: Option<Timestamp>,
    }
}

impl Import {
    /// How its columns are read.
    pub fn mapping(&self) -> Mapping {
        serde_json::from_str(&self.mapping).unwrap_or_default()
    }

    /// The file's column names.
    pub fn header(&self) -> Vec<String> {
        serde_json::from_str(&self.header).unwrap_or_default()
    }
}

row! {
    /// A mapping that was kept under a name.
    #[derive(Clone, Debug)]
    pub struct Profile in "import_profile" {
        /// Its id.
        pub id: i64,
        /// Its name.
        pub name: String,
        /// JSON of a [`Mapping`].
        pub mapping: String,
        /// Sub-source.
        pub sub_source: String,
        /// Location.
        pub location_id: LocationId,
        /// When it was kept last.
        pub updated_at: Timestamp,
    }
}

row! {
    /// A row that was rejected.
    #[derive(Clone, Debug)]
    pub struct Reject in "import_reject" {
        /// Its id.
        pub id: i64,
        /// The run.
        pub run_id: ImportId,
        /// Its line in the file.
        pub line: i64,
        /// Its order.
        pub reference: String,
        /// The column that is wrong; blank where only another row of the order is.
        pub field: String,
        /// What is wrong.
        pub reason: String,
        /// JSON of its cells.
        pub cells: String,
    }
}

impl Profile {
    /// What it keeps.
    pub fn mapping(&self) -> Mapping {
        serde_json::from_str(&self.mapping).unwrap_or_default()
    }
}

/// One run.
pub fn get(tx: &mut Tx<'_>, id: ImportId) -> Result<Import> {
    store::find(tx, id)?.ok_or(Error::NotFound("import"))
}

/// The last 100 runs, newest first.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Import>> {
    store::list(tx)
}

/// The first 200 rejected rows of a run.
pub fn rejects(tx: &mut Tx<'_>, id: ImportId) -> Result<Vec<Reject>> {
    store::rejects(tx, id, 200)
}

/// The kept mappings, by name.
pub fn profiles(tx: &mut Tx<'_>) -> Result<Vec<Profile>> {
    store::profiles(tx)
}
