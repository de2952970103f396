//! Files in a folder of this machine: below the one that the configuration opens, and nowhere else, whatever links lie in it.

use std::fs;
use std::path::{Component, Path, PathBuf};

use consign_ports::{Fetched, PortError, fits};

use super::{room, split};

/// Whether a path stays below the folder by its spelling.
pub fn check(base: &Path, path: &str) -> Result<(), String> {
    if !base.is_dir() {
        return Err(format!("the folder for files, {}, is not there", base.display()));
    }
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let (folder, name) = split(path);
    if !Path::new(folder).components().all(plain) || name.is_empty() || !Path::new(name).components().all(plain) {
        return Err("the path must lie below the folder for files: no / at its beginning, no ..".to_owned());
    }
    if folder.contains(['*', '?']) {
        return Err("* and ? may stand only in the file's name".to_owned());
    }
    Ok(())
}

/// The folder of a path as it really is, if that lies below the base.
fn real_folder(base: &Path, path: &str) -> Result<PathBuf, PortError> {
    check(base, path).map_err(PortError::Refused)?;
    let there = |error: std::io::Error| PortError::retry(format!("{} can't be opened: {error}", split(path).0));
    let base = base.canonicalize().map_err(there)?;
    let folder = base.join(split(path).0).canonicalize().map_err(there)?;
    if folder.starts_with(&base) {
        Ok(folder)
    } else {
        Err(PortError::Refused("the path leads out of the folder".to_owned()))
    }
}

pub fn fetch(base: &Path, path: &str) -> Result<Vec<Fetched>, PortError> {
    let folder = real_folder(base, path)?;
    let unreadable = |error: std::io::Error| PortError::retry(format!("{path} can't be read: {error}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // Links are passed over: they may lead anywhere.
        if fits(split(path).1, &name) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            names.push(name);
        }
    }
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let size = fs::metadata(folder.join(&name)).map_err(unreadable)?.len();
        if !room(&files, &name, size)? {
            break;
        }
        let bytes = fs::read(folder.join(&name)).map_err(unreadable)?;
        files.push(Fetched { name, bytes });
    }
    Ok(files)
}

pub fn put(base: &Path, path: &str, bytes: &[u8]) -> Result<(), PortError> {
    let (folder, name) = (real_folder(base, path)?, split(path).1);
    let passing = folder.join(format!(".{name}.part"));
    let unwritable = |error: std::io::Error| PortError::retry(format!("{path} can't be written: {error}"));
    fs::write(&passing, bytes).and_then(|()| fs::rename(&passing, folder.join(name))).map_err(|error| {
        let _ = fs::remove_file(&passing);
        unwritable(error)
    })
}
