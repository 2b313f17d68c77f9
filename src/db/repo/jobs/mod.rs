//! The queue's rows. What a job means is none of this module's business.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    sea_query::{Expr, ExprTrait, LockBehavior, LockType},
};

use super::to_count;
use crate::{
    db::{DatabaseError, Reader, Transaction, entity::job},
    domain::id::JobId,
};

const READY: &str = "READY";
const LEASED: &str = "LEASED";
const DEAD: &str = "DEAD";

/// A job to be done.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    pub id: JobId,
    pub kind: &'static str,
    pub payload: serde_json::Value,
    pub run_at: DateTime<Utc>,
}

/// A job that a worker holds. `epoch` proves it: a later claim has a higher one.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimedJob {
    pub id: JobId,
    pub kind: String,
    pub payload: serde_json::Value,
    /// How often it was claimed, this time included.
    pub attempts: i32,
    /// How often its worker died with it.
    pub crashes: i32,
    pub epoch: i32,
}

/// The proof that a worker holds a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    pub job: JobId,
    pub epoch: i32,
}

impl ClaimedJob {
    /// The proof that goes with this claim.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { job: self.id, epoch: self.epoch }
    }
}

fn held(lease: Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(lease.job.0))
        .add(job::Column::LeaseEpoch.eq(lease.epoch))
        .add(job::Column::Status.eq(LEASED))
}

/// Adds jobs, in the transaction of the change that needs them.
pub async fn insert_many(tx: &Transaction<'_>, jobs: Vec<NewJob>, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let rows = jobs.into_iter().map(|new| job::ActiveModel {
        id: Set(new.id.0),
        kind: Set(new.kind.to_owned()),
        payload: Set(new.payload),
        status: Set(READY.to_owned()),
        attempts: Set(0),
        crashes: Set(0),
        run_at: Set(new.run_at),
        lease_epoch: Set(0),
        lease_until: Set(None),
        last_error: Set(None),
        created_at: Set(now),
    });
    job::Entity::insert_many(rows).exec_without_returning(&tx.connection).await?;
    Ok(())
}

/// Takes up to `limit` jobs of the given kinds whose time has come and holds them until `lease_until`: first those that
/// never took a worker down, then by time. So a job that kills its worker can't keep the others waiting.
pub async fn claim(
    tx: &Transaction<'_>,
    kinds: &[&str],
    limit: u64,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Vec<ClaimedJob>, DatabaseError> {
    let due = job::Entity::find()
        .select_only()
        .column(job::Column::Id)
        .filter(job::Column::Status.eq(READY))
        .filter(job::Column::Kind.is_in(kinds.iter().copied()))
        .filter(job::Column::RunAt.lte(now))
        .order_by_asc(job::Column::Crashes)
        .order_by_asc(job::Column::RunAt)
        .order_by_asc(job::Column::Id)
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_query();
    let mut rows = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(LEASED))
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
        .col_expr(job::Column::LeaseEpoch, Expr::col(job::Column::LeaseEpoch).add(1))
        .col_expr(job::Column::LeaseUntil, Expr::value(lease_until))
        .filter(job::Column::Id.in_subquery(due))
        .exec_with_returning(&tx.connection)
        .await?;
    rows.sort_by_key(|row| (row.crashes, row.run_at, row.id));
    Ok(rows
        .into_iter()
        .map(|row| ClaimedJob {
            id: JobId(row.id),
            kind: row.kind,
            payload: row.payload,
            attempts: row.attempts,
            crashes: row.crashes,
            epoch: row.lease_epoch,
        })
        .collect())
}

/// Holds a job longer. Returns whether the worker still had it.
pub async fn extend(tx: &Transaction<'_>, lease: Lease, lease_until: DateTime<Utc>) -> Result<bool, DatabaseError> {
    let result = job::Entity::update_many()
        .col_expr(job::Column::LeaseUntil, Expr::value(lease_until))
        .filter(held(lease))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Removes a job that is done. Returns whether the worker still had it; if not, nothing that it did in the transaction
/// may stand.
pub async fn finish(tx: &Transaction<'_>, lease: Lease) -> Result<bool, DatabaseError> {
    let result = job::Entity::delete_many().filter(held(lease)).exec(&tx.connection).await?;
    Ok(result.rows_affected == 1)
}

/// Gives a job back to be tried again at `run_at`. Returns whether the worker still had it.
pub async fn release(
    tx: &Transaction<'_>,
    lease: Lease,
    run_at: DateTime<Utc>,
    error: Option<&str>,
) -> Result<bool, DatabaseError> {
    let mut update = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(READY))
        .col_expr(job::Column::RunAt, Expr::value(run_at))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
    if let Some(error) = error {
        update = update.col_expr(job::Column::LastError, Expr::value(error));
    }
    Ok(update.filter(held(lease)).exec(&tx.connection).await?.rows_affected == 1)
}

/// Puts a job that can't be done aside. Returns whether the worker still had it.
pub async fn bury(tx: &Transaction<'_>, lease: Lease, error: &str) -> Result<bool, DatabaseError> {
    let result = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(DEAD))
        .col_expr(job::Column::LastError, Expr::value(error))
        .filter(held(lease))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}

/// Makes the jobs of workers that gave no sign of life ready again, and counts the crash. Returns how many.
pub async fn rescue_expired(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    rescue(tx, Condition::all().add(job::Column::LeaseUntil.lt(now)), now).await
}

/// Makes every held job ready again: for a process that starts alone on its data, so that whoever held a job is gone.
pub async fn rescue_all(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    rescue(tx, Condition::all(), now).await
}

async fn rescue(tx: &Transaction<'_>, condition: Condition, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let result = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(READY))
        .col_expr(job::Column::RunAt, Expr::value(now))
        .col_expr(job::Column::Crashes, Expr::col(job::Column::Crashes).add(1))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(job::Column::Status.eq(LEASED))
        .filter(condition)
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected)
}

/// How many jobs are not done: waiting or held.
pub async fn count_open(reader: &Reader<'_>) -> Result<i64, DatabaseError> {
    Ok(to_count(job::Entity::find().filter(job::Column::Status.ne(DEAD)).count(&reader.executor).await?))
}
