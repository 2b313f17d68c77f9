//! The workers of all processes, as each process writes them down. Only administrators read them, so there is nothing to
//! scope.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    sea_query::OnConflict,
};

use super::{convert, exists, kept_error};
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{StoredEnum, worker},
    },
    domain::worker::{WorkerState, WorkerStatus},
};

/// The advisory lock of a process that begins to work on a PostgreSQL database.
const BEGINNING: i64 = 0x0d0c_b0b5;

/// Workers of one answer.
const MOST: u64 = 500;

/// Keeps other processes from beginning until the transaction ends, so that one of them is the first.
pub async fn begin_alone(tx: &Transaction<'_>) -> Result<(), DatabaseError> {
    if tx.is_postgres() {
        tx.connection.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({BEGINNING})")).await?;
    }
    Ok(())
}

/// Whether a process works that has been heard of since.
pub async fn is_any_alive(tx: &Transaction<'_>, since: DateTime<Utc>) -> Result<bool, DatabaseError> {
    let alive = worker::Entity::find()
        .filter(worker::Column::State.ne(WorkerState::Stopped.stored()))
        .filter(worker::Column::HeartbeatAt.gte(since));
    exists(alive, &tx.connection).await
}

/// Writes how the workers of a process do.
pub async fn report(tx: &Transaction<'_>, workers: Vec<WorkerStatus>) -> Result<(), DatabaseError> {
    let rows: Vec<_> = workers
        .into_iter()
        .map(|status| {
            let error = status.error.as_deref().map(kept_error);
            worker::Model::from(WorkerStatus { error, ..status }).into_active_model()
        })
        .collect();
    let key = [worker::Column::Process, worker::Column::Name];
    let changed = [
        worker::Column::State,
        worker::Column::HeartbeatAt,
        worker::Column::Running,
        worker::Column::CurrentJob,
        worker::Column::Completed,
        worker::Column::Failed,
        worker::Column::Restarts,
        worker::Column::Error,
        worker::Column::FailedAt,
    ];
    worker::Entity::insert_many(rows)
        .on_conflict(OnConflict::columns(key).update_columns(changed).to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    Ok(())
}

/// Forgets the workers of processes that have not been heard of since.
pub async fn forget(tx: &Transaction<'_>, since: DateTime<Utc>) -> Result<(), DatabaseError> {
    worker::Entity::delete_many().filter(worker::Column::HeartbeatAt.lt(since)).exec(&tx.connection).await?;
    Ok(())
}

/// The workers of all processes, the newest processes first.
pub async fn list(reader: &Reader<'_>) -> Result<Vec<WorkerStatus>, DatabaseError> {
    let rows = worker::Entity::find()
        .order_by_desc(worker::Column::Process)
        .order_by_asc(worker::Column::Name)
        .limit(MOST)
        .all(&reader.executor)
        .await?;
    convert(rows)
}
