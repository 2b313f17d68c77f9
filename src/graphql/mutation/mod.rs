//! What can be done, one area a file. Each mutation decodes its input, calls one use case, and wraps what that gives.

mod api_keys;
mod collections;
mod documents;
mod members;
mod operations;
mod sessions;
mod uploads;
mod users;

use async_graphql::MergedObject;

use self::{
    api_keys::ApiKeyMutation, collections::CollectionMutation, documents::DocumentMutation, members::MemberMutation,
    operations::OperationMutation, sessions::SessionMutation, uploads::UploadMutation, users::UserMutation,
};

/// What can be done. A refused input is told in `userErrors`, and nothing is changed then. Long work is answered at once
/// with the operation that does it. A field that fails is null, `errors` says why, and what the others did and answered
/// stands.
#[derive(Default, MergedObject)]
pub struct Mutation(
    UserMutation,
    SessionMutation,
    ApiKeyMutation,
    CollectionMutation,
    MemberMutation,
    UploadMutation,
    DocumentMutation,
    OperationMutation,
);
