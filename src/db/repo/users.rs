//! Accounts.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, Func, SimpleExpr},
};

use super::{super::entity::user, collection_ids, readable};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection},
    },
    domain::{id::UserId, scope::Scope, user::User},
};

/// Whom a scope may see: herself, and the owners of what she may read.
fn visible(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous => Condition::all().add(owns_readable(scope)),
        Scope::User(id) => Condition::any().add(user::Column::Id.eq(id.0)).add(owns_readable(scope)),
    }
}

fn owns_readable(scope: Scope) -> SimpleExpr {
    let mut owners = collection_ids(readable(scope));
    owners.clear_selects().column(collection::Column::OwnerId);
    user::Column::Id.in_subquery(owners)
}

/// One account.
pub async fn find(reader: &Reader<'_>, id: UserId) -> Result<Option<User>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// Those of the accounts that exist for the reader.
pub async fn find_many(reader: &Reader<'_>, ids: &[UserId]) -> Result<HashMap<UserId, User>, DatabaseError> {
    let rows = user::Entity::find()
        .filter(user::Column::Id.is_in(ids.iter().map(|id| id.0)))
        .filter(visible(reader.scope))
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((UserId(row.id), row.try_into()?))).collect()
}

/// The account behind a name or e-mail address, compared without case, with its password hash. For logging in only.
pub async fn find_credentials(reader: &Reader<'_>, login: &str) -> Result<Option<(User, String)>, DatabaseError> {
    let login = login.to_lowercase();
    let row = user::Entity::find()
        .filter(
            Condition::any()
                .add(lower(user::Column::Username).eq(login.clone()))
                .add(lower(user::Column::Email).eq(login)),
        )
        .one(&reader.executor)
        .await?;
    row.map(|row| {
        let hash = row.password_hash.clone();
        Ok((row.try_into()?, hash))
    })
    .transpose()
}

/// Which of name and address are taken, compared without case.
pub async fn taken(tx: &Transaction<'_>, username: &str, email: &str) -> Result<(bool, bool), DatabaseError> {
    let count = async |column, value: &str| {
        user::Entity::find().filter(lower(column).eq(value.to_lowercase())).count(&tx.connection).await
    };
    Ok((count(user::Column::Username, username).await? > 0, count(user::Column::Email, email).await? > 0))
}

/// Keeps other registrations out until the transaction ends, and tells whether there is any account yet that somebody
/// can use.
pub async fn lock_registration(tx: &Transaction<'_>) -> Result<bool, DatabaseError> {
    // SQLite's transaction is the only writer already.
    if tx.is_postgres() {
        tx.connection.execute_unprepared("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").await?;
    }
    Ok(user::Entity::find().filter(user::Column::IsActive.eq(true)).count(&tx.connection).await? > 0)
}

/// Adds an account.
pub async fn insert(tx: &Transaction<'_>, new: &User, password_hash: String) -> Result<(), DatabaseError> {
    let row = user::ActiveModel {
        id: Set(new.id.0),
        username: Set(new.username.clone()),
        email: Set(new.email.clone()),
        full_name: Set(new.full_name.clone()),
        password_hash: Set(password_hash),
        role: Set(new.role.stored()),
        is_active: Set(new.is_active),
        created_at: Set(new.created_at),
        updated_at: Set(new.updated_at),
    };
    row.insert(&tx.connection).await?;
    Ok(())
}

fn lower(column: user::Column) -> SimpleExpr {
    Func::lower(Expr::col((user::Entity, column))).into()
}
