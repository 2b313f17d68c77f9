//! Documents: ingesting, trying again, unpacking, downloading, reading, changing, deleting.

mod accept;
mod again;
mod delete;
mod extraction;
mod ingest;
mod retry;
mod selection;
mod text;
mod unpack;
mod update;

use chrono::{DateTime, Utc};
use serde_json::json;

pub(crate) use self::{
    accept::{accept_from_source, uris_of_others},
    again::{index_again, lose_original},
    delete::remove_rows,
    extraction::{Former, find_former},
};
pub use self::{
    delete::{DeleteRequest, Deleted, delete},
    ingest::{IngestContent, IngestDocument, IngestRequest, Ingested, ingest},
    retry::{Retried, RetryRequest, retry},
    text::{TextPage, TextPlace, TextStart, parent_text, text_page},
    unpack::{Archive, Member, accept_members, remove_left},
    update::{DocumentPatch, update},
};
use super::Services;
use crate::{
    auth::viewer::Viewer,
    db::repo::documents,
    domain::{
        collection::Collection,
        document::Document,
        id::{DocumentId, OperationId, UserId},
        operation::{Operation, OperationStatus, OperationTotals, OperationType},
    },
    error::Error,
};

/// Finds a document that the caller may download.
///
/// # Errors
/// `NotFound`.
pub async fn find(services: &Services, viewer: &Viewer, id: DocumentId) -> Result<Document, Error> {
    documents::find(&services.database.reader(viewer.scope()), id).await?.ok_or(Error::NotFound("document"))
}

/// An operation on so many documents of a collection, which adds them.
pub(crate) fn new_operation(
    collection: &Collection,
    user: impl Into<Option<UserId>>,
    documents: usize,
    now: DateTime<Utc>,
) -> Operation {
    let is_first = collection.document_count == 0;
    Operation {
        id: OperationId::generate(),
        operation_type: if is_first { OperationType::Index } else { OperationType::Append },
        status: OperationStatus::Pending,
        collection_id: Some(collection.id),
        user_id: user.into(),
        config: json!({}),
        error_message: None,
        totals: OperationTotals { documents: i32::try_from(documents).unwrap_or(i32::MAX), ..Default::default() },
        created_at: now,
        started_at: None,
        completed_at: None,
    }
}
