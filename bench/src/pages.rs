//! The open-orders page of 50, in the ways that people look at it.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use consign_oms::orders::{Filter, Sort, count, search};

use crate::company::Company;

const READS: usize = 200;

/// A way to look at the list: its name, and the filter of the n-th read.
type Look<'a> = (&'static str, Box<dyn Fn(usize) -> Filter + 'a>);

/// p50 and p95 of the page's reads (the page and its count), each kind of page.
pub fn measure(report: &mut String, company: &Company, size: usize) {
    let text = |text: String| Filter { text, ..Filter::open() };
    let looks: [Look<'_>; 6] = [
        ("newest", Box::new(|_| Filter::open())),
        ("by despatch date", Box::new(|_| Filter { sort: Sort::DespatchBy, ..Filter::open() })),
        ("by location", Box::new(|_| Filter { location: Some(company.location), ..Filter::open() })),
        (
            "deep page",
            Box::new(|n| Filter {
                after: Some((1_790_000_000_000_000 + ((n + 1) * size / READS) as i64 * 7_000_000, 0)),
                ..Filter::open()
            }),
        ),
        ("by text, one hit", Box::new(move |n| text(format!("b-{:07}", n * size / READS)))),
        ("by text, common", Box::new(move |_| text("leeds".to_owned()))),
    ];
    let _ = writeln!(
        report,
        "## Open-orders page of 50 at {size} open orders\n\n| page | p50 ms | p95 ms |\n|---|---|---|"
    );
    for (name, filter) in looks {
        let mut times: Vec<Duration> = (0..READS).map(|n| read(company, &filter(n))).collect();
        times.sort_unstable();
        let ms = |part: usize| times[READS * part / 100].as_secs_f64() * 1_000.0;
        let _ = writeln!(report, "| {name} | {:.2} | {:.2} |", ms(50), ms(95));
    }
    report.push('\n');
}

fn read(company: &Company, filter: &Filter) -> Duration {
    let begun = Instant::now();
    let page = company.db.read(|tx| {
        let page = search(tx, filter)?;
        count(tx, filter)?;
        Ok::<_, consign_oms::Error>(page)
    });
    assert!(!page.expect("the page is read").orders.is_empty());
    begun.elapsed()
}
