//! Pages of lists: of one list, of each of the lists that hang below many parents, or of all of those together, in one
//! statement.
//!
//! The rows of a parent are read by an index from the page's first row on, and no further than the page reaches. So a page
//! costs its rows and its parents, however long the lists are. PostgreSQL says this with LATERAL. SQLite does not have the
//! word; there a correlated subquery finds the keys of the page.

use std::{collections::HashMap, hash::Hash};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Iterable, JoinType, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, StatementBuilder, Value,
    sea_query::{Alias, Asterisk, Condition, Expr, ExprTrait, Func, Query, SelectStatement, SimpleExpr, UnionType},
};
use uuid::Uuid;

use super::{Direction, same};
use crate::{
    db::{DatabaseError, Reader},
    domain::page::{Page, PageRequest},
};

/// How the page of a parent is called in a statement.
const PAGE: &str = "page";

/// The order of a list, and the page of it that is wanted.
#[derive(Clone)]
pub(super) struct Keyset<C> {
    /// What the list is sorted by. The last column alone is unique: in the list, or below a parent.
    columns: Vec<C>,
    direction: Direction,
    /// The values of these columns in the last row that was seen.
    after: Option<Vec<Value>>,
    first: u32,
}

impl<C: ColumnTrait> Keyset<C> {
    pub(super) fn new<K>(
        columns: Vec<C>,
        direction: Direction,
        page: &PageRequest<K>,
        values: impl Fn(&K) -> Vec<Value>,
    ) -> Self {
        Self { columns, direction, after: page.after.as_ref().map(values), first: page.first }
    }

    /// Ids sort by time.
    pub(super) fn newest_first<K: Copy + Into<Uuid>>(id: C, page: &PageRequest<K>) -> Self {
        Self::new(vec![id], Direction::Descending, page, |key| vec![Into::<Uuid>::into(*key).into()])
    }

    /// The rows of the page, and one more.
    pub(super) fn page_of<E: EntityTrait<Column = C>>(&self, mut rows: Select<E>) -> Select<E> {
        if let Some(last) = &self.after {
            rows = rows.filter(self.is_after(last));
        }
        for (column, order) in self.order() {
            rows = rows.order_by(column, order);
        }
        rows.limit(u64::from(self.first) + 1)
    }

    /// Several columns are compared as row values, which an index can use; the same condition written with OR it can't.
    fn is_after(&self, last: &[Value]) -> SimpleExpr {
        let columns: Vec<_> = self.columns.iter().map(|column| Expr::col(column.as_column_ref())).collect();
        let values: Vec<_> = last.iter().cloned().map(Expr::value).collect();
        let (columns, values) = match (columns.as_slice(), values.as_slice()) {
            ([column], [value]) => (column.clone(), value.clone()),
            _ => (Expr::tuple(columns), Expr::tuple(values)),
        };
        match self.direction {
            Direction::Ascending => columns.gt(values),
            Direction::Descending => columns.lt(values),
        }
    }

    pub(super) fn order(&self) -> Vec<(C, Order)> {
        self.columns.iter().map(|column| (*column, self.direction.into())).collect()
    }
}

/// The rows of one kind below parents of another, and the page of them that is wanted.
pub(super) struct Below<P: EntityTrait, C: EntityTrait> {
    /// The parents that are visible to the reader.
    pub parents: Select<P>,
    pub parent: P::Column,
    /// The rows of all requested parents.
    pub rows: Select<C>,
    /// Names a row's parent.
    pub link: C::Column,
    pub page: Keyset<C::Column>,
}

impl<P: EntityTrait, C: EntityTrait> Below<P, C> {
    /// The first rows, and one more, of each parent, in the order of the list.
    pub(super) async fn of_each(self, reader: &Reader<'_>) -> Result<Vec<C::Model>, DatabaseError> {
        let order = names(&self.page.order());
        let mut statement = self.statement(reader.executor.get_database_backend());
        for (column, order) in order {
            statement.order_by((Alias::new(PAGE), column), order);
        }
        all(reader, &statement).await
    }

