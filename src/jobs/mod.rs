//! What can be asked of the queue: one typed payload a kind, each in its own file. There is no logic here. These are the
//! only words that use cases and workers share: a use case enqueues a payload, a worker reads the same type.

mod delete_collection;
mod drop_generation;
mod drop_points;
mod ingest_document;
mod reconcile;
mod reindex_collection;
mod remove_source;
mod sync_source;

use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

pub use self::{
    delete_collection::DeleteCollection,
    drop_generation::DropGeneration,
    drop_points::{DropPoints, DropTarget},
    ingest_document::IngestDocument,
    reconcile::Reconcile,
    reindex_collection::ReindexCollection,
    remove_source::RemoveSource,
    sync_source::SyncSource,
};
use crate::{
    db::{
        DatabaseError, Transaction,
        repo::jobs::{NewJob, insert_many},
    },
    domain::job::{JobPriority, Lane, Tenant},
};

/// Every kind of job.
pub const KINDS: [&str; 8] = [
    DeleteCollection::KIND,
    DropGeneration::KIND,
    DropPoints::KIND,
    IngestDocument::KIND,
    Reconcile::KIND,
    ReindexCollection::KIND,
    RemoveSource::KIND,
    SyncSource::KIND,
];

/// The payload of a job. It is stored as JSON: fields can be added if they have a default, never renamed.
pub trait Job: Serialize + DeserializeOwned {
    /// The kind of job, as stored. Frozen once released.
    const KIND: &'static str;
    const LANE: Lane;

    fn priority(&self) -> JobPriority {
        JobPriority::Foreground
    }

    /// What it concerns, if two jobs of this kind with the same subject make no sense.
    fn subject(&self) -> Option<String> {
        None
    }
}

/// Adds jobs of one kind to the queue, requested by `tenant`, in the transaction of the change that needs them.
pub async fn enqueue<J: Job>(
    tx: &Transaction<'_>,
    jobs: &[J],
    tenant: Tenant,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let rows = jobs.iter().map(|job| NewJob {
        priority: job.priority(),
        tenant,
        subject: job.subject(),
        ..NewJob::new(J::KIND, J::LANE, json!(job), now)
    });
    insert_many(tx, rows.collect(), now).await
}
