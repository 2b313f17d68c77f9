//! Starts the syncs that are due. The row of the source decides under its lock, so a sync starts once, however many
//! processes look.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tracing::debug;

use crate::{
    db::{
        Transaction,
        repo::{collections, sources},
    },
    domain::{
        action::Action,
        collection::Collection,
        id::{CollectionId, SourceId},
        scope::Scope,
        source::SourceStatus,
    },
    error::Error,
    service::{Services, sources::request},
};

/// Sources that are looked up with one statement.
const PAGE: u64 = 100;

/// One page at a time: what is left is found at the next check.
pub(in crate::worker) async fn start_due(services: &Services) -> Result<(), Error> {
    let now = services.clock.now();
    for source in sources::due(&services.database.reader(Scope::System), now, PAGE).await? {
        let (collection, id) = (source.collection_id, source.id);
        let work = services.database.transaction(|tx| start(tx, collection, id, Reason::Time, now).boxed());
        let started = matches!(work.await?, Start::Begun);
        debug!(source = %id, started, "sync is due");
    }
    Ok(())
}

/// Why a sync may start without a caller.
#[derive(Clone, Copy)]
pub(super) enum Reason {
    /// Its time has come.
    Time,
    /// Something has changed.
    Change,
}

/// Whether a sync has started.
pub(super) enum Start {
    Begun,
    /// There is no reason for one.
    NotDue,
    /// The one before has not ended.
    Busy,
}

/// Starts a sync of a source that is synced by itself.
pub(super) async fn start(
    tx: &Transaction<'_>,
    collection: CollectionId,
    id: SourceId,
    reason: Reason,
    now: DateTime<Utc>,
) -> Result<Start, Error> {
    let found = collections::lock(tx, Scope::System, collection, Action::DocumentIngest).await?;
    if !found.as_ref().is_some_and(Collection::is_kept) {
        return Ok(Start::NotDue);
    }
    let Some(source) = sources::lock(tx, collection, id).await? else { return Ok(Start::NotDue) };
    let is_due = match reason {
        Reason::Time => source.next_run_at.is_some_and(|at| at <= now),
        Reason::Change => source.interval_minutes.is_some(),
    };
    match source.status {
        SourceStatus::Idle if is_due => {
            request(tx, source, None, false, now).await?;
            Ok(Start::Begun)
        }
        SourceStatus::Syncing => Ok(Start::Busy),
        SourceStatus::Idle | SourceStatus::Removing => Ok(Start::NotDue),
    }
}
