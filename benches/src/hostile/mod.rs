//! Hostile neighbours: everything that a bad, busy or unlucky neighbour can do, together, against one server, while a
//! bystander works. Says what the bystander noticed, and whether anything that was acknowledged is lost or doubled.
//!
//! - `disk`: the small file system that fills up and is freed again.
//! - `neighbours`: those who do harm, a task each.
//! - `bystander`: who only wants to search and to add a document a minute.
//! - `ledger`: what was acknowledged, and whether it is there afterwards.
//! - `supervisor`: starts the server, kills it, and starts it again whenever it is gone.

mod bystander;
mod disk;
mod ledger;
mod neighbours;
mod supervisor;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use docent_client::{Client, Error};
use tokio::{
    io::AsyncWriteExt,
    net::TcpListener,
    process::Command,
    task::JoinSet,
    time::{Instant, sleep},
};

use self::{
    bystander::Bystander,
    disk::Disk,
    ledger::{Ledger, Verdict},
    supervisor::Supervisor,
};
use crate::{
    api::{Account, NewDocument},
    process::machine,
    report::{Report, note},
    server::Limits,
    setup::{ServerArguments, Setup},
};

const SEED: &str = include_str!("seed.py");

/// Files that this program may have open: a connection of each stranger, and some more.
const OPEN_FILES: u64 = 8192;

/// The run with hostile neighbours.
#[derive(Args, Clone, Debug)]
pub struct HostileArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// How long the neighbours do harm.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub minutes: u64,

    /// How long the server has afterwards to come to rest.
    #[arg(long, default_value_t = 10)]
    pub calm_minutes: u64,

    /// Size of the file system with the data directory, in MiB. It is in memory.
    #[arg(long, default_value_t = 4096)]
    pub disk_mib: u64,

    /// Seconds between two kills.
    #[arg(long, default_value_t = 240)]
    pub kill_seconds: u64,

    /// Connections with half a request, at once.
    #[arg(long, default_value_t = 1100)]
    pub half_requests: usize,

    /// Anonymous WebSockets, from one address, at once.
    #[arg(long, default_value_t = 1000)]
    pub sockets: usize,

    /// Operations and audit lines of others that the database holds from the start.
    #[arg(long, default_value_t = 200_000)]
    pub foreign_rows: usize,

    /// Documents that the busiest account hands over in all.
    #[arg(long, default_value_t = 3000)]
    pub bulk_documents: usize,

    /// Size of the long text, in MiB.
    #[arg(long, default_value_t = 30)]
    pub long_text_mib: usize,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// How often what happened to the neighbours, by who and what.
#[derive(Default)]
pub struct Tally(Mutex<BTreeMap<String, usize>>);

impl Tally {
    fn count(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(what.into()).or_default() += 1;
    }

