//! The server itself.

use async_graphql::{Context, Object, Result};

use crate::graphql::{
    context::ContextExt,
    types::{EmbeddingModel, Server},
};

#[derive(Default)]
pub struct ServerQuery;

#[Object]
impl ServerQuery {
    /// The embedding models that collections can have, and whether each can be used. New collections use the first one.
    async fn embedding_models(&self, ctx: &Context<'_>) -> Result<Option<Vec<EmbeddingModel>>> {
        EmbeddingModel::all(ctx).map(Some)
    }

    /// This server.
    async fn server(&self, ctx: &Context<'_>) -> Result<Option<Server>> {
        Ok(Some(Server::of(ctx.services()?)))
    }
}
