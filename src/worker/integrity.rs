//! Compares what the vector store holds with what the database says: counts of chunks and points, for each collection.
//! Where they differ a job repairs it.

use std::collections::HashSet;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    db::{
        DatabaseError,
        repo::{
            Direction,
            collections::{self, CollectionFilter, CollectionKey, CollectionSort},
        },
    },
    domain::{
        collection::Collection,
        id::CollectionId,
        job::Tenant,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
    error::Error,
    jobs::{self, Reconcile},
    service::{Services, integrity::Difference},
    vector::Placement,
};

/// Compares chunks and points of every collection, and enqueues a repair for each that differs.
///
/// # Errors
/// When the database or the vector store fails. What was found until then is known.
pub async fn check(services: &Services, stop: &CancellationToken) -> Result<(), Error> {
    let filter = CollectionFilter::default();
    let order = (CollectionSort::CreatedAt, Direction::Ascending);
    let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
    // Opened here for a store that lost them. Opening takes several calls to a server, so each is opened once.
    for name in collections::placements(&services.database.reader(Scope::System)).await? {
        services.vectors.ensure(&Placement { name, ..services.placement() }).await?;
    }
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
                warn!(collection = %collection.id, ?found, "vectors and chunks differ; they will be repaired");
                repair(services, collection.id).await?;
            }
        }
        let last = some.items.last().map(|collection| CollectionKey { name: None, id: collection.id });
        page.after = last;
        if !some.has_next_page {
            break;
        }
    }
    services.integrity.compared(&seen, services.clock.now());
    Ok(())
}

/// How many chunks and points a collection has, where the numbers differ.
async fn compare(services: &Services, collection: &Collection) -> Result<Option<Difference>, Error> {
    if !collection.is_kept() {
        return Ok(None);
    }
    let placement = placement(services, collection);
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
    let job = [Reconcile { collection }];
    services.database.transaction(|tx| jobs::enqueue(tx, &job, Tenant::SYSTEM, now).boxed()).await
}

/// Where a collection's vectors are.
pub(super) fn placement(services: &Services, collection: &Collection) -> Placement {
    Placement { name: collection.vector_store_name.clone(), ..services.placement() }
}
