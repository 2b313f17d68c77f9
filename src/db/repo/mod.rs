//! Repositories, one kind of row per file: functions that read through a [`Reader`] and write through a
//! [`Transaction`](super::Transaction).
//!
//! Reads return only what the reader's scope allows; hidden and missing rows look the same. `find` returns an option,
//! `find_many` a map (for loaders), and `list` a page by keyset.

pub mod api_keys;
pub mod audit_log;
pub mod chunks;
pub mod collections;
pub mod documents;
pub mod extractions;
pub mod generations;
pub mod integrity_checks;
pub mod integrity_differences;
pub mod invitations;
pub mod jobs;
mod lists;
pub mod members;
pub mod open_operations;
pub mod operation_documents;
pub mod operation_events;
pub mod operations;
pub mod originals;
pub mod password_resets;
pub mod schedules;
pub mod sessions;
pub mod source_runs;
pub mod sources;
pub mod stored_bytes;
pub mod stores;
pub mod totals;
pub mod uploads;
pub mod users;
pub mod workers;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select,
    sea_query::{Expr, ExprTrait, LikeExpr, SimpleExpr},
};

use super::{
    DatabaseError, Reader,
    entity::{StoredEnum, api_key_collection, collection, collection_member},
};
use crate::domain::{action::Action, collection::CollectionStatus, id::CollectionId, name, policy, scope::Scope};

/// Rows in one INSERT: 14 columns times 500 rows stay far below both databases' limits of bound values.
const INSERT_ROWS: usize = 500;

/// The most bytes of an error that a row keeps, but for the sign that something is left out. The log has all of it.
const ERROR_BYTES: usize = 1000;

/// Which way a list runs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Direction {
    #[default]
    Ascending,
    Descending,
}

impl From<Direction> for sea_orm::Order {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Ascending => Self::Asc,
            Direction::Descending => Self::Desc,
        }
    }
}

/// The collections in which a scope may perform `action`, as a condition on rows of `collections`: a row of the policy as SQL.
///
/// Membership is looked up for each row, by its key. So a statement costs what its rows cost, however many collections
/// the caller has a role in.
fn allowed(scope: Scope, action: Action) -> Condition {
    let caller = match scope {
        Scope::System => return Condition::all(),
        Scope::Anonymous => None,
        Scope::Account(caller) => Some(caller),
    };
    let rule = policy::rule(action);
    if !scope.carries(action) {
        return nothing();
    }
    let mut condition = Condition::all();
    // A collection that is being deleted is hidden, but its deletion can be followed.
    if !matches!(action, Action::OperationRead | Action::AuditRead) {
        condition = condition.add(collection::Column::Status.ne(CollectionStatus::Deleting.stored()));
    }
    let mut any = Condition::any();
    if rule.public {
        any = any.add(collection::Column::IsPublic.eq(true));
    }
    if let Some(caller) = caller.filter(|_| !rule.roles.is_empty()) {
        let membership = collection_member::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(same(collection_member::Column::CollectionId, collection::Column::Id))
            .filter(collection_member::Column::UserId.eq(caller.user.0))
            .filter(collection_member::Column::Role.is_in(rule.roles.iter().map(|role| role.stored())));
        any = any.add(Expr::exists(membership.into_query()));
    }
    condition = condition.add(if any.is_empty() { nothing() } else { any });
    if let Some(key) = scope.key().filter(|key| !key.all_collections) {
        let named = api_key_collection::Entity::find()
            .select_only()
            .expr(Expr::val(1))
            .filter(same(api_key_collection::Column::CollectionId, collection::Column::Id))
            .filter(api_key_collection::Column::ApiKeyId.eq(key.id.0));
        condition = condition.add(Expr::exists(named.into_query()));
    }
    condition
}

