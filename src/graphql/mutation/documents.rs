//! Documents.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, OneofObject, Result, SimpleObject};

use super::collections::cleared;
use crate::{
    domain::action::Action,
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        scalars::Json,
        types::{Document, DocumentFilter, DocumentStatus, Operation, Outcome, UserError},
    },
    service::documents::{
        self, DeleteRequest, Deleted, DocumentPatch, IngestContent, IngestDocument, IngestRequest, RetryRequest,
    },
};

/// The content of a document.
#[derive(OneofObject)]
pub enum DocumentContentInput {
    /// The global id of one of your uploads, which holds the content. A ZIP archive becomes a document without chunks;
    /// each readable file in it becomes a document of its own, with the uri `<uri of the archive>/<path in it>`.
    UploadId(ID),
    /// The text itself. It is stored and indexed as a plain text file, or as Markdown if the file name says so.
    Text(String),
}

impl From<DocumentContentInput> for IngestContent {
    fn from(input: DocumentContentInput) -> Self {
        match input {
            DocumentContentInput::UploadId(id) => Self::Upload(global_id::decode(&id)),
            DocumentContentInput::Text(text) => Self::Inline(text.into()),
        }
    }
}

/// A document to ingest.
#[derive(InputObject)]
pub struct DocumentIngestInput {
    /// The content of the document.
    content: DocumentContentInput,
    /// The file name, without folders: at most 200 characters. Default: the file name of the upload. Required for a
    /// text.
    file_name: Option<String>,
    /// Identifies the document in its collection: at most 2000 characters. It is stored and compared in NFC. An
    /// existing document with the same uri is replaced as soon as the new content can be searched. Default: the
    /// file name.
    uri: Option<String>,
    /// Your metadata: a JSON object of at most 16 KiB. Default: an empty object.
    meta: Option<Json>,
}

impl From<DocumentIngestInput> for IngestDocument {
    fn from(input: DocumentIngestInput) -> Self {
        Self {
            content: input.content.into(),
            file_name: input.file_name,
            uri: input.uri,
            meta: input.meta.map(|Json(meta)| meta),
        }
    }
}

/// Documents to ingest in one operation.
#[derive(InputObject)]
pub struct DocumentsIngestInput {
    /// The global id of the collection to add them to.
    collection_id: ID,
    /// The documents: 1 to 100 (`server.limits.ingestDocuments`).
    documents: Vec<DocumentIngestInput>,
    /// A key of your choice, at most 200 characters, that makes the call safe to repeat: the same call with the
    /// same key returns the same operation. If its documents were deleted in the meantime, the call fails with
    /// CONFLICT. Default: every call starts a new operation.
    idempotency_key: Option<String>,
}

impl From<DocumentsIngestInput> for IngestRequest {
    fn from(input: DocumentsIngestInput) -> Self {
        Self {
            collection: global_id::decode(&input.collection_id),
            documents: input.documents.into_iter().map(Into::into).collect(),
            idempotency_key: input.idempotency_key,
        }
    }
}

/// The result of `documentsIngest`.
#[derive(Default, SimpleObject)]
pub struct DocumentsIngestPayload {
    /// The operation that indexes them. Follow it with `operationEvents`. Null if validation fails.
    operation: Option<Operation>,
    /// The documents, in the order of the input. Empty if validation fails, and for an API key without
    /// COLLECTION_READ.
    documents: Vec<Document>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// Documents to delete.
#[derive(OneofObject)]
pub enum DocumentsDeleteInput {
    /// Global ids of the documents: 1 to 100, all in the same collection.
    Ids(Vec<ID>),
    /// The documents of a collection that match, at most 500 in one call.
    Filter(DocumentsDeleteFilter),
}

/// Which documents of a collection to delete. Give at least one condition; all that are given have to hold.
#[derive(InputObject)]
pub struct DocumentsDeleteFilter {
    /// The global id of the collection.
    collection_id: ID,
    /// Documents with one of these statuses. An empty list is no condition.
    status: Option<Vec<DocumentStatus>>,
    /// Documents whose uri begins with this text, compared regardless of Unicode form. At most 2000 characters.
    uri_prefix: Option<String>,
    /// Documents that come from this source.
    source_id: Option<ID>,
}

impl TryFrom<DocumentsDeleteInput> for DeleteRequest {
    type Error = Error;

