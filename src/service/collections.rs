//! Collections: create, change, delete.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;

use super::{
    Services,
    access::lock_collection,
    audit::Deed,
    frame::{Done, attempt, change},
    sessions,
    validate::{MAX_DESCRIPTION, MAX_NAME, Violations},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{collections, generations, members, open_operations, operations, users},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        chunking::{ChunkingConfig, ChunkingStrategy},
        collection::{Collection, CollectionRole, CollectionStatus},
        generation::{Generation, GenerationState, LexicalLanguage},
        id::{CollectionId, GenerationId, OperationId, UserId},
        member::Member,
        operation::{Operation, OperationRun, OperationStatus, OperationTotals, OperationType},
    },
    embedding::ModelInfo,
    error::{Error, ViolationCode},
    jobs::{self, DeleteCollection},
};

/// A new collection.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct NewCollection {
    pub name: String,
    pub description: Option<String>,
    pub is_public: bool,
    /// The name of its model; `None`: that of new collections.
    pub embedding_model: Option<String>,
    pub chunking: ChunkingRequest,
    pub meta: Option<serde_json::Value>,
}

/// How the texts of a new collection are split; missing values follow the server's settings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChunkingRequest {
    pub strategy: Option<ChunkingStrategy>,
    pub max_tokens: Option<i32>,
    pub overlap_tokens: Option<i32>,
    /// For `Hierarchical` only.
    pub parent_max_tokens: Option<i32>,
    /// For `Semantic` only.
    pub drift_percentile: Option<i32>,
    /// Where it is in the input, and where in that its sizes are.
    pub root: &'static str,
    pub place: Option<&'static str>,
    /// Whether the input names more than one strategy.
    pub is_ambiguous: bool,
}

impl Default for ChunkingRequest {
    fn default() -> Self {
        Self {
            strategy: None,
            max_tokens: None,
            overlap_tokens: None,
            parent_max_tokens: None,
            drift_percentile: None,
            root: "chunking",
            place: None,
            is_ambiguous: false,
        }
    }
}

/// Changes to a collection. `None` keeps the value; for fields that can be empty, `Some(None)` clears it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CollectionPatch {
    pub name: Option<String>,
    pub description: Option<Option<String>>,
    pub is_public: Option<bool>,
    pub meta: Option<Option<serde_json::Value>>,
}

const MIN_CHUNK_TOKENS: i32 = 16;
const MAX_PARENT_TOKENS: i32 = 4096;
/// Full chunks in a full parent, if the request does not say how large parents are.
const PARENT_CHUNKS: i32 = 4;
const DRIFT_PERCENTILES: RangeInclusive<i32> = 50..=99;
const DRIFT_PERCENTILE: i32 = 90;

/// Creates an empty collection owned by the caller.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for an API key that does not allow it, or `Invalid` for the input.
pub async fn create(services: &Services, viewer: &Viewer, input: NewCollection) -> Result<Collection, Error> {
    let tried = Deed::new(AuditAction::CollectionCreate);
    attempt(services, viewer, &tried, async {
        let owner = viewer.require(Action::CollectionCreate)?;
        if viewer.scope().key().is_some_and(|key| !key.all_collections) {
            return Err(Error::Forbidden(
                "This API key is limited to the collections that it names, so it can't create new ones.",
            ));
        }
        let now = services.clock.now();
        let (collection, generation) = new_collection(services, owner, input, now)?;
        change(services, viewer, &tried, now, |tx| insert(tx, &collection, &generation, now).boxed()).await?;
        Ok(collection)
    })
    .await
}

/// A collection and its first generation.
fn new_collection(
    services: &Services,
    owner: UserId,
    input: NewCollection,
    now: DateTime<Utc>,
) -> Result<(Collection, Generation), Error> {
    let mut violations = Violations::default();
    let name = violations.title("name", "the collection's name", &input.name, MAX_NAME);
    let description =
        violations.optional_text("description", "the description", input.description.as_deref(), MAX_DESCRIPTION);
    let meta = violations.meta("meta", input.meta);
    let model = chosen_model(services, &mut violations, input.embedding_model.as_deref());
    let chunking = chunking(services, &mut violations, &model, input.chunking);
    violations.check()?;

    let id = CollectionId::generate();
    let generation = Generation {
        id: GenerationId::generate(),
        collection_id: id,
        placement: model.placement(),
        model: model.key,
        chunking,
        lexical_language: LexicalLanguage::English,
        state: GenerationState::Active,
        document_count: 0,
        chunk_count: 0,
        operation: None,
        promoted_at: Some(now),
        retired_at: None,
        created_at: now,
    };
    let collection = Collection {
        id,
        owner_id: owner,
        name,
        description,
        status: CollectionStatus::Ready,
        is_public: input.is_public,
        meta,
        generation: generation.id,
        document_count: 0,
        total_bytes: 0,
        created_at: now,
        updated_at: now,
    };
    Ok((collection, generation))
}

