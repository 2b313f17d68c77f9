//! Accepts documents again that could not be indexed, with the content that failed.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;

use super::{
    accept::{self, Batch},
    new_operation,
    selection::{AT_ONCE, check_number, home_of},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{
            documents::{self, DocumentFilter, LockedDocument},
            generations, operation_documents, operations,
        },
    },
    domain::{
        action::Action,
        audit::{AuditAction, AuditObject},
        content::Content,
        document::DocumentStatus,
        id::{CollectionId, DocumentId, OperationId, UserId},
        operation::{Operation, OperationRun},
    },
    error::{Error, ViolationCode},
    service::{
        Services,
        access::{forbidden, lock_collection},
        audit::Deed,
        frame::{Done, attempt, change},
        validate::Violations,
    },
};

/// Pages of failed documents, [`AT_ONCE`] each, that a call looks through for those whose file is stored.
const PAGES: u64 = 40;

/// Which documents to try again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RetryRequest {
    Ids(Vec<DocumentId>),
    /// The first that failed in it, or were left out, and have not succeeded since.
    Operation(OperationId),
    /// The first that failed in it.
    Collection(CollectionId),
}

/// What is tried again.
#[derive(Clone, PartialEq, Debug)]
pub struct Retried {
    pub operation: Operation,
    /// Whether there may be more documents that failed.
    pub has_more: bool,
}

/// Accepts failed documents again.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Conflict`, or `Invalid` for documents that did not fail or whose file is no longer stored. Nothing
/// is accepted then.
pub async fn retry(services: &Services, viewer: &Viewer, request: RetryRequest) -> Result<Retried, Error> {
    let tried = Deed::new(AuditAction::DocumentsRetry);
    let tried = match &request {
        RetryRequest::Ids(ids) => tried.to(ids.first().map(|id| AuditObject::from(*id))),
        RetryRequest::Operation(id) => tried.to(*id),
        RetryRequest::Collection(id) => tried.to(*id).within(*id),
    };
    attempt(services, viewer, &tried, async {
        let (user, now) = (viewer.require_user_id()?, services.clock.now());
        if let RetryRequest::Ids(ids) = &request {
            check_number(services, ids)?;
        }
        change(services, viewer, &tried, now, |tx| accept(tx, services, viewer, user, &request, now).boxed()).await
    })
    .await
}

async fn accept(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    user: UserId,
    request: &RetryRequest,
    now: DateTime<Utc>,
) -> Result<Done<Retried>, Error> {
    let home = match request {
        RetryRequest::Ids(ids) => home_of(tx, viewer, ids, Action::DocumentIngest).await?,
        RetryRequest::Operation(id) => {
            let reader = tx.reader(viewer.scope());
            let home = operations::collection_of(&reader, *id, Action::OperationRead).await?;
            home.ok_or(Error::NotFound("operation"))?
        }
        RetryRequest::Collection(id) => *id,
    };
    let collection =
        lock_collection(tx, viewer, home, Action::DocumentIngest).await.map_err(|error| match request {
            // The operation is seen, though its collection may not be.
            RetryRequest::Operation(_) if matches!(error, Error::NotFound(_)) => forbidden(viewer),
            _ => error,
        })?;
    let (contents, has_more) = match request {
        RetryRequest::Ids(ids) => (named(tx, services, home, ids).await?, false),
        RetryRequest::Operation(id) => failed(tx, services, home, Some(*id)).await?,
        RetryRequest::Collection(_) => failed(tx, services, home, None).await?,
    };
    if contents.is_empty() {
        let path = match request {
            RetryRequest::Ids(_) => "ids",
            RetryRequest::Operation(_) => "operationId",
            RetryRequest::Collection(_) => "collectionId",
        };
        let message = if has_more {
            format!(
                "None of the first {} documents that failed has its file stored. Name others by their ids.",
                PAGES * AT_ONCE
            )
        } else {
            "There is no failed document whose file is stored.".to_owned()
        };
        return Err(Error::invalid(ViolationCode::Conflict, path, message));
    }

    let generation = generations::active(tx, &collection).await?;
    let mut run = OperationRun::create(Operation {
        config: json!({ "embeddingModel": generation.model.name, "chunking": generation.chunking }),
        ..new_operation(&collection, user, contents.len(), now)
    });
    let batch = Batch { source: None, first: 0, contents: &contents };
    let plan = accept::plan(tx, &services.blobs, &collection, &mut run, batch, now).await?;
    let operation = operations::insert(tx, run, None).await?;
    plan.write(tx, &services.config.limits, &collection, user.into(), now).await?;
    let deed = Deed::new(AuditAction::DocumentsRetry).to(operation.id).within(home);
    let deed = deed.saying(format!("documents: {}", contents.len()));
    Ok(Done::This(Retried { operation, has_more }, deed))
}

