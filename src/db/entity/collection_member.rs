//! Table `collection_members`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        collection::CollectionRole,
        id::{CollectionId, UserId},
        member::Member,
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "collection_members")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub collection_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub role: String,
    pub created_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for Member {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            collection_id: CollectionId(row.collection_id),
            user_id: UserId(row.user_id),
            role: CollectionRole::restore("collection_members.role", &row.role)?,
            created_at: row.created_at,
        })
    }
}

impl From<Member> for Model {
    fn from(member: Member) -> Self {
        Self {
            collection_id: member.collection_id.0,
            user_id: member.user_id.0,
            role: member.role.stored(),
            created_at: member.created_at,
        }
    }
}
