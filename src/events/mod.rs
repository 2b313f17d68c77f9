//! What happened to operations, live: the table is the truth, the hub only says that there is news.
//!
//! A follower reads the table after her cursor, then waits for news and reads again. So nothing is missed or repeated,
//! however late she is, and every read is made with her scope as it is then.

use std::time::Duration;

use futures_util::{Stream, stream};
use tokio::sync::broadcast;

use crate::{
    db::{Database, DatabaseError, repo::operations},
    domain::{
        id::OperationId,
        operation::OperationEvent,
        page::{MAX_PAGE_SIZE, PageRequest},
        scope::Scope,
    },
};

/// News that a follower may be behind before she has to look for herself.
const BACKLOG: usize = 4096;
/// How long a follower waits for news before she looks for herself: another process may have written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells followers in this process that an operation has new events.
#[derive(Clone, Debug)]
pub struct EventHub {
    news: broadcast::Sender<OperationId>,
}

impl Default for EventHub {
    fn default() -> Self {
        Self { news: broadcast::Sender::new(BACKLOG) }
    }
}

impl EventHub {
    /// Says that events of `operation` were committed.
    pub fn announce(&self, operation: OperationId) {
        // Nobody listening is fine.
        let _ = self.news.send(operation);
    }
}

struct Follower {
    database: Database,
    news: broadcast::Receiver<OperationId>,
    scope: Scope,
    operation: OperationId,
    after: i32,
    ready: std::vec::IntoIter<OperationEvent>,
    has_more: bool,
    is_over: bool,
}

/// The events of `operation` with a sequence number above `after`: first those that are stored, then each as it comes.
/// Ends after the terminal event.
pub fn follow(
    database: Database,
    hub: &EventHub,
    scope: Scope,
    operation: OperationId,
    after: i32,
) -> impl Stream<Item = Result<OperationEvent, DatabaseError>> + Send + use<> {
    let follower = Follower {
        database,
        // Interest is registered before the first look, so that no news falls between the two.
        news: hub.news.subscribe(),
        scope,
        operation,
        after,
        ready: Vec::new().into_iter(),
        has_more: true,
        is_over: false,
    };
    stream::try_unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Ok(event.map(|event| (event, follower)))
    })
}

impl Follower {
    async fn next(&mut self) -> Result<Option<OperationEvent>, DatabaseError> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            if let Some(event) = self.ready.next() {
                self.after = event.sequence;
                self.is_over = event.kind.is_terminal();
                return Ok(Some(event));
            }
            if !self.has_more && !self.wait_for_news().await {
                return Ok(None);
            }
            let page = PageRequest { first: MAX_PAGE_SIZE, after: Some(self.after) };
            let events = operations::events(&self.database.reader(self.scope), self.operation, &page).await?;
            self.has_more = events.has_next_page;
            self.ready = events.items.into_iter();
        }
    }

    /// Returns whether there may be something to read; `false` when the server is closing.
    async fn wait_for_news(&mut self) -> bool {
        loop {
            match tokio::time::timeout(PATIENCE, self.news.recv()).await {
                Ok(Ok(operation)) if operation != self.operation => {}
                Ok(Err(broadcast::error::RecvError::Closed)) => return false,
                Ok(Ok(_) | Err(broadcast::error::RecvError::Lagged(_))) | Err(_) => return true,
            }
        }
    }
}
