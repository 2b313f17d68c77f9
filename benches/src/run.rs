//! The benchmark itself: what is done in which order, and which figures come of it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{
    access,
    api::{Mode, NewDocument},
    client::Client,
    events::Record,
    figures,
    ingest::{check_contents, embed_alone, ingest, milliseconds},
    process::{MemorySampler, cpu_seconds, disk_bytes, machine, peak_memory},
    report::{Report, note},
    scifact::{Format, Scifact},
    searches::{Answered, Searcher},
    server::Server,
    setup::{ServerArguments, Setup},
    statistics::Samples,
};

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

/// What was measured of one server process.
pub struct Usage {
    pub server_peak: u64,
    /// Server and children together, as sampled.
    pub tree_peak: u64,
    pub cpu_seconds: f64,
}

/// Measurements of the restarts.
#[derive(Default)]
pub struct Restarts {
    pub ready: Vec<f64>,
    pub first_search_ms: Vec<f64>,
    pub stop: Vec<f64>,
}

/// Answers of the three modes, in the order of the queries.
pub struct Answers {
    pub hybrid: Vec<Answered>,
    pub semantic: Vec<Answered>,
    pub lexical: Vec<Answered>,
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
    let access = access::measure(&setup).await.context("measuring access failed")?;

    // Half of the texts before the ingestion and half after, so that a machine that changes its pace changes both.
    let (early, late) = halves(&documents);
    note(format!("embedding {} documents alone", early.len()));
    let embedding = embed_alone(&setup, "embedding-before", &early).await?;

    let data_dir = setup.data_dir("data")?;
    let (server, first_start) = setup.launch.start(&data_dir).await?;
    let client = Arc::new(Client::new(server.base()?)?);
    client.register().await?;
    let collection = client.create_collection(COLLECTION).await?;
    let searcher = Searcher { client: &client, collection: &collection };
    let memory = MemorySampler::start(server.pid());

    note(format!("ingesting {} documents", documents.len()));
    let cpu_before = cpu_seconds(server.pid())?;
    let ingested = ingest(&client, &collection, &documents, "all").await?;
    let ingest_usage = usage(&server, &memory, cpu_before)?;
    let contents = check_contents(&client, &collection, &documents).await?;
    let quiet_after = quiet(&server).await?;

    note(format!("asking {} queries in each mode", scifact.queries.len()));
    searcher.ask_all(unseen.take(WARM_UP.min(documents.len() / 10)), Mode::Hybrid).await?;
    let answers = ask_queries(searcher, &scifact).await?;
    let plain = searcher.ask_all_plainly(&unseen.take(PLAIN_QUERIES.min(documents.len() / 10))).await?;

    note(format!("asking with {CALLERS} callers"));
    let fresh = unseen.take(THROUGHPUT_QUERIES.min(documents.len() / 2));
    let fresh_at_once = searcher.ask_at_once(&fresh, CALLERS).await?;
    let known: Vec<&str> = scifact.queries.iter().map(|query| query.text.as_str()).collect();
    let known_at_once = searcher.ask_at_once(&known, CALLERS).await?;

    note("asking while documents are ingested");
    let beside = client.create_collection("Beside").await?;
    let more: Vec<NewDocument> =
        scifact.documents.iter().take(BACKGROUND_DOCUMENTS).map(|row| row.reversed(arguments.format)).collect();
    let background = background(searcher, &client, &beside, &more, &unseen.take(usize::MAX)).await?;
    let single = single_documents(&client, &beside, &scifact, arguments.format).await?;
    let whole_usage = usage(&server, &memory, 0.0)?;
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
    report.fact("settings", settings_fact(&setup));
    report.fact(
        "data directory",
        format!("{}, {:.1} MB on disk", data_dir.display(), bytes_to_mb(disk_bytes(&data_dir))),
    );
    figures::quality(&mut report, &scifact, &answers, arguments.quick.is_none());
    figures::ingestion(&mut report, documents.len(), contents.chunk_count, &ingested, embedding);
    figures::searches(&mut report, &answers, &plain);
    report
        .section(format!("Search under load (HYBRID, {CALLERS} callers; beside ingestion every {BACKGROUND_PAUSE:?})"));
    figures::load(&mut report, "callers_unseen", &format!("{CALLERS} callers, unseen queries"), &fresh_at_once);
    figures::load(&mut report, "callers_seen", &format!("{CALLERS} callers, queries seen before"), &known_at_once);
    figures::background(&mut report, &background);
    figures::events(&mut report, &ingested);
    figures::resources(&mut report, &ingest_usage, &whole_usage, first_start, &restarts);
    figures::access(&mut report, &access);
    figures::totals(&mut report, &single, quiet_after, started.elapsed());
    report.publish(arguments.json.as_deref())
}