    fn counts(&self) -> BTreeMap<String, usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What all tasks share.
pub struct Scene {
    /// `http://127.0.0.1:PORT`, the same after each restart.
    base: String,
    arguments: HostileArguments,
    ledger: Ledger,
    tally: Tally,
    /// The server was killed on purpose and is not ready again.
    restarting: AtomicBool,
}

impl Scene {
    fn is_restarting(&self) -> bool {
        self.restarting.load(Ordering::SeqCst)
    }
}

/// In a word, why a call failed: for counting.
fn kind(error: &Error) -> String {
    match error {
        Error::Unreachable(reason) if reason.contains("timed out") => "timed out".to_owned(),
        Error::Unreachable(_) => "unreachable".to_owned(),
        error => error.code().map_or_else(|| error.to_string().chars().take(60).collect(), str::to_owned),
    }
}

/// Runs it; the exit status says whether nothing was lost or doubled.
pub async fn run(arguments: &HostileArguments) -> Result<ExitCode> {
    raise_open_files()?;
    let mut setup = Setup::new(&arguments.server)?;
    let disk = Disk::mount(&setup.data_dir("disk")?, arguments.disk_mib)?;
    let data_dir = disk.folder().join("data");
    std::fs::create_dir(&data_dir)?;
    let port = free_port().await?;
    // What the server refuses by its own limits is part of what is looked at.
    setup.launch.limits = Limits::Defaults;
    setup.launch.settings.push(("DOCENT__HTTP__PORT".into(), port.to_string()));
    let scene = Arc::new(Scene {
        base: format!("http://127.0.0.1:{port}"),
        arguments: arguments.clone(),
        ledger: Ledger::default(),
        tally: Tally::default(),
        restarting: AtomicBool::new(true),
    });
    let mut supervisor = Supervisor::new(setup.launch.clone(), data_dir.clone(), Arc::clone(&scene));

    note("preparing accounts and rows of others");
    let cast = prepare(&scene, &mut supervisor, &data_dir).await?;

    let minutes = arguments.minutes;
    note(format!("{minutes} minutes of neighbours"));
    let mut tasks = JoinSet::new();
    neighbours::spawn(&mut tasks, &scene, &cast, &disk);
    let bystander = Bystander::spawn(&mut tasks, &scene, &cast.bystander);
    let end = Instant::now() + Duration::from_mins(minutes);
    supervisor.watch_until(end, Some(Duration::from_secs(arguments.kill_seconds))).await?;
    tasks.shutdown().await;
    disk.free();

    note("waiting until the server has come to rest");
    let calm_by = Instant::now() + Duration::from_mins(arguments.calm_minutes);
    let rested = calm(&scene, &mut supervisor, calm_by).await?;
    note("looking for what was acknowledged");
    let verdict = scene.ledger.check().await.unwrap_or_else(|error| {
        note(format!("the documents could not be checked: {error:#}"));
        Verdict::default()
    });
    let readiness = readiness(&scene.base).await.unwrap_or_else(|error| error.to_string());
    supervisor.end().await;

    let mut report = Report::default();
    report.fact("machine", machine());
    report.fact("run", format!("{minutes} min, a disk of {} MiB", arguments.disk_mib));
    report.fact("readiness at the end", readiness);
    bystander.report(&mut report);
    supervisor.report(&mut report);
    report.seconds("rest", "at rest after the last harm", rested.map_or(f64::NAN, |took| took.as_secs_f64()));
    verdict.report(&mut report);
    report.section("Results of the neighbours' requests");
    for (what, count) in scene.tally.counts() {
        report.count(&what, &what, count);
    }
    for finding in verdict.lost.iter().chain(&verdict.doubled).take(20) {
        note(finding);
    }
    report.publish(arguments.json.as_deref())?;
    Ok(if report.missed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The accounts. Each neighbour has one, so that what one is refused is not another's limit.
pub struct Cast {
    freezer: Account,
    prober: Account,
    bulk: Account,
    updater: Account,
    deleter: Account,
    bystander: Account,
}

async fn prepare(scene: &Scene, supervisor: &mut Supervisor, data_dir: &Path) -> Result<Cast> {
    supervisor.start().await?;
    // The first account is the administrator's, who takes no part.
    Account::new(&scene.base, "keeper")?.register().await?;
    let account = async |login: &str, address: &str| -> Result<Account> {
        let account = Account::from_address(&scene.base, login, address.parse()?)?;
        account.register().await?;
        Ok(account)
    };
    let cast = Cast {
        freezer: account("freezer", "127.0.0.2").await?,
        prober: account("prober", "127.0.0.2").await?,
        bulk: account("bulk", "127.0.0.2").await?,
        updater: account("updater", "127.0.0.2").await?,
        deleter: account("deleter", "127.0.0.2").await?,
        bystander: account("bystander", "127.0.0.9").await?,
    };
    let collection = cast.bulk.create_collection("First").await?;
    let document = NewDocument { uri: "first".into(), file_name: "first.txt".into(), text: "The first.".into() };
    cast.bulk.ingest(&collection, &[document], "first").await?;
    // An owner reads the entries of the audit log that are about their collections, among all others.
    cast.prober.create_collection("Mine").await?;
    sleep(Duration::from_secs(2)).await;
    supervisor.stop().await?;
    seed(&data_dir.join("docent.db"), scene.arguments.foreign_rows).await?;
    supervisor.start().await?;
    Ok(cast)
}

async fn seed(database: &Path, rows: usize) -> Result<()> {
    if rows == 0 {
        return Ok(());
    }
    let mut python = Command::new("python3");
    python
        .args(["-".as_ref(), database.as_os_str(), rows.to_string().as_ref()])
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    let mut python = python.spawn().context("python3 is needed to fill the database (or --foreign-rows 0)")?;
    let mut input = python.stdin.take().context("python3 takes no input")?;
    input.write_all(SEED.as_bytes()).await?;
    drop(input);
    let status = python.wait().await?;
    ensure!(status.success(), "the database could not be filled ({status})");
    Ok(())
}

/// Waits until everything that was acknowledged has ended; how long that took.
async fn calm(scene: &Scene, supervisor: &mut Supervisor, limit: Instant) -> Result<Option<Duration>> {
    const PAUSE: Duration = Duration::from_secs(2);
    let begun = Instant::now();
    while Instant::now() < limit {
        supervisor.watch_until(Instant::now() + PAUSE, None).await?;
        if scene.ledger.is_settled().await {
            return Ok(Some(begun.elapsed()));
        }
    }
    Ok(None)
}

/// What `/health/ready` says.
async fn readiness(base: &str) -> Result<String, Error> {
    let bytes = Client::new(base)?.download("/health/ready").await?;
    Ok(format!("200 OK {}", String::from_utf8_lossy(&bytes).trim()))
}

/// A port that is free now.
async fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port())
}

fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = OPEN_FILES.min(limit.maximum.unwrap_or(OPEN_FILES));
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum })
            .context("cannot raise the limit of open files")?;
    }
    Ok(())
}
