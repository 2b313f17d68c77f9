//! From a ranking of candidates to hits with their rows.

use std::collections::HashSet;

use async_trait::async_trait;

use super::{Row, SearchRequest};
use crate::{
    domain::{id::DocumentId, search::SearchGroup},
    error::Error,
    vector::{LegReport, VectorHit},
};

/// Minimum number of rows read at once.
const MIN_ROWS: usize = 16;

/// What is searched.
#[async_trait]
pub(super) trait Corpus: Sync {
    /// The ranking of the best `depth` candidates of each leg. `is_last`: nobody will look deeper.
    async fn candidates(&self, depth: usize, is_last: bool) -> Result<Candidates, Error>;

    /// The rows of hits, in their order, without those that the reader can't see.
    async fn rows(&self, hits: &[VectorHit]) -> Result<Vec<Row>, Error>;
}

/// Candidates, best first.
pub(super) struct Candidates {
    pub(super) hits: Vec<VectorHit>,
    pub(super) legs: Vec<LegReport>,
    /// Whether more depth would find nothing more.
    pub(super) is_exhausted: bool,
}

/// How many candidates are asked for.
#[derive(Clone, Copy)]
pub(super) struct Depths {
    pub(super) first: usize,
    /// From here on there are no further steps.
    pub(super) last: usize,
}

/// Hits, and what the legs did at the last depth.
pub(super) struct Found {
    pub(super) hits: Vec<Row>,
    pub(super) legs: Vec<LegReport>,
}

/// Finds more than `wanted` hits, if they exist, so that it is known whether there is another page.
///
/// A fused ranking depends on the number of candidates. To give a question the same ranking whichever page is
/// requested, the ranking is built in steps: first from as many candidates as the settings say; where those are not
/// enough, the hits that four times as many candidates add are appended; and so on.
pub(super) async fn gather(
    corpus: &dyn Corpus,
    depths: Depths,
    wanted: usize,
    mut selection: Selection<'_>,
) -> Result<Found, Error> {
    let mut depth = depths.first;
    let mut known = HashSet::new();
    loop {
        let is_last = depth >= depths.last;
        let Candidates { mut hits, legs, is_exhausted } = corpus.candidates(depth, is_last).await?;
        hits.retain(|hit| known.insert(hit.id));
        // Rows are read as they are needed: most candidates are never shown.
        for part in hits.chunks((wanted + 1).max(MIN_ROWS)) {
            selection.extend(corpus.rows(part).await?);
            if selection.hits.len() > wanted {
                break;
            }
        }
        if selection.hits.len() > wanted || is_exhausted || is_last {
            return Ok(Found { hits: selection.hits, legs });
        }
        depth *= 4;
    }
}

/// The candidates that are hits: with a sufficient score, and the first of their group.
pub(super) struct Selection<'r> {
    request: &'r SearchRequest,
    /// Documents, or the starts of parents in them.
    seen: HashSet<(DocumentId, Option<u32>)>,
    pub(super) hits: Vec<Row>,
}

impl<'r> Selection<'r> {
    pub(super) fn new(request: &'r SearchRequest) -> Self {
        Self { request, seen: HashSet::new(), hits: Vec::new() }
    }

    pub(super) fn extend(&mut self, candidates: Vec<Row>) {
        for row in candidates {
            let is_good = self.request.min_score.is_none_or(|least| row.hit.score >= least);
            if is_good && self.is_first_of_its_group(&row) {
                self.hits.push(row);
            }
        }
    }

    fn is_first_of_its_group(&mut self, row: &Row) -> bool {
        match self.request.group {
            SearchGroup::Chunk => {
                row.chunk.parent.is_none_or(|parent| self.seen.insert((row.document.id, Some(parent.start))))
            }
            SearchGroup::Document => self.seen.insert((row.document.id, None)),
        }
    }
}
