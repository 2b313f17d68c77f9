//! The last use of sessions and API keys. It is recorded in the background, because reading must not depend on writing.
//! If a record is lost, the next request makes it again.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use tracing::{debug, warn};

use super::notes::Notes;
use crate::{
    db::{
        Database, DatabaseError, Transaction,
        repo::{api_keys, sessions},
    },
    domain::{
        api_key::ApiKey,
        client::Client,
        id::{ApiKeyId, SessionId},
        session::Session,
    },
};

/// Minimum time between two records of the last use of a session or key.
const INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// Where uses of sessions and keys are recorded.
#[derive(Clone, Debug)]
pub struct LastUses(Notes<Use>);

#[derive(Debug)]
struct Use {
    of: Credential,
    at: DateTime<Utc>,
    address: Option<String>,
}

/// What was used. Rows are written in this order, so that two writers can't wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Credential {
    Session(SessionId),
    Key(ApiKeyId),
}

impl LastUses {
    /// Uses that a background task writes, until the last clone is dropped.
    #[must_use]
    pub fn start(database: Database) -> Self {
        let is_failing = Arc::new(AtomicBool::new(false));
        Self(Notes::start(move |uses| write(database.clone(), uses, Arc::clone(&is_failing)).boxed()))
    }

    /// Waits until the uses so far are written or given up.
    pub async fn flush(&self) {
        self.0.flush().await;
    }

    /// Records the use of a session, unless one was recorded a moment ago. Returns whether it did.
    pub(super) fn of_session(&self, session: &Session, client: &Client, now: DateTime<Utc>) -> bool {
        let is_due = now >= session.last_used_at + INTERVAL;
        if is_due {
            let address = client.address.map(|address| address.to_string());
            self.0.add(Use { of: Credential::Session(session.id), at: now, address });
        }
        is_due
    }

    /// Records the use of a key, unless one was recorded a moment ago. Returns whether it did.
    pub(super) fn of_key(&self, key: &ApiKey, now: DateTime<Utc>) -> bool {
        let is_due = key.last_used_at.is_none_or(|used| now >= used + INTERVAL);
        if is_due {
            self.0.add(Use { of: Credential::Key(key.id), at: now, address: None });
        }
        is_due
    }
}

/// When, and from which address, each credential was used last.
type Newest = BTreeMap<Credential, (DateTime<Utc>, Option<String>)>;

/// Writes the newest use of each credential. A row of failures is logged once.
async fn write(database: Database, uses: Vec<Use>, is_failing: Arc<AtomicBool>) {
    let newest: Newest = uses.into_iter().map(|used| (used.of, (used.at, used.address))).collect();
    let written = database.transaction(|tx| touch(tx, &newest).boxed()).await;
    let failed_before = is_failing.swap(written.is_err(), Ordering::Relaxed);
    match written {
        Ok(()) => {}
        Err(error) if failed_before => debug!(error = &error as &dyn std::error::Error, "still no last uses noted"),
        Err(error) => warn!(error = &error as &dyn std::error::Error, "the last uses of credentials can't be noted"),
    }
}

async fn touch(tx: &Transaction<'_>, newest: &Newest) -> Result<(), DatabaseError> {
    for (credential, (at, address)) in newest {
        let since = *at - INTERVAL;
        match credential {
            Credential::Session(id) => sessions::touch(tx, *id, address.clone(), *at, since).await?,
            Credential::Key(id) => api_keys::touch(tx, *id, *at, since).await?,
        }
    }
    Ok(())
}
