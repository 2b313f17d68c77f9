//! Chunks. Every statement names the collections whose chunks it is about: they decide the partition.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, IntoActiveModel, JoinType, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, RelationDef, Select,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, Query, SimpleExpr, ValueTuple},
};

use super::{INSERT_ROWS, in_readable, readable, same};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{chunk, collection, document, generation, to_json},
    },
    domain::{
        chunk::{Chunk, NewChunk},
        document::Document,
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
        page::{Page, PageRequest},
    },
};

/// Chunks named one by one in a statement.
const NAMED: usize = 500;

/// Digests read in a statement.
const DIGESTS: i32 = 1000;

/// A chunk's id and the collection that it is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkKey {
    pub collection: CollectionId,
    pub id: ChunkId,
}

/// A document and the collection that it is in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DocumentChunks {
    pub collection: CollectionId,
    pub document: DocumentId,
}

/// A chunk's place in its document, as a generation has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ChunkPlace {
    pub collection: CollectionId,
    pub generation: GenerationId,
    pub document: DocumentId,
    pub index: i32,
}

/// The chunks of one collection, if the reader may see them.
fn of_collection(reader: &Reader<'_>, collection: CollectionId) -> Select<chunk::Entity> {
    chunk::Entity::find()
        .filter(in_readable(chunk::Column::CollectionId, reader.scope))
        .filter(chunk::Column::CollectionId.eq(collection.0))
}

/// Chunks whose values in these columns are one of the keys.
///
/// PostgreSQL needs the values in the statement itself, to know the partitions. SQLite reads all chunks of a collection
/// that every one of the alternatives names; from a list of rows it takes one key after the other.
fn among<const N: usize>(reader: &Reader<'_>, columns: [chunk::Column; N], keys: Vec<ValueTuple>) -> SimpleExpr {
    let columns = Expr::tuple(columns.map(|column| Expr::col(column.as_column_ref())));
    if reader.executor.get_database_backend() == DbBackend::Sqlite {
        let keys = Query::select().column(Asterisk).from_values(keys, Alias::new("wanted")).to_owned();
        columns.in_subquery(keys)
    } else {
        columns.in_tuples(keys)
    }
}

/// Statements for the chunks that are visible to the reader and whose values in these columns are one of the keys. Each names
/// some of the keys.
fn named<K, const N: usize>(
    reader: &Reader<'_>,
    columns: [chunk::Column; N],
    keys: &[K],
    values: fn(&K) -> ValueTuple,
) -> impl Iterator<Item = Select<chunk::Entity>> {
    keys.chunks(NAMED).map(move |part| {
        chunk::Entity::find().filter(in_readable(chunk::Column::CollectionId, reader.scope)).filter(among(
            reader,
            columns,
            part.iter().map(values).collect(),
        ))
    })
}

/// Statements for the given chunks that are visible to the reader.
fn by_id(reader: &Reader<'_>, keys: &[ChunkKey]) -> impl Iterator<Item = Select<chunk::Entity>> {
    named(reader, [chunk::Column::CollectionId, chunk::Column::Id], keys, |key| (key.collection.0, key.id.0).into())
}

/// The given chunks that are visible to the reader.
pub async fn find_many(reader: &Reader<'_>, keys: &[ChunkKey]) -> Result<HashMap<ChunkKey, Chunk>, DatabaseError> {
    let mut found = HashMap::with_capacity(keys.len());
    for chunks in by_id(reader, keys) {
        for row in chunks.all(&reader.executor).await? {
            let chunk = Chunk::try_from(row)?;
            found.insert(ChunkKey { collection: chunk.collection_id, id: chunk.id }, chunk);
        }
    }
    Ok(found)
}

/// The given chunks that are visible to the reader, each with its document.
pub async fn find_with_documents(
    reader: &Reader<'_>,
    keys: &[ChunkKey],
) -> Result<HashMap<ChunkKey, (Chunk, Document)>, DatabaseError> {
    let document: RelationDef = chunk::Entity::belongs_to(document::Entity)
        .from((chunk::Column::CollectionId, chunk::Column::DocumentId))
        .to((document::Column::CollectionId, document::Column::Id))
        .into();
    let mut found = HashMap::with_capacity(keys.len());
    for chunks in by_id(reader, keys) {
        let with_documents = chunks.join(JoinType::InnerJoin, document.clone()).select_also(document::Entity);
        for (chunk, document) in with_documents.all(&reader.executor).await? {
            let (chunk, document) = (Chunk::try_from(chunk)?, document.map(Document::try_from).transpose()?);
            let key = ChunkKey { collection: chunk.collection_id, id: chunk.id };
            found.extend(document.map(|document| (key, (chunk, document))));
        }
    }
    Ok(found)
}

