//! What a stored point is made of, by name. Changing a name means another placement: points already stored keep the old
//! one.

/// The embedding: dense, cosine.
pub(super) const EMBEDDING: &str = "embedding";
/// The words: sparse, BM25, weighted by rarity when searched.
pub(super) const WORDS: &str = "words";

/// The generation that the point belongs to: the key that separates tenants.
pub(super) const GENERATION: &str = "generation";
/// The document that the point belongs to.
pub(super) const DOCUMENT: &str = "document";
/// The revision of the document that the point belongs to.
pub(super) const REVISION: &str = "revision";

/// The most points in one write.
pub(super) const POINTS_PER_WRITE: usize = 1_000;