/// The collections in which a scope may perform `action`, in disjoint parts: those in which the caller has a role or
/// that their key names, and those that everyone may read.
///
/// Each part starts from an index, so rows that the caller can't see are not scanned. `allowed` decides the permission;
/// the parts only say where to start.
fn collections_of(scope: Scope, action: Action) -> Vec<Select<collection::Entity>> {
    let start = |condition: SimpleExpr| collection::Entity::find().filter(condition).filter(allowed(scope, action));
    let is_public = || Expr::col(collection::Column::IsPublic.as_column_ref());
    let caller = match scope {
        Scope::System => return vec![collection::Entity::find()],
        Scope::Anonymous => return vec![start(is_public())],
        Scope::Account(caller) => caller,
    };
    if let Some(key) = caller.key.filter(|key| !key.all_collections) {
        let named = api_key_collection::Entity::find()
            .select_only()
            .column(api_key_collection::Column::CollectionId)
            .filter(api_key_collection::Column::ApiKeyId.eq(key.id.0));
        return vec![start(collection::Column::Id.in_subquery(named.into_query()))];
    }
    let own = collection_member::Entity::find()
        .select_only()
        .column(collection_member::Column::CollectionId)
        .filter(collection_member::Column::UserId.eq(caller.user.0))
        .into_query();
    let mut parts = vec![start(collection::Column::Id.in_subquery(own.clone()))];
    if policy::rule(action).public {
        parts.push(start(is_public().and(collection::Column::Id.not_in_subquery(own))));
    }
    parts
}

/// Those of the collections in which a scope may perform `action`.
fn collections_among(ids: &[CollectionId], scope: Scope, action: Action) -> Select<collection::Entity> {
    collection::Entity::find()
        .filter(collection::Column::Id.is_in(listed(ids.iter().map(|id| id.0))))
        .filter(allowed(scope, action))
}

/// Rows whose `column` names one of these collections. The collections are found first and the rows by them.
fn within<C: ColumnTrait>(column: C, collections: Select<collection::Entity>) -> SimpleExpr {
    column.in_subquery(collections.select_only().column(collection::Column::Id).into_query())
}

/// The collections that a scope may read, as a condition on rows of `collections`.
fn readable(scope: Scope) -> Condition {
    allowed(scope, Action::CollectionRead)
}

/// Rows whose `column` names a collection in which the scope may perform `action`.
fn in_allowed<C: ColumnTrait>(column: C, scope: Scope, action: Action) -> Condition {
    if scope == Scope::System {
        return Condition::all();
    }
    let collection = collection::Entity::find()
        .select_only()
        .expr(Expr::val(1))
        .filter(same(collection::Column::Id, column))
        .filter(allowed(scope, action));
    Condition::all().add(Expr::exists(collection.into_query()))
}

/// Rows whose `column` names a collection that the scope may read.
fn in_readable<C: ColumnTrait>(column: C, scope: Scope) -> Condition {
    in_allowed(column, scope, Action::CollectionRead)
}

/// `first = second`, for columns of two tables.
fn same<A: ColumnTrait, B: ColumnTrait>(first: A, second: B) -> SimpleExpr {
    Expr::col(first.as_column_ref()).eq(Expr::col(second.as_column_ref()))
}

/// Rows whose name contains `part`, where `column` is the key of the name.
fn contains<C: ColumnTrait>(column: C, part: &str) -> SimpleExpr {
    let escaped = name::folded(part).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Expr::col(column).like(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}

/// Ids for a list in a statement. The last one is repeated until their number is a power of two: so lists of many lengths
/// make few statements, which connections have prepared.
fn listed(ids: impl Iterator<Item = uuid::Uuid>) -> Vec<uuid::Uuid> {
    let mut ids: Vec<_> = ids.collect();
    if let Some(last) = ids.last().copied() {
        ids.resize(ids.len().next_power_of_two(), last);
    }
    ids
}

/// Whether there is any such row.
async fn exists<E: EntityTrait>(rows: Select<E>, connection: &impl ConnectionTrait) -> Result<bool, DatabaseError> {
    let row: Option<i32> = rows.select_only().expr(Expr::val(1)).limit(1).into_tuple().one(connection).await?;
    Ok(row.is_some())
}

fn nothing() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}

/// Converts rows one by one, stopping at the first that is invalid.
fn convert<R, T: TryFrom<R, Error = DatabaseError>>(rows: Vec<R>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter().map(T::try_from).collect()
}

/// An error as a row keeps it.
fn kept_error(error: &str) -> String {
    let kept = &error[..error.floor_char_boundary(ERROR_BYTES)];
    if kept.len() == error.len() { error.to_owned() } else { format!("{kept}…") }
}

fn to_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// The scope of this reader.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
