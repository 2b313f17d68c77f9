//! Table `operation_documents`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json};
use crate::{
    db::DatabaseError,
    domain::{
        id::{DocumentId, OperationId},
        operation::{DocumentOutcome, OperationDocument},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "operation_documents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub operation_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub ordinal: i32,
    pub document_id: Uuid,
    pub outcome: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub error: Option<Json>,
    pub chunk_count: i32,
    /// Its progress.
    pub percent: i32,
    pub revision: i32,
    pub file_name: String,
    pub uri: String,
    pub content_type: Option<String>,
    pub file_size: i64,
    pub content_hash: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub meta: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for OperationDocument {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            operation_id: OperationId(row.operation_id),
            document_id: DocumentId(row.document_id),
            ordinal: row.ordinal,
            outcome: DocumentOutcome::restore("operation_documents.outcome", &row.outcome)?,
            error: row.error.map(|error| from_json("operation_documents.error", error)).transpose()?,
            chunk_count: row.chunk_count,
            percent: row.percent,
        })
    }
}
