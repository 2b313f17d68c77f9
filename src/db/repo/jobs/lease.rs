//! Leases: heartbeats of workers, and recovery of the jobs of workers that died.
//!
//! On PostgreSQL, where several machines may share one queue, all lease times come from the database. On SQLite there
//! is one process and one clock.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use uuid::Uuid;

use super::{ClaimedJob, Holder, free, has_status};
use crate::{
    db::{
        DatabaseError, Transaction,
        entity::{StoredEnum, job},
    },
    domain::{
        id::{JobId, WorkerId},
        job::JobStatus,
    },
};

/// After this many deaths, a job is blamed for the next one if it was the only suspect among the running jobs. Before
/// that, it is blamed only if it ran alone.
const TELLING: i32 = 4;

/// The proof that a worker holds a job.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lease {
    pub job: JobId,
    pub epoch: i32,
}

/// What a worker learns from its heartbeat.
#[derive(Debug, Default)]
pub struct Kept {
    /// Leases that it had and that were taken away.
    pub lost: Vec<Lease>,
    /// Jobs in its name that it does not know of: a claim whose answer was lost, an end that could not be written.
    pub strays: Vec<ClaimedJob>,
}

/// A moment that leases are compared with: `after` from now.
pub(super) fn moment(tx: &Transaction<'_>, now: DateTime<Utc>, after: Duration) -> Expr {
    if tx.is_postgres() {
        Expr::cust_with_values("now() + make_interval(secs => $1)", [after.as_secs_f64()])
    } else {
        Expr::value(now + TimeDelta::from_std(after).unwrap_or_default())
    }
}

/// Holds the jobs of a worker longer. `known` are those that it knows of.
pub async fn keep(
    tx: &Transaction<'_>,
    holder: Holder,
    known: &[Lease],
    now: DateTime<Utc>,
) -> Result<Kept, DatabaseError> {
    let own = || has_status(JobStatus::Leased).and(job::Column::LeasedBy.eq(holder.worker.0));
    let rows = job::Entity::find().filter(own()).all(&tx.connection).await?;
    let found = rows.into_iter().map(ClaimedJob::from_row).collect::<Result<Vec<_>, _>>()?;
    let known: HashSet<_> = known.iter().copied().collect();
    let leases: HashSet<_> = found.iter().map(ClaimedJob::lease).collect();
    if !found.is_empty() {
        job::Entity::update_many()
            .col_expr(job::Column::LeaseUntil, moment(tx, now, holder.lease))
            .filter(job::Column::Id.in_subquery(free(job::Entity::find().filter(own()))))
            .exec(&tx.connection)
            .await?;
    }
    let lost: Vec<_> = known.difference(&leases).copied().collect();
    take_back_suspicion(tx, &lost).await?;
    Ok(Kept { lost, strays: found.into_iter().filter(|job| !known.contains(&job.lease())).collect() })
}

/// A worker was considered dead but is alive: its jobs killed no one.
async fn take_back_suspicion(tx: &Transaction<'_>, lost: &[Lease]) -> Result<(), DatabaseError> {
    if lost.is_empty() {
        return Ok(());
    }
    let less = |column: job::Column| Expr::case(column.gt(0), Expr::col(column).sub(1)).finally(0);
    let is_cleared = has_status(JobStatus::Suspect).and(job::Column::Suspicions.lte(1));
    job::Entity::update_many()
        .col_expr(
            job::Column::Status,
            Expr::case(is_cleared, JobStatus::Ready.stored()).finally(Expr::col(job::Column::Status)).into(),
        )
        .col_expr(job::Column::Suspicions, less(job::Column::Suspicions).into())
        .col_expr(job::Column::Crashes, less(job::Column::Crashes).into())
        .filter(job::Column::Id.is_in(lost.iter().map(|lease| lease.job.0)))
        .exec(&tx.connection)
        .await?;
    Ok(())
}

/// A job that a worker holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeldJob {
    pub id: JobId,
    pub kind: String,
}

/// The held jobs whose leases have been over for `silent`; all held jobs for `None`.
pub async fn overdue(
    tx: &Transaction<'_>,
    silent: Option<Duration>,
    now: DateTime<Utc>,
) -> Result<Vec<HeldJob>, DatabaseError> {
    let mut jobs = job::Entity::find().filter(has_status(JobStatus::Leased)).order_by_asc(job::Column::Id);
    if let Some(silent) = silent {
        let since_then = if tx.is_postgres() {
            Expr::cust_with_values("now() - make_interval(secs => $1)", [silent.as_secs_f64()])
        } else {
            Expr::value(now - TimeDelta::from_std(silent).unwrap_or_default())
        };
        jobs = jobs.filter(Expr::col(job::Column::LeaseUntil).lt(since_then));
    }
    let rows: Vec<(Uuid, String)> =
        jobs.select_only().columns([job::Column::Id, job::Column::Kind]).into_tuple().all(&tx.connection).await?;
    Ok(rows.into_iter().map(|(id, kind)| HeldJob { id: JobId(id), kind }).collect())
}

