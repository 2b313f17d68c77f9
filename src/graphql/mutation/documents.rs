//! Documents.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};

use crate::{
    domain::action::Action,
    graphql::{
        context::ContextExt,
        global_id,
        scalars::Json,
        types::{Document, Operation, Outcome, UserError},
    },
    service::documents::{self, IngestContent, IngestDocument, IngestRequest},
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
            DocumentContentInput::Text(text) => Self::Text(text),
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
#[derive(InputObject)]
pub struct DocumentsDeleteInput {
    /// Global ids of the documents: 1 to 100, all in the same collection.
    ids: Vec<ID>,
}

/// The result of `documentsDelete`.
#[derive(SimpleObject)]
pub struct DocumentsDeletePayload {
    /// Global ids of the deleted documents. Empty if validation fails.
    deleted_ids: Vec<ID>,
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
        let Outcome { value, user_errors } = Outcome::of(ingested)?;
        let Some(ingested) = value else {
            return Ok(Some(DocumentsIngestPayload { user_errors, ..Default::default() }));
        };
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        let documents = ingested.documents.into_iter().filter(|_| may_read).map(Into::into).collect();
        Ok(Some(DocumentsIngestPayload { operation: Some(ingested.operation.into()), documents, user_errors }))
    }

    /// Deletes documents of one collection. They disappear for readers at once. Needs DOCUMENT_DELETE.
    async fn documents_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents to delete.")] input: DocumentsDeleteInput,
    ) -> Result<Option<DocumentsDeletePayload>> {
        let ids = global_id::decode_all(&input.ids);
        let deleted = documents::delete(ctx.services()?, ctx.viewer()?, ids).await;
        let Outcome { value, user_errors } = Outcome::of(deleted)?;
        let deleted_ids = if value.is_some() { input.ids } else { Vec::new() };
        Ok(Some(DocumentsDeletePayload { deleted_ids, operation: value.map(Into::into), user_errors }))
    }
}
