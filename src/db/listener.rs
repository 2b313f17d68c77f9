//! What other processes change in the same PostgreSQL database, as it happens.
//!
//! A transaction that changes callers or access notifies the others when it is committed. Notifications are sent only for these rare
//! changes: a transaction that notifies holds a lock of the whole database while it is committed. A connection of its own
//! hears them, and is tested each second, so that its loss is noticed before anyone relies on silence.

use std::{sync::Arc, time::Duration};

use sea_orm::sqlx::{self, postgres::PgListener};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::warn;

use super::news::{CHANNEL, News};

/// How long there may be silence before the connection is tested.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a test may take.
const ANSWER: Duration = Duration::from_millis(500);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_secs(1);

/// A task that hears what others change, until this is dropped.
#[derive(Debug)]
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    /// Hears what other processes change in the database at `url`.
    pub(super) fn start(url: String, news: Arc<News>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                let ended = hear(&url, &news).await;
                // Who relied on hearing everything looks again from now on.
                if news.set_hears_others(false) {
                    warn!(error = ?ended.err(), "the notifications of other processes are not heard for a while");
                }
                sleep(PAUSE).await;
            }
        }))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Hears until the connection is lost.
async fn hear(url: &str, news: &News) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    listener.listen(CHANNEL).await?;
    // What was changed before was not heard.
    news.hear_anything();
    news.set_hears_others(true);
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => news.hear(notification.payload()),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let test = sqlx::query("SELECT 1").execute(&mut listener);
                timeout(ANSWER, test).await.map_err(|_| sqlx::Error::PoolTimedOut)??;
            }
        }
    }
}
