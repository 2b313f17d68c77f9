//! Table `source_runs`.

use sea_orm::entity::prelude::*;

use crate::domain::{
    id::{OperationId, SourceId, SourceRunId},
    source::{RunCounts, SourceRun},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_runs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub source_id: Uuid,
    pub operation_id: Option<Uuid>,
    pub found: i32,
    pub added: i32,
    pub changed: i32,
    pub unchanged: i32,
    pub removed: i32,
    pub failed: i32,
    pub skipped: i32,
    pub error: Option<String>,
    pub started_at: DateTimeUtc,
    pub completed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for SourceRun {
    fn from(row: Model) -> Self {
        Self {
            id: SourceRunId(row.id),
            source_id: SourceId(row.source_id),
            operation_id: row.operation_id.map(OperationId),
            counts: RunCounts {
                found: row.found,
                added: row.added,
                changed: row.changed,
                unchanged: row.unchanged,
                removed: row.removed,
                failed: row.failed,
                skipped: row.skipped,
            },
            error: row.error,
            started_at: row.started_at,
            completed_at: row.completed_at,
        }
    }
}

impl From<SourceRun> for Model {
    fn from(run: SourceRun) -> Self {
        let RunCounts { found, added, changed, unchanged, removed, failed, skipped } = run.counts;
        Self {
            id: run.id.0,
            source_id: run.source_id.0,
            operation_id: run.operation_id.map(|id| id.0),
            found,
            added,
            changed,
            unchanged,
            removed,
            failed,
            skipped,
            error: run.error,
            started_at: run.started_at,
            completed_at: run.completed_at,
        }
    }
}
