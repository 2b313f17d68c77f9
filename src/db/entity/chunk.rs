//! Table `chunks`, partitioned by collection on PostgreSQL.

use sea_orm::entity::prelude::*;

use super::from_json;
use crate::{
    db::DatabaseError,
    domain::{
        chunk::Chunk,
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "chunks")]
pub struct Model {
    pub id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub document_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub chunk_index: i32,
    pub content: String,
    /// SHA-256 of what was embedded: headings and content.
    pub digest: String,
    pub token_count: i32,
    pub start_offset: i32,
    pub end_offset: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub headings: Json,
    pub page: Option<i32>,
    #[sea_orm(column_type = "JsonBinary", nullable)]
    pub parent: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub meta: Json,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Chunk {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: ChunkId(row.id),
            collection_id: CollectionId(row.collection_id),
            generation_id: GenerationId(row.generation_id),
            document_id: DocumentId(row.document_id),
            index: row.chunk_index,
            content: row.content,
            token_count: row.token_count,
            start_offset: row.start_offset,
            end_offset: row.end_offset,
            headings: from_json("chunks.headings", row.headings)?,
            page: row.page,
            parent: row.parent.map(|parent| from_json("chunks.parent", parent)).transpose()?,
            meta: row.meta,
        })
    }
}
