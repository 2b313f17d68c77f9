//! Lists below many parents at once: a page of each in one statement.

use std::{collections::HashMap, hash::Hash};

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, FromQueryResult, QueryTrait, Select, StatementBuilder,
    sea_query::{Alias, Asterisk, Expr, ExprTrait, OrderedStatement, Query, WindowStatement},
};

use crate::{
    db::{DatabaseError, Reader},
    domain::page::Page,
};

/// The first rows, and one more, of each parent.
pub(super) async fn first_of_each<E, P, O>(
    reader: &Reader<'_>,
    query: Select<E>,
    parent: P,
    (column, order): (O, sea_orm::Order),
    first: u32,
) -> Result<Vec<E::Model>, DatabaseError>
where
    E: EntityTrait,
    P: ColumnTrait,
    O: ColumnTrait,
{
    let place = Alias::new("place");
    let mut window = WindowStatement::partition_by(parent);
    OrderedStatement::order_by(&mut window, column, order);
    let mut ranked = query.into_query();
    ranked.expr_window_as(Expr::cust("ROW_NUMBER()"), window, place.clone());
    let statement = Query::select()
        .column(Asterisk)
        .from_subquery(ranked, Alias::new("ranked"))
        .and_where(Expr::col(place.clone()).lte(first + 1))
        .order_by(place, sea_orm::Order::Asc)
        .to_owned();
    let statement = StatementBuilder::build(&statement, &reader.executor.get_database_backend());
    Ok(E::Model::find_by_statement(statement).all(&reader.executor).await?)
}

/// Rows with their parents as pages of each.
pub(super) fn pages<P: Eq + Hash, T>(rows: impl IntoIterator<Item = (P, T)>, first: u32) -> HashMap<P, Page<T>> {
    let mut lists: HashMap<P, Vec<T>> = HashMap::new();
    for (parent, row) in rows {
        lists.entry(parent).or_default().push(row);
    }
    lists.into_iter().map(|(parent, rows)| (parent, Page::from_overfetched(rows, first))).collect()
}
