//! References to the bytes of an original, and how transactions that add references are kept apart from those that
//! remove bytes.
//!
//! A transaction that adds a reference locks the digest shared, and only then checks that the bytes exist. One that
//! removes bytes locks the digest exclusively, and only then checks for references. So either the remover sees the
//! reference, or the other transaction sees that the bytes are gone.

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Query, SimpleExpr},
};

use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, document, operation_document, upload},
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

/// Whether a document, an upload, or an operation that is not through with it refers to these bytes. One statement: what
/// moves from one table to another in a transaction is seen in one of them.
pub async fn is_needed(reader: &Reader<'_>, digest: &str) -> Result<bool, DatabaseError> {
    let open = [DocumentOutcome::Pending, DocumentOutcome::Processing].map(StoredEnum::stored);
    let items = operation_document::Entity::find().filter(operation_document::Column::Outcome.is_in(open));
    let needed = by(upload::Entity::find(), upload::Column::ContentHash, digest)
        .or(by(document::Entity::find(), document::Column::ContentHash, digest))
        .or(by(items, operation_document::Column::ContentHash, digest));
    let statement = Query::select().expr(needed).to_owned();
    let row = reader.executor.query_one(&statement).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or(false))
}

/// Whether one of `rows` has this digest in `column`.
fn by<E: EntityTrait>(rows: sea_orm::Select<E>, column: E::Column, digest: &str) -> SimpleExpr {
    Expr::exists(rows.select_only().expr(Expr::val(1)).filter(column.eq(digest)).into_query())
}
