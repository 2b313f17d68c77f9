//! The rows of the queue. This module does not know what a job means.
//!
//! [`claim`] hands jobs out, [`lease`] looks after those that are held.

mod claim;
mod lease;

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select,
    sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType, OnConflict, SelectStatement},
};
use uuid::Uuid;

pub use self::{
    claim::{ClaimedJob, Holder, claim, claim_suspect, has_due, has_suspect, next_tenant, promote_due},
    lease::{HeldJob, Kept, Lease, keep, overdue, rescue_all, rescue_dead},
};
use super::{INSERT_ROWS, exists, kept_error, to_count};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, job},
        news::Change,
    },
    domain::{
        id::{JobId, OperationId},
        job::{JobPriority, JobStatus, Lane, Tenant},
        worker::QueueDepth,
    },
};

/// Jobs that are counted with one statement.
const COUNTED: u64 = 5_000;

/// A job to be done.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    pub id: JobId,
    pub kind: &'static str,
    pub lane: Lane,
    pub priority: JobPriority,
    pub tenant: Tenant,
    /// What it concerns, if two jobs of this kind with the same subject make no sense.
    pub subject: Option<String>,
    pub payload: serde_json::Value,
    pub run_at: DateTime<Utc>,
}

impl NewJob {
    /// A job of the system that a caller waits for, without a subject.
    #[must_use]
    pub fn new(kind: &'static str, lane: Lane, payload: serde_json::Value, run_at: DateTime<Utc>) -> Self {
        let (priority, tenant) = (JobPriority::Foreground, Tenant::SYSTEM);
        Self { id: JobId::generate(), kind, lane, priority, tenant, subject: None, payload, run_at }
    }
}

/// What giving a job back costs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// It was tried and failed.
    Attempt,
    /// It had to be delayed, and waits longer each time.
    Delay,
    /// Nothing: it blocked no other job.
    Nothing,
}

fn has_status(status: JobStatus) -> Expr {
    job::Column::Status.eq(status.stored())
}

fn held(lease: Lease) -> Condition {
    Condition::all()
        .add(job::Column::Id.eq(lease.job.0))
        .add(job::Column::LeaseEpoch.eq(lease.epoch))
        .add(has_status(JobStatus::Leased))
}

/// The ids of the given jobs that no other transaction has locked. A transaction that changes several jobs skips the
/// others, so that transactions can't deadlock.
fn free(jobs: Select<job::Entity>) -> SelectStatement {
    let ids = jobs.select_only().column(job::Column::Id);
    ids.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).into_query()
}

/// What a job is when it can be claimed.
fn claimable() -> Expr {
    Expr::case(job::Column::Suspicions.gt(0), JobStatus::Suspect.stored()).finally(JobStatus::Ready.stored()).into()
}

fn status_at(run_at: DateTime<Utc>, now: DateTime<Utc>) -> JobStatus {
    if run_at <= now { JobStatus::Ready } else { JobStatus::Waiting }
}

/// Adds jobs, in the transaction of the change that needs them. If a job of the same kind and subject is queued, it is
/// updated with the new payload instead. If that job is held at the moment, it runs once more afterwards. The queue
/// learns of them when the transaction is committed.
pub async fn insert_many(tx: &Transaction<'_>, jobs: Vec<NewJob>, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    let mut subjects = HashSet::new();
    // The last payload wins, as if the jobs had been added one by one.
    let mut rows: Vec<_> = jobs
        .into_iter()
        .rev()
        .filter(|new| new.subject.as_ref().is_none_or(|subject| subjects.insert((new.kind, subject.clone()))))
        .map(|new| row(new, now))
        .collect();
    rows.reverse();
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let some: Vec<_> = rows.by_ref().take(INSERT_ROWS).collect();
        job::Entity::insert_many(some).on_conflict(merge()).exec_without_returning(&tx.connection).await?;
        tx.after_commit(Change::Jobs);
    }
    Ok(())
}

fn row(new: NewJob, now: DateTime<Utc>) -> job::ActiveModel {
    job::ActiveModel {
        id: Set(new.id.0),
        kind: Set(new.kind.to_owned()),
        subject: Set(new.subject),
        payload: Set(new.payload),
        status: Set(status_at(new.run_at, now).stored()),
        tenant: Set(new.tenant.0),
        lane: Set(new.lane.stored()),
        priority: Set(match new.priority {
            JobPriority::Foreground => 0,
            JobPriority::Background => 1,
        }),
        attempts: Set(0),
        crashes: Set(0),
        suspicions: Set(0),
        delays: Set(0),
        run_at: Set(new.run_at),
        scheduled_at: Set(now),
        runs_again: Set(false),
        lease_epoch: Set(0),
        lease_until: Set(None),
        leased_by: Set(None),
        last_error: Set(None),
        created_at: Set(now),
    }
}