/// Asks the queries on a kept data directory and prints the quality of the rankings.
pub async fn quality_only(arguments: &QualityArguments) -> Result<()> {
    let setup = Setup::new(&arguments.server)?;
    let scifact = Scifact::load(&arguments.data)?;
    let data_dir = arguments.data_dir.canonicalize();
    let data_dir = data_dir.with_context(|| format!("no folder {} (--data-dir)", arguments.data_dir.display()))?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let client = Client::new(server.base()?)?;
    client.log_in().await?;
    let Some(collection) = client.find_collection(COLLECTION).await? else {
        bail!("{} has no collection {COLLECTION}: was it made by a run with --keep?", data_dir.display());
    };
    let searcher = Searcher { client: &client, collection: &collection };
    let answers = ask_queries(searcher, &scifact).await?;
    server.stop().await?;

    let mut report = Report::default();
    report.fact("settings", settings_fact(&setup));
    figures::quality(&mut report, &scifact, &answers, true);
    figures::searches(&mut report, &answers, &[]);
    report.publish(arguments.json.as_deref())
}

/// Does everything once, small, so that a server which doesn't fit this program is found out in seconds.
async fn rehearse(setup: &Setup, documents: &[NewDocument]) -> Result<()> {
    embed_alone(setup, "rehearsal-embedding", documents).await?;
    let data_dir = setup.data_dir("rehearsal")?;
    let (server, _) = setup.launch.start(&data_dir).await?;
    let client = Arc::new(Client::new(server.base()?)?);
    client.register().await?;
    let collection = client.create_collection(COLLECTION).await?;
    ingest(&client, &collection, documents, "rehearsal").await?;
    check_contents(&client, &collection, documents).await?;
    let searcher = Searcher { client: &client, collection: &collection };
    let query: String = documents[0].text.chars().take(100).collect();
    for mode in [Mode::Lexical, Mode::Semantic, Mode::Hybrid] {
        searcher.ask(&query, mode).await?;
    }
    searcher.ask_plainly(&query).await?;
    server.stop().await?;
    Ok(())
}

/// HYBRID first: only then are its queries unseen, and its latency holds the embedding of the query.
async fn ask_queries(searcher: Searcher<'_>, scifact: &Scifact) -> Result<Answers> {
    let queries = || scifact.queries.iter().map(|query| query.text.as_str());
    Ok(Answers {
        hybrid: searcher.ask_all(queries(), Mode::Hybrid).await?,
        semantic: searcher.ask_all(queries(), Mode::Semantic).await?,
        lexical: searcher.ask_all(queries(), Mode::Lexical).await?,
    })
}

fn halves(documents: &[NewDocument]) -> (Vec<NewDocument>, Vec<NewDocument>) {
    (documents.iter().step_by(2).cloned().collect(), documents.iter().skip(1).step_by(2).cloned().collect())
}

fn usage(server: &Server, memory: &MemorySampler, cpu_before: f64) -> Result<Usage> {
    let server_peak = peak_memory(server.pid())?;
    let cpu_seconds = cpu_seconds(server.pid())? - cpu_before;
    Ok(Usage { server_peak, tree_peak: memory.peak().max(server_peak), cpu_seconds })
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
    client: &Arc<Client>,
    collection: &str,
    documents: &[NewDocument],
    queries: &[&str],
) -> Result<Samples> {
    let done = AtomicBool::new(false);
    let work = async {
        let ingested = ingest(client, collection, documents, "beside").await;
        done.store(true, Ordering::Relaxed);
        ingested
    };
    let (_, times) = tokio::try_join!(work, searcher.ask_at_pace(queries, BACKGROUND_PAUSE, &done))?;
    Ok(times)
}

