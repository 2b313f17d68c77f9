//! What must hold after the last kill. Each check is a list of what is wrong; nothing lost means that all are empty.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use docent_client::Record;

use super::{history, story::Story};
use crate::{
    api::{Account, Chunk, Contents, Group, Hit, Ingestion, Mode, NewDocument, PAGE, Search, SearchPage},
    ingest::contents_problems,
    quality::CUTOFF,
    report::{Report, note},
    scifact::Abstract,
};

/// A collection as a client can see it. Documents go by their uris, which are the same in every run.
pub struct Snapshot {
    contents: Contents,
    chunks: BTreeMap<String, Vec<Chunk>>,
    originals: BTreeMap<String, Vec<u8>>,
    /// Mode and title of each search by title that did not bring its document among the first ten.
    not_found: BTreeSet<String>,
    /// What is wrong with the hits.
    strange_hits: Vec<String>,
    /// For each title, the chunks that a LEXICAL search finds, best first.
    rankings: Vec<Vec<(String, usize)>>,
}

impl Snapshot {
    /// Reads everything in a collection, and searches each of `rows` by its title.
    pub async fn of(account: &Account, collection: &str, rows: &[Abstract]) -> Result<Self> {
        let contents = account.contents(collection).await?;
        let (mut chunks, mut originals) = (BTreeMap::new(), BTreeMap::new());
        for document in &contents.documents {
            let read = account.chunks_of(&document.id).await?;
            if let Some(url) = read.download_url {
                originals.insert(document.uri.clone(), account.client().download(&url).await?);
            }
            chunks.insert(document.uri.clone(), read.chunks);
        }
        let (not_found, strange_hits, rankings) = (BTreeSet::new(), Vec::new(), Vec::new());
        let mut found = Self { contents, chunks, originals, not_found, strange_hits, rankings };
        for row in rows {
            for mode in [Mode::Lexical, Mode::Semantic] {
                found.search(account, collection, row, mode).await?;
            }
        }
        Ok(found)
    }

    async fn search(&mut self, account: &Account, collection: &str, row: &Abstract, mode: Mode) -> Result<()> {
        let title = &row.title;
        let by_document =
            Search { collection: Some(collection), query: title, mode, group: Group::Document, first: CUTOFF };
        let by_chunk = Search { group: Group::Chunk, first: PAGE, ..by_document };
        let by_document = account.search(&by_document).await?.value;
        let by_chunk = account.search(&by_chunk).await?.value;
        let documents: BTreeSet<&str> = by_document.hits.iter().map(|hit| hit.document.uri.as_str()).collect();
        if !documents.contains(row.id.as_str()) {
            self.not_found.insert(format!("{} search for {title:?}", mode.name()));
        }
        if documents.len() != by_document.hits.len() {
            self.strange_hits.push(format!("{title:?} finds a document twice by document"));
        }
        for result in [&by_document, &by_chunk] {
            self.strange_hits.extend(strange_hits(result, &self.chunks));
        }
        if mode == Mode::Lexical {
            let place = |hit: Hit| (hit.document.uri, hit.chunk.index);
            self.rankings.push(by_chunk.hits.into_iter().map(place).collect());
        }
        Ok(())
    }

    /// How many rankings differ from another's. The weights of words depend on every chunk in the index, so hidden
    /// remains show here; but so do chunks of equal score in another order.
    pub fn rankings_unlike(&self, other: &Self) -> usize {
        self.rankings.iter().zip(&other.rankings).filter(|(left, right)| left != right).count()
    }
}

/// Hits of chunks that do not exist, of documents that are not complete, or of the same chunk twice.
fn strange_hits(result: &SearchPage, chunks: &BTreeMap<String, Vec<Chunk>>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for hit in &result.hits {
        let (uri, index) = (&hit.document.uri, hit.chunk.index);
        if !chunks.get(uri).is_some_and(|chunks| chunks.iter().any(|chunk| chunk.index == index)) {
            problems.push(format!("a hit of chunk {index} of document {uri}, which does not exist"));
        }
        if hit.document.status != "COMPLETED" {
            problems.push(format!("a hit of document {uri}, which is {}", hit.document.status));
        }
        let first = ids.insert(&hit.chunk.id);
        if !(places.insert((uri, index)) && first) {
            problems.push(format!("chunk {index} of document {uri} twice among the hits"));
        }
    }
    problems
}

struct Check {
    key: &'static str,
    label: &'static str,
    problems: Vec<String>,
}

