//! Sources, and what is remembered of their files.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, Func, OnConflict},
};

use super::{
    INSERT_ROWS, collections_among, convert, in_allowed, in_readable,
    lists::{Below, Keyset, pages},
    within,
};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, document, source, source_file},
    },
    domain::{
        action::Action,
        document::{Document, DocumentStatus},
        id::{CollectionId, DocumentId, SourceId},
        page::{Page, PageRequest},
        source::{Failure, KnownFile, Source, SourceStatus},
    },
};

/// The action that lets a caller see sources: they name paths of the server, so readers of a public collection don't.
const READ: Action = Action::OperationRead;

/// Files that are written or looked up with one statement.
const SLICE: usize = 500;

/// Which sources to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct SourceFilter {
    /// Those with one of these statuses; empty: all.
    pub status: Vec<SourceStatus>,
    /// Those whose last sync has something to say, or not.
    pub has_error: Option<bool>,
}

/// A list of sources: the same for many collections at once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct SourceList {
    pub filter: SourceFilter,
    pub page: PageRequest<SourceId>,
}

/// The sources that match a filter, regardless of the caller.
fn matching(filter: &SourceFilter) -> Condition {
    let mut condition = Condition::all();
    if !filter.status.is_empty() {
        condition = condition.add(source::Column::Status.is_in(filter.status.iter().map(|status| status.stored())));
    }
    match filter.has_error {
        Some(true) => condition.add(source::Column::Error.is_not_null()),
        Some(false) => condition.add(source::Column::Error.is_null()),
        None => condition,
    }
}

/// One source.
pub async fn find(reader: &Reader<'_>, id: SourceId) -> Result<Option<Source>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given sources that are visible to the reader.
pub async fn find_many(reader: &Reader<'_>, ids: &[SourceId]) -> Result<HashMap<SourceId, Source>, DatabaseError> {
    let rows = source::Entity::find()
        .filter(source::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(in_allowed(source::Column::CollectionId, reader.scope, READ))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((SourceId(row.id), row.try_into()?))).collect()
}

/// The same page of the sources of each of several collections, newest first.
pub async fn list_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    list: &SourceList,
) -> Result<HashMap<CollectionId, Page<Source>>, DatabaseError> {
    let SourceList { filter, page } = list;
    let below = Below {
        parents: collections_among(collections, reader.scope, READ),
        parent: collection::Column::Id,
        rows: source::Entity::find().filter(matching(filter)),
        link: source::Column::CollectionId,
        page: Keyset::newest_first(source::Column::Id, page),
    };
    let sources: Vec<Source> = convert(below.of_each(reader).await?)?;
    Ok(pages(sources.into_iter().map(|source| (source.collection_id, source)), page.first))
}

/// How many sources of a filter each of several collections has.
pub async fn count_of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    filter: &SourceFilter,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, i64)> = source::Entity::find()
        .select_only()
        .column(source::Column::CollectionId)
        .column_as(source::Column::Id.count(), "sources")
        .filter(within(source::Column::CollectionId, collections_among(collections, reader.scope, READ)))
        .filter(matching(filter))
        .group_by(source::Column::CollectionId)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, count)| (CollectionId(id), count)).collect())
}

