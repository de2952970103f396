//! Runs each fuzz target for a short while: built with coverage counters by the ordinary compiler, driven by libFuzzer.
//!
//! No nightly compiler and no cargo-fuzz are needed, as the sources hold no unsafe code for a sanitizer to watch. What a run
//! finds out goes to `fuzz/target/found`, what breaks a target to `fuzz/artifacts`. The kept corpus itself is
//! replayed by the ordinary tests.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{command, root, run};

/// How long each target runs, unless `CONSIGN_FUZZ_SECONDS` says otherwise.
const SECONDS: u32 = 60;
/// Targets that run at the same time: each needs a core.
const TOGETHER: usize = 2;
/// Counters at each edge, and compared values, for libFuzzer.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing";

/// Builds and runs the targets. Where this machine can't build them it says so, which is a failure only if it was `asked` for.
pub fn check(asked: bool) -> Result<(), String> {
    let (compiler, host) = match able() {
        Ok(able) => able,
        Err(why) if asked => return Err(why),
        Err(why) => {
            println!("   not run: {why}");
            return Ok(());
        }
    };
    let folder = root().join("fuzz");
    // Beside the ordinary builds, so that a clean clone with a warm target folder does not build anew.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from).join("fuzz");
    let built = target.join(&host).join("debug");
    // Not `--locked`: a dependency that a connector takes on must not need a second lock file mended by hand.
    let mut build = command("cargo", &["build", "--quiet", "--target", &host]);
    run(build.current_dir(&folder).env("RUSTFLAGS", COVERAGE).env("CXX", compiler).env("CARGO_TARGET_DIR", &target))?;
    let seconds = std::env::var("CONSIGN_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SECONDS);
    for pair in targets(&folder)?.chunks(TOGETHER) {
        let (folder, built) = (&folder, &built);
        std::thread::scope(|scope| {
            let running: Vec<_> =
                pair.iter().map(|target| scope.spawn(move || fuzz(folder, built, target, seconds))).collect();
            let over =
                running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("a target's run broke".to_owned())));
            // All of them are over before the first fault is told.
            over.collect::<Vec<_>>().into_iter().collect::<Result<(), String>>()
        })?;
    }
    Ok(())
}

/// The C++ compiler for libFuzzer and the name of this machine's kind; or what is missing.
fn able() -> Result<(String, String), String> {
    let version = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&version.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    if !host.ends_with("linux-gnu") && !host.ends_with("apple-darwin") {
        return Err(format!("libFuzzer is not known to work on {host}"));
    }
    let works = |compiler: &&&str| {
        let mut version = Command::new(compiler);
        version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
        version.status().is_ok_and(|status| status.success())
    };
    let compiler = ["c++", "g++", "clang++"].iter().find(works);
    let compiler = compiler.ok_or("libFuzzer needs a C++ compiler; this would install it: apt-get install -y g++")?;
    Ok(((*compiler).to_owned(), host))
}

/// Names of the targets, by their sources.
fn targets(folder: &Path) -> Result<Vec<String>, String> {
    let entries = fs::read_dir(folder.join("fuzz_targets")).map_err(|error| format!("fuzz_targets: {error}"))?;
    let sources = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension() == Some(OsStr::new("rs")));
    let mut names: Vec<String> =
        sources.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    if names.is_empty() { Err("fuzz/fuzz_targets is empty".to_owned()) } else { Ok(names) }
}

fn fuzz(folder: &Path, built: &Path, target: &str, seconds: u32) -> Result<(), String> {
    let found = folder.join("target/found").join(target);
    let (corpus, artifacts) = (folder.join("corpus").join(target), folder.join("artifacts").join(target));
    for place in [&found, &artifacts] {
        fs::create_dir_all(place).map_err(|error| format!("{}: {error}", place.display()))?;
    }
    println!("   {target}, {seconds} s");
    let program = built.join(target);
    let mut fuzzer = command(&program.to_string_lossy(), &[]);
    fuzzer
        .args([&found, &corpus])
        .arg(format!("-dict={}", folder.join("dictionaries").join(format!("{target}.dict")).display()))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=16384", "-timeout=10", "-rss_limit_mb=1024", "-verbosity=0"])
        .stderr(Stdio::piped());
    let output = fuzzer.output().map_err(|error| format!("{target}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().filter(|line| !line.starts_with("INFO")).take(20).for_each(|line| println!("   {line}"));
    Err(format!("{target} broke; its input is in {}", artifacts.display()))
}
