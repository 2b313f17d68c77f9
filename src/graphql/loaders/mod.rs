//! Rows, read in batches: every level of a query costs one statement for each kind of row on it, whatever the number of
//! rows.
//!
//! Loaders belong to one execution (of a query, a mutation, one event of a subscription) and carry the viewer's scope, so
//! nothing is shared between callers and nothing becomes stale. There is no cache.

mod batching;
mod chunks;
mod collections;
mod documents;
mod generations;
mod members;
mod operations;
mod sources;
mod users;

use std::{collections::HashMap, hash::Hash, sync::Arc};

use async_graphql::dataloader::DataLoader;

pub use self::batching::with_loaders;
pub use crate::db::repo::{
    Direction,
    audit_log::AuditFilter,
    chunks::{ChunkKey, ChunkPlace, DocumentChunks},
    collections::{CollectionFilter, CollectionKey, CollectionSort},
    documents::{DocumentFilter, DocumentKey, DocumentList, DocumentSort},
    invitations::InvitationFilter,
    members::{MemberFilter, MemberKey, MemberList},
    operation_documents::{ItemFilter, ItemList},
    operations::OperationFilter,
    source_runs::{RunFilter, RunList},
    sources::{SourceFilter, SourceList},
    users::UserFilter,
};
use crate::{
    db::{DatabaseError, Reader},
    domain::{
        id::{CollectionId, DocumentId, GenerationId, OperationId},
        scope::Scope,
    },
    error::Error,
    service::Services,
};

/// What resolvers load rows from: `load_one` for rows that other resolvers of the same level also load, `loader()` for
/// lists without a parent.
pub type Loaders = DataLoader<Rows>;

/// The repositories' batch reads, for one scope.
pub struct Rows {
    services: Arc<Services>,
    scope: Scope,
}

impl Rows {
    fn reader(&self) -> Reader<'_> {
        self.services.database.reader(self.scope)
    }
}

/// A list, or a count, below one of several parents.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Under<P, L> {
    pub parent: P,
    /// What is requested below each parent. Keys with the same request are answered together.
    pub list: L,
}

/// The viewer's own role in a collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OwnRole(pub CollectionId);

/// The text of a document in the active generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TextOf(pub DocumentId);

/// The text of a document in a generation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TextIn {
    pub generation: GenerationId,
    pub document: DocumentId,
}

/// The number of operations on a collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct OperationCount;

/// All generations of a collection.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GenerationList;

/// The place of an operation that waits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct QueuePosition(pub OperationId);

/// The number of events of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct EventCount;

/// The parents for each different list.
fn by_list<P: Copy, L: Eq + Hash>(keys: &[Under<P, L>]) -> HashMap<&L, Vec<P>> {
    let mut lists: HashMap<&L, Vec<P>> = HashMap::new();
    for key in keys {
        lists.entry(&key.list).or_default().push(key.parent);
    }
    lists
}

/// A loader's errors go to everybody who waits for the batch.
fn shared(error: DatabaseError) -> Arc<Error> {
    Arc::new(error.into())
}

/// Loads rows by key: `Key => Value: repository function`.
macro_rules! load_by_key {
    ($key:ty => $value:ty: $find_many:path) => {
        impl async_graphql::dataloader::Loader<$key> for super::Rows {
            type Value = $value;
            type Error = std::sync::Arc<crate::error::Error>;

            async fn load(&self, keys: &[$key]) -> Result<std::collections::HashMap<$key, $value>, Self::Error> {
                $find_many(&self.reader(), keys).await.map_err(super::shared)
            }
        }
    };
}

/// Loads what is below parents: `Parent, List => Value: repository function`.
macro_rules! load_under {
    ($parent:ty, $list:ty => $value:ty: $find:path) => {
        impl async_graphql::dataloader::Loader<super::Under<$parent, $list>> for super::Rows {
            type Value = $value;
            type Error = std::sync::Arc<crate::error::Error>;

            async fn load(
                &self,
                keys: &[super::Under<$parent, $list>],
            ) -> Result<std::collections::HashMap<super::Under<$parent, $list>, $value>, Self::Error> {
                let mut found = std::collections::HashMap::with_capacity(keys.len());
                for (list, parents) in super::by_list(keys) {
                    let values = $find(&self.reader(), &parents, list).await.map_err(super::shared)?;
                    let key = |parent| super::Under { parent, list: list.clone() };
                    found.extend(values.into_iter().map(|(parent, value)| (key(parent), value)));
                }
                Ok(found)
            }
        }
    };
}

use {load_by_key, load_under};
