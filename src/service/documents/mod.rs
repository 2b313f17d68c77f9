//! Documents: ingesting, downloading, deleting.

mod drop_points;

use std::{
    collections::{HashMap, HashSet},
    error::Error as _,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) use self::drop_points::drop_points;
pub use self::drop_points::{DROP_POINTS, DropPoints, DropTarget};
use super::{
    Services,
    access::{find_collection, forbidden, lock_collection},
    audit::{self, Deed},
    operations::{INGEST_DOCUMENT, Settlement, finish_if_settled, settle},
    quotas,
    uploads::hold_bytes,
    validate::Violations,
};
use crate::{
    auth::viewer::Viewer,
    blob::BlobError,
    db::{
        Reader, Transaction,
        repo::{
            chunks, collections,
            collections::CounterChange,
            documents::{self, LockedDocument},
            generations,
            jobs::{self, NewJob},
            operations::{self, Idempotency, LockedOperation, OperationItem},
            uploads,
        },
    },
    domain::{
        action::Action,
        audit::AuditAction,
        collection::Collection,
        document::{Document, DocumentStatus},
        id::{CollectionId, DocumentId, OperationId, UploadId, UserId},
        job::Lane,
        operation::{
            DocumentOutcome, Operation, OperationDocument, OperationEventKind, OperationStatus, OperationTotals,
            OperationType,
        },
        upload::StoredFile,
    },
    error::{Error, ViolationCode},
};

/// Documents to ingest in one operation.
#[derive(Clone, PartialEq, Debug)]
pub struct IngestRequest {
    pub collection: CollectionId,
    pub documents: Vec<IngestDocument>,
    /// The same call with the same key, by the same user, is one operation however often it is sent.
    pub idempotency_key: Option<String>,
}

/// One document to ingest.
#[derive(Clone, PartialEq, Debug)]
pub struct IngestDocument {
    pub source: IngestSource,
    /// The file name. An upload already has one; a text needs one.
    pub file_name: Option<String>,
    /// Identifies it in the collection; by default its file name.
    pub uri: Option<String>,
    pub meta: Option<serde_json::Value>,
}

/// The content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IngestSource {
    Upload(UploadId),
    Text(String),
}

/// The accepted documents: the operation to follow, and one document for each in the request, in that order.
#[derive(Clone, PartialEq, Debug)]
pub struct Ingested {
    pub operation: Operation,
    pub documents: Vec<Document>,
}

const MAX_URI: usize = 2000;
const MAX_IDEMPOTENCY_KEY: usize = 200;
/// Original files that are written concurrently.
const STORING: usize = 8;
/// How often the texts of a call are stored when the clean-up gets in between.
const ATTEMPTS_TO_STORE: u32 = 3;

/// A document of a request that passed validation.
#[derive(Clone)]
struct CheckedDocument {
    file_name: String,
    uri: String,
    content_type: Option<String>,
    meta: serde_json::Value,
    file: StoredFile,
    /// The upload that it comes from, if there is one.
    upload: Option<UploadId>,
}

/// Ingests documents. They are stored durably when this returns, and searchable when the operation has completed.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid` for the input (then nothing is accepted), `Conflict` for an idempotency key that
/// was used for another call.
pub async fn ingest(services: &Services, viewer: &Viewer, request: IngestRequest) -> Result<Ingested, Error> {
    let mut attempt = 1;
    loop {
        match store_and_accept(services, viewer, &request).await {
            // The clean-up removed bytes that were just stored, since nothing referred to them yet.
            Err(error) if attempt < ATTEMPTS_TO_STORE && is_removed(&error) => attempt += 1,
            result => return result,
        }
    }
}

fn is_removed(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<BlobError>());
    matches!(cause, Some(BlobError::Removed { .. }))
}

async fn store_and_accept(services: &Services, viewer: &Viewer, request: &IngestRequest) -> Result<Ingested, Error> {
    let user = viewer.require_user_id()?;
    let checked = check(services, viewer, user, request).await?;
    fail::fail_point!(&format!("documents-checked-{}", request.collection));
    let idempotency = request
        .idempotency_key
        .as_ref()
        .map(|key| Idempotency { key: key.clone(), request_digest: digest_of(request.collection, &checked) });
    let now = services.clock.now();
    let (checked, idempotency) = (checked.as_slice(), &idempotency);
    let ingested = services
        .database
        .transaction(|tx| accept(tx, services, viewer, request.collection, checked, idempotency.as_ref(), now).boxed())
        .await?;
    services.events.announce(ingested.operation.id);
    services.work.notify_one();
    Ok(ingested)
}

