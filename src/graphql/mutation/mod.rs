//! Mutations, one area per file. Each mutation decodes its input, calls one use case, and wraps the result.

mod api_keys;
mod collections;
mod documents;
mod generations;
mod members;
mod operations;
mod password_resets;
mod sessions;
mod sources;
mod uploads;
mod users;

use async_graphql::MergedObject;

pub use self::{collections::ChunkingInput, sources::SourceLocationInput};

use self::{
    api_keys::ApiKeyMutation, collections::CollectionMutation, documents::DocumentMutation,
    generations::GenerationMutation, members::MemberMutation, operations::OperationMutation,
    password_resets::PasswordResetMutation, sessions::SessionMutation, sources::SourceMutation,
    uploads::UploadMutation, users::UserMutation,
};

/// Everything that changes data. Validation errors are in `userErrors`, and then nothing was changed. Long
/// tasks return at once, with an operation to follow. A field that fails is null and `errors` has the reason;
/// the other fields keep their results.
#[derive(Default, MergedObject)]
pub struct Mutation(
    UserMutation,
    SessionMutation,
    PasswordResetMutation,
    ApiKeyMutation,
    CollectionMutation,
    GenerationMutation,
    MemberMutation,
    UploadMutation,
    DocumentMutation,
    OperationMutation,
    SourceMutation,
);
