//! Opening what all commands share: database, key, channel kinds.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_connectors::{Networks, Options, Transfer, WebhookSender, kinds};
use consign_db::Db;
use consign_oms::MIGRATIONS;
use consign_oms::channels::KeyRing;
use consign_values::SystemClock;

use crate::config::Config;
use crate::work::{Mailer, Site};

/// Opens the database (made and migrated if need be) and the key.
pub fn open(config: &Config) -> Result<Site, String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let keys = Arc::new(KeyRing::new(key(config)?));
    let db = Db::open(&config.database_url())
        .map_err(|error| format!("the database {} can't be opened: {error}", config.database_shown()))?;
    db.migrate(MIGRATIONS).map_err(|error| format!("the database can't be brought up to date: {error}"))?;
    let networks = Networks { allowed: config.allow_networks.clone() };
    let webhooks = WebhookSender::new(networks.clone());
    let transfer = Transfer::new(networks.clone(), config.files.clone());
    let mailer = config.mail.as_ref().map(Mailer::new).transpose()?;
    let kinds = Arc::new(kinds(Options { networks, ..Options::default() }));
    let public_url = config.public_url.as_ref().map(|_| config.base_url());
    let (clock, metrics) = (Arc::new(SystemClock), Arc::default());
    Ok(Site { db, clock, keys, kinds, webhooks, transfer, mailer, public_url, metrics })
}

/// The key that credentials are sealed with: `CONSIGN_SECRET_KEY`, or the file `key` in the data folder, made at the first start and
/// readable by its owner alone. It is no part of backups of the database: keep a copy of it elsewhere.
fn key(config: &Config) -> Result<[u8; 32], String> {
    if let Ok(text) = std::env::var("CONSIGN_SECRET_KEY") {
        return decode(&text).ok_or_else(|| "CONSIGN_SECRET_KEY must be 32 bytes in base64".to_owned());
    }
    let folder = &config.data;
    let path = folder.join("key");
    let fault = |what: &str, error: std::io::Error| format!("{} can't be {what}: {error}", path.display());
    if !path.is_file() {
        fs::create_dir_all(folder).map_err(|error| format!("{} can't be made: {error}", folder.display()))?;
        let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
        write_new_key(&path).map_err(|error| fault("written", error))?;
    }
    let text = fs::read_to_string(&path).map_err(|error| fault("read", error))?;
    decode(&text).ok_or_else(|| format!("{} is no key file", path.display()))
}

fn write_new_key(path: &Path) -> std::io::Result<()> {
    let mut key = [0_u8; 32];
    getrandom::fill(&mut key).map_err(|error| std::io::Error::other(error.to_string()))?;
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(mut file) => {
            file.write_all(BASE64_STANDARD.encode(key).as_bytes())?;
            file.sync_all()
        }
        // Another node on the same folder was faster.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn decode(text: &str) -> Option<[u8; 32]> {
    BASE64_STANDARD.decode(text.trim()).ok()?.try_into().ok()
}
