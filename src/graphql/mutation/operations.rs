//! Operations.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::{
    domain::id::OperationId,
    graphql::{
        context::ContextExt,
        global_id,
        types::{Operation, Outcome, UserError},
    },
    service::operations,
};

/// An operation to cancel.
#[derive(InputObject)]
pub struct OperationCancelInput {
    /// The global id of the operation.
    operation_id: ID,
}

/// The result of `operationCancel`.
#[derive(SimpleObject)]
pub struct OperationCancelPayload {
    /// The operation after the call. Null if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct OperationMutation;

#[Object]
impl OperationMutation {
    /// Cancels an operation. Documents that wait are skipped, documents in progress stop at their next step, and
    /// finished documents stay. Needs OPERATION_CANCEL.
    async fn operation_cancel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The operation to cancel.")] input: OperationCancelInput,
    ) -> Result<Option<OperationCancelPayload>> {
        let id: OperationId = global_id::decode(&input.operation_id);
        let cancelled = operations::cancel(ctx.services()?, ctx.viewer()?, id).await;
        let Outcome { value, user_errors } = Outcome::naming("operationId", cancelled)?;
        Ok(Some(OperationCancelPayload { operation: value.map(Into::into), user_errors }))
    }
}
