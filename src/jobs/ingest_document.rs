//! The job that processes one document of an operation.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{id::OperationId, job::Lane};

/// Processes the document that has this place in the operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct IngestDocument {
    pub operation: OperationId,
    pub ordinal: i32,
}

impl Job for IngestDocument {
    const KIND: &'static str = "ingest_document";
    const LANE: Lane = Lane::Ingest;
}