/// How a queued job changes when another of its kind and subject is added. A delayed job keeps its delay.
fn merge() -> OnConflict {
    let old = |column: job::Column| Expr::col((job::Entity, column));
    let new = |column: job::Column| Expr::col((Alias::new("excluded"), column));
    let is_held = || old(job::Column::Status).eq(JobStatus::Leased.stored());
    let is_only_scheduled = old(job::Column::Status)
        .eq(JobStatus::Waiting.stored())
        .and(old(job::Column::Attempts).eq(0))
        .and(old(job::Column::Delays).eq(0))
        .and(new(job::Column::RunAt).lt(old(job::Column::RunAt)));
    let is_sooner = is_held().or(is_only_scheduled.clone());
    let either = |is_new: &Expr, column| Expr::case(is_new.clone(), new(column)).finally(old(column));
    OnConflict::columns([job::Column::Kind, job::Column::Subject])
        .update_column(job::Column::Payload)
        .value(job::Column::RunsAgain, is_held())
        .value(job::Column::Status, either(&is_only_scheduled, job::Column::Status))
        .value(job::Column::RunAt, either(&is_sooner, job::Column::RunAt))
        .value(job::Column::ScheduledAt, either(&is_sooner, job::Column::ScheduledAt))
        .to_owned()
}

/// Whether a worker still holds a job. The lease can't be taken away while the transaction lasts.
pub async fn prove(tx: &Transaction<'_>, lease: Lease) -> Result<bool, DatabaseError> {
    let query = job::Entity::find().select_only().column(job::Column::Id).filter(held(lease)).lock_exclusive();
    Ok(query.into_tuple::<Uuid>().one(&tx.connection).await?.is_some())
}

/// Deletes a finished job, or makes it wait again if it was requested in the meantime. Returns false if the lease was
/// lost; the caller must then roll back.
pub async fn finish(tx: &Transaction<'_>, lease: Lease) -> Result<bool, DatabaseError> {
    let done = job::Entity::delete_many().filter(held(lease)).filter(job::Column::RunsAgain.eq(false));
    if done.exec(&tx.connection).await?.rows_affected == 1 {
        return Ok(true);
    }
    let again = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Waiting.stored()))
        .col_expr(job::Column::RunsAgain, Expr::value(false))
        .col_expr(job::Column::LeasedBy, Expr::value(Option::<Uuid>::None))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
    let again = [job::Column::Attempts, job::Column::Crashes, job::Column::Suspicions, job::Column::Delays]
        .into_iter()
        .fold(again, |update, column| update.col_expr(column, Expr::value(0)));
    Ok(again.filter(held(lease)).exec(&tx.connection).await?.rows_affected == 1)
}

/// Returns a job to the queue, to be retried at `run_at`. Returns whether the worker still had it.
pub async fn release(
    tx: &Transaction<'_>,
    lease: Lease,
    cost: Cost,
    run_at: DateTime<Utc>,
    now: DateTime<Utc>,
    error: Option<&str>,
) -> Result<bool, DatabaseError> {
    let status = match status_at(run_at, now) {
        JobStatus::Waiting => Expr::value(JobStatus::Waiting.stored()),
        _ => claimable(),
    };
    let (refund, delays) = match cost {
        Cost::Attempt => (0, Expr::value(0)),
        Cost::Delay => (1, Expr::col(job::Column::Delays).add(1)),
        Cost::Nothing => (1, Expr::col(job::Column::Delays)),
    };
    let mut update = job::Entity::update_many()
        .col_expr(job::Column::Status, status)
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).sub(refund))
        .col_expr(job::Column::Delays, delays)
        .col_expr(job::Column::RunAt, Expr::value(run_at))
        .col_expr(job::Column::ScheduledAt, Expr::value(now))
        .col_expr(job::Column::RunsAgain, Expr::value(false))
        .col_expr(job::Column::LeasedBy, Expr::value(Option::<Uuid>::None))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None));
    if let Some(error) = error {
        update = update.col_expr(job::Column::LastError, Expr::value(kept_error(error)));
    }
    Ok(update.filter(held(lease)).exec(&tx.connection).await?.rows_affected == 1)
}

/// Parks a job that no handler understands, so that it doesn't block others with its subject. Returns whether the
/// worker still had it.
pub async fn bury(tx: &Transaction<'_>, lease: Lease, error: &str) -> Result<bool, DatabaseError> {
    let result = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Dead.stored()))
        .col_expr(job::Column::Subject, Expr::value(Option::<String>::None))
        .col_expr(job::Column::LeasedBy, Expr::value(Option::<Uuid>::None))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .col_expr(job::Column::LastError, Expr::value(kept_error(error)))
        .filter(held(lease))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected == 1)
}

