//! Generations, and what each of them holds of documents.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select,
    sea_query::{Alias, Expr, ExprTrait, OnConflict, Query, SelectStatement},
};

use super::{convert, exists, in_readable, listed};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, document, generation, indexed_document},
        news::Change,
    },
    domain::{
        collection::Collection,
        generation::{Generation, GenerationState, IndexedDocument, StoredText},
        id::{CollectionId, DocumentId, GenerationId},
    },
};

/// One generation.
pub async fn find(reader: &Reader<'_>, id: GenerationId) -> Result<Option<Generation>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given generations of collections that are visible to the reader.
pub async fn find_many(
    reader: &Reader<'_>,
    ids: &[GenerationId],
) -> Result<HashMap<GenerationId, Generation>, DatabaseError> {
    let rows = generation::Entity::find()
        .filter(generation::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((GenerationId(row.id), row.try_into()?))).collect()
}

/// The active generation of a collection that the transaction has found.
pub async fn active(tx: &Transaction<'_>, collection: &Collection) -> Result<Generation, DatabaseError> {
    let row = generation::Entity::find_by_id(collection.generation.0).one(&tx.connection).await?;
    let missing = || DatabaseError::BadRow { place: "collections.generation", detail: "there is no such row".into() };
    row.ok_or_else(missing)?.try_into()
}

/// All generations of a collection.
pub async fn of_collection(reader: &Reader<'_>, collection: CollectionId) -> Result<Vec<Generation>, DatabaseError> {
    let rows = generation::Entity::find()
        .filter(generation::Column::CollectionId.eq(collection.0))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .order_by_asc(generation::Column::Id)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// All generations of each of several collections, oldest first.
pub async fn of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
) -> Result<HashMap<CollectionId, Vec<Generation>>, DatabaseError> {
    let rows = generation::Entity::find()
        .filter(generation::Column::CollectionId.is_in(listed(collections.iter().map(|id| id.0))))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .order_by_asc(generation::Column::Id)
        .all(&reader.executor)
        .await?;
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for row in rows {
        let generation = Generation::try_from(row)?;
        found.entry(generation.collection_id).or_default().push(generation);
    }
    Ok(found)
}

/// The generations that were retired before `moment`.
pub async fn retired_before(reader: &Reader<'_>, moment: DateTime<Utc>) -> Result<Vec<Generation>, DatabaseError> {
    let rows = generation::Entity::find()
        .filter(generation::Column::State.eq(GenerationState::Retired.stored()))
        .filter(generation::Column::RetiredAt.lte(moment))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .order_by_asc(generation::Column::RetiredAt)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// One generation of each placement in use. Each is found by the one before it: there are few placements, and many
/// generations.
pub async fn one_of_each_placement(reader: &Reader<'_>) -> Result<Vec<Generation>, DatabaseError> {
    let mut found: Vec<Generation> = Vec::new();
    loop {
        let mut next = generation::Entity::find()
            .filter(in_readable(generation::Column::CollectionId, reader.scope))
            .order_by_asc(generation::Column::Placement)
            .limit(1);
        if let Some(last) = found.last() {
            next = next.filter(generation::Column::Placement.gt(last.placement.name.as_str()));
        }
        match next.one(&reader.executor).await? {
            Some(row) => found.push(row.try_into()?),
            None => return Ok(found),
        }
    }
}

/// Adds a generation.
pub async fn insert(tx: &Transaction<'_>, new: Generation) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Generations);
    generation::Model::try_from(new)?.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// Writes the state of a generation, whose collection the transaction has locked.
pub async fn update(tx: &Transaction<'_>, changed: &Generation) -> Result<(), DatabaseError> {
    generation::Entity::update_many()
        .col_expr(generation::Column::State, Expr::value(changed.state.stored()))
        .col_expr(generation::Column::OperationId, Expr::value(changed.operation.map(|id| id.0)))
        .col_expr(generation::Column::PromotedAt, Expr::value(changed.promoted_at))
        .col_expr(generation::Column::RetiredAt, Expr::value(changed.retired_at))
        .filter(generation::Column::Id.eq(changed.id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Removes a generation, which holds no documents any more.
pub async fn delete(tx: &Transaction<'_>, id: GenerationId) -> Result<(), DatabaseError> {
    generation::Entity::delete_by_id(id.0).exec(&tx.connection).await?;
    Ok(())
}

/// What `from` holds and `to` lacks, or has only in an older revision.
fn lacked(from: GenerationId, to: GenerationId) -> Select<indexed_document::Entity> {
    let there = Alias::new("there");
    let column = |column: indexed_document::Column| Expr::col((there.clone(), column));
    let outer = |column: indexed_document::Column| Expr::col(column.as_column_ref());
    let is_there = Query::select()
        .expr(Expr::val(1))
        .from_as(indexed_document::Entity, there.clone())
        .and_where(column(indexed_document::Column::GenerationId).eq(to.0))
        .and_where(column(indexed_document::Column::DocumentId).eq(outer(indexed_document::Column::DocumentId)))
        .and_where(column(indexed_document::Column::Revision).gte(outer(indexed_document::Column::Revision)))
        .to_owned();
    indexed_document::Entity::find()
        .filter(indexed_document::Column::GenerationId.eq(from.0))
        .filter(Expr::exists(is_there).not())
}

/// What `from` holds and `to` lacks, or has only in an older revision: the first documents after `after`, in the order of
/// their ids, at most `limit`.
pub async fn missing(
    reader: &Reader<'_>,
    from: GenerationId,
    to: GenerationId,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<IndexedDocument>, DatabaseError> {
    let mut query = lacked(from, to)
        .filter(indexed_document::Column::GenerationId.in_subquery(visible(reader, [from])))
        .order_by_asc(indexed_document::Column::DocumentId)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(indexed_document::Column::DocumentId.gt(after.0));
    }
    let rows = query.all(&reader.executor).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Whether `to` holds every document that `from` holds, in the same revision, while the transaction has locked their
/// collection.
pub async fn is_complete(tx: &Transaction<'_>, from: GenerationId, to: GenerationId) -> Result<bool, DatabaseError> {
    Ok(!exists(lacked(from, to), &tx.connection).await?)
}

/// All generations of a collection that the transaction has locked, oldest first.
pub async fn of_locked(tx: &Transaction<'_>, collection: CollectionId) -> Result<Vec<Generation>, DatabaseError> {
    let rows = generation::Entity::find()
        .filter(generation::Column::CollectionId.eq(collection.0))
        .order_by_asc(generation::Column::Id)
        .all(&tx.connection)
        .await?;
    convert(rows)
}

/// Removes documents from a generation that is being removed. It is no longer counted what is in it.
pub async fn drop_documents(
    tx: &Transaction<'_>,
    id: GenerationId,
    documents: &[DocumentId],
) -> Result<(), DatabaseError> {
    indexed_document::Entity::delete_many()
        .filter(indexed_document::Column::GenerationId.eq(id.0))
        .filter(indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// The ids of those of the generations that the caller may see.
fn visible(reader: &Reader<'_>, generations: impl IntoIterator<Item = GenerationId>) -> SelectStatement {
    generation::Entity::find()
        .select_only()
        .column(generation::Column::Id)
        .filter(generation::Column::Id.is_in(listed(generations.into_iter().map(|id| id.0))))
        .filter(in_readable(generation::Column::CollectionId, reader.scope))
        .into_query()
}

/// What a generation holds of these documents.
pub async fn indexed(
    reader: &Reader<'_>,
    generation: GenerationId,
    documents: &[DocumentId],
) -> Result<HashMap<DocumentId, IndexedDocument>, DatabaseError> {
    let rows = indexed_document::Entity::find()
        .filter(indexed_document::Column::GenerationId.in_subquery(visible(reader, [generation])))
        .filter(indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|row| (DocumentId(row.document_id), row.into())).collect())
}

/// The texts of documents in the active generations of their collections.
pub async fn texts(
    reader: &Reader<'_>,
    documents: &[DocumentId],
) -> Result<HashMap<DocumentId, StoredText>, DatabaseError> {
    let ids = || documents.iter().map(|id| id.0);
    let homes = document::Entity::find()
        .select_only()
        .column(document::Column::CollectionId)
        .filter(document::Column::Id.is_in(listed(ids())));
    let active = collection::Entity::find()
        .select_only()
        .column(collection::Column::Generation)
        .filter(collection::Column::Id.in_subquery(homes.into_query()))
        .filter(in_readable(collection::Column::Id, reader.scope));
    let rows = indexed_document::Entity::find()
        .filter(indexed_document::Column::DocumentId.is_in(listed(ids())))
        .filter(indexed_document::Column::GenerationId.in_subquery(active.into_query()))
        .all(&reader.executor)
        .await?;
    let indexed = rows.into_iter().map(IndexedDocument::from);
    Ok(indexed.filter_map(|indexed| Some((indexed.document_id, indexed.text?))).collect())
}

/// The next documents after `after` that a generation holds, at most `limit`, in the order of their ids, each with the digest
/// of its text if that is stored.
pub async fn stored_texts(
    reader: &Reader<'_>,
    generation: GenerationId,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Vec<(DocumentId, Option<String>)>, DatabaseError> {
    // Named beside the condition of the scope, the generation's rows are read in their order.
    let mut rows = indexed_document::Entity::find()
        .filter(indexed_document::Column::GenerationId.eq(generation.0))
        .filter(indexed_document::Column::GenerationId.in_subquery(visible(reader, [generation])));
    if let Some(after) = after {
        rows = rows.filter(indexed_document::Column::DocumentId.gt(after.0));
    }
    let rows: Vec<(uuid::Uuid, Option<String>)> = rows
        .select_only()
        .columns([indexed_document::Column::DocumentId, indexed_document::Column::TextHash])
        .order_by_asc(indexed_document::Column::DocumentId)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|(id, digest)| (DocumentId(id), digest)).collect())
}

/// The texts of documents in these generations, whatever their state.
pub async fn texts_in(
    reader: &Reader<'_>,
    places: &[(GenerationId, DocumentId)],
) -> Result<HashMap<(GenerationId, DocumentId), StoredText>, DatabaseError> {
    let generations = visible(reader, places.iter().map(|place| place.0));
    let rows = indexed_document::Entity::find()
        .filter(indexed_document::Column::DocumentId.is_in(listed(places.iter().map(|place| place.1.0))))
        .filter(indexed_document::Column::GenerationId.in_subquery(generations))
        .all(&reader.executor)
        .await?;
    let indexed = rows.into_iter().map(IndexedDocument::from);
    Ok(indexed.filter_map(|indexed| Some(((indexed.generation_id, indexed.document_id), indexed.text?))).collect())
}

/// Records what a generation holds of a document from now on, and counts it.
pub async fn record(tx: &Transaction<'_>, now: IndexedDocument) -> Result<(), DatabaseError> {
    let key = (now.generation_id.0, now.document_id.0);
    let before = indexed_document::Entity::find_by_id(key).one(&tx.connection).await?;
    let (documents, chunks) = before.map_or((0, 0), |before| (1, before.chunk_count));
    add_to_counts(tx, now.generation_id, 1 - documents, now.chunk_count - chunks).await?;
    let columns = [indexed_document::Column::GenerationId, indexed_document::Column::DocumentId];
    let changed = [
        indexed_document::Column::Revision,
        indexed_document::Column::ChunkCount,
        indexed_document::Column::TextHash,
        indexed_document::Column::TextLength,
    ];
    indexed_document::Entity::insert(indexed_document::Model::from(now).into_active_model())
        .on_conflict(OnConflict::columns(columns).update_columns(changed).to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    Ok(())
}

/// Removes documents from all generations that hold them, and from what these count.
pub async fn forget_documents(tx: &Transaction<'_>, documents: &[DocumentId]) -> Result<(), DatabaseError> {
    let of_documents = || indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0));
    let rows = indexed_document::Entity::find().filter(of_documents()).all(&tx.connection).await?;
    let mut gone: BTreeMap<GenerationId, (i32, i32)> = BTreeMap::new();
    for row in rows {
        let (documents, chunks) = gone.entry(GenerationId(row.generation_id)).or_default();
        *documents += 1;
        *chunks += row.chunk_count;
    }
    for (generation, (documents, chunks)) in gone {
        add_to_counts(tx, generation, -documents, -chunks).await?;
    }
    indexed_document::Entity::delete_many().filter(of_documents()).exec(&tx.connection).await?;
    Ok(())
}

async fn add_to_counts(
    tx: &Transaction<'_>,
    id: GenerationId,
    documents: i32,
    chunks: i32,
) -> Result<(), DatabaseError> {
    let plus = |column: generation::Column, count: i32| Expr::col(column).add(count);
    generation::Entity::update_many()
        .col_expr(generation::Column::DocumentCount, plus(generation::Column::DocumentCount, documents))
        .col_expr(generation::Column::ChunkCount, plus(generation::Column::ChunkCount, chunks))
        .filter(generation::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}
