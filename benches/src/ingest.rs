//! Puts documents in, follows every operation to its end, and holds the result against what was put in. Also measures
//! the embedding alone, in the same binary and on the same texts.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::Write,
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use docent_client::{Follower, Progress, Record};
use serde::Deserialize;
use serde_json::json;
use tokio::{sync::watch, time::timeout};

use crate::{
    api::{Account, Contents, NewDocument, PAGE},
    report::{Report, note},
    setup::Setup,
    statistics::{Samples, milliseconds, number},
};

/// Operations followed at the same time. The server allows 50 on one socket.
const OPEN_OPERATIONS: usize = 40;

/// How long the server may take for a WebSocket or a subscription, which cost it next to nothing.
const SOCKET_LIMIT: Duration = Duration::from_secs(30);

const PROGRESS_PAUSE: Duration = Duration::from_secs(10);

/// How many of the problems with a collection are told.
const PROBLEMS_SHOWN: usize = 10;

/// The longest that the work on so many documents may take: ten times what one slow core needs.
pub fn time_limit(documents: usize) -> Duration {
    Duration::from_mins(2) + Duration::from_millis(500) * u32::try_from(documents).unwrap_or(u32::MAX)
}

/// How an ingestion went.
pub struct Ingested {
    /// From the first call to the arrival of the last terminal event.
    pub seconds: f64,
    /// Milliseconds until a call of up to 100 documents was acknowledged.
    call_ms: Samples,
    records: Vec<Record>,
    progress: Progress,
}

/// Ingests `documents` in calls of 100, and returns when every operation has ended.
pub async fn ingest(account: &Account, collection: &str, documents: &[NewDocument], key: &str) -> Result<Ingested> {
    let follower = Follower::start(Arc::clone(account.client()), Vec::new());
    let progress = follower.progress();
    tokio::select! {
        ingested = ingest_with(follower, account, collection, documents, key) => ingested,
        never = tell_progress(progress, documents.len()) => match never {},
    }
}

async fn ingest_with(
    mut follower: Follower,
    account: &Account,
    collection: &str,
    documents: &[NewDocument],
    key: &str,
) -> Result<Ingested> {
    let limit = time_limit(documents.len());
    // The socket is there before the first document, so that its opening is not part of the ingestion.
    follower.wait("a WebSocket", SOCKET_LIMIT, |progress| progress.sockets > 0).await?;
    let started = Instant::now();
    let mut call_ms = Vec::new();
    for (number, documents) in documents.chunks(PAGE).enumerate() {
        follower.wait("room for one more operation", limit, |progress| progress.open() < OPEN_OPERATIONS).await?;
        let answer = account.ingest(collection, documents, &format!("{key}-{number}")).await?;
        follower.follow(&answer.value.operation.id);
        call_ms.push(milliseconds(answer.elapsed));
        follower.wait("a subscription", SOCKET_LIMIT, |progress| progress.followed == call_ms.len()).await?;
    }
    let (records, progress) = follower.finish(limit).await?;
    Ok(Ingested { seconds: started.elapsed().as_secs_f64(), call_ms: Samples::new(call_ms), records, progress })
}

impl Ingested {
    /// The rate of ingestion beside that of embedding alone.
    pub fn report_rate(&self, report: &mut Report, documents: usize, chunks: usize, embedding: EmbeddingRun) {
        report.section("Ingestion");
        let (rate, alone) = (number(documents) / self.seconds, number(embedding.texts) / embedding.seconds);
        report.rate("ingest_documents_per_second", "ingestion, documents", rate);
        report.rate("embedding_documents_per_second", "embedding alone, documents", alone);
        // The same texts, cut in the same way, have the same tokens.
        let tokens = number(embedding.tokens);
        report.rate("ingest_tokens_per_second", "ingestion, tokens", tokens / self.seconds);
        report.rate("embedding_tokens_per_second", "embedding alone, tokens", tokens / embedding.seconds);
        report.score("ingest_ratio", "rate of ingestion / of embedding", rate / alone).at_least(0.85);
        report.seconds("ingest_seconds", "first call to last event", self.seconds);
        report.milliseconds("ingest_call_p50", "call of 100 documents p50", self.call_ms.percentile(50));
        report.milliseconds("ingest_call_max", "call of 100 documents max", self.call_ms.max());
        if let Some(counted) = embedding.chunks {
            let label = "chunks that only one of the two made";
            report.count("chunk_difference", label, counted.abs_diff(chunks)).at_most(0.0);
        }
    }

