//! Configuration: one file, then the environment, then the command line; an unknown key is an error.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// What a server needs to know before it can open its database. Business settings live in the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of the embedded database and the key file.
    pub data: PathBuf,
    /// `postgres://…` instead of the embedded database.
    pub database: Option<String>,
    /// Where to listen.
    pub listen: SocketAddr,
    /// The address people use, such as `https://orders.example.com`; tells that cookies may be limited to https.
    pub public_url: Option<String>,
    /// Certificate and key files, for serving https without a proxy.
    pub tls: Option<Tls>,
    /// Networks of proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Own networks in which channels may live; others are reached on public addresses only.
    pub allow_networks: Vec<IpNet>,
    /// Folder of the files that scheduled imports and exports use; none: they use only web addresses and SFTP.
    pub files: Option<PathBuf>,
    /// What is logged: `info`, `consign=debug`, …
    pub log: String,
    /// Logs as JSON lines instead of text.
    pub log_json: bool,
}

/// Files for https.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the certificate chain.
    pub certificate: PathBuf,
    /// PEM file with the private key.
    pub key: PathBuf,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            data: PathBuf::from("data"),
            database: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8610)),
            public_url: None,
            tls: None,
            trusted_proxies: Vec::new(),
            allow_networks: Vec::new(),
            files: None,
            log: "info".to_owned(),
            log_json: false,
        }
    }
}

/// What the command line can set.
#[derive(Clone, Debug, Default, clap::Args, Serialize)]
pub struct Flags {
    /// Configuration file [default: consign.toml in this folder or /etc/consign, if there is one]
    #[arg(long, global = true, env = "CONSIGN_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Folder of the embedded database and the key file
    #[arg(long, global = true, value_name = "DIR")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<PathBuf>,
    /// PostgreSQL database to use instead of the embedded one: postgres://user:password@host/name
    #[arg(long, global = true, value_name = "URL")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Networks of your own in which channels may live, such as 127.0.0.0/8
    #[arg(long, global = true, value_name = "NETWORK", value_delimiter = ',')]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_networks: Vec<IpNet>,
    /// What is logged: error, warn, info, debug, or by part such as consign=debug
    #[arg(long, global = true, value_name = "FILTER")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// The configuration in force. The error is a sentence with the file and key in it.
pub fn load(flags: &Flags) -> Result<Config, String> {
    let mut figment = Figment::from(Serialized::defaults(Config::default()));
    match &flags.config {
        Some(file) if !file.is_file() => return Err(format!("there is no configuration file {}", file.display())),
        Some(file) => figment = figment.merge(Toml::file_exact(file)),
        None => {
            let usual = [Path::new("consign.toml"), Path::new("/etc/consign/consign.toml")];
            if let Some(file) = usual.into_iter().find(|file| file.is_file()) {
                figment = figment.merge(Toml::file_exact(file));
            }
        }
    }
    // CONSIGN_CONFIG names the file; the variables of the tests are no configuration.
    let environment = Env::prefixed("CONSIGN_")
        .split("__")
        .filter(|key| key != "config" && key != "secret_key" && !key.starts_with("test"));
    figment.merge(environment).merge(Serialized::defaults(flags)).extract().map_err(|error| error.to_string())
}

impl Config {
    /// Where the database is, as `db` wants it.
    pub fn database_url(&self) -> String {
        self.database.clone().unwrap_or_else(|| format!("sqlite:{}", self.data.join("consign.db").display()))
    }

    /// The same for people: without a password.
    pub fn database_shown(&self) -> String {
        match &self.database {
            Some(url) => match (url.split_once("://"), url.rsplit_once('@')) {
                (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
                _ => url.clone(),
            },
            None => self.data.join("consign.db").display().to_string(),
        }
    }
}
