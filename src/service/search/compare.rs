//! Two generations side by side: the same questions asked of both.

use std::collections::HashSet;

use super::{SearchHit, SearchRequest, search};
use crate::{
    auth::viewer::Viewer,
    domain::{
        id::{DocumentId, GenerationId},
        search::{SearchGroup, SearchMode},
    },
    error::{Error, ViolationCode},
    service::{Services, validate::Violations},
};

/// The most questions of one comparison.
pub const MAX_QUERIES: usize = 20;

/// Questions to two generations.
#[derive(Clone, PartialEq, Debug)]
pub struct CompareRequest {
    pub generations: [GenerationId; 2],
    pub queries: Vec<String>,
    pub mode: SearchMode,
    /// How many documents of each ranking count.
    pub first: u32,
}

/// One question and the best documents for it, each with its best chunk.
#[derive(Clone, PartialEq, Debug)]
pub struct ComparedQuery {
    pub request: SearchRequest,
    pub hits: [Vec<SearchHit>; 2],
    /// The part of the documents that both found, 0 to 1.
    pub overlap: f64,
}

/// Asks the questions of both generations.
///
/// # Errors
/// `Invalid` for the input; `NotFound` for a generation of a collection that the caller may not change; as [`search`].
pub async fn compare(
    services: &Services,
    viewer: &Viewer,
    request: &CompareRequest,
) -> Result<Vec<ComparedQuery>, Error> {
    let mut violations = Violations::default();
    if request.queries.is_empty() {
        violations.add(ViolationCode::Required, "queries", "Give at least one question.");
    } else if request.queries.len() > MAX_QUERIES {
        violations.add(ViolationCode::TooLong, "queries", format!("Give at most {MAX_QUERIES} questions."));
    }
    violations.check()?;
    let mut compared = Vec::with_capacity(request.queries.len());
    for query in &request.queries {
        let [one, other] = request.generations.map(|generation| SearchRequest {
            query: query.clone(),
            collections: None,
            generation: Some(generation),
            mode: request.mode,
            group: SearchGroup::Document,
            first: request.first,
            after: None,
            min_score: None,
            strict: true,
            explain: false,
        });
        let hits = [search(services, viewer, &one).await?.hits, search(services, viewer, &other).await?.hits];
        let overlap = overlap(hits.each_ref().map(|hits| documents(hits)));
        compared.push(ComparedQuery { request: one, hits, overlap });
    }
    Ok(compared)
}

fn documents(hits: &[SearchHit]) -> HashSet<DocumentId> {
    hits.iter().map(|hit| hit.document.id).collect()
}

/// The documents of both among those of the longer ranking. Two empty rankings are equal.
#[expect(clippy::cast_precision_loss, reason = "rankings are short")]
fn overlap([one, other]: [HashSet<DocumentId>; 2]) -> f64 {
    match one.len().max(other.len()) {
        0 => 1.0,
        longest => one.intersection(&other).count() as f64 / longest as f64,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_overlap_is_the_part_of_the_documents_that_both_found() {
        let set = |numbers: &[u128]| numbers.iter().map(|number| DocumentId(Uuid::from_u128(*number))).collect();
        for (one, other, expected) in [
            (vec![1, 2], vec![2, 1], 1.0),
            (vec![1, 2], vec![3], 0.0),
            (vec![1, 2, 3, 4], vec![4], 0.25),
            (vec![], vec![], 1.0),
        ] {
            assert!((overlap([set(&one), set(&other)]) - expected).abs() < f64::EPSILON);
        }
    }
}
