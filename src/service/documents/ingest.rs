//! Ingests the documents of a caller's request: from uploads, or texts in the request itself.

use std::{
    collections::{HashMap, HashSet},
    error::Error as _,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{FutureExt, StreamExt, TryStreamExt, stream};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    accept::{self, Batch},
    new_operation,
};
use crate::{
    auth::viewer::Viewer,
    blob::BlobError,
    db::{
        Reader, Transaction,
        repo::{
            documents, generations,
            operation_documents::{self, OperationItem},
            operations::{self, Idempotency},
            uploads,
        },
    },
    domain::{
        action::Action,
        audit::AuditAction,
        content::{Content, StoredFile, UNKNOWN_TYPE},
        document::Document,
        id::{CollectionId, UploadId, UserId},
        operation::{Operation, OperationRun},
        upload::Upload,
    },
    error::{Error, ViolationCode},
    service::{
        Services,
        access::{find_collection, lock_collection},
        audit::Deed,
        frame::{Done, attempt, change},
        validate::Violations,
    },
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
    pub content: IngestContent,
    /// The file name. An upload already has one; a text needs one.
    pub file_name: Option<String>,
    /// Identifies it in the collection; by default its file name.
    pub uri: Option<String>,
    pub meta: Option<serde_json::Value>,
}

/// Where the bytes of a document are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IngestContent {
    Upload(UploadId),
    /// The bytes themselves: a text in a request, or a file that the program brings.
    Inline(Bytes),
}

impl IngestContent {
    fn upload(&self) -> Option<UploadId> {
        match self {
            Self::Upload(id) => Some(*id),
            Self::Inline(_) => None,
        }
    }

    /// The bytes that are to be stored; none of an upload.
    fn inline(&self) -> Bytes {
        match self {
            Self::Upload(_) => Bytes::new(),
            Self::Inline(bytes) => bytes.clone(),
        }
    }
}

/// The accepted documents: the operation to follow, and one document for each in the request, in that order.
#[derive(Clone, PartialEq, Debug)]
pub struct Ingested {
    pub operation: Operation,
    pub documents: Vec<Document>,
}

pub(super) const MAX_URI: usize = 2000;
const MAX_IDEMPOTENCY_KEY: usize = 200;
/// Texts that are stored concurrently.
const STORING: usize = 8;
/// How often the texts of a call are stored when the clean-up gets in between.
const ATTEMPTS_TO_STORE: u32 = 3;

/// Ingests documents. They are stored durably when this returns, and searchable when the operation has completed.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid` for the input (then nothing is accepted), `Conflict` for an idempotency key that
/// was used for another call.
pub async fn ingest(services: &Services, viewer: &Viewer, request: IngestRequest) -> Result<Ingested, Error> {
    let tried = Deed::new(AuditAction::DocumentsIngest).to(request.collection).within(request.collection);
    attempt(services, viewer, &tried, async {
        let mut attempts = 1;
        loop {
            match store_and_accept(services, viewer, &request, &tried).await {
                // The clean-up removed bytes that were just stored, since nothing referred to them yet.
                Err(error) if attempts < ATTEMPTS_TO_STORE && is_removed(&error) => attempts += 1,
                result => return result,
            }
        }
    })
    .await
}

fn is_removed(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<BlobError>());
    matches!(cause, Some(BlobError::Removed { .. }))
}

async fn store_and_accept(
    services: &Services,
    viewer: &Viewer,
    request: &IngestRequest,
    tried: &Deed,
) -> Result<Ingested, Error> {
    let user = viewer.require_user_id()?;
    let reader = services.database.reader(viewer.scope());
    // The transaction asks again, under the lock. Whoever may not do this is refused before bytes are stored.
    find_collection(&reader, viewer, request.collection, Action::DocumentIngest).await?;
    let drafts = check(services, &reader, user, request).await?;
    let stored = store(services, request, drafts).await?;
    fail::fail_point!(&format!("documents-checked-{}", request.collection));
    let now = services.clock.now();
    change(services, viewer, tried, now, |tx| write(tx, services, viewer, &stored, now).boxed()).await
}

/// A document of a request that passed validation.
struct Draft {
    file_name: String,
    uri: String,
    content_type: String,
    meta: serde_json::Value,
    /// The bytes, unless they are a text that has to be stored.
    file: Option<StoredFile>,
    /// The upload that holds them, if there is one.
    upload: Option<UploadId>,
}