/// Sources whose next sync is due, the most overdue first.
pub async fn due(reader: &Reader<'_>, now: DateTime<Utc>, limit: u64) -> Result<Vec<Source>, DatabaseError> {
    let rows = source::Entity::find()
        .filter(source::Column::NextRunAt.lte(now))
        .filter(source::Column::Status.eq(SourceStatus::Idle.stored()))
        .filter(in_allowed(source::Column::CollectionId, reader.scope, READ))
        .order_by_asc(source::Column::NextRunAt)
        .limit(limit)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// Sources that are synced by themselves.
pub async fn continuous(reader: &Reader<'_>) -> Result<Vec<Source>, DatabaseError> {
    let rows = source::Entity::find()
        .filter(source::Column::IntervalMinutes.is_not_null())
        .filter(source::Column::Status.ne(SourceStatus::Removing.stored()))
        .filter(in_allowed(source::Column::CollectionId, reader.scope, READ))
        .order_by_asc(source::Column::Id)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// Locks a source of a collection that the transaction has locked.
pub async fn lock(
    tx: &Transaction<'_>,
    collection: CollectionId,
    id: SourceId,
) -> Result<Option<Source>, DatabaseError> {
    let row = source::Entity::find_by_id(id.0)
        .filter(source::Column::CollectionId.eq(collection.0))
        .lock_exclusive()
        .one(&tx.connection)
        .await?;
    row.map(TryInto::try_into).transpose()
}

/// Adds a source.
pub async fn insert(tx: &Transaction<'_>, new: Source) -> Result<(), DatabaseError> {
    source::Model::try_from(new)?.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Writes all of a source.
pub async fn update(tx: &Transaction<'_>, changed: Source) -> Result<(), DatabaseError> {
    source::Model::try_from(changed)?.into_active_model().reset_all().update(&tx.connection).await?;
    Ok(())
}

/// Removes a source, its runs and what is remembered of its files. Documents that are left belong to no source.
pub async fn delete(tx: &Transaction<'_>, id: SourceId) -> Result<(), DatabaseError> {
    source::Entity::delete_by_id(id.0).exec(&tx.connection).await?;
    Ok(())
}

/// Up to `limit` files of a source, in the order of their uris, after one of them.
pub async fn files(
    reader: &Reader<'_>,
    id: SourceId,
    after: Option<&str>,
    limit: u64,
) -> Result<Vec<KnownFile>, DatabaseError> {
    let visible = source::Entity::find_by_id(id.0).select_only().column(source::Column::Id).filter(in_allowed(
        source::Column::CollectionId,
        reader.scope,
        READ,
    ));
    let mut files = source_file::Entity::find().filter(source_file::Column::SourceId.in_subquery(visible.into_query()));
    if let Some(after) = after {
        files = files.filter(source_file::Column::Uri.gt(after));
    }
    let rows = files.order_by_asc(source_file::Column::Uri).limit(limit).all(&reader.executor).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Remembers the state of files.
pub async fn remember(tx: &Transaction<'_>, id: SourceId, files: Vec<KnownFile>) -> Result<(), DatabaseError> {
    let rows: Vec<_> = files.into_iter().map(|file| row(id, file).into_active_model()).collect();
    let key = [source_file::Column::SourceId, source_file::Column::Uri];
    let changed = [
        source_file::Column::DocumentId,
        source_file::Column::FileSize,
        source_file::Column::Modified,
        source_file::Column::Missed,
        source_file::Column::Version,
        source_file::Column::Etag,
        source_file::Column::LastModified,
    ];
    for part in rows.chunks(INSERT_ROWS) {
        source_file::Entity::insert_many(part.to_vec())
            .on_conflict(OnConflict::columns(key).update_columns(changed).to_owned())
            .exec_without_returning(&tx.connection)
            .await?;
    }
    Ok(())
}

fn row(id: SourceId, file: KnownFile) -> source_file::Model {
    source_file::Model {
        source_id: id.0,
        uri: file.uri,
        document_id: file.document_id.0,
        file_size: file.fingerprint.size,
        modified: file.fingerprint.modified,
        missed: file.missed,
        version: file.fingerprint.version,
        etag: file.validators.etag,
        last_modified: file.validators.last_modified,
    }
}

/// Takes back what is remembered of the file of a document, so that the next sync reads it again.
pub async fn doubt(tx: &Transaction<'_>, document: DocumentId) -> Result<(), DatabaseError> {
    source_file::Entity::update_many()
        // No file has this size.
        .col_expr(source_file::Column::FileSize, Expr::value(-1_i64))
        .filter(source_file::Column::DocumentId.eq(document.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Sources of which a sync has begun and not ended.
pub async fn syncing(reader: &Reader<'_>) -> Result<Vec<Source>, DatabaseError> {
    let rows = source::Entity::find()
        .filter(source::Column::Status.eq(SourceStatus::Syncing.stored()))
        .filter(in_allowed(source::Column::CollectionId, reader.scope, READ))
        .order_by_asc(source::Column::Id)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// Counts one more sync that has not found these files.
pub async fn miss(tx: &Transaction<'_>, id: SourceId, uris: &[String]) -> Result<(), DatabaseError> {
    set_missed(tx, id, uris, Expr::col(source_file::Column::Missed).add(1)).await
}

/// These files are there again.
pub async fn find_again(tx: &Transaction<'_>, id: SourceId, uris: &[String]) -> Result<(), DatabaseError> {
    set_missed(tx, id, uris, Expr::value(0)).await
}

async fn set_missed(tx: &Transaction<'_>, id: SourceId, uris: &[String], missed: Expr) -> Result<(), DatabaseError> {
    for part in uris.chunks(SLICE) {
        source_file::Entity::update_many()
            .col_expr(source_file::Column::Missed, missed.clone())
            .filter(source_file::Column::SourceId.eq(id.0))
            .filter(source_file::Column::Uri.is_in(part))
            .exec(&tx.connection)
            .await?;
    }
    Ok(())
}

/// Up to `limit` documents of a source whose indexing has failed, after one of them.
pub async fn failures(
    reader: &Reader<'_>,
    id: SourceId,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<Failure>, DatabaseError> {
    let mut failed = document::Entity::find()
        .filter(document::Column::SourceId.eq(id.0))
        .filter(document::Column::Status.eq(DocumentStatus::Failed.stored()))
        .filter(in_readable(document::Column::CollectionId, reader.scope));
    if let Some(after) = after {
        failed = failed.filter(document::Column::Id.gt(after.0));
    }
    let rows = failed.order_by_asc(document::Column::Id).limit(limit).all(&reader.executor).await?;
    rows.into_iter().map(failure).collect()
}

fn failure(row: document::Model) -> Result<Failure, DatabaseError> {
    // Each revision after the searchable one has failed.
    let times = row.next_revision - 1 - row.revision;
    let Document { id, content, error, processed_at, .. } = row.try_into()?;
    let is_retryable = error.is_some_and(|error| error.retryable);
    Ok(Failure { document_id: id, uri: content.uri, times, failed_at: processed_at, is_retryable })
}

/// Up to `limit` documents of a source that came out of its archives with these uris.
pub async fn some_archived(
    reader: &Reader<'_>,
    id: SourceId,
    archives: &[&str],
    limit: u64,
) -> Result<Vec<DocumentId>, DatabaseError> {
    let ids: Vec<uuid::Uuid> = of_archives(reader, id, archives)
        .select_only()
        .column(document::Column::Id)
        .order_by_asc(document::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(ids.into_iter().map(DocumentId).collect())
}

/// All documents of a source that came out of an archive with this uri, with their uris.
pub async fn archived(
    reader: &Reader<'_>,
    id: SourceId,
    archive: &str,
) -> Result<Vec<(DocumentId, String)>, DatabaseError> {
    let rows: Vec<(uuid::Uuid, String)> = of_archives(reader, id, &[archive])
        .select_only()
        .columns([document::Column::Id, document::Column::Uri])
        .order_by_asc(document::Column::Id)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, uri)| (DocumentId(id), uri)).collect())
}

/// The documents that came out of archives lie below them, and are no files of the source themselves.
fn of_archives(reader: &Reader<'_>, id: SourceId, archives: &[&str]) -> Select<document::Entity> {
    let files = source_file::Entity::find()
        .select_only()
        .column(source_file::Column::DocumentId)
        .filter(source_file::Column::SourceId.eq(id.0));
    let is_below = archives.iter().fold(Condition::any(), |any, uri| any.add(starts_with(&format!("{uri}/"))));
    document::Entity::find()
        .filter(document::Column::SourceId.eq(id.0))
        .filter(document::Column::Id.not_in_subquery(files.into_query()))
        .filter(is_below)
        .filter(in_readable(document::Column::CollectionId, reader.scope))
}

/// Documents whose uri begins with this. The comparison knows capitals, other than that of patterns in SQLite.
fn starts_with(start: &str) -> Expr {
    let length = i32::try_from(start.chars().count()).unwrap_or(i32::MAX);
    let beginning = Func::cust("substr").arg(Expr::col(document::Column::Uri)).arg(1).arg(length);
    Expr::expr(beginning).eq(start)
}

/// How many sources a collection has that the transaction has locked.
pub async fn count_within(tx: &Transaction<'_>, collection: CollectionId) -> Result<u64, DatabaseError> {
    Ok(source::Entity::find().filter(source::Column::CollectionId.eq(collection.0)).count(&tx.connection).await?)
}

/// How many documents a source has.
pub async fn count_documents(tx: &Transaction<'_>, id: SourceId) -> Result<usize, DatabaseError> {
    let count = document::Entity::find().filter(document::Column::SourceId.eq(id.0)).count(&tx.connection).await?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}
