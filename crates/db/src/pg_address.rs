//! Where a PostgreSQL server is, and whether the way there is encrypted.
//!
//! `sslmode=require`, `verify-ca` and `verify-full` all mean the same here: encrypted, and the certificate checked for the
//! host's name; encryption to a stranger protects nothing. `sslrootcert` names a PEM file of the authority, for servers whose
//! certificate the system does not know. Anything else goes unencrypted: a local socket, a private network, a tunnel.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::SslMode;
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

pub(crate) struct Address {
    config: Config,
    tls: Option<ClientConfig>,
}

impl Address {
    /// Reads `postgres://user@host:port/name?sslmode=…&sslrootcert=…`; other parameters are the driver's.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut authority, mut rest) = ("", None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", value)) => authority = Some(value),
                _ => rest.push(pair),
            }
        }
        let encrypted = match mode {
            "" | "disable" | "allow" | "prefer" => false,
            "require" | "verify-ca" | "verify-full" => true,
            other => return Err(Error::Other(format!("sslmode: no such mode: {other}"))),
        };
        let address = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config = Config::from_str(&address)?;
        config.application_name("consign").connect_timeout(Duration::from_secs(5));
        config.ssl_mode(if encrypted { SslMode::Require } else { SslMode::Disable });
        let tls = if encrypted { Some(tls(authority)?) } else { None };
        Ok(Address { config, tls })
    }

    pub fn connect(&self) -> Result<Client, postgres::Error> {
        match &self.tls {
            Some(tls) => self.config.connect(MakeRustlsConnect::new(tls.clone())),
            None => self.config.connect(NoTls),
        }
    }
}

fn tls(authority: Option<&str>) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(file) => {
            let wrong = |error: &dyn std::fmt::Display| Error::Other(format!("sslrootcert {file}: {error}"));
            for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
                let added = certificate.map_err(|error| wrong(&error)).map(|certificate| roots.add(certificate))?;
                added.map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"holds no certificate"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::Other(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
