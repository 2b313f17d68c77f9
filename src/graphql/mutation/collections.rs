//! Collections.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use crate::{
    domain::{action::Action, audit::AuditAction, id::CollectionId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::Json,
        types::{ChunkingStrategy, Collection, Operation, Outcome, UserError},
    },
    service::{
        audit::Deed,
        collections::{self, ChunkingRequest, CollectionPatch, NewCollection},
    },
};

/// How the documents of a new collection are to be cut. What is left out follows the server's settings.
#[derive(Default, InputObject)]
pub struct ChunkingInput {
    /// The rule. Default: each document's kind decides, MARKDOWN for text with structure and RECURSIVE for the rest.
    strategy: Option<ChunkingStrategy>,
    /// The most tokens of the embedding model in one chunk: 16 to what the model reads.
    max_tokens: Option<i32>,
    /// How many tokens a chunk repeats from the one before it: 0 to half of `maxTokens`.
    overlap_tokens: Option<i32>,
}

impl From<ChunkingInput> for ChunkingRequest {
    fn from(input: ChunkingInput) -> Self {
        Self {
            strategy: input.strategy.map(Into::into),
            max_tokens: input.max_tokens,
            overlap_tokens: input.overlap_tokens,
        }
    }
}

/// A new collection.
#[derive(InputObject)]
pub struct CollectionCreateInput {
    /// The name, in whatever case unlike that of any other collection of yours: at most 200 characters, none of them
    /// invisible, and no word that mixes alphabets whose letters look alike.
    name: String,
    /// What the collection is about: at most 4000 characters. Default: nothing.
    description: Option<String>,
    /// Whether everybody may read it, with and without an account. Default: false.
    is_public: Option<bool>,
    /// How its documents are to be cut into chunks. Default: as the server's settings say.
    chunking: Option<ChunkingInput>,
    /// Your own data: a JSON object of at most 16 KiB. Default: an empty one.
    meta: Option<Json>,
}

impl From<CollectionCreateInput> for NewCollection {
    fn from(input: CollectionCreateInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            is_public: input.is_public.unwrap_or(false),
            chunking: input.chunking.unwrap_or_default().into(),
            meta: input.meta.map(|Json(meta)| meta),
        }
    }
}

/// The answer to `collectionCreate`.
#[derive(SimpleObject)]
pub struct CollectionCreatePayload {
    /// The new collection. Null when the input is refused.
    collection: Option<Collection>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// What is to change in a collection. What is left out stays as it is; null clears.
#[derive(InputObject)]
pub struct CollectionUpdateInput {
    /// The name, as for `collectionCreate`. It can't be cleared.
    name: MaybeUndefined<String>,
    /// What the collection is about: at most 4000 characters. Null: nothing.
    description: MaybeUndefined<String>,
    /// Whether everybody may read it, with and without an account. Null: false.
    is_public: MaybeUndefined<bool>,
    /// Your own data, as a whole: a JSON object of at most 16 KiB. Null: an empty one.
    meta: MaybeUndefined<Json>,
}

impl From<CollectionUpdateInput> for CollectionPatch {
    fn from(input: CollectionUpdateInput) -> Self {
        Self {
            // An empty name is refused with a sentence of its own.
            name: cleared(input.name).map(Option::unwrap_or_default),
            description: cleared(input.description),
            is_public: cleared(input.is_public).map(Option::unwrap_or_default),
            meta: cleared(input.meta).map(|meta| meta.map(|Json(meta)| meta)),
        }
    }
}

/// `None` keeps, `Some(None)` clears.
#[expect(clippy::option_option, reason = "that is how a patch tells the two apart")]
fn cleared<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// The answer to `collectionUpdate`.
#[derive(SimpleObject)]
pub struct CollectionUpdatePayload {
    /// The changed collection. Null when the input is refused, and for an API key that is not good for COLLECTION_READ.
    collection: Option<Collection>,
    /// Why the input is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

/// The answer to `collectionDelete`.
#[derive(SimpleObject)]
pub struct CollectionDeletePayload {
    /// The global id of the collection, which no longer exists. Null when the call is refused.
    deleted_id: Option<ID>,
    /// The operation that frees its space. Null when the call is refused.
    operation: Option<Operation>,
    /// Why the call is refused; empty when it is not.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CollectionMutation;

#[Object]
impl CollectionMutation {
    /// Creates an empty collection, which belongs to the viewer.
    async fn collection_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection to create.")] input: CollectionCreateInput,
    ) -> Result<Option<CollectionCreatePayload>> {
        let created = collections::create(ctx.services()?, ctx.viewer()?, input.into()).await;
        let Outcome { value, user_errors } = Outcome::of(ctx, Deed::new(AuditAction::CollectionCreate), created)?;
        Ok(Some(CollectionCreatePayload { collection: value.map(Into::into), user_errors }))
    }

    /// Changes a collection. Needs COLLECTION_UPDATE.
    async fn collection_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection's global id.")] id: ID,
        #[graphql(desc = "What is to change.")] input: CollectionUpdateInput,
    ) -> Result<Option<CollectionUpdatePayload>> {
        let id: CollectionId = global_id::decode(&id);
        let updated = collections::update(ctx.services()?, ctx.viewer()?, id, input.into()).await;
        let deed = Deed::new(AuditAction::CollectionUpdate).to(id).within(id);
        let Outcome { value, user_errors } = Outcome::of(ctx, deed, updated)?;
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        Ok(Some(CollectionUpdatePayload { collection: value.filter(|_| may_read).map(Into::into), user_errors }))
    }

    /// Removes a collection with all that is in it. It is gone for readers at once. Needs
    /// COLLECTION_DELETE.
    async fn collection_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection's global id.")] id: ID,
    ) -> Result<Option<CollectionDeletePayload>> {
        let collection: CollectionId = global_id::decode(&id);
        let deleted = collections::delete(ctx.services()?, ctx.viewer()?, collection).await;
        let deed = Deed::new(AuditAction::CollectionDelete).to(collection).within(collection);
        let Outcome { value, user_errors } = Outcome::of(ctx, deed, deleted)?;
        let deleted_id = value.is_some().then_some(id);
        Ok(Some(CollectionDeletePayload { deleted_id, operation: value.map(Into::into), user_errors }))
    }
}
