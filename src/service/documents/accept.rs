//! Accepts contents whose bytes are stored: they become documents, and jobs that index them. This needs no caller, no
//! upload and no text, and a few statements for a whole page of contents. A long list is accepted one page a transaction,
//! into an operation that knows how many documents it has: from the start, or when an archive brings more.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::{
    blob::BlobStore,
    config::LimitsConfig,
    db::{
        DatabaseError, Transaction,
        repo::{
            collections::{self, CounterChange},
            documents::{self, LockedDocument},
            operation_documents::{self, OperationItem},
        },
    },
    domain::{
        collection::Collection,
        content::Content,
        document::{About, Document, DocumentStatus},
        id::{CollectionId, DocumentId, SourceId},
        job::Tenant,
        operation::{DocumentOutcome, OperationDocument, OperationRun, Settlement},
        source::Source,
    },
    error::Error,
    jobs::{self, IngestDocument},
    service::{Services, quotas, uploads::hold_bytes},
};

/// Contents that are accepted in one transaction. Each has a uri of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'c> {
    pub source: Option<SourceId>,
    /// The ordinal of the first one in the operation.
    pub first: i32,
    pub contents: &'c [Content],
}

/// Those of the uris that documents have which do not come from this source. A uri belongs to whoever had it first.
pub(crate) async fn uris_of_others(
    tx: &Transaction<'_>,
    collection: &Collection,
    source: SourceId,
    uris: &[String],
) -> Result<HashSet<String>, DatabaseError> {
    let existing = documents::lock_by_uri(tx, collection.id, uris).await?;
    let others = existing.into_iter().filter(|(_, found)| found.document.source_id != Some(source));
    Ok(others.map(|(uri, _)| uri).collect())
}

/// Accepts files of a source, for a locked collection and an operation that is already written. Returns the document of
/// each.
///
/// # Errors
/// As [`plan`] and [`Plan::write`].
pub(crate) async fn accept_from_source(
    tx: &Transaction<'_>,
    services: &Services,
    collection: &Collection,
    source: &Source,
    run: &mut OperationRun,
    contents: &[Content],
    now: DateTime<Utc>,
) -> Result<Vec<Document>, Error> {
    let first = operation_documents::next_ordinal(tx, run.operation().id).await?;
    let batch = Batch { source: Some(source.id), first, contents };
    let plan = plan(tx, &services.blobs, collection, run, batch, now).await?;
    plan.write(tx, &services.config.limits, collection, source.user_id.into(), now).await
}

/// Plans contents for a locked collection. `run` gets what is settled at once. Write the operation, and then the [`Plan`].
///
/// # Errors
/// `Unavailable` with [`BlobError::Removed`](crate::blob::BlobError::Removed) if bytes have been removed again.
pub(super) async fn plan(
    tx: &Transaction<'_>,
    blobs: &BlobStore,
    collection: &Collection,
    run: &mut OperationRun,
    batch: Batch<'_>,
    now: DateTime<Utc>,
) -> Result<Plan, Error> {
    let Batch { source, first, contents } = batch;
    let digests: Vec<_> = contents.iter().map(|content| content.file.digest.clone()).collect();
    hold_bytes(tx, blobs, &digests).await?;
    let uris: Vec<_> = contents.iter().map(|content| content.uri.clone()).collect();
    let mut existing = documents::lock_by_uri(tx, collection.id, &uris).await?;
    let mut plan = Plan { source, ..Plan::default() };
    for (ordinal, wanted) in (first..).zip(contents) {
        plan.add(collection.id, run, ordinal, wanted, existing.remove(&wanted.uri), now);
    }
    Ok(plan)
}

/// What accepting a page of contents writes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    source: Option<SourceId>,
    /// The document of each content.
    documents: Vec<Document>,
    new: Vec<Document>,
    /// Documents that get newer content.
    changed: Vec<DocumentId>,
    items: Vec<OperationItem>,
    jobs: Vec<IngestDocument>,
    counters: CounterChange,
}

impl Plan {
    fn add(
        &mut self,
        collection: CollectionId,
        run: &mut OperationRun,
        ordinal: i32,
        wanted: &Content,
        existing: Option<LockedDocument>,
        now: DateTime<Utc>,
    ) {
        let operation = run.operation().id;
        let mut wanted = wanted.clone();
        if let (Some(_), Some(existing)) = (self.source, &existing) {
            // Files of a source have no metadata of their own, and no new name with the same bytes.
            let present = &existing.document.content;
            wanted.meta.clone_from(&present.meta);
            if present.file.digest == wanted.file.digest {
                wanted.file_name.clone_from(&present.file_name);
            }
        }
        let (document, revision, outcome) = match existing {
            Some(existing) if is_unchanged(&existing, &wanted) => {
                run.settle(existing.document.id, &Settlement::skipped("unchanged"), now);
                (existing.document, existing.next_revision, DocumentOutcome::Skipped)
            }
            Some(LockedDocument { document, next_revision }) => {
                self.changed.push(document.id);
                (document, next_revision, DocumentOutcome::Pending)
            }
            None => {
                let document = Document { source_id: self.source, ..new_document(collection, wanted.clone(), now) };
                self.counters.documents += 1;
                self.counters.bytes += wanted.file.size;
                self.new.push(document.clone());
                (document, 1, DocumentOutcome::Pending)
            }
        };
        if outcome == DocumentOutcome::Pending {
            self.jobs.push(IngestDocument { operation, ordinal, is_synced: self.source.is_some() });
        }
        self.items.push(OperationItem {
            outcome: OperationDocument { outcome, ..OperationDocument::waiting(operation, document.id, ordinal) },
            revision,
            content: wanted,
        });
        self.documents.push(document);
    }

