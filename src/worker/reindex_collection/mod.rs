//! Fills a generation from the stored texts, document by document, while searches read the active one.
//!
//! What is missing is always the difference of the two generations, so documents that arrive meanwhile come into both, and
//! the work can be stopped and taken up at any point. The generation is promoted in a transaction that has found no
//! difference. A collection has one generation that is built, and the active one stays the same until then.

mod settle;

use std::{
    sync::{Arc, atomic::AtomicI32},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::{TryStreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    dependency::{SPACE, VECTORS, no_space},
    failpoint,
    ingest_document::{IngestDocumentHandler, Stop, Work},
    payload,
};
use crate::{
    db::repo::{documents, generations, jobs::ClaimedJob, operation_documents::OperationItem},
    domain::{
        collection::Collection,
        document::{Document, ProcessingError},
        generation::Generation,
        operation::OperationDocument,
        scope::Scope,
    },
    error::Error,
    extract::FileKind,
    ingest::Target,
    jobs::{Job, ReindexCollection},
    queue::{GiveUp, Handler, JobError},
};

/// Documents that are looked up together.
const PAGE: u64 = 64;

/// Documents that are indexed at the same time.
const AT_ONCE: usize = 8;

/// After this time other jobs of the lane have their turns.
const SLICE: Duration = Duration::from_secs(10);

pub(super) struct ReindexCollectionHandler {
    pub(super) documents: Arc<IngestDocumentHandler>,
}

/// What a job needs to know before it begins.
struct Plan {
    asked: ReindexCollection,
    collection: Collection,
    active: Generation,
    /// The generation that is filled.
    generation: Generation,
}

impl Plan {
    /// The generation whose embeddings can be taken over.
    fn source(&self) -> Option<Generation> {
        (self.active.model == self.generation.model).then(|| self.active.clone())
    }
}

#[async_trait]
impl Handler for ReindexCollectionHandler {
    fn kind(&self) -> &'static str {
        ReindexCollection::KIND
    }

    fn needs(&self) -> &'static [&'static str] {
        &[VECTORS, SPACE]
    }

    async fn run(&self, job: &ClaimedJob, stop: &CancellationToken) -> Result<(), JobError> {
        let Some(plan) = self.begin(job, payload(job)?).await? else { return Ok(()) };
        failpoint("reindex-begun")?;
        let services = &self.documents.services;
        services.vectors.ensure(&plan.generation.placement).await.map_err(Error::from)?;
        let begun = Instant::now();
        let mut after = plan.asked.after;
        loop {
            if !services.disk.has_room() {
                return Err(no_space());
            }
            let reader = services.database.reader(Scope::System);
            let missing = generations::missing(&reader, plan.active.id, plan.generation.id, after, PAGE).await?;
            let Some(last) = missing.last() else { break };
            let ids: Vec<_> = missing.iter().map(|indexed| indexed.document_id).collect();
            let found = documents::find_many(&reader, &ids).await?;
            stream::iter(found.into_values().map(Ok))
                .try_for_each_concurrent(AT_ONCE, |document| self.reindex(job, &plan, document, stop))
                .await?;
            after = Some(last.document_id);
            if begun.elapsed() >= SLICE {
                return self.yield_to_others(job, ReindexCollection { after, ..plan.asked }).await;
            }
        }
        self.end_pass(job, &plan).await
    }

    async fn postponed(&self, _job: &ClaimedJob, error: &JobError, _pause: Duration) {
        tracing::debug!(error = error as &dyn std::error::Error, "reindexing postponed");
    }

    async fn give_up(&self, job: &ClaimedJob, _reason: GiveUp<'_>) -> Result<(), JobError> {
        self.abandon(job, payload(job)?).await
    }
}

impl ReindexCollectionHandler {
    /// Indexes one document into the new generation.
    async fn reindex(
        &self,
        job: &ClaimedJob,
        plan: &Plan,
        document: Document,
        stop: &CancellationToken,
    ) -> Result<(), JobError> {
        let target = Target {
            collection: plan.collection.id,
            generation: plan.generation.id,
            document: document.id,
            revision: document.revision,
        };
        let work = Work {
            item: OperationItem {
                // Its place in the operation is known when it is settled.
                outcome: OperationDocument::waiting(plan.asked.operation, document.id, i32::MAX),
                revision: document.revision,
                content: document.content,
            },
            collection: plan.collection.clone(),
            generation: plan.generation.clone(),
            source: plan.source(),
            target,
            percent: AtomicI32::new(0),
        };
        // The files of an archive are documents of their own.
        let is_archive = work.item.content.content_type == FileKind::Zip.media_type();
        let indexed = if is_archive { Ok(None) } else { self.documents.index(&work, stop).await.map(Some) };
        let result = match indexed {
            Ok(indexed) => Ok(indexed),
            Err(Stop::Document(error)) => Err(ProcessingError { attempts: job.attempts, ..error }),
            Err(Stop::Job(error)) => return Err(error),
        };
        failpoint("reindex-indexed")?;
        self.settle(job, plan, &work, result).await
    }
}
