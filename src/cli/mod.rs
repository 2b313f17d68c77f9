//! The command line: one command per file. Commands only translate; the work is done in the layers below.

#![expect(clippy::print_stdout, reason = "a command line talks to people through standard output")]

mod completions;
mod config;
mod doctor;
mod documents;
mod migrate;
mod model;
mod pdfium;
mod progress;
mod remote;
mod schema;
mod serve;
mod signing_key;
mod terminal;
mod user;
mod worker;

use std::{collections::BTreeMap, io, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use crate::config::Config;

/// How long to wait for blocking threads after a command has ended.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// The variables of the environment. Settings are text; a variable that is not text is not ours.
type Environment = BTreeMap<String, String>;

/// A self-hosted semantic search server for document collections with one GraphQL API.
#[derive(Debug, Parser)]
#[command(name = "docent", version, about)]
pub struct Cli {
    /// Settings file. Default: `docent.toml` in the working directory, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    Serve(serve::Serve),
    #[command(flatten)]
    Remote(remote::Remote),
    /// Run jobs of the queue apart from the server.
    Worker(worker::Worker),
    /// Migrate the database's schema, revert it, or show its status.
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Check whether vectors, original files and counters match the database, and repair them.
    Doctor(doctor::Doctor),
    /// Print the GraphQL schema.
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Manage the GraphQL documents that clients name by their ids.
    #[command(subcommand)]
    Documents(documents::Documents),
    /// Manage accounts.
    #[command(subcommand)]
    User(user::User),
    /// Manage the key that signs access tokens.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKey),
    /// Manage embedding models.
    #[command(subcommand)]
    Model(model::Model),
    /// Manage PDFium, the library that reads PDF files.
    #[command(subcommand)]
    Pdfium(pdfium::Pdfium),
    /// Show the settings.
    #[command(subcommand)]
    Config(config::Settings),
    /// Print what makes a shell complete the commands.
    Completions(completions::Completions),
    /// Read one file from standard input, for the server.
    #[command(hide = true)]
    ExtractChild,
}

/// Runs the command given in the arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // The child that reads files takes nothing from the environment and starts no threads.
    if matches!(cli.command, Command::ExtractChild) {
        return crate::extract::child::run();
    }
    match start(cli) {
        Ok(code) => code,
        // Whoever reads the output has enough of it: `docent search … | head`.
        Err(error) if is_unread(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a command that failed")]
fn report(error: &anyhow::Error) {
    eprintln!("docent: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
}

fn is_unread(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn start(cli: Cli) -> anyhow::Result<ExitCode> {
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // A GraphQL document nests deeper in debug builds than the usual 2 MiB hold.
        .thread_stack_size(8 * 1024 * 1024)
        .build()?;
    // The settings are those of a server, which these commands don't run.
    let command = match cli.command {
        Command::Completions(command) => return command.run().map(|()| ExitCode::SUCCESS),
        Command::Remote(command) => {
            let done = runtime.block_on(Box::pin(command.run(&environment)));
            runtime.shutdown_timeout(LAST_MOMENT);
            return done;
        }
        command => command,
    };
    let config = Config::load(cli.config.as_deref(), environment.into_iter())?.config;
    let done = runtime.block_on(async {
        match command {
            Command::Doctor(command) => return Box::pin(command.run(config)).await,
            Command::Serve(command) => Box::pin(command.run(config)).await,
            Command::Worker(command) => Box::pin(command.run(config)).await,
            Command::Migrate(command) => Box::pin(command.run(config)).await,
            Command::Schema(command) => command.run(),
            Command::Documents(command) => command.run(&config).await,
            Command::User(command) => command.run(config).await,
            Command::SigningKey(command) => command.run(&config),
            Command::Model(command) => command.run(config).await,
            Command::Pdfium(command) => command.run(config).await,
            Command::Config(command) => command.run(&config),
            Command::Remote(_) | Command::Completions(_) | Command::ExtractChild => Ok(()),
        }
        .map(|()| ExitCode::SUCCESS)
    });
    // Dropping it would wait for whatever still blocks a thread.
    runtime.shutdown_timeout(LAST_MOMENT);
    done
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