async fn insert(
    tx: &Transaction<'_>,
    new: &Collection,
    generation: &Generation,
    now: DateTime<Utc>,
) -> Result<Done<()>, Error> {
    if !users::hold(tx, new.owner_id).await? {
        return Err(sessions::ENDED);
    }
    check_name_is_free(tx, new, None).await?;
    collections::insert(tx, new.clone()).await.map_err(name_taken)?;
    generations::insert(tx, generation.clone()).await?;
    let role = CollectionRole::Owner;
    members::insert(tx, Member { collection_id: new.id, user_id: new.owner_id, role, created_at: now }).await?;
    Ok(Done::This((), Deed::new(AuditAction::CollectionCreate).to(new.id).within(new.id)))
}

/// Changes a collection.
///
/// # Errors
/// `NotFound`, `Forbidden` where the caller may only read, or `Invalid` for the input.
pub async fn update(
    services: &Services,
    viewer: &Viewer,
    id: CollectionId,
    patch: CollectionPatch,
) -> Result<Collection, Error> {
    let tried = Deed::new(AuditAction::CollectionUpdate).to(id).within(id);
    attempt(services, viewer, &tried, async {
        let patch = checked(patch)?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| apply(tx, viewer, id, &patch, now).boxed()).await
    })
    .await
}

/// The patch with texts in their stored form.
fn checked(patch: CollectionPatch) -> Result<CollectionPatch, Error> {
    let mut violations = Violations::default();
    let name = patch.name.map(|name| violations.title("name", "the collection's name", &name, MAX_NAME));
    let description = patch
        .description
        .map(|text| violations.optional_text("description", "the description", text.as_deref(), MAX_DESCRIPTION));
    let meta = patch.meta.map(|meta| Some(violations.meta("meta", meta)));
    violations.check()?;
    Ok(CollectionPatch { name, description, is_public: patch.is_public, meta })
}

async fn apply(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: CollectionId,
    patch: &CollectionPatch,
    now: DateTime<Utc>,
) -> Result<Done<Collection>, Error> {
    let mut collection = lock_collection(tx, viewer, id, Action::CollectionUpdate).await?;
    if let Some(name) = &patch.name {
        collection.name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        collection.description.clone_from(description);
    }
    if let Some(Some(meta)) = &patch.meta {
        collection.meta.clone_from(meta);
    }
    collection.is_public = patch.is_public.unwrap_or(collection.is_public);
    collection.updated_at = now;
    check_name_is_free(tx, &collection, Some(id)).await?;
    collections::update(tx, &collection).await.map_err(name_taken)?;
    Ok(Done::AsTried(collection))
}

/// Deletes a collection and everything in it. Readers stop seeing it at once; the operation frees its storage.
///
/// # Errors
/// `NotFound`, or `Forbidden` where the caller may only read.
pub async fn delete(services: &Services, viewer: &Viewer, id: CollectionId) -> Result<Operation, Error> {
    let tried = Deed::new(AuditAction::CollectionDelete).to(id).within(id);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require_user_id()?, services.clock.now());
        change(services, viewer, &tried, now, |tx| mark_deleted(tx, viewer, user, id, now).boxed()).await
    })
    .await
}

async fn mark_deleted(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    user: UserId,
    id: CollectionId,
    now: DateTime<Utc>,
) -> Result<Done<Operation>, Error> {
    let collection = lock_collection(tx, viewer, id, Action::CollectionDelete).await?;
    let (operation, deed) = begin_deletion(tx, collection, user, now).await?;
    Ok(Done::This(operation, deed))
}

