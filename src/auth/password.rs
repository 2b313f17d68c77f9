//! Passwords: what they must be like, and their hashes (Argon2id as PHC strings). Plain passwords are never kept, logged
//! or shown.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use tokio::sync::Semaphore;

/// KiB of memory, passes and lanes of one hash: OWASP's first choice for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Random bytes that make two hashes of one password different.
const SALT_BYTES: usize = 16;

/// Characters that a password may have.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=128;

/// The 10,000 most common passwords, in lower case; `common_passwords.LICENSE` says where they come from.
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// Checks a password that a user chose.
///
/// # Errors
/// A sentence for the user.
pub fn check_password(password: &str) -> Result<(), &'static str> {
    if !LENGTH.contains(&password.chars().count()) {
        return Err("Choose a password of 8 to 128 characters.");
    }
    if COMMON.contains(password.to_lowercase().as_str()) {
        return Err("This password is too common. Choose another.");
    }
    Ok(())
}

/// Why a password could not be hashed. Nothing here depends on the password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    #[error("the password could not be hashed: {0}")]
    Hash(password_hash::Error),
    #[error("the password could not be hashed because the server is stopping")]
    Stopped,
}

/// Hashes and verifies passwords on the blocking pool, only so many at the same time, because each takes 19 MiB. That
/// memory is kept for the next one: an allocator that gets blocks of this size from many threads holds on to a gigabyte.
#[derive(Clone)]
pub struct PasswordHasher {
    slots: Arc<Semaphore>,
    /// Memory that no slot uses at the moment.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
    /// The hash of no one's password. Verifying against it makes an unknown user as slow as a wrong password.
    nobody: Arc<str>,
}

impl PasswordHasher {
    /// A hasher that computes at most `concurrency` hashes at the same time. Computes one at once, which takes some
    /// ten milliseconds.
    ///
    /// # Errors
    /// When the machine gives no memory or no random bytes.
    pub fn new(concurrency: usize) -> Result<Self, PasswordError> {
        let mut memory = Vec::new();
        let nobody = hash("", &mut memory).map_err(PasswordError::Hash)?;
        Ok(Self {
            slots: Arc::new(Semaphore::new(concurrency.max(1))),
            memory: Arc::new(Mutex::new(vec![memory])),
            nobody: nobody.into(),
        })
    }

    /// The hash of a password, with a new salt from the operating system, as a PHC string.
    ///
    /// # Errors
    /// When the machine gives no memory or no random bytes, or the server is stopping.
    pub async fn hash(&self, password: &str) -> Result<String, PasswordError> {
        let password = password.to_owned();
        self.run(move |memory| hash(&password, memory)).await?.map_err(PasswordError::Hash)
    }

    /// Whether `password` is the one that `hash` was made from. With `None`, for an unknown user, the answer is `false`
    /// and takes as long.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> bool {
        let is_known = hash.is_some();
        let password = password.to_owned();
        let hash = hash.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let matches = self.run(move |memory| matches(&password, &hash, memory).unwrap_or(false)).await;
        matches.is_ok_and(|matches| matches && is_known)
    }

    /// Runs `work` when a slot is free. The work itself holds the slot. If the caller has gone away, the computation
    /// still runs, so the next one must not get its memory yet.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| PasswordError::Stopped)?;
        let free = Arc::clone(&self.memory);
        let task = tokio::task::spawn_blocking(move || {
            let mut memory = free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            let value = work(&mut memory);
            free.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
            drop(slot);
            value
        });
        task.await.map_err(|_| PasswordError::Stopped)
    }
}

impl fmt::Debug for PasswordHasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PasswordHasher").finish_non_exhaustive()
    }
}

fn hash(password: &str, memory: &mut Vec<Block>) -> Result<String, password_hash::Error> {
    let (kibibytes, passes, lanes) = COST;
    let params = Params::new(kibibytes, passes, lanes, Some(Params::DEFAULT_OUTPUT_LEN))?;
    let salt = Salt::new(&rand::random::<[u8; SALT_BYTES]>())?;
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let hash = PasswordHash {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(salt),
        hash: Some(digest(password, &salt, (algorithm, version, params), memory)?),
    };
    Ok(hash.to_string())
}

/// Whether the password matches the hash, compared in constant time. The cost is read from the hash, so that existing
/// hashes stay valid when the default cost changes.
fn matches(password: &str, hash: &str, memory: &mut Vec<Block>) -> Result<bool, password_hash::Error> {
    let hash = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (hash.salt, hash.hash) else { return Ok(false) };
    let algorithm = Algorithm::try_from(hash.algorithm.as_str())?;
    let version = hash.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let params = Params::try_from(&hash)?;
    Ok(digest(password, &salt, (algorithm, version, params), memory)? == expected)
}

fn digest(
    password: &str,
    salt: &Salt,
    (algorithm, version, params): (Algorithm, Version, Params),
    memory: &mut Vec<Block>,
) -> Result<Output, password_hash::Error> {
    memory.resize(params.block_count(), Block::default());
    let mut buffer = [0; Output::MAX_LENGTH];
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let output = buffer.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, memory)?;
    Ok(Output::new(output)?)
}
