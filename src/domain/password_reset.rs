//! New passwords for those who forgot theirs.

use chrono::{DateTime, Utc};

use super::id::UserId;

/// The permission to set a new password once, for who has its token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PasswordReset {
    pub user_id: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}
