//! Collections.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    error::Error,
    graphql::{
        global_id,
        scalars::Cursor,
        types::{Collection, CollectionFilter, CollectionOrder, Connection},
    },
};

#[derive(Default)]
pub struct CollectionQuery;

#[Object]
impl CollectionQuery {
    /// The collection with this id. NOT_FOUND if it does not exist.
    async fn collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection's global id.")] id: ID,
    ) -> Result<Option<Collection>> {
        let collection = Collection::load(ctx, global_id::decode(&id)).await?;
        Ok(Some(collection.ok_or(Error::NotFound("collection"))?))
    }

    /// The collections that the viewer can read: their own, those shared with them, and public ones.
    async fn collections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which collections to return. Default: all.")] filter: Option<CollectionFilter>,
        #[graphql(desc = "Sort order. Default: newest first.")] order_by: Option<CollectionOrder>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<Collection>>> {
        Collection::list(ctx, filter, order_by, first, after.as_ref()).await.map(Some)
    }
}
