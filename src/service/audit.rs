//! The audit log. Changes are recorded in their own transaction, so none is without its entry. Denials are recorded a
//! moment later, in batches, so that callers can't slow the server down, or measure it, by being denied.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use tracing::warn;

use super::notes::Notes;
use crate::{
    auth::viewer::Viewer,
    db::{Database, DatabaseError, Transaction, repo::audit_log},
    domain::{
        audit::{AuditAction, AuditEntry, AuditObject, AuditResult},
        id::{AuditEntryId, CollectionId, UserId},
    },
    error::{Error, ErrorCode, ViolationCode},
};

/// Entries per batch for one caller and one kind of denial. The last one says how many more there were.
const LINES: usize = 10;

/// What was done or tried, apart from the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deed {
    action: AuditAction,
    by: Option<UserId>,
    object: Option<AuditObject>,
    collection: Option<CollectionId>,
    message: Option<String>,
}

impl Deed {
    /// An audited action.
    #[must_use]
    pub fn new(action: AuditAction) -> Self {
        Self { action, by: None, object: None, collection: None, message: None }
    }

    /// By this account, if the request does not carry its credential.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.by = Some(user);
        self
    }

    /// On this object. The nil id stands for a malformed id.
    #[must_use]
    pub fn to(mut self, object: impl Into<Option<AuditObject>>) -> Self {
        self.object = object.into().filter(|object| !object.id.is_nil());
        self
    }

    /// In this collection. The nil id stands for a malformed id.
    #[must_use]
    pub fn within(mut self, collection: impl Into<Option<CollectionId>>) -> Self {
        self.collection = collection.into().filter(|collection| !collection.0.is_nil());
        self
    }

    /// Details for people.
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
            user_id: self.by.or(viewer.user.as_ref().map(|user| user.id)),
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

/// Records a change in the transaction that makes it.
pub(super) async fn done(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    deed: Deed,
    now: DateTime<Utc>,
) -> Result<(), DatabaseError> {
    audit_log::insert_many(tx, vec![deed.entry(viewer, AuditResult::Done, now)]).await
}

/// Where denials are recorded.
#[derive(Clone, Debug)]
pub struct AuditTrail(Notes<AuditEntry>);

impl AuditTrail {
    /// A trail that a background task writes, until the last clone is dropped.
    #[must_use]
    pub fn start(database: Database) -> Self {
        Self(Notes::start(move |refusals| write(database.clone(), refusals).boxed()))
    }

    /// Waits until all denials so far are written.
    pub async fn flush(&self) {
        self.0.flush().await;
    }

    /// Records a denial, if `error` is one.
    pub fn refused(&self, viewer: &Viewer, deed: Deed, error: &Error, now: DateTime<Utc>) {
        if !is_refusal(error) {
            return;
        }
        let said = error.code().as_str();
        let message = deed.message.clone().map_or_else(|| said.to_owned(), |message| format!("{message}: {said}"));
        self.0.add(deed.saying(message).entry(viewer, AuditResult::Refused, now));
    }
}

/// Whether the caller was denied for lack of permission, and not for invalid input.
fn is_refusal(error: &Error) -> bool {
    let is_about_rights =
        |code| matches!(code, ViolationCode::NotFound | ViolationCode::Forbidden | ViolationCode::WrongCredentials);
    matches!(
        error.code(),
        ErrorCode::Unauthenticated | ErrorCode::Forbidden | ErrorCode::NotFound | ErrorCode::RateLimited
    ) || error.violations().iter().any(|violation| is_about_rights(violation.code))
}

async fn write(database: Database, refusals: Vec<AuditEntry>) {
    let entries = shortened(refusals);
    let written = database.transaction(|tx| audit_log::insert_many(tx, entries.clone()).boxed()).await;
    if let Err(error) = written {
        warn!(error = &error as &dyn std::error::Error, lost = entries.len(), "refusals can't be noted");
    }
}

/// The denials, without those in excess of one kind from one caller.
fn shortened(refusals: Vec<AuditEntry>) -> Vec<AuditEntry> {
    let mut kept: Vec<AuditEntry> = Vec::new();
    let mut kinds: HashMap<_, (usize, usize)> = HashMap::new();
    for entry in refusals {
        let kind = (entry.user_id, entry.api_key_id, entry.address, entry.action, entry.message.clone());
        let (lines, last) = kinds.entry(kind).or_default();
        *lines += 1;
        if *lines <= LINES {
            *last = kept.len();
            kept.push(entry);
        }
    }
    for (lines, last) in kinds.into_values().filter(|(lines, _)| *lines > LINES) {
        if let Some(entry) = kept.get_mut(last) {
            let message = entry.message.take().unwrap_or_default();
            entry.message = Some(format!("{message}; {} more like it", lines - LINES));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{client::Client, id::DocumentId};

    #[test]
    fn a_flood_of_refusals_is_ten_lines_and_a_number() {
        let viewer = Viewer::anonymous(Client::default());
        let entry = |action| {
            Deed::new(action).to(DocumentId::generate()).saying("x").entry(
                &viewer,
                AuditResult::Refused,
                DateTime::UNIX_EPOCH,
            )
        };
        let mut refusals: Vec<_> = (0..500).map(|_| entry(AuditAction::Read)).collect();
        refusals.push(entry(AuditAction::Authenticate));
        let kept = shortened(refusals);
        assert_eq!(kept.len(), LINES + 1);
        assert_eq!(kept[LINES - 1].message.as_deref(), Some("x; 490 more like it"));
        assert_eq!(kept[LINES].message.as_deref(), Some("x"));
    }
}