    fn try_from(input: DocumentsDeleteInput) -> std::result::Result<Self, Error> {
        match input {
            DocumentsDeleteInput::Ids(ids) => Ok(Self::Ids(global_id::decode_all(&ids))),
            DocumentsDeleteInput::Filter(DocumentsDeleteFilter { collection_id, status, uri_prefix, source_id }) => {
                let filter = DocumentFilter::conditions(status, uri_prefix, source_id);
                Ok(Self::Matching(global_id::decode(&collection_id), filter.try_into()?))
            }
        }
    }
}

/// Failed documents to try again, at most 500 in one call.
#[derive(OneofObject)]
pub enum DocumentsRetryInput {
    /// Global ids of the documents: 1 to 100, all in the same collection. Quarantined ones can be among them.
    Ids(Vec<ID>),
    /// The global id of an operation: the documents that failed in it, or were left out because it was cancelled, and have
    /// not succeeded since.
    OperationId(ID),
    /// The global id of a collection: all of its documents that failed.
    CollectionId(ID),
}

impl From<DocumentsRetryInput> for RetryRequest {
    fn from(input: DocumentsRetryInput) -> Self {
        match input {
            DocumentsRetryInput::Ids(ids) => Self::Ids(global_id::decode_all(&ids)),
            DocumentsRetryInput::OperationId(id) => Self::Operation(global_id::decode(&id)),
            DocumentsRetryInput::CollectionId(id) => Self::Collection(global_id::decode(&id)),
        }
    }
}

/// The result of `documentsRetry`.
#[derive(SimpleObject)]
pub struct DocumentsRetryPayload {
    /// The operation that indexes them. Follow it with `operationEvents`. Null if validation fails.
    operation: Option<Operation>,
    /// Whether there may be more failed documents, for another call.
    has_more: bool,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// Changes to a document. Omitted fields stay as they are. Null clears a field. Changes also apply to content that waits for its
/// turn, is being indexed or has failed. Content that is ingested later brings its own name and metadata; that of a source
/// brings no metadata.
#[derive(InputObject)]
pub struct DocumentUpdateInput {
    /// The document's global id.
    id: ID,
    /// The file name, without folders: at most 200 characters. It can't be cleared. A name with the extension of another kind of
    /// file is refused, unless the document has never been indexed and failed.
    file_name: MaybeUndefined<String>,
    /// The title: at most 300 characters. It stays when the content changes, whatever title that has. Null: no title, until
    /// content with a title of its own is indexed.
    title: MaybeUndefined<String>,
    /// Your metadata, replaced as a whole: a JSON object of at most 16 KiB. Null: an empty object.
    meta: MaybeUndefined<Json>,
}

impl From<DocumentUpdateInput> for DocumentPatch {
    fn from(input: DocumentUpdateInput) -> Self {
        Self {
            // An empty name is refused with a sentence of its own.
            file_name: cleared(input.file_name).map(Option::unwrap_or_default),
            title: cleared(input.title),
            meta: cleared(input.meta).map(|meta| meta.map(|Json(meta)| meta)),
        }
    }
}

/// The result of `documentUpdate`.
#[derive(SimpleObject)]
pub struct DocumentUpdatePayload {
    /// The changed document. Null if validation fails, and for an API key without COLLECTION_READ.
    document: Option<Document>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `documentsDelete`.
#[derive(SimpleObject)]
pub struct DocumentsDeletePayload {
    /// Global ids of the deleted documents. Empty if validation fails.
    deleted_ids: Vec<ID>,
    /// Whether there may be more documents that match the filter, for another call.
    has_more: bool,
    /// The operation that removes their remaining data. Null if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Ingests documents. They are stored safely when this call returns, and can be searched when the operation has
    /// completed. Either all documents are accepted or none. Needs DOCUMENT_INGEST.
    async fn documents_ingest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents and their collection.")] input: DocumentsIngestInput,
    ) -> Result<Option<DocumentsIngestPayload>> {
        let request = IngestRequest::from(input);
        let ingested = documents::ingest(ctx.services()?, ctx.viewer()?, request).await;
        let Outcome { value, user_errors } = Outcome::naming("collectionId", ingested)?;
        let Some(ingested) = value else {
            return Ok(Some(DocumentsIngestPayload { user_errors, ..Default::default() }));
        };
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        let documents = ingested.documents.into_iter().filter(|_| may_read).map(Into::into).collect();
        Ok(Some(DocumentsIngestPayload { operation: Some(ingested.operation.into()), documents, user_errors }))
    }

    /// Tries again to index documents that failed, with the content that failed. Documents of a collection or an operation
    /// whose file is no longer stored are left out. Needs DOCUMENT_INGEST.
    async fn documents_retry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents to try again.")] input: DocumentsRetryInput,
    ) -> Result<Option<DocumentsRetryPayload>> {
        let path = match &input {
            DocumentsRetryInput::Ids(_) => "ids",
            DocumentsRetryInput::OperationId(_) => "operationId",
            DocumentsRetryInput::CollectionId(_) => "collectionId",
        };
        let retried = documents::retry(ctx.services()?, ctx.viewer()?, input.into()).await;
        let Outcome { value, user_errors } = Outcome::naming(path, retried)?;
        let has_more = value.as_ref().is_some_and(|retried| retried.has_more);
        let operation = value.map(|retried| retried.operation.into());
        Ok(Some(DocumentsRetryPayload { operation, has_more, user_errors }))
    }

    /// Changes the name, the title or the metadata of a document. It is not indexed again. Needs DOCUMENT_INGEST.
    async fn document_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document and its changes.")] input: DocumentUpdateInput,
    ) -> Result<Option<DocumentUpdatePayload>> {
        let id = global_id::decode(&input.id);
        let updated = documents::update(ctx.services()?, ctx.viewer()?, id, input.into()).await;
        let Outcome { value, user_errors } = Outcome::naming("id", updated)?;
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        Ok(Some(DocumentUpdatePayload { document: value.filter(|_| may_read).map(Into::into), user_errors }))
    }

    /// Deletes documents of one collection. They disappear for readers at once. Needs DOCUMENT_DELETE.
    async fn documents_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents to delete.")] input: DocumentsDeleteInput,
    ) -> Result<Option<DocumentsDeletePayload>> {
        let path = match &input {
            DocumentsDeleteInput::Ids(_) => "ids",
            DocumentsDeleteInput::Filter(_) => "filter.collectionId",
        };
        let deleted = match DeleteRequest::try_from(input) {
            Ok(request) => documents::delete(ctx.services()?, ctx.viewer()?, request).await,
            Err(error) => Err(error),
        };
        let Outcome { value, user_errors } = Outcome::naming(path, deleted)?;
        let Some(Deleted { operation, documents, has_more }) = value else {
            let (deleted_ids, operation, has_more) = (Vec::new(), None, false);
            return Ok(Some(DocumentsDeletePayload { deleted_ids, has_more, operation, user_errors }));
        };
        let deleted_ids = documents.iter().map(global_id::encode).collect();
        Ok(Some(DocumentsDeletePayload { deleted_ids, has_more, operation: Some(operation.into()), user_errors }))
    }
}
