//! Sessions.

use chrono::{DateTime, TimeDelta, Utc};

use super::id::{SessionId, UserId};

/// A session: the family of all refresh tokens that descend from it. It ends as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    /// What the client said it was when it logged in.
    pub user_agent: Option<String>,
    /// Where it was last used from.
    pub address: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When it was last used, to the minute.
    pub last_used_at: DateTime<Utc>,
    /// When it ends, however often it is used.
    pub expires_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Session {
    /// Whether the session is valid at `now`. It is not if it was unused for longer than `idle`.
    #[must_use]
    pub fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && now < self.last_used_at + idle
    }
}

/// What is kept of a refresh token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenNames {
    pub digest: String,
    /// The digest of the family that all tokens of its session share; `None` for older tokens without a family.
    pub family: Option<String>,
}
