//! What other processes change in the same PostgreSQL database, as it happens.
//!
//! A transaction that changes callers or access notifies the others when it is committed. It does so only for these rare
//! changes, because a transaction that notifies holds a lock of the whole database while it is committed. Events of operations are
//! frequent: which operations have new ones is told a moment later, for all that were committed meanwhile.
//!
//! A connection of its own tells and hears, and is tested each second, so that its loss is noticed before anyone relies
//! on silence. What a process wrote and had not told when it was killed is found by those who look from time to time.

use std::{sync::Arc, time::Duration};

use sea_orm::sqlx::{self, postgres::PgListener};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tracing::warn;

use super::news::{CHANNEL, EVENTS, News};

/// How long there may be silence before the connection is tested.
const SILENCE: Duration = Duration::from_secs(1);
/// How long a test may take.
const ANSWER: Duration = Duration::from_millis(500);
/// How long events are gathered before others are told of them.
const GATHERING: Duration = Duration::from_millis(10);
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
                    news.hear_anything();
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

/// Hears, and tells, until the connection is lost.
async fn hear(url: &str, news: &News) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect(url).await?;
    let own: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut listener).await?;
    listener.listen(CHANNEL).await?;
    // What was changed before was not heard.
    news.hear_anything();
    news.set_hears_others(true);
    loop {
        let heard = tokio::select! {
            heard = timeout(SILENCE, listener.try_recv()) => heard,
            () = news.untold() => {
                tell(&mut listener, news).await?;
                continue;
            }
        };
        match heard {
            // What it told itself, this process knows.
            Ok(Ok(Some(notification))) if notification.process_id().cast_signed() == own => {}
            Ok(Ok(Some(notification))) => news.hear(notification.payload()),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => answered(sqlx::query("SELECT 1").execute(&mut listener)).await?,
        }
    }
}

/// Tells other processes which operations have new events.
async fn tell(listener: &mut PgListener, news: &News) -> Result<(), sqlx::Error> {
    sleep(GATHERING).await;
    loop {
        let operations = news.take_untold();
        if operations.is_empty() {
            return Ok(());
        }
        let payload = operations.iter().fold(EVENTS.to_owned(), |payload, operation| format!("{payload} {operation}"));
        let told = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(payload).execute(&mut *listener);
        if let Err(error) = answered(told).await {
            news.add_untold(&operations);
            return Err(error);
        }
    }
}

async fn answered<T>(answer: impl Future<Output = Result<T, sqlx::Error>>) -> Result<(), sqlx::Error> {
    timeout(ANSWER, answer).await.map_err(|_| sqlx::Error::PoolTimedOut)?.map(drop)
}
