//! Files on an SFTP server, whose key must be the one that was named: a server that is not the one meant gets no password.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use consign_ports::{Fetched, Place, PortError, fits};
use consign_values::clean;
use russh::client::{self, AuthResult, Handle};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, decode_secret_key};
use russh_sftp::client::SftpSession;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{FILE_MAX, room, split};
use crate::networks::Networks;

/// The longest that a transfer may take.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Host and port.
pub fn address(text: &str) -> Result<(String, u16), String> {
    let text = text.trim();
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':').unwrap_or("22")),
        None => match text.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, port),
            _ => (text, "22"),
        },
    };
    let port = port.parse().map_err(|_| "the address must be a host, or host:port".to_owned())?;
    let strange = |c: char| c.is_whitespace() || c == '/' || c == '@';
    if host.is_empty() || host.contains(strange) {
        return Err("the address must be a host, or host:port, without a user or a path".to_owned());
    }
    Ok((host.to_owned(), port))
}

/// Believes the server whose key has the fingerprint, and no other.
struct Known {
    fingerprint: String,
    seen: Arc<std::sync::Mutex<String>>,
}

impl client::Handler for Known {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKey) -> Result<bool, Self::Error> {
        let seen = key.fingerprint(HashAlg::Sha256).to_string();
        let known = seen == self.fingerprint.trim();
        if let Ok(mut slot) = self.seen.lock() {
            *slot = seen;
        }
        Ok(known)
    }
}

pub async fn fetch(networks: &Networks, place: &Place, secret: &str) -> Result<Vec<Fetched>, PortError> {
    in_time(place, async {
        let (_ssh, sftp) = connect(networks, place, secret).await?;
        let (folder, pattern) = split(&place.path);
        let told = |error: russh_sftp::client::error::Error| trouble(place, &error);
        let entries = sftp.read_dir(if folder.is_empty() { "." } else { folder }).await.map_err(told)?;
        let mut names: Vec<(String, u64)> = entries
            .filter(|entry| entry.file_type().is_file() && fits(pattern, &entry.file_name()))
            .map(|entry| (entry.file_name(), entry.metadata().size.unwrap_or(0)))
            .collect();
        names.sort();
        let mut files = Vec::new();
        for (name, size) in names {
            if !room(&files, &name, size)? {
                break;
            }
            let mut bytes = Vec::new();
            let mut file = sftp.open(at(folder, &name)).await.map_err(told)?.take(FILE_MAX as u64 + 1);
            file.read_to_end(&mut bytes).await.map_err(|error| trouble(place, &error))?;
            // It may have grown while it was read.
            room(&files, &name, bytes.len() as u64)?;
            files.push(Fetched { name, bytes });
        }
        Ok(files)
    })
    .await
}

pub async fn put(networks: &Networks, place: &Place, secret: &str, bytes: &[u8]) -> Result<(), PortError> {
    in_time(place, async {
        let (_ssh, sftp) = connect(networks, place, secret).await?;
        let (folder, name) = split(&place.path);
        let (passing, last) = (at(folder, &format!(".{name}.part")), at(folder, name));
        let told = |error: russh_sftp::client::error::Error| trouble(place, &error);
        let mut file = sftp.create(passing.clone()).await.map_err(told)?;
        file.write_all(bytes).await.map_err(|error| trouble(place, &error))?;
        file.shutdown().await.map_err(|error| trouble(place, &error))?;
        // Version 3 of the protocol has no renaming over a file that is there.
        if sftp.try_exists(last.clone()).await.map_err(told)? {
            sftp.remove_file(last.clone()).await.map_err(told)?;
        }
        sftp.rename(passing, last).await.map_err(told)
    })
    .await
}

fn at(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

async fn in_time<T>(place: &Place, work: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    let late = || PortError::retry(format!("{} did not answer in time", place.address));
    tokio::time::timeout(TIMEOUT, work).await.unwrap_or_else(|_| Err(late()))
}

fn trouble(place: &Place, error: &dyn std::fmt::Display) -> PortError {
    PortError::retry(format!("{}: {}", place.address, clean(&error.to_string(), 200)))
}

async fn connect(networks: &Networks, place: &Place, secret: &str) -> Result<(Handle<Known>, SftpSession), PortError> {
    let (host, port) = address(&place.address).map_err(PortError::Refused)?;
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| trouble(place, &error))?.collect();
    let permitted: Vec<SocketAddr> = found.into_iter().filter(|found| networks.permits(found.ip())).collect();
    if permitted.is_empty() {
        return Err(PortError::Refused(format!("{host} lies in a network that may not be used")));
    }
    let seen = Arc::default();
    let known = Known { fingerprint: place.fingerprint.clone(), seen: Arc::clone(&seen) };
    let config = client::Config { inactivity_timeout: Some(Duration::from_secs(60)), ..client::Config::default() };
    let mut ssh = match client::connect(Arc::new(config), permitted.as_slice(), known).await {
        Ok(ssh) => ssh,
        Err(russh::Error::UnknownKey) => {
            let seen = seen.lock().map(|seen| seen.clone()).unwrap_or_default();
            let reason = format!("{host} has the key {seen}, which is not the one that was named");
            return Err(PortError::Unauthorised(reason));
        }
        Err(error) => return Err(trouble(place, &error)),
    };
    let accepted = if secret.contains("PRIVATE KEY") {
        let key = decode_secret_key(secret, None).map_err(|_| {
            PortError::Unauthorised("the private key can't be read; it must have no passphrase".to_owned())
        })?;
        let hash = ssh.best_supported_rsa_hash().await.map_err(|error| trouble(place, &error))?.flatten();
        ssh.authenticate_publickey(&place.user, PrivateKeyWithHashAlg::new(Arc::new(key), hash)).await
    } else {
        ssh.authenticate_password(&place.user, secret).await
    };
    match accepted.map_err(|error| trouble(place, &error))? {
        AuthResult::Success => {}
        AuthResult::Failure { .. } => {
            return Err(PortError::Unauthorised(format!("{host} refused the user {} or the password", place.user)));
        }
    }
    let channel = ssh.channel_open_session().await.map_err(|error| trouble(place, &error))?;
    channel.request_subsystem(true, "sftp").await.map_err(|error| trouble(place, &error))?;
    let sftp = SftpSession::new(channel.into_stream()).await.map_err(|error| trouble(place, &error))?;
    Ok((ssh, sftp))
}
