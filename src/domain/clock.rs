//! The only access to the time of day, so that tests can change it.

use chrono::{DateTime, SubsecRound, Utc};

/// Gives the time. Everything that compares or stores times uses a `Clock` that was passed in.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC, to the microsecond (what both databases keep).
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the owner of the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now().trunc_subsecs(6)
    }
}
