//! The number of bytes of originals that count towards an account: quotas are compared with it.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, IntoCondition, SimpleExpr},
};

use crate::{
    db::{
        DatabaseError, Transaction,
        entity::{StoredEnum, collection, operation, operation_document, upload},
    },
    domain::{
        id::{CollectionId, UserId},
        operation::{DocumentOutcome, OperationStatus, OperationType},
    },
};

/// Bytes of newer content that is in progress for documents of a collection. A new document counts in its collection at
/// once; newer content counts when it is complete.
pub async fn on_their_way(tx: &Transaction<'_>, collection: CollectionId) -> Result<i64, DatabaseError> {
    updates(tx, operation::Column::CollectionId.eq(collection.0)).await
}

/// Bytes of an account: in the collections that it owns, and of its uploads that are in no document.
pub async fn of_account(tx: &Transaction<'_>, user: UserId) -> Result<i64, DatabaseError> {
    let owned = || collection::Entity::find().filter(collection::Column::OwnerId.eq(user.0));
    let documents = one(tx, owned().select_only().expr(sum(collection::Column::TotalBytes))).await?;
    let owned = owned().select_only().column(collection::Column::Id).into_query();
    let on_their_way = updates(tx, operation::Column::CollectionId.in_subquery(owned)).await?;
    Ok(documents + on_their_way + uploads(tx, user).await?)
}

async fn updates(tx: &Transaction<'_>, which: impl IntoCondition) -> Result<i64, DatabaseError> {
    let open = [OperationStatus::Pending, OperationStatus::Processing].map(StoredEnum::stored);
    let operations = operation::Entity::find()
        .filter(which)
        .filter(operation::Column::Status.is_in(open))
        .filter(operation::Column::OperationType.ne(OperationType::Delete.stored()))
        .select_only()
        .column(operation::Column::Id)
        .into_query();
    let open = [DocumentOutcome::Pending, DocumentOutcome::Processing].map(StoredEnum::stored);
    let items = operation_document::Entity::find()
        .filter(operation_document::Column::OperationId.in_subquery(operations))
        .filter(operation_document::Column::Outcome.is_in(open))
        .filter(operation_document::Column::Revision.gt(1));
    one(tx, items.select_only().expr(sum(operation_document::Column::FileSize))).await
}

async fn uploads(tx: &Transaction<'_>, user: UserId) -> Result<i64, DatabaseError> {
    let is_used = operation_document::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(
            Expr::col((operation_document::Entity, operation_document::Column::ContentHash))
                .equals((upload::Entity, upload::Column::ContentHash)),
        )
        .into_query();
    let unused = upload::Entity::find()
        .filter(upload::Column::UserId.eq(user.0))
        .filter(Condition::all().not().add(Expr::exists(is_used)));
    one(tx, unused.select_only().expr(sum(upload::Column::FileSize))).await
}

/// PostgreSQL's sum of no rows is null.
fn sum(column: impl ColumnTrait) -> SimpleExpr {
    Expr::expr(column.sum()).cast_as("bigint")
}

async fn one<E: EntityTrait>(tx: &Transaction<'_>, sum: Select<E>) -> Result<i64, DatabaseError> {
    let found: Option<Option<i64>> = sum.into_tuple().one(&tx.connection).await?;
    Ok(found.flatten().unwrap_or(0))
}
