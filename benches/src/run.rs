//! The benchmark itself: what is done in which order, and which figures come of it.

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    access::Access,
    api::{Account, Mode, NewDocument},
    ingest::{check_contents, embed_alone, ingest},
    process::{MemorySampler, cpu_seconds, disk_bytes, machine, peak_memory},
    report::{Report, megabytes, note},
    scifact::{Format, Scifact},
    searches::{Searcher, report_plain_latency},
    server::Server,
    setup::{ServerArguments, Setup},
    statistics::{Samples, milliseconds},
};

/// The account of the benchmark.
const LOGIN: &str = "benchmark";
const COLLECTION: &str = "SciFact";

/// Questions asked before anything is timed.
const WARM_UP: usize = 20;
/// Questions asked without asking how the ranking came about.
const PLAIN_QUERIES: usize = 300;
/// Questions for the throughput at several callers.
const THROUGHPUT_QUERIES: usize = 800;
const CALLERS: usize = 8;
/// Documents ingested while questions are asked.
const BACKGROUND_DOCUMENTS: usize = 600;
/// Between two questions that are asked while documents are ingested.
const BACKGROUND_PAUSE: Duration = Duration::from_millis(200);
/// Documents put in one by one.
const SINGLE_DOCUMENTS: usize = 10;
const RESTARTS: usize = 5;

/// The benchmark.
#[derive(Args, Clone, Debug)]
pub struct BenchArguments {
    /// The folder with `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv` of SciFact.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Only so many documents, the judged ones first. Ranking quality is then not judged: a smaller heap hides less hay.
    #[arg(long, value_name = "DOCUMENTS", value_parser = clap::value_parser!(u32).range(20..))]
    pub quick: Option<u32>,

    /// As what kind of file the documents are ingested.
    #[arg(long, value_enum, default_value_t = Format::Md)]
    pub format: Format,
}

/// The queries alone, on data that is there.
#[derive(Args, Clone, Debug)]
pub struct QualityArguments {
    #[command(flatten)]
    pub server: ServerArguments,

    /// The folder with `corpus.jsonl.gz`, `queries.jsonl` and `qrels.tsv` of SciFact.
    #[arg(long, value_name = "FOLDER")]
    pub data: PathBuf,

    /// The data directory: the folder `data` in what a run with `--keep` left.
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: PathBuf,

    /// Writes all figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// What one server process has used.
struct Usage {
    server_peak: u64,
    /// Server and children together, as sampled.
    tree_peak: u64,
    cpu_seconds: f64,
}

impl Usage {
    fn of(server: &Server, memory: &MemorySampler, cpu_before: f64) -> Result<Self> {
        let server_peak = peak_memory(server.pid())?;
        let cpu_seconds = cpu_seconds(server.pid())? - cpu_before;
        Ok(Self { server_peak, tree_peak: memory.peak().max(server_peak), cpu_seconds })
    }
}

/// Measurements of the restarts.
#[derive(Default)]
struct Restarts {
    ready: Vec<f64>,
    first_search_ms: Vec<f64>,
    stop: Vec<f64>,
}

/// Queries that the server has not seen: titles, each handed out once.
struct Unseen<'a>(std::vec::IntoIter<&'a str>);

impl<'a> Unseen<'a> {
    fn new(scifact: &'a Scifact) -> Self {
        let mut titles: Vec<&str> = scifact.documents.iter().map(|document| document.title.as_str()).collect();
        titles.sort_unstable();
        titles.dedup();
        Self(titles.into_iter())
    }

    fn take(&mut self, count: usize) -> Vec<&'a str> {
        self.0.by_ref().take(count).collect()
    }
}

