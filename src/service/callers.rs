//! Callers that were looked up a moment ago, so that a request with a known credential makes no statement.
//!
//! What is remembered counts until any session, key or account is changed, which is rare. Whether a credential has expired is
//! decided each time.

use std::{num::NonZeroUsize, sync::Arc};

use super::recent::Recent;
use crate::{
    db::{
        Database, DatabaseError,
        repo::{api_keys, sessions},
    },
    domain::{
        api_key::ApiKey,
        id::{ApiKeyId, SessionId, UserId},
        scope::Scope,
        session::Session,
        user::User,
    },
};

/// Callers of one kind that are remembered; the least recently used one is dropped first.
const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// What names an API key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum KeyName {
    Digest(String),
    Id(ApiKeyId),
}

/// The sessions and keys of callers, with their accounts.
pub struct KnownCallers {
    sessions: Recent<(UserId, SessionId), (Arc<Session>, Arc<User>)>,
    keys: Recent<KeyName, (Arc<ApiKey>, Arc<User>)>,
}

impl Default for KnownCallers {
    fn default() -> Self {
        let changes = Database::caller_changes;
        Self { sessions: Recent::new(MOST, changes), keys: Recent::new(MOST, changes) }
    }
}

impl KnownCallers {
    /// A session and its user, valid or not.
    pub(super) async fn session(
        &self,
        database: &Database,
        user: UserId,
        id: SessionId,
    ) -> Result<Option<(Arc<Session>, Arc<User>)>, DatabaseError> {
        let read = async {
            let found = sessions::find_with_user(&database.reader(Scope::user(user)), id).await?;
            Ok::<_, DatabaseError>(found.map(|(session, user)| (Arc::new(session), Arc::new(user))))
        };
        self.sessions.get((user, id), database, read).await
    }

    /// A key and its owner, valid or not.
    pub(super) async fn key(
        &self,
        database: &Database,
        name: &KeyName,
    ) -> Result<Option<(Arc<ApiKey>, Arc<User>)>, DatabaseError> {
        let read = async {
            let reader = database.credentials();
            let found = match name {
                KeyName::Digest(digest) => api_keys::find_by_digest(&reader, digest).await?,
                KeyName::Id(id) => api_keys::find(&reader, *id).await?,
            };
            Ok::<_, DatabaseError>(found.map(|(key, user)| (Arc::new(key), Arc::new(user))))
        };
        self.keys.get(name.clone(), database, read).await
    }

    /// Reads a session again the next time.
    pub(super) fn forget_session(&self, session: &Session) {
        self.sessions.forget(&(session.user_id, session.id));
    }

    /// Reads a key again the next time.
    pub(super) fn forget_key(&self, name: &KeyName) {
        self.keys.forget(name);
    }
}
