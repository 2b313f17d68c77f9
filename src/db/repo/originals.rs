//! References to stored bytes (originals, and the texts of documents), and how transactions that add references are kept
//! apart from those that remove bytes.
//!
//! A transaction that adds a reference locks the digest shared, and only then checks that the bytes exist. One that
//! removes bytes locks the digest exclusively, and only then checks for references. So either the remover sees the
//! reference, or the other transaction sees that the bytes are gone.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{SelectStatement, UnionType},
};

use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, document, extraction, indexed_document, operation_document, upload},
    },
    domain::operation::DocumentOutcome,
};

/// The class of the advisory locks on digests.
const LOCKS: i32 = 0x0d0c;
/// Digests share this many locks, so that one transaction with many documents does not fill PostgreSQL's lock table.
const BUCKETS: u8 = 16;

/// Locks digests, shared, until the transaction ends.
pub async fn hold(tx: &Transaction<'_>, digests: &[String]) -> Result<(), DatabaseError> {
    lock(tx, "pg_advisory_xact_lock_shared", digests).await
}

/// Locks a digest exclusively until the transaction ends.
pub async fn take(tx: &Transaction<'_>, digest: &str) -> Result<(), DatabaseError> {
    lock(tx, "pg_advisory_xact_lock", &[digest.to_owned()]).await
}

/// SQLite has one writer at a time, which needs no other lock.
async fn lock(tx: &Transaction<'_>, function: &str, digests: &[String]) -> Result<(), DatabaseError> {
    if digests.is_empty() || !tx.is_postgres() {
        return Ok(());
    }
    let buckets: std::collections::BTreeSet<_> = digests.iter().map(|digest| bucket(digest).to_string()).collect();
    let buckets = buckets.into_iter().collect::<Vec<_>>().join(", ");
    let statement = format!("SELECT {function}({LOCKS}, bucket) FROM unnest(ARRAY[{buckets}]) AS bucket");
    tx.connection.execute_unprepared(&statement).await?;
    Ok(())
}

fn bucket(digest: &str) -> u8 {
    digest.bytes().next_back().map_or(0, |digit| digit % BUCKETS)
}

/// Those of these digests that a document, an upload, an operation that is not through with it, or (for the text of a
/// document) a generation or an extraction refers to. One statement: what moves from one table to another in a transaction
/// is seen in one of them.
pub async fn needed(reader: &Reader<'_>, digests: &[String]) -> Result<HashSet<String>, DatabaseError> {
    let open = [DocumentOutcome::Pending, DocumentOutcome::Processing].map(StoredEnum::stored);
    let items = operation_document::Entity::find().filter(operation_document::Column::Outcome.is_in(open));
    let mut statement = referred(upload::Entity::find(), upload::Column::ContentHash, digests);
    statement
        .union(UnionType::Distinct, referred(document::Entity::find(), document::Column::ContentHash, digests))
        .union(
            UnionType::Distinct,
            referred(indexed_document::Entity::find(), indexed_document::Column::TextHash, digests),
        )
        .union(UnionType::Distinct, referred(extraction::Entity::find(), extraction::Column::TextHash, digests))
        .union(UnionType::Distinct, referred(items, operation_document::Column::ContentHash, digests));
    let rows = reader.executor.query_all(&statement).await?;
    rows.iter().map(|row| Ok(row.try_get_by_index(0)?)).collect()
}

/// Those of `digests` that one of `rows` has in `column`.
fn referred<E: EntityTrait>(rows: sea_orm::Select<E>, column: E::Column, digests: &[String]) -> SelectStatement {
    rows.select_only().column(column).filter(column.is_in(digests)).into_query()
}
