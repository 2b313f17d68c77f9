//! The job that brings a collection in step with a source.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::{CollectionId, OperationId, SourceId, SourceRunId},
    job::{JobPriority, Lane},
};

/// Syncs a source once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SyncSource {
    pub collection: CollectionId,
    pub source: SourceId,
    /// The run that records it, however often the job is started.
    pub run: SourceRunId,
    /// The operation that waits for it, if a caller has requested it.
    pub operation: Option<OperationId>,
    /// Whether documents may be deleted although more than half of the files are gone.
    pub is_confirmed: bool,
}

impl Job for SyncSource {
    const KIND: &'static str = "sync_source";
    const LANE: Lane = Lane::Maintenance;

    fn priority(&self) -> JobPriority {
        if self.operation.is_some() { JobPriority::Foreground } else { JobPriority::Background }
    }
}
