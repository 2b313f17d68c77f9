//! Whether the vector store holds what the database says: counts of chunks and points are compared, for each collection,
//! and where they differ a job repairs it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Services;
use crate::{
    db::{
        DatabaseError,
        repo::{
            Direction,
            collections::{self, CollectionFilter, CollectionKey, CollectionSort},
            jobs::{self, NewJob},
        },
    },
    domain::{
        collection::Collection,
        id::CollectionId,
        job::Lane,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
    error::Error,
    vector::Placement,
};

/// The kind of the job that repairs a collection.
pub const RECONCILE: &str = "reconcile";

/// What the last comparison found and no job has repaired yet.
#[derive(Default)]
pub struct Integrity {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    checked_at: Option<DateTime<Utc>>,
    collections: usize,
    differing: HashMap<CollectionId, Difference>,
    /// Collections that had more points than chunks when they were last looked at. What is being indexed has its points
    /// first, so it takes a second look to tell.
    suspected: HashSet<CollectionId>,
}

/// Chunks and points of a collection, where they are not as many.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Difference {
    chunks: i64,
    points: i64,
}

/// The last comparison in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct IntegrityReport {
    /// When all collections had been compared; `None` before the first time since the start.
    pub checked_at: Option<DateTime<Utc>>,
    /// Collections that were compared.
    pub collections: usize,
    /// Collections that differ and are not repaired yet.
    pub differing: usize,
    /// Points that are missing in those, at least.
    pub missing_points: i64,
    /// Points too many in those, at least.
    pub surplus_points: i64,
}

impl Integrity {
    /// What is known now.
    pub fn report(&self) -> IntegrityReport {
        let state = self.state();
        let differences = || state.differing.values();
        IntegrityReport {
            checked_at: state.checked_at,
            collections: state.collections,
            differing: state.differing.len(),
            missing_points: differences().map(|found| (found.chunks - found.points).max(0)).sum(),
            surplus_points: differences().map(|found| (found.points - found.chunks).max(0)).sum(),
        }
    }

    /// Notes that a collection was repaired, or is gone.
    pub(crate) fn repaired(&self, collection: CollectionId) {
        let mut state = self.state();
        state.suspected.remove(&collection);
        if state.differing.remove(&collection).is_some() {
            info!(collection = %collection, "vectors and chunks agree again");
        }
    }

    /// Notes what a comparison found. Returns whether it has to be repaired.
    fn found(&self, collection: CollectionId, found: Option<Difference>) -> bool {
        let mut state = self.state();
        let Some(found) = found else {
            state.suspected.remove(&collection);
            state.differing.remove(&collection);
            return false;
        };
        if found.points > found.chunks && state.suspected.insert(collection) {
            return false;
        }
        state.differing.insert(collection, found);
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares chunks and points of every collection, and enqueues a repair for each that differs.
///
/// # Errors
/// When the database or the vector store fails. What was found until then is known.
pub async fn check(services: &Services, stop: &CancellationToken) -> Result<(), Error> {
    let filter = CollectionFilter::default();
    let order = (CollectionSort::CreatedAt, Direction::Ascending);
    let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
    let mut seen = HashSet::new();
    loop {
        let reader = services.database.reader(Scope::System);
        let some = collections::list(&reader, &filter, order, &page).await?;
        for collection in &some.items {
            if stop.is_cancelled() {
                return Ok(());
            }
            seen.insert(collection.id);
            let found = compare(services, collection).await?;
            if services.integrity.found(collection.id, found) {
                warn!(collection = %collection.id, ?found, "vectors and chunks differ; it is repaired");
                repair(services, collection.id).await?;
            }
        }
        let last = some.items.last().map(|collection| CollectionKey { name: None, id: collection.id });
        page.after = last;
        if !some.has_next_page {
            break;
        }
    }
    let mut state = services.integrity.state();
    state.differing.retain(|id, _| seen.contains(id));
    state.suspected.retain(|id| seen.contains(id));
    (state.checked_at, state.collections) = (Some(services.clock.now()), seen.len());
    Ok(())
}

/// How many chunks and points a collection has, where the numbers differ.
async fn compare(services: &Services, collection: &Collection) -> Result<Option<Difference>, Error> {
    if !collection.is_kept() {
        return Ok(None);
    }
    let placement = placement(services, collection);
    // Opened here for a store that lost it, and for one that a placement of an earlier model is in.
    services.vectors.ensure(&placement).await?;
    let points = services.vectors.count(&placement, collection.generation).await?;
    let points = i64::try_from(points).unwrap_or(i64::MAX);
    let reader = services.database.reader(Scope::System);
    let Some(now) = collections::find(&reader, collection.id).await? else { return Ok(None) };
    // Rows may come and go while points are counted: the smaller number of chunks was true for sure.
    let (fewest, most) = (collection.chunk_count.min(now.chunk_count), collection.chunk_count.max(now.chunk_count));
    let (fewest, most) = (i64::from(fewest), i64::from(most));
    Ok(if points < fewest {
        Some(Difference { chunks: fewest, points })
    } else if points > most {
        Some(Difference { chunks: most, points })
    } else {
        None
    })
}

/// Enqueues the repair of a collection.
async fn repair(services: &Services, collection: CollectionId) -> Result<(), DatabaseError> {
    let now = services.clock.now();
    let job = NewJob::new(RECONCILE, Lane::Maintenance, json!({ "collection": collection }), now);
    let job = job.about(&collection).in_background();
    services.database.transaction(|tx| jobs::insert_many(tx, vec![job.clone()], now).boxed()).await?;
    services.work.notify_one();
    Ok(())
}

/// Where a collection's vectors are.
pub(crate) fn placement(services: &Services, collection: &Collection) -> Placement {
    Placement { name: collection.vector_store_name.clone(), ..services.placement() }
}
