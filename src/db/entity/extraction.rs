//! Table `extractions`.

use sea_orm::entity::prelude::*;

use super::{from_json, to_json};
use crate::{
    db::DatabaseError,
    domain::{extraction::Extraction, generation::StoredText, id::DocumentId},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "extractions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub document_id: Uuid,
    /// The SHA-256 of the original.
    #[sea_orm(primary_key, auto_increment = false)]
    pub original_hash: String,
    /// The version of the readers.
    pub version: i32,
    pub file_name: String,
    pub declared_type: String,
    /// The SHA-256 of the text.
    pub text_hash: String,
    /// Characters of the text.
    pub text_length: i32,
    #[sea_orm(column_type = "JsonBinary")]
    pub details: Json,
    #[sea_orm(column_type = "JsonBinary")]
    pub drifts: Option<Json>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Extraction {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            document_id: DocumentId(row.document_id),
            original: row.original_hash,
            version: row.version,
            file_name: row.file_name,
            declared_type: row.declared_type,
            text: StoredText { digest: row.text_hash, length: row.text_length },
            details: row.details,
            drifts: row.drifts.map(|drifts| from_json("extractions.drifts", drifts)).transpose()?,
        })
    }
}

impl TryFrom<Extraction> for Model {
    type Error = DatabaseError;

    fn try_from(extraction: Extraction) -> Result<Self, DatabaseError> {
        let StoredText { digest, length } = extraction.text;
        Ok(Self {
            document_id: extraction.document_id.0,
            original_hash: extraction.original,
            version: extraction.version,
            file_name: extraction.file_name,
            declared_type: extraction.declared_type,
            text_hash: digest,
            text_length: length,
            details: extraction.details,
            drifts: extraction.drifts.as_ref().map(|drifts| to_json("extractions.drifts", drifts)).transpose()?,
        })
    }
}
