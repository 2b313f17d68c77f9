//! Removes a source with its documents, a page at a time, or leaves them in the collection.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use super::{end_job, failpoint, goes_on, payload};
use crate::{
    db::{
        Transaction,
        repo::{
            collections,
            documents::{self, Whole},
            jobs::{self as queued, ClaimedJob, Lease},
            operation_documents::{self, OperationItem},
            operations, sources,
        },
    },
    domain::{
        action::Action,
        id::DocumentId,
        operation::{OperationDocument, Settlement},
        scope::Scope,
    },
    jobs::{self, DropPoints, DropTarget, Job, RemoveSource},
    queue::{GiveUp, Handler, JobError},
    service::{Services, documents::remove_rows},
};

/// Documents that are removed in one transaction.
const PAGE: u64 = 100;

pub(super) struct RemoveSourceHandler {
    pub(super) services: Arc<Services>,
}

#[async_trait]
impl Handler for RemoveSourceHandler {
    fn kind(&self) -> &'static str {
        RemoveSource::KIND
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let asked: RemoveSource = payload(job)?;
        if !asked.keeps_documents {
            self.remove_documents(job, asked, stop).await?;
        }
        let (lease, now) = (job.lease(), self.services.clock.now());
        self.services.database.transaction(|tx| end(tx, lease, asked, now).boxed()).await
    }

    async fn postponed(&self, _job: &ClaimedJob, _error: &JobError, _pause: Duration) {}

    async fn give_up(&self, _job: &ClaimedJob, reason: GiveUp<'_>) -> Result<(), JobError> {
        Err(goes_on("a removal", reason))
    }
}

impl RemoveSourceHandler {
    async fn remove_documents(
        &self,
        job: &ClaimedJob,
        asked: RemoveSource,
        stop: &CancellationToken,
    ) -> Result<(), JobError> {
        let (lease, database) = (job.lease(), &self.services.database);
        loop {
            let some = documents::some_ids(&database.reader(Scope::System), Whole::Source(asked.source), PAGE).await?;
            if some.is_empty() {
                return Ok(());
            }
            let now = self.services.clock.now();
            database.transaction(|tx| remove(tx, lease, asked, &some, now).boxed()).await?;
            failpoint("source-page-removed")?;
            if stop.is_cancelled() {
                return Err(JobError::Stopped);
            }
        }
    }
}

async fn remove(
    tx: &Transaction<'_>,
    lease: Lease,
    asked: RemoveSource,
    some: &[DocumentId],
    now: DateTime<Utc>,
) -> Result<(), JobError> {
    if !queued::prove(tx, lease).await? {
        return Err(JobError::LeaseLost);
    }
    let action = Action::DocumentDelete;
    let Some(collection) = collections::lock(tx, Scope::System, asked.collection, action).await? else {
        return Ok(());
    };
    let run = operations::lock(tx, Scope::System, asked.operation).await?;
    let found = documents::lock_many(tx, collection.id, some).await?;
    let gone = remove_rows(tx, &collection, &found).await?;
    let mut user = None;
    if let Some(mut run) = run {
        run.start(now);
        user = run.operation().user_id;
        let (id, first, settled) = (run.operation().id, run.operation().totals.settled(), Settlement::deleted());
        let items = (first..).zip(&found).map(|(ordinal, found)| {
            let waiting = OperationDocument::waiting(id, found.document.id, ordinal);
            OperationItem {
                outcome: OperationDocument { outcome: settled.outcome(), ..waiting },
                revision: found.next_revision,
                content: found.document.content.clone(),
            }
        });
        operation_documents::insert_many(tx, items.collect()).await?;
        for document in &gone {
            run.settle(*document, &settled, now);
        }
        operations::save(tx, run).await?;
    }
    let job = DropPoints::of(&collection, DropTarget::Documents(gone));
    Ok(jobs::enqueue(tx, &[job], user.into(), now).await?)
}

async fn end(tx: &Transaction<'_>, lease: Lease, asked: RemoveSource, now: DateTime<Utc>) -> Result<(), JobError> {
    end_job(tx, lease).await?;
    collections::hold(tx, Scope::System, asked.collection, Action::DocumentDelete).await?;
    if let Some(mut run) = operations::lock(tx, Scope::System, asked.operation).await? {
        // Documents that somebody else has deleted meanwhile.
        let totals = run.operation().totals;
        run.leave_out(totals.documents - totals.settled());
        run.start(now);
        run.finish(now);
        operations::save(tx, run).await?;
    }
    Ok(sources::delete(tx, asked.source).await?)
}
