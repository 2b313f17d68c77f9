//! Counters beside the rows that they count: those that differ, and how they are counted again.
//!
//! A statement looks at a page of rows, so none takes longer because there are more. A counter of many rows takes several
//! statements: they read from a snapshot, so that what changes meanwhile makes no difference.

use std::{collections::HashMap, ops::RangeInclusive};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, TryGetable, Value,
    sea_query::{Asterisk, Expr, ExprTrait, Func, SimpleExpr},
};
use uuid::Uuid;

use super::{Direction, convert, in_readable, lists::Keyset, operations, readable, same};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{
            StoredEnum, chunk, collection, document, generation, indexed_document, operation, operation_document,
        },
    },
    domain::{
        collection::CollectionStatus,
        document::DocumentStatus,
        generation::Generation,
        id::{CollectionId, DocumentId, GenerationId, OperationId},
        operation::DocumentOutcome,
        page::{Page, PageRequest},
        scope::Scope,
        vocabulary::Vocabulary,
    },
};

/// Rows that are counted with one statement.
const COUNTED: u32 = 5_000;

/// The next rows that were looked at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Looked<K, T = K> {
    /// The last of them.
    pub last: K,
    /// Those of them that are wrong.
    pub wrong: Vec<T>,
}

/// Counts rows of `E` for each of the rows that they belong to, which are those of the range; a reader was shown them
/// before. The columns say what a row belongs to, what orders the rows of one, and what is counted.
async fn count<E, K, V, const N: usize>(
    reader: &Reader<'_>,
    [whole, key, value]: [E::Column; 3],
    range: RangeInclusive<Uuid>,
    counts: impl Fn(V) -> [i64; N],
) -> Result<HashMap<Uuid, [i64; N]>, DatabaseError>
where
    E: EntityTrait,
    K: Copy + Into<Value> + TryGetable,
    V: TryGetable,
{
    let mut counted = HashMap::new();
    let mut page = PageRequest { first: COUNTED, after: None };
    loop {
        let order = vec![whole, key];
        let keyset = Keyset::new(order, Direction::Ascending, &page, |(whole, key): &(Uuid, K)| {
            vec![(*whole).into(), (*key).into()]
        });
        let mut rows = E::find().filter(whole.lte(*range.end()));
        // One lower bound only: of two, SQLite may begin at the lower one.
        if page.after.is_none() {
            rows = rows.filter(whole.gte(*range.start()));
        }
        let rows: Vec<(Uuid, K, V)> =
            keyset.page_of(rows).select_only().columns([whole, key, value]).into_tuple().all(&reader.executor).await?;
        let Page { items, has_next_page } = Page::from_overfetched(rows, COUNTED);
        page.after = items.last().map(|(whole, key, _)| (*whole, *key));
        for (whole, _, value) in items {
            let sums = counted.entry(whole).or_insert([0; N]);
            sums.iter_mut().zip(counts(value)).for_each(|(sum, count)| *sum += count);
        }
        if !has_next_page {
            return Ok(counted);
        }
    }
}

/// Whether a row names other counts than were counted for it.
fn differs<const N: usize>(counted: &HashMap<Uuid, [i64; N]>, id: Uuid, named: [i64; N]) -> bool {
    counted.get(&id).copied().unwrap_or([0; N]) != named
}

/// Collections that stay: the counters of one that is being deleted are left as they are.
fn kept() -> Condition {
    Condition::all().add(collection::Column::Status.ne(CollectionStatus::Deleting.stored()))
}

/// The documents and bytes of collections.
async fn count_collections(
    reader: &Reader<'_>,
    range: RangeInclusive<Uuid>,
) -> Result<HashMap<Uuid, [i64; 2]>, DatabaseError> {
    let columns = [document::Column::CollectionId, document::Column::Id, document::Column::FileSize];
    count::<document::Entity, Uuid, i64, 2>(reader, columns, range, |bytes| [1, bytes]).await
}

