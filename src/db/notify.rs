//! What the rest of this process is told when a transaction is committed: that there is something new to read. The rows
//! are the truth. Whoever waits for news also looks from time to time, because another process may have written.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use tokio::sync::{broadcast, watch};

use super::{Database, Transaction};
use crate::domain::id::OperationId;

/// Operations with new events that can queue up for a follower before it has to read the table.
const BACKLOG: usize = 4096;

/// What a committed transaction has written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum News {
    Jobs,
    EventsOf(OperationId),
}

/// What a transaction announces when it is committed. One that is rolled back, or run again, announces nothing.
#[derive(Debug, Default)]
pub(super) struct AfterCommit(Mutex<BTreeSet<News>>);

impl AfterCommit {
    fn add(&self, news: News) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(news);
    }
}

impl Transaction<'_> {
    /// Announces `news` when the transaction is committed. The functions that write such rows call it, so no use case
    /// can forget it.
    pub(super) fn after_commit(&self, news: News) {
        self.after_commit.add(news);
    }
}

/// Tells everyone in this process who waits for news. All clones are one.
#[derive(Clone, Debug)]
pub(super) struct Notifier {
    jobs: watch::Sender<()>,
    events: broadcast::Sender<OperationId>,
}

impl Default for Notifier {
    fn default() -> Self {
        Self { jobs: watch::Sender::new(()), events: broadcast::Sender::new(BACKLOG) }
    }
}

impl Notifier {
    pub(super) fn announce(&self, committed: AfterCommit) {
        for news in committed.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            match news {
                News::Jobs => {
                    self.jobs.send_replace(());
                }
                News::EventsOf(operation) => {
                    // It is fine if no one listens.
                    let _ = self.events.send(operation);
                }
            }
        }
    }
}

impl Database {
    /// Changes when jobs were added to the queue. Subscribe before you look, so that nothing is lost between the two.
    #[must_use]
    pub fn added_jobs(&self) -> watch::Receiver<()> {
        self.notifier.jobs.subscribe()
    }

    /// The operations that get new events. Subscribe before you look, so that nothing is lost between the two.
    #[must_use]
    pub fn changed_operations(&self) -> broadcast::Receiver<OperationId> {
        self.notifier.events.subscribe()
    }
}