/// Runs the whole benchmark and prints its report.
pub async fn run(server: &ServerArguments, arguments: &BenchArguments) -> Result<()> {
    let started = Instant::now();
    let machine = machine();
    let setup = Setup::new(server)?;
    let mut scifact = Scifact::load(&arguments.data)?;
    if let Some(count) = arguments.quick {
        scifact = scifact.reduced_to(usize::try_from(count)?);
    }
    let documents: Vec<NewDocument> =
        scifact.documents.iter().map(|document| document.document(arguments.format)).collect();
    let mut unseen = Unseen::new(&scifact);

    note("rehearsing with two documents");
    rehearse(&setup, &documents[..2]).await.context("the rehearsal failed")?;

    // It has servers and data of its own.
    let access = Access::measure(&setup).await.context("measuring access failed")?;

    // Half of the texts before the ingestion and half after, so that a machine that changes its pace changes both.
    let (early, late) = halves(&documents);
    note(format!("embedding {} documents alone", early.len()));
    let embedding = embed_alone(&setup, "embedding-before", &early).await?;

    let data_dir = setup.data_dir("data")?;
    let (server, first_start) = setup.launch.start(&data_dir).await?;
    let (account, collection) = prepare(&server).await?;
    let searcher = Searcher { account: &account, collection: &collection };
    let memory = MemorySampler::start(server.pid());

    note(format!("ingesting {} documents", documents.len()));
    let cpu_before = cpu_seconds(server.pid())?;
    let ingested = ingest(&account, &collection, &documents, "all").await?;
    let ingest_usage = Usage::of(&server, &memory, cpu_before)?;
    let contents = check_contents(&account, &collection, &documents).await?;
    let quiet_after = quiet(&server).await?;

    note(format!("asking {} queries in each mode", scifact.queries.len()));
    searcher.ask_all(&unseen.take(WARM_UP.min(documents.len() / 10)), Mode::Hybrid).await?;
    let answers = searcher.ask_each_mode(&scifact).await?;
    let plain = searcher.ask_all_plainly(&unseen.take(PLAIN_QUERIES.min(documents.len() / 10))).await?;

    note(format!("asking with {CALLERS} callers"));
    let fresh = unseen.take(THROUGHPUT_QUERIES.min(documents.len() / 2));
    let fresh_at_once = searcher.ask_at_once(&fresh, CALLERS).await?;
    let known: Vec<&str> = scifact.queries.iter().map(|query| query.text.as_str()).collect();
    let known_at_once = searcher.ask_at_once(&known, CALLERS).await?;

    note("asking while documents are ingested");
    let beside = account.create_collection("Beside").await?;
    let more: Vec<NewDocument> =
        scifact.documents.iter().take(BACKGROUND_DOCUMENTS).map(|row| row.reversed(arguments.format)).collect();
    let background = background(searcher, &beside, &more, &unseen.take(usize::MAX)).await?;
    let single = single_documents(&account, &beside, &scifact, arguments.format).await?;
    let whole_usage = Usage::of(&server, &memory, 0.0)?;
    drop(memory);
    let first_stop = server.stop().await?;

    note(format!("embedding {} documents alone", late.len()));
    let embedding = embedding.and(embed_alone(&setup, "embedding-after", &late).await?);

    note(format!("starting again, {RESTARTS} times"));
    let mut restarts = restart(&setup, &data_dir, searcher, &scifact).await?;
    restarts.stop.push(first_stop.as_secs_f64());

    let mut report = Report::default();
    report.fact("machine", machine);
    report.fact("input", input_fact(&scifact, arguments, contents.chunk_count));
    report.fact("settings", setup.settings_fact());
    let size = megabytes(disk_bytes(&data_dir));
    report.fact("data directory", format!("{}, {size:.1} MB on disk", data_dir.display()));
    answers.report_quality(&mut report, &scifact, arguments.quick.is_none());
    ingested.report_rate(&mut report, documents.len(), contents.chunk_count, embedding);
    answers.report_latency(&mut report);
    report_plain_latency(&mut report, &plain);
    report
        .section(format!("Search under load (HYBRID, {CALLERS} callers; beside ingestion every {BACKGROUND_PAUSE:?})"));
    report_load(&mut report, "callers_unseen", &format!("{CALLERS} callers, unseen queries"), &fresh_at_once);
    report_load(&mut report, "callers_seen", &format!("{CALLERS} callers, queries seen before"), &known_at_once);
    report.latency("while_ingesting", "while ingesting, from when it was due", &background);
    report.count("while_ingesting_count", "searches while ingesting", background.count());
    ingested.report_events(&mut report);
    report_resources(&mut report, &ingest_usage, &whole_usage, first_start, restarts);
    access.report(&mut report);
    report.section("Besides");
    report.seconds("single_p50", "one document, call to end, idle p50", single.percentile(50));
    report.seconds("single_max", "one document, call to end, idle max", single.max());
    report.seconds("quiet_after", "ingestion to a quiet server", quiet_after);
    report.seconds("whole_run", "this whole run", started.elapsed().as_secs_f64());
    report.publish(arguments.json.as_deref())
}

