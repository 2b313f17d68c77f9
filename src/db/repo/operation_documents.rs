//! Documents in operations: the content that each shall get, and what became of it.

use std::collections::{HashMap, HashSet};

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait},
};

use super::{
    Direction, INSERT_ROWS, convert,
    documents::{self, DocumentFilter},
    exists, in_readable,
    lists::{Below, Keyset, pages},
    operations::{self, among, ids},
    same,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, document, operation, operation_document, to_json},
    },
    domain::{
        content::{Content, StoredFile, UNKNOWN_TYPE},
        document::ProcessingError,
        id::{DocumentId, OperationId, UserId},
        operation::{DocumentOutcome, OperationDocument},
        page::{Page, PageRequest},
        scope::Scope,
    },
};

/// The work of an operation on one document: the content that will become the document's.
#[derive(Clone, PartialEq, Debug)]
pub struct OperationItem {
    pub outcome: OperationDocument,
    pub revision: i32,
    pub content: Content,
}

/// Which documents of an operation to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct ItemFilter {
    /// Those with one of these outcomes; empty: all.
    pub outcomes: Vec<DocumentOutcome>,
    /// Those that match as documents. Anything but the default leaves out documents that are gone.
    pub documents: DocumentFilter,
}

/// A list of an operation's documents, in the order of the request: the same for many operations at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ItemList {
    pub filter: ItemFilter,
    pub page: PageRequest<i32>,
}

/// The work of an operation on one document.
pub async fn find(reader: &Reader<'_>, id: OperationId, ordinal: i32) -> Result<Option<OperationItem>, DatabaseError> {
    if operations::find(reader, id).await?.is_none() {
        return Ok(None);
    }
    let row = operation_document::Entity::find_by_id((id.0, ordinal)).one(&reader.executor).await?;
    row.map(TryInto::try_into).transpose()
}

/// What the operation wants that an earlier call of this user under the same key made, by its place in the call.
pub async fn find_repeated(
    reader: &Reader<'_>,
    user: UserId,
    key: &str,
) -> Result<HashMap<i32, OperationItem>, DatabaseError> {
    let earlier = operation::Entity::find()
        .select_only()
        .column(operation::Column::Id)
        .filter(operation::Column::UserId.eq(user.0))
        .filter(operation::Column::IdempotencyKey.eq(key))
        .into_query();
    let rows = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.in_subquery(earlier))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((row.ordinal, row.try_into()?))).collect()
}

/// The same page of the documents of each of several operations.
pub async fn list(
    reader: &Reader<'_>,
    operations: &[OperationId],
    list: &ItemList,
) -> Result<HashMap<OperationId, Page<OperationDocument>>, DatabaseError> {
    let ordinal = operation_document::Column::Ordinal;
    let below = Below {
        parents: among(operations, reader.scope),
        parent: operation::Column::Id,
        rows: operation_document::Entity::find().filter(matching(reader.scope, &list.filter)),
        link: operation_document::Column::OperationId,
        page: Keyset::new(vec![ordinal], Direction::Ascending, &list.page, |last| vec![(*last).into()]),
    };
    let items: Vec<OperationDocument> = convert(below.of_each(reader).await?)?;
    Ok(pages(items.into_iter().map(|item| (item.operation_id, item)), list.page.first))
}

/// How many documents of a filter each of several operations has.
pub async fn count(
    reader: &Reader<'_>,
    operations: &[OperationId],
    filter: &ItemFilter,
) -> Result<HashMap<OperationId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i64)> = operation_document::Entity::find()
        .select_only()
        .column(operation_document::Column::OperationId)
        .column_as(operation_document::Column::Ordinal.count(), "documents")
        .filter(operation_document::Column::OperationId.in_subquery(ids(operations, reader.scope)))
        .filter(matching(reader.scope, filter))
        .group_by(operation_document::Column::OperationId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (OperationId(id), count)).collect())
}

/// The documents of operations that match a filter. Documents are looked up one by one: few are an operation's.
fn matching(scope: Scope, filter: &ItemFilter) -> Condition {
    let mut condition = Condition::all();
    if !filter.outcomes.is_empty() {
        let outcomes = filter.outcomes.iter().map(|outcome| outcome.stored());
        condition = condition.add(operation_document::Column::Outcome.is_in(outcomes));
    }
    if filter.documents != DocumentFilter::default() {
        let document = document::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(same(document::Column::Id, operation_document::Column::DocumentId))
            .filter(in_readable(document::Column::CollectionId, scope))
            .filter(documents::matching(&filter.documents))
            // Looked up for each item: without this, PostgreSQL turns the condition round and reads all documents first.
            .limit(1)
            .offset(0);
        condition = condition.add(Expr::exists(document.into_query()));
    }
    condition
}

