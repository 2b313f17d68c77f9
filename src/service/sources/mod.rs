//! Sources: creating, changing, syncing, removing, and a preview of what a sync would do.
//!
//! Whoever may change a collection creates its sources, if their credential may also add documents. Whoever may add
//! documents syncs them.

mod check;
mod known;
mod open;
mod preview;
mod remove;
mod site;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use serde_json::json;

use self::check::{checked, checked_patch};
pub(crate) use self::{
    check::roots,
    known::{Retry, known_files},
    open::open_bucket,
    site::{Budget, NewPage, Site, SiteError, Step},
};
pub use self::{
    open::seal,
    preview::{Preview, PreviewTarget, preview},
    remove::remove,
};
use super::{
    Services,
    access::{find_collection, forbidden, lock_collection},
    audit::Deed,
    documents::new_operation,
    frame::{Done, attempt, change},
};
use crate::{
    auth::viewer::Viewer,
    db::{
        DatabaseError, Reader, Transaction,
        repo::{collections, operations, sources},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        collection::Collection,
        id::{CollectionId, OperationId, SourceId, SourceRunId, UserId},
        operation::{Operation, OperationRun, SOURCE},
        source::{Cut, Diff, Location, Scan, Source, SourceStatus, VanishPolicy},
    },
    error::{Error, ViolationCode},
    jobs::{self, SyncSource},
    source::SourceError,
};

/// What someone has to be allowed who changes sources.
const MANAGE: &[Action] = &[Action::CollectionUpdate, Action::DocumentIngest];

/// A new source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSource {
    pub collection: CollectionId,
    pub name: String,
    pub location: Location,
    /// `None`: it is synced only on request.
    pub interval_minutes: Option<i32>,
    pub on_vanish: VanishPolicy,
    pub sync_now: bool,
}

/// Changes to a source. `None` keeps a value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SourcePatch {
    pub name: Option<String>,
    pub location: Option<Location>,
    pub interval_minutes: Option<Option<i32>>,
    pub on_vanish: Option<VanishPolicy>,
}

/// A source, and the operation that has begun with it.
#[derive(Clone, PartialEq, Debug)]
pub struct Syncing {
    pub source: Source,
    pub operation: Option<Operation>,
}

/// Creates a source, and syncs it unless that is for later.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Invalid` for the input: also for a directory that the operator has not opened.
pub async fn create(services: &Services, viewer: &Viewer, input: NewSource) -> Result<Syncing, Error> {
    let tried = Deed::new(AuditAction::SourceCreate).within(input.collection);
    attempt(services, viewer, &tried, async {
        let user = viewer.require_user_id()?;
        // The transaction asks again, under the lock. Whoever may not do this learns nothing about directories.
        let reader = services.database.reader(viewer.scope());
        find_collection(&reader, viewer, input.collection, Action::CollectionUpdate).await?;
        require_too(viewer, Action::DocumentIngest)?;
        let input = checked(services, input)?;
        let now = services.clock.now();
        let source = Source {
            id: SourceId::generate(),
            collection_id: input.collection,
            user_id: Some(user),
            name: input.name,
            location: input.location,
            interval_minutes: input.interval_minutes,
            on_vanish: input.on_vanish,
            status: SourceStatus::Idle,
            error: None,
            last_run: None,
            next_run_at: next_run(input.interval_minutes, now),
            created_at: now,
            updated_at: now,
        };
        let sync_now = input.sync_now;
        change(services, viewer, &tried, now, |tx| insert(tx, services, viewer, &source, sync_now, now).boxed()).await
    })
    .await
}

async fn insert(
    tx: &Transaction<'_>,
    services: &Services,
    viewer: &Viewer,
    source: &Source,
    sync_now: bool,
    now: DateTime<Utc>,
) -> Result<Done<Syncing>, Error> {
    let collection = lock_collection(tx, viewer, source.collection_id, Action::CollectionUpdate).await?;
    require_too(viewer, Action::DocumentIngest)?;
    check_room(tx, services, collection.id).await?;
    sources::insert(tx, source.clone()).await.map_err(name_taken)?;
    let deed = Deed::new(AuditAction::SourceCreate).to(source.id).within(collection.id).saying(source.name.clone());
    let syncing = if sync_now {
        begin(tx, viewer, &collection, source.clone(), false, now).await?
    } else {
        Syncing { source: source.clone(), operation: None }
    };
    Ok(Done::This(syncing, deed))
}