    /// How long events took to reach their listener.
    pub fn report_events(&self, report: &mut Report) {
        report.section("Events of the ingestion (from just before the commit to the listener)");
        let live = self.records.iter().flat_map(|record| &record.events).filter(|event| !event.is_replayed);
        let delays = Samples::new(live.map(|event| (event.received_at - event.at).as_seconds_f64() * 1000.0));
        report.milliseconds("event_delay_p50", "delay p50", delays.percentile(50));
        report.milliseconds("event_delay_p95", "delay p95", delays.percentile(95)).at_most(100.0);
        report.milliseconds("event_delay_max", "delay max", delays.max());
        let replayed = self.progress.events - delays.count();
        report.count("events_live", "events timed", delays.count());
        report.count("events_replayed", "events older than the subscription", replayed);
        report.count("sockets", "WebSockets used", self.progress.sockets);
    }
}

async fn tell_progress(progress: watch::Receiver<Progress>, documents: usize) -> Infallible {
    let started = Instant::now();
    loop {
        tokio::time::sleep(PROGRESS_PAUSE).await;
        let settled = progress.borrow().documents_settled;
        note(format!("  {settled} of {documents} documents after {:.0} s", started.elapsed().as_secs_f64()));
    }
}

/// Reads the collection back. Fails unless it holds exactly `documents`, each COMPLETED and with chunks, and its own
/// counts agree.
pub async fn check_contents(account: &Account, collection: &str, documents: &[NewDocument]) -> Result<Contents> {
    let contents = account.contents(collection).await?;
    let uris: Vec<&str> = documents.iter().map(|document| document.uri.as_str()).collect();
    let problems = contents_problems(&contents, &uris);
    let shown: Vec<&str> = problems.iter().take(PROBLEMS_SHOWN).map(String::as_str).collect();
    ensure!(
        problems.is_empty(),
        "the collection does not hold what was put in ({} problems):\n  {}",
        problems.len(),
        shown.join("\n  ")
    );
    Ok(contents)
}

/// What is wrong with a collection that should hold exactly the documents with these uris, all of them searchable.
pub fn contents_problems(contents: &Contents, uris: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut times: BTreeMap<&str, usize> = uris.iter().map(|uri| (*uri, 0)).collect();
    for document in &contents.documents {
        match times.get_mut(document.uri.as_str()) {
            Some(times) => *times += 1,
            None => problems.push(format!("document {} was never put in", document.uri)),
        }
        if document.status != "COMPLETED" {
            let reason = document.error.as_ref().map_or("no reason given".into(), ToString::to_string);
            problems.push(format!("document {} is {}: {reason}", document.uri, document.status));
        } else if document.chunk_count == 0 {
            problems.push(format!("document {} has no chunks", document.uri));
        }
    }
    for (uri, times) in times.into_iter().filter(|(_, times)| *times != 1) {
        problems.push(format!("document {uri} is there {times} times"));
    }
    let documents = contents.documents.len();
    let chunks: usize = contents.documents.iter().map(|document| document.chunk_count).sum();
    if (contents.document_count, contents.chunk_count) != (documents, chunks) {
        let (told_documents, told_chunks) = (contents.document_count, contents.chunk_count);
        problems.push(format!("counts {told_documents} and {told_chunks}, holds {documents} and {chunks}"));
    }
    problems
}

/// What `docent model benchmark` printed, summed over runs.
#[derive(Deserialize, Clone, Copy, Debug, Default)]
pub struct EmbeddingRun {
    pub texts: usize,
    /// Tokens of all chunks of the texts.
    pub tokens: usize,
    pub seconds: f64,
    /// Chunks into which the texts were split, if the command reports it: a check that it splits as ingestion does.
    pub chunks: Option<usize>,
}

impl EmbeddingRun {
    pub fn and(self, other: Self) -> Self {
        Self {
            texts: self.texts + other.texts,
            tokens: self.tokens + other.tokens,
            seconds: self.seconds + other.seconds,
            chunks: self.chunks.zip(other.chunks).map(|(left, right)| left + right),
        }
    }
}

