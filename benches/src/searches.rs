//! Asks questions and keeps what came back with the time it took: one after another, several at a time, or at a fixed
//! pace beside other work.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::Result;
use futures_util::future::try_join_all;
use tokio::time::sleep_until;

use crate::{
    api::{Account, Group, Mode, Search, SearchPage, Timed},
    quality::{CUTOFF, ndcg, paired_bootstrap, recall},
    report::Report,
    scifact::Scifact,
    statistics::{Samples, mean, milliseconds, number},
};

/// Any fixed number: two runs over the same rankings then print the same interval.
const BOOTSTRAP_SEED: u64 = 2026;

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

/// Answers of the three modes, in the order of the queries.
pub struct Answers {
    hybrid: Vec<Answered>,
    semantic: Vec<Answered>,
    lexical: Vec<Answered>,
}

/// An account with the collection that it searches.
#[derive(Clone, Copy)]
pub struct Searcher<'a> {
    pub account: &'a Account,
    pub collection: &'a str,
}

impl Searcher<'_> {
    /// Asks for the ten best documents, and how they came to be the best.
    pub async fn ask(self, query: &str, mode: Mode) -> Result<Answered> {
        Ok(answered(self.account.search(&self.search(query, mode)).await?))
    }

    /// Asks for the ten best documents and nothing more.
    pub async fn ask_plainly(self, query: &str) -> Result<Answered> {
        Ok(answered(self.account.search_plainly(&self.search(query, Mode::Hybrid)).await?))
    }

    fn search<'q>(&'q self, query: &'q str, mode: Mode) -> Search<'q> {
        Search { collection: Some(self.collection), query, mode, group: Group::Document, first: CUTOFF }
    }

    /// Asks the queries in each mode, one after another, over one connection. HYBRID first: only then are its queries
    /// unseen, and its latency holds the embedding of the query.
    pub async fn ask_each_mode(self, scifact: &Scifact) -> Result<Answers> {
        let queries: Vec<&str> = scifact.queries.iter().map(|query| query.text.as_str()).collect();
        Ok(Answers {
            hybrid: self.ask_all(&queries, Mode::Hybrid).await?,
            semantic: self.ask_all(&queries, Mode::Semantic).await?,
            lexical: self.ask_all(&queries, Mode::Lexical).await?,
        })
    }

    pub async fn ask_all(self, queries: &[&str], mode: Mode) -> Result<Vec<Answered>> {
        let mut answers = Vec::new();
        for query in queries {
            answers.push(self.ask(query, mode).await?);
        }
        Ok(answers)
    }

    /// Asks without asking how the rankings came about.
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

fn answered(answer: Timed<SearchPage>) -> Answered {
    let Timed { value: result, elapsed } = answer;
    let legs = result.legs.into_iter().filter(|leg| leg.state == "COMPLETED");
    Answered {
        ranking: result.hits.into_iter().map(|hit| hit.document.uri).collect(),
        elapsed_ms: milliseconds(elapsed),
        search_ms: result.took_ms - result.embedding_ms,
        embedding_ms: result.embedding_ms,
        legs: legs.map(|leg| (leg.kind, leg.took_ms)).collect(),
    }
}

