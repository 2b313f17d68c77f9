//! What happened to operations, live: the table is the truth, a notification only says that there is news.
//!
//! A follower reads the table after their cursor, then waits for news and reads again. So nothing is missed or
//! repeated, however late they are, and every read is made with their scope as it is then.

mod feed;

use std::time::{Duration, Instant};

use futures_util::{Stream, stream};
use tokio::sync::watch;

pub use self::feed::{FeedEvent, feed};
use crate::{
    db::{
        Database, DatabaseError, EventNews, Topic,
        repo::{operation_events, operations},
    },
    domain::{
        id::OperationId,
        operation::OperationEvent,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
};

/// How long a follower waits for news before it reads the table anyway, while this process does not hear what others write or
/// whom they let see it. Rows that were read longer ago than this are read again before they are sent.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same while it hears everything. Only what a process wrote just before it was killed is not announced.
const PATIENCE_HEARING: Duration = Duration::from_mins(1);

/// Wakes a follower.
struct Wake {
    database: Database,
    news: EventNews,
    /// Notifies of changes of who may see what.
    access: watch::Receiver<()>,
}

impl Wake {
    /// Make it before the first read, so that no notification is lost between the two.
    fn new(database: Database, topic: Topic) -> Self {
        Self { news: database.event_news(topic), access: database.access_changes(), database }
    }

    /// Returns when there may be something to read, or the scope may have lost sight of something.
    async fn wait(&mut self) {
        let patience = if self.database.hears_others() { PATIENCE_HEARING } else { PATIENCE };
        // The senders live as long as the database, which is held here.
        tokio::select! {
            () = self.news.changed() => {}
            _ = self.access.changed() => {}
            () = tokio::time::sleep(patience) => {}
        }
    }
}

struct Follower {
    wake: Wake,
    scope: Scope,
    operation: OperationId,
    after: i32,
    ready: std::vec::IntoIter<OperationEvent>,
    read_at: Instant,
    has_more: bool,
    is_over: bool,
}

/// Why no more events follow.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// What is followed no longer exists for the follower.
    #[error("this can no longer be followed")]
    Gone,
    /// More happened since the position from which the follower continues than can be sent.
    #[error("too much happened meanwhile")]
    TooMuch,
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// The events of `operation` with a sequence number above `after`: first those that are stored, then each as it comes.
/// Ends after the terminal event, and with an error when the scope lost sight of the operation, a second later at most.
pub fn follow(
    database: Database,
    scope: Scope,
    operation: OperationId,
    after: i32,
) -> impl Stream<Item = Result<OperationEvent, FollowError>> + Send + use<> {
    let follower = Follower {
        wake: Wake::new(database, Topic::Operation(operation)),
        scope,
        operation,
        after,
        ready: Vec::new().into_iter(),
        read_at: Instant::now(),
        has_more: true,
        is_over: false,
    };
    stream::try_unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Ok(event.map(|event| (event, follower)))
    })
}

impl Follower {
    async fn next(&mut self) -> Result<Option<OperationEvent>, FollowError> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if self.read_at.elapsed() > PATIENCE && self.ready.len() > 0 {
                // The follower was slow with the last one.
                self.ready = Vec::new().into_iter();
                self.has_more = true;
            }
            if let Some(event) = self.ready.next() {
                self.after = event.sequence;
                self.is_over = event.kind.is_terminal();
                return Ok(Some(event));
            }
            if !self.has_more {
                self.wake.wait().await;
            }
            let page = PageRequest { first: MAX_PAGE_SIZE, after: Some(self.after) };
            let reader = self.wake.database.reader(self.scope);
            let events = operation_events::list_of_one(&reader, self.operation, &page).await?;
            if events.items.is_empty() && operations::find(&reader, self.operation).await?.is_none() {
                return Err(FollowError::Gone);
            }
            self.read_at = Instant::now();
            self.has_more = events.has_next_page;
            self.ready = events.items.into_iter();
        }
    }
}