/// A request whose bytes are all stored.
struct StoredRequest {
    collection: CollectionId,
    contents: Vec<Content>,
    /// The upload of each content that comes from one.
    uploads: Vec<Option<UploadId>>,
    idempotency: Option<Idempotency>,
}

/// Validates a request.
async fn check(
    services: &Services,
    reader: &Reader<'_>,
    user: UserId,
    request: &IngestRequest,
) -> Result<Vec<Draft>, Error> {
    let limits = &services.config.limits;
    let mut violations = Violations::default();
    let most = limits.ingest_documents;
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
    let known = KnownFiles::find(reader, user, request).await?;
    let mut uris = HashSet::new();
    let mut drafts = Vec::with_capacity(request.documents.len());
    for (ordinal, document) in (0_i32..).zip(&request.documents) {
        let draft = known.draft(&mut violations, ordinal, document, limits.upload_bytes);
        if !draft.uri.is_empty() && !uris.insert(draft.uri.clone()) {
            let uri = &draft.uri;
            violations.add(
                ViolationCode::Duplicate,
                &format!("documents.{ordinal}.uri"),
                format!("Another document of this call also has the uri «{uri}». Give each document its own."),
            );
        }
        drafts.push(draft);
    }
    violations.check()?;
    Ok(drafts)
}

/// The uploads of a request, and what an earlier call under the same key made of them.
struct KnownFiles {
    uploads: HashMap<UploadId, Upload>,
    earlier: HashMap<i32, OperationItem>,
}

impl KnownFiles {
    async fn find(reader: &Reader<'_>, user: UserId, request: &IngestRequest) -> Result<Self, Error> {
        let ids: Vec<_> = request.documents.iter().filter_map(|document| document.content.upload()).collect();
        let uploads = uploads::find_many(reader, &ids).await?;
        // An upload may be gone when the same call is repeated: the operation that was created from it knows its content.
        let earlier = match &request.idempotency_key {
            Some(key) if uploads.len() < ids.len() => operation_documents::find_repeated(reader, user, key).await?,
            _ => HashMap::new(),
        };
        Ok(Self { uploads, earlier })
    }

    /// The document with this place in its request.
    fn draft(&self, violations: &mut Violations, ordinal: i32, document: &IngestDocument, max_text: u64) -> Draft {
        let at = |field: &str| format!("documents.{ordinal}.{field}");
        let (mut file_name, mut content_type) = (document.file_name.clone(), None);
        let (mut file, mut found) = (None, None);
        match &document.content {
            IngestContent::Upload(id) => match self.uploads.get(id) {
                None if let Some(OperationItem { content, .. }) = self.earlier.get(&ordinal) => {
                    file_name = file_name.or_else(|| Some(content.file_name.clone()));
                    content_type = Some(content.content_type.clone());
                    file = Some(content.file.clone());
                }
                None => no_such_upload(violations, &at("content.uploadId")),
                Some(upload) if upload.stored.is_none() => violations.add(
                    ViolationCode::Conflict,
                    &at("content.uploadId"),
                    "This upload has no content yet. Send the content to its url with PUT first.",
                ),
                Some(upload) => {
                    file_name = file_name.or_else(|| Some(upload.file_name.clone()));
                    content_type.clone_from(&upload.content_type);
                    file.clone_from(&upload.stored);
                    found = Some(*id);
                }
            },
            IngestContent::Inline(text) if text.len() as u64 > max_text => {
                violations.add(
                    ViolationCode::TooLong,
                    &at("content.text"),
                    "This text is too long. Upload it as a file.",
                );
            }
            IngestContent::Inline(_) => {}
        }
        let file_name = violations.file_name(&at("fileName"), &file_name.unwrap_or_default());
        let uri = match &document.uri {
            Some(uri) => violations.uri(&at("uri"), uri, MAX_URI),
            None => file_name.clone(),
        };
        let content_type = content_type.unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        let meta = violations.meta(&at("meta"), document.meta.clone());
        Draft { file_name, uri, content_type, meta, file, upload: found }
    }
}

fn no_such_upload(violations: &mut Violations, path: &str) {
    violations.add(ViolationCode::NotFound, path, "There is no such upload.");
}

