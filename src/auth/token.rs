//! The two tokens of a session. An access token is a signed JWT that is checked without the database; a refresh token is
//! random, and only its digest is kept.

use std::{collections::HashMap, fmt, io, path::Path, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, SubsecRound, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{hmac, key_file};
use crate::domain::{
    id::{SessionId, UserId},
    session::TokenNames,
};

const ISSUER: &str = "docent";
const AUDIENCE: &str = "docent-api";
/// RFC 9068: says that this is an access token, so that no other JWT of ours could pass for one.
const TOKEN_TYPE: &str = "at+jwt";

/// Bytes of a key that we make, and of what a refresh token has of its own.
const SECRET_BYTES: usize = 32;
/// Bytes of what the refresh tokens of a login have in common.
const FAMILY_BYTES: usize = 16;
/// Bytes of a refresh token.
const LENGTH: usize = FAMILY_BYTES + SECRET_BYTES;

/// Makes access tokens with the newest key, and checks those that any key of the ring made: HS256 and nothing else.
#[derive(Clone)]
pub struct TokenSigner {
    header: Header,
    encoding: EncodingKey,
    /// By the id that a token's header names.
    decoding: HashMap<String, DecodingKey>,
    validation: Validation,
    lifetime: Duration,
}

/// The keys for access tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// Signs new tokens.
    pub current: Vec<u8>,
    /// Made the tokens that were issued before the last rotations and are still valid.
    pub previous: Vec<Vec<u8>>,
}

impl From<&[u8]> for KeyRing {
    fn from(current: &[u8]) -> Self {
        Self { current: current.to_vec(), previous: Vec::new() }
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyRing").field("previous", &self.previous.len()).finish_non_exhaustive()
    }
}

/// The verified content of an access token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessClaims {
    pub user: UserId,
    pub session: SessionId,
    /// From this moment on the token is refused.
    pub expires_at: DateTime<Utc>,
}

/// Why an access token is rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// It was ours and good; the client refreshes its session.
    #[error("the access token has expired")]
    Expired,
    /// It is not one of ours. The caller must not learn which check failed.
    #[error("the access token is not valid")]
    Invalid,
}

/// Why an access token could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the access token could not be signed")]
pub struct SignError(#[from] jsonwebtoken::errors::Error);

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    exp: i64,
}

impl TokenSigner {
    /// A signer whose tokens are valid for `lifetime`.
    #[must_use]
    pub fn new(keys: &KeyRing, lifetime: Duration) -> Self {
        hmac::install();
        let kid = key_id(&keys.current);
        let header = Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(kid), ..Header::new(Algorithm::HS256) };
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // The library would read the machine's clock; `verify` compares with the clock that is passed in.
        validation.validate_exp = false;
        Self {
            header,
            encoding: EncodingKey::from_secret(&keys.current),
            decoding: std::iter::once(&keys.current)
                .chain(&keys.previous)
                .map(|secret| (key_id(secret), DecodingKey::from_secret(secret)))
                .collect(),
            validation,
            lifetime,
        }
    }

    /// A token for a session, and the moment from which it is refused.
    ///
    /// # Errors
    /// When the cryptography library fails, which it has no reason to.
    pub fn issue(
        &self,
        user: UserId,
        session: SessionId,
        now: DateTime<Utc>,
    ) -> Result<(String, DateTime<Utc>), SignError> {
        let expires_at = (now + self.lifetime).trunc_subsecs(0);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
        };
        Ok((jsonwebtoken::encode(&self.header, &claims, &self.encoding)?, expires_at))
    }

    /// What the token says, if it is ours and `now` is before its end. There is no leeway: the clock that ends a token is
    /// the clock that made it.
    ///
    /// # Errors
    /// `Expired` for a token that was good, `Invalid` for everything else.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<AccessClaims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Invalid)?;
        let key = header.kid.and_then(|kid| self.decoding.get(&kid)).ok_or(TokenError::Invalid)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| TokenError::Invalid)?;
        if data.header.typ != self.header.typ {
            return Err(TokenError::Invalid);
        }
        let Claims { sub: user, sid: session, exp, .. } = data.claims;
        let expires_at = DateTime::from_timestamp(exp, 0).ok_or(TokenError::Invalid)?;
        if now < expires_at { Ok(AccessClaims { user, session, expires_at }) } else { Err(TokenError::Expired) }
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenSigner").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

