//! What can be done, one area a file. Each mutation decodes its input, calls one use case, and wraps what that gives.

mod accounts;
mod collections;
mod documents;
mod operations;
mod uploads;

use async_graphql::MergedObject;

use self::{
    accounts::AccountMutation, collections::CollectionMutation, documents::DocumentMutation,
    operations::OperationMutation, uploads::UploadMutation,
};

/// What can be done. A refused input is told in `userErrors`, and nothing is changed then. Long work is answered at once
/// with the operation that does it.
#[derive(Default, MergedObject)]
pub struct Mutation(AccountMutation, CollectionMutation, UploadMutation, DocumentMutation, OperationMutation);
