//! Accounts.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait,
    ActiveValue::Set,
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Select,
    sea_query::{Expr, SimpleExpr},
};

use super::{super::entity::user, allowed, convert, exists, listed, lists::Keyset, password_resets, same, to_count};
use crate::{
    db::{
        CredentialReader, DatabaseError, Reader, Transaction,
        entity::{StoredEnum, collection, collection_member},
        news::Change,
    },
    domain::{
        action::Action,
        collection::CollectionRole,
        id::UserId,
        name,
        page::{Page, PageRequest},
        scope::Scope,
        user::{ServerRole, User},
    },
};

/// Which accounts to list.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct UserFilter {
    pub role: Option<ServerRole>,
    pub is_active: Option<bool>,
    /// Those whose user name or e-mail address contains this, compared by their keys.
    pub text: Option<String>,
}

/// The users that a scope can see: the caller, owners of collections that they can read, and members of collections
/// whose members they can list. Administrators see everyone.
fn visible(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous => Condition::any().add(is_known(scope)),
        Scope::Account(caller) if caller.is_admin => Condition::all(),
        // The caller first, because every request reads the viewer.
        Scope::Account(caller) => Condition::any().add(user::Column::Id.eq(caller.user.0)).add(is_known(scope)),
    }
}

fn is_known(scope: Scope) -> SimpleExpr {
    let is_owner = Condition::all()
        .add(collection_member::Column::Role.eq(CollectionRole::Owner.stored()))
        .add(allowed(scope, Action::CollectionRead));
    let mut memberships = collection_member::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(collection_member::Column::UserId, user::Column::Id))
        .filter(Condition::any().add(is_owner).add(allowed(scope, Action::MemberRead)))
        .into_query();
    memberships.inner_join(collection::Entity, same(collection::Column::Id, collection_member::Column::CollectionId));
    Expr::exists(memberships)
}

/// Accounts that were not deleted.
fn is_there() -> SimpleExpr {
    user::Column::DeletedAt.is_null()
}

fn matching(scope: Scope, filter: &UserFilter) -> Condition {
    let mut condition = Condition::all().add(visible(scope)).add(is_there());
    if let Some(role) = filter.role {
        condition = condition.add(user::Column::Role.eq(role.stored()));
    }
    if let Some(is_active) = filter.is_active {
        condition = condition.add(user::Column::IsActive.eq(is_active));
    }
    if let Some(text) = &filter.text {
        let names = Condition::any()
            .add(super::contains(user::Column::UsernameKey, text))
            .add(super::contains(user::Column::EmailKey, text));
        condition = condition.add(names);
    }
    condition
}

/// One account.
pub async fn find(reader: &Reader<'_>, id: UserId) -> Result<Option<User>, DatabaseError> {
    Ok(find_many(reader, &[id]).await?.remove(&id))
}

