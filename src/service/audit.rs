//! The audit log: changes are noted in their own transaction, so that none is without its line; refusals are noted a
//! moment later, together, so that nobody can slow the server down, or measure it, by being refused.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};
use tracing::warn;

use crate::{
    auth::viewer::Viewer,
    db::{Database, DatabaseError, Transaction, repo::audit_log},
    domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditResult},
        id::{AuditEntryId, CollectionId},
    },
    error::{Error, ErrorCode, ViolationCode},
};

/// Refusals that wait to be written; more are counted and not kept.
const WAITING: usize = 4096;
/// Refusals in one transaction.
const BATCH: usize = 500;
/// How long refusals are gathered.
const PAUSE: Duration = Duration::from_millis(200);

/// What was done, or tried, apart from by whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    action: AuditAction,
    object: Option<AuditObject>,
    collection: Option<CollectionId>,
    message: Option<String>,
}

impl Deed {
    /// Something that was done.
    #[must_use]
    pub fn new(action: AuditAction) -> Self {
        Self { action, object: None, collection: None, message: None }
    }

    /// To this object.
    #[must_use]
    pub fn to(mut self, object: impl Into<Option<AuditObject>>) -> Self {
        self.object = object.into();
        self
    }

    /// In this collection.
    #[must_use]
    pub fn within(mut self, collection: impl Into<Option<CollectionId>>) -> Self {
        self.collection = collection.into();
        self
    }

    /// More about it, for people.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    fn entry(self, viewer: &Viewer, result: AuditResult, at: DateTime<Utc>) -> AuditEntry {
        AuditEntry {
            id: AuditEntryId::generate(),
            at,
            action: self.action,
            result,
            user_id: viewer.user.as_ref().map(|user| user.id),
            api_key_id: viewer.key_id(),
            object: self.object,
            collection_id: self.collection,
            message: self.message,
            address: viewer.client.address,
            user_agent: viewer.client.user_agent.clone(),
            request_id: viewer.client.request,
        }
    }
}

/// Notes a change in the transaction that makes it.
pub(super) async fn done(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    deed: Deed,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    audit_log::insert_many(tx, vec![deed.entry(viewer, AuditResult::Done, now)]).await
}

/// Where refusals go.
#[derive(Clone, Debug)]
pub struct AuditTrail(mpsc::Sender<Message>);

#[derive(Debug)]
enum Message {
    Refusal(AuditEntry),
    /// Answered when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl AuditTrail {
    /// A trail that is written by a task of its own, until the last clone is dropped.
    #[must_use]
    pub fn start(database: Database) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(write(database, receiver));
        Self(sender)
    }

    /// Waits until what was refused so far is written.
    pub async fn flush(&self) {
        let (sender, written) = oneshot::channel();
        if self.0.send(Message::Flush(sender)).await.is_ok() {
            let _ = written.await;
        }
    }

    /// Notes a refusal, if `error` is one.
    pub fn refused(&self, viewer: &Viewer, deed: Deed, error: &Error, now: DateTime<Utc>) {
        if !is_refusal(error) {
            return;
        }
        let said = error.code().as_str();
        let message = deed.message.clone().map_or_else(|| said.to_owned(), |message| format!("{message}: {said}"));
        // A flood of refusals loses its last ones, not the server.
        let _ = self.0.try_send(Message::Refusal(deed.saying(message).entry(viewer, AuditResult::Refused, now)));
    }
}

/// Whether the caller was refused for who she is, and not for what she wrote.
fn is_refusal(error: &Error) -> bool {
    let is_about_rights =
        |code| matches!(code, ViolationCode::NotFound | ViolationCode::Forbidden | ViolationCode::WrongCredentials);
    matches!(
        error.code(),
        ErrorCode::Unauthenticated | ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::RateLimited
    ) || error.violations().iter().any(|violation| is_about_rights(violation.code))
}

async fn write(database: Database, mut receiver: mpsc::Receiver<Message>) {
    let mut messages = Vec::new();
    while receiver.recv_many(&mut messages, BATCH).await > 0 {
        let mut entries = Vec::new();
        let mut waiting = Vec::new();
        for message in messages.drain(..) {
            match message {
                Message::Refusal(entry) => entries.push(entry),
                Message::Flush(sender) => waiting.push(sender),
            }
        }
        if !entries.is_empty() {
            let entries = &entries;
            let written = database.transaction(|tx| audit_log::insert_many(tx, entries.clone()).boxed()).await;
            if let Err(error) = written {
                warn!(error = &error as &dyn std::error::Error, lost = entries.len(), "refusals can't be noted");
            }
        }
        if waiting.is_empty() {
            sleep(PAUSE).await;
        }
        for sender in waiting {
            let _ = sender.send(());
        }
    }
}