/// Validates a request without changing anything but the blob store, which receives its texts.
async fn check(
    services: &Services,
    viewer: &Viewer,
    user: UserId,
    request: &IngestRequest,
) -> Result<Vec<CheckedDocument>, Error> {
    let reader = services.database.reader(viewer.scope());
    find_collection(&reader, viewer, request.collection, Action::DocumentIngest).await?;

    let mut violations = Violations::default();
    let most = services.config.limits.ingest_documents;
    if request.documents.is_empty() {
        violations.add(ViolationCode::Required, "documents", "Give at least one document.");
    } else if request.documents.len() > most {
        violations.add(ViolationCode::TooLong, "documents", format!("Give at most {most} documents in one call."));
        violations.check()?;
        return Ok(Vec::new());
    }
    if let Some(key) = &request.idempotency_key {
        violations.text("idempotencyKey", "the idempotency key", key, MAX_IDEMPOTENCY_KEY);
    }
    let upload_ids: Vec<_> = request
        .documents
        .iter()
        .filter_map(|document| match document.source {
            IngestSource::Upload(id) => Some(id),
            IngestSource::Text(_) => None,
        })
        .collect();
    let found = uploads::find_many(&reader, &upload_ids).await?;
    // An upload may be gone when the same call is repeated: the operation that was created from it knows its content.
    let earlier = match &request.idempotency_key {
        Some(key) if found.len() < upload_ids.len() => operations::repeated_items(&reader, user, key).await?,
        _ => HashMap::new(),
    };

    let mut uris = HashSet::new();
    let mut drafts = Vec::with_capacity(request.documents.len());
    for (index, document) in (0_i32..).zip(&request.documents) {
        let at = |field: &str| format!("documents.{index}.{field}");
        let mut content_type = None;
        let mut stored = None;
        let mut upload_id = None;
        let mut given_name = document.file_name.clone();
        match &document.source {
            IngestSource::Upload(id) => match found.get(id) {
                None if let Some(item) = earlier.get(&index) => {
                    given_name = given_name.or_else(|| Some(item.file_name.clone()));
                    content_type.clone_from(&item.content_type);
                    stored = Some(StoredFile { digest: item.content_hash.clone(), size: item.file_size });
                }
                None => no_such_upload(&mut violations, &at("source.uploadId")),
                Some(upload) if upload.stored.is_none() => {
                    violations.add(
                        ViolationCode::Conflict,
                        &at("source.uploadId"),
                        "This upload has no content yet. Send the content to its url with PUT first.",
                    );
                }
                Some(upload) => {
                    given_name = given_name.or_else(|| Some(upload.file_name.clone()));
                    content_type.clone_from(&upload.content_type);
                    stored.clone_from(&upload.stored);
                    upload_id = Some(*id);
                }
            },
            IngestSource::Text(text) if text.len() as u64 > services.config.limits.upload_bytes => {
                violations.add(
                    ViolationCode::TooLong,
                    &at("source.text"),
                    "This text is too long. Upload it as a file.",
                );
            }
            IngestSource::Text(_) => {}
        }
        let name = given_name.unwrap_or_default();
        let file_name = violations.file_name(&at("fileName"), &name);
        let uri = match &document.uri {
            Some(uri) => violations.uri(&at("uri"), uri, MAX_URI),
            None => file_name.clone(),
        };
        if !uri.is_empty() && !uris.insert(uri.clone()) {
            violations.add(
                ViolationCode::Duplicate,
                &at("uri"),
                format!("Another document of this call also has the uri «{uri}». Give each document its own."),
            );
        }
        let meta = violations.meta(&at("meta"), document.meta.clone());
        drafts.push((file_name, uri, content_type, meta, stored, upload_id));
    }
    violations.check()?;

    let texts = request.documents.iter().map(|document| match &document.source {
        IngestSource::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
        IngestSource::Upload(_) => Bytes::new(),
    });
    stream::iter(drafts.into_iter().zip(texts.collect::<Vec<_>>()))
        .map(|((file_name, uri, content_type, meta, stored, upload), text)| async move {
            let file = match stored {
                Some(file) => file,
                None => services.blobs.put_bytes(text).await?,
            };
            Ok(CheckedDocument { file_name, uri, content_type, meta, file, upload })
        })
        .buffered(STORING)
        .try_collect()
        .await
}

