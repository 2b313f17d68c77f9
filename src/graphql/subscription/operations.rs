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

    /// The events of all operations that the viewer can see, as they happen. Those of one operation come in order; those of
    /// several are mixed. It does not complete.
    async fn viewer_operations(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "Return events after this cursor, usually that of the last event seen. Operations that were removed since \
                    then are left out. If more than 50 operations had events in the two minutes before it, some of these \
                    events come again. BAD_USER_INPUT if more than 10,000 operations have events after it. Default: from \
                    now on."
        )]
        after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<OperationEvent>> + use<>> {
        let after = after.as_ref().map(pagination::position).transpose()?;
        let events = operations::follow_all(ctx.services()?, ctx.viewer()?, after)?;
        Ok(events.map(|event| Ok(event?.into())))
    }

    /// The events of all operations on a collection, as they happen. Those of one operation come in order; those of several
    /// are mixed. It ends with NOT_FOUND when the collection is deleted or the viewer loses permission.
    async fn collection_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection's global id.")] collection_id: ID,
        #[graphql(
            desc = "Return events after this cursor, usually that of the last event seen. Operations that were removed since \
                    then are left out. If more than 50 operations had events in the two minutes before it, some of these \
                    events come again. BAD_USER_INPUT if more than 10,000 operations have events after it. Default: from \
                    now on."
        )]
        after: Option<Cursor>,
    ) -> Result<impl Stream<Item = Result<OperationEvent>> + use<>> {
        let after = after.as_ref().map(pagination::position).transpose()?;
        let id = global_id::decode(&collection_id);
        let events = operations::follow_collection(ctx.services()?, ctx.viewer()?, id, after).await?;
        Ok(events.map(|event| Ok(event?.into())))
    }
}
