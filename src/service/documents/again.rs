//! What damage means for documents: they are indexed again from their originals, or their owners learn that these are lost.

use chrono::{DateTime, Utc};

use super::{super::Services, new_operation};
use crate::{
    db::{
        Transaction,
        repo::{
            collections, documents,
            operation_documents::{self, OperationItem},
            operations, originals, sources,
        },
    },
    domain::{
        action::Action,
        collection::Collection,
        document::{Document, DocumentStatus, ProcessingError},
        id::{CollectionId, DocumentId},
        operation::{OperationDocument, OperationRun},
        scope::Scope,
    },
    error::Error,
    jobs::{self, IngestDocument},
};

/// Begins an operation in which these documents of a collection get their own content once more. Its owner can follow it.
/// What is gone by now is left out.
pub(crate) async fn index_again(
    tx: &Transaction<'_>,
    scope: Scope,
    collection: CollectionId,
    ids: &[DocumentId],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let found = collections::lock(tx, scope, collection, Action::DocumentIngest).await?;
    let Some(collection) = found.filter(Collection::is_kept) else { return Ok(()) };
    let found = documents::lock_many(tx, collection.id, ids).await?;
    if found.is_empty() {
        return Ok(());
    }
    let run = OperationRun::create(new_operation(&collection, collection.owner_id, found.len(), now));
    let operation = operations::insert(tx, run, None).await?.id;
    let ids: Vec<_> = found.iter().map(|found| found.document.id).collect();
    documents::take_revisions(tx, &ids, now).await?;
    let (mut items, mut work) = (Vec::new(), Vec::new());
    for (ordinal, found) in (0_i32..).zip(found) {
        items.push(OperationItem {
            outcome: OperationDocument::waiting(operation, found.document.id, ordinal),
            revision: found.next_revision,
            content: found.document.content,
        });
        work.push(IngestDocument { operation, ordinal, is_synced: false });
    }
    operation_documents::insert_many(tx, items).await?;
    Ok(jobs::enqueue(tx, &work, collection.owner_id.into(), now).await?)
}

/// Marks a document whose original is lost, so that its owner can ingest it again. Its chunks stay searchable. If it comes
/// from a source, the next sync reads its file again. Nothing is lost if it has other content by now, or the bytes with this
/// digest are there again.
pub(crate) async fn lose_original(
    tx: &Transaction<'_>,
    services: &Services,
    scope: Scope,
    id: DocumentId,
    digest: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(document) = documents::find(&tx.reader(scope), id).await? else { return Ok(()) };
    collections::hold(tx, scope, document.collection_id, Action::DocumentIngest).await?;
    let Some(locked) = documents::lock_many(tx, document.collection_id, &[id]).await?.pop() else { return Ok(()) };
    originals::hold(tx, &[digest.to_owned()]).await?;
    let is_other = !locked.document.is_settled() || locked.document.content.file.digest != digest;
    if is_other || services.blobs.exists(digest).await? {
        return Ok(());
    }
    let error = Some(ProcessingError::original_missing());
    let changed = Document { status: DocumentStatus::Failed, error, updated_at: now, ..locked.document };
    documents::update(tx, changed).await?;
    Ok(sources::doubt(tx, id).await?)
}