/// A job in the queue, as far as it matters what it is about.
#[derive(Clone, PartialEq, Debug)]
pub struct QueuedJob {
    pub kind: String,
    pub payload: serde_json::Value,
}

/// Jobs that will be done and name this id under `field` of their payload.
fn naming(field: &'static str, id: Uuid) -> Condition {
    let named = Expr::cust(format!("payload ->> '{field}'"));
    Condition::all().add(job::Column::Status.ne(JobStatus::Dead.stored())).add(named.eq(id.to_string()))
}

/// The jobs that will be done for an operation.
pub async fn of_operation(tx: &Transaction<'_>, id: OperationId) -> Result<Vec<QueuedJob>, DatabaseError> {
    let rows = job::Entity::find().filter(naming("operation", id.0)).all(&tx.connection).await?;
    Ok(rows.into_iter().map(|row| QueuedJob { kind: row.kind, payload: row.payload }).collect())
}

/// Whether a job of this kind will be done that names this id under `field` of its payload.
pub async fn is_queued(
    reader: &Reader<'_>,
    kind: &str,
    field: &'static str,
    id: impl Into<Uuid>,
) -> Result<bool, DatabaseError> {
    let jobs = job::Entity::find().filter(naming(field, id.into())).filter(job::Column::Kind.eq(kind));
    exists(jobs, &reader.executor).await
}

/// How many jobs will be done for each operation that has any. Reads a page of jobs with each statement.
pub async fn count_by_operation(reader: &Reader<'_>) -> Result<HashMap<OperationId, usize>, DatabaseError> {
    let (mut counted, mut after) = (HashMap::new(), None::<Uuid>);
    loop {
        let mut some = job::Entity::find().filter(job::Column::Status.ne(JobStatus::Dead.stored()));
        if let Some(after) = after {
            some = some.filter(job::Column::Id.gt(after));
        }
        let some: Vec<(Uuid, Option<String>)> = some
            .select_only()
            .column(job::Column::Id)
            .column_as(Expr::cust("payload ->> 'operation'"), "operation")
            .order_by_asc(job::Column::Id)
            .limit(COUNTED)
            .into_tuple()
            .all(&reader.executor)
            .await?;
        let Some((last, _)) = some.last() else { return Ok(counted) };
        after = Some(*last);
        for operation in some.into_iter().filter_map(|(_, operation)| operation?.parse().ok()) {
            *counted.entry(operation).or_default() += 1;
        }
    }
}

/// The jobs of each kind of which there are any. Only administrators ask, so there is nothing to scope.
pub async fn depths(reader: &Reader<'_>) -> Result<Vec<QueueDepth>, DatabaseError> {
    let rows: Vec<(String, String, i64, DateTime<Utc>)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Kind, job::Column::Status])
        .column_as(job::Column::Id.count(), "jobs")
        .column_as(job::Column::CreatedAt.min(), "oldest")
        .group_by(job::Column::Kind)
        .group_by(job::Column::Status)
        .order_by_asc(job::Column::Kind)
        .into_tuple()
        .all(&reader.executor)
        .await?;
    let mut depths: Vec<QueueDepth> = Vec::new();
    for (kind, status, count, oldest) in rows {
        if depths.last().is_none_or(|depth| depth.kind != kind) {
            depths.push(QueueDepth { kind, ..QueueDepth::default() });
        }
        let Some(depth) = depths.last_mut() else { continue };
        let status = JobStatus::restore("jobs.status", &status)?;
        match status {
            JobStatus::Ready | JobStatus::Suspect => depth.ready += count,
            JobStatus::Waiting => depth.waiting += count,
            JobStatus::Leased => depth.running += count,
            JobStatus::Dead => depth.dead += count,
        }
        if status != JobStatus::Dead {
            depth.oldest_at = Some(depth.oldest_at.map_or(oldest, |before| Ord::min(before, oldest)));
        }
    }
    Ok(depths)
}

/// How many jobs are not done: waiting or held.
pub async fn count_open(reader: &Reader<'_>) -> Result<i64, DatabaseError> {
    let open = job::Entity::find().filter(job::Column::Status.ne(JobStatus::Dead.stored()));
    Ok(to_count(open.count(&reader.executor).await?))
}

/// How many jobs were parked.
pub async fn count_dead(reader: &Reader<'_>) -> Result<i64, DatabaseError> {
    Ok(to_count(job::Entity::find().filter(has_status(JobStatus::Dead)).count(&reader.executor).await?))
}
