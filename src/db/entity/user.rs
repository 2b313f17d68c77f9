//! Table `users`.

use sea_orm::entity::prelude::*;

use super::StoredEnum;
use crate::{
    db::DatabaseError,
    domain::{
        id::UserId,
        user::{ServerRole, User},
    },
};

#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub username: String,
    /// The user name, folded.
    pub username_key: String,
    pub email: String,
    /// The e-mail address, folded.
    pub email_key: String,
    pub full_name: Option<String>,
    pub password_hash: String,
    pub role: String,
    pub is_active: bool,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    /// When its user deleted it. The row stays, for what refers to it, without anything that says whose it was.
    pub deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl TryFrom<Model> for User {
    type Error = DatabaseError;

    fn try_from(row: Model) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: UserId(row.id),
            role: ServerRole::restore("users.role", &row.role)?,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            is_active: row.is_active,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
