//! The indexes of collections.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use super::collections::ChunkingInput;
use crate::{
    domain::action::Action,
    error::Error,
    graphql::{
        context::ContextExt,
        global_id,
        types::{Generation, Operation, Outcome, UserError},
    },
    service::generations::{self, ChangedGeneration, ReindexRequest},
};

/// A new index for a collection. Omitted fields stay as the active generation has them.
#[derive(InputObject)]
pub struct CollectionReindexInput {
    /// The collection's global id.
    collection_id: ID,
    /// The name of the embedding model: one that `embeddingModels` lists.
    embedding_model: Option<String>,
    /// How to split the documents into chunks.
    chunking: Option<ChunkingInput>,
    /// Whether to index the documents again even if no setting changes. Default: false.
    force: Option<bool>,
}

impl From<CollectionReindexInput> for ReindexRequest {
    fn from(input: CollectionReindexInput) -> Self {
        Self {
            collection: global_id::decode(&input.collection_id),
            embedding_model: input.embedding_model,
            chunking: input.chunking.map(Into::into),
            force: input.force.unwrap_or(false),
        }
    }
}

/// A generation to choose.
#[derive(InputObject)]
pub struct CollectionPromoteInput {
    /// The generation's global id.
    generation_id: ID,
}

/// A collection whose index goes back to the one before.
#[derive(InputObject)]
pub struct CollectionRollbackInput {
    /// The collection's global id.
    collection_id: ID,
}

/// The result of `collectionReindex`.
#[derive(SimpleObject)]
pub struct CollectionReindexPayload {
    /// The generation that searches will read, or read from now on. Null if validation fails, and for an API key without
    /// COLLECTION_READ.
    generation: Option<Generation>,
    /// The operation that fills it. Null if it holds all documents already, and if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `collectionPromote`.
#[derive(SimpleObject)]
pub struct CollectionPromotePayload {
    /// The generation that searches will read, or read from now on. Null if validation fails, and for an API key without
    /// COLLECTION_READ.
    generation: Option<Generation>,
    /// The operation that fills it. Null if it holds all documents already, and if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// The result of `collectionRollback`.
#[derive(SimpleObject)]
pub struct CollectionRollbackPayload {
    /// The generation that searches will read, or read from now on. Null if validation fails, and for an API key without
    /// COLLECTION_READ.
    generation: Option<Generation>,
    /// The operation that fills it. Null if it holds all documents already, and if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// What a payload tells of a change.
struct Told {
    generation: Option<Generation>,
    operation: Option<Operation>,
    user_errors: Vec<UserError>,
}

impl Told {
    /// `path` is where the input names what is to change.
    fn of(ctx: &Context<'_>, path: &str, changed: std::result::Result<ChangedGeneration, Error>) -> Result<Self> {
        let Outcome { value, user_errors } = Outcome::naming(path, changed)?;
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        let (generation, operation) = value.map(|changed| (changed.generation, changed.operation)).unzip();
        Ok(Self {
            generation: generation.filter(|_| may_read).map(Into::into),
            operation: operation.flatten().map(Into::into),
            user_errors,
        })
    }
}

#[derive(Default)]
pub struct GenerationMutation;

#[Object]
impl GenerationMutation {
    /// Indexes all documents of a collection anew, from their stored texts. Searches read the active generation until
    /// the new one is complete. Cancelling the operation keeps the active one. One at a time in a collection; another
    /// one gives CONFLICT. Needs COLLECTION_UPDATE.
    async fn collection_reindex(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection and its new settings.")] input: CollectionReindexInput,
    ) -> Result<Option<CollectionReindexPayload>> {
        let begun = generations::reindex(ctx.services()?, ctx.viewer()?, input.into()).await;
        let Told { generation, operation, user_errors } = Told::of(ctx, "collectionId", begun)?;
        Ok(Some(CollectionReindexPayload { generation, operation, user_errors }))
    }

    /// Makes searches read a retired generation: at once if it holds all documents of the collection, and otherwise when
    /// an operation has brought it up to date. Needs COLLECTION_UPDATE.
    async fn collection_promote(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The generation to choose.")] input: CollectionPromoteInput,
    ) -> Result<Option<CollectionPromotePayload>> {
        let id = global_id::decode(&input.generation_id);
        let chosen = generations::promote(ctx.services()?, ctx.viewer()?, id).await;
        let Told { generation, operation, user_errors } = Told::of(ctx, "generationId", chosen)?;
        Ok(Some(CollectionPromotePayload { generation, operation, user_errors }))
    }

    /// Makes searches read the generation before the active one again, as `collectionPromote` does. CONFLICT if there
    /// is none any more. Needs COLLECTION_UPDATE.
    async fn collection_rollback(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection.")] input: CollectionRollbackInput,
    ) -> Result<Option<CollectionRollbackPayload>> {
        let id = global_id::decode(&input.collection_id);
        let former = generations::roll_back(ctx.services()?, ctx.viewer()?, id).await;
        let Told { generation, operation, user_errors } = Told::of(ctx, "collectionId", former)?;
        Ok(Some(CollectionRollbackPayload { generation, operation, user_errors }))
    }
}
