//! The job that deletes points without a row.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    collection::Collection,
    id::{DocumentId, GenerationId, OperationId},
    job::{JobPriority, Lane},
};

/// Deletes points of a collection.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DropPoints {
    /// The generation that was changed; of deleted documents, the active one when the job was enqueued.
    pub generation: GenerationId,
    pub target: DropTarget,
    /// The operation that waits for the job, if there is one.
    pub operation: Option<OperationId>,
}

/// Which points to delete.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropTarget {
    /// All points of these documents, which are deleted, in all generations of their collection.
    Documents(Vec<DocumentId>),
    /// Points of a document that are older than its complete revision when the job runs; all of them if the document is
    /// deleted by then. The job does not name what stays, because it may run long after newer content is complete.
    ///
    /// The first version wrote `other_revisions`, with the revision to keep. Its jobs are read as this.
    #[serde(alias = "other_revisions")]
    OldRevisions { document: DocumentId },
    /// Points of a revision that was never completed. It never will be: each new content takes the next revision.
    Revision { document: DocumentId, revision: i32 },
}

impl DropPoints {
    /// Deletes points of a collection that no operation waits for.
    #[must_use]
    pub fn of(collection: &Collection, target: DropTarget) -> Self {
        Self { generation: collection.generation, target, operation: None }
    }
}

impl Job for DropPoints {
    const KIND: &'static str = "drop_points";
    const LANE: Lane = Lane::Maintenance;

    fn priority(&self) -> JobPriority {
        if self.operation.is_some() { JobPriority::Foreground } else { JobPriority::Background }
    }

    fn subject(&self) -> Option<String> {
        match &self.target {
            // It determines what is old when it runs, so one waiting job covers many updates.
            DropTarget::OldRevisions { document } => Some(format!("{}:{document}", self.generation)),
            DropTarget::Documents(_) | DropTarget::Revision { .. } => None,
        }
    }
}
