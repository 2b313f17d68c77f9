//! Secrets that are shown once: API keys, invitations and tokens for new passwords. Only their digest is kept.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

const SECRET_BYTES: usize = 32;
/// Characters of the random part by which people recognise a secret.
const RECOGNISED: usize = 8;

/// The kind of a secret. Its prefix shows the kind, so that scanners for leaked secrets recognise it as one of
/// Docent's.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SecretKind {
    /// The API, with some permissions of an account.
    ApiKey,
    /// A new account.
    Invitation,
    /// A new password for an account.
    PasswordReset,
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::ApiKey => "docent_key_",
            Self::Invitation => "docent_invite_",
            Self::PasswordReset => "docent_reset_",
        }
    }
}

/// A prefix and 256 random bits, written as 43 characters of base64url.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    kind: SecretKind,
    text: String,
}

impl Secret {
    /// A new secret.
    #[must_use]
    pub fn generate(kind: SecretKind) -> Self {
        let random = URL_SAFE_NO_PAD.encode(rand::random::<[u8; SECRET_BYTES]>());
        Self { kind, text: format!("{}{random}", kind.prefix()) }
    }

    /// Reads a secret. Only a text that `generate` could have written is one.
    #[must_use]
    pub fn parse(kind: SecretKind, text: &str) -> Option<Self> {
        let random = URL_SAFE_NO_PAD.decode(text.strip_prefix(kind.prefix())?).ok()?;
        (random.len() == SECRET_BYTES).then(|| Self { kind, text: text.to_owned() })
    }

    /// Whether a text looks like a secret of this kind.
    #[must_use]
    pub fn is_meant(kind: SecretKind, text: &str) -> bool {
        text.starts_with(kind.prefix())
    }

    /// The secret itself. Show it only to its owner.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The beginning, by which people recognise it.
    #[must_use]
    pub fn recognised(&self) -> String {
        self.text.chars().take(self.kind.prefix().len() + RECOGNISED).collect()
    }

    /// What is stored instead: the SHA-256, 64 hexadecimal digits. The secret is random, so the digest needs no salt.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(&self.text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(***)")
    }
}