/// Asks the queries on a kept data directory and prints the quality of the rankings.
pub async fn quality_only(arguments: &QualityArguments) -> Result<()> {
    let setup = Setup::new(&arguments.server)?;
    let scifact = Scifact::load(&arguments.data)?;
    let data_dir = arguments.data_dir.canonicalize();
    let data_dir = data_dir.with_context(|| format!("no folder {} (--data-dir)", arguments.data_dir.display()))?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let account = Account::new(server.base()?, LOGIN)?;
    account.log_in().await?;
    let Some(collection) = account.find_collection(COLLECTION).await? else {
        bail!("{} has no collection {COLLECTION}: was it made by a run with --keep?", data_dir.display());
    };
    let answers = Searcher { account: &account, collection: &collection }.ask_each_mode(&scifact).await?;
    server.stop().await?;

    let mut report = Report::default();
    report.fact("settings", setup.settings_fact());
    answers.report_quality(&mut report, &scifact, true);
    answers.report_latency(&mut report);
    report.publish(arguments.json.as_deref())
}

/// An account with an empty collection on a new server.
async fn prepare(server: &Server) -> Result<(Account, String)> {
    let account = Account::new(server.base()?, LOGIN)?;
    account.register().await?;
    let collection = account.create_collection(COLLECTION).await?;
    Ok((account, collection))
}

/// Does everything once, small, so that a server which doesn't fit this program is found out in seconds.
async fn rehearse(setup: &Setup, documents: &[NewDocument]) -> Result<()> {
    embed_alone(setup, "rehearsal-embedding", documents).await?;
    let data_dir = setup.data_dir("rehearsal")?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let (account, collection) = prepare(&server).await?;
    ingest(&account, &collection, documents, "rehearsal").await?;
    check_contents(&account, &collection, documents).await?;
    let searcher = Searcher { account: &account, collection: &collection };
    let query: String = documents[0].text.chars().take(100).collect();
    for mode in [Mode::Lexical, Mode::Semantic, Mode::Hybrid] {
        searcher.ask(&query, mode).await?;
    }
    searcher.ask_plainly(&query).await?;
    server.stop().await?;
    Ok(())
}

fn halves(documents: &[NewDocument]) -> (Vec<NewDocument>, Vec<NewDocument>) {
    (documents.iter().step_by(2).cloned().collect(), documents.iter().skip(1).step_by(2).cloned().collect())
}

/// Waits until the server uses less than a tenth of a core, at most a minute, so that work left over from the
/// ingestion doesn't weigh on what is measured next. Returns the seconds waited.
async fn quiet(server: &Server) -> Result<f64> {
    const LIMIT: Duration = Duration::from_mins(1);
    let started = Instant::now();
    let mut before = cpu_seconds(server.pid())?;
    while started.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = cpu_seconds(server.pid())?;
        if now - before < 0.1 {
            return Ok(started.elapsed().as_secs_f64());
        }
        before = now;
    }
    note("the server is still busy a minute after the ingestion; going on");
    Ok(started.elapsed().as_secs_f64())
}