/// Writes operation, documents and jobs, all or nothing.
async fn accept(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    collection: CollectionId,
    checked: &[CheckedDocument],
    idempotency: Option<&Idempotency>,
    now: DateTime<Utc>,
) -> Result<Ingested, Error> {
    let user = viewer.require_user_id()?;
    let collection = lock_collection(tx, viewer, collection, Action::DocumentIngest).await?;
    let uris: Vec<_> = checked.iter().map(|document| document.uri.clone()).collect();
    if let Some(repeat) = idempotency
        && let Some((operation, digest)) = operations::find_repeated(tx, user, &repeat.key).await?
    {
        if digest != repeat.request_digest {
            return Err(Error::Conflict(
                "This idempotency key was used for another call. Use a new key for new documents.".into(),
            ));
        }
        let mut existing = documents::lock_by_uri(tx, collection.id, &uris).await?;
        let documents: Vec<_> =
            uris.iter().filter_map(|uri| existing.remove(uri)).map(|found| found.document).collect();
        if documents.len() < uris.len() {
            return Err(Error::Conflict(
                "Documents that were added with this idempotency key have been deleted. Use a new key to add them \
                 again."
                    .into(),
            ));
        }
        return Ok(Ingested { operation, documents });
    }
    check_uploads(tx, viewer, checked).await?;
    let digests: Vec<_> = checked.iter().map(|document| document.file.digest.clone()).collect();
    hold_bytes(tx, &services.blobs, &digests).await?;

    let generation = generations::active(tx, &collection).await?;
    let mut locked = LockedOperation::new(Operation {
        config: json!({ "embeddingModel": generation.model.name, "chunking": generation.chunking }),
        ..new_operation(&collection, user, checked.len(), now)
    });
    let id = locked.operation.id;
    locked.record(OperationEventKind::OperationCreated, None, None, now);

    let mut existing = documents::lock_by_uri(tx, collection.id, &uris).await?;
    let mut plan = Plan::default();
    for (ordinal, wanted) in (0_i32..).zip(checked) {
        plan.add(tx, &collection, existing.remove(&wanted.uri), id, ordinal, wanted, now).await?;
    }
    let skipped: Vec<_> = plan
        .items
        .iter()
        .filter(|item| item.outcome.outcome == DocumentOutcome::Skipped)
        .map(|item| item.outcome.document_id)
        .collect();
    for document in skipped {
        settle(&mut locked, &Settlement::skipped(document, "unchanged"), now);
    }
    finish_if_settled(&mut locked, now);

    let operation = locked.operation.clone();
    operations::insert(tx, locked, idempotency.cloned()).await?;
    documents::insert_many(tx, plan.new_documents).await?;
    operations::insert_items(tx, plan.items).await?;
    let jobs = plan.jobs.into_iter().map(|job| job.of(user)).collect();
    jobs::insert_many(tx, jobs, now).await?;
    let new_bytes = plan.counters.bytes;
    collections::add_to_counters(tx, collection.id, plan.counters).await?;
    quotas::check_documents(tx, &services.config.limits, &collection, new_bytes).await?;
    let deed = Deed::new(AuditAction::DocumentsIngest).to(operation.id).within(collection.id);
    audit::done(tx, viewer, deed.saying(format!("documents: {}", checked.len())), now).await?;
    Ok(Ingested { operation, documents: plan.documents })
}

/// Locks the uploads of a request, and rejects those that have expired since they were checked.
async fn check_uploads(tx: &Transaction<'_>, viewer: &Viewer, checked: &[CheckedDocument]) -> Result<(), Error> {
    let ids: Vec<_> = checked.iter().filter_map(|document| document.upload).collect();
    let found = if ids.is_empty() { HashMap::new() } else { uploads::lock_many(tx, viewer.scope(), &ids).await? };
    let mut violations = Violations::default();
    for (index, document) in checked.iter().enumerate() {
        if document.upload.is_some_and(|id| !found.contains_key(&id)) {
            no_such_upload(&mut violations, &format!("documents.{index}.source.uploadId"));
        }
    }
    violations.check()
}

fn no_such_upload(violations: &mut Violations, path: &str) {
    violations.add(ViolationCode::NotFound, path, "There is no such upload.");
}

