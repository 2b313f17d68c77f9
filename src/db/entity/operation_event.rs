//! Table `operation_events`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, stored_enum};
use crate::{
    db::DatabaseError,
    domain::{
        id::{DocumentId, OperationId},
        operation::{OperationEvent, OperationEventKind},
    },
};

stored_enum!(OperationEventKind {
    OperationCreated => "OPERATION_CREATED",
    OperationStarted => "OPERATION_STARTED",
    DocumentStarted => "DOCUMENT_STARTED",
    DocumentProgress => "DOCUMENT_PROGRESS",
    DocumentCompleted => "DOCUMENT_COMPLETED",
    DocumentFailed => "DOCUMENT_FAILED",
    DocumentSkipped => "DOCUMENT_SKIPPED",
    DocumentRetrying => "DOCUMENT_RETRYING",
    DocumentCancelled => "DOCUMENT_CANCELLED",
    DocumentDeleted => "DOCUMENT_DELETED",
    CancelRequested => "CANCEL_REQUESTED",
    OperationCompleted => "OPERATION_COMPLETED",
    OperationFailed => "OPERATION_FAILED",
    OperationCancelled => "OPERATION_CANCELLED",
});

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operation_events")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub seq: i32,
    pub kind: String,
    pub document_id: Option<Uuid>,
    pub message: Option<String>,
    pub progress: i32,
    pub at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for OperationEvent {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            operation_id: OperationId(row.operation_id),
            sequence: row.seq,
            kind: OperationEventKind::restore("operation_events.kind", &row.kind)?,
            document_id: row.document_id.map(DocumentId),
            message: row.message,
            progress: row.progress,
            at: row.at,
        })
    }
}
