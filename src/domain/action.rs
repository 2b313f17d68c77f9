//! Actions, as the policy, the API keys and the API name them.

use std::fmt;

/// An action that a caller may perform or not. The policy decides ([`policy`](super::policy)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Read and search a collection, its documents, their chunks and original files.
    CollectionRead,
    /// Change a collection's name, description, visibility and metadata.
    CollectionUpdate,
    /// Delete a collection and everything in it.
    CollectionDelete,
    /// Leave a collection: give up one's own role in it.
    CollectionLeave,
    /// List the members of a collection with their roles.
    MemberRead,
    /// Grant and revoke roles in a collection, including ownership.
    MemberManage,
    /// Add and replace documents.
    DocumentIngest,
    /// Delete documents.
    DocumentDelete,
    /// Read a collection's operations and follow their events.
    OperationRead,
    /// Cancel an operation.
    OperationCancel,
    /// Read the audit log of a collection.
    AuditRead,
    /// Create a collection that the caller owns.
    CollectionCreate,
    /// Manage one's own sessions, API keys and password.
    AccountManage,
    /// Administer accounts (list, invite, activate, deactivate, change roles) and read the audit log of the whole
    /// server.
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
