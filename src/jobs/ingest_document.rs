//! The job that processes one document of an operation.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::OperationId,
    job::{JobPriority, Lane},
};

/// Processes the document that has this place in the operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IngestDocument {
    pub operation: OperationId,
    pub ordinal: i32,
    /// Whether it comes from a source, and no caller waits for it.
    #[serde(default)]
    pub is_synced: bool,
}

impl Job for IngestDocument {
    const KIND: &'static str = "ingest_document";
    const LANE: Lane = Lane::Ingest;

    fn priority(&self) -> JobPriority {
        if self.is_synced { JobPriority::Background } else { JobPriority::Foreground }
    }
}
