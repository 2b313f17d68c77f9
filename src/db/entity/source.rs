//! Table `sources`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json, to_json};
use crate::{
    db::DatabaseError,
    domain::{
        id::{CollectionId, SourceId, SourceRunId, UserId},
        source::{Source, SourceStatus, VanishPolicy},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "sources")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub collection_id: Uuid,
    pub user_id: Option<Uuid>,
    pub name: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub location: Json,
    pub interval_minutes: Option<i32>,
    /// How many syncs in a row have to miss a file before its document is deleted; `None`: it is kept.
    pub vanish_after: Option<i32>,
    pub status: String,
    pub error: Option<String>,
    pub last_run: Option<Uuid>,
    pub next_run_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Source {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: SourceId(row.id),
            collection_id: CollectionId(row.collection_id),
            user_id: row.user_id.map(UserId),
            name: row.name,
            location: from_json("sources.location", row.location)?,
            interval_minutes: row.interval_minutes,
            on_vanish: row.vanish_after.map_or(VanishPolicy::Keep, VanishPolicy::DeleteAfter),
            status: SourceStatus::restore("sources.status", &row.status)?,
            error: row.error,
            last_run: row.last_run.map(SourceRunId),
            next_run_at: row.next_run_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl TryFrom<Source> for Model {
    type Error = DatabaseError;

    fn try_from(source: Source) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: source.id.0,
            collection_id: source.collection_id.0,
            user_id: source.user_id.map(|id| id.0),
            name: source.name,
            location: to_json("sources.location", &source.location)?,
            interval_minutes: source.interval_minutes,
            vanish_after: match source.on_vanish {
                VanishPolicy::Keep => None,
                VanishPolicy::DeleteAfter(syncs) => Some(syncs),
            },
            status: source.status.stored(),
            error: source.error,
            last_run: source.last_run.map(|id| id.0),
            next_run_at: source.next_run_at,
            created_at: source.created_at,
            updated_at: source.updated_at,
        })
    }
}
