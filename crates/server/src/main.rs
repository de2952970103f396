//! The binary `consign`: command line, configuration, wiring, the worker and the web server.

mod commands;
mod config;
mod metrics;
mod site;
mod work;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "consign",
    version,
    about = "Order management that you host yourself: orders of every channel in, stock right, despatched back",
    after_help = "Try it:      consign demo\nRun it:      consign serve --data /var/lib/consign\nConfigure:   consign.toml, CONSIGN_… variables, flags; the later ones win\nThe manual is served at /help."
)]
struct Cli {
    #[command(flatten)]
    flags: config::Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show Consign at work: a throw-away company, a shop that sells by itself, a sign-in link
    Demo(commands::demo::Demo),
    /// Run the server: pages, API and the worker that talks to the channels
    Serve(commands::serve::Serve),
    /// List, test or synchronise channels
    #[command(subcommand)]
    Channel(commands::channel::ChannelCommand),
    /// List and make users, reset passwords, print sign-in links
    #[command(subcommand)]
    User(commands::user::UserCommand),
    /// Prove the books: ledger, allocations and every other invariant; ends with 1 if anything differs
    Verify,
    /// Copy the database into a new file while it is in use
    Backup(commands::backup::Backup),
    /// Put a backup in the place of the database; the server must be stopped
    Restore(commands::backup::Restore),
    /// Check configuration, database, clock, disk and channels, and say what to do
    Doctor,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let config = match config::load(&cli.flags) {
        Ok(config) => config,
        Err(error) => return fail(&format!("configuration: {error}")),
    };
    let result = match cli.command {
        Command::Demo(demo) => demo.run(config),
        Command::Serve(serve) => serve.run(config),
        Command::Channel(command) => command.run(&config),
        Command::User(command) => command.run(&config),
        Command::Verify => commands::verify::run(&config),
        Command::Backup(backup) => backup.run(&config),
        Command::Restore(restore) => restore.run(&config),
        Command::Doctor => commands::doctor::run(&config),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("consign: {error}");
    ExitCode::FAILURE
}
