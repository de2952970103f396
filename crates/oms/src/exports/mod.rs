//! Tables of orders, items and stock as files, CSV or XLSX. Reference 6.7.
//!
//! Rows are read in pages and written as they come. The columns of orders are those of the import and have their codes as names, so
//! that an exported file can be imported without mapping anything. Nothing is changed here, and no file is kept.

mod orders;
mod store;

use consign_db::{Tx, row};
pub use consign_sheets::FileKind;
use consign_sheets::TableWriter;
use consign_values::{Currency, ItemId, LocationId, Money, Timestamp, clean};
use rust_decimal::Decimal;

use crate::{Error, Result};

/// The most rows of a file.
pub const ROWS_MAX: usize = 200_000;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// Lines of open orders, parked ones too, locked ones not.
    Orders,
    /// Lines of the orders that fulfilment centres have: what a centre is sent.
    CentreOrders,
    /// Items.
    Items,
    /// Levels of items at locations.
    Stock,
}

/// Which of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportFilter {
    /// Orders or levels at that location only.
    pub location: Option<LocationId>,
    /// Orders received then or later only.
    pub received_from: Option<Timestamp>,
    /// Orders received before then only.
    pub received_until: Option<Timestamp>,
}

/// Which columns a file has, in which sequence, under which names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns(Vec<(usize, String)>);

impl Columns {
    /// Reads one column a line: its code, or `code = own name`. Blank: all, by their codes. The error is for people.
    pub fn parse(what: Export, text: &str) -> Result<Columns, String> {
        let all = what.columns();
        let mut chosen: Vec<(usize, String)> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (code, name) = line.split_once('=').map_or((line, line), |(code, name)| (code.trim(), name.trim()));
            let Some(at) = all.iter().position(|known| *known == code) else {
                return Err(format!("{} is no column", clean(code, 64)));
            };
            let name = clean(name, 100);
            if name.is_empty() || chosen.iter().any(|(_, known)| *known == name) {
                return Err(format!("{code} needs a name of its own"));
            }
            if chosen.len() == 200 {
                return Err("are more than 200".to_owned());
            }
            chosen.push((at, name));
        }
        Ok(Columns(chosen))
    }

    fn header(&self, what: Export) -> Vec<String> {
        if self.0.is_empty() {
            return what.columns().iter().map(|code| (*code).to_owned()).collect();
        }
        self.0.iter().map(|(_, name)| name.clone()).collect()
    }

    fn of(&self, row: Vec<String>) -> Vec<String> {
        if self.0.is_empty() {
            return row;
        }
        self.0.iter().map(|(at, _)| row.get(*at).cloned().unwrap_or_default()).collect()
    }
}

impl Export {
    /// All of them.
    pub const ALL: [Export; 4] = [Export::Orders, Export::CentreOrders, Export::Items, Export::Stock];

    /// Its name in addresses and stored schedules.
    pub fn code(self) -> &'static str {
        match self {
            Export::Orders => "orders",
            Export::CentreOrders => "centre-orders",
            Export::Items => "items",
            Export::Stock => "stock",
        }
    }

    /// The export of that name.
    pub fn parse(code: &str) -> Option<Export> {
        Export::ALL.into_iter().find(|what| what.code() == code)
    }

    /// What it is of, for people.
    pub fn label(self) -> &'static str {
        match self {
            Export::Orders => "open orders, without locked ones",
            Export::CentreOrders => "orders with a fulfilment centre",
            Export::Items => "items",
            Export::Stock => "stock levels",
        }
    }

    /// The codes of its columns.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Export::Orders | Export::CentreOrders => orders::COLUMNS,
            Export::Items => &ITEM_COLUMNS,
            Export::Stock => &STOCK_COLUMNS,
        }
    }
}

row! {
    /// A barcode of an item.
    #[derive(Clone, Debug)]
    pub(crate) struct ItemBarcode {
        /// The item.
        pub item_id: ItemId,
        /// Its code.
        pub barcode: String,
    }
}

row! {
    /// A level with its names.
    #[derive(Clone, Debug)]
    pub(crate) struct StockRow {
        /// The item's SKU.
        pub sku: String,
        /// The item's title.
        pub title: String,
        /// The location.
        pub location_id: LocationId,
        /// Its name.
        pub location: String,
        /// Physically there.
        pub on_hand: i64,
        /// Promised to orders.
        pub allocated: i64,
        /// Wanted by orders.
        pub demand: i64,
        /// Whether figures are kept.
        pub tracked: bool,
    }
}