    /// Writes the documents, their part in the operation and their jobs. Returns the document of each content.
    ///
    /// # Errors
    /// `Invalid` if the collection or its owner has no room for them.
    pub(super) async fn write(
        self,
        tx: &Transaction<'_>,
        limits: &LimitsConfig,
        collection: &Collection,
        tenant: Tenant,
        now: DateTime<Utc>,
    ) -> Result<Vec<Document>, Error> {
        documents::take_revisions(tx, &self.changed, now).await?;
        documents::insert_many(tx, self.new).await?;
        operation_documents::insert_many(tx, self.items).await?;
        jobs::enqueue(tx, &self.jobs, tenant, now).await?;
        let new_bytes = self.counters.bytes;
        collections::add_to_counters(tx, collection.id, self.counters).await?;
        quotas::check_documents(tx, limits, collection, new_bytes).await?;
        Ok(self.documents)
    }
}

/// Whether a document is complete with exactly this content, and no newer content is on its way. Only an archive is complete
/// without chunks; it is unpacked again, since its files may have failed or been deleted.
fn is_unchanged(existing: &LockedDocument, wanted: &Content) -> bool {
    let LockedDocument { document, next_revision } = existing;
    document.status == DocumentStatus::Completed
        && document.chunk_count > 0
        && *next_revision == document.revision + 1
        && document.content.equals(wanted)
}

fn new_document(collection: CollectionId, content: Content, now: DateTime<Utc>) -> Document {
    Document {
        id: DocumentId::generate(),
        collection_id: collection,
        source_id: None,
        content,
        status: DocumentStatus::Pending,
        error: None,
        about: About::default(),
        is_title_given: false,
        warnings: Vec::new(),
        chunk_count: 0,
        revision: 0,
        created_at: now,
        updated_at: now,
        processed_at: now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        content::{StoredFile, UNKNOWN_TYPE},
        operation::run_of,
    };

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn content(uri: &str, digest: &str) -> Content {
        Content {
            file_name: uri.to_owned(),
            uri: uri.to_owned(),
            content_type: UNKNOWN_TYPE.to_owned(),
            file: StoredFile { digest: digest.to_owned(), size: 10 },
            meta: serde_json::json!({}),
        }
    }

    fn complete(collection: CollectionId, content: Content) -> LockedDocument {
        let document = new_document(collection, content, NOW);
        LockedDocument {
            document: Document { status: DocumentStatus::Completed, chunk_count: 1, revision: 1, ..document },
            next_revision: 2,
        }
    }

    #[test]
    fn only_what_is_new_or_changed_is_indexed() {
        let (collection, mut run, mut plan) = (CollectionId::generate(), run_of(3), Plan::default());
        let same = complete(collection, content("same", "a"));
        let other = complete(collection, content("other", "a"));
        plan.add(collection, &mut run, 0, &content("new", "b"), None, NOW);
        plan.add(collection, &mut run, 1, &content("same", "a"), Some(same), NOW);
        plan.add(collection, &mut run, 2, &content("other", "b"), Some(other.clone()), NOW);
        let ordinals: Vec<_> = plan.jobs.iter().map(|job| job.ordinal).collect();
        assert_eq!(ordinals, [0, 2]);
        assert_eq!((plan.new.len(), plan.changed.as_slice()), (1, &[other.document.id][..]));
        assert_eq!((plan.counters.documents, plan.counters.bytes), (1, 10), "newer content counts when it is complete");
        assert_eq!((run.operation().totals.skipped, plan.documents.len(), plan.items.len()), (1, 3, 3));
    }

    #[test]
    fn an_archive_is_unpacked_again() {
        let (collection, mut run, mut plan) = (CollectionId::generate(), run_of(1), Plan::default());
        let mut archive = complete(collection, content("a.zip", "a"));
        archive.document.chunk_count = 0;
        plan.add(collection, &mut run, 0, &content("a.zip", "a"), Some(archive), NOW);
        assert_eq!((run.operation().totals.skipped, plan.jobs.len()), (0, 1));
    }

    #[test]
    fn content_on_its_way_makes_the_same_content_a_change() {
        let (collection, mut run, mut plan) = (CollectionId::generate(), run_of(1), Plan::default());
        let busy = LockedDocument { next_revision: 3, ..complete(collection, content("a", "a")) };
        plan.add(collection, &mut run, 0, &content("a", "a"), Some(busy), NOW);
        assert_eq!((plan.items[0].revision, plan.jobs.len()), (3, 1));
    }
}
