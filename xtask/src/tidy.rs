//! Rules on the text of the sources: the invariants of ARCHITECTURE.md that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that say nothing about what is in a file.
const EMPTY_NAMES: &[&str] =
    &["utils", "util", "helpers", "helper", "common", "manager", "service", "services", "misc"];

/// Files longer than this are named, but allowed.
const LONG: usize = 700;

/// Checks all Rust sources, migrations, and the scripts and lock files of the outer tests.
pub fn check(root: &Path) -> Result<(), String> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "bench", "migrations", "e2e"] {
        gather(&root.join(folder), &mut files);
    }
    let mut broken = Vec::new();
    for file in &files {
        let path = file.strip_prefix(root).unwrap_or(file).to_string_lossy().into_owned();
        let text = fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
        if path.ends_with(".rs") && text.lines().count() > LONG {
            println!("   {path}: more than {LONG} lines; does it have one duty?");
        }
        check_file(&path, &text, &mut broken);
    }
    for line in &broken {
        println!("   {line}");
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("{} rules broken", broken.len())) }
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                gather(&path, files);
            }
        } else if path.ends_with("package-lock.json")
            || path.extension().is_some_and(|ending| ending == "rs" || ending == "sql" || ending == "mjs")
        {
            files.push(path);
        }
    }
}

fn check_file(path: &str, text: &str, broken: &mut Vec<String>) {
    let mut rule = |broke: bool, why: &str| {
        if broke {
            broken.push(format!("{path}: {why}"));
        }
    };
    let words = path.trim_end_matches(".rs").split(['/', '_', '.', '-']);
    if path.ends_with(".json") {
        rule(text.contains("\"resolved\":"), "a lock file holds versions and digests, no registry's addresses");
        return;
    }
    rule(words.clone().any(|word| EMPTY_NAMES.contains(&word)), "the name says nothing; call it after what it holds");
    let own = |part: &str| path.starts_with(part);
    let has =
        |word: &str| text.lines().filter(|line| !line.trim_start().starts_with("//")).any(|line| line.contains(word));
    let engine_free = !own("crates/db/") && !own("bench/") && !own("xtask/");
    rule(engine_free && (has("rusqlite::") || has("postgres::")), "only db names an engine");
    let pure = ["crates/values/src", "crates/db/src", "crates/oms/src"].iter().any(|part| own(part));
    rule(pure && (has("async fn") || has("async move") || has(".await")), "no async in values, db and oms");
    let queries = ["store.rs", "search.rs", "queue.rs"].iter().any(|name| path.ends_with(name));
    rule(own("crates/oms/src") && !queries && has("sql!("), "SQL belongs into store.rs, search.rs or queue.rs");
    rule(
        (own("crates/web/src") || own("crates/server/src") || own("crates/connectors/")) && has("sql!("),
        "SQL belongs into oms",
    );
    let unfinished = ["todo!", "unimplemented!"].iter().any(|word| has(&format!("{word}("))) || has("#[ignore");
    rule(unfinished && !own("xtask/"), "nothing unfinished, no ignored test");
    let waits = has("thread::sleep(") || has("time::sleep(");
    rule(waits && path.contains("/tests/") && !path.contains("proofs"), "tests don't sleep");
}
