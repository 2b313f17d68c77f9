//! Callers that were looked up a moment ago, so that a request with a known credential makes no statement.
//!
//! What is remembered counts until any session, key or account is changed, which is rare. While other processes may change some
//! and this one would not hear of it, it counts for a second at most. Whether a credential has expired is decided each
//! time.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

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
/// How long a caller is remembered.
const LONGEST: Duration = Duration::from_secs(30);
/// The same while changes by other processes are not heard.
const UNHEARD: Duration = Duration::from_secs(1);

/// What names an API key.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum KeyName {
    Digest(String),
    Id(ApiKeyId),
}

/// The sessions and keys of callers, with their accounts.
#[derive(Default)]
pub struct KnownCallers {
    sessions: Recent<(UserId, SessionId), (Arc<Session>, Arc<User>)>,
    keys: Recent<KeyName, (Arc<ApiKey>, Arc<User>)>,
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
        self.sessions.lock().pop(&(session.user_id, session.id));
    }

    /// Reads a key again the next time.
    pub(super) fn forget_key(&self, name: &KeyName) {
        self.keys.lock().pop(name);
    }
}

/// Values by their keys, as they were read a moment ago.
struct Recent<K: Hash + Eq, V>(Mutex<LruCache<K, Read<V>>>);

impl<K: Hash + Eq, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MOST)))
    }
}

struct Read<V> {
    value: V,
    at: Instant,
    /// The count of changes before it was read.
    changes: u64,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    fn lock(&self) -> MutexGuard<'_, LruCache<K, Read<V>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of `key`, as it was read a moment ago or is read now. A missing one is not remembered.
    async fn get(
        &self,
        key: K,
        database: &Database,
        read: impl Future<Output = Result<Option<V>, DatabaseError>>,
    ) -> Result<Option<V>, DatabaseError> {
        let (at, changes) = (Instant::now(), database.caller_changes());
        let patience = if database.hears_others() { LONGEST } else { UNHEARD };
        let is_recent = |read: &&Read<V>| read.changes == changes && at.duration_since(read.at) < patience;
        if let Some(read) = self.lock().get(&key).filter(is_recent) {
            return Ok(Some(read.value.clone()));
        }
        let value = read.await?;
        if let Some(value) = &value {
            self.lock().put(key, Read { value: value.clone(), at, changes });
        }
        Ok(value)
    }
}
