//! The store of originals that the database belongs to.

use chrono::{DateTime, Utc};
use sea_orm::{ActiveValue::Set, EntityTrait, sea_query::OnConflict};

use crate::{
    db::{DatabaseError, Transaction, entity::store},
    domain::id::StoreId,
};

/// Registers a store, if none is registered yet. Returns the one that is.
pub async fn register(tx: &Transaction<'_>, id: StoreId, now: DateTime<Utc>) -> Result<StoreId, DatabaseError> {
    let row = store::ActiveModel { only_row: Set(true), id: Set(id.0), registered_at: Set(now) };
    // Waits for a concurrent start, and then sees its row.
    store::Entity::insert(row)
        .on_conflict(OnConflict::column(store::Column::OnlyRow).do_nothing().to_owned())
        .exec_without_returning(&tx.connection)
        .await?;
    let found = store::Entity::find().one(&tx.connection).await?;
    found
        .map(|row| StoreId(row.id))
        .ok_or_else(|| DatabaseError::BadRow { place: "stores", detail: "there is no row".into() })
}
