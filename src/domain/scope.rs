//! What a reader may see. Every read of a repository takes a `Scope`; what lies outside does not exist for the reader.

use super::{
    action::{Action, ActionSet},
    id::{ApiKeyId, UserId},
};

/// The scope in which rows are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// An anonymous caller: public collections only.
    Anonymous,
    /// An account, or an API key of it: what its roles allow, and public collections.
    Account(Caller),
    /// The server itself. Built only in `worker` and `cli`.
    System,
}

/// An account that reads, directly or with an API key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Caller {
    pub user: UserId,
    /// Whether the account administers the server. Never so through a key.
    pub is_admin: bool,
    /// The key that it reads through, if it does.
    pub key: Option<KeyGrant>,
}

/// What an API key may do of what its owner may.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyGrant {
    pub id: ApiKeyId,
    pub actions: ActionSet,
    /// Whether it can access all collections, or only those that it names.
    pub all_collections: bool,
}

impl Scope {
    /// The scope of an ordinary account: no administrator, no key.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self::Account(Caller { user, is_admin: false, key: None })
    }

    /// The account of the scope, if there is one.
    #[must_use]
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::Account(caller) => Some(caller.user),
            Self::Anonymous | Self::System => None,
        }
    }

    /// The key of the scope, if there is one.
    #[must_use]
    pub fn key(self) -> Option<KeyGrant> {
        match self {
            Self::Account(caller) => caller.key,
            Self::Anonymous | Self::System => None,
        }
    }

    /// Whether the credential allows `action`. Only API keys restrict what their account may do.
    #[must_use]
    pub fn carries(self, action: Action) -> bool {
        self.key().is_none_or(|key| key.actions.contains(action))
    }
}
