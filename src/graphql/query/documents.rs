//! Documents.

use async_graphql::{Context, ID, Object, Result};

use crate::{
    error::Error,
    graphql::{global_id, types::Document},
};

#[derive(Default)]
pub struct DocumentQuery;

#[Object]
impl DocumentQuery {
    /// The document with this id. NOT_FOUND if it does not exist.
    async fn document(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The document's global id.")] id: ID,
    ) -> Result<Option<Document>> {
        let document = Document::load(ctx, global_id::decode(&id)).await?;
        Ok(Some(document.ok_or(Error::NotFound("document"))?))
    }
}
