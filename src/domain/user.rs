//! Accounts.

use chrono::{DateTime, Utc};

use super::id::UserId;

/// What an account may do on the server as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ServerRole {
    Admin,
    Member,
}

/// An account. Its password hash never leaves `db` and `auth`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    pub id: UserId,
    pub username: String,
    pub email: String,
    pub full_name: Option<String>,
    pub role: ServerRole,
    pub is_active: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