/// Those of the places that hold a chunk for the reader.
pub async fn find_places(
    reader: &Reader<'_>,
    places: &[ChunkPlace],
) -> Result<HashMap<ChunkPlace, Chunk>, DatabaseError> {
    let columns = [
        chunk::Column::CollectionId,
        chunk::Column::GenerationId,
        chunk::Column::DocumentId,
        chunk::Column::ChunkIndex,
    ];
    let mut found = HashMap::with_capacity(places.len());
    let values = |ChunkPlace { collection, generation, document, index }: &ChunkPlace| {
        (collection.0, generation.0, document.0, *index).into()
    };
    for chunks in named(reader, columns, places, values) {
        for row in chunks.all(&reader.executor).await? {
            let chunk = Chunk::try_from(row)?;
            let place = ChunkPlace {
                collection: chunk.collection_id,
                generation: chunk.generation_id,
                document: chunk.document_id,
                index: chunk.index,
            };
            found.insert(place, chunk);
        }
    }
    Ok(found)
}

/// The same page of the chunks of each of several documents, in one statement: those in the active generation. Pages run
/// by index.
pub async fn list(
    reader: &Reader<'_>,
    documents: &[DocumentChunks],
    page: &PageRequest<i32>,
) -> Result<HashMap<DocumentChunks, Page<Chunk>>, DatabaseError> {
    // The indexes of a document's chunks have no gaps, so a page is a range of them.
    let start = page.after.map_or(0, |index| index.saturating_add(1));
    let end = start.saturating_add(i32::try_from(page.first).unwrap_or(i32::MAX));
    let columns = [chunk::Column::CollectionId, chunk::Column::GenerationId, chunk::Column::DocumentId];
    let columns = Expr::tuple(columns.map(|column| Expr::col(column.as_column_ref())));
    let rows = chunk::Entity::find()
        .filter(columns.in_subquery(active(reader, documents).into_query()))
        .filter(partitions(reader, documents))
        .filter(chunk::Column::ChunkIndex.between(start, end))
        .order_by_asc(chunk::Column::DocumentId)
        .order_by_asc(chunk::Column::ChunkIndex)
        .all(&reader.executor)
        .await?;
    let mut pages: HashMap<DocumentChunks, Vec<Chunk>> = HashMap::new();
    for row in rows {
        let chunk = Chunk::try_from(row)?;
        let key = DocumentChunks { collection: chunk.collection_id, document: chunk.document_id };
        pages.entry(key).or_default().push(chunk);
    }
    Ok(pages.into_iter().map(|(key, rows)| (key, Page::from_overfetched(rows, page.first))).collect())
}

/// The documents that are visible to the reader, each with its collection and the active generation of that.
fn active(reader: &Reader<'_>, documents: &[DocumentChunks]) -> Select<document::Entity> {
    let mut rows = document::Entity::find()
        .select_only()
        .column(document::Column::CollectionId)
        .column(collection::Column::Generation)
        .column(document::Column::Id)
        .filter(document::Column::Id.is_in(documents.iter().map(|key| key.document.0)))
        .filter(readable(reader.scope));
    let home = same(collection::Column::Id, document::Column::CollectionId);
    QueryTrait::query(&mut rows).join(JoinType::InnerJoin, collection::Entity, home);
    rows
}

/// The partitions that these documents are in. Without partitions the condition would only be another way to the rows,
/// and a longer one.
fn partitions(reader: &Reader<'_>, documents: &[DocumentChunks]) -> Condition {
    if reader.executor.get_database_backend() == DbBackend::Sqlite {
        return Condition::all();
    }
    let collections: BTreeSet<_> = documents.iter().map(|key| key.collection.0).collect();
    Condition::all().add(chunk::Column::CollectionId.is_in(collections))
}

/// The ids of a document's chunks in a generation, by the digest of what was embedded for them.
pub async fn digests(
    reader: &Reader<'_>,
    collection: CollectionId,
    generation: GenerationId,
    document: DocumentId,
) -> Result<HashMap<String, ChunkId>, DatabaseError> {
    let mut found = HashMap::new();
    let mut next = 0;
    loop {
        let rows: Vec<(String, uuid::Uuid)> = of_collection(reader, collection)
            .select_only()
            .column(chunk::Column::Digest)
            .column(chunk::Column::Id)
            .filter(chunk::Column::GenerationId.eq(generation.0))
            .filter(chunk::Column::DocumentId.eq(document.0))
            .filter(chunk::Column::ChunkIndex.between(next, next + DIGESTS - 1))
            .into_tuple()
            .all(&reader.executor)
            .await?;
        // The indexes have no gaps.
        if rows.is_empty() {
            return Ok(found);
        }
        found.extend(rows.into_iter().map(|(digest, id)| (digest, ChunkId(id))));
        next += DIGESTS;
    }
}

