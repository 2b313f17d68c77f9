//! What a reader may see. Every read of a repository takes a `Scope`; what lies outside does not exist for the reader.

use super::{
    action::{Action, ActionSet},
    id::{ApiKeyId, UserId},
};

/// On whose behalf rows are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Nobody in particular: public collections only.
    Anonymous,
    /// An account, or an API key of it: what its roles allow, and public collections.
    Account(Caller),
    /// The server itself. Built only in `worker` and `cli`.
    System,
}

/// An account that reads, by itself or through a key.
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
    /// Whether it is good for all collections, or for those alone that it names.
    pub all_collections: bool,
}

impl Scope {
    /// The scope of an account that only looks after itself: no administrator, no key.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self::Account(Caller { user, is_admin: false, key: None })
    }

    /// The account behind the scope, if there is one.
    #[must_use]
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::Account(caller) => Some(caller.user),
            Self::Anonymous | Self::System => None,
        }
    }

    /// The key behind the scope, if there is one.
    #[must_use]
    pub fn key(self) -> Option<KeyGrant> {
        match self {
            Self::Account(caller) => caller.key,
            Self::Anonymous | Self::System => None,
        }
    }

    /// Whether the credential is good for `action`: anything but a key is good for all that its account may do.
    #[must_use]
    pub fn carries(self, action: Action) -> bool {
        self.key().is_none_or(|key| key.actions.contains(action))
    }
}
