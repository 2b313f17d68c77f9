//! Table `indexed_documents`.

use sea_orm::entity::prelude::*;

use crate::domain::{
    generation::{IndexedDocument, StoredText},
    id::{DocumentId, GenerationId},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "indexed_documents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub generation_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub document_id: Uuid,
    pub revision: i32,
    pub chunk_count: i32,
    /// The SHA-256 of its extracted text.
    pub text_hash: Option<String>,
    /// Characters of its extracted text.
    pub text_length: Option<i32>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for IndexedDocument {
    fn from(row: Model) -> Self {
        Self {
            generation_id: GenerationId(row.generation_id),
            document_id: DocumentId(row.document_id),
            revision: row.revision,
            chunk_count: row.chunk_count,
            text: row.text_hash.zip(row.text_length).map(|(digest, length)| StoredText { digest, length }),
        }
    }
}

impl From<IndexedDocument> for Model {
    fn from(indexed: IndexedDocument) -> Self {
        let (text_hash, text_length) = indexed.text.map(|StoredText { digest, length }| (digest, length)).unzip();
        Self {
            text_hash,
            text_length,
            generation_id: indexed.generation_id.0,
            document_id: indexed.document_id.0,
            revision: indexed.revision,
            chunk_count: indexed.chunk_count,
        }
    }
}
