//! The job that deletes the remaining data of a collection.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::{CollectionId, OperationId},
    job::Lane,
};

/// Deletes what is left of a collection that readers no longer see.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeleteCollection {
    /// The operation that waits for the job.
    pub operation: OperationId,
    pub collection: CollectionId,
}

impl Job for DeleteCollection {
    const KIND: &'static str = "delete_collection";
    const LANE: Lane = Lane::Maintenance;

    fn subject(&self) -> Option<String> {
        Some(self.collection.to_string())
    }
}
