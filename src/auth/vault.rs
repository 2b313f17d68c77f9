//! Secrets of others that the server has to use again, such as those of buckets. They are stored sealed, with a key that is
//! not in the database: whoever reads the database, or a copy of it, can't read them.

use std::{fmt, io, path::Path};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use super::key_file;

const KEY_FILE: &str = "sources.key";

/// Seals secrets and opens them again.
pub struct Vault {
    key: LessSafeKey,
}

/// Why a secret can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[error("the secret can't be opened: it was sealed with another key, or for another use")]
pub struct VaultError;

impl Vault {
    /// The vault of the configured key, or of the one in the data directory, where it is made when it is not there. The
    /// caller holds the lock of the data directory.
    ///
    /// # Errors
    /// When the file can't be read or written, or does not hold a key.
    pub fn load_or_create(configured: Option<&str>, data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join(KEY_FILE);
        let secret = match configured {
            Some(secret) => secret.as_bytes().to_vec(),
            None => match key_file::read(&path)? {
                Some(secret) => secret,
                None => key_file::create(&path)?,
            },
        };
        Self::new(&secret).map_err(io::Error::other)
    }

    fn new(secret: &[u8]) -> Result<Self, VaultError> {
        let key = Sha256::new().chain_update("docent source secrets").chain_update(secret).finalize();
        let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| VaultError)?;
        Ok(Self { key: LessSafeKey::new(key) })
    }

    /// Seals a secret for one use. It can be opened only for the same.
    ///
    /// # Errors
    /// When the cryptography library fails, which it has no reason to.
    pub fn seal(&self, secret: &str, context: &str) -> Result<String, VaultError> {
        let nonce = rand::random::<[u8; NONCE_LEN]>();
        let mut sealed = secret.as_bytes().to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| VaultError)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a secret.
    ///
    /// # Errors
    /// When it was sealed with another key or for another use.
    pub fn open(&self, sealed: &str, context: &str) -> Result<String, VaultError> {
        let mut sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| VaultError)?;
        let (nonce, sealed) = sealed.split_first_chunk_mut::<NONCE_LEN>().ok_or(VaultError)?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(context.as_bytes()), sealed).map_err(|_| VaultError)?;
        String::from_utf8(opened.to_vec()).map_err(|_| VaultError)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_opened_only_with_its_key_and_for_its_use() {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault::load_or_create(None, directory.path()).unwrap();
        let sealed = vault.seal("hush", "a bucket").unwrap();
        assert!(!sealed.contains("hush") && sealed != vault.seal("hush", "a bucket").unwrap());
        let again = Vault::load_or_create(None, directory.path()).unwrap();
        assert_eq!(again.open(&sealed, "a bucket").unwrap(), "hush");
        assert!(again.open(&sealed, "another bucket").is_err());
        assert!(
            Vault::load_or_create(Some("another key"), directory.path()).unwrap().open(&sealed, "a bucket").is_err()
        );
        for broken in ["", "AAAA", &sealed[1..]] {
            assert!(vault.open(broken, "a bucket").is_err(), "{broken}");
        }
    }
}
