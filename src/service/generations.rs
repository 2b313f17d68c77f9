//! The indexes of a collection: built anew beside the one that is searched, promoted when they are complete, and taken
//! back within a time of grace. Every change holds the lock of the collection, so there is one writer at a time.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use serde_json::json;

use super::{
    Services,
    access::lock_collection,
    audit::Deed,
    collections::{ChunkingRequest, chosen_model, chunking},
    frame::{Done, attempt, change},
    validate::Violations,
};
use crate::{
    auth::viewer::Viewer,
    db::{
        DatabaseError, Transaction,
        repo::{
            collections::{self, generation_target},
            documents, generations, operations,
        },
    },
    domain::{
        action::Action,
        audit::AuditAction,
        collection::Collection,
        generation::{Generation, GenerationState},
        id::{CollectionId, GenerationId, OperationId, UserId},
        operation::{Operation, OperationRun, OperationStatus, OperationTotals, OperationType},
    },
    error::{Error, ViolationCode},
    jobs::{self, ReindexCollection},
};

/// A new index for a collection. What is `None` stays as the active generation has it.
#[derive(Clone, PartialEq, Debug)]
pub struct ReindexRequest {
    pub collection: CollectionId,
    /// The name of the model.
    pub embedding_model: Option<String>,
    pub chunking: Option<ChunkingRequest>,
    /// Whether to index anew even if no setting changes.
    pub force: bool,
}

/// A generation that changed its state.
#[derive(Clone, PartialEq, Debug)]
pub struct ChangedGeneration {
    pub generation: Generation,
    /// The operation that fills it; `None` if it holds all documents already.
    pub operation: Option<Operation>,
}

/// Begins to index a collection anew, from its stored texts. Searches read the active generation until the new one is
/// complete.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid` for the input, or `Conflict` while the collection is being reindexed.
pub async fn reindex(
    services: &Services,
    viewer: &Viewer,
    request: ReindexRequest,
) -> Result<ChangedGeneration, Error> {
    let id = request.collection;
    let tried = Deed::new(AuditAction::CollectionReindex).to(id).within(id);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require_user_id()?, services.clock.now());
        change(services, viewer, &tried, now, |tx| begin(tx, services, viewer, user, &request, now).boxed()).await
    })
    .await
}

async fn begin(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    user: UserId,
    request: &ReindexRequest,
    now: DateTime<Utc>,
) -> Result<Done<ChangedGeneration>, Error> {
    let collection = lock_collection(tx, viewer, request.collection, Action::CollectionUpdate).await?;
    let active = generations::active(tx, &collection).await?;
    let mut generation = planned(services, &active, request, now)?;
    refuse_second_writer(tx, collection.id).await?;
    let operation = new_operation(&active, &generation, user, now);
    generation.begin_filling(operation.id);
    generations::insert(tx, generation.clone()).await?;
    let operation = fill(tx, &generation, operation, user, now).await?;
    Ok(Done::AsTried(ChangedGeneration { generation, operation: Some(operation) }))
}

