//! A PostgreSQL of our own, in a temporary folder on a free port, gone at the end, whatever the end is.
//!
//! A small shell watches it: it stops the server and removes the folder as soon as the pipe from this process closes, which
//! also happens when this process is killed. PostgreSQL refuses to run as root, so there its system user runs it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::install;

/// Runs the server until standard input ends. `$0` is the folder, the rest the server's command line.
const WATCH: &str = r#"trap '' INT TERM
"$@" >"$0/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$0"
"#;

/// A cluster that runs.
pub struct Cluster {
    /// Where it answers.
    pub url: String,
    /// The folder of its programs.
    pub bin: PathBuf,
    watch: Child,
}

impl Cluster {
    /// Makes and starts it. Nothing in it outlives the tests, so it doesn't wait for the disk.
    pub fn start() -> Result<Cluster, String> {
        let bin = install::postgres()?;
        let folder = std::env::temp_dir().join(format!("consign-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let data = folder.join("data");
        let mut initdb = as_user(&folder, &bin.join("initdb"));
        initdb.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync"]);
        run(initdb.stdin(Stdio::null()).stdout(Stdio::null()))?;
        let mut watch = as_user(&folder, Path::new("/bin/sh"));
        watch.args(["-c", WATCH]).arg(&folder).arg(bin.join("postgres")).arg("-D").arg(&data);
        watch.args(["-p", &port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=200",
        ] {
            watch.args(["-c", setting]);
        }
        let watch = watch.stdin(Stdio::piped()).spawn().map_err(|error| format!("PostgreSQL: {error}"))?;
        let cluster = Cluster { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), bin, watch };
        cluster.wait(&folder, port)?;
        Ok(cluster)
    }

    fn wait(&self, folder: &Path, port: u16) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let mut ask = Command::new(self.bin.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-U", "postgres", "-p", &port.to_string()]).stdin(Stdio::null());
            if ask.status().is_ok_and(|status| status.success()) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        Err(format!("PostgreSQL did not answer within a minute; it said:\n{log}"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// A command as the user that PostgreSQL may run as.
fn as_user(folder: &Path, program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(folder);
    command
}

fn run(command: &mut Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}")) }
}

/// Whether we run as root: then we may install packages, and must not run PostgreSQL as ourselves.
pub fn is_root() -> bool {
    fs::metadata(Path::new("/proc/self")).is_ok_and(|own| own.uid() == 0)
}
