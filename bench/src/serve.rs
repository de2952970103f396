//! The program itself: how long from the command to the first answer, and how much memory it holds.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 5;

/// `consign` beside this program, if it was built: `cargo build --release`.
fn program() -> Option<PathBuf> {
    let path = std::env::current_exe().ok()?.with_file_name("consign");
    path.exists().then_some(path)
}

struct Served {
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answers(address: SocketAddr, path: &str, session: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nCookie: consign_session={session}\r\nConnection: close\r\n\r\n"
    );
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

fn serve(program: &Path, data: &Path) -> Served {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let begun = Instant::now();
    let child = Command::new(program)
        .args(["serve", "--data"])
        .arg(data)
        .args(["--listen", &free.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("consign starts");
    while !answers(free, "/readyz", "") {
        assert!(begun.elapsed() < Duration::from_secs(60), "consign serve did not become ready");
        std::thread::yield_now();
    }
    Served { child, address: free, ready_after: begun.elapsed() }
}

/// Megabytes that the process holds in memory.
fn resident(child: &Child) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1_024.0
}

/// Cold starts on a new folder, and on that folder again.
pub fn empty(report: &mut String) {
    let Some(program) = program() else {
        report.push_str("Start and memory were not measured: `cargo build --release` first.\n\n");
        return;
    };
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
    for _ in 0..STARTS {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let served = serve(&program, folder.path());
        first.push(served.ready_after);
        drop(served);
        let served = serve(&program, folder.path());
        again.push(served.ready_after);
        std::thread::sleep(Duration::from_secs(3));
        memory = memory.max(resident(&served.child));
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[STARTS / 2].as_secs_f64() * 1_000.0
    };
    let _ = writeln!(
        report,
        "## Start and memory\n\n| | |\n|---|---|\n| first start, with migrations, to ready | {:.0} ms |\n| start to ready | {:.0} ms |\n\
         | memory, idle | {memory:.0} MB |\n",
        median(&mut first),
        median(&mut again),
    );
}

/// The pages that are asked for with orders in the database.
const PAGES: [&str; 5] =
    ["/orders", "/orders?sort=despatch", "/orders?location=all&q=leeds", "/orders?location=all&q=b-00", "/processed"];
const REQUESTS: usize = 200;

/// Start, memory and pages over HTTP with the bench's own orders.
pub fn full(report: &mut String, folder: &Path, orders: usize, session: &str) {
    let Some(program) = program() else { return };
    let served = serve(&program, folder);
    std::thread::sleep(Duration::from_secs(3));
    let idle = resident(&served.child);
    let mut times: Vec<Duration> = (0..REQUESTS)
        .map(|n| {
            let begun = Instant::now();
            assert!(answers(served.address, PAGES[n % PAGES.len()], session), "{}", PAGES[n % PAGES.len()]);
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let ms = |part: usize| times[REQUESTS * part / 100].as_secs_f64() * 1_000.0;
    let _ = writeln!(
        report,
        "## Start, memory and pages with {orders} orders\n\n| | |\n|---|---|\n| start to ready | {:.0} ms |\n| memory after the start | {idle:.0} MB |\n\
         | memory after {REQUESTS} pages | {:.0} MB |\n| a list as HTML over HTTP, p50 | {:.1} ms |\n| the same, p95 | {:.1} ms |\n",
        served.ready_after.as_secs_f64() * 1_000.0,
        resident(&served.child),
        ms(50),
        ms(95),
    );
}
