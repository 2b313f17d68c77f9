//! Table `integrity_differences`.

use sea_orm::entity::prelude::*;

use crate::domain::{id::CollectionId, integrity::Difference};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "integrity_differences")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection_id: Uuid,
    pub chunks: i64,
    pub points: i64,
    pub is_sure: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<(CollectionId, Difference)> for Model {
    fn from((collection, difference): (CollectionId, Difference)) -> Self {
        let Difference { chunks, points, is_sure } = difference;
        Self { collection_id: collection.0, chunks, points, is_sure }
    }
}

impl From<Model> for Difference {
    fn from(row: Model) -> Self {
        Self { chunks: row.chunks, points: row.points, is_sure: row.is_sure }
    }
}