/// The next collections after `after`, at most `limit`, in the order of their ids: those that count other documents or bytes
/// than they have.
pub async fn wrong_collections(
    reader: &Reader<'_>,
    after: Option<CollectionId>,
    limit: u64,
) -> Result<Option<Looked<CollectionId>>, DatabaseError> {
    let mut rows = collection::Entity::find().filter(kept()).filter(readable(reader.scope));
    if let Some(after) = after {
        rows = rows.filter(collection::Column::Id.gt(after.0));
    }
    let rows: Vec<(Uuid, i32, i64)> = rows
        .select_only()
        .columns([collection::Column::Id, collection::Column::DocumentCount, collection::Column::TotalBytes])
        .order_by_asc(collection::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    let (Some((first, ..)), Some((last, ..))) = (rows.first(), rows.last()) else { return Ok(None) };
    let (last, counted) = (CollectionId(*last), count_collections(reader, *first..=*last).await?);
    let wrong = rows.into_iter().filter(|(id, documents, bytes)| differs(&counted, *id, [(*documents).into(), *bytes]));
    Ok(Some(Looked { last, wrong: wrong.map(|(id, ..)| CollectionId(id)).collect() }))
}

/// Counts the documents and bytes of a collection again, which the transaction has locked.
pub async fn recount_collection(tx: &Transaction<'_>, id: CollectionId) -> Result<(), DatabaseError> {
    let counted = count_collections(&tx.reader(Scope::System), id.0..=id.0).await?;
    let [documents, bytes] = counted.get(&id.0).copied().unwrap_or_default();
    collection::Entity::update_many()
        .col_expr(collection::Column::DocumentCount, Expr::value(documents))
        .col_expr(collection::Column::TotalBytes, Expr::value(bytes))
        .filter(collection::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// The documents and chunks that generations hold.
async fn count_generations(
    reader: &Reader<'_>,
    range: RangeInclusive<Uuid>,
) -> Result<HashMap<Uuid, [i64; 2]>, DatabaseError> {
    let columns = [
        indexed_document::Column::GenerationId,
        indexed_document::Column::DocumentId,
        indexed_document::Column::ChunkCount,
    ];
    count::<indexed_document::Entity, Uuid, i32, 2>(reader, columns, range, |chunks| [1, chunks.into()]).await
}

/// The next generations after `after`, at most `limit`, in the order of their ids: those that count other documents or chunks
/// than they hold.
pub async fn wrong_generations(
    reader: &Reader<'_>,
    after: Option<GenerationId>,
    limit: u64,
) -> Result<Option<Looked<GenerationId, Generation>>, DatabaseError> {
    let of_kept = collection::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(collection::Column::Id, generation::Column::CollectionId))
        .filter(kept());
    let mut rows = generation::Entity::find()
        .filter(Expr::exists(of_kept.into_query()))
        .filter(in_readable(generation::Column::CollectionId, reader.scope));
    if let Some(after) = after {
        rows = rows.filter(generation::Column::Id.gt(after.0));
    }
    let rows = rows.order_by_asc(generation::Column::Id).limit(limit).all(&reader.executor).await?;
    let mut generations: Vec<Generation> = convert(rows)?;
    let (Some(first), Some(last)) = (generations.first(), generations.last()) else { return Ok(None) };
    let (last, counted) = (last.id, count_generations(reader, first.id.0..=last.id.0).await?);
    generations.retain(|generation| {
        differs(&counted, generation.id.0, [generation.document_count.into(), generation.chunk_count.into()])
    });
    Ok(Some(Looked { last, wrong: generations }))
}

/// Counts again what a generation holds, whose collection the transaction has locked.
pub async fn recount_generation(tx: &Transaction<'_>, id: GenerationId) -> Result<(), DatabaseError> {
    let counted = count_generations(&tx.reader(Scope::System), id.0..=id.0).await?;
    let [documents, chunks] = counted.get(&id.0).copied().unwrap_or_default();
    generation::Entity::update_many()
        .col_expr(generation::Column::DocumentCount, Expr::value(documents))
        .col_expr(generation::Column::ChunkCount, Expr::value(chunks))
        .filter(generation::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// The outcomes that operations count, and where.
const OUTCOMES: [(DocumentOutcome, operation::Column); 4] = [
    (DocumentOutcome::Completed, operation::Column::CompletedTotal),
    (DocumentOutcome::Failed, operation::Column::FailedTotal),
    (DocumentOutcome::Skipped, operation::Column::SkippedTotal),
    (DocumentOutcome::Cancelled, operation::Column::CancelledTotal),
];

/// The documents of operations by their outcome.
async fn count_operations(
    reader: &Reader<'_>,
    range: RangeInclusive<Uuid>,
) -> Result<HashMap<Uuid, [i64; 4]>, DatabaseError> {
    let columns = [
        operation_document::Column::OperationId,
        operation_document::Column::Ordinal,
        operation_document::Column::Outcome,
    ];
    let counts = |outcome: String| OUTCOMES.map(|(counted, _)| i64::from(counted.as_str() == outcome));
    count::<operation_document::Entity, i32, String, 4>(reader, columns, range, counts).await
}

/// The next operations after `after`, at most `limit`, in the order of their ids: those that count other outcomes than their
/// documents have. Only those are looked at that have not ended, or not before `since`.
pub async fn wrong_operations(
    reader: &Reader<'_>,
    since: DateTime<Utc>,
    after: Option<OperationId>,
    limit: u64,
) -> Result<Option<Looked<OperationId>>, DatabaseError> {
    let is_recent =
        Condition::any().add(operation::Column::CompletedAt.is_null()).add(operation::Column::CompletedAt.gte(since));
    let mut rows = operation::Entity::find().filter(is_recent).filter(operations::visible(reader.scope));
    if let Some(after) = after {
        rows = rows.filter(operation::Column::Id.gt(after.0));
    }
    let rows: Vec<(Uuid, i32, i32, i32, i32)> = rows
        .select_only()
        .column(operation::Column::Id)
        .columns(OUTCOMES.map(|(_, column)| column))
        .order_by_asc(operation::Column::Id)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    let (Some((first, ..)), Some((last, ..))) = (rows.first(), rows.last()) else { return Ok(None) };
    let (last, counted) = (OperationId(*last), count_operations(reader, *first..=*last).await?);
    let wrong = rows.into_iter().filter(|(id, completed, failed, skipped, cancelled)| {
        differs(&counted, *id, [*completed, *failed, *skipped, *cancelled].map(i64::from))
    });
    Ok(Some(Looked { last, wrong: wrong.map(|(id, ..)| OperationId(id)).collect() }))
}

/// Counts the outcomes of an operation again, which the transaction has locked.
pub async fn recount_operation(tx: &Transaction<'_>, id: OperationId) -> Result<(), DatabaseError> {
    let counted = count_operations(&tx.reader(Scope::System), id.0..=id.0).await?;
    let counted = counted.get(&id.0).copied().unwrap_or_default();
    let update = operation::Entity::update_many().filter(operation::Column::Id.eq(id.0));
    let update = OUTCOMES
        .into_iter()
        .zip(counted)
        .fold(update, |update, ((_, column), count)| update.col_expr(column, Expr::value(count)));
    update.exec(&tx.connection).await?;
    Ok(())
}

/// The next documents after `after` that a generation holds, at most `limit`, in the order of their ids, and those of them
/// for which a condition holds.
async fn held(
    reader: &Reader<'_>,
    generation: &Generation,
    is_wrong: Condition,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Option<Looked<DocumentId>>, DatabaseError> {
    let mut rows = indexed_document::Entity::find().filter(indexed_document::Column::GenerationId.eq(generation.id.0));
    if let Some(after) = after {
        rows = rows.filter(indexed_document::Column::DocumentId.gt(after.0));
    }
    let rows: Vec<(Uuid, i32)> = rows
        .select_only()
        .column(indexed_document::Column::DocumentId)
        .expr_as(Expr::case(is_wrong, 1).finally(0), "is_wrong")
        .order_by_asc(indexed_document::Column::DocumentId)
        .limit(limit)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    let Some((last, _)) = rows.last() else { return Ok(None) };
    let last = DocumentId(*last);
    let wrong = rows.into_iter().filter(|(_, is_wrong)| *is_wrong == 1).map(|(id, _)| DocumentId(id)).collect();
    Ok(Some(Looked { last, wrong }))
}

/// The document that a generation holds in the row of the statement around it.
fn its_document(generation: &Generation, scope: Scope) -> Select<document::Entity> {
    document::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(document::Column::Id, indexed_document::Column::DocumentId))
        .filter(document::Column::CollectionId.eq(generation.collection_id.0))
        .filter(in_readable(document::Column::CollectionId, scope))
}

/// The next documents after `after` that a generation holds: those that name another number of chunks than it has of them.
pub async fn wrong_documents(
    reader: &Reader<'_>,
    generation: &Generation,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Option<Looked<DocumentId>>, DatabaseError> {
    let differs = same(document::Column::ChunkCount, indexed_document::Column::ChunkCount).not();
    let other = its_document(generation, reader.scope).filter(differs);
    held(reader, generation, Condition::all().add(Expr::exists(other.into_query())), after, limit).await
}

/// The next documents after `after` that a generation holds: those of which it has another number of rows of chunks than it
/// names. Those that are on their way are left out.
pub async fn wrong_chunks(
    reader: &Reader<'_>,
    generation: &Generation,
    after: Option<DocumentId>,
    limit: u64,
) -> Result<Option<Looked<DocumentId>>, DatabaseError> {
    let settled = [DocumentStatus::Completed, DocumentStatus::Failed, DocumentStatus::Quarantined];
    let settled = document::Column::Status.is_in(settled.map(StoredEnum::stored));
    let settled = its_document(generation, reader.scope).filter(settled);
    let is_wrong = Condition::all()
        .add(Expr::exists(settled.into_query()))
        .add(Expr::col(indexed_document::Column::ChunkCount.as_column_ref()).ne(chunk_rows(generation)));
    held(reader, generation, is_wrong, after, limit).await
}

/// The number of rows of chunks that a generation has of the document of the statement around it.
fn chunk_rows(generation: &Generation) -> SimpleExpr {
    let rows = chunk::Entity::find()
        .filter(chunk::Column::CollectionId.eq(generation.collection_id.0))
        .filter(chunk::Column::GenerationId.eq(generation.id.0))
        .filter(same(chunk::Column::DocumentId, indexed_document::Column::DocumentId));
    let count = rows.select_only().expr(Expr::expr(Func::count(Expr::col(Asterisk))));
    Expr::SubQuery(None, Box::new(count.into_query().into()))
}

/// Counts the rows of chunks again that a generation has of these documents, whose collection the transaction has locked.
pub async fn recount_chunks(
    tx: &Transaction<'_>,
    generation: &Generation,
    documents: &[DocumentId],
) -> Result<(), DatabaseError> {
    indexed_document::Entity::update_many()
        .col_expr(indexed_document::Column::ChunkCount, chunk_rows(generation))
        .filter(indexed_document::Column::GenerationId.eq(generation.id.0))
        .filter(indexed_document::Column::DocumentId.is_in(documents.iter().map(|id| id.0)))
        .exec(&tx.connection)
        .await?;
    recount_generation(tx, generation.id).await
}