/// Times of questions on one collection while documents are ingested into another.
async fn background(
    searcher: Searcher<'_>,
    collection: &str,
    documents: &[NewDocument],
    queries: &[&str],
) -> Result<Samples> {
    let done = AtomicBool::new(false);
    let work = async {
        let ingested = ingest(searcher.account, collection, documents, "beside").await;
        done.store(true, Ordering::Relaxed);
        ingested
    };
    let (_, times) = tokio::try_join!(work, searcher.ask_at_pace(queries, BACKGROUND_PAUSE, &done))?;
    Ok(times)
}

/// Seconds from the call to the terminal event, for documents put in one by one into an idle server.
async fn single_documents(account: &Account, collection: &str, scifact: &Scifact, format: Format) -> Result<Samples> {
    let mut times = Vec::new();
    for (number, row) in scifact.documents.iter().rev().take(SINGLE_DOCUMENTS).enumerate() {
        let mut document = row.reversed(format);
        document.uri = format!("single-{number}");
        document.text = document.text.to_uppercase();
        times.push(ingest(account, collection, &[document], &format!("single-{number}")).await?.seconds);
    }
    Ok(Samples::new(times))
}

/// Starts the server again on its data, asks a question that needs the model, and stops it; several times.
async fn restart(setup: &Setup, data_dir: &Path, searcher: Searcher<'_>, scifact: &Scifact) -> Result<Restarts> {
    let mut restarts = Restarts::default();
    for row in &scifact.documents[..RESTARTS] {
        let (server, ready) = setup.launch.start(data_dir).await?;
        searcher.account.client().move_to(server.base()?).await?;
        let asked = Instant::now();
        searcher.ask(&row.title, Mode::Hybrid).await?;
        restarts.first_search_ms.push(milliseconds(asked.elapsed()));
        restarts.ready.push(ready.as_secs_f64());
        restarts.stop.push(server.stop().await?.as_secs_f64());
    }
    Ok(restarts)
}

/// The rate of several callers, and what each of them felt.
fn report_load(report: &mut Report, key: &str, label: &str, (times, rate): &(Samples, f64)) {
    report.rate(&format!("{key}_rate"), &format!("{label}, answers"), *rate);
    report.latency(key, label, times);
}

/// Memory, processor time, starts and stops.
fn report_resources(report: &mut Report, ingest: &Usage, whole: &Usage, first_start: Duration, restarts: Restarts) {
    report.section("Resources");
    report.bytes("memory_peak", "peak memory while ingesting, with children", ingest.tree_peak).at_most(600.0);
    report.bytes("memory_server", "peak memory while ingesting, server alone", ingest.server_peak);
    report.bytes("memory_whole", "peak memory of the whole run", whole.tree_peak);
    report.seconds("cpu_ingest", "processor time of the ingestion", ingest.cpu_seconds);
    report.seconds("cpu_whole", "processor time of the whole run", whole.cpu_seconds);
    report.seconds("ready_empty", "ready, empty data directory", first_start.as_secs_f64());
    let ready = Samples::new(restarts.ready);
    report.seconds("ready_median", "ready, existing data directory, median", ready.percentile(50));
    report.seconds("ready_max", "ready, existing data directory, max", ready.max()).at_most(1.0);
    let first_search = Samples::new(restarts.first_search_ms);
    report.milliseconds("first_search_max", "first search after that, max", first_search.max());
    report.seconds("stop_max", "stop in order, max", Samples::new(restarts.stop).max());
}

fn input_fact(scifact: &Scifact, arguments: &BenchArguments, chunks: usize) -> String {
    let quick = if arguments.quick.is_some() { " (a quick run: not comparable)" } else { "" };
    let (documents, queries) = (scifact.documents.len(), scifact.queries.len());
    format!("{documents} documents as .{}, {chunks} chunks, {queries} queries{quick}", arguments.format.extension())
}
