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
    /// The embedding models that the server has in memory. The first one is for new collections.
    async fn embedding_models(&self, ctx: &Context<'_>) -> Result<Vec<EmbeddingModel>> {
        EmbeddingModel::loaded(ctx)
    }

    /// This server.
    async fn server(&self, ctx: &Context<'_>) -> Result<Server> {
        Ok(Server::of(ctx.services()?, ctx.viewer()?))
    }
}
