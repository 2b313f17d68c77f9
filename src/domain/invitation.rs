//! Invitations to register.

use chrono::{DateTime, Utc};

use super::{
    id::{InvitationId, UserId},
    user::ServerRole,
};

/// Whether an invitation can still be used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum InvitationState {
    Open,
    Used,
    Expired,
}

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

impl Invitation {
    /// How it stands at `now`.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> InvitationState {
        if self.used_at.is_some() {
            InvitationState::Used
        } else if now < self.expires_at {
            InvitationState::Open
        } else {
            InvitationState::Expired
        }
    }
}
