//! Repositories, one kind of row a file: functions that read through a [`Reader`] and write through a
//! [`Transaction`](super::Transaction).
//!
//! Reads see what the reader's scope allows and nothing else; hidden and missing look the same. `find` gives an option,
//! `find_many` a map (what loaders call), `list` a page by keyset.

pub mod chunks;
pub mod collections;
pub mod documents;
pub mod jobs;
pub mod operation_lists;
pub mod operations;
pub mod sessions;
pub mod uploads;
pub mod users;

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, Func, LikeExpr, SelectStatement, SimpleExpr},
};

use super::{
    DatabaseError, Reader,
    entity::{StoredEnum, collection},
};
use crate::domain::{collection::CollectionStatus, scope::Scope};

/// Rows in one INSERT: 12 columns times 500 rows stay far below both databases' limits of bound values.
const INSERT_ROWS: usize = 500;

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

impl Direction {
    /// Rows after `key` in this direction.
    fn after<C: ColumnTrait>(self, column: C, key: impl Into<sea_orm::Value>) -> SimpleExpr {
        match self {
            Self::Ascending => column.gt(key),
            Self::Descending => column.lt(key),
        }
    }

    /// Rows after the pair `(first, second)` in this direction, for lists that break ties by a second column.
    fn after_pair<A: ColumnTrait, B: ColumnTrait>(
        self,
        columns: (A, B),
        keys: (impl Into<sea_orm::Value> + Clone, impl Into<sea_orm::Value>),
    ) -> Condition {
        Condition::any()
            .add(self.after(columns.0, keys.0.clone()))
            .add(columns.0.eq(keys.0).and(self.after(columns.1, keys.1)))
    }
}

/// The collections that a scope may read, as a condition on rows of `collections`.
fn readable(scope: Scope) -> Condition {
    let exists = collection::Column::Status.ne(CollectionStatus::Deleting.stored());
    let condition = Condition::all().add(exists);
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous => condition.add(collection::Column::IsPublic.eq(true)),
        Scope::User(user) => condition.add(
            Condition::any().add(collection::Column::IsPublic.eq(true)).add(collection::Column::OwnerId.eq(user.0)),
        ),
    }
}

/// The collections of which a scope may see how they are worked on, as a condition on rows of `collections`.
fn managed(scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous => nothing(),
        Scope::User(user) => Condition::all().add(collection::Column::OwnerId.eq(user.0)),
    }
}

/// `SELECT id FROM collections WHERE …`, to restrict other tables.
fn collection_ids(condition: Condition) -> SelectStatement {
    collection::Entity::find().select_only().column(collection::Column::Id).filter(condition).into_query()
}

/// Rows whose `column` names a collection that the scope may read.
fn in_readable<C: ColumnTrait>(column: C, scope: Scope) -> Condition {
    match scope {
        Scope::System => Condition::all(),
        Scope::Anonymous | Scope::User(_) => Condition::all().add(column.in_subquery(collection_ids(readable(scope)))),
    }
}

/// Rows whose text in `column` contains `part`, compared without case.
fn contains<C: ColumnTrait>(column: C, part: &str) -> SimpleExpr {
    let escaped = part.to_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Expr::expr(Func::lower(Expr::col(column))).like(LikeExpr::new(format!("%{escaped}%")).escape('\\'))
}

fn nothing() -> Condition {
    Condition::all().add(Expr::val(1).eq(0))
}

/// Converts rows one by one, stopping at the first that can't be understood.
fn convert<R, T: TryFrom<R, Error = DatabaseError>>(rows: Vec<R>) -> Result<Vec<T>, DatabaseError> {
    rows.into_iter().map(T::try_from).collect()
}

fn to_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// On whose behalf this reads.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.scope
    }
}
