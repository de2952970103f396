//! A file of 100,000 rows taken in, with allocation: rows a second, and the memory it took.

use std::fmt::Write as _;

use consign_oms::{Actor, Ctx, Error, imports};
use consign_values::SystemClock;

use crate::company::Company;

const ROWS: usize = 100_000;

/// Two rows an order, as a shop's export has them.
fn file() -> Vec<u8> {
    let mut text = String::from(
        "Order No,SKU,Line ID,Qty,Price,Tax Rate,Name,Address 1,Town,Postcode,Country,Email,Order Date,Postage Cost,Currency\n",
    );
    for row in 0..ROWS {
        let order = row / 2;
        let _ = writeln!(
            text,
            "F-{order:06},SKU-{:04},{},{},12.50,20,Ann Lee {order},{} High Street,Leeds,LS1 {}AA,United Kingdom,buyer{order}@example.com,2026-03-04 10:11:12,3.95,GBP",
            row * 7 % 1_000,
            row % 2 + 1,
            1 + row % 3,
            order % 200,
            order % 9,
        );
    }
    text.into_bytes()
}

/// The most memory that this process has held, in megabytes.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1_024.0
}

/// Tries the file dry and takes it in.
pub fn measure(report: &mut String, company: &Company) {
    let ctx = Ctx::new(&SystemClock, Actor::System);
    let bytes = file();
    let size = bytes.len() as f64 / 1e6;
    let write = |result: Result<_, Error>| result.expect("the import goes on");
    let id = write(company.db.write(|tx| {
        imports::prepare(tx, &ctx, "bench.csv", &bytes, imports::Like::Names(imports::ImportKind::Orders))
    }));
    drop(bytes);
    let before = peak();
    let (dry_wall, _, dry) = crate::timed(|| company.db.read(|tx| imports::dry_run(tx, id)).expect("it is tried"));
    assert_eq!((dry.new, dry.rejected), (ROWS / 2, 0));
    let (wall, used, ()) = crate::timed(|| {
        company.db.write(|tx| imports::start(tx, &ctx, id, false)).expect("it starts");
        let progress = company.db.read(|tx| imports::Progress::open(tx, id)).expect("the file is read");
        while company.db.write(|tx| imports::work(tx, &ctx, id, &progress)).expect("a batch is taken in") {}
    });
    let _ = writeln!(
        report,
        "## Import of {ROWS} rows, {size:.0} MB, two rows an order\n\n| | |\n|---|---|\n| tried dry | {:.1} s |\n| taken in, with allocation | {:.1} s |\n\
         | rows a second | {:.0} |\n| CPU ms per row | {:.3} |\n| memory above what the bench held before | {:.0} MB |\n",
        dry_wall.as_secs_f64(),
        wall.as_secs_f64(),
        ROWS as f64 / wall.as_secs_f64(),
        used.as_secs_f64() * 1_000.0 / ROWS as f64,
        peak() - before,
    );
}
