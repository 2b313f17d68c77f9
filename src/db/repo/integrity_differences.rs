//! Collections whose chunks and points differ in number and are not repaired yet. Only workers and administrators read
//! them, so there is nothing to scope.

use sea_orm::{
    ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Func, OnConflict, SimpleExpr},
};

use super::exists;
use crate::{
    db::{DatabaseError, Reader, Transaction, entity::integrity_difference},
    domain::{
        id::CollectionId,
        integrity::{Difference, Differences},
    },
};

/// How a collection differs.
pub async fn find(reader: &Reader<'_>, collection: CollectionId) -> Result<Option<Difference>, DatabaseError> {
    let row = integrity_difference::Entity::find_by_id(collection.0).one(&reader.executor).await?;
    Ok(row.map(Into::into))
}

/// Writes down how a collection differs, which the transaction has locked.
pub async fn record(
    tx: &Transaction<'_>,
    collection: CollectionId,
    difference: Difference,
) -> Result<(), DatabaseError> {
    let changed = [
        integrity_difference::Column::Chunks,
        integrity_difference::Column::Points,
        integrity_difference::Column::IsSure,
    ];
    integrity_difference::Entity::insert(
        integrity_difference::Model::from((collection, difference)).into_active_model(),
    )
    .on_conflict(OnConflict::column(integrity_difference::Column::CollectionId).update_columns(changed).to_owned())
    .exec_without_returning(&tx.connection)
    .await?;
    Ok(())
}

/// A collection differs no more. Returns whether it did.
pub async fn delete(tx: &Transaction<'_>, collection: CollectionId) -> Result<bool, DatabaseError> {
    let deleted = integrity_difference::Entity::delete_by_id(collection.0).exec(&tx.connection).await?;
    Ok(deleted.rows_affected > 0)
}

fn sure() -> SimpleExpr {
    integrity_difference::Column::IsSure.eq(true)
}

/// Whether a collection differs for sure.
pub async fn is_any_sure(reader: &Reader<'_>) -> Result<bool, DatabaseError> {
    exists(integrity_difference::Entity::find().filter(sure()), &reader.executor).await
}

/// By how much all collections differ for sure.
pub async fn sum(reader: &Reader<'_>) -> Result<Differences, DatabaseError> {
    let excess = |more: integrity_difference::Column, less: integrity_difference::Column| {
        let excess = Expr::case(Expr::col(more).gt(Expr::col(less)), Expr::col(more).sub(Expr::col(less))).finally(0);
        Expr::expr(Func::sum(excess)).cast_as("bigint")
    };
    let (chunks, points) = (integrity_difference::Column::Chunks, integrity_difference::Column::Points);
    let found: Option<(i64, Option<i64>, Option<i64>)> = integrity_difference::Entity::find()
        .filter(sure())
        .select_only()
        .expr_as(integrity_difference::Column::CollectionId.count(), "differing")
        .expr_as(excess(chunks, points), "missing_points")
        .expr_as(excess(points, chunks), "surplus_points")
        .into_tuple()
        .one(&reader.executor)
        .await?;
    let (collections, missing, surplus) = found.unwrap_or_default();
    Ok(Differences {
        collections: usize::try_from(collections).unwrap_or(0),
        missing_points: missing.unwrap_or(0),
        surplus_points: surplus.unwrap_or(0),
    })
}
