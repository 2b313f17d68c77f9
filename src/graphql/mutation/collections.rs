//! Collections.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object, Result, SimpleObject};

use crate::{
    domain::{action::Action, chunking, id::CollectionId},
    graphql::{
        context::ContextExt,
        global_id,
        scalars::Json,
        types::{ChunkingStrategy, Collection, Operation, Outcome, UserError},
    },
    service::collections::{self, ChunkingRequest, CollectionPatch, NewCollection},
};

/// Settings of a chunking strategy. Omitted fields use the server's settings.
#[derive(InputObject)]
pub struct ChunkSizeInput {
    /// Maximum number of tokens in a chunk, counted with the embedding model's tokenizer: 16 up to the limit of the
    /// model.
    max_tokens: Option<i32>,
    /// Number of tokens that a chunk repeats from the previous one: 0 to half of `maxTokens`.
    overlap_tokens: Option<i32>,
}

/// Settings of the strategy HIERARCHICAL. Omitted fields use the server's settings.
#[derive(InputObject)]
#[expect(clippy::struct_field_names, reason = "so are the fields called in the schema")]
pub struct HierarchicalChunkingInput {
    /// Maximum number of tokens in a chunk, counted with the embedding model's tokenizer: 16 up to the limit of the
    /// model.
    max_tokens: Option<i32>,
    /// Number of tokens that a chunk repeats from the previous one: 0 to half of `maxTokens`.
    overlap_tokens: Option<i32>,
    /// Maximum number of tokens in a parent: more than `maxTokens`, and at most 4096. Default: four times `maxTokens`.
    parent_max_tokens: Option<i32>,
}

/// Settings of the strategy SEMANTIC. Omitted fields use the server's settings.
#[derive(InputObject)]
pub struct SemanticChunkingInput {
    /// Maximum number of tokens in a chunk, counted with the embedding model's tokenizer: 16 up to the limit of the
    /// model.
    max_tokens: Option<i32>,
    /// Number of tokens that a chunk repeats from the previous one, unless the text drifts between them: 0 to half of
    /// `maxTokens`.
    overlap_tokens: Option<i32>,
    /// How many of a hundred places between sentences drift less than those where a chunk ends, 50 to 99: the larger, the
    /// larger are chunks. Default: 90.
    drift_percentile: Option<i32>,
}

/// How to split the documents of a collection into chunks: one strategy with its settings (`{ sentence: { maxTokens: 64 } }`), or
/// sizes alone (`{ maxTokens: 64 }`), which let the kind of each document choose the strategy. Omitted fields use the server's
/// settings.
#[derive(Default, InputObject)]
pub struct ChunkingInput {
    /// The strategy RECURSIVE with these settings.
    recursive: Option<ChunkSizeInput>,
    /// The strategy MARKDOWN with these settings.
    markdown: Option<ChunkSizeInput>,
    /// The strategy SENTENCE with these settings.
    sentence: Option<ChunkSizeInput>,
    /// The strategy TOKEN with these settings.
    token: Option<ChunkSizeInput>,
    /// The strategy CODE with these settings.
    code: Option<ChunkSizeInput>,
    /// The strategy HIERARCHICAL with these settings.
    hierarchical: Option<HierarchicalChunkingInput>,
    /// The strategy SEMANTIC with these settings.
    semantic: Option<SemanticChunkingInput>,
    /// The chunking strategy, with the sizes beside it. Default: chosen for each document, CODE for source code, MARKDOWN for
    /// other text with structure and RECURSIVE for the rest.
    strategy: Option<ChunkingStrategy>,
    /// Maximum number of tokens in a chunk, counted with the embedding model's tokenizer: 16 up to the limit of the
    /// model.
    max_tokens: Option<i32>,
    /// Number of tokens that a chunk repeats from the previous one: 0 to half of `maxTokens`.
    overlap_tokens: Option<i32>,
}

impl From<ChunkingInput> for ChunkingRequest {
    fn from(input: ChunkingInput) -> Self {
        let ChunkingInput {
            recursive,
            markdown,
            sentence,
            token,
            code,
            hierarchical,
            semantic,
            strategy,
            max_tokens,
            overlap_tokens,
        } = input;
        let parent_max_tokens = hierarchical.as_ref().and_then(|settings| settings.parent_max_tokens);
        let hierarchical = hierarchical.map(|HierarchicalChunkingInput { max_tokens, overlap_tokens, .. }| {
            ChunkSizeInput { max_tokens, overlap_tokens }
        });
        let drift_percentile = semantic.as_ref().and_then(|settings| settings.drift_percentile);
        let semantic = semantic.map(|SemanticChunkingInput { max_tokens, overlap_tokens, .. }| ChunkSizeInput {
            max_tokens,
            overlap_tokens,
        });
        let alone = ChunkSizeInput { max_tokens, overlap_tokens };
        let is_alone = strategy.is_some() || max_tokens.is_some() || overlap_tokens.is_some();
        let mut given = [
            (recursive, chunking::ChunkingStrategy::Recursive, "recursive"),
            (markdown, chunking::ChunkingStrategy::Markdown, "markdown"),
            (sentence, chunking::ChunkingStrategy::Sentence, "sentence"),
            (token, chunking::ChunkingStrategy::Token, "token"),
            (code, chunking::ChunkingStrategy::Code, "code"),
            (hierarchical, chunking::ChunkingStrategy::Hierarchical, "hierarchical"),
            (semantic, chunking::ChunkingStrategy::Semantic, "semantic"),
        ]
        .into_iter()
        .filter_map(|(sizes, strategy, place)| Some((sizes?, Some(strategy), Some(place))));
        let first = given.next();
        let is_ambiguous = first.is_some() && (is_alone || given.next().is_some());
        let (sizes, strategy, place) = first.unwrap_or((alone, strategy.map(Into::into), None));
        Self {
            strategy,
            max_tokens: sizes.max_tokens,
            overlap_tokens: sizes.overlap_tokens,
            parent_max_tokens,
            drift_percentile,
            root: "chunking",
            place,
            is_ambiguous,
        }
    }
}

