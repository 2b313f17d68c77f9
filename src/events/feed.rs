//! The events of many operations, live: of all that the caller can see, or of those on one collection.
//!
//! Events of one operation come in order and without gaps; those of several are mixed. A follower looks which operations are
//! open or ended a moment ago, and reads those that have more events than it has sent.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{Stream, stream};

use super::{FollowError, PATIENCE, Wake};
use crate::{
    db::{
        Database, DatabaseError, Reader, Topic,
        repo::{operation_events, operations},
    },
    domain::{
        clock::Clock,
        id::{CollectionId, OperationId},
        operation::{FeedPosition, OperationEvent},
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
};

/// Events that are older than this are committed. A transaction takes less from its time to its commit, because connections
/// and statements are waited for half a minute each; and the clocks of machines differ by less.
const SETTLED: TimeDelta = TimeDelta::minutes(2);
/// Between two looks: events come in bursts. A look that takes longer is followed by as long a pause, so that a follower of
/// many operations leaves the database half of its time.
const PAUSE: Duration = Duration::from_millis(50);
/// Operations with events after the position from which a follower continues: they are all kept in mind at once.
const MOST_MISSED: usize = 10_000;

/// An event, and the position after it.
pub type FeedEvent = (OperationEvent, FeedPosition);

struct Feed {
    wake: Wake,
    clock: Arc<dyn Clock>,
    scope: Scope,
    collection: Option<CollectionId>,
    /// Whether it continues from a position, and has not caught up yet.
    is_behind: bool,
    /// All events up to this moment were sent.
    until: DateTime<Utc>,
    /// When it was looked for operations last.
    looked_at: Option<DateTime<Utc>>,
    /// How long to wait before the next look.
    pause: Duration,
    known: HashMap<OperationId, Known>,
    /// Operations of which an event was sent lately, the last one at the end: as many as a position names.
    recent: Vec<OperationId>,
    /// Operations that have events which were not read yet.
    behind: Vec<OperationId>,
    /// Events of one operation.
    ready: std::vec::IntoIter<OperationEvent>,
    read_at: Instant,
}

/// What was sent of an operation.
#[derive(Clone, Copy)]
struct Known {
    sequence: i32,
    /// No event that was sent is later.
    at: DateTime<Utc>,
}

/// The events of all operations that the scope can see, or of those on `collection`: those after a position and then each
/// as it comes; without a position those from now on. Ends only with an error: when the scope lost sight of the collection, or
/// too much happened since the position.
pub fn feed(
    database: Database,
    clock: Arc<dyn Clock>,
    scope: Scope,
    collection: Option<CollectionId>,
    after: Option<FeedPosition>,
) -> impl Stream<Item = Result<FeedEvent, FollowError>> + Send + use<> {
    let now = clock.now();
    let is_behind = after.is_some();
    let after = after.unwrap_or_else(|| FeedPosition::at(now));
    let recent = after.later.iter().map(|(id, _)| *id).collect();
    let known = after.later.into_iter().map(|(id, sequence)| (id, Known { sequence, at: now }));
    let feed = Feed {
        wake: Wake::new(database, collection.map_or(Topic::All, Topic::Collection)),
        clock,
        scope,
        collection,
        is_behind,
        until: after.until.min(now),
        looked_at: None,
        pause: PAUSE,
        known: known.collect(),
        recent,
        behind: Vec::new(),
        ready: Vec::new().into_iter(),
        read_at: Instant::now(),
    };
    stream::try_unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Ok(Some((event, feed)))
    })
}

impl Feed {
    async fn next(&mut self) -> Result<FeedEvent, FollowError> {
        loop {
            if self.read_at.elapsed() > PATIENCE {
                // The follower was slow with the last one: read again what the scope may see now.
                self.behind.extend(self.ready.as_slice().first().map(|event| event.operation_id));
                self.ready = Vec::new().into_iter();
            }
            if let Some(event) = self.ready.next() {
                self.note(&event);
                let position = self.position();
                return Ok((event, position));
            }
            if let Some(operation) = self.behind.pop() {
                self.read(operation).await?;
                continue;
            }
            if self.looked_at.is_some() {
                self.wake.wait().await;
                tokio::time::sleep(self.pause).await;
            }
            self.look().await?;
        }
    }

    /// Records that an event is sent.
    fn note(&mut self, event: &OperationEvent) {
        let id = event.operation_id;
        self.known.insert(id, Known { sequence: event.sequence, at: event.at });
        self.recent.retain(|other| *other != id);
        if self.recent.len() == FeedPosition::MOST_LATER {
            self.recent.remove(0);
        }
        self.recent.push(id);
    }

    fn position(&self) -> FeedPosition {
        let later = self.recent.iter().filter_map(|id| Some((*id, self.known.get(id)?)));
        let later = later.filter(|(_, known)| known.at > self.until).map(|(id, known)| (id, known.sequence));
        FeedPosition { until: self.until, later: later.collect() }
    }

    /// Reads the next events of an operation.
    async fn read(&mut self, operation: OperationId) -> Result<(), DatabaseError> {
        let page = PageRequest { first: MAX_PAGE_SIZE, after: self.known.get(&operation).map(|known| known.sequence) };
        let events = operation_events::list_of_one(&self.wake.database.reader(self.scope), operation, &page).await?;
        self.read_at = Instant::now();
        self.ready = events.items.into_iter();
        if events.has_next_page {
            self.behind.push(operation);
        }
        Ok(())
    }

    /// Finds the operations with new events. Everything that the last look found was sent.
    async fn look(&mut self) -> Result<(), FollowError> {
        let began = Instant::now();
        let database = self.wake.database.clone();
        let reader = database.reader(self.scope);
        if let Some(collection) = self.collection
            && !operations::are_visible_on(&reader, collection).await?
        {
            return Err(FollowError::Gone);
        }
        if let Some(looked_at) = self.looked_at {
            self.until = self.until.max(looked_at - SETTLED);
        }
        self.looked_at = Some(self.clock.now());
        let mut active = HashSet::new();
        let mut page = PageRequest { first: MAX_PAGE_SIZE, after: None };
        loop {
            let found = operations::list_active(&reader, self.collection, self.until, &page).await?;
            let ids: Vec<_> = found.items.iter().map(|(id, _)| *id).collect();
            self.meet(&reader, &ids).await?;
            active.extend(ids);
            if self.is_behind && active.len() > MOST_MISSED {
                return Err(FollowError::TooMuch);
            }
            page.after = found.items.last().map(|(id, _)| *id);
            let has_more =
                |(id, last): &(OperationId, i32)| self.known.get(id).is_some_and(|known| known.sequence < *last);
            self.behind.extend(found.items.iter().filter(|item| has_more(item)).map(|(id, _)| *id));
            if !found.has_next_page {
                break;
            }
        }
        self.known.retain(|id, _| active.contains(id));
        self.is_behind = false;
        self.pause = PAUSE.max(began.elapsed());
        Ok(())
    }

    /// Finds out what was sent of operations that are not known yet.
    async fn meet(&mut self, reader: &Reader<'_>, operations: &[OperationId]) -> Result<(), DatabaseError> {
        let new: Vec<_> = operations.iter().filter(|id| !self.known.contains_key(*id)).copied().collect();
        if new.is_empty() {
            return Ok(());
        }
        let sent = operation_events::last_until(reader, &new, self.until).await?;
        let known = |id: &OperationId| Known { sequence: sent.get(id).copied().unwrap_or(0), at: self.until };
        let met: Vec<_> = new.iter().map(|id| (*id, known(id))).collect();
        self.known.extend(met);
        Ok(())
    }
}