/// Adds the work of an operation on its documents.
pub async fn insert_many(tx: &Transaction<'_>, items: Vec<OperationItem>) -> Result<(), DatabaseError> {
    let rows: Vec<_> = items
        .into_iter()
        .map(|item| {
            let Content { file_name, uri, content_type, file, meta } = item.content;
            operation_document::Model {
                operation_id: item.outcome.operation_id.0,
                ordinal: item.outcome.ordinal,
                document_id: item.outcome.document_id.0,
                outcome: item.outcome.outcome.stored(),
                error: None,
                chunk_count: item.outcome.chunk_count,
                percent: item.outcome.percent,
                revision: item.revision,
                file_name,
                uri,
                content_type: Some(content_type),
                file_size: file.size,
                content_hash: file.digest,
                meta,
            }
            .into_active_model()
        })
        .collect();
    for part in rows.chunks(INSERT_ROWS) {
        operation_document::Entity::insert_many(part.to_vec()).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

/// The newest contents that operations had for these locked documents, where they are known. Content that was left out takes no
/// revision: that of such an item belongs to the next content.
pub async fn newest_contents(
    tx: &Transaction<'_>,
    ids: &[DocumentId],
) -> Result<HashMap<DocumentId, Content>, DatabaseError> {
    let is_newest = document::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(document::Column::Id, operation_document::Column::DocumentId))
        .filter(
            Expr::col(document::Column::NextRevision.as_column_ref())
                .eq(Expr::col(operation_document::Column::Revision.as_column_ref()).add(1)),
        );
    let rows = operation_document::Entity::find()
        .filter(operation_document::Column::DocumentId.is_in(ids.iter().map(|id| id.0)))
        .filter(Expr::exists(is_newest.into_query()))
        .filter(operation_document::Column::Outcome.ne(DocumentOutcome::Skipped.stored()))
        .all(&tx.connection)
        .await?;
    let items = rows.into_iter().map(OperationItem::try_from);
    items.map(|item| item.map(|item| (item.outcome.document_id, item.content))).collect()
}

/// Gives a name and metadata to the contents of a locked document that are newer than a revision: those that are on their way,
/// and what failed. `None` keeps them.
pub async fn describe_newer(
    tx: &Transaction<'_>,
    id: DocumentId,
    revision: i32,
    file_name: Option<&str>,
    meta: Option<&serde_json::Value>,
) -> Result<(), DatabaseError> {
    if file_name.is_none() && meta.is_none() {
        return Ok(());
    }
    let mut update = operation_document::Entity::update_many();
    if let Some(file_name) = file_name {
        update = update.col_expr(operation_document::Column::FileName, Expr::value(file_name.to_owned()));
    }
    if let Some(meta) = meta {
        update = update.col_expr(operation_document::Column::Meta, Expr::value(meta.clone()));
    }
    update
        .filter(operation_document::Column::DocumentId.eq(id.0))
        .filter(operation_document::Column::Revision.gt(revision))
        .filter(operation_document::Column::Outcome.ne(DocumentOutcome::Skipped.stored()))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Whether a locked operation has a part for this document.
pub async fn has_document(tx: &Transaction<'_>, id: OperationId, document: DocumentId) -> Result<bool, DatabaseError> {
    let item = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::DocumentId.eq(document.0));
    exists(item, &tx.connection).await
}

/// The first of those documents of a locked operation that wait for their turn, in the order of the request.
pub async fn list_waiting(
    tx: &Transaction<'_>,
    id: OperationId,
    first: u32,
) -> Result<Page<OperationItem>, DatabaseError> {
    let query = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Outcome.eq(DocumentOutcome::Pending.stored()))
        .order_by_asc(operation_document::Column::Ordinal)
        .limit(u64::from(first) + 1);
    Ok(Page::from_overfetched(convert(query.all(&tx.connection).await?)?, first))
}

/// Writes the progress of a document in an operation.
pub async fn set_percent(
    tx: &Transaction<'_>,
    id: OperationId,
    ordinal: i32,
    percent: i32,
) -> Result<(), DatabaseError> {
    operation_document::Entity::update_many()
        .col_expr(operation_document::Column::Percent, Expr::value(percent))
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Ordinal.eq(ordinal))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// The ordinal of the next document of a locked operation.
pub async fn next_ordinal(tx: &Transaction<'_>, id: OperationId) -> Result<i32, DatabaseError> {
    let last: Option<Option<i32>> = operation_document::Entity::find()
        .select_only()
        .column_as(operation_document::Column::Ordinal.max(), "last")
        .filter(operation_document::Column::OperationId.eq(id.0))
        .into_tuple()
        .one(&tx.connection)
        .await?;
    Ok(last.flatten().map_or(0, |last| last + 1))
}

/// Those of the uris that documents of an operation have.
pub async fn uris_among(
    tx: &Transaction<'_>,
    id: OperationId,
    uris: &[String],
) -> Result<HashSet<String>, DatabaseError> {
    let found: Vec<String> = operation_document::Entity::find()
        .select_only()
        .column(operation_document::Column::Uri)
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Uri.is_in(uris))
        .into_tuple()
        .all(&tx.connection)
        .await?;
    Ok(found.into_iter().collect())
}

/// Writes the outcome of documents in an operation. Their processing has ended, or starts again.
pub async fn set_outcome(
    tx: &Transaction<'_>,
    id: OperationId,
    ordinals: &[i32],
    outcome: DocumentOutcome,
    error: Option<&ProcessingError>,
    chunk_count: i32,
) -> Result<(), DatabaseError> {
    let error = error.map(|error| to_json("operation_documents.error", error)).transpose()?;
    operation_document::Entity::update_many()
        .col_expr(operation_document::Column::Outcome, Expr::value(outcome.stored()))
        .col_expr(operation_document::Column::Error, Expr::value(error))
        .col_expr(operation_document::Column::ChunkCount, Expr::value(chunk_count))
        .col_expr(operation_document::Column::Percent, Expr::value(0))
        .filter(operation_document::Column::OperationId.eq(id.0))
        .filter(operation_document::Column::Ordinal.is_in(ordinals.iter().copied()))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

impl TryFrom<operation_document::Model> for OperationItem {
    type Error = DatabaseError;

    fn try_from(row: operation_document::Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            revision: row.revision,
            content: Content {
                file_name: row.file_name.clone(),
                uri: row.uri.clone(),
                content_type: row.content_type.clone().unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
                file: StoredFile { digest: row.content_hash.clone(), size: row.file_size },
                meta: row.meta.clone(),
            },
            outcome: row.try_into()?,
        })
    }
}
