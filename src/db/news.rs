//! What transactions of this process changed, for those who remember something or wait for something.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::watch;

/// The changes that this process made so far.
#[derive(Debug)]
pub(super) struct News {
    /// Transactions that changed a session, a key or an account.
    callers: AtomicU64,
    /// Notifies of changes of who may see what.
    access: watch::Sender<()>,
}

impl Default for News {
    fn default() -> Self {
        Self { callers: AtomicU64::new(0), access: watch::Sender::new(()) }
    }
}

impl News {
    pub(super) fn callers(&self) -> u64 {
        self.callers.load(Ordering::Acquire)
    }

    pub(super) fn access(&self) -> watch::Receiver<()> {
        self.access.subscribe()
    }
}

/// What one transaction changes. It is news when this is dropped: after the commit, whether or not a caller still waits
/// for that.
pub(super) struct Changes {
    news: Arc<News>,
    callers: AtomicBool,
    access: AtomicBool,
}

impl Changes {
    pub(super) fn new(news: &Arc<News>) -> Self {
        Self { news: Arc::clone(news), callers: AtomicBool::new(false), access: AtomicBool::new(false) }
    }

    pub(super) fn note_caller(&self) {
        self.callers.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_access(&self) {
        self.access.store(true, Ordering::Relaxed);
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if *self.callers.get_mut() {
            self.news.callers.fetch_add(1, Ordering::AcqRel);
        }
        if *self.access.get_mut() {
            self.news.access.send_replace(());
        }
    }
}
