//! Files on a real SFTP server: OpenSSH on the loopback interface, with a key of this test's making.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use consign_connectors::{Networks, Transfer};
use consign_ports::{Place, PlaceKind, PortError};

struct Server {
    child: Child,
    folder: tempfile::TempDir,
    port: u16,
    fingerprint: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn new_key(path: &Path) -> String {
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", path.to_str().unwrap()]);
    run("ssh-keygen", &["-lf", path.to_str().unwrap()]).split(' ').nth(1).unwrap().to_owned()
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| -> PathBuf { folder.path().join(name) };
        let fingerprint = new_key(&file("host"));
        new_key(&file("user"));
        fs::copy(file("user.pub"), file("authorised")).unwrap();
        fs::create_dir(file("box")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nPermitRootLogin yes\nPidFile none\nSubsystem sftp internal-sftp\n",
            file("host").display(),
            file("authorised").display(),
        );
        fs::write(file("sshd_config"), settings).unwrap();
        // Started by root, it wants this folder for its unprivileged part.
        let _ = fs::create_dir_all("/run/sshd");
        let child = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f", file("sshd_config").to_str().unwrap()])
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's openssh-server is installed");
        let key = fs::read_to_string(file("user")).unwrap();
        let server = Server { child, folder, port, fingerprint, key };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "sshd does not listen");
            std::thread::yield_now();
        }
        server
    }

    fn place(&self, name: &str) -> Place {
        Place {
            kind: PlaceKind::Sftp,
            address: format!("127.0.0.1:{}", self.port),
            path: format!("{}/box/{name}", self.folder.path().display()),
            user: run("id", &["-un"]),
            fingerprint: self.fingerprint.clone(),
        }
    }
}

#[tokio::test]
async fn files_are_fetched_from_and_left_on_openssh_and_a_stranger_is_not_believed() {
    let server = Server::start();
    let transfer = Transfer::new(Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] }, None);
    let big: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.to_le_bytes()).take(3_000_000).collect();
    transfer.put(&server.place("b.csv"), &server.key, big.clone(), "text/csv").await.unwrap();
    transfer.put(&server.place("a.csv"), &server.key, b"first".to_vec(), "text/csv").await.unwrap();
    transfer.put(&server.place("a.csv"), &server.key, b"second".to_vec(), "text/csv").await.unwrap();
    let left: Vec<_> =
        fs::read_dir(server.folder.path().join("box")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "no passing file is left: {left:?}");
    let files = transfer.fetch(&server.place("*.csv"), &server.key).await.unwrap();
    assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["a.csv", "b.csv"]);
    assert_eq!((files[0].bytes.as_slice(), files[1].bytes == big), (&b"second"[..], true));

    let other = Place { fingerprint: "SHA256:AAAA".to_owned(), ..server.place("*.csv") };
    let error = transfer.fetch(&other, &server.key).await.unwrap_err();
    assert!(matches!(&error, PortError::Unauthorised(why) if why.contains(&server.fingerprint)), "{error:?}");
    let error = transfer.fetch(&server.place("*.csv"), "a wrong password").await.unwrap_err();
    assert!(matches!(error, PortError::Unauthorised(_)), "{error:?}");
    let missing = Place { path: "/no/such/folder/*.csv".to_owned(), ..server.place("*") };
    assert!(transfer.fetch(&missing, &server.key).await.is_err());
}
