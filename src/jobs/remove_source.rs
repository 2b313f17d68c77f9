//! The job that removes a source.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::{CollectionId, OperationId, SourceId},
    job::Lane,
};

/// Removes a source, with or without its documents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RemoveSource {
    pub collection: CollectionId,
    pub source: SourceId,
    /// The operation that waits for it.
    pub operation: OperationId,
    pub keeps_documents: bool,
}

impl Job for RemoveSource {
    const KIND: &'static str = "remove_source";
    const LANE: Lane = Lane::Maintenance;
}
