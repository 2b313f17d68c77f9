//! Links to files: a signature in the address, in place of a credential, for what a browser fetches without one.
//!
//! A link works for one document and for a short time. It names the session or the key that asked for it, so it ends with
//! that, and permits no more. It is not a secret of its own: nothing is stored of it.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::hmac;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::token::KeyRing;
use crate::domain::id::{ApiKeyId, DocumentId, SessionId, UserId};

/// Bytes of what a link says: until when it works, the kind of its holder, and two ids.
const BODY_BYTES: usize = 8 + 1 + 16 + 16;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

const SESSION: u8 = 1;
const KEY: u8 = 2;

/// Whose permission a link carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkHolder {
    Session(UserId, SessionId),
    Key(ApiKeyId),
}

/// Signs links with the newest key, and checks those that any key of the ring signed.
#[derive(Clone)]
pub struct LinkSigner {
    current: hmac::Key,
    previous: Vec<hmac::Key>,
}

impl LinkSigner {
    /// A signer with keys that follow from those of access tokens.
    #[must_use]
    pub fn new(keys: &KeyRing) -> Self {
        Self { current: derived(&keys.current), previous: keys.previous.iter().map(|secret| derived(secret)).collect() }
    }

    /// A link of `holder` to a document, up to a moment.
    #[must_use]
    pub fn sign(&self, holder: LinkHolder, document: DocumentId, until: DateTime<Utc>) -> String {
        let (kind, first, second) = match holder {
            LinkHolder::Session(user, session) => (SESSION, user.0, session.0),
            LinkHolder::Key(key) => (KEY, Uuid::nil(), key.0),
        };
        let until = until.timestamp().to_be_bytes();
        let body = [&until[..], &[kind], first.as_bytes(), second.as_bytes()].concat();
        let signature = hmac::sign(&self.current, &signed(&body, document));
        URL_SAFE_NO_PAD.encode([&body, signature.as_ref()].concat())
    }

    /// The holder of a link to this document, if it is one of ours and still works.
    #[must_use]
    pub fn verify(&self, link: &str, document: DocumentId, now: DateTime<Utc>) -> Option<LinkHolder> {
        let bytes = URL_SAFE_NO_PAD.decode(link).ok().filter(|bytes| bytes.len() == BODY_BYTES + SIGNATURE_BYTES)?;
        let (body, signature) = bytes.split_at(BODY_BYTES);
        let message = signed(body, document);
        let mut keys = [&self.current].into_iter().chain(&self.previous);
        keys.find(|key| hmac::verify(key, &message, signature).is_ok())?;
        let (until, rest) = body.split_first_chunk()?;
        if now.timestamp() >= i64::from_be_bytes(*until) {
            return None;
        }
        let (kind, ids) = rest.split_first()?;
        let (first, second) = ids.split_at_checked(16)?;
        let (first, second) = (Uuid::from_slice(first).ok()?, Uuid::from_slice(second).ok()?);
        match *kind {
            SESSION => Some(LinkHolder::Session(UserId(first), SessionId(second))),
            KEY => Some(LinkHolder::Key(ApiKeyId(second))),
            _ => None,
        }
    }
}

impl fmt::Debug for LinkSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LinkSigner(***)")
    }
}

/// A key for nothing else.
fn derived(secret: &[u8]) -> hmac::Key {
    let key = Sha256::new().chain_update("docent download links").chain_update(secret).finalize();
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

fn signed(body: &[u8], document: DocumentId) -> Vec<u8> {
    [body, document.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_link_works_for_its_document_until_its_end_and_not_when_it_was_changed() {
        let (old, new) =
            (KeyRing::from(&b"old"[..]), KeyRing { current: b"new".to_vec(), previous: vec![b"old".to_vec()] });
        let (signer, now) = (LinkSigner::new(&old), DateTime::UNIX_EPOCH);
        let (document, end) = (DocumentId::generate(), now + TimeDelta::minutes(5));
        let holders =
            [LinkHolder::Session(UserId::generate(), SessionId::generate()), LinkHolder::Key(ApiKeyId::generate())];
        for holder in holders {
            let link = signer.sign(holder, document, end);
            assert_eq!(signer.verify(&link, document, now), Some(holder));
            assert_eq!(signer.verify(&link, document, end), None);
            assert_eq!(signer.verify(&link, DocumentId::generate(), now), None);
            assert_eq!(LinkSigner::new(&new).verify(&link, document, now), Some(holder), "signed before the rotation");
            assert_eq!(LinkSigner::new(&KeyRing::from(&b"new"[..])).verify(&link, document, now), None);
            let bytes = URL_SAFE_NO_PAD.decode(&link).unwrap();
            for place in 0..bytes.len() {
                let mut changed = bytes.clone();
                changed[place] ^= 1;
                assert_eq!(signer.verify(&URL_SAFE_NO_PAD.encode(changed), document, now), None, "{place}");
            }
        }
        for broken in ["", "AAAA", "%", &"A".repeat(98)] {
            assert_eq!(signer.verify(broken, document, now), None, "{broken}");
        }
    }
}
