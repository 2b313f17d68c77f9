//! What can be asked, one area a file.

mod accounts;
mod collections;
mod documents;
mod nodes;
mod operations;
mod search;
mod server;

use async_graphql::MergedObject;

use self::{
    accounts::AccountQuery, collections::CollectionQuery, documents::DocumentQuery, nodes::NodeQuery,
    operations::OperationQuery, search::SearchQuery, server::ServerQuery,
};

/// What can be asked. Only what the viewer may see exists for them: a hidden thing and a missing one give the same
/// answer. A field that fails is null, `errors` says why, and the answers of the others stand.
#[derive(Default, MergedObject)]
pub struct Query(NodeQuery, AccountQuery, CollectionQuery, DocumentQuery, OperationQuery, SearchQuery, ServerQuery);
