//! Table `uploads`.

use sea_orm::entity::prelude::*;

use crate::domain::{
    content::StoredFile,
    id::{ApiKeyId, UploadId, UserId},
    upload::Upload,
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "uploads")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub api_key_id: Option<Uuid>,
    pub file_name: String,
    pub content_type: Option<String>,
    pub file_size: Option<i64>,
    pub content_hash: Option<String>,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for Upload {
    fn from(row: Model) -> Self {
        Self {
            id: UploadId(row.id),
            user_id: UserId(row.user_id),
            api_key_id: row.api_key_id.map(ApiKeyId),
            file_name: row.file_name,
            content_type: row.content_type,
            stored: row.content_hash.zip(row.file_size).map(|(digest, size)| StoredFile { digest, size }),
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}
