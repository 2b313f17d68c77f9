//! The same reads by two callers, in turns: the owner of a collection who has no other role, and a reader who has a
//! thousand others. The difference is the cost of permission checks.

use anyhow::{Result, ensure};

use super::stage::{CHUNKS, DOCUMENTS, Stage, WORDS};
use crate::{
    api::{Account, Group, Mode, Search, Timed},
    report::Report,
    statistics::{Samples, milliseconds},
};

/// Rounds before anything is timed.
const WARM_UP: usize = 40;
/// Timed rounds; each caller asks once in a round.
const ROUNDS: usize = 400;
/// Hits of a search.
const HITS: usize = 20;

/// Times of the two callers for the same reading.
struct Pair {
    /// Of the owner, who has one membership.
    one: Samples,
    /// Of the reader, who has many.
    many: Samples,
}

impl Pair {
    /// The medians, and that with many memberships over that with one, which is judged where there is a bound.
    fn report(&self, report: &mut Report, key: &str, label: &str, bound: Option<f64>) {
        let (one, many) = (self.one.percentile(50), self.many.percentile(50));
        report.milliseconds(&format!("{key}_one"), &format!("{label}, one membership p50"), one);
        report.milliseconds(&format!("{key}_many"), &format!("{label}, many memberships p50"), many);
        let ratio = report.score(&format!("{key}_ratio"), &format!("{label}, many / one"), many / one);
        if let Some(bound) = bound {
            ratio.at_most(bound);
        }
    }
}

/// What was measured of the scope.
pub struct Scope {
    /// Documents with what hangs on them.
    nested: Pair,
    /// A LEXICAL search in the one collection.
    search: Pair,
    /// The same in all collections that the caller may read.
    search_all: Pair,
}

impl Scope {
    /// Measures each way of reading with both callers.
    pub async fn measure(stage: &Stage) -> Result<Self> {
        Ok(Self {
            nested: compare(stage, Reading::Nested).await?,
            search: compare(stage, Reading::Search).await?,
            search_all: compare(stage, Reading::SearchAll).await?,
        })
    }

    pub fn report(&self, report: &mut Report) {
        self.nested.report(report, "scope_nested", "nested read of 20 documents", Some(1.2));
        self.search.report(report, "scope_search", "LEXICAL search in one collection", Some(1.2));
        self.search_all.report(report, "scope_search_all", "LEXICAL search in all", None);
    }
}

#[derive(Clone, Copy)]
enum Reading {
    Nested,
    Search,
    SearchAll,
}

/// Lets both ask the same in each round, in turns first, so that a machine that changes its pace changes both. Fails if
/// they read different things.
async fn compare(stage: &Stage, reading: Reading) -> Result<Pair> {
    let (mut one, mut many) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let query = query(round);
        let owner = read(&stage.owner, &stage.collection, reading, &query);
        let reader = read(&stage.reader, &stage.collection, reading, &query);
        let (owner, reader) = if round % 2 == 0 {
            let owner = owner.await?;
            (owner, reader.await?)
        } else {
            let reader = reader.await?;
            (owner.await?, reader)
        };
        ensure!(owner.value == reader.value, "owner and reader get different answers to {query:?}");
        if round >= WARM_UP {
            one.push(milliseconds(owner.elapsed));
            many.push(milliseconds(reader.elapsed));
        }
    }
    Ok(Pair { one: Samples::new(one), many: Samples::new(many) })
}

/// Two words, in other company each time.
fn query(round: usize) -> String {
    let (first, step) = (round % WORDS.len(), 1 + round / WORDS.len());
    format!("{} {}", WORDS[first], WORDS[(first + step) % WORDS.len()])
}

/// Reads, and returns what was read in a form that can be compared.
async fn read(account: &Account, collection: &str, reading: Reading, query: &str) -> Result<Timed<Vec<String>>> {
    let collections = match reading {
        Reading::Nested => return read_nested(account, collection).await,
        Reading::Search => Some(collection),
        Reading::SearchAll => None,
    };
    let search = Search { collection: collections, query, mode: Mode::Lexical, group: Group::Chunk, first: HITS };
    let Timed { value: result, elapsed } = account.search_plainly(&search).await?;
    ensure!(!result.hits.is_empty(), "a search for {query:?} finds nothing");
    Ok(Timed { value: result.hits.into_iter().map(|hit| hit.chunk.id).collect(), elapsed })
}

async fn read_nested(account: &Account, collection: &str) -> Result<Timed<Vec<String>>> {
    let Timed { value: nested, elapsed } = account.nested(collection).await?;
    let documents = nested.documents.nodes;
    let whole = documents.len() == DOCUMENTS && documents.iter().all(|document| document.chunks.nodes.len() == CHUNKS);
    ensure!(whole, "the nested read does not have {DOCUMENTS} documents with {CHUNKS} chunks each");
    let rows = documents.into_iter().map(|document| {
        let chunks: Vec<String> = document.chunks.nodes.iter().map(ToString::to_string).collect();
        format!("{} {} {}", document.uri, document.collection, chunks.join(" "))
    });
    Ok(Timed { value: rows.collect(), elapsed })
}
