//! A `consign serve` process, and a small HTTP client for it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::company::{Company, KEY};

pub struct Node {
    process: Mutex<Child>,
    port: u16,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The command line of the company's database.
pub fn consign(company: &Company) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consign"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONSIGN_")) {
        command.env_remove(name);
    }
    command.env("CONSIGN_SECRET_KEY", KEY).args(["--allow-networks", "127.0.0.0/8", "--log", "error"]);
    match company.database.strip_prefix("sqlite:") {
        Some(path) => command.arg("--data").arg(std::path::Path::new(path).parent().unwrap()),
        None => command.args(["--database", &company.database]),
    };
    command
}

impl Node {
    /// Starts it and waits until it answers.
    pub fn start(company: &Company, port: u16) -> Node {
        let mut command = consign(company);
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}")]).stdout(Stdio::null()).stdin(Stdio::null());
        let node = Node { process: Mutex::new(command.spawn().unwrap()), port };
        let begun = Instant::now();
        while node.request("GET /healthz", "", "").is_none() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the node does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        node
    }

    /// SIGKILL.
    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }

    pub fn kill_after(&self, life: Duration) {
        std::thread::sleep(life);
        self.kill();
    }

    /// The ids of open orders; none if the node is gone.
    pub fn open_orders(&self, cookie: &str) -> Option<Vec<i64>> {
        let body = self.request("GET /orders?location=all", cookie, "")?;
        let json: serde_json::Value = serde_json::from_str(&body).ok()?;
        Some(json["orders"].as_array()?.iter().filter_map(|order| order["id"].as_i64()).collect())
    }

    pub fn post(&self, path: &str, cookie: &str, form: &str) -> Option<String> {
        self.request(&format!("POST {path}"), cookie, form)
    }

    /// The body of a complete answer; none if the node is gone.
    fn request(&self, what: &str, cookie: &str, body: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        let head = format!(
            "{what} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nCookie: {cookie}\r\nAccept: application/json\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
        assert!(status < 500 || status == 503, "{what} answered {head}");
        (status < 400).then(|| body.to_owned())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
