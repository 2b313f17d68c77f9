//! "Nothing lost": kills the server with SIGKILL again and again while it ingests, keeps a log of what it acknowledged,
//! and afterwards holds everything against a run without kills.
//!
//! - `story`: the installation that is killed, and what its clients know of it.
//! - `checks`: what must hold after the last kill; `history` judges the events.

mod checks;
mod history;
mod story;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Args;

use self::{
    checks::{Checks, Snapshot},
    story::{LOGIN, Story},
};
use crate::{
    api::{Account, NewDocument},
    ingest::{ingest, time_limit},
    process::machine,
    report::{Report, note},
    scifact::{Format, Scifact},
    setup::{ServerArguments, Setup},
    statistics::Generator,
};

/// The run with kills.
#[derive(Args, Clone, Debug)]
pub struct KillArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The folder with `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv` of SciFact.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// Documents to ingest: the first of the corpus.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(20..=2000))]
    pub documents: u32,

    /// How often the server is killed.
    #[arg(long, default_value_t = 10)]
    pub kills: usize,

    /// Decides the moments of the kills: the same seed kills at the same moments.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// The run with kills; the exit status says whether nothing was lost.
pub async fn run(arguments: &KillArguments) -> Result<ExitCode> {
    let mut report = Report::default();
    report.fact("machine", machine());
    let setup = Setup::new(&arguments.server)?;
    let mut scifact = Scifact::load(&arguments.data)?;
    scifact.documents.truncate(usize::try_from(arguments.documents)?);
    let documents: Vec<NewDocument> = scifact.documents.iter().map(|row| row.document(Format::Md)).collect();

    note("ingesting without kills, to know what is right");
    let data_dir = setup.data_dir("undisturbed")?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let account = Account::new(server.base()?, LOGIN)?;
    account.register().await?;
    let collection = account.create_collection("Undisturbed").await?;
    ingest(&account, &collection, &documents, "undisturbed").await?;
    let undisturbed = Snapshot::of(&account, &collection, &scifact.documents).await?;
    server.stop().await?;

    let mut story = Story::begin(&setup, &documents).await?;
    for (round, seed) in (0..arguments.kills).zip(arguments.seed..) {
        // One for each round: how many numbers a round draws depends on what the one before left.
        let moment = story.round(&setup, (round, arguments.kills), &mut Generator::new(seed)).await?;
        note(format!("kill {} after {moment:.2} s: {}", round + 1, story.state()));
    }

    note("starting for the last time");
    let server = story.end(&setup, time_limit(documents.len())).await?;
    note("comparing");
    let found = Snapshot::of(&story.account, &story.collection, &scifact.documents).await?;
    let mut checks = Checks::default();
    checks.outcome(&story, &found, &documents).await?;
    checks.compare(&found, &undisturbed, &documents);
    checks.repeats(&story, documents.len()).await?;
    server.stop().await?;

    let calls = story.calls.len();
    report.fact("input", format!("{} documents in {calls} calls, seed {}", documents.len(), arguments.seed));
    report.section("After the last start");
    checks.report(&mut report);
    report.section("Besides");
    report.count("kills", "kills", arguments.kills);
    story.report(&mut report, found.rankings_unlike(&undisturbed));
    report.publish(arguments.json.as_deref())?;
    Ok(if report.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
