//! Table `workers`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        id::WorkerId,
        worker::{WorkerName, WorkerState, WorkerStatus},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "workers")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub process: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub state: String,
    pub heartbeat_at: DateTimeUtc,
    pub started_at: DateTimeUtc,
    pub running: i32,
    pub current_job: Option<String>,
    pub completed: i64,
    pub failed: i64,
    pub restarts: i32,
    pub error: Option<String>,
    pub failed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<WorkerStatus> for Model {
    fn from(status: WorkerStatus) -> Self {
        Self {
            process: status.process.0,
            name: status.name.stored(),
            state: status.state.stored(),
            heartbeat_at: status.heartbeat_at,
            started_at: status.started_at,
            running: status.running,
            current_job: status.current_job,
            completed: status.completed,
            failed: status.failed,
            restarts: status.restarts,
            error: status.error,
            failed_at: status.failed_at,
        }
    }
}

impl TryFrom<Model> for WorkerStatus {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            process: WorkerId(row.process),
            name: WorkerName::restore("workers.name", &row.name)?,
            state: WorkerState::restore("workers.state", &row.state)?,
            heartbeat_at: row.heartbeat_at,
            started_at: row.started_at,
            running: row.running,
            current_job: row.current_job,
            completed: row.completed,
            failed: row.failed,
            restarts: row.restarts,
            error: row.error,
            failed_at: row.failed_at,
        })
    }
}
