//! Table `generations`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json, to_json};
use crate::{
    db::DatabaseError,
    domain::{
        generation::{Generation, GenerationState, LexicalLanguage, Placement},
        id::{CollectionId, GenerationId, OperationId},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "generations")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub collection_id: Uuid,
    /// A model's key.
    #[expect(clippy::struct_field_names, reason = "the column's name; the struct's is fixed by SeaORM")]
    #[sea_orm(column_type = "JsonBinary")]
    pub embedding_model: Json,
    /// The name of the placement.
    pub placement: String,
    pub dimension: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub chunking: Json,
    pub lexical_language: String,
    pub state: String,
    pub document_count: i32,
    pub chunk_count: i32,
    /// The operation that fills it, or last did. It may be removed by now.
    pub operation_id: Option<Uuid>,
    pub promoted_at: Option<DateTimeUtc>,
    pub retired_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The placement that a row names: the only way to one that is in use.
pub(in crate::db) fn placement(name: String, dimension: i32) -> Result<Placement, DatabaseError> {
    match usize::try_from(dimension) {
        Ok(dimension) => Ok(Placement { name, dimension }),
        Err(error) => Err(DatabaseError::BadRow { place: "generations.dimension", detail: error.to_string() }),
    }
}

impl TryFrom<Model> for Generation {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: GenerationId(row.id),
            collection_id: CollectionId(row.collection_id),
            model: from_json("generations.embedding_model", row.embedding_model)?,
            placement: placement(row.placement, row.dimension)?,
            chunking: from_json("generations.chunking", row.chunking)?,
            lexical_language: LexicalLanguage::restore("generations.lexical_language", &row.lexical_language)?,
            state: GenerationState::restore("generations.state", &row.state)?,
            document_count: row.document_count,
            chunk_count: row.chunk_count,
            operation: row.operation_id.map(OperationId),
            promoted_at: row.promoted_at,
            retired_at: row.retired_at,
            created_at: row.created_at,
        })
    }
}

impl TryFrom<Generation> for Model {
    type Error = DatabaseError;

    fn try_from(generation: Generation) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: generation.id.0,
            collection_id: generation.collection_id.0,
            embedding_model: to_json("generations.embedding_model", &generation.model)?,
            placement: generation.placement.name,
            dimension: i32::try_from(generation.placement.dimension).unwrap_or(i32::MAX),
            chunking: to_json("generations.chunking", &generation.chunking)?,
            lexical_language: generation.lexical_language.stored(),
            state: generation.state.stored(),
            document_count: generation.document_count,
            chunk_count: generation.chunk_count,
            operation_id: generation.operation.map(|id| id.0),
            promoted_at: generation.promoted_at,
            retired_at: generation.retired_at,
            created_at: generation.created_at,
        })
    }
}
