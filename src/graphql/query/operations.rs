//! Operations.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    error::Error,
    graphql::{
        global_id,
        scalars::Cursor,
        types::{Connection, Operation, OperationFilter},
    },
};

#[derive(Default)]
pub struct OperationQuery;

#[Object]
impl OperationQuery {
    /// The operation with this id. NOT_FOUND if it does not exist.
    async fn operation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The operation's global id.")] id: ID,
    ) -> Result<Option<Operation>> {
        let operation = Operation::load(ctx, global_id::decode(&id)).await?;
        Ok(Some(operation.ok_or(Error::NotFound("operation"))?))
    }

    /// The viewer's own operations and those on their collections, newest first.
    async fn operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which operations to return. Default: all.")] filter: Option<OperationFilter>,
        #[graphql(desc = "Number of rows to return, 1 to 100.", default = 20)] first: Option<i32>,
        #[graphql(desc = "Return rows after this cursor. Default: from the start.")] after: Option<Cursor>,
    ) -> Result<Option<Connection<Operation>>> {
        Operation::list(ctx, filter, first, after.as_ref()).await.map(Some)
    }
}
