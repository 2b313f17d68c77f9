//! Hands out jobs: tenant by tenant, so that no tenant waits for another's backlog, and one at a time for those with
//! which a process died. Looking at waiting jobs needs no scope, because no caller reads jobs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{Lease, claimable, free, has_status, lease::moment};
use crate::{
    db::{
        Database, DatabaseError, Transaction,
        entity::{StoredEnum, job},
        statement::Executor,
    },
    domain::{
        id::{JobId, WorkerId},
        job::{JobStatus, Lane, Tenant},
    },
};

/// A job that a worker holds. `epoch` is the proof: a later claim has a higher one.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimedJob {
    pub id: JobId,
    pub kind: String,
    pub payload: serde_json::Value,
    pub tenant: Tenant,
    pub lane: Lane,
    /// How often it was tried, this time included.
    pub attempts: i32,
    /// How often its worker died while it worked on nothing else.
    pub crashes: i32,
    /// How often its worker died with it.
    pub suspicions: i32,
    /// How often in a row it was delayed.
    pub delays: i32,
    pub epoch: i32,
}

impl ClaimedJob {
    /// The proof that goes with this claim.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease { job: self.id, epoch: self.epoch }
    }

    /// Whether a worker had it before, and may have done part of the work.
    #[must_use]
    pub fn was_held_before(&self) -> bool {
        self.epoch > 1
    }

    pub(super) fn from_row(row: job::Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: JobId(row.id),
            kind: row.kind,
            payload: row.payload,
            tenant: Tenant(row.tenant),
            lane: Lane::restore("jobs.lane", &row.lane)?,
            attempts: row.attempts,
            crashes: row.crashes,
            suspicions: row.suspicions,
            delays: row.delays,
            epoch: row.lease_epoch,
        })
    }
}

/// Who claims, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    pub worker: WorkerId,
    /// How long a job is held without a heartbeat.
    pub lease: Duration,
}

/// The tenant after `after` (the first, for `None`) that has jobs of these kinds in a lane. Costs one step down the index,
/// however many jobs there are.
pub async fn next_tenant(
    database: &Database,
    lane: Lane,
    kinds: &[&str],
    after: Option<Tenant>,
) -> Result<Option<Tenant>, DatabaseError> {
    let mut query = job::Entity::find()
        .select_only()
        .column(job::Column::Tenant)
        .filter(has_status(JobStatus::Ready))
        .filter(job::Column::Lane.eq(lane.stored()))
        .filter(job::Column::Kind.is_in(kinds.iter().copied()))
        .order_by_asc(job::Column::Tenant);
    if let Some(after) = after {
        query = query.filter(job::Column::Tenant.gt(after.0));
    }
    Ok(query.into_tuple::<Uuid>().one(&Executor::Readers(&database.readers)).await?.map(Tenant))
}

/// Claims up to `limit` jobs of one tenant in a lane: those with a waiting caller first, then the oldest.
pub async fn claim(
    tx: &Transaction<'_>,
    holder: Holder,
    lane: Lane,
    tenant: Tenant,
    kinds: &[&str],
    limit: u64,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedJob>, DatabaseError> {
    let some = job::Entity::find()
        .filter(has_status(JobStatus::Ready))
        .filter(job::Column::Lane.eq(lane.stored()))
        .filter(job::Column::Tenant.eq(tenant.0))
        .filter(job::Column::Kind.is_in(kinds.iter().copied()))
        .order_by_asc(job::Column::Priority)
        .order_by_asc(job::Column::RunAt)
        .order_by_asc(job::Column::Id)
        .limit(limit);
    take(tx, holder, some, now).await
}

/// Whether a job of these kinds waits with which a process died.
pub async fn has_suspect(database: &Database, kinds: &[&str]) -> Result<bool, DatabaseError> {
    let query = job::Entity::find().select_only().column(job::Column::Id).filter(is_suspect(kinds));
    Ok(query.into_tuple::<Uuid>().one(&Executor::Readers(&database.readers)).await?.is_some())
}

fn is_suspect(kinds: &[&str]) -> Expr {
    has_status(JobStatus::Suspect).and(job::Column::Kind.is_in(kinds.iter().copied()))
}

/// Takes the least suspect of the jobs with which a process died.
pub async fn claim_suspect(
    tx: &Transaction<'_>,
    holder: Holder,
    kinds: &[&str],
    now: DateTime<Utc>,
) -> Result<Option<ClaimedJob>, DatabaseError> {
    let one = job::Entity::find()
        .filter(is_suspect(kinds))
        .order_by_asc(job::Column::Suspicions)
        .order_by_asc(job::Column::Id)
        .limit(1);
    Ok(take(tx, holder, one, now).await?.pop())
}

async fn take(
    tx: &Transaction<'_>,
    holder: Holder,
    jobs: Select<job::Entity>,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedJob>, DatabaseError> {
    let mut rows = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Leased.stored()))
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).add(1))
        .col_expr(job::Column::LeaseEpoch, Expr::col(job::Column::LeaseEpoch).add(1))
        .col_expr(job::Column::LeasedBy, Expr::value(holder.worker.0))
        .col_expr(job::Column::LeaseUntil, moment(tx, now, holder.lease))
        .filter(job::Column::Id.in_subquery(free(jobs)))
        .exec_with_returning(&tx.connection)
        .await?;
    rows.sort_by_key(|row| (row.priority, row.run_at, row.id));
    rows.into_iter().map(ClaimedJob::from_row).collect()
}

/// Whose time has come: those before it, and those that were scheduled in a future that a clock which was set back has
/// yet to reach.
fn due(now: DateTime<Utc>) -> Condition {
    let come = Condition::any().add(job::Column::RunAt.lte(now)).add(job::Column::ScheduledAt.gt(now));
    Condition::all().add(has_status(JobStatus::Waiting)).add(come)
}

/// Whether the time of a waiting job has come.
pub async fn has_due(database: &Database, now: DateTime<Utc>) -> Result<bool, DatabaseError> {
    let query = job::Entity::find().select_only().column(job::Column::Id).filter(due(now));
    Ok(query.into_tuple::<Uuid>().one(&Executor::Readers(&database.readers)).await?.is_some())
}

/// Makes the waiting jobs whose time has come claimable. From then on no clock keeps them back.
pub async fn promote_due(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<(), DatabaseError> {
    let some = free(job::Entity::find().filter(due(now)));
    job::Entity::update_many()
        .col_expr(job::Column::Status, claimable())
        .filter(job::Column::Id.in_subquery(some))
        .exec(&tx.connection)
        .await?;
    Ok(())
}