/// The ids of a generation's chunks after `after`, in their order, at most `limit`.
pub async fn ids(
    reader: &Reader<'_>,
    collection: CollectionId,
    generation: GenerationId,
    after: Option<ChunkId>,
    limit: u64,
) -> Result<Vec<ChunkId>, DatabaseError> {
    let mut query = of_collection(reader, collection)
        .select_only()
        .column(chunk::Column::Id)
        .filter(chunk::Column::GenerationId.eq(generation.0))
        .order_by_asc(chunk::Column::Id)
        .limit(limit);
    if let Some(after) = after {
        query = query.filter(chunk::Column::Id.gt(after.0));
    }
    let ids: Vec<uuid::Uuid> = query.into_tuple().all(&reader.executor).await?;
    Ok(ids.into_iter().map(ChunkId).collect())
}

/// Those of a collection's chunks that are there, with what was embedded for them.
pub async fn find_stored(
    reader: &Reader<'_>,
    collection: CollectionId,
    ids: &[ChunkId],
) -> Result<Vec<NewChunk>, DatabaseError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(NAMED) {
        let rows = of_collection(reader, collection)
            .filter(chunk::Column::Id.is_in(part.iter().map(|id| id.0)))
            .all(&reader.executor)
            .await?;
        for row in rows {
            let digest = row.digest.clone();
            found.push(NewChunk { chunk: row.try_into()?, digest });
        }
    }
    Ok(found)
}

/// Puts these chunks in the place of all that a generation had of a document.
pub async fn replace(
    tx: &Transaction<'_>,
    collection: CollectionId,
    generation: GenerationId,
    document: DocumentId,
    new: &[NewChunk],
) -> Result<(), DatabaseError> {
    chunk::Entity::delete_many()
        .filter(chunk::Column::CollectionId.eq(collection.0))
        .filter(chunk::Column::GenerationId.eq(generation.0))
        .filter(chunk::Column::DocumentId.eq(document.0))
        .exec(&tx.connection)
        .await?;
    for part in new.chunks(INSERT_ROWS) {
        let rows = part.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        chunk::Entity::insert_many(rows).exec_without_returning(&tx.connection).await?;
    }
    Ok(())
}

fn row(new: &NewChunk) -> Result<chunk::ActiveModel, DatabaseError> {
    let NewChunk { chunk, digest } = new;
    let row = chunk::Model {
        id: chunk.id.0,
        collection_id: chunk.collection_id.0,
        generation_id: chunk.generation_id.0,
        document_id: chunk.document_id.0,
        chunk_index: chunk.index,
        content: chunk.content.clone(),
        digest: digest.clone(),
        token_count: chunk.token_count,
        start_offset: chunk.start_offset,
        end_offset: chunk.end_offset,
        headings: to_json("chunks.headings", &chunk.headings)?,
        page: chunk.page,
        parent: chunk.parent.map(|parent| to_json("chunks.parent", &parent)).transpose()?,
        meta: chunk.meta.clone(),
    };
    Ok(row.into_active_model())
}

/// Removes the chunks of documents of one collection, from all of its generations.
pub async fn delete_of_documents(
    tx: &Transaction<'_>,
    collection: CollectionId,
    documents: &[DocumentId],
) -> Result<(), DatabaseError> {
    // With the generations, which stand before the documents in the key.
    let generations = generation::Entity::find()
        .select_only()
        .column(generation::Column::Id)
        .filter(generation::Column::CollectionId.eq(collection.0));
    chunk::Entity::delete_many()
        .filter(chunk::Column::CollectionId.eq(collection.0))
        .filter(chunk::Column::GenerationId.in_subquery(generations.into_query()))
        .filter(chunk::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Removes the chunks of documents from one generation.
pub async fn delete_from_generation(
    tx: &Transaction<'_>,
    collection: CollectionId,
    generation: GenerationId,
    documents: &[DocumentId],
) -> Result<(), DatabaseError> {
    chunk::Entity::delete_many()
        .filter(chunk::Column::CollectionId.eq(collection.0))
        .filter(chunk::Column::GenerationId.eq(generation.0))
        .filter(chunk::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}
