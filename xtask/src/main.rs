//! `cargo xtask test`: everything that CI checks, stage by stage; what a stage needs is installed or named.

mod cluster;
mod fuzz;
mod install;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use cluster::Cluster;

type Outcome = Result<(), String>;

struct Stage {
    name: &'static str,
    what: &'static str,
    run: fn(&mut Bench) -> Outcome,
}

const STAGES: &[Stage] = &[
    Stage { name: "fmt", what: "the code is formatted", run: fmt },
    Stage {
        name: "tidy",
        what: "the rules of ARCHITECTURE.md hold in the text of the sources",
        run: |_| tidy::check(&root()),
    },
    Stage { name: "clippy", what: "no lint speaks up", run: clippy },
    Stage { name: "deny", what: "licences, bans and sources of all dependencies", run: deny },
    Stage { name: "doc", what: "the documentation builds without a warning", run: doc },
    Stage { name: "stored", what: "unit, property and store tests, on SQLite and PostgreSQL", run: stored },
    Stage { name: "fuzz", what: "no bytes break a connector's mapping", run: |bench| fuzz::check(bench.asked) },
    Stage { name: "proofs", what: "concurrency, crashes and two nodes, on SQLite and PostgreSQL", run: proofs },
    Stage { name: "api", what: "valid and hostile input, drawn from the OpenAPI document", run: api },
    Stage { name: "shop", what: "a real Vendure and a real Medusa: orders in, shipment and stock back", run: shop },
    Stage { name: "browser", what: "a person's walk through the pages in Chromium", run: browser },
];

/// What the stages share.
struct Bench {
    cluster: Option<Cluster>,
    /// Whether the stages were named: then one that can't be run here is a failure.
    asked: bool,
}

impl Bench {
    /// The throw-away PostgreSQL, started when first needed.
    fn postgres(&mut self) -> Result<String, String> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::start()?);
        }
        Ok(self.cluster.as_ref().map_or_else(String::new, |cluster| cluster.url.clone()))
    }

    /// The folder of its programs.
    fn postgres_programs(&self) -> PathBuf {
        self.cluster.as_ref().map_or_else(PathBuf::new, |cluster| cluster.bin.clone())
    }
}

/// The top of the checkout.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(PathBuf::new, Path::to_path_buf)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => {}
        _ => {
            eprintln!("usage: cargo xtask test [STAGE …] [--skip STAGE] [--list]");
            return ExitCode::FAILURE;
        }
    }
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => {
                STAGES.iter().for_each(|stage| println!("{:<8} {}", stage.name, stage.what));
                return ExitCode::SUCCESS;
            }
            "--skip" => skipped.extend(arguments.next()),
            name if STAGES.iter().any(|stage| stage.name == name) => wanted.push(argument),
            other => {
                eprintln!("xtask: no stage is called {other}; see cargo xtask test --list");
                return ExitCode::FAILURE;
            }
        }
    }
    let chosen =
        |name: &str| (wanted.is_empty() || wanted.iter().any(|w| w == name)) && !skipped.iter().any(|s| s == name);
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| chosen(stage.name)).collect();
    if run_stages(&stages, !wanted.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the stages up to the first that fails, and sums up. Whether all passed.
fn run_stages(stages: &[&Stage], asked: bool) -> bool {
    let mut bench = Bench { cluster: None, asked };
    let (started, mut passed) = (Instant::now(), Vec::new());
    let failed = stages.iter().find_map(|stage| {
        println!("== {}: {}", stage.name, stage.what);
        let begun = Instant::now();
        let outcome = (stage.run)(&mut bench);
        let seconds = begun.elapsed().as_secs();
        match outcome {
            Ok(()) => {
                println!("== {}: ok, {seconds} s", stage.name);
                passed.push(format!("{} {seconds} s", stage.name));
                None
            }
            Err(error) => {
                println!("== {}: FAILED after {seconds} s: {error}", stage.name);
                Some(stage.name)
            }
        }
    });
    drop(bench);
    println!("== {} in {} s", passed.join(", "), started.elapsed().as_secs());
    if let Some(name) = failed {
        println!("== stopped at {name}; again, only that: cargo xtask test {name}");
    }
    println!("stages: {} passed, {} failed", passed.len(), usize::from(failed.is_some()));
    failed.is_none() && !passed.is_empty()
}

/// A command in the checkout.
fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null());
    // Tests say themselves what they allow; the surroundings must not decide it.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONSIGN_") && name != "CONSIGN_CRASH_ROUNDS")
    {
        command.env_remove(name);
    }
    command
}

fn run(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}");
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown} ended with {status}")) }
}

fn cargo(arguments: &[&str]) -> Command {
    command("cargo", arguments)
}

fn fmt(_: &mut Bench) -> Outcome {
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy(_: &mut Bench) -> Outcome {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--quiet", "--", "-D", "warnings"]))
}

fn deny(_: &mut Bench) -> Outcome {
    install::cargo_tool("cargo-deny")?;
    run(&mut cargo(&["deny", "--log-level", "error", "check", "licenses", "bans", "sources"]))
}

fn doc(_: &mut Bench) -> Outcome {
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn stored(bench: &mut Bench) -> Outcome {
    install::cargo_tool("cargo-nextest")?;
    install::sshd()?;
    let postgres = bench.postgres()?;
    run(cargo(&["nextest", "run", "--workspace", "--locked"]).env("CONSIGN_TEST_POSTGRES", postgres))
}

fn proofs(bench: &mut Bench) -> Outcome {
    install::cargo_tool("cargo-nextest")?;
    let postgres = bench.postgres()?;
    run(cargo(&["nextest", "run", "--workspace", "--locked", "--profile", "proofs"])
        .env("CONSIGN_TEST_POSTGRES", postgres))
}

/// The binary that the outer stages drive.
fn binary() -> Result<PathBuf, String> {
    run(&mut cargo(&["build", "--package", "consign", "--locked", "--quiet"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("debug/consign"))
}

fn api(_: &mut Bench) -> Outcome {
    let programs = install::python("e2e/requirements.txt")?;
    let binary = binary()?;
    let mut node = command("node", &["--test-reporter=spec", "e2e/api.mjs"]);
    run(node.env("CONSIGN_BIN", binary).env("SCHEMATHESIS", programs.join("schemathesis")))
}

fn shop(bench: &mut Bench) -> Outcome {
    install::npm("e2e/vendure")?;
    install::npm("e2e/medusa")?;
    install::cargo_tool("cargo-nextest")?;
    let (postgres, binary) = (bench.postgres()?, binary()?);
    let mut node = command("node", &["--test-reporter=spec", "e2e/shop.mjs"]);
    run(node.env("CONSIGN_BIN", binary).env("POSTGRES_URL", postgres).env("POSTGRES_BIN", bench.postgres_programs()))
}

fn browser(_: &mut Bench) -> Outcome {
    install::chromium()?;
    install::npm("e2e")?;
    let binary = binary()?;
    // One file for each area, two at a time.
    let folder = std::fs::read_dir(root().join("e2e")).map_err(|error| format!("e2e: {error}"))?;
    let names = folder.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut walks: Vec<String> = names.filter(|name| name.starts_with("walk") && name.ends_with(".mjs")).collect();
    walks.sort();
    let mut node = command("node", &["--test", "--test-concurrency=2", "--test-reporter=spec"]);
    run(node.args(walks.iter().map(|name| format!("e2e/{name}"))).env("CONSIGN_BIN", binary))
}
