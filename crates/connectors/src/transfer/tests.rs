//! Folders and web addresses; the SFTP server is in `tests/sftp_real.rs`.

use std::fs;
use std::path::Path;

use wiremock::matchers::{basic_auth, body_string, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

fn local(folder: Option<&Path>) -> Transfer {
    let networks = Networks { allowed: vec!["127.0.0.0/8".parse().unwrap()] };
    Transfer::new(networks, folder.map(Path::to_path_buf))
}

fn in_folder(path: &str) -> Place {
    Place { path: path.to_owned(), ..Place::default() }
}

#[tokio::test]
async fn files_that_fit_are_fetched_by_name_and_a_file_is_left_whole() {
    let base = tempfile::tempdir().unwrap();
    fs::create_dir(base.path().join("in")).unwrap();
    for (name, text) in
        [("in/Stock-2.csv", "two"), ("in/Stock-1.csv", "one"), ("in/other.csv", "other"), ("Stock-3.csv", "three")]
    {
        fs::write(base.path().join(name), text).unwrap();
    }
    let transfer = local(Some(base.path()));
    let files = transfer.fetch(&in_folder("in/Stock*.csv"), "").await.unwrap();
    let found: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.bytes.as_slice())).collect();
    assert_eq!(found, [("Stock-1.csv", &b"one"[..]), ("Stock-2.csv", b"two")]);
    transfer.put(&in_folder("in/out.csv"), "", b"1".to_vec(), "text/csv").await.unwrap();
    transfer.put(&in_folder("in/out.csv"), "", b"2".to_vec(), "text/csv").await.unwrap();
    assert_eq!(fs::read(base.path().join("in/out.csv")).unwrap(), b"2");
    assert!(!base.path().join("in/.out.csv.part").exists());
}

#[tokio::test]
async fn nothing_outside_the_folder_is_reached() {
    let base = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret.csv"), "secret").unwrap();
    std::os::unix::fs::symlink(outside.path(), base.path().join("link")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("secret.csv"), base.path().join("link.csv")).unwrap();
    let transfer = local(Some(base.path()));
    for path in ["../secret.csv", "/etc/passwd", "link/secret.csv", "in/../../secret.csv", "", "*/x.csv"] {
        let fetched = transfer.fetch(&in_folder(path), "").await;
        assert!(fetched.is_err(), "{path}: {fetched:?}");
        assert!(transfer.put(&in_folder(path), "", Vec::new(), "text/csv").await.is_err(), "{path}");
    }
    assert!(transfer.fetch(&in_folder("link.csv"), "").await.unwrap().is_empty(), "links are passed over");
    assert!(local(None).fetch(&in_folder("x.csv"), "").await.unwrap_err().to_string().contains("no folder is opened"));
}

#[tokio::test]
async fn a_web_address_is_fetched_and_put_with_its_password() {
    let server = MockServer::start().await;
    let signed_in = || basic_auth("bob", "open sesame");
    Mock::given(method("GET"))
        .and(path("/x/orders.csv"))
        .and(signed_in())
        .respond_with(ResponseTemplate::new(200).set_body_string("a,b"))
        .mount(&server)
        .await;
    Mock::given(method("PUT"))
        .and(path("/x/out.csv"))
        .and(signed_in())
        .and(body_string("c,d"))
        .respond_with(ResponseTemplate::new(201))
        .expect(1)
        .mount(&server)
        .await;
    let place = |name: &str| Place {
        kind: PlaceKind::Http,
        address: format!("{}/x/{name}?v=1", server.uri()),
        user: "bob".to_owned(),
        ..Place::default()
    };
    let transfer = local(None);
    let files = transfer.fetch(&place("orders.csv"), "open sesame").await.unwrap();
    assert_eq!(files, [Fetched { name: "orders.csv".to_owned(), bytes: b"a,b".to_vec() }]);
    transfer.put(&place("out.csv"), "open sesame", b"c,d".to_vec(), "text/csv").await.unwrap();
    assert!(transfer.fetch(&place("orders.csv"), "wrong").await.is_err());
}

#[tokio::test]
async fn addresses_in_barred_networks_are_refused() {
    let closed = Transfer::new(Networks::default(), None);
    for kind in [PlaceKind::Http, PlaceKind::Sftp] {
        let address = if kind == PlaceKind::Http { "http://127.0.0.1:9/x" } else { "127.0.0.1:9" }.to_owned();
        let place = Place {
            kind,
            address,
            path: if kind == PlaceKind::Sftp { "x".to_owned() } else { String::new() },
            ..Place::default()
        };
        let error = closed.fetch(&place, "").await.unwrap_err();
        assert!(matches!(error, PortError::Refused(_)), "{error:?}");
    }
}

#[test]
fn a_server_is_named_by_host_and_port_alone() {
    for (text, expected) in [
        ("a.example", Some(("a.example", 22))),
        ("a:2022", Some(("a", 2022))),
        ("[::1]:23", Some(("::1", 23))),
        ("::1", Some(("::1", 22))),
        ("bob@a", None),
        ("a/b", None),
        ("", None),
        ("a:x", None),
    ] {
        let read = sftp::address(text).ok();
        assert_eq!(read.as_ref().map(|(host, port)| (host.as_str(), *port)), expected, "{text}");
    }
}
