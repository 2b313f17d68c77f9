//! Documents that were sent before: parsed and within the limits, and known to be valid with the variables that came
//! with them. Programs send the same few documents all the time.
//!
//! Documents are shared by all callers; nothing of a caller or of an answer is kept. Of variables only digests are, and only
//! of queries: those of mutations have passwords in them.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_graphql::parser::types::ExecutableDocument;
use lru::LruCache;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{error::PublicError, limits::DocumentLimits};

/// Bytes of text of all documents that are kept; the least recently used one is dropped first. Parsed, a document takes
/// some thirty times as much.
const MOST_BYTES: usize = 512 * 1024;
/// What a document counts beside its text: it has variables with it, and a short one takes more than its text says.
const BYTES_OF_ENTRY: usize = 512;
/// Bytes of a document that is kept.
const LONGEST: usize = 8 * 1024;
/// Variables for which a document is known to be valid, at most.
const MOST_VARIABLES: usize = 256;

/// A document that is within the limits.
pub struct Document {
    pub parsed: ExecutableDocument,
    /// Digests of the operations and variables with which it is valid.
    valid: Mutex<HashSet<[u8; 32]>>,
}

/// The documents that were sent lately.
pub struct Documents {
    limits: DocumentLimits,
    kept: Mutex<Kept>,
}

struct Kept {
    documents: LruCache<Arc<str>, Arc<Document>>,
    bytes: usize,
}

impl Documents {
    /// No documents yet; they have to be within `limits`.
    #[must_use]
    pub fn new(limits: DocumentLimits) -> Self {
        Self { limits, kept: Mutex::new(Kept { documents: LruCache::unbounded(), bytes: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The document with this text.
    ///
    /// # Errors
    /// Those of [`DocumentLimits::parse`].
    pub fn get(&self, text: &str) -> Result<Arc<Document>, PublicError> {
        if let Some(document) = self.lock().documents.get(text) {
            return Ok(Arc::clone(document));
        }
        let document = Arc::new(Document { parsed: self.limits.parse(text)?, valid: Mutex::default() });
        if text.len() <= LONGEST {
            self.lock().keep(text, Arc::clone(&document));
        }
        Ok(document)
    }
}

impl Kept {
    fn keep(&mut self, text: &str, document: Arc<Document>) {
        if self.documents.put(text.into(), document).is_none() {
            self.bytes += text.len() + BYTES_OF_ENTRY;
        }
        while self.bytes > MOST_BYTES {
            let Some((text, _)) = self.documents.pop_lru() else { return };
            self.bytes -= text.len() + BYTES_OF_ENTRY;
        }
    }
}

/// Whether a document is valid for one request, as far as that is known. Put it into the data of the request.
pub struct Validity {
    document: Arc<Document>,
    request: [u8; 32],
}

impl Validity {
    /// That of an operation of a document with these variables: they are part of what is validated.
    #[must_use]
    pub fn new(document: Arc<Document>, operation: Option<&str>, variables: &Map<String, Value>) -> Self {
        let request = serde_json::json!([operation, variables]).to_string();
        Self { document, request: Sha256::digest(request).into() }
    }

    /// Whether it was found valid before.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.lock().contains(&self.request)
    }

    /// Records that it was found valid.
    pub fn note(&self) {
        let mut valid = self.lock();
        if valid.len() >= MOST_VARIABLES {
            valid.clear();
        }
        valid.insert(self.request);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<[u8; 32]>> {
        self.document.valid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIMITS: DocumentLimits = DocumentLimits {
        bytes: 10_000,
        tokens: 10_000,
        nesting: 50,
        depth: 50,
        aliases: 50,
        mutations: 50,
        root_fields: 5_000,
    };

    #[test]
    fn a_document_is_parsed_once_until_there_are_too_many() {
        let documents = Documents::new(LIMITS);
        let first = documents.get("{ server { version } }").unwrap();
        assert!(Arc::ptr_eq(&first, &documents.get("{ server { version } }").unwrap()));
        assert!(documents.get("{").is_err());
        for number in 0..200 {
            documents.get(&format!("{{ a{number}: __typename {} }}", "__typename ".repeat(300))).unwrap();
        }
        assert!(documents.lock().bytes <= MOST_BYTES);
        assert!(!Arc::ptr_eq(&first, &documents.get("{ server { version } }").unwrap()));
        // Short ones take room, too.
        for number in 0..10_000 {
            documents.get(&format!("{{ a{number} }}")).unwrap();
        }
        let kept = documents.lock();
        assert!(kept.bytes <= MOST_BYTES && kept.documents.len() <= MOST_BYTES / BYTES_OF_ENTRY);
    }

    #[test]
    fn a_document_is_known_to_be_valid_with_the_same_variables_only() {
        let document = Documents::new(LIMITS).get("query($n: Int) { collections(first: $n) { totalCount } }").unwrap();
        let with = |n: Value| Validity::new(Arc::clone(&document), None, json!({ "n": n }).as_object().unwrap());
        assert!(!with(json!(1)).is_known());
        with(json!(1)).note();
        assert!(with(json!(1)).is_known());
        assert!(!with(json!("1")).is_known());
        let named = Validity::new(Arc::clone(&document), Some("A"), json!({ "n": 1 }).as_object().unwrap());
        assert!(!named.is_known());
    }
}
