//! Documents.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    sea_query::{Expr, ExprTrait, Func},
};

use super::{
    Direction, INSERT_ROWS, collections_among, convert, in_allowed, in_readable, listed,
    lists::{Below, Keyset, pages},
    same, within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, document, indexed_document, operation_document, to_json},
    },
    domain::{
        action::Action,
        document::{Document, DocumentStatus, ProcessingError},
        id::{CollectionId, DocumentId, GenerationId, OperationId, SourceId},
        name,
        operation::DocumentOutcome,
        page::{Page, PageRequest},
    },
};

/// Which documents to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct DocumentFilter {
    pub status: Vec<DocumentStatus>,
    pub uri: Option<String>,
    /// Those whose uri begins with this.
    pub uri_prefix: Option<String>,
    /// Those that come from this source.
    pub source: Option<SourceId>,
    /// Those whose file name contains this, compared by their keys.
    pub file_name_contains: Option<String>,
}

/// By what documents are sorted: names by their keys. Ties are broken by id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum DocumentSort {
    #[default]
    CreatedAt,
    FileName,
}

/// The place of a document in a list.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DocumentKey {
    /// The file name, where the list is sorted by it.
    pub file_name: Option<String>,
    pub id: DocumentId,
}

/// A list of documents: the same for many collections at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct DocumentList {
    pub filter: DocumentFilter,
    pub sort: DocumentSort,
    pub direction: Direction,
    pub page: PageRequest<DocumentKey>,
}

/// The documents that match a filter, regardless of the caller.
pub(super) fn matching(filter: &DocumentFilter) -> Condition {
    let mut condition = Condition::all();
    if !filter.status.is_empty() {
        condition = condition.add(document::Column::Status.is_in(filter.status.iter().map(|status| status.stored())));
    }
    if let Some(uri) = &filter.uri {
        condition = condition.add(document::Column::Uri.eq(name::composed(uri)));
    }
    if let Some(prefix) = &filter.uri_prefix {
        let prefix = name::composed(prefix);
        let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
        // `LIKE` ignores case on SQLite.
        let begin = Func::cust("substr").arg(Expr::col(document::Column::Uri.as_column_ref())).arg(1).arg(length);
        condition = condition.add(Expr::expr(begin).eq(prefix));
    }
    if let Some(source) = filter.source {
        condition = condition.add(document::Column::SourceId.eq(source.0));
    }
    if let Some(part) = &filter.file_name_contains {
        condition = condition.add(super::contains(document::Column::FileNameKey, part));
    }
    condition
}

/// One document.
pub async fn find(reader: &Reader<'_>, id: DocumentId) -> Result<Option<Document>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given documents that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[DocumentId],
) -> Result<HashMap<DocumentId, Document>, DatabaseError> {
    let rows = document::Entity::find()
        .filter(document::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(in_readable(document::Column::CollectionId, reader.scope))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((DocumentId(row.id), row.try_into()?))).collect()
}

/// The same page of the documents of each of several collections, in one statement.
pub async fn list(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    list: &DocumentList,
) -> Result<HashMap<CollectionId, Page<Document>>, DatabaseError> {
    let DocumentList { filter, sort, direction, page } = list;
    let columns = match sort {
        DocumentSort::CreatedAt => vec![document::Column::Id],
        DocumentSort::FileName => vec![document::Column::FileNameKey, document::Column::Id],
    };
    let below = Below {
        parents: collections_among(collections, reader.scope, Action::CollectionRead),
        parent: collection::Column::Id,
        rows: document::Entity::find().filter(matching(filter)),
        link: document::Column::CollectionId,
        page: Keyset::new(columns, *direction, page, |key| match &key.file_name {
            Some(last) => vec![name::folded(last).into(), key.id.0.into()],
            None => vec![key.id.0.into()],
        }),
    };
    let documents: Vec<Document> = convert(below.of_each(reader).await?)?;
    Ok(pages(documents.into_iter().map(|document| (document.collection_id, document)), page.first))
}

/// How many documents of a filter each collection has, in one statement. Without a filter that is known.
pub async fn count(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    filter: &DocumentFilter,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    let collections = collections_among(collections, reader.scope, Action::CollectionRead);
    if *filter == DocumentFilter::default() {
        let rows: Vec<(uuid::Uuid, i32)> = collections
            .select_only()
            .column(collection::Column::Id)
            .column(collection::Column::DocumentCount)
            .into_tuple()
            .all(&reader.executor)
            .await?;
        return Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), i64::from(count))).collect());
    }
    let rows: Vec<(uuid::Uuid, i64)> = document::Entity::find()
        .select_only()
        .column(document::Column::CollectionId)
        .column_as(document::Column::Id.count(), "documents")
        .filter(within(document::Column::CollectionId, collections))
        .filter(matching(filter))
        .group_by(document::Column::CollectionId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), count)).collect())
}

/// A document with the fields that only its processing needs.
#[derive(Clone, PartialEq, Debug)]
pub struct LockedDocument {
    pub document: Document,
    /// The revision that the next new content gets.
    pub next_revision: i32,
}

