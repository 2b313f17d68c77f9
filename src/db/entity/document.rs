//! Table `documents`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json, to_json};
use crate::{
    db::DatabaseError,
    domain::{
        content::{Content, StoredFile},
        document::{About, Document, DocumentStatus},
        id::{CollectionId, DocumentId, SourceId},
        name,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "documents")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub collection_id: Uuid,
    pub source_id: Option<Uuid>,
    pub file_name: String,
    /// The file name, folded.
    pub file_name_key: String,
    pub uri: String,
    pub content_type: String,
    pub file_size: i64,
    pub content_hash: String,
    pub status: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub error: Option<Json>,
    #[sea_orm(column_type = "JsonBinary")]
    pub meta: Json,
    pub language: Option<String>,
    pub title: Option<String>,
    pub is_title_given: bool,
    pub author: Option<String>,
    pub page_count: Option<i32>,
    /// When the file says that it was written.
    pub content_created_at: Option<DateTimeUtc>,
    pub content_modified_at: Option<DateTimeUtc>,
    #[sea_orm(column_type = "JsonBinary")]
    pub warnings: Json,
    pub chunk_count: i32,
    /// The revision whose chunks are searchable; 0 before the first.
    pub revision: i32,
    /// The revision that the next new content will get.
    pub next_revision: i32,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// `None`: not since there is this column.
    pub processed_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Document {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: DocumentId(row.id),
            collection_id: CollectionId(row.collection_id),
            source_id: row.source_id.map(SourceId),
            content: Content {
                file_name: row.file_name,
                uri: row.uri,
                content_type: row.content_type,
                file: StoredFile { digest: row.content_hash, size: row.file_size },
                meta: row.meta,
            },
            status: DocumentStatus::restore("documents.status", &row.status)?,
            error: row.error.map(|error| from_json("documents.error", error)).transpose()?,
            about: About {
                title: row.title,
                author: row.author,
                language: row.language,
                created_at: row.content_created_at,
                modified_at: row.content_modified_at,
                page_count: row.page_count.and_then(|count| u32::try_from(count).ok()),
            },
            is_title_given: row.is_title_given,
            warnings: from_json("documents.warnings", row.warnings)?,
            chunk_count: row.chunk_count,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
            processed_at: row.processed_at.unwrap_or(row.updated_at),
        })
    }
}

impl TryFrom<Document> for Model {
    type Error = DatabaseError;

    fn try_from(document: Document) -> Result<Self, DatabaseError> {
        let Content { file_name, uri, content_type, file, meta } = document.content;
        let about = document.about;
        Ok(Self {
            id: document.id.0,
            collection_id: document.collection_id.0,
            source_id: document.source_id.map(|id| id.0),
            file_name_key: name::folded(&file_name),
            file_name,
            uri,
            content_type,
            file_size: file.size,
            content_hash: file.digest,
            status: document.status.stored(),
            error: document.error.as_ref().map(|error| to_json("documents.error", error)).transpose()?,
            meta,
            title: about.title,
            is_title_given: document.is_title_given,
            author: about.author,
            language: about.language,
            page_count: about.page_count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
            content_created_at: about.created_at,
            content_modified_at: about.modified_at,
            warnings: to_json("documents.warnings", &document.warnings)?,
            chunk_count: document.chunk_count,
            revision: document.revision,
            next_revision: document.revision + 1,
            created_at: document.created_at,
            updated_at: document.updated_at,
            processed_at: Some(document.processed_at),
        })
    }
}