/// The generation that was requested.
fn planned(
    services: &Services,
    active: &Generation,
    request: &ReindexRequest,
    now: DateTime<Utc>,
) -> Result<Generation, Error> {
    let mut violations = Violations::default();
    let (key, placement, wanted) = if let Some(name) = request.embedding_model.as_deref() {
        let model = chosen_model(services, &mut violations, Some(name));
        let wanted = request.chunking.map(|wanted| chunking(services, &mut violations, &model, wanted));
        let kept = active.chunking;
        if wanted.is_none() && kept.max_tokens as usize > model.text_tokens() {
            violations.add(
                ViolationCode::Invalid,
                "chunking.maxTokens",
                format!("The model reads {} tokens. Choose smaller chunks.", model.text_tokens()),
            );
        }
        (model.key.clone(), model.placement(), wanted)
    } else {
        let open = services.embedders.get_open(&active.model).map(|embedder| embedder.model().clone());
        let model = open.or_else(|| services.embedders.choice(&active.model.name));
        let wanted = match (request.chunking, model) {
            (Some(wanted), Some(model)) => Some(chunking(services, &mut violations, &model, wanted)),
            (Some(_), None) => {
                let message = "The model of this collection is missing. Choose one that `embeddingModels` lists.";
                violations.add(ViolationCode::NotFound, "embeddingModel", message);
                None
            }
            (None, _) => None,
        };
        (active.model.clone(), active.placement.clone(), wanted)
    };
    let wanted = wanted.unwrap_or(active.chunking);
    if !request.force && key == active.model && wanted == active.chunking {
        let message = "The collection has this model and chunking already. Set `force` to index it again.";
        violations.add(ViolationCode::Invalid, "force", message);
    }
    violations.check()?;
    Ok(Generation {
        id: GenerationId::generate(),
        model: key,
        placement,
        chunking: wanted,
        state: GenerationState::Building,
        document_count: 0,
        chunk_count: 0,
        operation: None,
        promoted_at: None,
        retired_at: None,
        created_at: now,
        ..active.clone()
    })
}

/// Makes searches read a retired generation: at once if it holds all documents, and otherwise when it does.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Conflict` if it is not retired or will be removed, and while the collection is being
/// reindexed.
pub async fn promote(services: &Services, viewer: &Viewer, id: GenerationId) -> Result<ChangedGeneration, Error> {
    let tried = Deed::new(AuditAction::CollectionPromote).to(id);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require_user_id()?, services.clock.now());
        let reader = services.database.reader(viewer.scope());
        // A caller may be allowed to change a collection without reading it.
        let changeable = generation_target(&reader, id, &[Action::CollectionUpdate]).await?.map(|target| target.id);
        let readable = generations::find(&reader, id).await?.map(|generation| generation.collection_id);
        let collection = changeable.or(readable).ok_or(Error::NotFound("generation"))?;
        change(services, viewer, &tried, now, |tx| choose(tx, services, viewer, user, collection, id, now).boxed())
            .await
    })
    .await
}

async fn choose(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    user: UserId,
    collection: CollectionId,
    id: GenerationId,
    now: DateTime<Utc>,
) -> Result<Done<ChangedGeneration>, Error> {
    let collection = lock_collection(tx, viewer, collection, Action::CollectionUpdate).await?;
    let all = generations::of_locked(tx, collection.id).await?;
    let Some(chosen) = all.into_iter().find(|generation| generation.id == id) else {
        return Err(Error::NotFound("generation"));
    };
    let changed = revive(tx, services, &collection, chosen, user, now).await?;
    Ok(Done::This(changed, Deed::new(AuditAction::CollectionPromote).to(id).within(collection.id)))
}

/// Makes searches read the generation before the active one again.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Conflict` if there is none any more, and while the collection is being reindexed.
pub async fn roll_back(services: &Services, viewer: &Viewer, id: CollectionId) -> Result<ChangedGeneration, Error> {
    let tried = Deed::new(AuditAction::CollectionRollback).to(id).within(id);
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require_user_id()?, services.clock.now());
        change(services, viewer, &tried, now, |tx| choose_former(tx, services, viewer, user, id, now).boxed()).await
    })
    .await
}

async fn choose_former(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    user: UserId,
    id: CollectionId,
    now: DateTime<Utc>,
) -> Result<Done<ChangedGeneration>, Error> {
    let collection = lock_collection(tx, viewer, id, Action::CollectionUpdate).await?;
    let all = generations::of_locked(tx, collection.id).await?;
    // One that was never complete is none to go back to.
    let former = all
        .into_iter()
        .filter(|generation| generation.state == GenerationState::Retired && generation.promoted_at.is_some())
        .max_by_key(|generation| generation.retired_at);
    let Some(former) = former else {
        return Err(Error::Conflict("This collection has no former index to go back to.".into()));
    };
    Ok(Done::AsTried(revive(tx, services, &collection, former, user, now).await?))
}

