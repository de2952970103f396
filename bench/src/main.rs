//! Speed, as a ratio to the raw limit measured in the same run: `cargo run --release -p consign-bench [-- ORDERS …]`.
//!
//! Prints a table, and writes it with the machine and its load to `bench/RESULTS.md`. With `import`, `export` or `interface` it
//! measures those alone, and only prints. The raw limit of receiving is bare
//! rusqlite inserting the very rows that Consign stored, read back from its database, with the same pragmas and batches.

mod api;
mod company;
mod export;
mod import;
mod pages;
mod raw;
mod serve;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use company::Company;

/// Orders in a page of a channel.
const BATCH: usize = 100;

/// CPU time that this process has used.
fn cpu() -> Duration {
    cpu_of("self")
}

/// CPU time that a process has used.
fn cpu_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(api::SERVE) => return api::serve(arguments.get(1).map(String::as_str)),
        Some(api::SERVE_CONSTANT) => return api::serve(None),
        _ => {}
    }
    let mut parts = String::new();
    for part in PARTS.iter().filter(|(name, _)| arguments.iter().any(|argument| argument == name)) {
        part.1(&mut parts);
    }
    if !parts.is_empty() {
        return print!("{}\n\n{parts}", machine());
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|size| size.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let postgres = arguments.iter().find(|argument| argument.starts_with("postgres://")).map(String::as_str);
    let engine = if postgres.is_some() { "PostgreSQL" } else { "SQLite" };
    let mut report = format!("# Results on {engine}\n\n{}\n\n", machine());
    let folder = tempfile::tempdir().expect("a temporary folder");
    if postgres.is_none() {
        serve::empty(&mut report);
        PARTS.iter().for_each(|(_, part)| part(&mut report));
    }
    let mut company = Company::found(folder.path(), postgres);
    let mut there = 0;
    for size in sizes {
        receive(&mut report, &company, postgres.is_none().then_some(folder.path()), there, size);
        there = size;
        pages::measure(&mut report, &company, size);
    }
    singles(&mut report, &mut company, postgres.is_none().then_some(folder.path()), there);
    if postgres.is_none() {
        let session = company.sign_in();
        drop(company);
        serve::full(&mut report, folder.path(), there, &session);
    }
    report.push_str(if postgres.is_none() { REMARKS } else { POSTGRES_REMARKS });
    print!("{report}");
    let name = if postgres.is_none() { "RESULTS.md" } else { "RESULTS-postgresql.md" };
    let place = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if let Err(error) = std::fs::write(&place, &report) {
        eprintln!("{}: {error}", place.display());
    }
}

/// What is measured on a database of its own, by its name on the command line.
type Part = (&'static str, fn(&mut String));
const PARTS: [Part; 3] = [
    ("import", |report| on_its_own(|_, company| import::measure(report, &company))),
    ("export", |report| on_its_own(|folder, company| export::measure(report, &company, folder))),
    ("interface", |report| on_its_own(|_, company| api::measure(report, company))),
];

fn on_its_own(part: impl FnOnce(&std::path::Path, Company)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    part(folder.path(), Company::found(folder.path(), None));
}

const REMARKS: &str = "\n*Receive* is everything: payload and digest, judging, linking, claims, ledger, decisions, history, search text. *Raw* \
inserts the same rows with bare rusqlite (WAL, synchronous=FULL, the same indexes and triggers), but decides nothing; beyond \
100,000 orders only the last 50,000 of a step are timed, on both sides, and the raw side's text index holds only those. \
Ratios move by some 30 % from run to run on a machine that others use.\n\n*Aims*: receiving at no less than half the raw rate and \
under 1 ms of CPU an order; pages at p95 under 50 ms at a million orders, not growing with the table; start under 200 ms; idle under \
60 MB. What grows is a text search whose three-letter pieces stand in nearly every order, such as the common beginning of all \
references: the index intersects long lists before it finds the one hit.\n";
const POSTGRES_REMARKS: &str =
    "\nOver a socket on the same machine, which shares its cores with the database. No raw limit was measured here.\n";

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
        "{cores} cores, {model}; {memory}; load before {}; two lines an order, {BATCH} orders a page.",
        read("/proc/loadavg").trim()
    )
}

/// The most orders of a step that are timed: the raw side holds their rows in memory.
const TIMED_MAX: usize = 50_000;

/// Takes orders until there are `size`, then (with a folder to do it in) inserts the same rows raw.
fn receive(report: &mut String, company: &Company, folder: Option<&std::path::Path>, from: usize, size: usize) {
    let timed_from = if size > 100_000 { size.saturating_sub(TIMED_MAX).max(from) } else { from };
    let take = |from: usize, to: usize| {
        for page in (from..to).collect::<Vec<_>>().chunks(BATCH) {
            company.receive(page);
        }
    };
    take(from, timed_from);
    let marks = folder.map(|_| raw::marks(company.path()));
    let (wall, used, ()) = timed(|| take(timed_from, size));
    let orders = (size - timed_from) as f64;
    let rate = orders / wall.as_secs_f64();
    let _ = writeln!(
        report,
        "## Receive, {timed_from} to {size} open orders\n\n| | orders/s | CPU ms per order |\n|---|---|---|\n\
         | Consign | {rate:.0} | {:.3} |",
        used.as_secs_f64() * 1_000.0 / orders,
    );
    if let (Some(folder), Some(marks)) = (folder, marks) {
        let copy = raw::Copy::prepare(company.path(), &folder.join(format!("raw-{size}.db")), &marks);
        let (raw_wall, raw_used, rows) = timed(|| copy.insert(orders as usize / BATCH));
        let raw_rate = orders / raw_wall.as_secs_f64();
        let _ = writeln!(
            report,
            "| raw, {:.1} rows an order | {raw_rate:.0} | {:.3} |\n| ratio | {:.2} | |",
            rows as f64 / orders,
            raw_used.as_secs_f64() * 1_000.0 / orders,
            rate / raw_rate,
        );
        let _ = std::fs::remove_file(folder.join(format!("raw-{size}.db")));
    }
    report.push('\n');
}

/// Orders in transactions of their own, and processing.
fn singles(report: &mut String, company: &mut Company, folder: Option<&std::path::Path>, there: usize) {
    const COUNT: usize = 1_000;
    let rate = |wall: Duration| COUNT as f64 / wall.as_secs_f64();
    let marks = folder.map(|_| raw::marks(company.path()));
    let (wall, used, ()) = timed(|| (there..there + COUNT).for_each(|n| company.receive(&[n])));
    let _ = writeln!(
        report,
        "## One order a transaction, at {there} open orders\n\n| | per second | CPU ms each |\n|---|---|---|\n\
         | receive | {:.0} | {:.3} |",
        rate(wall),
        used.as_secs_f64(),
    );
    if let (Some(folder), Some(marks)) = (folder, marks) {
        let copy = raw::Copy::prepare(company.path(), &folder.join("raw-single.db"), &marks);
        let (raw_wall, _, _) = timed(|| copy.insert(COUNT));
        let ratio = rate(wall) / rate(raw_wall);
        let _ = writeln!(report, "| receive, raw | {:.0} | |\n| ratio | {ratio:.2} | |", rate(raw_wall));
        let _ = std::fs::remove_file(folder.join("raw-single.db"));
    }
    let (processed, used, ()) = timed(|| company.process(COUNT));
    let _ = writeln!(report, "| process | {:.0} | {:.3} |\n", rate(processed), used.as_secs_f64());
}
