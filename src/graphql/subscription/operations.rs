//! Operations.

use async_graphql::{Context, ID, Result, Subscription};
use futures_util::{Stream, StreamExt};

use crate::{
    graphql::{
        context::ContextExt,
        global_id,
        pagination::{self, EventPosition},
        scalars::Cursor,
        types::OperationEvent,
    },
    service::operations,
};

#[derive(Default)]
pub struct OperationSubscription;

#[Subscription]
impl OperationSubscription {
    /// The events of an operation: first those that have already happened, then each new one. Completes after the
    /// final event.
    async fn operation_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The operation's global id.")] operation_id: ID,
        #[graphql(
            desc = "Return events after this cursor, usually that of the last event seen. Default: from the start."
        )]
        after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<OperationEvent>> + use<>> {
        let after = after.as_ref().map(pagination::position).transpose()?.unwrap_or(EventPosition(0));
        let id = global_id::decode(&operation_id);
        let events = operations::follow(ctx.services()?, ctx.viewer()?, id, after.0).await?;
        Ok(events.map(|event| Ok(event?.into())))
    }
}
