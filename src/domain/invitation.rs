//! Invitations to register.

use chrono::{DateTime, Utc};

use super::{
    id::{InvitationId, UserId},
    user::ServerRole,
};

/// An invitation. Its token can register one account, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    /// The only address that may use it; `None`: any.
    pub email: Option<String>,
    pub role: ServerRole,
    pub invited_by: Option<UserId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
}
