//! Values that were read from the database a moment ago.
//!
//! What is remembered counts until what it depends on is changed. While other processes may change that and this one would not
//! hear of it, it counts for a second at most.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use lru::LruCache;

use crate::db::{Database, DatabaseError};

/// How long a value is remembered.
const LONGEST: Duration = Duration::from_secs(30);
/// The same while changes by other processes are not heard.
const UNHEARD: Duration = Duration::from_secs(1);

/// Values by their keys, as they were read a moment ago.
pub(super) struct Recent<K: Hash + Eq, V> {
    values: Mutex<LruCache<K, Read<V>>>,
    /// How often that was changed on which the values depend.
    changes: fn(&Database) -> u64,
}

struct Read<V> {
    value: V,
    at: Instant,
    /// The count of changes before it was read.
    changes: u64,
}

impl<K: Hash + Eq, V: Clone> Recent<K, V> {
    /// Remembers at most `most` values, which depend on what `changes` counts. The least recently used one is dropped first.
    pub(super) fn new(most: NonZeroUsize, changes: fn(&Database) -> u64) -> Self {
        Self { values: Mutex::new(LruCache::new(most)), changes }
    }

    /// The value of `key`, as it was read a moment ago or is read now. A missing one is not remembered.
    pub(super) async fn get(
        &self,
        key: K,
        database: &Database,
        read: impl Future<Output = Result<Option<V>, DatabaseError>>,
    ) -> Result<Option<V>, DatabaseError> {
        let (at, changes) = (Instant::now(), (self.changes)(database));
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

    /// Reads the value of `key` again the next time.
    pub(super) fn forget(&self, key: &K) {
        self.lock().pop(key);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<K, Read<V>>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