    /// The first rows, and one more, of each parent, in no order.
    pub(super) fn statement(self, backend: DbBackend) -> SelectStatement {
        let Self { parents, parent, rows, link, page: keyset } = self;
        let page = Alias::new(PAGE);
        let rows = keyset.page_of(rows.filter(same(link, parent)));
        let mut statement = parents.select_only().into_query();
        statement.column((page.clone(), Asterisk));
        if backend == DbBackend::Postgres {
            statement.join_lateral(JoinType::InnerJoin, rows.into_query(), page, Condition::all());
        } else if let Some(key) = keyset.columns.last() {
            let of_page = |column: C::Column| Expr::col((page.clone(), column));
            // The order of a CROSS JOIN is that of its tables: parents first.
            statement.join_as(JoinType::CrossJoin, C::default(), page.clone(), Condition::all());
            let keys = rows.select_only().column(*key).into_query();
            statement.and_where(of_page(*key).in_subquery(keys));
            // If the key alone identifies a row, naming the parent too would make SQLite read all its rows in order.
            if C::PrimaryKey::iter().count() > 1 {
                statement.and_where(of_page(link).eq(Expr::col(parent.as_column_ref())));
            }
        }
        statement
    }
}

/// The first rows, and one more, of several lists that are sorted alike.
pub(super) fn first_of_all<C: ColumnTrait>(
    lists: Vec<SelectStatement>,
    order: &[(C, Order)],
    first: u32,
) -> SelectStatement {
    let mut statement = Query::select();
    statement.column(Asterisk).from_subquery(union(lists), Alias::new(PAGE)).limit(u64::from(first) + 1);
    for (column, order) in names(order) {
        statement.order_by((Alias::new(PAGE), column), order);
    }
    statement
}

/// How many rows several lists have together.
pub(super) async fn count_of_all(reader: &Reader<'_>, lists: Vec<SelectStatement>) -> Result<i64, DatabaseError> {
    let rows = Alias::new("rows");
    let statement = Query::select()
        .expr_as(Func::count(Expr::col(Asterisk)), rows)
        .from_subquery(union(lists), Alias::new(PAGE))
        .to_owned();
    let row = reader.executor.query_one(&statement).await?;
    Ok(row.map(|row| row.try_get("", "rows")).transpose()?.unwrap_or(0))
}

/// All rows of several lists. SQLite takes a list with a limit for a part of a union only inside another SELECT.
fn union(lists: Vec<SelectStatement>) -> SelectStatement {
    let mut parts = lists
        .into_iter()
        .map(|list| Query::select().column(Asterisk).from_subquery(list, Alias::new("part")).to_owned());
    let mut all = parts.next().unwrap_or_default();
    for part in parts {
        all.union(UnionType::All, part);
    }
    all
}

/// The rows of a statement.
pub(super) async fn all<R: FromQueryResult>(
    reader: &Reader<'_>,
    statement: &SelectStatement,
) -> Result<Vec<R>, DatabaseError> {
    let statement = StatementBuilder::build(statement, &reader.executor.get_database_backend());
    Ok(R::find_by_statement(statement).all(&reader.executor).await?)
}

fn names<C: ColumnTrait>(order: &[(C, Order)]) -> Vec<(Alias, Order)> {
    order.iter().map(|(column, order)| (Alias::new(column.unquoted()), order.clone())).collect()
}

/// Rows with their parents as pages of each.
pub(super) fn pages<P: Eq + Hash, T>(rows: impl IntoIterator<Item = (P, T)>, first: u32) -> HashMap<P, Page<T>> {
    let mut lists: HashMap<P, Vec<T>> = HashMap::new();
    for (parent, row) in rows {
        lists.entry(parent).or_default().push(row);
    }
    lists.into_iter().map(|(parent, rows)| (parent, Page::from_overfetched(rows, first))).collect()
}
