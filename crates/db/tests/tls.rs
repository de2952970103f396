//! A connection by TLS is encrypted, and only to the server that it is meant for. The server is the real one, behind a door that
//! speaks TLS as PostgreSQL does.

use std::io::Write as _;
use std::sync::Arc;

use consign_db::Db;
use consign_db::testing::FreshPostgres;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a client sends first when it wants TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Opens the door in front of `server`; gives its port and its certificate.
fn door(server: String) -> (u16, String) {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.cert.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async move {
            let (listener, acceptor) = (TcpListener::from_std(listener).unwrap(), TlsAcceptor::from(Arc::new(config)));
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let (acceptor, server) = (acceptor.clone(), server.clone());
                tokio::spawn(async move {
                    let mut asked = [0; 8];
                    client.read_exact(&mut asked).await.unwrap();
                    assert_eq!(asked, SSL_REQUEST, "nothing is said in clear");
                    client.write_all(b"S").await.unwrap();
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    });
    (port, pair.cert.pem())
}

#[test]
fn a_connection_by_tls_is_made_only_to_a_server_whose_certificate_fits() {
    let Some(fresh) = FreshPostgres::create() else { return };
    let (user, rest) = fresh.url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let (port, certificate) = door(server.to_owned());
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certificate.as_bytes()).unwrap();
    let known = format!("sslrootcert={}", file.path().display());
    let open = |host: &str, parameters: &str| Db::open(&format!("{user}@{host}:{port}/{name}?{parameters}"));
    let refusal = |host: &str, parameters: &str| open(host, parameters).err().map(|error| error.to_string());

    open("localhost", &format!("sslmode=verify-full&{known}")).expect("its certificate is known and names it");
    for mode in ["require", "verify-ca"] {
        let stranger = refusal("localhost", &format!("sslmode={mode}"));
        assert!(stranger.is_some_and(|error| error.contains("certificate")), "nobody vouches for it ({mode})");
    }
    let misnamed = refusal("127.0.0.1", &format!("sslmode=verify-full&{known}"));
    assert!(misnamed.is_some_and(|error| error.contains("certificate")), "the certificate names another host");
    assert_eq!(refusal("localhost", "sslmode=maybe").as_deref(), Some("sslmode: no such mode: maybe"));
    assert!(
        refusal("localhost", "sslmode=require&sslrootcert=/nowhere.pem").is_some_and(|e| e.contains("/nowhere.pem"))
    );
}