async fn revive(
    tx: &Transaction<'_>,
    services: &Services,
    collection: &Collection,
    mut generation: Generation,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<ChangedGeneration, Error> {
    match generation.state {
        GenerationState::Active => return Err(Error::Conflict("Searches read this generation already.".into())),
        GenerationState::Building => return Err(second_writer()),
        GenerationState::Retired => {}
    }
    if generation.is_over(grace(services), now) {
        return Err(Error::Conflict("This generation is being removed: its time of grace is over.".into()));
    }
    refuse_second_writer(tx, collection.id).await?;
    let active = generations::active(tx, collection).await?;
    if generations::is_complete(tx, active.id, generation.id).await? {
        activate(tx, collection, &mut generation, now).await?;
        return Ok(ChangedGeneration { generation, operation: None });
    }
    let operation = new_operation(&active, &generation, user, now);
    generation.begin_filling(operation.id);
    generations::update(tx, &generation).await?;
    let operation = fill(tx, &generation, operation, user, now).await?;
    Ok(ChangedGeneration { generation, operation: Some(operation) })
}

/// How long a retired generation is kept.
pub(crate) fn grace(services: &Services) -> TimeDelta {
    TimeDelta::minutes(services.config.collections.generation_grace_minutes)
}

async fn refuse_second_writer(tx: &Transaction<'_>, collection: CollectionId) -> Result<(), Error> {
    let all = generations::of_locked(tx, collection).await?;
    if all.iter().any(|generation| generation.state == GenerationState::Building) {
        return Err(second_writer());
    }
    Ok(())
}

fn second_writer() -> Error {
    Error::Conflict("This collection is being reindexed. Wait for the operation to end, or cancel it.".into())
}

/// The operation that fills `generation` with the documents that the active one has now.
fn new_operation(active: &Generation, generation: &Generation, user: UserId, now: DateTime<Utc>) -> Operation {
    let documents = active.document_count - generation.document_count;
    Operation {
        id: OperationId::generate(),
        operation_type: OperationType::Reindex,
        status: OperationStatus::Pending,
        collection_id: Some(active.collection_id),
        user_id: Some(user),
        config: json!({ "embeddingModel": generation.model.name, "chunking": generation.chunking }),
        error_message: None,
        totals: OperationTotals { documents: documents.max(0), ..OperationTotals::default() },
        created_at: now,
        started_at: None,
        completed_at: None,
    }
}

async fn fill(
    tx: &Transaction<'_>,
    generation: &Generation,
    operation: Operation,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Operation, Error> {
    let operation = operations::insert(tx, OperationRun::create(operation), None).await?;
    let (collection, generation) = (generation.collection_id, generation.id);
    let job = ReindexCollection { operation: operation.id, collection, generation, after: None };
    jobs::enqueue(tx, &[job], user.into(), now).await?;
    Ok(operation)
}

/// Makes searches read a generation that is complete, instead of the active one of a locked collection.
pub(crate) async fn activate(
    tx: &Transaction<'_>,
    collection: &Collection,
    generation: &mut Generation,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    let mut active = generations::active(tx, collection).await?;
    active.retire(now);
    generations::update(tx, &active).await?;
    generation.promote(now);
    generations::update(tx, generation).await?;
    collections::set_generation(tx, collection.id, generation.id).await?;
    documents::take_chunk_counts(tx, collection.id, generation.id, None).await
}

/// Gives up the generation that an operation fills, in a locked collection. The active one was never touched.
pub(crate) async fn give_up(
    tx: &Transaction<'_>,
    collection: CollectionId,
    operation: OperationId,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    for mut generation in generations::of_locked(tx, collection).await? {
        if generation.state == GenerationState::Building && generation.operation == Some(operation) {
            generation.retire(now);
            generations::update(tx, &generation).await?;
        }
    }
    Ok(())
}
