//! Objects by their global ids.

use async_graphql::{Context, ID, Object, Result};
use futures_util::future::join_all;

use crate::{
    error::{Error, ViolationCode},
    graphql::{global_id::NodeId, types::Node},
};

/// Ids in one call of `nodes`.
const MAX_IDS: usize = 100;

#[derive(Default)]
pub struct NodeQuery;

#[Object]
impl NodeQuery {
    /// The object with this global id. NOT_FOUND if it does not exist.
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The global id of a `Node`.")] id: ID,
    ) -> Result<Option<Node>> {
        find(ctx, &id).await.map(Some)
    }

    /// The objects with these global ids, in the requested order. An id that does not exist gives null and a
    /// NOT_FOUND error.
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "At most 100 global ids of nodes.")] ids: Vec<ID>,
    ) -> Result<Option<Vec<Option<Result<Node>>>>> {
        if ids.len() > MAX_IDS {
            let message = format!("Ask for at most {MAX_IDS} nodes at once.");
            return Err(Error::invalid(ViolationCode::TooLong, "ids", message).into());
        }
        Ok(Some(join_all(ids.iter().map(|id| find(ctx, id))).await.into_iter().map(Some).collect()))
    }
}

async fn find(ctx: &Context<'_>, id: &ID) -> Result<Node> {
    const MISSING: Error = Error::NotFound("node");
    let id = NodeId::find(id).ok_or(MISSING)?;
    Ok(Node::load(ctx, id).await?.ok_or(MISSING)?)
}
