//! The last check of the stores by each worker that makes one. Only administrators read them, so there is nothing to scope.

use sea_orm::{EntityTrait, IntoActiveModel, sea_query::OnConflict};

use super::convert;
use crate::{
    db::{DatabaseError, Reader, Transaction, entity::integrity_check},
    domain::integrity::Check,
};

/// Writes down a check, in the place of the worker's last one.
pub async fn record(tx: &Transaction<'_>, check: Check) -> Result<(), DatabaseError> {
    let changed =
        [integrity_check::Column::CheckedAt, integrity_check::Column::Collections, integrity_check::Column::Findings];
    integrity_check::Entity::insert(integrity_check::Model::try_from(check)?.into_active_model())
        .on_conflict(OnConflict::column(integrity_check::Column::Worker).update_columns(changed).to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    Ok(())
}

/// The last check of each worker.
pub async fn list(reader: &Reader<'_>) -> Result<Vec<Check>, DatabaseError> {
    convert(integrity_check::Entity::find().all(&reader.executor).await?)
}
