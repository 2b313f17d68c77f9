//! Measures a release build of Docent from outside: it starts the server, speaks to it as any client does, and prints
//! what it found. It uses nothing of the server's code, so it can't measure anything that a user couldn't see.

mod access;
mod api;
mod hostile;
mod ingest;
mod kill;
mod process;
mod quality;
mod report;
mod run;
mod scifact;
mod searches;
mod server;
mod setup;
mod statistics;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Measures a release build of Docent on SciFact, through its public API.
///
/// Without a subcommand: starts the server on an empty data directory, ingests all documents through `documentsIngest`
/// while following every operation over one WebSocket, asks all queries in each mode, restarts the server, and prints
/// one table: ranking quality (nDCG@10, recall@10), rate of ingestion beside the rate of embedding alone, latency,
/// memory, time to be ready, delay of events, what access costs. Figures that have a target are marked pass or FAIL; a
/// missed target does not change the exit status, a run that could not be completed does.
///
/// The server inherits no environment variables; `--set` gives it some. Its limits on points and logins are raised out of
/// the way, and an answer of 429 ends the run. What it prints goes to a log whose path is told.
///
/// Expect a quarter of an hour on two cores, and close other programs: they are measured too. `--quick 300` tries
/// everything in two minutes, with figures that mean little.
#[derive(Parser, Debug)]
#[command(name = "docent-bench", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Way>,

    #[command(flatten)]
    server: Option<setup::ServerArguments>,

    #[command(flatten)]
    bench: Option<run::BenchArguments>,
}

#[derive(Subcommand, Debug)]
enum Way {
    /// Kills the server again and again while it ingests, and checks that nothing acknowledged was lost.
    ///
    /// Documents are handed over in calls of different sizes, spread over the kills; a log of acknowledged calls is
    /// kept. After the last start everything must end as in a run without kills: each document completed once, with the
    /// same chunks, found by its title, its original unchanged; histories without a gap; a repeated idempotency key
    /// answered with the same operation. The exit status is 1 if anything differs.
    Kill(kill::KillArguments),

    /// Does everything together that a bad, busy or unlucky neighbour can do, while a bystander works.
    ///
    /// Needs root: the data directory lies on a small file system in memory, which is filled and freed in turns; and
    /// python3, which fills the database with rows of others. Reports what the bystander noticed, and whether everything
    /// that was acknowledged is there in the end. The exit status is 1 if anything is lost or doubled.
    Hostile(hostile::HostileArguments),

    /// Measures access alone: what a thousand memberships cost a reader, many logins at once, and guessed passwords.
    ///
    /// Needs no data: a few texts are generated. Takes a minute.
    Access(access::AccessArguments),

    /// Asks the queries again on a data directory that a run with `--keep` left, to compare settings of the search.
    Quality(run::QualityArguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = tokio::select! {
        outcome = execute(arguments) => outcome,
        outcome = interrupted() => outcome,
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            report::note(format!("docent-bench: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> Result<ExitCode> {
    match (arguments.command, arguments.server, arguments.bench) {
        (Some(Way::Kill(kill)), ..) => kill::run(&kill).await,
        (Some(Way::Hostile(hostile)), ..) => hostile::run(&hostile).await,
        (Some(Way::Access(access)), ..) => access::run(&access).await.map(|()| ExitCode::SUCCESS),
        (Some(Way::Quality(quality)), ..) => run::quality_only(&quality).await.map(|()| ExitCode::SUCCESS),
        (None, Some(server), Some(bench)) => run::run(&server, &bench).await.map(|()| ExitCode::SUCCESS),
        (None, ..) => anyhow::bail!("--server and --data are needed; see --help"),
    }
}

/// Ends the run from outside, so that servers are killed and folders removed on the way out.
async fn interrupted() -> Result<ExitCode> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended?,
        _ = terminate.recv() => {}
    }
    anyhow::bail!("interrupted")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn subcommands_have_arguments_of_their_own() {
        let line = "docent-bench --server docent --data scifact --set A=1 --set B=x=y --quick 300 --json out.json";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.server.unwrap().settings, [("A".into(), "1".into()), ("B".into(), "x=y".into())]);
        assert_eq!(arguments.bench.unwrap().quick, Some(300));
        assert!(parse("docent-bench --server docent").is_err());
        let arguments = parse("docent-bench kill --server docent --data scifact --kills 3 --seed 9").unwrap();
        let Some(Way::Kill(kill)) = arguments.command else { panic!("not kill") };
        assert_eq!((kill.kills, kill.seed, kill.documents), (3, 9, 400));
        let hostile = parse("docent-bench hostile --server docent --minutes 3").unwrap();
        let Some(Way::Hostile(hostile)) = hostile.command else { panic!("not hostile") };
        assert_eq!((hostile.minutes, hostile.sockets), (3, 1000));
        let access = parse("docent-bench access --server docent --json out.json").unwrap();
        assert!(matches!(access.command, Some(Way::Access(_))));
        assert!(parse("docent-bench access").is_err());
        let line = "docent-bench quality --server docent --data scifact --data-dir kept/data";
        assert!(matches!(parse(line).unwrap().command, Some(Way::Quality(_))));
    }
}
