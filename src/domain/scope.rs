//! What a reader may see. Every read of a repository takes a `Scope`; what lies outside does not exist for the reader.

use super::id::UserId;

/// On whose behalf rows are read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Nobody in particular: public collections only.
    Anonymous,
    /// A user: her own collections and public ones.
    User(UserId),
    /// The server itself. Built only in `worker` and `cli`.
    System,
}

impl Scope {
    /// The user behind the scope, if there is one.
    #[must_use]
    pub fn user_id(self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(id),
            Self::Anonymous | Self::System => None,
        }
    }
}
