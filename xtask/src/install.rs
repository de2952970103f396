//! What the stages need is found or installed; where that can't be done, the command that would is named.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cluster::is_root;
use crate::root;

fn on_path(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn apt(package: &str) -> Result<(), String> {
    let wish = format!("apt-get install -y {package}");
    if !is_root() || on_path("apt-get").is_none() {
        return Err(format!("{package} is missing; this would install it: sudo {wish}"));
    }
    println!("   installing {package}");
    let apt = |arguments: &[&str]| {
        let status = Command::new("apt-get")
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if apt(&["install", "-y", "-q", package]) || (apt(&["update", "-q"]) && apt(&["install", "-y", "-q", package])) {
        Ok(())
    } else {
        Err(format!("{package} could not be installed; try: {wish}"))
    }
}

/// The folder of PostgreSQL's programs.
pub fn postgres() -> Result<PathBuf, String> {
    let find = || -> Option<PathBuf> {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut found: Vec<PathBuf> = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).collect();
        found.sort();
        found.into_iter().rev().find(|bin| bin.join("initdb").is_file())
    };
    let on_path = || on_path("initdb").and_then(|path| path.parent().map(Path::to_path_buf));
    if let Some(bin) = find().or_else(on_path) {
        return Ok(bin);
    }
    apt("postgresql")?;
    find().ok_or_else(|| "initdb is not to be found, although postgresql is installed".to_owned())
}

/// Debian's Chromium.
pub fn chromium() -> Result<(), String> {
    if Path::new("/usr/bin/chromium").is_file() { Ok(()) } else { apt("chromium") }
}

/// A cargo subcommand.
pub fn cargo_tool(name: &str) -> Result<(), String> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    if on_path(name).is_some() || home.is_some_and(|home| home.join("bin").join(name).is_file()) {
        return Ok(());
    }
    println!("   installing {name}");
    let status =
        Command::new("cargo").args(["install", "--locked", "--quiet", name]).current_dir(env::temp_dir()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("{name} is missing; this would install it: cargo install --locked {name}")),
    }
}

/// Installs the npm packages that a folder's lock file pins: in a cache that a new checkout finds again, linked from the
/// folder. Gives the cache's folder.
pub fn npm(folder: &str) -> Result<PathBuf, String> {
    if on_path("npm").is_none() {
        apt("npm")?;
    }
    let source = root().join(folder);
    let lock =
        fs::read(source.join("package-lock.json")).map_err(|error| format!("{folder}/package-lock.json: {error}"))?;
    let cache = cache().join(format!("npm-{}-{:016x}", folder.replace('/', "-"), fingerprint(&lock)));
    if !cache.join("installed").is_file() {
        println!("   installing the npm packages of {folder}");
        fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), cache.join(file)).map_err(|error| format!("{folder}/{file}: {error}"))?;
        }
        let status = Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .current_dir(&cache)
            .stdin(Stdio::null())
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Err(format!("npm ci failed for {folder}; try it by hand there"));
        }
        fs::write(cache.join("installed"), "").map_err(|error| error.to_string())?;
    }
    let link = source.join("node_modules");
    if !link.exists() {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(cache.join("node_modules"), &link).map_err(|error| error.to_string())?;
    }
    Ok(source)
}

/// A folder that outlives the checkout.
fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    base.unwrap_or_else(env::temp_dir).join("consign")
}

/// FNV-1a: tells lock files apart.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
