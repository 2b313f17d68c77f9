//! Leaves an endpoint alone that keeps failing.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Failures in a row after which the endpoint is left alone.
const FAILURES: u32 = 5;

/// How long it is left alone before one call tries again.
const PAUSE: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    closed_until: Option<Instant>,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call may be made now. After a pause it is one call that may; the others follow if it succeeds.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.closed_until {
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + PAUSE);
                true
            }
            None => true,
        }
    }

    /// Whether the endpoint is left alone.
    pub(super) fn is_resting(&self) -> bool {
        self.state().closed_until.is_some()
    }

    pub(super) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(super) fn failed(&self, now: Instant) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.closed_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_keeps_failing_is_left_alone_until_one_call_succeeds() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert!(breaker.admits(now));
            breaker.failed(now);
        }
        assert!(!breaker.admits(now));
        let later = now + PAUSE;
        assert!(breaker.admits(later) && !breaker.admits(later), "one tries again");
        breaker.failed(later);
        assert!(!breaker.admits(later));
        breaker.succeeded();
        assert!(breaker.admits(later) && breaker.admits(later));
    }
}
