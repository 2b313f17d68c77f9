//! Who is asking.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        id::{SessionId, UserId},
        scope::Scope,
        user::User,
    },
    error::Error,
};

/// The caller of a request, as far as her token proved it.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The account; `None` when nobody logged in.
    pub user: Option<Arc<User>>,
    /// The login behind the token.
    pub session: Option<SessionId>,
    /// When the token stops being good.
    pub expires_at: Option<DateTime<Utc>>,
}

impl Viewer {
    /// Nobody in particular.
    #[must_use]
    pub fn anonymous() -> Self {
        Self { user: None, session: None, expires_at: None }
    }

    /// What this caller may read.
    #[must_use]
    pub fn scope(&self) -> Scope {
        self.user.as_ref().map_or(Scope::Anonymous, |user| Scope::User(user.id))
    }

    /// The account, where one is needed.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody logged in.
    pub fn require_user(&self) -> Result<&User, Error> {
        self.user.as_deref().ok_or(Error::Unauthenticated("Log in first: this needs an account."))
    }

    /// The id of the account, where one is needed.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody logged in.
    pub fn require_user_id(&self) -> Result<UserId, Error> {
        self.require_user().map(|user| user.id)
    }
}