/// The given accounts that are visible to the reader.
pub async fn find_many(reader: &Reader<'_>, ids: &[UserId]) -> Result<HashMap<UserId, User>, DatabaseError> {
    let rows = user::Entity::find()
        .filter(user::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(visible(reader.scope))
        .filter(is_there())
        .all(&reader.executor)
        .await?;
    rows.into_iter().map(|row| Ok((UserId(row.id), row.try_into()?))).collect()
}

/// The first active accounts that are visible to the reader, in the order of their user names, whose user name begins with
/// this, compared by its key.
pub async fn named_like(reader: &Reader<'_>, beginning: &str, most: u64) -> Result<Vec<User>, DatabaseError> {
    let first = name::folded(beginning);
    let last = format!("{first}{}", char::MAX);
    let rows = user::Entity::find()
        .filter(visible(reader.scope))
        .filter(user::Column::UsernameKey.gte(first))
        .filter(user::Column::UsernameKey.lt(last))
        .filter(user::Column::IsActive.eq(true))
        .order_by_asc(user::Column::UsernameKey)
        .limit(most)
        .all(&reader.executor)
        .await?;
    convert(rows)
}

/// A page of the accounts that are visible to the reader, newest first.
pub async fn list(
    reader: &Reader<'_>,
    filter: &UserFilter,
    page: &PageRequest<UserId>,
) -> Result<Page<User>, DatabaseError> {
    let accounts = user::Entity::find().filter(matching(reader.scope, filter));
    let rows = Keyset::newest_first(user::Column::Id, page).page_of(accounts).all(&reader.executor).await?;
    Ok(Page::from_overfetched(convert(rows)?, page.first))
}

/// How many accounts a list has in all.
pub async fn count(reader: &Reader<'_>, filter: &UserFilter) -> Result<i64, DatabaseError> {
    Ok(to_count(user::Entity::find().filter(matching(reader.scope, filter)).count(&reader.executor).await?))
}

/// The account with exactly this user name, compared by its key, regardless of the caller. Used to name a user for a
/// role.
pub async fn find_by_username(tx: &Transaction<'_>, username: &str) -> Result<Option<User>, DatabaseError> {
    let row = user::Entity::find().filter(user::Column::UsernameKey.eq(name::folded(username))).one(&tx.connection);
    row.await?.map(TryInto::try_into).transpose()
}

/// One account with its password hash, regardless of the caller, locked until the transaction ends.
pub async fn lock(tx: &Transaction<'_>, id: UserId) -> Result<Option<(User, String)>, DatabaseError> {
    with_hash(user::Entity::find_by_id(id.0).filter(is_there()).lock_exclusive().one(&tx.connection).await?)
}

/// Keeps an account from being deleted until the transaction ends. Returns whether there is one.
pub async fn hold(tx: &Transaction<'_>, id: UserId) -> Result<bool, DatabaseError> {
    let account = user::Entity::find_by_id(id.0).filter(is_there());
    exists(account.lock_shared(), &tx.connection).await
}

/// The account with this name or e-mail address, compared by their keys, with its password hash.
pub async fn find_credentials(
    reader: &CredentialReader<'_>,
    login: &str,
) -> Result<Option<(User, String)>, DatabaseError> {
    let key = name::folded(login);
    let is_meant =
        Condition::any().add(user::Column::UsernameKey.eq(key.as_str())).add(user::Column::EmailKey.eq(key.as_str()));
    let row = user::Entity::find().filter(is_meant).one(&reader.executor).await?;
    with_hash(row)
}

fn with_hash(row: Option<user::Model>) -> Result<Option<(User, String)>, DatabaseError> {
    row.map(|row| {
        let hash = row.password_hash.clone();
        Ok((row.try_into()?, hash))
    })
    .transpose()
}

/// Which of user name and e-mail address are taken, compared by their keys.
pub async fn taken(tx: &Transaction<'_>, username: &str, email: &str) -> Result<(bool, bool), DatabaseError> {
    let is_taken = async |column: user::Column, value: &str| {
        exists(user::Entity::find().filter(column.eq(name::folded(value))), &tx.connection).await
    };
    Ok((is_taken(user::Column::UsernameKey, username).await?, is_taken(user::Column::EmailKey, email).await?))
}

/// Whether there is an account that a user can use.
pub async fn exist(reader: &CredentialReader<'_>) -> Result<bool, DatabaseError> {
    exists(usable(), &reader.executor).await
}

/// Accounts that a user can use.
fn usable() -> Select<user::Entity> {
    user::Entity::find().filter(user::Column::IsActive.eq(true))
}

/// Locks out other registrations until the transaction ends, and returns whether there is an account yet that a user
/// can use.
pub async fn lock_registration(tx: &Transaction<'_>) -> Result<bool, DatabaseError> {
    // SQLite's transaction is already the only writer.
    if tx.is_postgres() {
        tx.connection.execute_unprepared("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE").await?;
    }
    exists(usable(), &tx.connection).await
}

/// Adds an account.
pub async fn insert(tx: &Transaction<'_>, new: &User, password_hash: String) -> Result<(), DatabaseError> {
    let row = user::ActiveModel {
        id: Set(new.id.0),
        username: Set(new.username.clone()),
        username_key: Set(name::folded(&new.username)),
        email: Set(new.email.clone()),
        email_key: Set(name::folded(&new.email)),
        full_name: Set(new.full_name.clone()),
        password_hash: Set(password_hash),
        role: Set(new.role.stored()),
        is_active: Set(new.is_active),
        created_at: Set(new.created_at),
        updated_at: Set(new.updated_at),
        deleted_at: Set(None),
    };
    row.insert(&tx.connection).await?;
    Ok(())
}

/// Writes what can be changed of an account: role and whether it is active.
pub async fn update(tx: &Transaction<'_>, changed: &User) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Callers);
    user::Entity::update_many()
        .col_expr(user::Column::Role, Expr::value(changed.role.stored()))
        .col_expr(user::Column::IsActive, Expr::value(changed.is_active))
        .col_expr(user::Column::UpdatedAt, Expr::value(changed.updated_at))
        .filter(user::Column::Id.eq(changed.id.0))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Replaces the hash of an account's password. What was permitted because the old one was forgotten is over.
pub async fn set_password_hash(
    tx: &Transaction<'_>,
    id: UserId,
    hash: &str,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Callers);
    user::Entity::update_many()
        .col_expr(user::Column::PasswordHash, Expr::value(hash))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .filter(user::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    password_resets::delete_of(tx, id).await
}

/// Deletes an account: its row stays, without anything that says whose it was, and its names are free.
pub async fn delete(tx: &Transaction<'_>, id: UserId, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    tx.after_commit(Change::Callers);
    // Names are unique.
    let no_name = || Expr::value(id.0.to_string());
    user::Entity::update_many()
        .col_expr(user::Column::Username, no_name())
        .col_expr(user::Column::UsernameKey, no_name())
        .col_expr(user::Column::Email, no_name())
        .col_expr(user::Column::EmailKey, no_name())
        .col_expr(user::Column::FullName, Expr::value(None::<String>))
        .col_expr(user::Column::PasswordHash, Expr::value(""))
        .col_expr(user::Column::Role, Expr::value(ServerRole::Member.stored()))
        .col_expr(user::Column::IsActive, Expr::value(false))
        .col_expr(user::Column::UpdatedAt, Expr::value(now))
        .col_expr(user::Column::DeletedAt, Expr::value(now))
        .filter(user::Column::Id.eq(id.0))
        .exec(&tx.connection)
        .await?;
    password_resets::delete_of(tx, id).await
}

/// How many administrators can use their account. Call it with the registration locked.
pub async fn count_active_admins(tx: &Transaction<'_>) -> Result<i64, DatabaseError> {
    let admins = user::Entity::find()
        .filter(user::Column::Role.eq(ServerRole::Admin.stored()))
        .filter(user::Column::IsActive.eq(true));
    Ok(to_count(admins.count(&tx.connection).await?))
}
