//! When recurring tasks are due. The row decides under its lock, so a task is run once when its time has come, however
//! many processes look. Reading needs no scope, because no caller reads schedules.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, QueryFilter,
    sea_query::{Expr, ExprTrait, OnConflict},
};

use crate::{
    db::{
        DatabaseError, Transaction,
        entity::{StoredEnum, schedule},
    },
    domain::worker::WorkerName,
};

/// By how much the clocks of two processes may differ, with the time that one waits for the row.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(1);

/// Takes the turn of a task that is due, and schedules the next one. Returns whether it was due. A time that is further
/// away than `longest`, to which the task can be put off, was written by a clock that has been set back.
pub async fn take_turn(
    tx: &Transaction<'_>,
    name: WorkerName,
    every: Duration,
    longest: Duration,
    now: DateTime<Utc>,
) -> Result<bool, DatabaseError> {
    let next = now + TimeDelta::from_std(every).unwrap_or_default();
    let impossible = now + TimeDelta::from_std(longest).unwrap_or_default() + CLOCKS_DIFFER;
    let is_due = Condition::any().add(schedule::Column::DueAt.lte(now)).add(schedule::Column::DueAt.gt(impossible));
    let taken = schedule::Entity::update_many()
        .col_expr(schedule::Column::DueAt, Expr::value(next))
        .col_expr(schedule::Column::Runs, Expr::col(schedule::Column::Runs).add(1))
        .filter(schedule::Column::Name.eq(name.stored()))
        .filter(is_due)
        .exec(&tx.connection)
        .await?;
    if taken.rows_affected == 1 {
        return Ok(true);
    }
    let first = schedule::ActiveModel { name: Set(name.stored()), due_at: Set(next), runs: Set(1) };
    let added = schedule::Entity::insert(first)
        .on_conflict(OnConflict::column(schedule::Column::Name).do_nothing().to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    Ok(added == 1)
}

/// Schedules the next turn of a task at another time.
pub async fn put_off(tx: &Transaction<'_>, name: WorkerName, due_at: DateTime<Utc>) -> Result<(), DatabaseError> {
    schedule::Entity::update_many()
        .col_expr(schedule::Column::DueAt, Expr::value(due_at))
        .filter(schedule::Column::Name.eq(name.stored()))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// Makes every task due.
pub async fn make_all_due(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    schedule::Entity::update_many().col_expr(schedule::Column::DueAt, Expr::value(now)).exec(&tx.connection).await?;
    Ok(())
}