/// Changes a source. What has changed is considered by its next sync.
///
/// # Errors
/// `NotFound`, `Forbidden`, `Invalid` for the input, or `Conflict` while it is being removed.
pub async fn update(services: &Services, viewer: &Viewer, id: SourceId, patch: SourcePatch) -> Result<Source, Error> {
    let tried = Deed::new(AuditAction::SourceUpdate).to(id);
    attempt(services, viewer, &tried, async {
        find_managed(&services.database.reader(viewer.scope()), viewer, id, MANAGE).await?;
        let patch = checked_patch(services, patch)?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| apply(tx, viewer, id, &patch, now).boxed()).await
    })
    .await
}

async fn apply(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: SourceId,
    patch: &SourcePatch,
    now: DateTime<Utc>,
) -> Result<Done<Source>, Error> {
    let (collection, mut source) = lock(tx, viewer, id, MANAGE).await?;
    if let Some(name) = &patch.name {
        source.name.clone_from(name);
    }
    if let Some(location) = &patch.location {
        source.location.clone_from(location);
    }
    source.on_vanish = patch.on_vanish.unwrap_or(source.on_vanish);
    if let Some(interval) = patch.interval_minutes {
        source.interval_minutes = interval;
        if source.status == SourceStatus::Idle {
            source.next_run_at = next_run(interval, now);
        }
    }
    source.updated_at = now;
    sources::update(tx, source.clone()).await.map_err(name_taken)?;
    let deed = Deed::new(AuditAction::SourceUpdate).to(id).within(collection.id).saying(source.name.clone());
    Ok(Done::This(source, deed))
}

/// Syncs a source as soon as a worker is free.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Conflict` while it is being synced or removed.
pub async fn sync(services: &Services, viewer: &Viewer, id: SourceId, is_confirmed: bool) -> Result<Syncing, Error> {
    let tried = Deed::new(AuditAction::SourceSync).to(id);
    attempt(services, viewer, &tried, async {
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| sync_within(tx, viewer, id, is_confirmed, now).boxed()).await
    })
    .await
}

async fn sync_within(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: SourceId,
    is_confirmed: bool,
    now: DateTime<Utc>,
) -> Result<Done<Syncing>, Error> {
    // A sync may delete documents, and that may be confirmed only by someone who may delete them.
    let needed: &[Action] =
        if is_confirmed { &[Action::DocumentIngest, Action::DocumentDelete] } else { &[Action::DocumentIngest] };
    let (collection, source) = lock(tx, viewer, id, needed).await?;
    if source.status == SourceStatus::Syncing {
        return Err(Error::Conflict("This source is being synced. Wait until that has ended, or cancel it.".into()));
    }
    let deed = Deed::new(AuditAction::SourceSync).to(id).within(collection.id).saying(source.name.clone());
    Ok(Done::This(begin(tx, viewer, &collection, source, is_confirmed, now).await?, deed))
}

/// Starts a sync with an operation that its caller follows.
async fn begin(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    collection: &Collection,
    source: Source,
    is_confirmed: bool,
    now: DateTime<Utc>,
) -> Result<Syncing, Error> {
    let run = OperationRun::create(sync_operation(collection, &source, viewer.require_user_id()?, 0, now));
    let operation = operations::insert(tx, run, None).await?;
    let source = request(tx, source, Some(operation.id), is_confirmed, now).await?;
    Ok(Syncing { source, operation: Some(operation) })
}

/// An operation that indexes what a sync has found.
pub(crate) fn sync_operation(
    collection: &Collection,
    source: &Source,
    user: impl Into<Option<UserId>>,
    documents: usize,
    now: DateTime<Utc>,
) -> Operation {
    Operation {
        config: json!({ "source": source.name, SOURCE: source.id }),
        ..new_operation(collection, user, documents, now)
    }
}

/// Asks a worker to sync an idle source that the transaction has locked.
pub(crate) async fn request(
    tx: &Transaction<'_>,
    mut source: Source,
    operation: Option<OperationId>,
    is_confirmed: bool,
    now: DateTime<Utc>,
) -> Result<Source, DatabaseError> {
    source.status = SourceStatus::Syncing;
    source.next_run_at = None;
    sources::update(tx, source.clone()).await?;
    let (collection, run) = (source.collection_id, SourceRunId::generate());
    let job = SyncSource { collection, source: source.id, run, operation, is_confirmed };
    jobs::enqueue(tx, &[job], source.user_id.into(), now).await?;
    Ok(source)
}

/// When a source that is idle from now on is synced next.
pub(crate) fn next_run(interval_minutes: Option<i32>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    interval_minutes.map(|minutes| now + TimeDelta::minutes(minutes.into()))
}