fn new_operation(collection: &Collection, user: UserId, documents: usize, now: DateTime<Utc>) -> Operation {
    let is_first = collection.document_count == 0;
    Operation {
        id: OperationId::generate(),
        operation_type: if is_first { OperationType::Index } else { OperationType::Append },
        status: OperationStatus::Pending,
        collection_id: Some(collection.id),
        user_id: Some(user),
        config: json!({}),
        error_message: None,
        totals: OperationTotals { documents: i32::try_from(documents).unwrap_or(i32::MAX), ..Default::default() },
        created_at: now,
        started_at: None,
        completed_at: None,
    }
}

/// What accepting a request writes.
#[derive(Default)]
struct Plan {
    documents: Vec<Document>,
    new_documents: Vec<Document>,
    items: Vec<OperationItem>,
    jobs: Vec<NewJob>,
    counters: CounterChange,
}

impl Plan {
    #[expect(clippy::too_many_arguments, reason = "one call, and a struct for it would only rename the arguments")]
    async fn add(
        &mut self,
        tx: &Transaction<'_>,
        collection: &Collection,
        existing: Option<LockedDocument>,
        operation: OperationId,
        ordinal: i32,
        wanted: &CheckedDocument,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let is_unchanged = existing.as_ref().is_some_and(|existing| is_unchanged(existing, wanted));
        let (document, revision) = match existing {
            None => {
                let document = new_document(collection.id, wanted, now);
                self.counters.documents += 1;
                self.counters.bytes += document.file_size;
                self.new_documents.push(document.clone());
                (document, 1)
            }
            Some(LockedDocument { document, next_revision }) => {
                if !is_unchanged {
                    documents::take_revision(tx, document.id, now).await?;
                }
                (document, next_revision)
            }
        };
        self.items.push(OperationItem {
            outcome: OperationDocument {
                operation_id: operation,
                document_id: document.id,
                ordinal,
                outcome: if is_unchanged { DocumentOutcome::Skipped } else { DocumentOutcome::Pending },
                error: None,
                chunk_count: 0,
                percent: 0,
            },
            revision,
            file_name: wanted.file_name.clone(),
            uri: wanted.uri.clone(),
            content_type: wanted.content_type.clone(),
            file_size: wanted.file.size,
            content_hash: wanted.file.digest.clone(),
            meta: wanted.meta.clone(),
        });
        if !is_unchanged {
            let payload = json!({ "operation": operation, "ordinal": ordinal });
            self.jobs.push(NewJob::new(INGEST_DOCUMENT, Lane::Ingest, payload, now));
        }
        self.documents.push(document);
        Ok(())
    }
}

/// Whether a document is complete with exactly this content, and no newer content is on its way.
fn is_unchanged(existing: &LockedDocument, wanted: &CheckedDocument) -> bool {
    let LockedDocument { document, next_revision } = existing;
    document.status == DocumentStatus::Completed
        && *next_revision == document.revision + 1
        && document.content_hash == wanted.file.digest
        && document.file_name == wanted.file_name
        && document.meta == wanted.meta
}

fn new_document(collection: CollectionId, wanted: &CheckedDocument, now: DateTime<Utc>) -> Document {
    Document {
        id: DocumentId::generate(),
        collection_id: collection,
        file_name: wanted.file_name.clone(),
        uri: wanted.uri.clone(),
        content_type: wanted.content_type.clone().unwrap_or_else(|| "application/octet-stream".into()),
        file_size: wanted.file.size,
        content_hash: wanted.file.digest.clone(),
        status: DocumentStatus::Pending,
        error: None,
        meta: wanted.meta.clone(),
        language: None,
        title: None,
        chunk_count: 0,
        revision: 0,
        created_at: now,
        updated_at: now,
    }
}

