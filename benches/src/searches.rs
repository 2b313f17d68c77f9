//! Asks questions and keeps what came back with the time it took: one after another, several at a time, or at a fixed
//! pace beside other work.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use futures_util::future::try_join_all;
use tokio::time::sleep_until;

use crate::{
    api::{Group, Mode, Search, SearchResult},
    client::{Client, Timed},
    ingest::milliseconds,
    quality::CUTOFF,
    report::number,
    statistics::Samples,
};

/// One answered question.
pub struct Answered {
    /// The uris of the documents found, best first.
    pub ranking: Vec<String>,
    /// From sending the request to the last byte of the answer.
    pub elapsed_ms: f64,
    /// What the server says that it needed, without the embedding of the query.
    pub search_ms: f64,
    /// What the server says that the embedding of the query took.
    pub embedding_ms: f64,
    /// The legs that answered, with their times.
    pub legs: Vec<(String, f64)>,
}

/// A client with the collection that it searches.
#[derive(Clone, Copy)]
pub struct Searcher<'a> {
    pub client: &'a Client,
    pub collection: &'a str,
}

impl Searcher<'_> {
    /// Asks for the ten best documents, and how they came to be the best. Fails if a document stands in the
    /// answer twice.
    pub async fn ask(self, query: &str, mode: Mode) -> Result<Answered> {
        answered(self.client.search(&self.search(query, mode)).await?)
    }

    /// Asks for the ten best documents and nothing more.
    pub async fn ask_plainly(self, query: &str) -> Result<Answered> {
        answered(self.client.search_plainly(&self.search(query, Mode::Hybrid)).await?)
    }

    fn search<'q>(&'q self, query: &'q str, mode: Mode) -> Search<'q> {
        Search { collection: Some(self.collection), query, mode, group: Group::Document, first: CUTOFF }
    }

    /// Asks one question after another, over one connection.
    pub async fn ask_all<'q>(self, queries: impl IntoIterator<Item = &'q str>, mode: Mode) -> Result<Vec<Answered>> {
        let mut answers = Vec::new();
        for query in queries {
            answers.push(self.ask(query, mode).await?);
        }
        Ok(answers)
    }

    /// As `ask_all`, without asking how the rankings came about.
    pub async fn ask_all_plainly(self, queries: &[&str]) -> Result<Vec<Answered>> {
        let mut answers = Vec::new();
        for query in queries {
            answers.push(self.ask_plainly(query).await?);
        }
        Ok(answers)
    }

    /// Searches with `concurrency` callers, each of which sends its next question when it has a response. Returns the
    /// times and the responses per second.
    pub async fn ask_at_once(self, queries: &[&str], concurrency: usize) -> Result<(Samples, f64)> {
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let callers = (0..concurrency).map(|_| async {
            let mut times = Vec::new();
            while let Some(query) = queries.get(next.fetch_add(1, Ordering::Relaxed)) {
                times.push(self.ask_plainly(query).await?.elapsed_ms);
            }
            anyhow::Ok(times)
        });
        let times = Samples::new(try_join_all(callers).await?.into_iter().flatten());
        let rate = number(times.count()) / started.elapsed().as_secs_f64();
        Ok((times, rate))
    }

    /// Asks a plain question every `pause` until `done`, or until there are no more. Times count from the moment at which
    /// the question was due, so one slow answer is not hidden by the questions that it delays.
    pub async fn ask_at_pace(self, queries: &[&str], pause: Duration, done: &AtomicBool) -> Result<Samples> {
        let started = tokio::time::Instant::now();
        let mut times = Vec::new();
        for (number, query) in (0_u32..).zip(queries) {
            let due = started + pause * number;
            sleep_until(due).await;
            if done.load(Ordering::Relaxed) {
                break;
            }
            self.ask_plainly(query).await?;
            times.push(milliseconds(due.elapsed()));
        }
        Ok(Samples::new(times))
    }
}

fn answered(answer: Timed<SearchResult>) -> Result<Answered> {
    let Timed { value: result, elapsed } = answer;
    let documents: BTreeSet<&str> = result.hits.iter().map(|hit| hit.document.uri.as_str()).collect();
    ensure!(documents.len() == result.hits.len(), "a search by document has a document twice");
    let legs = result.legs.into_iter().filter(|leg| leg.state == "COMPLETED");
    Ok(Answered {
        ranking: result.hits.into_iter().map(|hit| hit.document.uri).collect(),
        elapsed_ms: milliseconds(elapsed),
        search_ms: result.took_ms - result.embedding_ms,
        embedding_ms: result.embedding_ms,
        legs: legs.map(|leg| (leg.kind, leg.took_ms)).collect(),
    })
}
