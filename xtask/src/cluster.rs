//! A PostgreSQL of our own, in a temporary folder on a free port, gone at the end.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::install;

/// A cluster that runs.
pub struct Cluster {
    /// Where it answers.
    pub url: String,
    folder: PathBuf,
    bin: PathBuf,
}

impl Cluster {
    /// Makes and starts it. Nothing in it outlives the tests, so it doesn't wait for the disk.
    pub fn start() -> Result<Cluster, String> {
        let bin = install::postgres()?;
        let folder = std::env::temp_dir().join(format!("consign-postgres-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?
            .port();
        let cluster = Cluster { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), folder, bin };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&cluster.folder))?;
        }
        let data = cluster.folder.join("data");
        let mut initdb = cluster.command("initdb");
        run(initdb.arg("-D").arg(&data).args(["-A", "trust", "-U", "postgres", "--no-sync"]).stdout(Stdio::null()))?;
        let options = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c synchronous_commit=off \
             -c full_page_writes=off -c max_connections=200"
        );
        let log = cluster.folder.join("log");
        let mut start = cluster.command("pg_ctl");
        run(start
            .arg("-D")
            .arg(&data)
            .arg("-l")
            .arg(&log)
            .args(["-w", "-o", &options, "start"])
            .stdout(Stdio::null()))?;
        Ok(cluster)
    }

    /// A program of PostgreSQL, which refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let mut stop = self.command("pg_ctl");
        let data = self.folder.join("data");
        let _ = stop.arg("-D").arg(data).args(["-m", "immediate", "stop"]).stdout(Stdio::null()).status();
        let _ = fs::remove_dir_all(&self.folder);
    }
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
