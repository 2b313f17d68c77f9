//! Table `password_resets`.

use sea_orm::entity::prelude::*;

use crate::domain::{id::UserId, password_reset::PasswordReset};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "password_resets")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    pub digest: String,
    pub created_at: DateTimeUtc,
    pub expires_at: DateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl From<Model> for PasswordReset {
    fn from(row: Model) -> Self {
        Self { user_id: UserId(row.user_id), created_at: row.created_at, expires_at: row.expires_at }
    }
}
