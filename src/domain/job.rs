//! Jobs in the queue: who requested it, where it waits, and its state.

use uuid::Uuid;

use super::{id::UserId, vocabulary::vocabulary};

vocabulary! {
    /// Where a job stands.
    pub enum JobStatus {
        /// Can be claimed.
        Ready => "READY",
        /// Can be claimed when its time has come.
        Waiting => "WAITING",
        /// Can be claimed, one at a time: a process died with it.
        Suspect => "SUSPECT",
        /// Is held by a worker.
        Leased => "LEASED",
        /// Can't be done: no handler understands it.
        Dead => "DEAD",
    }
}

vocabulary! {
    /// Jobs of one lane wait for each other, never for those of another lane.
    pub enum Lane {
        /// Ingested documents: any number, of any length.
        Ingest => "INGEST",
        /// Removals, repairs and whatever else keeps the stores in order.
        Maintenance => "MAINTENANCE",
    }
}

/// Which of the jobs of one tenant goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum JobPriority {
    /// A caller waits for it.
    Foreground,
    /// No caller waits for it.
    Background,
}

/// Who requested a job: an account or the system. Tenants take turns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tenant(pub Uuid);

impl Tenant {
    /// Jobs without a requesting account.
    pub const SYSTEM: Self = Self(Uuid::nil());
}

impl From<UserId> for Tenant {
    fn from(user: UserId) -> Self {
        Self(user.0)
    }
}

impl From<Option<UserId>> for Tenant {
    fn from(user: Option<UserId>) -> Self {
        user.map_or(Self::SYSTEM, Self::from)
    }
}