/// Names a key without telling it: the first eight digits of a digest.
fn key_id(secret: &[u8]) -> String {
    let digest = Sha256::new().chain_update("docent signing key").chain_update(secret).finalize();
    hex::encode(&digest[..4])
}

/// A refresh token: the family, 128 random bits that all tokens of a login share, and 256 bits of its own, written as
/// 64 characters of base64url.
///
/// The family distinguishes a used token that is no longer stored from one that never existed: only a holder of a token
/// of the login knows it. Older tokens have only the 256 bits; their successors start a family.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    text: String,
    family: Option<[u8; FAMILY_BYTES]>,
}

impl RefreshToken {
    /// A new token, of a new family.
    #[must_use]
    pub fn generate() -> Self {
        Self::new(rand::random(), rand::random())
    }

    fn new(family: [u8; FAMILY_BYTES], own: [u8; SECRET_BYTES]) -> Self {
        Self { text: URL_SAFE_NO_PAD.encode([&family[..], &own].concat()), family: Some(family) }
    }

    /// The token itself. Show it only to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The successor of this token. The same salt gives the same successor, so a repeated exchange gets the same
    /// answer. It can't be computed without both the token and the salt.
    #[must_use]
    pub fn successor(&self, salt: &str) -> Self {
        let derive = |what: &str| -> [u8; SECRET_BYTES] {
            Sha256::new()
                .chain_update(what)
                .chain_update((salt.len() as u64).to_be_bytes())
                .chain_update(salt)
                .chain_update(&self.text)
                .finalize()
                .into()
        };
        let family = self.family.unwrap_or_else(|| {
            let mut family = [0; FAMILY_BYTES];
            family.copy_from_slice(&derive("docent refresh family")[..FAMILY_BYTES]);
            family
        });
        Self::new(family, derive("docent refresh token"))
    }

    /// A new salt for [`successor`](Self::successor).
    #[must_use]
    pub fn salt() -> String {
        URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>())
    }

    /// What is stored instead of the token: its SHA-256, 64 hexadecimal digits. The token is random, so the digest needs no
    /// salt and can be looked up.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.text))
    }

    /// What is kept of the token: its digest, and that of its family.
    #[must_use]
    pub fn names(&self) -> TokenNames {
        TokenNames { digest: self.digest(), family: self.family.map(|family| hex::encode(Sha256::digest(family))) }
    }
}

impl FromStr for RefreshToken {
    type Err = TokenError;

    /// Reads a token. Only the text that `generate` could have written, now or earlier, is accepted.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError::Invalid)?;
        let family = match bytes.len() {
            SECRET_BYTES => None,
            LENGTH => bytes.first_chunk().copied(),
            _ => return Err(TokenError::Invalid),
        };
        Ok(Self { text: text.to_owned(), family })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RefreshToken(***)")
    }
}

const KEY_FILE: &str = "signing.key";
const PREVIOUS_KEY_FILE: &str = "signing.previous.key";

/// The keys for access tokens: the configured ones (`auth.signing_secret`, `auth.previous_signing_secrets`), or those in
/// the data directory, where the first is made when it is not there. The caller holds the lock of the data directory.
///
/// # Errors
/// When a file can't be read or written, or does not hold a key.
pub fn load_or_create_keys(configured: Option<&str>, previous: &[String], data_dir: &Path) -> io::Result<KeyRing> {
    let previous = previous.iter().map(|secret| secret.as_bytes().to_vec());
    if let Some(secret) = configured {
        return Ok(KeyRing { current: secret.as_bytes().to_vec(), previous: previous.collect() });
    }
    let current = match key_file::read(&data_dir.join(KEY_FILE))? {
        Some(secret) => secret,
        None => create_key(data_dir)?,
    };
    let kept = key_file::read(&data_dir.join(PREVIOUS_KEY_FILE))?;
    Ok(KeyRing { current, previous: previous.chain(kept).collect() })
}

/// Creates a new key in the data directory. The previous one stays valid for verification until the next rotation. The
/// caller holds the lock of the data directory.
///
/// # Errors
/// As [`load_or_create_keys`].
pub fn rotate_key(data_dir: &Path) -> io::Result<()> {
    if let Some(current) = key_file::read(&data_dir.join(KEY_FILE))? {
        key_file::write(&data_dir.join(PREVIOUS_KEY_FILE), &current)?;
    }
    create_key(data_dir).map(|_| ())
}

fn create_key(data_dir: &Path) -> io::Result<Vec<u8>> {
    key_file::create(&data_dir.join(KEY_FILE))
}
