//! Table `audit_log`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditObjectKind, AuditResult},
        id::{ApiKeyId, AuditEntryId, CollectionId, RequestId, UserId},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "audit_log")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub action: String,
    pub result: String,
    pub user_id: Option<Uuid>,
    pub api_key_id: Option<Uuid>,
    pub object_kind: Option<String>,
    pub object_id: Option<Uuid>,
    pub collection_id: Option<Uuid>,
    pub message: Option<String>,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub request_id: Option<Uuid>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for AuditEntry {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        let object = match (row.object_kind, row.object_id) {
            (Some(kind), Some(id)) => {
                Some(AuditObject { kind: AuditObjectKind::restore("audit_log.object_kind", &kind)?, id })
            }
            _ => None,
        };
        Ok(Self {
            id: AuditEntryId(row.id),
            at: row.at,
            action: AuditAction::restore("audit_log.action", &row.action)?,
            result: AuditResult::restore("audit_log.result", &row.result)?,
            user_id: row.user_id.map(UserId),
            api_key_id: row.api_key_id.map(ApiKeyId),
            object,
            collection_id: row.collection_id.map(CollectionId),
            message: row.message,
            address: row.address.and_then(|address| address.parse().ok()),
            user_agent: row.user_agent,
            request_id: row.request_id.map(RequestId),
        })
    }
}

impl From<AuditEntry> for Model {
    fn from(entry: AuditEntry) -> Self {
        Self {
            id: entry.id.0,
            at: entry.at,
            action: entry.action.stored(),
            result: entry.result.stored(),
            user_id: entry.user_id.map(|id| id.0),
            api_key_id: entry.api_key_id.map(|id| id.0),
            object_kind: entry.object.map(|object| object.kind.stored()),
            object_id: entry.object.map(|object| object.id),
            collection_id: entry.collection_id.map(|id| id.0),
            message: entry.message,
            address: entry.address.map(|address| address.to_string()),
            user_agent: entry.user_agent,
            request_id: entry.request_id.map(|id| id.0),
        }
    }
}
