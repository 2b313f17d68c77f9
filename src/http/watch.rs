//! The caller of what lasts: a socket, an event stream, a download, a slow request. They are looked up again now and then,
//! so that an expired token and a revocation take effect while it runs.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::authentication::Callers;
use crate::{
    auth::viewer::Viewer,
    domain::clock::Clock,
    error::{Error, ErrorCode, cause_chain},
};

/// How often long-lived responses look their caller up. Revocation must take effect within five seconds.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_secs(2);

/// A caller, and when they were last looked up.
pub(super) struct WatchedCaller {
    callers: Arc<dyn Callers>,
    viewer: Viewer,
    checked: Instant,
}

/// Why a caller may not go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lapse {
    /// The token or key has expired.
    Expired,
    /// The session, the key or the account has ended.
    Revoked,
    /// The account may do more or less than before: what runs has the permissions with which it began.
    Changed,
}

impl WatchedCaller {
    /// A caller who has just been authenticated.
    pub(super) fn new(callers: &Arc<dyn Callers>, viewer: Viewer) -> Self {
        Self { callers: Arc::clone(callers), viewer, checked: Instant::now() }
    }

    /// The caller, as they were when they were last looked up.
    pub(super) fn viewer(&self) -> &Viewer {
        &self.viewer
    }

    /// Looks the caller up again if the last time was at least `age` ago. Returns whether it was.
    ///
    /// # Errors
    /// `Unauthenticated` when their login, key or account has ended.
    pub(super) async fn recheck(&mut self, age: Duration) -> Result<bool, Error> {
        if self.checked.elapsed() < age {
            return Ok(false);
        }
        // Also after a failure: a database that does not answer is asked again in a moment, not at once.
        self.checked = Instant::now();
        self.viewer = self.callers.recheck(&self.viewer).await?;
        Ok(true)
    }

    /// When to [`look`](Self::look) next.
    pub(super) fn due(&self, clock: &dyn Clock) -> Instant {
        let next = self.checked + RECHECK_INTERVAL;
        let Some(expires_at) = self.viewer.expires_at else { return next };
        let left = (expires_at - clock.now()).to_std().unwrap_or_default();
        next.min(Instant::now() + left)
    }

    /// Finds out whether the caller may go on. Looks them up if that is due.
    ///
    /// # Errors
    /// Why they may not.
    pub(super) async fn look(&mut self, clock: &dyn Clock) -> Result<(), Lapse> {
        if self.viewer.expires_at.is_some_and(|at| at <= clock.now()) {
            return Err(Lapse::Expired);
        }
        let scope = self.viewer.scope();
        match self.recheck(RECHECK_INTERVAL).await {
            Ok(_) if self.viewer.scope() != scope => Err(Lapse::Changed),
            Ok(_) => Ok(()),
            Err(error) if error.code() == ErrorCode::Unauthenticated => Err(Lapse::Revoked),
            Err(error) => {
                tracing::warn!(error = cause_chain(&error), "a caller can't be looked up");
                Ok(())
            }
        }
    }
}
