//! Table `source_files`.

use sea_orm::entity::prelude::*;

use crate::domain::{
    id::DocumentId,
    source::{Fingerprint, KnownFile, Validators},
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "source_files")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub uri: String,
    pub document_id: Uuid,
    pub file_size: i64,
    /// When the file was last changed, in nanoseconds since 1970.
    pub modified: i64,
    /// How many syncs in a row have not found it.
    pub missed: i32,
    /// The name of its state, in places that have one.
    pub version: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for KnownFile {
    fn from(row: Model) -> Self {
        Self {
            uri: row.uri,
            fingerprint: Fingerprint { size: row.file_size, modified: row.modified, version: row.version },
            validators: Validators { etag: row.etag, last_modified: row.last_modified },
            document_id: DocumentId(row.document_id),
            missed: row.missed,
        }
    }
}
