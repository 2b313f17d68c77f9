//! Table `operations`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        id::{CollectionId, OperationId, UserId},
        operation::{Operation, OperationStatus, OperationTotals, OperationType},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub collection_id: Option<Uuid>,
    pub user_id: Option<Uuid>,
    pub operation_type: String,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub config: Json,
    pub error_message: Option<String>,
    pub document_total: i32,
    pub completed_total: i32,
    pub failed_total: i32,
    pub skipped_total: i32,
    pub cancelled_total: i32,
    pub chunk_total: i32,
    /// Sum of the progress of documents in work, in percent.
    pub percent_total: i32,
    /// The progress below which it does not fall.
    pub least_progress: i32,
    /// The sequence number of the newest event.
    pub last_sequence: i32,
    pub cancel_requested: bool,
    pub idempotency_key: Option<String>,
    /// SHA-256 of the request, which distinguishes a repeated call from another call with the same key.
    pub request_digest: Option<String>,
    pub created_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub completed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Operation {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: OperationId(row.id),
            operation_type: OperationType::restore("operations.operation_type", &row.operation_type)?,
            status: OperationStatus::restore("operations.status", &row.status)?,
            collection_id: row.collection_id.map(CollectionId),
            user_id: row.user_id.map(UserId),
            config: row.config,
            error_message: row.error_message,
            totals: OperationTotals {
                documents: row.document_total,
                completed: row.completed_total,
                failed: row.failed_total,
                skipped: row.skipped_total,
                cancelled: row.cancelled_total,
                chunks: row.chunk_total,
                in_work: row.percent_total,
                least_progress: row.least_progress,
            },
            created_at: row.created_at,
            started_at: row.started_at,
            completed_at: row.completed_at,
        })
    }
}
