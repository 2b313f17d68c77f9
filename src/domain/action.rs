//! Actions, as the policy, the API keys and the API name them.

use std::fmt;

use super::vocabulary::{Vocabulary, vocabulary};

vocabulary! {
    /// An action that a caller may perform or not. The policy decides ([`policy`](super::policy)).
    pub enum Action {
        /// Read and search a collection, its documents, their chunks and original files.
        CollectionRead => "COLLECTION_READ",
        /// Change a collection's name, description, visibility and metadata.
        CollectionUpdate => "COLLECTION_UPDATE",
        /// Delete a collection and everything in it.
        CollectionDelete => "COLLECTION_DELETE",
        /// Leave a collection: give up one's own role in it.
        CollectionLeave => "COLLECTION_LEAVE",
        /// List the members of a collection with their roles.
        MemberRead => "MEMBER_READ",
        /// Grant and revoke roles in a collection, including ownership.
        MemberManage => "MEMBER_MANAGE",
        /// Add and replace documents.
        DocumentIngest => "DOCUMENT_INGEST",
        /// Delete documents.
        DocumentDelete => "DOCUMENT_DELETE",
        /// Read a collection's operations and follow their events.
        OperationRead => "OPERATION_READ",
        /// Cancel an operation.
        OperationCancel => "OPERATION_CANCEL",
        /// Read the audit log of a collection.
        AuditRead => "AUDIT_READ",
        /// Create a collection that the caller owns.
        CollectionCreate => "COLLECTION_CREATE",
        /// Manage one's own sessions, API keys and password.
        AccountManage => "ACCOUNT_MANAGE",
        /// Administer accounts (list, invite, activate, deactivate, change roles) and read the audit log of the whole
        /// server.
        ServerManage => "SERVER_MANAGE",
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
        Action::ALL.iter().copied().filter(move |action| self.contains(*action))
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
