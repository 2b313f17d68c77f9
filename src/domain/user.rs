//! Accounts.

use chrono::{DateTime, Utc};

use super::{id::UserId, vocabulary::vocabulary};

vocabulary! {
    /// What an account may do on the server as a whole.
    pub enum ServerRole {
        Admin => "ADMIN",
        Member => "MEMBER",
    }
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