/// What distinguishes two requests with the same key.
fn digest_of(collection: CollectionId, documents: &[CheckedDocument]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(collection.0);
    for document in documents {
        for part in [&document.uri, &document.file_name, &document.file.digest, &document.meta.to_string()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex::encode(hasher.finalize())
}

/// Removes documents. They are gone for readers at once; the operation removes their vectors.
///
/// # Errors
/// `Invalid` naming each id that does not exist for the caller, `Forbidden` for documents that they may only read,
/// `Conflict` for documents of different collections; nothing is removed then.
pub async fn delete(services: &Services, viewer: &Viewer, ids: Vec<DocumentId>) -> Result<Operation, Error> {
    let user = viewer.require_user_id()?;
    let most = services.config.limits.ingest_documents;
    let mut violations = Violations::default();
    if ids.is_empty() {
        violations.add(ViolationCode::Required, "ids", "Name at least one document.");
    } else if ids.len() > most {
        violations.add(ViolationCode::TooLong, "ids", format!("Name at most {most} documents in one call."));
    }
    violations.check()?;
    let now = services.clock.now();
    let ids = ids.as_slice();
    let operation = services.database.transaction(|tx| remove(tx, viewer, user, ids, now).boxed()).await?;
    services.events.announce(operation.id);
    services.work.notify_one();
    Ok(operation)
}

async fn remove(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    user: UserId,
    ids: &[DocumentId],
    now: DateTime<Utc>,
) -> Result<Operation, Error> {
    // The collection is locked before its documents, as everywhere.
    let reader = tx.reader(viewer.scope());
    let homes = documents::find_homes(&reader, ids, Action::DocumentDelete).await?;
    check_all_found(&reader, viewer, ids, &homes).await?;
    let collections: HashSet<_> = homes.into_values().collect();
    let (Some(home), true) = (collections.iter().next().copied(), collections.len() == 1) else {
        return Err(Error::Conflict("Name documents of one collection only.".into()));
    };
    let collection = lock_collection(tx, viewer, home, Action::DocumentDelete).await?;
    let removed = documents::lock_many(tx, home, ids).await?;

    let operation =
        Operation { operation_type: OperationType::Delete, ..new_operation(&collection, user, removed.len(), now) };
    let id = operation.id;
    let mut locked = LockedOperation::new(operation);
    locked.record(OperationEventKind::OperationCreated, None, None, now);
    let mut items = Vec::new();
    let mut counters = CounterChange::default();
    for (ordinal, LockedDocument { document, next_revision }) in (0_i32..).zip(&removed) {
        counters.documents -= 1;
        counters.bytes -= document.file_size;
        items.push(OperationItem {
            outcome: OperationDocument {
                operation_id: id,
                document_id: document.id,
                ordinal,
                outcome: DocumentOutcome::Pending,
                error: None,
                chunk_count: 0,
                percent: 0,
            },
            revision: *next_revision,
            file_name: document.file_name.clone(),
            uri: document.uri.clone(),
            content_type: None,
            file_size: document.file_size,
            content_hash: document.content_hash.clone(),
            meta: document.meta.clone(),
        });
    }
    let gone: Vec<_> = removed.iter().map(|removed| removed.document.id).collect();
    chunks::delete_of_documents(tx, collection.id, &gone).await?;
    generations::forget_documents(tx, &gone).await?;
    documents::delete_many(tx, &gone).await?;
    collections::add_to_counters(tx, collection.id, counters).await?;
    let operation = locked.operation.clone();
    operations::insert(tx, locked, None).await?;
    operations::insert_items(tx, items).await?;
    let job = drop_points(&collection, DropTarget::Documents(gone), Some(id), now).of(user);
    jobs::insert_many(tx, vec![job], now).await?;
    let deed = Deed::new(AuditAction::DocumentsDelete).to(id).within(collection.id);
    audit::done(tx, viewer, deed.saying(format!("documents: {}", removed.len())), now).await?;
    Ok(operation)
}

/// Rejects documents that the caller may not delete: `Forbidden` for those that they can see, `NotFound` for the
/// others.
async fn check_all_found(
    reader: &Reader<'_>,
    viewer: &Viewer,
    ids: &[DocumentId],
    found: &HashMap<DocumentId, CollectionId>,
) -> Result<(), Error> {
    if ids.iter().all(|id| found.contains_key(id)) {
        return Ok(());
    }
    let seen = documents::find_homes(reader, ids, Action::CollectionRead).await?;
    let mut violations = Violations::default();
    for (index, id) in ids.iter().enumerate() {
        if !seen.contains_key(id) && !found.contains_key(id) {
            violations.add(ViolationCode::NotFound, &format!("ids.{index}"), "There is no such document.");
        }
    }
    violations.check()?;
    Err(forbidden(viewer))
}

/// Finds a document that the caller may download.
///
/// # Errors
/// `NotFound`.
pub async fn find(services: &Services, viewer: &Viewer, id: DocumentId) -> Result<Document, Error> {
    documents::find(&services.database.reader(viewer.scope()), id).await?.ok_or(Error::NotFound("document"))
}
