//! The job that deletes points without a row: its payload, and how it is enqueued.

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{
    db::repo::jobs::NewJob,
    domain::{
        collection::Collection,
        id::{DocumentId, GenerationId, OperationId},
        job::Lane,
    },
};

/// The kind of the job.
pub const DROP_POINTS: &str = "drop_points";

/// Which points a [`DROP_POINTS`] job deletes.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
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

/// The payload of a [`DROP_POINTS`] job.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct DropPoints {
    /// The active generation when the job was enqueued.
    pub generation: GenerationId,
    pub target: DropTarget,
    /// The operation that waits for the job, if there is one.
    pub operation: Option<OperationId>,
}

/// A job that deletes points.
pub(crate) fn drop_points(
    collection: &Collection,
    target: DropTarget,
    operation: Option<OperationId>,
    now: DateTime<Utc>,
) -> NewJob {
    let payload = DropPoints { generation: collection.generation, target, operation };
    let job = NewJob::new(DROP_POINTS, Lane::Maintenance, json!(payload), now);
    let job = if operation.is_some() { job } else { job.in_background() };
    match payload.target {
        // It determines what is old when it runs, so one waiting job covers many updates.
        DropTarget::OldRevisions { document } => job.about(&document),
        DropTarget::Documents(_) | DropTarget::Revision { .. } => job,
    }
}
