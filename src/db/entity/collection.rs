//! Table `collections`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        collection::{Collection, CollectionStatus},
        id::{CollectionId, GenerationId, UserId},
        name,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "collections")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub owner_id: Uuid,
    pub name: String,
    /// The name, folded.
    pub name_key: String,
    pub description: Option<String>,
    pub status: String,
    pub is_public: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub meta: Json,
    /// The active one.
    pub generation: Uuid,
    pub document_count: i32,
    pub total_bytes: i64,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Collection {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: CollectionId(row.id),
            owner_id: UserId(row.owner_id),
            name: row.name,
            description: row.description,
            status: CollectionStatus::restore("collections.status", &row.status)?,
            is_public: row.is_public,
            meta: row.meta,
            generation: GenerationId(row.generation),
            document_count: row.document_count,
            total_bytes: row.total_bytes,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl From<Collection> for Model {
    fn from(collection: Collection) -> Self {
        Self {
            id: collection.id.0,
            owner_id: collection.owner_id.0,
            name_key: name::folded(&collection.name),
            name: collection.name,
            description: collection.description,
            status: collection.status.stored(),
            is_public: collection.is_public,
            meta: collection.meta,
            generation: collection.generation.0,
            document_count: collection.document_count,
            total_bytes: collection.total_bytes,
            created_at: collection.created_at,
            updated_at: collection.updated_at,
        }
    }
}
