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
    /// The collection with this id. NOT_FOUND if there is none.
    async fn collection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection's global id.")] id: ID,
    ) -> Result<Option<Collection>> {
        let collection = Collection::load(ctx, global_id::decode(&id)).await?;
        Ok(Some(collection.ok_or(Error::NotFound("collection"))?))
    }

    /// The collections that the viewer may read: their own, and public ones.
    async fn collections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which collections to list. Default: all.")] filter: Option<CollectionFilter>,
        #[graphql(desc = "In which order. Default: newest first.")] order_by: Option<CollectionOrder>,
        #[graphql(desc = "How many rows, 1 to 100. Default: 20.")] first: Option<i32>,
        #[graphql(desc = "The cursor to begin behind. Default: the beginning.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<Collection>>> {
        Collection::list(ctx, filter, order_by, first, after.as_ref()).await.map(Some)
    }
}
