//! Roles in collections.

use std::collections::HashMap;

use super::{MemberCount, MemberKey, OwnRole, Rows, load_by_key, load_under, shared};
use crate::{
    db::{DatabaseError, Reader, repo::members},
    domain::{
        collection::CollectionRole,
        id::{CollectionId, UserId},
        member::Member,
        page::{Page, PageRequest},
    },
    error::Error,
};

load_by_key!(MemberKey => Member: members::find_many);
load_under!(CollectionId, PageRequest<UserId> => Page<Member>: members::list);
load_under!(CollectionId, MemberCount => i64: count);

async fn count(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    _: &MemberCount,
) -> Result<HashMap<CollectionId, i64>, DatabaseError> {
    members::count(reader, collections).await
}

impl async_graphql::dataloader::Loader<OwnRole> for Rows {
    type Value = CollectionRole;
    type Error = std::sync::Arc<Error>;

    async fn load(&self, keys: &[OwnRole]) -> Result<HashMap<OwnRole, CollectionRole>, Self::Error> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let roles = members::own_roles(&self.reader(), &ids).await.map_err(shared)?;
        Ok(roles.into_iter().map(|(id, role)| (OwnRole(id), role)).collect())
    }
}
