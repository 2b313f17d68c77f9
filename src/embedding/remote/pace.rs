//! Keeps to the number of requests that an endpoint takes in a minute.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Gives every request a moment of its own, evenly apart.
pub(super) struct Pace {
    apart: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// `per_minute` of 0 is no limit.
    pub(super) fn new(per_minute: u32) -> Self {
        let apart = Duration::from_mins(1).checked_div(per_minute).unwrap_or(Duration::ZERO);
        Self { apart, next: Mutex::new(None) }
    }

    /// How long a request that is ready now has to wait. It has its moment then.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        if self.apart.is_zero() {
            return Duration::ZERO;
        }
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = next.map_or(now, |next| next.max(now));
        *next = Some(moment + self.apart);
        moment - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_apart_if_there_is_a_limit() {
        let now = Instant::now();
        let pace = Pace::new(60);
        let waits = [0, 1, 2].map(|_| pace.wait(now).as_secs());
        assert_eq!(waits, [0, 1, 2]);
        assert_eq!(pace.wait(now + Duration::from_secs(10)), Duration::ZERO);
        assert_eq!(Pace::new(0).wait(now), Duration::ZERO);
    }
}
