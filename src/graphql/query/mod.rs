//! Queries, one area per file.

mod accounts;
mod chunking;
mod collections;
mod documents;
mod nodes;
mod operations;
mod search;
mod server;
mod sources;

use async_graphql::MergedObject;

use self::{
    accounts::AccountQuery, chunking::ChunkingQuery, collections::CollectionQuery, documents::DocumentQuery,
    nodes::NodeQuery, operations::OperationQuery, search::SearchQuery, server::ServerQuery, sources::SourceQuery,
};

/// Everything that reads data. Objects that are hidden from the viewer and objects that do not exist give the
/// same result. A field that fails is null and `errors` has the reason; the other fields keep their results.
#[derive(Default, MergedObject)]
pub struct Query(
    NodeQuery,
    AccountQuery,
    ChunkingQuery,
    CollectionQuery,
    DocumentQuery,
    OperationQuery,
    SearchQuery,
    ServerQuery,
    SourceQuery,
);
