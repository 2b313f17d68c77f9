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

/// What became of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SearchLegState {
    /// It answered.
    Completed,
    /// The mode doesn't use it.
    Skipped,
    /// It failed; the answer rests on the other leg.
    Failed,
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

/// How two legs become one ranking: reciprocal rank fusion, `sum(weight / (k + rank))` with ranks from 0
/// (Cormack, Clarke and Büttcher, 2009).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FusionSettings {
    pub k: u32,
    pub semantic_weight: f32,
    pub lexical_weight: f32,
}
