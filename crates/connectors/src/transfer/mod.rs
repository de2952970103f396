//! Files fetched and left: a folder of this machine, a web address, an SFTP server.
//!
//! Users type the places, so web addresses and servers are reached only in permitted networks, and folders only below the one that the
//! configuration opens. A file is left under a passing name first and renamed then, so that nobody reads half of one.

mod folder;
mod sftp;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use consign_ports::{Fetched, Place, PlaceKind, PortError};
use reqwest::Method;

use crate::http::{Call, Http, check_url, parse_url};
use crate::networks::Networks;

/// The largest file.
const FILE_MAX: usize = 50 * 1024 * 1024;
/// The most bytes that are fetched at once.
const FETCH_MAX: usize = 100 * 1024 * 1024;
/// The most files that are fetched at once; the others wait for the next time.
const FILES_MAX: usize = 50;
/// The longest that a web server may take.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Fetches and leaves files. Cheap to clone.
#[derive(Clone)]
pub struct Transfer {
    http: Http,
    networks: Networks,
    folder: Option<Arc<PathBuf>>,
}

impl Transfer {
    /// Reaching these networks beyond the public internet, and files below that folder.
    pub fn new(networks: Networks, folder: Option<PathBuf>) -> Self {
        let http = Http::new(networks.clone(), Duration::from_secs(10), FILE_MAX);
        Transfer { http, networks, folder: folder.map(Arc::new) }
    }

    /// Whether a place may be used, as far as can be told without going there; else why not.
    pub fn check(&self, place: &Place) -> Result<(), String> {
        match place.kind {
            PlaceKind::Folder => folder::check(self.folder()?, &place.path),
            PlaceKind::Http => check_url(&place.address, &self.networks).map(|_| ()).map_err(|error| error.to_string()),
            PlaceKind::Sftp => sftp::address(&place.address).map(|_| ()),
        }
    }

    /// The files that are there, by name. `secret` is the password, or an OpenSSH private key.
    pub async fn fetch(&self, place: &Place, secret: &str) -> Result<Vec<Fetched>, PortError> {
        match place.kind {
            PlaceKind::Folder => {
                let (base, path) = (self.folder().map_err(PortError::Refused)?.clone(), place.path.clone());
                blocking(move || folder::fetch(&base, &path)).await
            }
            PlaceKind::Http => {
                let call = Call { url: &place.address, headers: basic(place, secret), body: None, timeout: TIMEOUT };
                let answer = self.http.call(call).await?;
                Ok(vec![Fetched { name: file_name(&place.address)?, bytes: answer.body }])
            }
            PlaceKind::Sftp => sftp::fetch(&self.networks, place, secret).await,
        }
    }

    /// Leaves a file, in the place of one that is there.
    pub async fn put(
        &self,
        place: &Place,
        secret: &str,
        bytes: Vec<u8>,
        media_type: &'static str,
    ) -> Result<(), PortError> {
        match place.kind {
            PlaceKind::Folder => {
                let (base, path) = (self.folder().map_err(PortError::Refused)?.clone(), place.path.clone());
                blocking(move || folder::put(&base, &path, &bytes)).await
            }
            PlaceKind::Http => {
                let body = Some((media_type, bytes));
                let call = Call { url: &place.address, headers: basic(place, secret), body, timeout: TIMEOUT };
                self.http.exchange(Method::PUT, call).await?.into_answer().map(|_| ())
            }
            PlaceKind::Sftp => sftp::put(&self.networks, place, secret, &bytes).await,
        }
    }

    fn folder(&self) -> Result<&Arc<PathBuf>, String> {
        self.folder.as_ref().ok_or_else(|| {
            "no folder is opened for files: set files in the configuration, or use a web address or SFTP".to_owned()
        })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(PortError::retry(error.to_string())))
}

fn basic(place: &Place, secret: &str) -> Vec<(&'static str, String)> {
    if place.user.is_empty() && secret.is_empty() {
        return Vec::new();
    }
    let credentials = BASE64_STANDARD.encode(format!("{}:{secret}", place.user));
    vec![("authorization", format!("Basic {credentials}"))]
}

fn file_name(address: &str) -> Result<String, PortError> {
    let url = parse_url(address)?;
    let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    Ok(if name.is_empty() { url.host_str().unwrap_or("file").to_owned() } else { name.to_owned() })
}

/// A path's folder and its last part.
fn split(path: &str) -> (&str, &str) {
    path.trim().rsplit_once('/').unwrap_or(("", path.trim()))
}

/// Refuses what is too large to be fetched with the rest.
fn room(files: &[Fetched], name: &str, size: u64) -> Result<bool, PortError> {
    if size > FILE_MAX as u64 {
        return Err(PortError::Refused(format!("{name} is larger than 50 MB")));
    }
    let taken: usize = files.iter().map(|file| file.bytes.len()).sum();
    Ok(files.len() < FILES_MAX && taken as u64 + size <= FETCH_MAX as u64)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
