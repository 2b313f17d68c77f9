//! Questions and how their answers are ranked.

/// Which legs take part in a search.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SearchMode {
    /// Both legs, fused by rank.
    #[default]
    Hybrid,
    /// Meaning only: nearest embeddings.
    Semantic,
    /// Words only: BM25.
    Lexical,
}

/// One way of finding candidates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SearchLegKind {
    Semantic,
    Lexical,
}

/// The result of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SearchLegState {
    /// It answered.
    Completed,
    /// The mode doesn't use it.
    Skipped,
    /// It failed, in some of the collections at least; there the answer rests on the other leg.
    Failed,
}

/// Why a leg failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SearchLegFailure {
    /// The model that collections were indexed with is not available.
    ModelMissing,
    /// A part of the server failed or did not answer.
    ServiceFailure,
}

/// What a hit stands for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum SearchGroup {
    /// Every matching chunk is a hit.
    #[default]
    Chunk,
    /// The best chunk of each document is a hit.
    Document,
}

/// How two legs become one ranking: reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009) as Qdrant defines it. A
/// chunk's score is the sum of `1 / (k - 1 + rank / weight)` over the legs that found it, with ranks from 1. With weights
/// of 1 that is the usual formula for a constant of `k - 1`. A leg of weight 3 is read three ranks at a time; one of weight
/// 0 doesn't count.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FusionSettings {
    pub k: u32,
    pub semantic_weight: f32,
    pub lexical_weight: f32,
}
