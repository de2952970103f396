//! Tables in files: CSV in any usual delimiter and encoding, and XLSX, as rows of texts; and rows back as CSV or XLSX.
//!
//! A [`Sheet`] keeps the decoded file and where each row begins, not the rows: a file of 100,000 rows costs its own size and a few
//! bytes a row. Nothing here knows what a column means. What is written can't start a formula in anybody's spreadsheet.

mod read;
mod write;

pub use read::{Reading, Sheet, SheetError};
pub use write::{FileKind, TableWriter, harmless, meant, to_csv, to_xlsx};