/// The documents of a collection that have one of the uris, locked until the transaction ends.
pub async fn lock_by_uri(
    tx: &Transaction<'_>,
    collection: CollectionId,
    uris: &[String],
) -> Result<HashMap<String, LockedDocument>, DatabaseError> {
    let rows = document::Entity::find()
        .filter(document::Column::CollectionId.eq(collection.0))
        .filter(document::Column::Uri.is_in(uris))
        .order_by_asc(document::Column::Id)
        .lock_exclusive()
        .all(&tx.connection)
        .await?;
    rows.into_iter().map(|row| Ok((row.uri.clone(), locked(row)?))).collect()
}

/// The collections of those of the documents on which the reader may perform `action`.
pub async fn find_homes(
    reader: &Reader<'_>,
    ids: &[DocumentId],
    action: Action,
) -> Result<HashMap<DocumentId, CollectionId>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, uuid::Uuid)> = document::Entity::find()
        .select_only()
        .column(document::Column::Id)
        .column(document::Column::CollectionId)
        .filter(document::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(in_allowed(document::Column::CollectionId, reader.scope, action))
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, collection)| (DocumentId(id), CollectionId(collection))).collect())
}

/// Those of the documents of a collection, locked until the transaction ends.
pub async fn lock_many(
    tx: &Transaction<'_>,
    collection: CollectionId,
    ids: &[DocumentId],
) -> Result<Vec<LockedDocument>, DatabaseError> {
    let rows = document::Entity::find()
        .filter(document::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(document::Column::CollectionId.eq(collection.0))
        .order_by_asc(document::Column::Id)
        .lock_exclusive()
        .all(&tx.connection)
        .await?;
    rows.into_iter().map(locked).collect()
}

/// The first documents of a collection that match a filter, at most `limit` after one of them, locked until the transaction
/// ends. With an operation: of those that failed, or were left out, in it.
pub async fn lock_matching(
    tx: &Transaction<'_>,
    collection: CollectionId,
    filter: &DocumentFilter,
    operation: Option<OperationId>,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<LockedDocument>, DatabaseError> {
    let mut query = document::Entity::find()
        .filter(document::Column::CollectionId.eq(collection.0))
        .filter(matching(filter))
        .order_by_asc(document::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(document::Column::Id.gt(after.0));
    }
    if let Some(operation) = operation {
        let without_success = [DocumentOutcome::Failed, DocumentOutcome::Cancelled].map(StoredEnum::stored);
        let items = operation_document::Entity::find()
            .select_only()
            .column(operation_document::Column::DocumentId)
            .filter(operation_document::Column::OperationId.eq(operation.0))
            .filter(operation_document::Column::Outcome.is_in(without_success));
        query = query.filter(document::Column::Id.in_subquery(items.into_query()));
    }
    query.lock_exclusive().all(&tx.connection).await?.into_iter().map(locked).collect()
}

fn locked(row: document::Model) -> Result<LockedDocument, DatabaseError> {
    Ok(LockedDocument { next_revision: row.next_revision, document: row.try_into()? })
}

/// Adds documents. Their next revision is one more than their `revision`.
pub async fn insert_many(tx: &Transaction<'_>, new: Vec<Document>) -> Result<(), DatabaseError> {
    let mut rows = Vec::with_capacity(new.len());
    for document in new {
        let mut row = document::Model::try_from(document)?;
        // The first content takes revision 1.
        row.next_revision = 2;
        rows.push(row.into_active_model());
    }
    for part in rows.chunks(INSERT_ROWS) {
        document::Entity::insert_many(part.to_vec()).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// Takes the next revision number of each of these documents for new content, which waits for its turn from now on.
pub async fn take_revisions(tx: &Transaction<'_>, ids: &[DocumentId], now: DateTime<Utc>) -> Result<(), DatabaseError> {
    if ids.is_empty() {
        return Ok(());
    }
    document::Entity::update_many()
        .col_expr(document::Column::NextRevision, Expr::col(document::Column::NextRevision).add(1))
        .col_expr(document::Column::Status, Expr::value(DocumentStatus::Pending.stored()))
        .col_expr(document::Column::Error, Expr::value(Option::<serde_json::Value>::None))
        .col_expr(document::Column::UpdatedAt, Expr::value(now))
        .col_expr(document::Column::ProcessedAt, Expr::value(now))
        .filter(document::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Writes the processing state of revisions of documents. Only the newest requested revision changes the document's
/// state, and only until it is complete. What happens to an older one later is recorded only in its operation.
pub async fn set_status(
    tx: &Transaction<'_>,
    revisions: &[(DocumentId, i32)],
    status: DocumentStatus,
    error: Option<&ProcessingError>,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    if revisions.is_empty() {
        return Ok(());
    }
    let error = error.map(|error| to_json("documents.error", error)).transpose()?;
    let newest = revisions.iter().fold(Condition::any(), |any, (id, revision)| {
        let newest = Condition::all()
            .add(document::Column::Id.eq(id.0))
            .add(document::Column::Revision.lt(*revision))
            .add(document::Column::NextRevision.eq(revision.saturating_add(1)));
        any.add(newest)
    });
    document::Entity::update_many()
        .col_expr(document::Column::Status, Expr::value(status.stored()))
        .col_expr(document::Column::Error, Expr::value(error))
        .col_expr(document::Column::UpdatedAt, Expr::value(now))
        .col_expr(document::Column::ProcessedAt, Expr::value(now))
        // By their keys; the condition on revisions alone is no range of an index.
        .filter(document::Column::Id.is_in(revisions.iter().map(|(id, _)| id.0)))
        .filter(newest)
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Writes all of a document, except its next revision.
pub async fn update(tx: &Transaction<'_>, changed: Document) -> Result<(), DatabaseError> {
    let mut row = document::Model::try_from(changed)?.into_active_model().reset_all();
    row.next_revision = sea_orm::ActiveValue::NotSet;
    row.update(&tx.connection).await?;
    Ok(())
}

/// Gives the documents of a collection, or some of them, the numbers of chunks that a generation has of them.
pub async fn take_chunk_counts(
    tx: &Transaction<'_>,
    collection: CollectionId,
    generation: GenerationId,
    some: Option<&[DocumentId]>,
) -> Result<(), DatabaseError> {
    let indexed = || indexed_document::Entity::find().filter(indexed_document::Column::GenerationId.eq(generation.0));
    let count = indexed()
        .select_only()
        .column(indexed_document::Column::ChunkCount)
        .filter(same(indexed_document::Column::DocumentId, document::Column::Id))
        .into_query();
    let ids = indexed().select_only().column(indexed_document::Column::DocumentId).into_query();
    let mut update = document::Entity::update_many()
        .col_expr(document::Column::ChunkCount, Expr::SubQuery(None, Box::new(count.into())))
        .filter(document::Column::CollectionId.eq(collection.0))
        .filter(document::Column::Id.in_subquery(ids));
    if let Some(some) = some {
        update = update.filter(document::Column::Id.is_in(some.iter().map(|id| id.0)));
    }
    update.exec(&tx.connection).await?;
    Ok(())
}

/// Removes documents.
pub async fn delete_many(tx: &Transaction<'_>, ids: &[DocumentId]) -> Result<(), DatabaseError> {
    document::Entity::delete_many()
        .filter(document::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// What documents belong to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whole {
    Collection(CollectionId),
    Source(SourceId),
    /// Those that it holds.
    Generation(GenerationId),
}

/// The ids of the first documents of a whole, at most `limit`.
pub async fn some_ids(reader: &Reader<'_>, whole: Whole, limit: u64) -> Result<Vec<DocumentId>, DatabaseError> {
    let belongs = match whole {
        Whole::Collection(id) => document::Column::CollectionId.eq(id.0),
        Whole::Source(id) => document::Column::SourceId.eq(id.0),
        Whole::Generation(id) => {
            let held = indexed_document::Entity::find().filter(indexed_document::Column::GenerationId.eq(id.0));
            let held = held.select_only().column(indexed_document::Column::DocumentId);
            document::Column::Id.in_subquery(held.into_query())
        }
    };
    let ids: Vec<uuid::Uuid> = document::Entity::find()
        .select_only()
        .column(document::Column::Id)
        .filter(belongs)
        .filter(in_readable(document::Column::CollectionId, reader.scope))
        .order_by_asc(document::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// The next documents after `after`, at most `limit`, in the order of their ids, each with the digest of its original if it
/// is settled and not known to have lost that.
pub async fn settled_originals(
    reader: &Reader<'_>,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<(DocumentId, Option<String>)>, DatabaseError> {
    let mut rows = document::Entity::find().filter(in_readable(document::Column::CollectionId, reader.scope));
    if let Some(after) = after {
        rows = rows.filter(document::Column::Id.gt(after.0));
    }
    let digest = Expr::case(is_settled(), Expr::col(document::Column::ContentHash.as_column_ref()));
    let rows: Vec<(uuid::Uuid, Option<String>)> = rows
        .select_only()
        .column(document::Column::Id)
        .expr_as(digest, "digest")
        .order_by_asc(document::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, digest)| (DocumentId(id), digest)).collect())
}

/// The settled documents with this original, but for those that are known to have lost it.
pub async fn settled_with_original(reader: &Reader<'_>, digest: &str) -> Result<Vec<DocumentId>, DatabaseError> {
    let ids: Vec<uuid::Uuid> = document::Entity::find()
        .filter(is_settled())
        .filter(in_readable(document::Column::CollectionId, reader.scope))
        .filter(document::Column::ContentHash.eq(digest))
        .select_only()
        .column(document::Column::Id)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// Documents that are settled and not known to have lost their originals.
fn is_settled() -> Condition {
    let settled = [DocumentStatus::Completed, DocumentStatus::Failed, DocumentStatus::Quarantined];
    Condition::all()
        .add(document::Column::Status.is_in(settled.map(StoredEnum::stored)))
        .add(Expr::cust(r#"coalesce("documents"."error" ->> 'code', '') <> 'ORIGINAL_MISSING'"#))
}