impl Answers {
    /// nDCG and recall of each mode, judged if they are comparable, and whether fusion is worth having.
    pub fn report_quality(&self, report: &mut Report, scifact: &Scifact, is_comparable: bool) {
        report.section(format!("Ranking quality ({} queries, by document)", scifact.queries.len()));
        let scores = |answers: &[Answered], measure: fn(&[String], &BTreeSet<String>) -> f64| -> Vec<f64> {
            let pairs = answers.iter().zip(&scifact.queries);
            pairs.map(|(answer, query)| measure(&answer.ranking, &query.relevant)).collect()
        };
        let modes = [
            (Mode::Lexical, &self.lexical, 0.68),
            (Mode::Semantic, &self.semantic, 0.64),
            (Mode::Hybrid, &self.hybrid, 0.71),
        ];
        for (mode, answers, bound) in modes {
            let (name, key) = (mode.name(), mode.name().to_lowercase());
            let (gained, found) = (mean(&scores(answers, ndcg)), mean(&scores(answers, recall)));
            let figure = report.score(&format!("ndcg10_{key}"), &format!("nDCG@{CUTOFF} {name}"), gained);
            if is_comparable {
                figure.at_least(bound);
            }
            report.score(&format!("recall10_{key}"), &format!("recall@{CUTOFF} {name}"), found);
        }

        let (lexical, semantic) = (scores(&self.lexical, ndcg), scores(&self.semantic, ndcg));
        let is_lexical_best = mean(&lexical) >= mean(&semantic);
        let (name, best) = if is_lexical_best { ("LEXICAL", lexical) } else { ("SEMANTIC", semantic) };
        let hybrid = scores(&self.hybrid, ndcg);
        let differences: Vec<f64> = hybrid.iter().zip(&best).map(|(hybrid, best)| hybrid - best).collect();
        if differences.is_empty() {
            return;
        }
        let interval = paired_bootstrap(&differences, BOOTSTRAP_SEED);
        report.score("gain", &format!("nDCG@{CUTOFF}, HYBRID minus {name}"), interval.mean);
        report.score("gain_low", "  95 % interval, lower end", interval.low);
        report.score("gain_high", "  95 % interval, upper end", interval.high);
    }

    /// Latency of one caller's searches.
    pub fn report_latency(&self, report: &mut Report) {
        report.section("Search (one caller, one connection, full document fields, legs and explanation)");
        let inside = times(&self.hybrid, |answer| answer.search_ms);
        let label = "HYBRID without embedding the query";
        report.milliseconds("search_p50", &format!("{label} p50"), inside.percentile(50)).at_most(5.0);
        report.milliseconds("search_p95", &format!("{label} p95"), inside.percentile(95)).at_most(15.0);
        let whole = times(&self.hybrid, |answer| answer.elapsed_ms);
        let label = "HYBRID end to end, unseen query";
        report.milliseconds("request_p50", &format!("{label} p50"), whole.percentile(50)).at_most(40.0);
        report.milliseconds("request_p95", &format!("{label} p95"), whole.percentile(95));
        let rest = times(&self.hybrid, |answer| answer.elapsed_ms - answer.embedding_ms);
        report.latency("request_without_embedding", "HYBRID end to end without embedding", &rest);
        let embedding = times(&self.hybrid, |answer| answer.embedding_ms);
        report.latency("embedding", "embedding of an unseen query", &embedding);
        for kind in ["LEXICAL", "SEMANTIC"] {
            let legs = self.hybrid.iter().flat_map(|answer| &answer.legs).filter(|(leg, _)| leg == kind);
            let took = Samples::new(legs.map(|(_, took)| *took));
            report.latency(&format!("leg_{}", kind.to_lowercase()), &format!("{kind} leg of HYBRID"), &took);
        }
        for (mode, answers) in [(Mode::Semantic, &self.semantic), (Mode::Lexical, &self.lexical)] {
            let whole = times(answers, |answer| answer.elapsed_ms);
            let label = format!("{} end to end, query seen before", mode.name());
            report.latency(&format!("request_{}", mode.name().to_lowercase()), &label, &whole);
        }
    }
}

/// Latency of one caller's plain searches.
pub fn report_plain_latency(report: &mut Report, answers: &[Answered]) {
    if answers.is_empty() {
        return;
    }
    report.section("Plain search (the same without legs and explanation; titles as queries)");
    report.latency("plain_search", "HYBRID without embedding the query", &times(answers, |answer| answer.search_ms));
    report.latency("plain_request", "HYBRID end to end, unseen query", &times(answers, |answer| answer.elapsed_ms));
}

fn times(answers: &[Answered], value: fn(&Answered) -> f64) -> Samples {
    Samples::new(answers.iter().map(value))
}
