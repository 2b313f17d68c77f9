//! Documents that clients name by an id instead of sending them: automatic persisted queries, the `documentId` of GraphQL
//! over HTTP, and manifests. And the decision which documents are run at all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::{
    error::PublicError,
    manifest::{Manifest, digest},
};
use crate::{
    auth::viewer::Viewer,
    config::DocumentPolicy,
    domain::{action::Action, policy},
    error::ErrorCode,
};

/// Bytes of all documents that clients have sent with their digests; the least recently used one is dropped first, and its
/// client sends it again.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// What keeping a document takes beside its text: short ones take no less.
const BYTES_OF_ENTRY: usize = 256;

/// Tell clients to send the document. urql recognises the sentences, Apollo the codes too.
const NOT_SUPPORTED: &str = "PersistedQueryNotSupported";
const NOT_FOUND: &str = "PersistedQueryNotFound";

/// How a digest is marked in a `documentId`.
const SHA256: &str = "sha256:";

/// Documents by their ids, and which are run.
pub struct Persisted {
    policy: DocumentPolicy,
    manifest: Arc<Manifest>,
    sent: Mutex<Sent>,
}

struct Sent {
    documents: LruCache<String, Arc<str>>,
    bytes: usize,
}

impl Persisted {
    /// The documents of a manifest, under a policy.
    #[must_use]
    pub fn new(policy: DocumentPolicy, manifest: Arc<Manifest>) -> Self {
        Self { policy, manifest, sent: Mutex::new(Sent { documents: LruCache::unbounded(), bytes: 0 }) }
    }

    /// The text of the document that a request sends, names by an id, or both.
    ///
    /// # Errors
    /// Why it is not run.
    pub fn find(&self, text: String, id: Option<&str>, viewer: &Viewer) -> Result<Arc<str>, PublicError> {
        let key = id.map(key_of);
        match (self.policy, key) {
            (DocumentPolicy::Off, _) if text.is_empty() => {
                Err(PublicError::new(ErrorCode::PersistedQueryNotSupported, NOT_SUPPORTED))
            }
            (DocumentPolicy::Apq | DocumentPolicy::Trusted, Some(key)) if text.is_empty() => {
                self.named(key).ok_or_else(|| PublicError::new(ErrorCode::PersistedQueryNotFound, NOT_FOUND))
            }
            (DocumentPolicy::Apq, Some(key)) if is_digest(key) && digest(&text) != key => {
                let message = "The hash is not that of the document.";
                Err(PublicError::new(ErrorCode::BadUserInput, message))
            }
            (DocumentPolicy::Off | DocumentPolicy::Apq, _) => Ok(text.into()),
            (DocumentPolicy::Trusted, _) => self.trusted(text, viewer),
        }
    }

    fn named(&self, key: &str) -> Option<Arc<str>> {
        if let Some(document) = self.manifest.get(key) {
            return Some(Arc::clone(document));
        }
        match self.policy {
            DocumentPolicy::Apq => self.lock().documents.get(key).cloned(),
            DocumentPolicy::Off | DocumentPolicy::Trusted => None,
        }
    }

    /// A document that is in the manifest may be sent as it is, too. Administrators may run any: they have to find out what is
    /// wrong.
    fn trusted(&self, text: String, viewer: &Viewer) -> Result<Arc<str>, PublicError> {
        let is_trusted = self.manifest.get(&digest(&text)).is_some_and(|known| **known == *text);
        if is_trusted || policy::allows_on_server(viewer.scope(), Action::ServerManage) {
            return Ok(text.into());
        }
        let message = "This server runs only the documents of its manifest: send one of these, or its id.";
        Err(PublicError::new(ErrorCode::Forbidden, message))
    }

    /// Refuses a document that is none of those to which the caller's key is limited.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn permit(&self, document: &str, viewer: &Viewer) -> Result<(), PublicError> {
        let Some(named) = viewer.key().and_then(|key| key.documents.as_ref()) else { return Ok(()) };
        let digest = digest(document);
        let is_named = |id: &String| {
            let key = key_of(id);
            key.eq_ignore_ascii_case(&digest) || self.manifest.get(key).is_some_and(|known| **known == *document)
        };
        if named.iter().any(is_named) {
            return Ok(());
        }
        let message = "This API key runs only the documents that it names.";
        Err(PublicError::new(ErrorCode::Forbidden, message))
    }

    /// Keeps a document that came with its digest, once it is known to be within the limits.
    pub fn keep(&self, document: &Arc<str>, id: Option<&str>) {
        let key = id.map(key_of);
        let is_new = |key: &&str| is_digest(key) && self.manifest.get(key).is_none();
        match (self.policy, key.filter(is_new)) {
            (DocumentPolicy::Apq, Some(key)) => self.lock().keep(key, document),
            (DocumentPolicy::Apq | DocumentPolicy::Off | DocumentPolicy::Trusted, _) => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn keep(&mut self, key: &str, document: &Arc<str>) {
        if self.documents.put(key.to_owned(), Arc::clone(document)).is_none() {
            self.bytes += document.len() + BYTES_OF_ENTRY;
        }
        while self.bytes > MOST_BYTES {
            let Some((_, document)) = self.documents.pop_lru() else { return };
            self.bytes -= document.len() + BYTES_OF_ENTRY;
        }
    }
}

/// The key of an id: a digest is the same with its mark and without.
fn key_of(id: &str) -> &str {
    id.strip_prefix(SHA256).unwrap_or(id)
}

/// Whether an id is a SHA-256.
fn is_digest(key: &str) -> bool {
    key.len() == 64 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::Client;

    #[test]
    fn what_clients_have_sent_takes_a_limited_amount_of_memory() {
        let persisted = Persisted::new(DocumentPolicy::Apq, Arc::default());
        let viewer = Viewer::anonymous(Client::default());
        let documents: Vec<Arc<str>> =
            (0..100).map(|number| format!("{{ a{number} {} }}", " ".repeat(60_000)).into()).collect();
        for document in &documents {
            persisted.keep(document, Some(&digest(document)));
        }
        assert!(persisted.lock().bytes <= MOST_BYTES);
        let find = |document: &str| persisted.find(String::new(), Some(&digest(document)), &viewer);
        assert_eq!(find(&documents[0]).unwrap_err().code(), ErrorCode::PersistedQueryNotFound);
        assert_eq!(find(&documents[99]).unwrap(), documents[99]);
        // Short ones take room, too.
        for number in 0..100_000 {
            let document: Arc<str> = format!("{{ a{number} }}").into();
            persisted.keep(&document, Some(&digest(&document)));
        }
        assert!(persisted.lock().documents.len() <= MOST_BYTES / BYTES_OF_ENTRY);
        persisted.keep(&documents[99], Some(&digest(&documents[99])));
        // What is sent again takes no more.
        let before = persisted.lock().bytes;
        persisted.keep(&documents[99], Some(&digest(&documents[99])));
        assert_eq!(persisted.lock().bytes, before);
    }
}
