//! Generations, and what each of them holds of documents.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use super::{convert, in_readable, listed};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{generation, indexed_document},
    },
    domain::{
        collection::Collection,
        generation::{Generation, IndexedDocument},
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
    generation::Model::try_from(new)?.into_active_model().insert(&tx.connection).await?;
    Ok(())
}

/// What a generation holds of these documents.
pub async fn indexed(
    reader: &Reader<'_>,
    generation: GenerationId,
    documents: &[DocumentId],
) -> Result<HashMap<DocumentId, IndexedDocument>, DatabaseError> {
    let visible = generation::Entity::find_by_id(generation.0)
        .select_only()
        .column(generation::Column::Id)
        .filter(in_readable(generation::Column::CollectionId, reader.scope));
    let rows = indexed_document::Entity::find()
        .filter(indexed_document::Column::GenerationId.in_subquery(visible.into_query()))
        .filter(indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .all(&reader.executor)
        .await?;
    Ok(rows.into_iter().map(|row| (DocumentId(row.document_id), row.into())).collect())
}

/// Records what a generation holds of a document from now on, and counts it.
pub async fn record(tx: &Transaction<'_>, now: IndexedDocument) -> Result<(), DatabaseError> {
    let key = (now.generation_id.0, now.document_id.0);
    let before = indexed_document::Entity::find_by_id(key).one(&tx.connection).await?;
    let (documents, chunks) = before.map_or((0, 0), |before| (1, before.chunk_count));
    add_to_counts(tx, now.generation_id, 1 - documents, now.chunk_count - chunks).await?;
    let columns = [indexed_document::Column::GenerationId, indexed_document::Column::DocumentId];
    let changed = [indexed_document::Column::Revision, indexed_document::Column::ChunkCount];
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