/// Makes the jobs of dead workers claimable again, other than those of `worker`. A worker is dead when it held all of
/// its jobs too long. Returns how many jobs.
pub async fn rescue_dead(tx: &Transaction<'_>, worker: WorkerId, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    let alive: Vec<Option<Uuid>> = job::Entity::find()
        .select_only()
        .column(job::Column::LeasedBy)
        .filter(has_status(JobStatus::Leased))
        .filter(Expr::col(job::Column::LeaseUntil).gte(moment(tx, now, Duration::ZERO)))
        .distinct()
        .into_tuple()
        .all(&tx.connection)
        .await?;
    rescue(tx, |holder| holder != Some(worker.0) && !alive.contains(&holder), now).await
}

/// Makes every held job claimable again. For a process that starts alone on its data, when earlier holders are gone.
pub async fn rescue_all(tx: &Transaction<'_>, now: DateTime<Utc>) -> Result<u64, DatabaseError> {
    rescue(tx, |_| true, now).await
}

/// A held job, as far as it matters when its worker is dead.
struct Left {
    id: Uuid,
    suspicions: i32,
}

async fn rescue(
    tx: &Transaction<'_>,
    is_dead: impl Fn(Option<Uuid>) -> bool,
    now: DateTime<Utc>,
) -> Result<u64, DatabaseError> {
    let rows: Vec<(Uuid, Option<Uuid>, i32)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::LeasedBy, job::Column::Suspicions])
        .filter(has_status(JobStatus::Leased))
        .into_tuple()
        .all(&tx.connection)
        .await?;
    let mut workers: HashMap<Option<Uuid>, Vec<Left>> = HashMap::new();
    for (id, holder, suspicions) in rows.into_iter().filter(|(_, holder, _)| is_dead(*holder)) {
        workers.entry(holder).or_default().push(Left { id, suspicions });
    }
    let culprits: HashSet<_> = workers.values().filter_map(|jobs| culprit(jobs)).collect();
    let victims = workers.into_values().flatten().map(|job| job.id).filter(|id| !culprits.contains(id)).collect();
    Ok(suspect(tx, culprits.into_iter().collect(), 1, now).await? + suspect(tx, victims, 0, now).await?)
}

/// The job that brought its worker down, if it is clear which.
fn culprit(jobs: &[Left]) -> Option<Uuid> {
    let mut suspects = jobs.iter().filter(|job| jobs.len() == 1 || job.suspicions > 0);
    let (first, second) = (suspects.next()?, suspects.next());
    let is_clear = second.is_none() && (jobs.len() == 1 || first.suspicions >= TELLING);
    is_clear.then_some(first.id)
}

async fn suspect(
    tx: &Transaction<'_>,
    jobs: Vec<Uuid>,
    crashes: i32,
    now: DateTime<Utc>,
) -> Result<u64, DatabaseError> {
    if jobs.is_empty() {
        return Ok(0);
    }
    let result = job::Entity::update_many()
        .col_expr(job::Column::Status, Expr::value(JobStatus::Suspect.stored()))
        .col_expr(job::Column::Suspicions, Expr::col(job::Column::Suspicions).add(1))
        .col_expr(job::Column::Crashes, Expr::col(job::Column::Crashes).add(crashes))
        // A crash is counted as such; it is no attempt.
        .col_expr(job::Column::Attempts, Expr::col(job::Column::Attempts).sub(1))
        .col_expr(job::Column::RunAt, Expr::value(now))
        .col_expr(job::Column::ScheduledAt, Expr::value(now))
        .col_expr(job::Column::RunsAgain, Expr::value(false))
        .col_expr(job::Column::LeasedBy, Expr::value(Option::<Uuid>::None))
        .col_expr(job::Column::LeaseUntil, Expr::value(Option::<DateTime<Utc>>::None))
        .filter(job::Column::Id.is_in(jobs))
        .filter(has_status(JobStatus::Leased))
        .exec(&tx.connection)
        .await?;
    Ok(result.rows_affected)
}
