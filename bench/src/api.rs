//! The JSON interface over loopback: reads and writes a second with 1, 8 and 32 clients that keep their connection.
//!
//! The server is a process of its own with the router of the program and as many threads. The raw limit of a read is a bare axum
//! server, in a process of its own too, that answers as many bytes without looking anything up; that of a write is bare rusqlite
//! doing the same statements in as many transactions, one after the other.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path as Place;
use axum::http::header;
use axum::routing::get;
use consign_db::Db;
use consign_oms::channels::KeyRing;
use consign_values::SystemClock;
use consign_web::{App, Events, poll_changes, router};
use rusqlite::{Connection, params};

use crate::company::Company;
use crate::raw;

const ORDERS: usize = 100_000;
const CLIENTS: [usize; 3] = [1, 8, 32];
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(5);
/// Transactions of a raw write.
const RAW_WRITES: usize = 2_000;

/// What the bench is called with when it is to serve: the interface on a database, or constant bodies.
pub const SERVE: &str = "serve-interface";
pub const SERVE_CONSTANT: &str = "serve-constant";

/// Serves until it is killed; says its address on standard output.
pub fn serve(database: Option<&str>) {
    // As many threads as the program has.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let routes = match database {
            Some(path) => {
                let app = app(path);
                tokio::spawn(poll_changes(app.clone()));
                router(app)
            }
            None => Router::new().route(
                "/{bytes}",
                get(|Place(bytes): Place<usize>| async move {
                    ([(header::CONTENT_TYPE, "application/json")], "x".repeat(bytes))
                }),
            ),
        };
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", socket.local_addr().expect("its address"));
        let service = routes.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(socket, service).await.expect("it serves");
    });
}

