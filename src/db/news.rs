//! What transactions write, for those who wait for something or remember something: transactions of this process, and of
//! others as far as it hears them. The rows are the truth. Whoever waits for jobs or events also looks from time to time,
//! because another process may have written them.

use std::{
    collections::{BTreeSet, HashMap},
    fmt, iter, mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::sync::{Notify, watch};

use super::{Database, Transaction};
use crate::domain::id::{CollectionId, OperationId};

/// Where PostgreSQL sends notifications of changes.
pub(super) const CHANNEL: &str = "docent_changes";

/// What a notification of events begins with. Their operations follow.
pub(super) const EVENTS: &str = "events";

/// Operations that one notification names: it has to have less than 8,000 bytes.
const NAMED: usize = 100;

/// An operation with new events, and the collection that it is on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct NewEvents {
    pub(super) operation: OperationId,
    pub(super) collection: Option<CollectionId>,
}

impl fmt::Display for NewEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.operation)?;
        self.collection.map_or(Ok(()), |collection| write!(f, "/{collection}"))
    }
}

impl NewEvents {
    /// The inverse of its text.
    fn read(text: &str) -> Option<Self> {
        let (operation, collection) = text.split_once('/').map_or((text, None), |(id, rest)| (id, Some(rest)));
        let collection = collection.map(str::parse).transpose().ok()?;
        Some(Self { operation: operation.parse().ok()?, collection })
    }

    /// What those follow who wait for its events.
    fn topics(self) -> impl Iterator<Item = Topic> {
        [Some(Topic::Operation(self.operation)), self.collection.map(Topic::Collection), Some(Topic::All)]
            .into_iter()
            .flatten()
    }
}

/// What a committed transaction has written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Change {
    /// Jobs in the queue.
    Jobs,
    /// Events of this operation.
    EventsOf(NewEvents),
    /// A session, a key or an account.
    Callers,
    /// Who may see what.
    Access,
    /// Which generations there are, and which of them are searched.
    Generations,
}

impl Change {
    /// How other processes are told of it in the transaction itself, if they are.
    fn payload(self) -> Option<&'static str> {
        match self {
            Self::Callers => Some("callers"),
            Self::Access => Some("access"),
            Self::Generations => Some("generations"),
            Self::Jobs | Self::EventsOf(_) => None,
        }
    }
}

/// Whose events somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Those of one operation.
    Operation(OperationId),
    /// Those of all operations on a collection.
    Collection(CollectionId),
    /// Those of all operations.
    All,
}

/// Who is told of changes, and how many there were.
#[derive(Debug)]
pub(super) struct News {
    jobs: watch::Sender<()>,
    /// What is followed. Only its own followers are woken.
    followed: Mutex<HashMap<Topic, watch::Sender<()>>>,
    /// How often callers were changed.
    callers: AtomicU64,
    access: watch::Sender<()>,
    /// How often that was changed which decides what a caller can search.
    searchable: AtomicU64,
    /// Whether changes of all other processes are heard.
    hears_others: AtomicBool,
    /// Operations with events of this process of which others have not been told. `None` where there are no others. What
    /// can't be told for a while is in the database that can't be reached, so there is not much of it.
    untold: Option<Mutex<BTreeSet<NewEvents>>>,
    /// There are some.
    has_untold: Notify,
}

impl News {
    /// `is_alone`: no other process writes to the database.
    pub(super) fn new(is_alone: bool) -> Self {
        Self {
            jobs: watch::Sender::new(()),
            followed: Mutex::default(),
            callers: AtomicU64::new(0),
            access: watch::Sender::new(()),
            searchable: AtomicU64::new(0),
            hears_others: AtomicBool::new(is_alone),
            untold: (!is_alone).then(Mutex::default),
            has_untold: Notify::new(),
        }
    }

    /// Returns what was set before.
    pub(super) fn set_hears_others(&self, hears: bool) -> bool {
        self.hears_others.swap(hears, Ordering::AcqRel)
    }

    /// Another process changed something.
    pub(super) fn hear(&self, payload: &str) {
        if let Some(operations) = payload.strip_prefix(EVENTS) {
            operations.split_whitespace().filter_map(NewEvents::read).for_each(|events| self.wake(events));
            return;
        }
        for change in [Change::Callers, Change::Access, Change::Generations] {
            if change.payload() == Some(payload) {
                self.announce(change);
            }
        }
    }

    /// Other processes may have changed anything.
    pub(super) fn hear_anything(&self) {
        self.announce(Change::Callers);
        self.announce(Change::Access);
    }

    fn announce(&self, change: Change) {
        match change {
            Change::Jobs => {
                self.jobs.send_replace(());
            }
            Change::EventsOf(events) => {
                self.wake(events);
                self.add_untold(&[events]);
            }
            Change::Callers => {
                self.callers.fetch_add(1, Ordering::AcqRel);
            }
            Change::Access => {
                self.searchable.fetch_add(1, Ordering::AcqRel);
                self.access.send_replace(());
            }
            Change::Generations => {
                self.searchable.fetch_add(1, Ordering::AcqRel);
            }
        }
    }

