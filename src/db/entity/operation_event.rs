//! Table `operation_events`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        id::{DocumentId, OperationId},
        operation::{OperationEvent, OperationEventKind},
    },
};

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
