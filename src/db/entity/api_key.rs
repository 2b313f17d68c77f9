//! Table `api_keys`.

use sea_orm::entity::prelude::*;

use super::{StoredEnum, from_json};
use crate::{
    db::DatabaseError,
    domain::{
        action::{Action, ActionSet},
        api_key::ApiKey,
        id::{ApiKeyId, CollectionId, UserId},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "api_keys")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub user_id: Uuid,
    pub name: String,
    pub prefix: String,
    pub digest: String,
    #[sea_orm(column_type = "JsonBinary")]
    pub actions: Json,
    pub all_collections: bool,
    #[sea_orm(column_type = "JsonBinary")]
    pub documents: Option<Json>,
    pub points_per_minute: Option<i32>,
    pub points_budget: Option<i64>,
    pub points_spent: i64,
    pub created_at: DateTimeUtc,
    pub expires_at: Option<DateTimeUtc>,
    pub last_used_at: Option<DateTimeUtc>,
    pub revoked_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "super::user::Entity", from = "Column::UserId", to = "super::user::Column::Id")]
    User,
}

impl Related<super::user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// The key with the collections that it names. They count only if the key is not valid for all.
    pub(in crate::db) fn into_key(self, collections: Vec<CollectionId>) -> Result<ApiKey, DatabaseError> {
        const PLACE: &str = "api_keys.actions";
        let actions: Vec<String> = from_json(PLACE, self.actions)?;
        Ok(ApiKey {
            id: ApiKeyId(self.id),
            user_id: UserId(self.user_id),
            name: self.name,
            prefix: self.prefix,
            actions: actions.iter().map(|name| Action::restore(PLACE, name)).collect::<Result<ActionSet, _>>()?,
            collections: (!self.all_collections).then_some(collections),
            documents: self.documents.map(|ids| from_json("api_keys.documents", ids)).transpose()?,
            points_per_minute: self.points_per_minute,
            points_budget: self.points_budget,
            points_spent: self.points_spent,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
        })
    }
}
