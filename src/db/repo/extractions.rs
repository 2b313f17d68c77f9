//! What was extracted from the originals of documents. It goes with its document.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, QueryTrait, sea_query::OnConflict};

use super::in_readable;
use crate::{
    db::{
        DatabaseError, Reader, Transaction,
        entity::{document, extraction},
    },
    domain::{extraction::Extraction, id::DocumentId},
};

/// What was extracted from this original for a document, if the reader may see it.
pub async fn find(
    reader: &Reader<'_>,
    document: DocumentId,
    original: &str,
) -> Result<Option<Extraction>, DatabaseError> {
    let visible = document::Entity::find_by_id(document.0)
        .select_only()
        .column(document::Column::Id)
        .filter(in_readable(document::Column::CollectionId, reader.scope));
    let row = extraction::Entity::find()
        .filter(extraction::Column::DocumentId.in_subquery(visible.into_query()))
        .filter(extraction::Column::OriginalHash.eq(original))
        .one(&reader.executor)
        .await?;
    row.map(Extraction::try_from).transpose()
}

/// Writes what was extracted for a document that the transaction has locked, in the place of what was known of the same
/// original.
pub async fn keep(tx: &Transaction<'_>, extraction: Extraction) -> Result<(), DatabaseError> {
    let key = [extraction::Column::DocumentId, extraction::Column::OriginalHash];
    let changed = [
        extraction::Column::Version,
        extraction::Column::FileName,
        extraction::Column::DeclaredType,
        extraction::Column::TextHash,
        extraction::Column::TextLength,
        extraction::Column::Details,
        extraction::Column::Drifts,
    ];
    extraction::Entity::insert(extraction::Model::try_from(extraction)?.into_active_model())
        .on_conflict(OnConflict::columns(key).update_columns(changed).to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    Ok(())
}

/// Removes what was extracted for a document from other originals than these.
pub async fn forget_others(
    tx: &Transaction<'_>,
    document: DocumentId,
    originals: &[&str],
) -> Result<(), DatabaseError> {
    extraction::Entity::delete_many()
        .filter(extraction::Column::DocumentId.eq(document.0))
        .filter(extraction::Column::OriginalHash.is_not_in(originals.iter().copied()))
        .exec(&tx.connection)
        .await?;
    Ok(())
}
