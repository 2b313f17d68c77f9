//! Documents.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result, SimpleObject};

use crate::{
    domain::{action::Action, audit::AuditAction, id::DocumentId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::Json,
        types::{Document, Operation, Outcome, UserError},
    },
    service::{
        audit::Deed,
        documents::{self, IngestDocument, IngestRequest, IngestSource},
    },
};

/// Where a document's bytes come from.
#[derive(OneofObject)]
pub enum DocumentSourceInput {
    /// The global id of an upload of yours that has its bytes.
    UploadId(ID),
    /// The text itself. It is kept and indexed as a plain text file, or as Markdown if the file name says so.
    Text(String),
}

impl From<DocumentSourceInput> for IngestSource {
    fn from(input: DocumentSourceInput) -> Self {
        match input {
            DocumentSourceInput::UploadId(id) => Self::Upload(global_id::decode(&id)),
            DocumentSourceInput::Text(text) => Self::Text(text),
        }
    }
}

/// A document to take in.
#[derive(InputObject)]
pub struct DocumentIngestInput {
    /// Where its bytes come from.
    source: DocumentSourceInput,
    /// The file's own name, without folders: at most 200 characters. Default: the upload's. A text needs one.
    file_name: Option<String>,
    /// What tells it from the other documents of the collection: at most 2000 characters. A document with the same uri is
    /// replaced as soon as the new content can be searched. It is kept and compared in NFC. Default: the file name.
    uri: Option<String>,
    /// Your own data: a JSON object of at most 16 KiB. Default: an empty one.
    meta: Option<Json>,
}

impl From<DocumentIngestInput> for IngestDocument {
    fn from(input: DocumentIngestInput) -> Self {
        Self {
            source: input.source.into(),
            file_name: input.file_name,
            uri: input.uri,
            meta: input.meta.map(|Json(meta)| meta),
        }
    }
}

/// Documents to take in, in one operation.
#[derive(InputObject)]
pub struct DocumentsIngestInput {
    /// The global id of the collection that they are for.
    collection_id: ID,
    /// The documents: 1 to 100 (`server.limits.ingestDocuments`).
    documents: Vec<DocumentIngestInput>,
    /// A text of your own, at most 200 characters. The same call under the same key is one operation, however often it is
    /// sent. When its documents were removed since, it is refused with CONFLICT. Default: every call is an operation of
    /// its own.
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

/// The answer to `documentsIngest`.
#[derive(Default, SimpleObject)]
pub struct DocumentsIngestPayload {
    /// The operation that indexes them: follow it with `operationEvents`. Null when the input is refused.
    operation: Option<Operation>,
    /// The documents, in the order of the input. Empty when the input is refused, and for an API key that is not good for
    /// COLLECTION_READ.
    documents: Vec<Document>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// Documents to remove.
#[derive(InputObject)]
pub struct DocumentsDeleteInput {
    /// The global ids of the documents: 1 to 100, all of one collection.
    ids: Vec<ID>,
}

/// The answer to `documentsDelete`.
#[derive(SimpleObject)]
pub struct DocumentsDeletePayload {
    /// The global ids of the documents, which no longer exist. Empty when the input is refused.
    deleted_ids: Vec<ID>,
    /// The operation that removes what is left of them. Null when the input is refused.
    operation: Option<Operation>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct DocumentMutation;

#[Object]
impl DocumentMutation {
    /// Takes documents in. They are safe when this answers, and can be searched when the operation has completed. All are
    /// accepted, or none. Needs DOCUMENT_INGEST.
    async fn documents_ingest(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, and the collection that they are for.")] input: DocumentsIngestInput,
    ) -> Result<Option<DocumentsIngestPayload>> {
        let request = IngestRequest::from(input);
        let deed = Deed::new(AuditAction::DocumentsIngest).to(request.collection).within(request.collection);
        let ingested = documents::ingest(ctx.services()?, ctx.viewer()?, request).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, deed, ingested)?;
        let Some(ingested) = value else {
            return Ok(Some(DocumentsIngestPayload { user_errors, ..Default::default() }));
        };
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        let documents = ingested.documents.into_iter().filter(|_| may_read).map(Into::into).collect();
        Ok(Some(DocumentsIngestPayload { operation: Some(ingested.operation.into()), documents, user_errors }))
    }

    /// Removes documents of one collection. They are gone for readers at once. Needs DOCUMENT_DELETE.
    async fn documents_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents to remove.")] input: DocumentsDeleteInput,
    ) -> Result<Option<DocumentsDeletePayload>> {
        let ids = global_id::decode_all(&input.ids);
        let deed = Deed::new(AuditAction::DocumentsDelete).to(ids.first().map(|id: &DocumentId| (*id).into()));
        let deleted = documents::delete(ctx.services()?, ctx.viewer()?, ids).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, deed, deleted)?;
        let deleted_ids = if value.is_some() { input.ids } else { Vec::new() };
        Ok(Some(DocumentsDeletePayload { deleted_ids, operation: value.map(Into::into), user_errors }))
    }
}