/// A collection to create.
#[derive(InputObject)]
pub struct CollectionCreateInput {
    /// The name: at most 200 characters, unique among your collections. Names that differ only in case count as
    /// equal. Invisible characters, and words that mix look-alike letters of several alphabets, are rejected.
    name: String,
    /// What the collection is about: at most 4000 characters. Default: no description.
    description: Option<String>,
    /// Whether everyone can read it, with or without an account. Default: false.
    is_public: Option<bool>,
    /// The name of its embedding model: one that `embeddingModels` lists. Default: the first of them.
    embedding_model: Option<String>,
    /// How to split its documents into chunks. Default: the server's settings.
    chunking: Option<ChunkingInput>,
    /// Your metadata: a JSON object of at most 16 KiB. Default: an empty object.
    meta: Option<Json>,
}

impl From<CollectionCreateInput> for NewCollection {
    fn from(input: CollectionCreateInput) -> Self {
        Self {
            name: input.name,
            description: input.description,
            is_public: input.is_public.unwrap_or(false),
            embedding_model: input.embedding_model,
            chunking: input.chunking.unwrap_or_default().into(),
            meta: input.meta.map(|Json(meta)| meta),
        }
    }
}

/// The result of `collectionCreate`.
#[derive(SimpleObject)]
pub struct CollectionCreatePayload {
    /// The new collection. Null if validation fails.
    collection: Option<Collection>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// Changes to a collection. Omitted fields stay as they are. Null clears a field.
#[derive(InputObject)]
pub struct CollectionUpdateInput {
    /// The global id of the collection.
    collection_id: ID,
    /// The name, with the same rules as in `collectionCreate`. It can't be cleared.
    name: MaybeUndefined<String>,
    /// What the collection is about: at most 4000 characters. Null: no description.
    description: MaybeUndefined<String>,
    /// Whether everyone can read it, with or without an account. Null: false.
    is_public: MaybeUndefined<bool>,
    /// Your metadata, replaced as a whole: a JSON object of at most 16 KiB. Null: an empty object.
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
pub(super) fn cleared<T>(value: MaybeUndefined<T>) -> Option<Option<T>> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(None),
        MaybeUndefined::Value(value) => Some(Some(value)),
    }
}

/// The result of `collectionUpdate`.
#[derive(SimpleObject)]
pub struct CollectionUpdatePayload {
    /// The changed collection. Null if validation fails, and for an API key without COLLECTION_READ.
    collection: Option<Collection>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

/// A collection to delete.
#[derive(InputObject)]
pub struct CollectionDeleteInput {
    /// The global id of the collection.
    collection_id: ID,
}

/// The result of `collectionDelete`.
#[derive(SimpleObject)]
pub struct CollectionDeletePayload {
    /// The global id of the deleted collection. Null if validation fails.
    deleted_id: Option<ID>,
    /// The operation that frees its storage. Null if validation fails.
    operation: Option<Operation>,
    /// Validation errors. Empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub struct CollectionMutation;

#[Object]
impl CollectionMutation {
    /// Creates an empty collection, owned by the viewer.
    async fn collection_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection to create.")] input: CollectionCreateInput,
    ) -> Result<Option<CollectionCreatePayload>> {
        let created = collections::create(ctx.services()?, ctx.viewer()?, input.into()).await;
        let Outcome { value, user_errors } = Outcome::of(created)?;
        Ok(Some(CollectionCreatePayload { collection: value.map(Into::into), user_errors }))
    }

    /// Changes a collection. Needs COLLECTION_UPDATE.
    async fn collection_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection and its changes.")] input: CollectionUpdateInput,
    ) -> Result<Option<CollectionUpdatePayload>> {
        let id: CollectionId = global_id::decode(&input.collection_id);
        let updated = collections::update(ctx.services()?, ctx.viewer()?, id, input.into()).await;
        let Outcome { value, user_errors } = Outcome::naming("collectionId", updated)?;
        let may_read = ctx.viewer()?.scope().carries(Action::CollectionRead);
        Ok(Some(CollectionUpdatePayload { collection: value.filter(|_| may_read).map(Into::into), user_errors }))
    }

    /// Deletes a collection and everything in it. It disappears for readers at once. Needs COLLECTION_DELETE.
    async fn collection_delete(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The collection to delete.")] input: CollectionDeleteInput,
    ) -> Result<Option<CollectionDeletePayload>> {
        let id: CollectionId = global_id::decode(&input.collection_id);
        let deleted = collections::delete(ctx.services()?, ctx.viewer()?, id).await;
        let Outcome { value, user_errors } = Outcome::naming("collectionId", deleted)?;
        let deleted_id = value.is_some().then_some(input.collection_id);
        Ok(Some(CollectionDeletePayload { deleted_id, operation: value.map(Into::into), user_errors }))
    }
}
