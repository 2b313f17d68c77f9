//! Previews of syncs.

use async_graphql::{Context, ID, InputObject, Object, OneofObject, Result};

use crate::{
    graphql::{context::ContextExt, global_id, mutation::SourceLocationInput, types::SourcePreview},
    service::sources::{self, PreviewTarget},
};

/// A place that could become a source.
#[derive(InputObject)]
pub struct LocationPreviewInput {
    /// The global id of the collection that would follow it.
    collection_id: ID,
    /// The place.
    location: SourceLocationInput,
}

/// What to preview.
#[derive(OneofObject)]
pub enum SourcePreviewInput {
    /// The global id of a source.
    SourceId(ID),
    /// A place that could become a source.
    Location(Box<LocationPreviewInput>),
}

#[derive(Default)]
pub struct SourceQuery;

#[Object]
impl SourceQuery {
    /// What a sync would add, change, remove and leave out, without changing anything. It reads directories, but no
    /// files; of a site it reads 50 pages at most, for ten seconds. For a source: needs DOCUMENT_INGEST and
    /// OPERATION_READ; for a new place: COLLECTION_UPDATE and DOCUMENT_INGEST.
    async fn source_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The source, or a place that could become one.")] input: SourcePreviewInput,
    ) -> Result<Option<SourcePreview>> {
        let target = match input {
            SourcePreviewInput::SourceId(id) => PreviewTarget::Source(global_id::decode(&id)),
            SourcePreviewInput::Location(place) => {
                let LocationPreviewInput { collection_id, location } = *place;
                PreviewTarget::Location(global_id::decode(&collection_id), location.into_location(ctx)?)
            }
        };
        let preview = sources::preview(ctx.services()?, ctx.viewer()?, target).await?;
        Ok(Some(preview.into()))
    }
}