/// Seconds from the call to the terminal event, for documents put in one by one into an idle server.
async fn single_documents(
    client: &Arc<Client>,
    collection: &str,
    scifact: &Scifact,
    format: Format,
) -> Result<Samples> {
    let mut times = Vec::new();
    for (number, row) in scifact.documents.iter().rev().take(SINGLE_DOCUMENTS).enumerate() {
        let mut document = row.reversed(format);
        document.uri = format!("single-{number}");
        document.text = document.text.to_uppercase();
        times.push(ingest(client, collection, &[document], &format!("single-{number}")).await?.seconds);
    }
    Ok(Samples::new(times))
}

/// Starts the server again on its data, asks a question that needs the model, and stops it; several times.
async fn restart(setup: &Setup, data_dir: &Path, searcher: Searcher<'_>, scifact: &Scifact) -> Result<Restarts> {
    let mut restarts = Restarts::default();
    for number in 0..RESTARTS {
        let (server, ready) = setup.launch.start(data_dir).await?;
        searcher.client.move_to(server.base()?).await;
        let asked = Instant::now();
        let answer = searcher.ask(&scifact.documents[number].title, Mode::Hybrid).await?;
        if answer.ranking.is_empty() {
            bail!("after a restart a search for a title finds nothing");
        }
        restarts.ready.push(ready.as_secs_f64());
        restarts.first_search_ms.push(milliseconds(asked.elapsed()));
        restarts.stop.push(server.stop().await?.as_secs_f64());
    }
    Ok(restarts)
}

/// Delays of the events that happened while their operation was followed.
pub fn live_delays(records: &[Record]) -> Samples {
    Samples::new(records.iter().flat_map(|record| &record.events).filter_map(|event| event.delay_ms))
}

fn input_fact(scifact: &Scifact, arguments: &BenchArguments, chunks: usize) -> String {
    let quick = if arguments.quick.is_some() { " (a quick run: not comparable)" } else { "" };
    let (documents, queries) = (scifact.documents.len(), scifact.queries.len());
    format!("{documents} documents as .{}, {chunks} chunks, {queries} queries{quick}", arguments.format.extension())
}

pub fn settings_fact(setup: &Setup) -> String {
    let settings: Vec<String> = setup.launch.settings.iter().map(|(name, value)| shown(name, value)).collect();
    let settings = if settings.is_empty() { "the server's defaults".into() } else { settings.join(" ") };
    format!("{settings}; points and logins as good as unlimited, but for guesses")
}

/// A setting as it may be printed: addresses can hold passwords, and some settings are secrets.
fn shown(name: &str, value: &str) -> String {
    let secret = ["SECRET", "KEY", "PASSWORD", "TOKEN", "URL"].iter().any(|word| name.to_uppercase().contains(word));
    format!("{name}={}", if secret { "(hidden)" } else { value })
}

/// Bytes in millions.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub fn bytes_to_mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_the_settings_are_not_printed() {
        assert_eq!(shown("DOCENT__SEARCH__RRF_K", "20"), "DOCENT__SEARCH__RRF_K=20");
        assert_eq!(shown("DOCENT__AUTH__SIGNING_SECRET", "s"), "DOCENT__AUTH__SIGNING_SECRET=(hidden)");
        assert_eq!(shown("DATABASE_URL", "postgres://u:p@h/d"), "DATABASE_URL=(hidden)");
    }

    #[test]
    fn halves_hold_every_document_once() {
        let new = |uri: &str| NewDocument { uri: uri.into(), file_name: String::new(), text: String::new() };
        let (early, late) = halves(&[new("a"), new("b"), new("c")]);
        let uris = |documents: &[NewDocument]| documents.iter().map(|new| new.uri.clone()).collect::<Vec<_>>();
        assert_eq!((uris(&early), uris(&late)), (vec!["a".to_owned(), "c".into()], vec!["b".to_owned()]));
    }
}
