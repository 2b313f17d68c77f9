//! What can be done, as the policy, the API keys and the API name it.

use std::fmt;

/// Something that a caller may or may not do. Who may is the policy's to say ([`policy`](super::policy)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// See and search a collection, its documents, their chunks and originals.
    CollectionRead,
    /// Change a collection's name, description, publicity and metadata.
    CollectionUpdate,
    /// Remove a collection with all that is in it.
    CollectionDelete,
    /// Give up one's own role in a collection.
    CollectionLeave,
    /// See who has a role in a collection.
    MemberRead,
    /// Give and take roles in a collection, its ownership included.
    MemberManage,
    /// Add and replace documents.
    DocumentIngest,
    /// Remove documents.
    DocumentDelete,
    /// See and follow what is done to a collection.
    OperationRead,
    /// Stop an operation.
    OperationCancel,
    /// See who did what to a collection.
    AuditRead,
    /// Create a collection of one's own.
    CollectionCreate,
    /// See and change one's own sessions, API keys and password.
    AccountManage,
    /// See, invite, activate, deactivate and promote accounts, and see who did what on the whole server.
    ServerManage,
}

impl Action {
    /// Every action, in the order of the policy.
    pub const ALL: [Self; 14] = [
        Self::CollectionRead,
        Self::CollectionUpdate,
        Self::CollectionDelete,
        Self::CollectionLeave,
        Self::MemberRead,
        Self::MemberManage,
        Self::DocumentIngest,
        Self::DocumentDelete,
        Self::OperationRead,
        Self::OperationCancel,
        Self::AuditRead,
        Self::CollectionCreate,
        Self::AccountManage,
        Self::ServerManage,
    ];

    /// The action's name, as the API and the database write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CollectionRead => "COLLECTION_READ",
            Self::CollectionUpdate => "COLLECTION_UPDATE",
            Self::CollectionDelete => "COLLECTION_DELETE",
            Self::CollectionLeave => "COLLECTION_LEAVE",
            Self::MemberRead => "MEMBER_READ",
            Self::MemberManage => "MEMBER_MANAGE",
            Self::DocumentIngest => "DOCUMENT_INGEST",
            Self::DocumentDelete => "DOCUMENT_DELETE",
            Self::OperationRead => "OPERATION_READ",
            Self::OperationCancel => "OPERATION_CANCEL",
            Self::AuditRead => "AUDIT_READ",
            Self::CollectionCreate => "COLLECTION_CREATE",
            Self::AccountManage => "ACCOUNT_MANAGE",
            Self::ServerManage => "SERVER_MANAGE",
        }
    }
}

/// A set of actions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ActionSet(u16);

impl ActionSet {
    /// Whether `action` is in the set.
    #[must_use]
    pub fn contains(self, action: Action) -> bool {
        self.0 & Self::bit(action) != 0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The actions of the set, in the order of the policy.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.contains(*action))
    }

    fn bit(action: Action) -> u16 {
        1 << action as u16
    }
}

impl FromIterator<Action> for ActionSet {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        Self(actions.into_iter().fold(0, |bits, action| bits | Self::bit(action)))
    }
}

impl fmt::Debug for ActionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}