/// Stores the texts of a request, a few at a time.
async fn store(services: &Services, request: &IngestRequest, drafts: Vec<Draft>) -> Result<StoredRequest, Error> {
    let uploads = drafts.iter().map(|draft| draft.upload).collect();
    let contents: Vec<_> = stream::iter(drafts.into_iter().enumerate())
        .map(|(index, draft)| async move {
            let Draft { file_name, uri, content_type, meta, file, upload: _ } = draft;
            let file = match file {
                Some(file) => file,
                None => services.blobs.put_bytes(request.documents[index].content.inline()).await?,
            };
            Ok::<_, Error>(Content { file_name, uri, content_type, file, meta })
        })
        .buffered(STORING)
        .try_collect()
        .await?;
    let idempotency = request
        .idempotency_key
        .as_ref()
        .map(|key| Idempotency { key: key.clone(), request_digest: digest_of(request.collection, &contents) });
    Ok(StoredRequest { collection: request.collection, contents, uploads, idempotency })
}

/// What distinguishes two requests with the same key.
fn digest_of(collection: CollectionId, contents: &[Content]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(collection.0);
    for content in contents {
        for part in [&content.uri, &content.file_name, &content.file.digest, &content.meta.to_string()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hex::encode(hasher.finalize())
}

/// Writes operation, documents and jobs, all or nothing.
async fn write(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    request: &StoredRequest,
    now: DateTime<Utc>,
) -> Result<Done<Ingested>, Error> {
    let user = viewer.require_user_id()?;
    let collection = lock_collection(tx, viewer, request.collection, Action::DocumentIngest).await?;
    if let Some(repeated) = find_repeated(tx, user, request).await? {
        return Ok(Done::Nothing(repeated));
    }
    check_uploads(tx, viewer, &request.uploads).await?;
    let contents = &request.contents;
    let generation = generations::active(tx, &collection).await?;
    let mut run = OperationRun::create(Operation {
        config: json!({ "embeddingModel": generation.model.name, "chunking": generation.chunking }),
        ..new_operation(&collection, user, contents.len(), now)
    });
    let batch = Batch { source: None, first: 0, contents };
    let plan = accept::plan(tx, &services.blobs, &collection, &mut run, batch, now).await?;
    run.finish(now);
    let operation = operations::insert(tx, run, request.idempotency.clone()).await?;
    let documents = plan.write(tx, &services.config.limits, &collection, user.into(), now).await?;
    let deed = Deed::new(AuditAction::DocumentsIngest).to(operation.id).within(collection.id);
    let deed = deed.saying(format!("documents: {}", contents.len()));
    Ok(Done::This(Ingested { operation, documents }, deed))
}

/// What an earlier call under the same key made.
async fn find_repeated(tx: &Transaction<'_>, user: UserId, request: &StoredRequest) -> Result<Option<Ingested>, Error> {
    let Some(Idempotency { key, request_digest }) = &request.idempotency else { return Ok(None) };
    let Some((operation, digest)) = operations::find_repeated(tx, user, key).await? else { return Ok(None) };
    if digest != *request_digest {
        return Err(Error::Conflict(
            "This idempotency key was used for another call. Use a new key for new documents.".into(),
        ));
    }
    let uris: Vec<_> = request.contents.iter().map(|content| content.uri.clone()).collect();
    let mut existing = documents::lock_by_uri(tx, request.collection, &uris).await?;
    let documents: Vec<_> = uris.iter().filter_map(|uri| existing.remove(uri)).map(|found| found.document).collect();
    if documents.len() < uris.len() {
        return Err(Error::Conflict(
            "Documents that were added with this idempotency key have been deleted. Use a new key to add them again."
                .into(),
        ));
    }
    Ok(Some(Ingested { operation, documents }))
}

/// Locks the uploads of a request, and rejects those that have expired since they were checked.
async fn check_uploads(tx: &Transaction<'_>, viewer: &Viewer, uploads: &[Option<UploadId>]) -> Result<(), Error> {
    let ids: Vec<_> = uploads.iter().flatten().copied().collect();
    let found = if ids.is_empty() { HashMap::new() } else { uploads::lock_many(tx, viewer.scope(), &ids).await? };
    let mut violations = Violations::default();
    for (ordinal, id) in uploads.iter().enumerate() {
        if id.is_some_and(|id| !found.contains_key(&id)) {
            no_such_upload(&mut violations, &format!("documents.{ordinal}.content.uploadId"));
        }
    }
    violations.check()
}
