//! The job that fills a generation of a collection.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::{CollectionId, DocumentId, GenerationId, OperationId},
    job::{JobPriority, Lane},
};

/// Indexes documents that the active generation has and this one lacks, for a while; then a job like it goes on, so that
/// other jobs of the lane have their turns. The last one promotes the generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReindexCollection {
    /// The operation that waits for it.
    pub operation: OperationId,
    pub collection: CollectionId,
    pub generation: GenerationId,
    /// The document after which it goes on; `None`: from the first one.
    #[serde(default)]
    pub after: Option<DocumentId>,
}

impl Job for ReindexCollection {
    const KIND: &'static str = "reindex_collection";
    const LANE: Lane = Lane::Ingest;

    fn priority(&self) -> JobPriority {
        JobPriority::Background
    }

    fn subject(&self) -> Option<String> {
        Some(self.generation.to_string())
    }
}
