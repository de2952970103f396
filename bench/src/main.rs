//! Speed, as a ratio to the raw limit measured in the same run: `cargo run --release -p consign-bench [-- ORDERS …]`.
//!
//! Prints a table, and writes it with the machine and its load to `bench/RESULTS.md`. The raw limit of receiving is bare
//! rusqlite inserting the very rows that Consign stored, read back from its database, with the same pragmas and batches.

mod company;
mod pages;
mod raw;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use company::Company;

/// Orders in a page of a channel.
const BATCH: usize = 100;

/// CPU time that this process has used.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
    let ticks: u64 = after.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Wall and CPU time of `work`.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, Duration, T) {
    let (wall, begun) = (Instant::now(), cpu());
    let done = work();
    (wall.elapsed(), cpu().saturating_sub(begun), done)
}

fn main() {
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000];
    }
    let mut report = format!("# Results\n\n{}\n\n", machine());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut company = Company::found(folder.path());
    let mut there = 0;
    for size in sizes {
        receive(&mut report, &company, folder.path(), there, size);
        there = size;
        pages::measure(&mut report, &company, size);
    }
    singles(&mut report, &mut company, folder.path(), there);
    report.push_str(REMARKS);
    print!("{report}");
    if let Err(error) = std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"), &report) {
        eprintln!("RESULTS.md: {error}");
    }
}

const REMARKS: &str = "\n*Receive* is everything: payload and digest, judging, linking, claims, ledger, decisions, history, search text. *Raw* \
inserts the same rows with bare rusqlite (WAL, synchronous=FULL, the same indexes and triggers), but decides nothing. Ratios move by some \
30 % from run to run on a machine that others use.\n";

fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo");
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("?", |m| m.trim_start_matches([' ', '\t', ':']));
    let memory = read("/proc/meminfo");
    let memory = memory.lines().next().unwrap_or("").to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} cores, {model}; {memory}; load before {}; SQLite, two lines an order, {BATCH} orders a page.",
        read("/proc/loadavg").trim()
    )
}

/// Takes orders until there are `size`, then inserts the same rows raw.
fn receive(report: &mut String, company: &Company, folder: &std::path::Path, from: usize, size: usize) {
    let marks = raw::marks(company.path());
    let (wall, used, ()) = timed(|| {
        for page in (from..size).collect::<Vec<_>>().chunks(BATCH) {
            company.receive(page);
        }
    });
    let orders = (size - from) as f64;
    let copy = raw::Copy::prepare(company.path(), &folder.join(format!("raw-{size}.db")), &marks);
    let (raw_wall, raw_used, rows) = timed(|| copy.insert(orders as usize / BATCH));
    let (rate, raw_rate) = (orders / wall.as_secs_f64(), orders / raw_wall.as_secs_f64());
    let _ = writeln!(
        report,
        "## Receive, {from} to {size} open orders\n\n| | orders/s | CPU ms per order | rows per order |\n|---|---|---|---|\n\
         | Consign | {rate:.0} | {:.3} | {:.1} |\n| raw | {raw_rate:.0} | {:.3} | {:.1} |\n| ratio | {:.2} | | |\n",
        used.as_secs_f64() * 1_000.0 / orders,
        rows as f64 / orders,
        raw_used.as_secs_f64() * 1_000.0 / orders,
        rows as f64 / orders,
        rate / raw_rate,
    );
}

/// Orders in transactions of their own, and processing.
fn singles(report: &mut String, company: &mut Company, folder: &std::path::Path, there: usize) {
    const COUNT: usize = 1_000;
    let marks = raw::marks(company.path());
    let (wall, used, ()) = timed(|| (there..there + COUNT).for_each(|n| company.receive(&[n])));
    let copy = raw::Copy::prepare(company.path(), &folder.join("raw-single.db"), &marks);
    let (raw_wall, _, _) = timed(|| copy.insert(COUNT));
    let (processed, process_used, ()) = timed(|| company.process(COUNT));
    let rate = |wall: Duration| COUNT as f64 / wall.as_secs_f64();
    let _ = writeln!(
        report,
        "## One order a transaction, at {there} open orders\n\n| | per second | CPU ms each |\n|---|---|---|\n\
         | receive | {:.0} | {:.3} |\n| receive, raw | {:.0} | |\n| ratio | {:.2} | |\n| process | {:.0} | {:.3} |\n",
        rate(wall),
        used.as_secs_f64(),
        rate(raw_wall),
        rate(wall) / rate(raw_wall),
        rate(processed),
        process_used.as_secs_f64(),
    );
}