    fn wake(&self, events: NewEvents) {
        let followed = self.followed();
        for followers in events.topics().filter_map(|topic| followed.get(&topic)) {
            followers.send_replace(());
        }
    }

    /// Waits until there are operations of which others have not been told.
    pub(super) async fn untold(&self) {
        self.has_untold.notified().await;
    }

    /// Takes operations of which others have not been told: as many as a notification can name.
    pub(super) fn take_untold(&self) -> Vec<NewEvents> {
        let Some(untold) = &self.untold else { return Vec::new() };
        let mut untold = untold.lock().unwrap_or_else(PoisonError::into_inner);
        iter::from_fn(|| untold.pop_first()).take(NAMED).collect()
    }

    /// Others have to be told of these operations.
    pub(super) fn add_untold(&self, operations: &[NewEvents]) {
        if let Some(untold) = &self.untold {
            untold.lock().unwrap_or_else(PoisonError::into_inner).extend(operations);
            self.has_untold.notify_one();
        }
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<Topic, watch::Sender<()>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one transaction changes. It is announced when this is dropped after the commit, whether or not a caller still
/// waits for that. A transaction that is rolled back, or run again, announces nothing.
pub(super) struct Changes {
    news: Arc<News>,
    made: Mutex<BTreeSet<Change>>,
    may_be_committed: bool,
}

impl Changes {
    pub(super) fn new(news: &Arc<News>) -> Self {
        Self { news: Arc::clone(news), made: Mutex::default(), may_be_committed: false }
    }

    fn add(&self, change: Change) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(change);
    }

    /// What tells other processes on PostgreSQL, when the transaction is committed.
    pub(super) fn notification(&self) -> Option<String> {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let payloads = made.iter().filter_map(|change| change.payload());
        let statements: Vec<_> = payloads.map(|payload| format!("NOTIFY {CHANNEL}, '{payload}'")).collect();
        (!statements.is_empty()).then(|| statements.join("; "))
    }

    /// Call it before the commit: from then on the database may have the changes.
    pub(super) fn commit(&mut self) {
        self.may_be_committed = true;
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if self.may_be_committed {
            let made = self.made.get_mut().unwrap_or_else(PoisonError::into_inner);
            for change in mem::take(made) {
                self.news.announce(change);
            }
        }
    }
}

impl Transaction<'_> {
    /// Announces `change` when the transaction is committed. The functions that write such rows call it, so no use case
    /// can forget it.
    pub(super) fn after_commit(&self, change: Change) {
        self.changes.add(change);
    }
}

/// Says when there are new events.
#[derive(Debug)]
pub struct EventNews {
    news: Arc<News>,
    topic: Topic,
    receiver: watch::Receiver<()>,
}

impl EventNews {
    /// Returns when there are new events since the last call.
    pub async fn changed(&mut self) {
        // The sender is there as long as one of its receivers.
        let _ = self.receiver.changed().await;
    }
}

impl Drop for EventNews {
    fn drop(&mut self) {
        let mut followed = self.news.followed();
        // Its own receiver still counts.
        if followed.get(&self.topic).is_some_and(|followers| followers.receiver_count() <= 1) {
            followed.remove(&self.topic);
        }
    }
}

/// Subscribe before you look, so that nothing is lost between the two.
impl Database {
    /// Changes when jobs were added to the queue.
    #[must_use]
    pub fn added_jobs(&self) -> watch::Receiver<()> {
        self.news.jobs.subscribe()
    }

    /// Says when there are new events, as far as this process knows.
    #[must_use]
    pub fn event_news(&self, topic: Topic) -> EventNews {
        let receiver = self.news.followed().entry(topic).or_insert_with(|| watch::Sender::new(())).subscribe();
        EventNews { news: Arc::clone(&self.news), topic, receiver }
    }

    /// How often sessions, keys or accounts were changed, as far as this process knows.
    #[must_use]
    pub fn caller_changes(&self) -> u64 {
        self.news.callers.load(Ordering::Acquire)
    }

    /// Changes when it was changed who may see what, as far as this process knows.
    #[must_use]
    pub fn access_changes(&self) -> watch::Receiver<()> {
        self.news.access.subscribe()
    }

    /// How often that was changed which decides what a caller can search, as far as this process knows.
    #[must_use]
    pub fn searchable_changes(&self) -> u64 {
        self.news.searchable.load(Ordering::Acquire)
    }

    /// Whether this process knows at once what others change, or none is there.
    #[must_use]
    pub fn hears_others(&self) -> bool {
        self.news.hears_others.load(Ordering::Acquire)
    }
}
