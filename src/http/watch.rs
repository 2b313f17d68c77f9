//! The caller of what lasts: a socket, a download, a slow request. It looks its caller up again now and then, so that a
//! revocation takes effect while it runs.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::authentication::Callers;
use crate::{auth::viewer::Viewer, error::Error};

/// How often long-lived responses look their caller up. Revocation must take effect within five seconds.
pub(super) const RECHECK_INTERVAL: Duration = Duration::from_secs(2);

/// A caller, and when they were last looked up.
pub(super) struct WatchedCaller {
    callers: Arc<dyn Callers>,
    viewer: Viewer,
    checked: Instant,
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
        self.viewer = self.callers.recheck(&self.viewer).await?;
        self.checked = Instant::now();
        Ok(true)
    }
}
