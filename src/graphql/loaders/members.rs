//! Roles in collections.

use std::collections::HashMap;

use super::{MemberFilter, MemberKey, MemberList, OwnRole, Rows, load_by_key, load_under, shared};
use crate::{
    db::repo::members,
    domain::{collection::CollectionRole, id::CollectionId, member::Member, page::Page},
    error::Error,
};

load_by_key!(MemberKey => Member: members::find_many);
load_under!(CollectionId, MemberList => Page<Member>: members::list);
load_under!(CollectionId, MemberFilter => i64: members::count);

impl async_graphql::dataloader::Loader<OwnRole> for Rows {
    type Value = CollectionRole;
    type Error = std::sync::Arc<Error>;

    async fn load(&self, keys: &[OwnRole]) -> Result<HashMap<OwnRole, CollectionRole>, Self::Error> {
        let ids: Vec<_> = keys.iter().map(|key| key.0).collect();
        let roles = members::own_roles(&self.reader(), &ids).await.map_err(shared)?;
        Ok(roles.into_iter().map(|(id, role)| (OwnRole(id), role)).collect())
    }
}
