//! Lists that hang below many parents: a page of each of them, or the first page of all of them together, in one
//! statement.
//!
//! The rows of a parent are read by an index from the page's first row on, and no further than the page reaches. So a page
//! costs its rows and its parents, however long the lists are. PostgreSQL says this with LATERAL. SQLite does not have the
//! word; there a correlated subquery finds the keys of the page.

use std::{collections::HashMap, hash::Hash};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, Iterable, JoinType, Order, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, StatementBuilder,
    sea_query::{Alias, Asterisk, Condition, Expr, ExprTrait, Func, Query, SelectStatement, UnionType},
};

use super::same;
use crate::{
    db::{DatabaseError, Reader},
    domain::page::Page,
};

/// How the page of a parent is called in a statement.
const PAGE: &str = "page";

/// The rows of one kind below parents of another, and the page of them that is wanted.
pub(super) struct Below<P: EntityTrait, C: EntityTrait> {
    /// The parents that are visible to the reader.
    pub parents: Select<P>,
    pub parent: P::Column,
    /// The rows of all requested parents, after the page's cursor.
    pub rows: Select<C>,
    /// Names a row's parent.
    pub link: C::Column,
    /// The sort columns of the list. The last column alone is unique within a parent.
    pub order: Vec<(C::Column, Order)>,
    /// How many rows a page has.
    pub first: u32,
}

impl<P: EntityTrait, C: EntityTrait> Below<P, C> {
    /// The first rows, and one more, of each parent, in the order of the list.
    pub(super) async fn of_each(self, reader: &Reader<'_>) -> Result<Vec<C::Model>, DatabaseError> {
        let order = names(&self.order);
        let mut statement = self.statement(reader.executor.get_database_backend());
        for (column, order) in order {
            statement.order_by((Alias::new(PAGE), column), order);
        }
        all(reader, &statement).await
    }

    /// The first rows, and one more, of each parent, in no order.
    pub(super) fn statement(self, backend: DbBackend) -> SelectStatement {
        let Self { parents, parent, rows, link, order, first } = self;
        let page = Alias::new(PAGE);
        let mut rows = rows.filter(same(link, parent)).limit(u64::from(first) + 1);
        for (column, direction) in &order {
            rows = rows.order_by(*column, direction.clone());
        }
        let mut statement = parents.select_only().into_query();
        statement.column((page.clone(), Asterisk));
        if backend == DbBackend::Postgres {
            statement.join_lateral(JoinType::InnerJoin, rows.into_query(), page, Condition::all());
        } else if let Some((key, _)) = order.last() {
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
