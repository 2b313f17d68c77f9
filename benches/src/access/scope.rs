//! The same reads by two callers, in turns: the owner of a collection who has no other role, and a reader who has a
//! thousand others. The difference is the cost of permission checks.

use anyhow::{Result, ensure};

use super::stage::{CHUNKS, DOCUMENTS, Stage, WORDS};
use crate::{
    api::{Group, Mode, Search},
    client::{Client, Timed},
    ingest::milliseconds,
    statistics::Samples,
};

/// Rounds before anything is timed.
const WARM_UP: usize = 40;
/// Timed rounds; each caller asks once in a round.
const ROUNDS: usize = 400;
/// Hits of a search.
const HITS: usize = 20;

/// Times of the two callers for the same reading.
pub struct Pair {
    /// Of the owner, who has one membership.
    pub one: Samples,
    /// Of the reader, who has many.
    pub many: Samples,
}

impl Pair {
    /// The median with many memberships over that with one.
    pub fn ratio(&self) -> f64 {
        self.many.percentile(50) / self.one.percentile(50)
    }
}

/// What was measured of the scope.
pub struct Scope {
    /// Documents with what hangs on them.
    pub nested: Pair,
    /// A LEXICAL search in the one collection.
    pub search: Pair,
    /// The same in all collections that the caller may read.
    pub search_all: Pair,
}

/// Measures each way of reading with both callers.
pub async fn measure(stage: &Stage) -> Result<Scope> {
    Ok(Scope {
        nested: compare(stage, Reading::Nested).await?,
        search: compare(stage, Reading::Search).await?,
        search_all: compare(stage, Reading::SearchAll).await?,
    })
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
async fn read(client: &Client, collection: &str, reading: Reading, query: &str) -> Result<Timed<Vec<String>>> {
    let collections = match reading {
        Reading::Nested => return read_nested(client, collection).await,
        Reading::Search => Some(collection),
        Reading::SearchAll => None,
    };
    let search = Search { collection: collections, query, mode: Mode::Lexical, group: Group::Chunk, first: HITS };
    let Timed { value: result, elapsed } = client.search_plainly(&search).await?;
    ensure!(!result.hits.is_empty(), "a search for {query:?} finds nothing");
    Ok(Timed { value: result.hits.into_iter().map(|hit| hit.chunk.id).collect(), elapsed })
}

async fn read_nested(client: &Client, collection: &str) -> Result<Timed<Vec<String>>> {
    let Timed { value: nested, elapsed } = client.nested(collection).await?;
    let documents = nested.documents.nodes;
    let whole = documents.len() == DOCUMENTS && documents.iter().all(|document| document.chunks.nodes.len() == CHUNKS);
    ensure!(whole, "the nested read does not have {DOCUMENTS} documents with {CHUNKS} chunks each");
    let rows = documents.into_iter().map(|document| {
        let chunks: Vec<String> = document.chunks.nodes.iter().map(ToString::to_string).collect();
        format!("{} {} {}", document.uri, document.collection, chunks.join(" "))
    });
    Ok(Timed { value: rows.collect(), elapsed })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_round_asks_something_else() {
        let queries: BTreeSet<String> = (0..WARM_UP + ROUNDS).map(query).collect();
        assert_eq!(queries.len(), WARM_UP + ROUNDS);
        assert!(queries.iter().all(|query| query.split(' ').collect::<BTreeSet<_>>().len() == 2));
    }

    #[test]
    fn ratio_compares_medians() {
        let pair = Pair { one: Samples::new([2.0, 1.0, 50.0]), many: Samples::new([3.0, 1.0, 90.0]) };
        assert!((pair.ratio() - 1.5).abs() < f64::EPSILON);
    }
}