/// Makes the file. Refused beyond [`ROWS_MAX`] rows: half a table would be taken for a whole one.
pub fn file(
    tx: &mut Tx<'_>,
    what: Export,
    filter: &ExportFilter,
    columns: &Columns,
    kind: FileKind,
) -> Result<Vec<u8>> {
    let writer = TableWriter::new(kind, &columns.header(what)).map_err(unwritable)?;
    let mut table = Table { writer, columns, count: 0 };
    match what {
        Export::Orders => orders::write(tx, filter, false, &mut table)?,
        Export::CentreOrders => orders::write(tx, filter, true, &mut table)?,
        Export::Items => write_items(tx, &mut table)?,
        Export::Stock => write_stock(tx, filter, &mut table)?,
    }
    table.writer.finish().map_err(unwritable)
}

/// Any table as CSV with harmless cells.
pub fn table(header: &[String], rows: &[Vec<String>]) -> Vec<u8> {
    consign_sheets::to_csv(header, rows)
}

fn unwritable(error: impl std::fmt::Display) -> Error {
    Error::Db(consign_db::Error::Other(format!("the file can't be written: {error}")))
}

struct Table<'c> {
    writer: TableWriter,
    columns: &'c Columns,
    count: usize,
}

impl Table<'_> {
    fn rows(&mut self, rows: Vec<Vec<String>>) -> Result<()> {
        self.count += rows.len();
        if self.count > ROWS_MAX {
            return Err(Error::invalid("rows", "are more than 200,000; choose a location or fewer days"));
        }
        let rows: Vec<Vec<String>> = rows.into_iter().map(|row| self.columns.of(row)).collect();
        self.writer.rows(&rows).map_err(unwritable)
    }
}

/// An amount with all the decimals it has, at least two.
fn amount(amount: i64, currency: Currency) -> String {
    let exact = Decimal::new(amount, 4).normalize();
    let rounded = Money { amount, currency }.to_decimal();
    if rounded == exact { rounded.to_string() } else { exact.to_string() }
}

fn truth(is: bool) -> String {
    if is { "yes".to_owned() } else { "no".to_owned() }
}

const ITEM_COLUMNS: [&str; 10] =
    ["sku", "title", "barcodes", "weight_g", "length_mm", "width_mm", "height_mm", "price", "currency", "tax_rate"];

fn write_items(tx: &mut Tx<'_>, table: &mut Table<'_>) -> Result<()> {
    let mut after = String::new();
    loop {
        let items = store::items_after(tx, &after)?;
        let Some(last) = items.last() else { return Ok(()) };
        after.clone_from(&last.sku);
        let ids: Vec<ItemId> = items.iter().map(|item| item.id).collect();
        let barcodes = store::barcodes_of(tx, &ids)?;
        let rows: Vec<Vec<String>> = items
            .iter()
            .map(|item| {
                let own = barcodes.iter().filter(|code| code.item_id == item.id).map(|code| code.barcode.as_str());
                vec![
                    item.sku.clone(),
                    item.title.clone(),
                    own.collect::<Vec<_>>().join(" "),
                    item.weight_g.to_string(),
                    item.length_mm.to_string(),
                    item.width_mm.to_string(),
                    item.height_mm.to_string(),
                    amount(item.price, item.currency),
                    item.currency.to_string(),
                    item.tax_rate.to_percent().to_string(),
                ]
            })
            .collect();
        table.rows(rows)?;
    }
}

const STOCK_COLUMNS: [&str; 8] = ["sku", "title", "location", "on_hand", "allocated", "wanted", "available", "tracked"];

fn write_stock(tx: &mut Tx<'_>, filter: &ExportFilter, table: &mut Table<'_>) -> Result<()> {
    let mut after = (String::new(), LocationId(0));
    loop {
        let levels = store::levels_after(tx, filter.location, &after.0, after.1)?;
        let Some(last) = levels.last() else { return Ok(()) };
        after = (last.sku.clone(), last.location_id);
        let rows: Vec<Vec<String>> = levels
            .into_iter()
            .map(|level| {
                let available = level.on_hand - level.demand;
                vec![
                    level.sku,
                    level.title,
                    level.location,
                    level.on_hand.to_string(),
                    level.allocated.to_string(),
                    level.demand.to_string(),
                    available.to_string(),
                    truth(level.tracked),
                ]
            })
            .collect();
        table.rows(rows)?;
    }
}