/// What the owner of a source learns when its place can't be read.
pub(crate) fn reason(error: &SourceError) -> String {
    match error {
        SourceError::Outside => {
            "The directory lies outside those that the server's operator has opened for sources (`sources.directories`)."
                .to_owned()
        }
        SourceError::Unreachable(error) => {
            format!("The directory can't be read: {}. Check that it exists, is no link, and can be read.", error.kind())
        }
        SourceError::Pattern { pattern, reason } => format!("The pattern «{pattern}» is not valid: {reason}."),
        SourceError::TooMany { limit } => {
            format!("There are more than {limit} files. Use patterns, or several sources with smaller directories or prefixes.")
        }
        SourceError::Unreadable(error) => format!("The file can't be read: {}.", error.kind()),
        SourceError::Changed => "The file changed while it was read.".to_owned(),
        SourceError::Stopped => "The scan was stopped.".to_owned(),
        SourceError::Url(reason) => format!("This URL can't be read: {reason}."),
        SourceError::Site(reason) => format!("The site can't be read. {reason}."),
        SourceError::Bucket(reason) => format!("The bucket can't be read: {reason}."),
        SourceError::Watch(reason) => format!("Changes of the directory are not seen: {reason}."),
        SourceError::Secret => {
            "The secret of the bucket can't be opened any more. Give the location with its credentials again.".to_owned()
        }
    }
}

/// What the owner of a source learns about a scan and what was to be removed, if anything.
pub(crate) fn notice(scan: &Scan, diff: &Diff) -> Option<String> {
    if let Some(cut) = &scan.cut {
        let reason = match cut {
            Cut::Pages => "there are more than the source may request. Use patterns, or raise `maxPages`".to_owned(),
            Cut::Time => "the time for one sync was over. The next sync goes on".to_owned(),
            Cut::Failures => "too many in a row could not be read".to_owned(),
            Cut::Key(key) => {
                format!("the key «{key}» is no path. Rename the object, or use prefixes that leave it out")
            }
        };
        return Some(format!("Not everything was read, and no document was deleted: {reason}."));
    }
    diff.is_suspicious.then(|| {
        "More than half of the files are gone, so no document was deleted. If that is right, sync again with `confirm`."
            .to_owned()
    })
}

/// Finds a source with which the caller may do all of `actions`. Who may read operations sees it.
///
/// # Errors
/// `Unauthenticated`; `Forbidden` for a source that the caller sees; `NotFound` for any other.
async fn find_managed(reader: &Reader<'_>, viewer: &Viewer, id: SourceId, actions: &[Action]) -> Result<Source, Error> {
    viewer.require_user()?;
    let source = sources::find(reader, id).await?.ok_or(Error::NotFound("source"))?;
    for action in actions {
        let collection = collections::find_allowed(reader, source.collection_id, *action).await?;
        collection.ok_or_else(|| forbidden(viewer))?;
    }
    Ok(source)
}

/// Locks a source, and first its collection, as [`find_managed`] finds them.
///
/// # Errors
/// Those, and `Conflict` for a source that is being removed.
async fn lock(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: SourceId,
    actions: &[Action],
) -> Result<(Collection, Source), Error> {
    let home = find_managed(&tx.reader(viewer.scope()), viewer, id, actions).await?.collection_id;
    let mut locked = None;
    for action in actions {
        locked = collections::lock(tx, viewer.scope(), home, *action).await?;
    }
    let collection = locked.ok_or_else(|| forbidden(viewer))?;
    let source = sources::lock(tx, home, id).await?.ok_or(Error::NotFound("source"))?;
    if source.status == SourceStatus::Removing {
        return Err(Error::Conflict("This source is being removed.".into()));
    }
    Ok((collection, source))
}

fn require_too(viewer: &Viewer, action: Action) -> Result<(), Error> {
    if viewer.scope().carries(action) { Ok(()) } else { Err(forbidden(viewer)) }
}

async fn check_room(tx: &Transaction<'_>, services: &Services, id: CollectionId) -> Result<(), Error> {
    let most = services.config.sources.per_collection;
    if sources::count_within(tx, id).await? >= u64::from(most) {
        let message = format!("A collection can have at most {most} sources.");
        return Err(Error::invalid(ViolationCode::LimitExceeded, "collectionId", message));
    }
    Ok(())
}

/// The only unique key that a write of a source can violate after its id is the name.
fn name_taken(error: DatabaseError) -> Error {
    if error.is_constraint() {
        Error::invalid(ViolationCode::Taken, "name", "This collection has a source with this name. Choose another.")
    } else {
        error.into()
    }
}
