//! Jobs in the queue: who requested it, where it waits, and its state.

use uuid::Uuid;

use super::id::UserId;

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum JobStatus {
    /// Can be claimed.
    Ready,
    /// Can be claimed when its time has come.
    Waiting,
    /// Can be claimed, one at a time: a process died with it.
    Suspect,
    /// Is held by a worker.
    Leased,
    /// Can't be done: no handler understands it.
    Dead,
}

/// Jobs of one lane wait for each other, never for those of another lane.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Lane {
    /// Ingested documents: any number, of any length.
    Ingest,
    /// Removals, repairs and whatever else keeps the stores in order.
    Maintenance,
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
