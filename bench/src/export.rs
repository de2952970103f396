//! Files of 100,000 orders, two rows each: how long they take, and how much memory.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use consign_oms::exports::{self, Columns, Export, ExportFilter, FileKind};
use rusqlite::Connection;

use crate::company::Company;

const ORDERS: usize = 100_000;

/// A line of `/proc/self/status` in megabytes.
fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1_024.0
}

/// Does `work`; gives its time, and the megabytes that it held at most above what was held before.
fn peak<T>(work: impl FnOnce() -> T) -> (Duration, f64, T) {
    // Sets the high-water mark to what is held now.
    let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    assert!(reset, "the peak of memory can't be measured here");
    let before = memory("VmRSS:");
    let begun = Instant::now();
    let done = work();
    (begun.elapsed(), memory("VmHWM:") - before, done)
}

/// CSV and XLSX, each against reading the rows with bare rusqlite and writing the same bytes.
pub fn measure(report: &mut String, company: &Company, folder: &Path) {
    for page in (0..ORDERS).collect::<Vec<_>>().chunks(100) {
        company.receive(page);
    }
    let _ = writeln!(
        report,
        "## Export of {ORDERS} orders, two rows each\n\n| | MB | s | rows a second | memory above what was held before, MB | raw s | raw MB | ratio |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for (name, kind) in [("CSV", FileKind::Csv), ("XLSX", FileKind::Xlsx)] {
        let target = folder.join(name);
        let (wall, held, size) = peak(|| {
            let columns = Columns::default();
            let file =
                company.db.read(|tx| exports::file(tx, Export::Orders, &ExportFilter::default(), &columns, kind));
            let bytes = file.expect("the file is made");
            std::fs::write(&target, &bytes).expect("it is written");
            bytes.len()
        });
        let bytes = std::fs::read(&target).expect("it is there");
        let (raw_wall, raw_held, rows) = peak(|| {
            let rows = read(company.path());
            std::fs::write(&target, &bytes).expect("it is written");
            rows
        });
        assert_eq!(rows, ORDERS * 4, "orders, details and lines are read");
        let _ = writeln!(
            report,
            "| {name} | {:.0} | {:.2} | {:.0} | {held:.0} | {:.2} | {raw_held:.0} | {:.2} |",
            size as f64 / 1e6,
            wall.as_secs_f64(),
            ORDERS as f64 * 2.0 / wall.as_secs_f64(),
            raw_wall.as_secs_f64(),
            raw_wall.as_secs_f64() / wall.as_secs_f64(),
        );
        let _ = std::fs::remove_file(&target);
    }
    report.push('\n');
}

/// Reads every column of the rows that an export needs; gives how many rows.
fn read(path: &Path) -> usize {
    let connection = Connection::open(path).expect("the database opens");
    let mut count = 0;
    for text in [
        "SELECT * FROM orders WHERE state = 'open' AND NOT locked ORDER BY id",
        "SELECT * FROM order_detail ORDER BY order_id",
        "SELECT * FROM order_line WHERE parent_line_id IS NULL ORDER BY order_id, id",
        "SELECT * FROM order_note ORDER BY order_id, id",
    ] {
        let mut statement = connection.prepare(text).expect("a statement");
        let width = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for column in 0..width {
                std::hint::black_box(row.get_ref(column).expect("a column"));
            }
            count += 1;
        }
    }
    count
}
