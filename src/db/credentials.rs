//! Reads that come before it is known who asks, and so have no scope: accounts by their login, API keys, the addresses of
//! an account's logins, tokens for new passwords and of invitations, whether there is an account at all. Whoever looks for reads
//! that no scope narrows looks for `credentials()`.

use super::{Database, Transaction, statement::Executor};

/// A connection to read credentials from, whoever they belong to.
#[derive(Debug)]
pub struct CredentialReader<'c> {
    pub(super) executor: Executor<'c>,
}

impl Database {
    /// Reads credentials.
    #[must_use]
    pub fn credentials(&self) -> CredentialReader<'_> {
        CredentialReader { executor: Executor::Readers(&self.readers) }
    }
}

impl Transaction<'_> {
    /// Reads credentials inside the transaction.
    #[must_use]
    pub fn credentials(&self) -> CredentialReader<'_> {
        CredentialReader { executor: Executor::Transaction(&self.connection) }
    }
}