/// All checks with what they found.
#[derive(Default)]
pub struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, key: &'static str, label: &'static str, problems: Vec<String>) {
        self.0.push(Check { key, label, problems });
    }

    /// Whether what was acknowledged was done, once, and reported correctly.
    pub async fn outcome(&mut self, story: &Story, found: &Snapshot, documents: &[NewDocument]) -> Result<()> {
        let stored: BTreeMap<&str, (&str, usize)> = found
            .contents
            .documents
            .iter()
            .map(|document| (document.id.as_str(), (document.uri.as_str(), document.chunk_count)))
            .collect();
        let mut lost = Vec::new();
        let mut operations = Vec::new();
        let mut histories = Vec::new();
        for call in &story.calls {
            let Some(acknowledged) = &call.acknowledged else {
                lost.push(format!("{} was never acknowledged", call.key));
                continue;
            };
            let mut chunks = 0;
            for document in &acknowledged.documents {
                match stored.get(document.id.as_str()) {
                    Some((uri, count)) if *uri == document.uri => chunks += count,
                    other => lost.push(format!("acknowledged document {} is now {other:?}", document.uri)),
                }
            }
            let id = &acknowledged.operation.id;
            let operation = story.account.operation(id).await?;
            let (totals, expected) = (&operation.totals, call.documents.len());
            let complete = operation.status == "COMPLETED"
                && (totals.documents, totals.completed, totals.failed, totals.skipped) == (expected, expected, 0, 0)
                && totals.chunks == chunks;
            if !complete {
                let message = operation.error_message.as_deref().unwrap_or("no message");
                operations.push(format!("{}: {}, {totals:?}, {message}", call.key, operation.status));
            }
            match story.told.iter().find(|record| record.operation == *id) {
                Some(record) => histories.extend(history::problems(record, &document_ids(acknowledged))),
                None => histories.push(format!("the events of {} were not received", call.key)),
            }
        }
        let uris: Vec<&str> = documents.iter().map(|document| document.uri.as_str()).collect();
        self.add("lost", "acknowledged calls and documents lost", lost);
        self.add(
            "contents",
            "documents missing, doubled, foreign or not COMPLETED",
            contents_problems(&found.contents, &uris),
        );
        self.add("operations", "operations not COMPLETED with all their documents", operations);
        self.add("histories", "faults in the stored events", histories);
        self.add("heard", "operations with other events over the kills than stored", heard_otherwise(story));
        Ok(())
    }

    /// Whether the collection is the one that a run without kills makes.
    pub fn compare(&mut self, found: &Snapshot, undisturbed: &Snapshot, documents: &[NewDocument]) {
        let differing = |what: &str, differs: &dyn Fn(&NewDocument) -> bool| -> Vec<String> {
            documents.iter().filter(|new| differs(new)).map(|new| format!("{what} of document {}", new.uri)).collect()
        };
        let chunks = differing("chunks", &|new| found.chunks.get(&new.uri) != undisturbed.chunks.get(&new.uri));
        self.add("chunks", "documents with other chunks than without kills", chunks);
        let originals = differing("original", &|new| {
            found.originals.get(&new.uri).is_none_or(|original| original != new.text.as_bytes())
        });
        self.add("originals", "originals missing or changed", originals);
        let not_found = found.not_found.difference(&undisturbed.not_found).cloned().collect();
        self.add("not_found", "searches by title that find less than without kills", not_found);
        self.add("hits", "hits of missing chunks, or of one twice", found.strange_hits.clone());
    }

    /// Sends every call once more with its key, and looks whether anything comes of it.
    pub async fn repeats(&mut self, story: &Story, documents: usize) -> Result<()> {
        let mut problems = Vec::new();
        for call in &story.calls {
            let again = story.account.ingest(&story.collection, &call.documents, &call.key).await?.value;
            let before = call.acknowledged.as_ref();
            if before.is_none_or(|before| {
                before.operation.id != again.operation.id || document_ids(before) != document_ids(&again)
            }) {
                problems.push(format!("{} sent again is operation {}", call.key, again.operation.id));
            }
        }
        let after = story.account.contents(&story.collection).await?;
        if after.documents.len() != documents || after.documents.iter().any(|document| document.status != "COMPLETED") {
            problems.push(format!("after repeating all calls there are {} documents", after.documents.len()));
        }
        self.add("repeats", "repeated calls that were not recognised", problems);
        Ok(())
    }

    /// A figure for each check, and the first problems of each on standard error.
    pub fn report(&self, report: &mut Report) {
        const SHOWN: usize = 10;
        for check in &self.0 {
            report.count(check.key, check.label, check.problems.len()).at_most(0.0);
            for problem in check.problems.iter().take(SHOWN) {
                note(format!("{}: {problem}", check.key));
            }
        }
    }
}

/// The ids of the documents that a call was given.
fn document_ids(ingestion: &Ingestion) -> Vec<String> {
    ingestion.documents.iter().map(|document| document.id.clone()).collect()
}

/// Operations whose events, received over all kills with a cursor, differ from those received from the start.
fn heard_otherwise(story: &Story) -> Vec<String> {
    let differing = |heard: &&Record| {
        let told = story.told.iter().find(|told| told.operation == heard.operation);
        told.is_none_or(|told| told_as(told) != told_as(heard))
    };
    story.heard.iter().filter(differing).map(|heard| format!("operation {}", heard.operation)).collect()
}

fn told_as(record: &Record) -> Vec<(i64, &str, Option<&str>)> {
    record.events.iter().map(|event| (event.sequence, event.kind.as_str(), event.document.as_deref())).collect()
}
