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
    /// The server that mails go through; none: no mail is sent.
    pub mail: Option<MailServer>,
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

/// A mail server.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailServer {
    /// Its name.
    pub server: String,
    /// Its port; by default what the security uses: 587, 465 or 25.
    pub port: Option<u16>,
    /// How the connection is protected.
    #[serde(default)]
    pub security: MailSecurity,
    /// Whom to sign in as.
    pub user: Option<String>,
    /// With what.
    pub password: Option<String>,
    /// Who the mails are from: `Consign <orders@example.com>`.
    pub from: String,
}

/// The password is shown to nobody.
impl std::fmt::Debug for MailServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailServer").field("server", &self.server).field("from", &self.from).finish_non_exhaustive()
    }
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailSecurity {
    /// Encrypted after a plain greeting.
    #[default]
    Starttls,
    /// Encrypted from the beginning.
    Tls,
    /// Not at all: for a server on this machine.
    None,
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
            mail: None,
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
    /// Where people reach Consign.
    pub fn base_url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let usual = || format!("{scheme}://{}", self.listen);
        self.public_url.clone().map_or_else(usual, |url| url.trim_end_matches('/').to_owned())
    }

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