/// The contents of the first documents that failed, and whether there may be more. A document that crashes its worker is only
/// tried again if it is named. Those without a file are passed over, so that they don't stand in the way of the rest.
async fn failed(
    tx: &Transaction<'_>,
    services: &Services,
    home: CollectionId,
    operation: Option<OperationId>,
) -> Result<(Vec<Content>, bool), Error> {
    let filter = DocumentFilter { status: vec![DocumentStatus::Failed], ..DocumentFilter::default() };
    let mut contents = Vec::new();
    let mut after = None;
    for _ in 0..PAGES {
        let page = documents::lock_matching(tx, home, &filter, operation, after, AT_ONCE).await?;
        let is_last = (page.len() as u64) < AT_ONCE;
        after = page.last().map(|failed| failed.document.id);
        for (_, content) in stored_contents(tx, services, page).await? {
            let Some(content) = content else { continue };
            if contents.len() as u64 == AT_ONCE {
                return Ok((contents, true));
            }
            contents.push(content);
        }
        if is_last {
            return Ok((contents, false));
        }
    }
    Ok((contents, true))
}

/// The contents of documents that are named. All have to have failed.
async fn named(
    tx: &Transaction<'_>,
    services: &Services,
    home: CollectionId,
    ids: &[DocumentId],
) -> Result<Vec<Content>, Error> {
    let path_of = |id: DocumentId| format!("ids.{}", ids.iter().position(|other| *other == id).unwrap_or(0));
    let found = documents::lock_many(tx, home, ids).await?;
    let mut violations = Violations::default();
    for LockedDocument { document, .. } in &found {
        if !matches!(document.status, DocumentStatus::Failed | DocumentStatus::Quarantined) {
            let message = "This document did not fail, so there is nothing to try again.";
            violations.add(ViolationCode::Conflict, &path_of(document.id), message);
        }
    }
    violations.check()?;
    let mut contents = Vec::with_capacity(found.len());
    let mut violations = Violations::default();
    for (id, content) in stored_contents(tx, services, found).await? {
        if let Some(content) = content {
            contents.push(content);
        } else {
            let message = "The content of this document that failed is no longer stored. Ingest it again.";
            violations.add(ViolationCode::Conflict, &path_of(id), message);
        }
    }
    violations.check()?;
    Ok(contents)
}

/// The contents that failed, where they are known and their bytes are still there. The bytes of new content for an older document
/// are kept only while they are on their way.
async fn stored_contents(
    tx: &Transaction<'_>,
    services: &Services,
    failed: Vec<LockedDocument>,
) -> Result<Vec<(DocumentId, Option<Content>)>, Error> {
    let ids: Vec<_> = failed.iter().map(|failed| failed.document.id).collect();
    let mut newest = operation_documents::newest_contents(tx, &ids).await?;
    let mut contents = Vec::with_capacity(failed.len());
    for LockedDocument { document, .. } in failed {
        // What can be searched is older than what failed.
        let first = (document.revision == 0).then_some(document.content);
        let content = newest.remove(&document.id).or(first);
        let is_stored = match &content {
            Some(content) => services.blobs.exists(&content.file.digest).await?,
            None => false,
        };
        contents.push((document.id, content.filter(|_| is_stored)));
    }
    Ok(contents)
}
