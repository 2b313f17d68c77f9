//! What transactions changed, for those who remember something or wait for something: transactions of this process, and of
//! others as far as it hears them.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::watch;

/// Where PostgreSQL sends notifications of changes.
pub(super) const CHANNEL: &str = "docent_changes";
const CALLERS: &str = "callers";
const ACCESS: &str = "access";

/// The changes so far.
#[derive(Debug)]
pub(super) struct News {
    /// Changes of sessions, keys and accounts.
    callers: AtomicU64,
    /// Notifies of changes of who may see what.
    access: watch::Sender<()>,
    /// Whether changes of all other processes are heard.
    hears_others: AtomicBool,
}

impl News {
    /// `is_alone`: no other process writes to the database.
    pub(super) fn new(is_alone: bool) -> Self {
        let hears_others = AtomicBool::new(is_alone);
        Self { callers: AtomicU64::new(0), access: watch::Sender::new(()), hears_others }
    }

    pub(super) fn callers(&self) -> u64 {
        self.callers.load(Ordering::Acquire)
    }

    pub(super) fn access(&self) -> watch::Receiver<()> {
        self.access.subscribe()
    }

    pub(super) fn hears_others(&self) -> bool {
        self.hears_others.load(Ordering::Acquire)
    }

    /// Returns what was set before.
    pub(super) fn set_hears_others(&self, hears: bool) -> bool {
        self.hears_others.swap(hears, Ordering::AcqRel)
    }

    /// Another process changed something.
    pub(super) fn hear(&self, payload: &str) {
        match payload {
            CALLERS => self.change_callers(),
            ACCESS => self.change_access(),
            _ => {}
        }
    }

    /// Other processes may have changed anything.
    pub(super) fn hear_anything(&self) {
        self.change_callers();
        self.change_access();
    }

    fn change_callers(&self) {
        self.callers.fetch_add(1, Ordering::AcqRel);
    }

    fn change_access(&self) {
        self.access.send_replace(());
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

    /// What tells other processes on PostgreSQL, when the transaction is committed.
    pub(super) fn notification(&self) -> Option<String> {
        let made = [(&self.callers, CALLERS), (&self.access, ACCESS)];
        let made = made.into_iter().filter(|(is_made, _)| is_made.load(Ordering::Relaxed));
        let statements: Vec<_> = made.map(|(_, payload)| format!("NOTIFY {CHANNEL}, '{payload}'")).collect();
        (!statements.is_empty()).then(|| statements.join("; "))
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        if *self.callers.get_mut() {
            self.news.change_callers();
        }
        if *self.access.get_mut() {
            self.news.change_access();
        }
    }
}
