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

/// The SSH server that the transfer of files is tested with.
pub fn sshd() -> Result<(), String> {
    if Path::new("/usr/sbin/sshd").is_file() { Ok(()) } else { apt("openssh-server") }
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
/// folder. Gives the folder.
pub fn npm(folder: &str) -> Result<PathBuf, String> {
    node()?;
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
    link(&cache.join("node_modules"), &source.join("node_modules"))?;
    Ok(source)
}

/// Installs the Python packages that a requirements file pins by their digests: in a cache that a new checkout finds again. Gives
/// the folder of their programs.
pub fn python(requirements: &str) -> Result<PathBuf, String> {
    let file = root().join(requirements);
    let pinned = fs::read(&file).map_err(|error| format!("{requirements}: {error}"))?;
    let cache = cache().join(format!("python-{:016x}", fingerprint(&pinned)));
    let bin = cache.join("bin");
    if cache.join("installed").is_file() {
        return Ok(bin);
    }
    println!("   installing the Python packages of {requirements}");
    let made = |cache: &Path| {
        let status = Command::new("python3").args(["-m", "venv", "--clear"]).arg(cache).stdout(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !made(&cache) {
        apt("python3-venv")?;
        if !made(&cache) {
            return Err("python3 -m venv failed; it is in the package python3-venv".to_owned());
        }
    }
    let status = Command::new(bin.join("pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement"])
        .arg(&file)
        .stdin(Stdio::null())
        .status();
    if !status.is_ok_and(|status| status.success()) {
        return Err(format!(
            "pip install failed; try: {}/pip install --require-hashes -r {requirements}",
            bin.display()
        ));
    }
    fs::write(cache.join("installed"), "").map_err(|error| error.to_string())?;
    Ok(bin)
}

/// Points `link` at `target`. A folder made there by hand is left alone.
fn link(target: &Path, link: &Path) -> Result<(), String> {
    match fs::read_link(link) {
        Ok(old) if old == target => return Ok(()),
        Ok(_) => fs::remove_file(link).map_err(|error| format!("{}: {error}", link.display()))?,
        Err(_) if link.is_dir() => return Ok(()),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(target, link).map_err(|error| format!("{}: {error}", link.display()))
}

/// Vendure and Playwright need this one.
const NODE: u32 = 20;

/// Node.js, new enough, with npm.
fn node() -> Result<(), String> {
    if on_path("node").is_none() || on_path("npm").is_none() {
        apt("npm")?;
    }
    let output = Command::new("node").arg("--version").output().map_err(|error| format!("node: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let major = version.trim_start_matches('v').split('.').next().and_then(|part| part.parse::<u32>().ok());
    if major.is_some_and(|major| major >= NODE) {
        return Ok(());
    }
    Err(format!("Node.js {NODE} or newer is needed, and this is {version}; install it, for example with: npx n {NODE}"))
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