/// Embeds the texts of `documents` with nothing around it: `docent model benchmark`, in a process of its own.
pub async fn embed_alone(setup: &Setup, name: &str, documents: &[NewDocument]) -> Result<EmbeddingRun> {
    let data_dir = setup.data_dir(name)?;
    let file = data_dir.join("texts.jsonl");
    let mut lines = Vec::new();
    for document in documents {
        writeln!(lines, "{}", json!({ "fileName": document.file_name, "text": document.text }))?;
    }
    std::fs::write(&file, lines).context("cannot write the texts to be embedded")?;
    let run = run_model_benchmark(setup, &data_dir, &file);
    let limit = time_limit(documents.len());
    let run = timeout(limit, run).await.with_context(|| format!("`docent model benchmark` took over {limit:?}"))??;
    ensure!(
        run.texts == documents.len(),
        "`docent model benchmark` embedded {} texts of {}",
        run.texts,
        documents.len()
    );
    Ok(run)
}

async fn run_model_benchmark(setup: &Setup, data_dir: &Path, file: &Path) -> Result<EmbeddingRun> {
    let mut command = setup.launch.command(data_dir);
    command.args(["model", "benchmark", "--json", "--file"]).arg(file);
    command.stdout(Stdio::piped()).stderr(setup.launch.open_log()?);
    let output = command.spawn().context("cannot start `docent model benchmark`")?.wait_with_output().await?;
    if !output.status.success() {
        bail!("`docent model benchmark` failed ({}); see {}", output.status, setup.launch.log.display());
    }
    embedding_run(&String::from_utf8_lossy(&output.stdout))
}

fn embedding_run(output: &str) -> Result<EmbeddingRun> {
    let line =
        output.lines().rfind(|line| !line.trim().is_empty()).context("`docent model benchmark` printed nothing")?;
    serde_json::from_str(line).with_context(|| format!("`docent model benchmark` printed something else: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::StoredDocument;

    fn stored(uri: &str, status: &str, chunk_count: usize) -> StoredDocument {
        StoredDocument { id: uri.into(), uri: uri.into(), status: status.into(), chunk_count, error: None }
    }

    fn problems(documents: Vec<StoredDocument>, chunk_count: usize) -> Vec<String> {
        let contents = Contents { document_count: documents.len(), chunk_count, documents };
        contents_problems(&contents, &["a", "b"])
    }

    #[test]
    fn collection_with_each_document_once_has_no_problems() {
        let documents = || vec![stored("b", "COMPLETED", 1), stored("a", "COMPLETED", 2)];
        assert!(problems(documents(), 3).is_empty());
        assert_eq!(problems(documents(), 4).len(), 1);
    }

    #[test]
    fn lost_doubled_foreign_and_failed_documents_are_problems() {
        assert_eq!(problems(vec![stored("a", "COMPLETED", 1)], 1).len(), 1);
        let doubled = vec![stored("a", "COMPLETED", 1), stored("b", "COMPLETED", 1), stored("b", "COMPLETED", 1)];
        assert_eq!(problems(doubled, 3).len(), 1);
        let foreign = vec![stored("a", "COMPLETED", 1), stored("b", "COMPLETED", 1), stored("c", "COMPLETED", 1)];
        assert_eq!(problems(foreign, 3).len(), 1);
        assert_eq!(problems(vec![stored("a", "QUARANTINED", 0), stored("b", "COMPLETED", 1)], 1).len(), 1);
        assert_eq!(problems(vec![stored("a", "COMPLETED", 0), stored("b", "COMPLETED", 1)], 1).len(), 1);
    }

    #[test]
    fn last_line_of_the_model_benchmark_is_its_result() {
        let run = embedding_run("loading\n{\"texts\":2,\"tokens\":500,\"seconds\":0.5}\n\n").unwrap();
        assert_eq!((run.texts, run.tokens, run.chunks), (2, 500, None));
        let sum = run.and(EmbeddingRun { chunks: Some(3), ..run });
        assert_eq!((sum.texts, sum.tokens, sum.chunks), (4, 1000, None));
        assert!(embedding_run("").is_err());
    }
}
