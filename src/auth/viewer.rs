//! Who the caller is.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        action::Action,
        api_key::ApiKey,
        client::Client,
        id::{ApiKeyId, SessionId, UserId},
        policy,
        scope::{Caller, Scope},
        user::{ServerRole, User},
    },
    error::Error,
};

/// How a caller proved who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credential {
    /// Not at all.
    None,
    /// With the access token of a session.
    Session(SessionId),
    /// With an API key.
    Key(Arc<ApiKey>),
    /// By being able to run commands on the server's machine.
    Console,
}

/// The caller of a request, as far as their credential proved it.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The account; `None` for an anonymous caller.
    pub user: Option<Arc<User>>,
    pub credential: Credential,
    /// When the credential expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where the caller is.
    pub client: Client,
}

impl Viewer {
    /// An anonymous caller.
    #[must_use]
    pub fn anonymous(client: Client) -> Self {
        Self { user: None, credential: Credential::None, expires_at: None, client }
    }

    /// The operator who runs a command on the server's machine. They have no account and read nothing through it;
    /// commands have their own permissions.
    #[must_use]
    pub fn console() -> Self {
        let client = Client { user_agent: Some("docent command".to_owned()), ..Client::default() };
        Self { credential: Credential::Console, ..Self::anonymous(client) }
    }

    /// What this caller may read.
    #[must_use]
    pub fn scope(&self) -> Scope {
        let Some(user) = &self.user else { return Scope::Anonymous };
        let key = self.key().map(ApiKey::grant);
        let is_admin = user.role == ServerRole::Admin && key.is_none();
        Scope::Account(Caller { user: user.id, is_admin, key })
    }

    /// The session behind the credential, if there is one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(id) => Some(id),
            Credential::None | Credential::Key(_) | Credential::Console => None,
        }
    }

    /// The API key behind the credential, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&ApiKey> {
        match &self.credential {
            Credential::Key(key) => Some(key),
            Credential::None | Credential::Session(_) | Credential::Console => None,
        }
    }

    /// The id of the key, for the audit log.
    #[must_use]
    pub fn key_id(&self) -> Option<ApiKeyId> {
        self.key().map(|key| key.id)
    }

    /// Whether the caller is the account `id` itself, and not one of its keys.
    #[must_use]
    pub fn is_self(&self, id: UserId) -> bool {
        self.session().is_some() && self.user.as_ref().is_some_and(|user| user.id == id)
    }

    /// The account, where one is required.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody logged in.
    pub fn require_user(&self) -> Result<&User, Error> {
        self.user.as_deref().ok_or(Error::Unauthenticated("Log in first: this needs an account."))
    }

    /// The id of the account, where one is required.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody logged in.
    pub fn require_user_id(&self) -> Result<UserId, Error> {
        self.require_user().map(|user| user.id)
    }

    /// The id of the account, for an action that concerns no collection.
    ///
    /// # Errors
    /// `Unauthenticated` when nobody logged in, `Forbidden` when the account or its key may not.
    pub fn require(&self, action: Action) -> Result<UserId, Error> {
        let user = self.require_user_id()?;
        if policy::allows_on_server(self.scope(), action) {
            return Ok(user);
        }
        Err(Error::Forbidden(if self.key().is_some() {
            "This API key does not allow that."
        } else {
            "Only administrators of the server can do this."
        }))
    }
}