/// Hides a collection that the transaction has locked, and has the rest done by a job, for `user`.
pub(super) async fn begin_deletion(
    tx: &Transaction<'_>,
    mut collection: Collection,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<(Operation, Deed), Error> {
    let id = collection.id;
    let run = OperationRun::create(Operation {
        id: OperationId::generate(),
        operation_type: OperationType::Delete,
        status: OperationStatus::Pending,
        collection_id: Some(id),
        user_id: Some(user),
        config: json!({ "collection": collection.name }),
        error_message: None,
        totals: OperationTotals::default(),
        created_at: now,
        started_at: None,
        completed_at: None,
    });
    let operation = operations::insert(tx, run, None).await?;
    collection.status = CollectionStatus::Deleting;
    collection.updated_at = now;
    collections::update(tx, &collection).await?;
    open_operations::cancel_in(tx, id).await?;
    let job = DeleteCollection { operation: operation.id, collection: id };
    jobs::enqueue(tx, &[job], user.into(), now).await?;
    Ok((operation, Deed::new(AuditAction::CollectionDelete).to(id).within(id).saying(collection.name)))
}

/// The model of this name, or that of new collections where none is named.
pub(super) fn chosen_model(services: &Services, violations: &mut Violations, name: Option<&str>) -> ModelInfo {
    let default = services.embedders.default_model();
    let Some(name) = name else { return default.clone() };
    services.embedders.choice(name).unwrap_or_else(|| {
        let message = "There is no such embedding model on this server. `embeddingModels` lists them.";
        violations.add(ViolationCode::NotFound, "embeddingModel", message);
        default.clone()
    })
}

/// The chunking of a generation with this model.
pub(super) fn chunking(
    services: &Services,
    violations: &mut Violations,
    model: &ModelInfo,
    request: ChunkingRequest,
) -> ChunkingConfig {
    let at = |field: &str| match request.place {
        Some(place) => format!("{}.{place}.{field}", request.root),
        None => format!("{}.{field}", request.root),
    };
    if request.is_ambiguous {
        let message = "Choose one strategy, and give the sizes with it.";
        violations.add(ViolationCode::Invalid, request.root, message);
    }
    let defaults = &services.config.ingestion;
    let most = i32::try_from(model.text_tokens()).unwrap_or(i32::MAX);
    let default = i32::try_from(defaults.chunk_max_tokens).unwrap_or(most).min(most);
    let max_tokens = request.max_tokens.unwrap_or(default);
    if !(MIN_CHUNK_TOKENS..=most).contains(&max_tokens) {
        violations.add(
            ViolationCode::Invalid,
            &at("maxTokens"),
            format!("Choose between {MIN_CHUNK_TOKENS} and {most} tokens: the model does not read more."),
        );
    }
    let overlap_tokens = request
        .overlap_tokens
        .unwrap_or_else(|| i32::try_from(defaults.chunk_overlap_tokens).unwrap_or(0).min(max_tokens / 2));
    if overlap_tokens < 0 || overlap_tokens > max_tokens / 2 {
        violations.add(
            ViolationCode::Invalid,
            &at("overlapTokens"),
            format!("Choose between 0 and {} tokens: half of a chunk.", (max_tokens / 2).max(0)),
        );
    }
    let parent_max_tokens = (request.strategy == Some(ChunkingStrategy::Hierarchical)).then(|| {
        let default = max_tokens.saturating_mul(PARENT_CHUNKS).min(MAX_PARENT_TOKENS);
        let parent_max_tokens = request.parent_max_tokens.unwrap_or(default);
        if parent_max_tokens <= max_tokens || parent_max_tokens > MAX_PARENT_TOKENS {
            let message =
                format!("Choose more than the {max_tokens} tokens of a chunk, and at most {MAX_PARENT_TOKENS}.");
            violations.add(ViolationCode::Invalid, &at("parentMaxTokens"), message);
        }
        u32::try_from(parent_max_tokens).unwrap_or(0)
    });
    let drift_percentile = (request.strategy == Some(ChunkingStrategy::Semantic)).then(|| {
        let drift_percentile = request.drift_percentile.unwrap_or(DRIFT_PERCENTILE);
        if !DRIFT_PERCENTILES.contains(&drift_percentile) {
            let message = "Choose a percentile between 50 and 99.";
            violations.add(ViolationCode::Invalid, &at("driftPercentile"), message);
        }
        u32::try_from(drift_percentile).unwrap_or(0)
    });
    ChunkingConfig {
        strategy: request.strategy,
        max_tokens: u32::try_from(max_tokens).unwrap_or(0),
        overlap_tokens: u32::try_from(overlap_tokens).unwrap_or(0),
        parent_max_tokens,
        drift_percentile,
    }
}

/// Rejects a name that another collection of its owner has.
pub(super) async fn check_name_is_free(
    tx: &Transaction<'_>,
    collection: &Collection,
    except: Option<CollectionId>,
) -> Result<(), Error> {
    if collections::name_taken(tx, collection.owner_id, &collection.name, except).await? {
        return Err(taken());
    }
    Ok(())
}

/// The only unique key that a write of a collection can violate after its id is the name, under a race.
fn name_taken(error: crate::db::DatabaseError) -> Error {
    if error.is_constraint() { taken() } else { error.into() }
}

fn taken() -> Error {
    Error::invalid(ViolationCode::Taken, "name", "You already have a collection with this name. Choose another.")
}
