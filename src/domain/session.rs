//! Logins.

use chrono::{DateTime, Utc};

use super::id::{SessionId, UserId};

/// A login: the family of all refresh tokens that descend from it. It ends as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}