fn app(path: &str) -> App {
    App {
        db: Db::open(&format!("sqlite:{path}")).expect("the database opens"),
        clock: Arc::new(SystemClock),
        keys: Arc::new(KeyRing::new([1; 32])),
        kinds: Arc::new(Vec::new()),
        secure_cookies: false,
        trusted_proxies: Arc::default(),
        events: Events::default(),
        metrics: Arc::new(String::new),
        may_call: Arc::new(|_| Err("nothing is called".to_owned())),
        mail_from: None,
        public_url: None,
        may_transfer: Arc::new(|_| Err("nothing is transferred".to_owned())),
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(arguments: &[&str]) -> Server {
        let own = std::env::current_exe().expect("this program");
        let mut child = Command::new(own).args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        let said = child.stdout.take().expect("its output");
        BufReader::new(said).read_line(&mut line).expect("it says its address");
        Server { child, address: line.trim().parse().expect("an address") }
    }

    fn cpu(&self) -> Duration {
        crate::cpu_of(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came of some clients asking as fast as they are answered.
struct Load {
    rate: f64,
    /// In milliseconds, sorted.
    times: Vec<f64>,
    /// Bytes of an answer's body, on average.
    bytes: usize,
    /// CPU milliseconds of the server for each.
    cpu: f64,
}

impl Load {
    fn ms(&self, part: f64) -> f64 {
        self.times[((self.times.len() as f64 * part) as usize).min(self.times.len() - 1)]
    }
}

/// The n-th request.
type Call<'c> = dyn Fn(usize) -> Vec<u8> + Sync + 'c;

/// Sends one request and reads its answer; gives the length of the body.
fn exchange(stream: &mut TcpStream, request: &[u8], buffer: &mut Vec<u8>) -> usize {
    stream.write_all(request).expect("the request goes out");
    buffer.clear();
    let mut part = [0_u8; 65_536];
    let (mut head, mut length) = (None, 0);
    loop {
        let read = stream.read(&mut part).expect("an answer");
        assert!(read > 0, "the server closed: {}", String::from_utf8_lossy(buffer));
        buffer.extend_from_slice(&part[..read]);
        if head.is_none()
            && let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            let text = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            assert!(text.starts_with("http/1.1 2"), "{} {}", text, String::from_utf8_lossy(&buffer[end..]));
            let named = text.lines().find_map(|line| line.strip_prefix("content-length: "));
            length = named.and_then(|number| number.trim().parse().ok()).expect("an answer says its length");
            head = Some(end + 4);
        }
        if head.is_some_and(|head| buffer.len() >= head + length) {
            return length;
        }
    }
}

fn load(server: &Server, clients: usize, request: &Call<'_>) -> Load {
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let (from, until) = (begun + WARM_UP, begun + WARM_UP + MEASURED);
    let ask = || {
        let mut stream = TcpStream::connect(server.address).expect("it connects");
        stream.set_nodelay(true).expect("no delay");
        let (mut times, mut bytes, mut buffer) = (Vec::new(), 0, Vec::new());
        loop {
            let request = request(next.fetch_add(1, Ordering::Relaxed));
            let sent = Instant::now();
            if sent >= until {
                return (times, bytes);
            }
            let length = exchange(&mut stream, &request, &mut buffer);
            if sent >= from {
                times.push(sent.elapsed().as_secs_f64() * 1_000.0);
                bytes += length;
            }
        }
    };
    let (mut times, mut bytes, mut used) = (Vec::new(), 0, Duration::ZERO);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        std::thread::sleep(from.saturating_duration_since(Instant::now()));
        let before = server.cpu();
        for thread in threads {
            let (own, length) = thread.join().expect("a client ends");
            times.extend(own);
            bytes += length;
        }
        used = server.cpu().saturating_sub(before);
    });
    times.sort_unstable_by(f64::total_cmp);
    assert!(!times.is_empty(), "something was answered");
    let count = times.len();
    Load {
        rate: count as f64 / MEASURED.as_secs_f64(),
        bytes: bytes / count,
        cpu: used.as_secs_f64() * 1_000.0 / count as f64,
        times,
    }
}

fn request(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn row(report: &mut String, call: &str, clients: usize, load: &Load, raw: f64, raw_p99: Option<f64>) {
    let raw_p99 = raw_p99.map_or_else(String::new, |ms| format!("{ms:.2}"));
    let _ = writeln!(
        report,
        "| {call} | {clients} | {:.0} | {:.2} | {:.2} | {:.2} | {:.3} | {raw:.0} | {raw_p99} | {:.2} |",
        load.rate,
        load.ms(0.50),
        load.ms(0.95),
        load.ms(0.99),
        load.cpu,
        load.rate / raw,
    );
}

const HEAD: &str = "| call | clients | per second | p50 ms | p95 ms | p99 ms | server's CPU ms each | raw per second | raw p99 ms | ratio |\n\
                    |---|---|---|---|---|---|---|---|---|---|\n";

/// Reads and writes of the interface with 100,000 open orders.
pub fn measure(report: &mut String, company: Company) {
    for page in (0..ORDERS).collect::<Vec<_>>().chunks(100) {
        company.receive(page);
    }
    let (path, token) = (company.path().to_owned(), company.token());
    drop(company);
    let connection = Connection::open(&path).expect("the database opens");
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    let ids: Vec<i64> = connection
        .prepare("SELECT id FROM orders ORDER BY id")
        .and_then(|mut found| found.query_map([], |row| row.get(0))?.collect())
        .expect("the ids");
    drop(connection);
    // Spread over all of them, in the same sequence in each run.
    let pick = |n: usize| ids[(n * 7_919) % ids.len()];
    let shipping = raw_shipping(&path, &pick);
    let place = path.display().to_string();
    let server = Server::start(&[SERVE, &place]);
    let constant = Server::start(&[SERVE_CONSTANT]);

    let _ = write!(report, "## The interface over loopback, {ORDERS} open orders\n\n{HEAD}");
    let page = |_| request("GET", "/api/v1/orders", &token, "");
    let one = |n: usize| request("GET", &format!("/api/v1/orders/{}", pick(n)), &token, "");
    let reads: [(&str, &Call<'_>); 2] = [("GET /orders, 50 a page", &page), ("GET one order", &one)];
    for (name, call) in reads {
        for clients in CLIENTS {
            let load = load(&server, clients, call);
            let bytes = load.bytes;
            let raw = self::load(&constant, clients, &move |_| request("GET", &format!("/{bytes}"), "", ""));
            row(report, &format!("{name}, {bytes} bytes"), clients, &load, raw.rate, Some(raw.ms(0.99)));
        }
    }
    let ship = |n: usize| {
        let body = format!("{{\"carrier\":\"Royal Mail\",\"service\":\"Service {n}\",\"tracking_number\":\"\"}}");
        request("PUT", &format!("/api/v1/orders/{}/shipping", pick(n)), &token, &body)
    };
    for clients in CLIENTS {
        let load = load(&server, clients, &ship);
        row(report, "PUT an order's shipping", clients, &load, shipping, None);
    }
    let create = |n: usize| request("POST", "/api/v1/orders", &token, &new_order(n));
    for clients in CLIENTS {
        let marks = raw::marks(&path);
        let load = load(&server, clients, &create);
        let raw = raw_creation(&path, &marks);
        row(report, "POST an order of two lines", clients, &load, raw, None);
    }
    report.push('\n');
}

fn new_order(n: usize) -> String {
    let line = |item: usize| {
        format!(
            "{{\"sku\":\"SKU-{:04}\",\"title\":\"Thing\",\"quantity\":1,\"unit_price\":\"12.50\",\"tax_rate\":\"20\"}}",
            item % 1_000
        )
    };
    format!(
        "{{\"currency\":\"GBP\",\"paid\":true,\"postage\":\"3.95\",\"delivery\":{{\"full_name\":\"Ann Lee {n}\",\"line1\":\"{} High Street\",\
         \"town\":\"Leeds\",\"postcode\":\"LS1 1AA\",\"country_code\":\"GB\",\"email\":\"buyer{n}@example.com\"}},\"lines\":[{},{}]}}",
        n % 200,
        line(n),
        line(n * 7 + 3),
    )
}

/// Setting shipping with bare rusqlite, on a copy: what the use case reads and writes of the order, its history and the news of it.
fn raw_shipping(path: &Path, pick: &dyn Fn(usize) -> i64) -> f64 {
    let copy = path.with_extension("raw-shipping");
    std::fs::copy(path, &copy).expect("a copy");
    let connection = Connection::open(&copy).expect("the copy opens");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA foreign_keys = ON;")
        .expect("pragmas");
    let first: i64 = connection
        .query_row("SELECT MAX((SELECT MAX(id) FROM history), (SELECT MAX(id) FROM changes)) + 1000000", [], |row| {
            row.get(0)
        })
        .expect("a free id");
    let set = |n: usize| -> rusqlite::Result<()> {
        let (id, service, row) = (pick(n), format!("Service {n}"), first + 2 * n as i64);
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let _: i64 = connection
            .prepare_cached("SELECT * FROM orders WHERE id = ?")?
            .query_row([id], |found| found.get("version"))?;
        connection
            .prepare_cached("UPDATE orders SET carrier = ?2, service = ?3, tracking_number = ?4, version = version + 1 WHERE id = ?1")?
            .execute(params![id, "Royal Mail", service, ""])?;
        let provenance: String = connection
            .prepare_cached("SELECT * FROM order_detail WHERE order_id = ?")?
            .query_row([id], |found| found.get("provenance"))?;
        connection
            .prepare_cached("UPDATE order_detail SET provenance = ?2 WHERE order_id = ?1")?
            .execute(params![id, provenance.replacen("channel", "token", 1)])?;
        connection
            .prepare_cached(
                "INSERT INTO history (id, noun, noun_id, at, actor, kind, detail) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                row,
                "order",
                id,
                n as i64,
                "token 1",
                "shipping set",
                format!("Royal Mail {service} ")
            ])?;
        connection.prepare_cached("INSERT INTO changes (id, at, noun, ids) VALUES (?, ?, ?, ?)")?.execute(params![
            row + 1,
            n as i64,
            "order",
            id.to_string()
        ])?;
        // What the answer shows.
        let _: i64 = connection
            .prepare_cached("SELECT * FROM orders WHERE id = ?")?
            .query_row([id], |found| found.get("version"))?;
        connection.execute_batch("COMMIT")
    };
    let begun = Instant::now();
    for n in 0..RAW_WRITES {
        set(n).expect("shipping is set");
    }
    let rate = RAW_WRITES as f64 / begun.elapsed().as_secs_f64();
    drop(connection);
    forget(&copy);
    rate
}

/// The rows of the orders that were made, inserted one order a transaction with bare rusqlite.
fn raw_creation(path: &Path, marks: &[i64]) -> f64 {
    let target = path.with_extension("raw-orders");
    let copy = raw::Copy::prepare(path, &target, marks);
    let orders = copy.orders();
    let begun = Instant::now();
    copy.insert(orders);
    let rate = orders as f64 / begun.elapsed().as_secs_f64();
    forget(&target);
    rate
}

fn forget(path: &Path) {
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
    }
}
