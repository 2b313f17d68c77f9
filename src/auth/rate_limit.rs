//! Rate limits: token buckets in memory.
//!
//! They are our own, because each key can have its own quota, clients see what is left, attempts can be returned, and
//! time comes from the application's clock. Existing libraries fix one of these.

use std::{
    hash::Hash,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use lru::LruCache;
use sha2::{Digest, Sha256};

use super::viewer::Viewer;
use crate::{
    domain::{
        client::Subnet,
        id::{ApiKeyId, UserId},
        name,
    },
    error::Error,
};

/// Maximum number of buckets; the least recently used one is dropped first.
const MAX_BUCKETS: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();

/// The refill rate and size of a bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    pub per_minute: u32,
    pub burst: u32,
}

/// The buckets of many callers.
#[derive(Debug)]
pub struct Buckets<K: Hash + Eq>(Mutex<LruCache<K, Bucket>>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Points that were taken and are not refilled yet.
    taken: f64,
    at: DateTime<Utc>,
}

impl Bucket {
    fn at(self, quota: Quota, now: DateTime<Utc>) -> Self {
        let seconds = (now - self.at).as_seconds_f64().max(0.0);
        Self { taken: (self.taken - seconds * f64::from(quota.per_minute) / 60.0).max(0.0), at: now }
    }
}

impl<K: Hash + Eq> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(MAX_BUCKETS)))
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Takes `points` out of a bucket.
    ///
    /// # Errors
    /// `RateLimited` when there is less in it; nothing is taken then.
    pub fn take(&self, key: K, points: u32, quota: Quota, now: DateTime<Utc>) -> Result<(), Error> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get_or_insert_mut(key, || Bucket { taken: 0.0, at: now });
        *bucket = bucket.at(quota, now);
        let missing = bucket.taken + f64::from(points) - f64::from(quota.burst);
        if missing <= 0.0 {
            bucket.taken += f64::from(points);
            return Ok(());
        }
        let seconds = missing * 60.0 / f64::from(quota.per_minute.max(1));
        // A whole number of seconds, and one at least.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and a day")]
        Err(Error::RateLimited { retry_after_seconds: seconds.ceil().clamp(1.0, 86_400.0) as u64 })
    }

    /// Returns `points` that were taken without need.
    pub fn give_back(&self, key: &K, points: u32) {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.taken = (bucket.taken - f64::from(points)).max(0.0);
        }
    }

    /// What is in a bucket.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the burst")]
    pub fn remaining(&self, key: &K, quota: Quota, now: DateTime<Utc>) -> u32 {
        let buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = buckets.peek(key).map_or(0.0, |bucket| bucket.at(quota, now).taken);
        (f64::from(quota.burst) - taken).max(0.0) as u32
    }
}

/// Whose bucket a request is charged to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Payer {
    User(UserId),
    Key(ApiKeyId),
    /// An anonymous caller; `None` if the connection does not have an address.
    Address(Option<Subnet>),
}

impl Payer {
    /// The account of a caller, whichever of its keys they use; without one, their address.
    #[must_use]
    pub fn account(viewer: &Viewer) -> Self {
        match &viewer.user {
            Some(user) => Self::User(user.id),
            None => Self::Address(viewer.client.subnet()),
        }
    }
}

/// An account as logins name it, whether or not there is one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct LoginName([u8; 32]);

impl LoginName {
    fn new(login: &str) -> Self {
        Self(Sha256::digest(name::folded(login.trim())).into())
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum LoginBucket {
    Address(Option<Subnet>),
    /// Attempts on an account from wherever it was not used before.
    Strangers(LoginName),
    /// Attempts on an account from an address that its user logged in from.
    Known(LoginName, Option<Subnet>),
}

/// Limits password guessing. Anyone can drain an account's bucket, so addresses that the user has logged in from get
/// their own: guessing can't lock the user out.
#[derive(Debug)]
pub struct LoginLimiter {
    buckets: Buckets<LoginBucket>,
    for_account: Quota,
    for_address: Quota,
}

/// An attempt that was let in.
#[derive(Debug)]
#[must_use = "a login that succeeded gives its attempt back"]
pub struct Attempt([LoginBucket; 2]);

impl LoginLimiter {
    /// A limiter with so many attempts a minute.
    #[must_use]
    pub fn new(per_account: u32, per_address: u32) -> Self {
        let quota = |attempts| Quota { per_minute: attempts, burst: attempts };
        Self { buckets: Buckets::default(), for_account: quota(per_account), for_address: quota(per_address) }
    }

    /// Counts an attempt to log in. `is_known` says whether the account's user logged in from the address before.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn admit_login(
        &self,
        login: &str,
        address: Option<Subnet>,
        is_known: bool,
        now: DateTime<Utc>,
    ) -> Result<Attempt, Error> {
        let name = LoginName::new(login);
        let account = if is_known { LoginBucket::Known(name, address) } else { LoginBucket::Strangers(name) };
        let attempt = Attempt([LoginBucket::Address(address), account]);
        let [address, account] = &attempt.0;
        self.buckets.take(address.clone(), 1, self.for_address, now)?;
        self.buckets.take(account.clone(), 1, self.for_account, now)?;
        Ok(attempt)
    }

    /// Counts a registration.
    ///
    /// # Errors
    /// `RateLimited`.
    pub fn admit_registration(&self, address: Option<Subnet>, now: DateTime<Utc>) -> Result<(), Error> {
        self.buckets.take(LoginBucket::Address(address), 1, self.for_address, now)
    }

    /// An attempt that succeeded was no guess.
    pub fn succeeded(&self, attempt: Attempt) {
        for bucket in attempt.0 {
            self.buckets.give_back(&bucket, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use chrono::TimeDelta;

    use super::*;

    const QUOTA: Quota = Quota { per_minute: 60, burst: 10 };

    fn start() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_what_flows_in() {
        let (buckets, now) = (Buckets::default(), start());
        buckets.take("ada", 7, QUOTA, now).unwrap();
        assert_eq!(buckets.remaining(&"ada", QUOTA, now), 3);
        let refusal = buckets.take("ada", 5, QUOTA, now).unwrap_err();
        assert_eq!(refusal.retry_after_seconds(), Some(2));
        assert_eq!(buckets.remaining(&"ada", QUOTA, now), 3);
        buckets.take("ada", 5, QUOTA, now + TimeDelta::seconds(2)).unwrap();
        assert_eq!(buckets.remaining(&"ada", QUOTA, now + TimeDelta::hours(1)), 10);
    }

    #[test]
    fn a_bucket_is_nobody_elses() {
        let (buckets, now) = (Buckets::default(), start());
        buckets.take("ada", 10, QUOTA, now).unwrap();
        assert!(buckets.take("ada", 1, QUOTA, now).is_err());
        buckets.take("bob", 10, QUOTA, now).unwrap();
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
        let (buckets, now) = (Buckets::default(), start());
        buckets.take("ada", 4, QUOTA, now).unwrap();
        assert_eq!(buckets.remaining(&"ada", QUOTA, now - TimeDelta::hours(1)), 6);
    }

    #[test]
    fn guessing_from_everywhere_does_not_lock_the_owner_out() {
        let (limiter, now) = (LoginLimiter::new(10, 30), start());
        let address = |number: u8| Some(Subnet::of(IpAddr::from([10, 0, 0, number])));
        let guesses =
            (0..100).filter(|number| limiter.admit_login("ada", address(*number), false, now).is_ok()).count();
        assert_eq!(guesses, 10);
        let own = limiter.admit_login("Ada ", address(200), true, now).unwrap();
        limiter.succeeded(own);
    }

    #[test]
    fn one_address_may_guess_so_often_whatever_the_account() {
        let (limiter, now) = (LoginLimiter::new(10, 30), start());
        let address = Some(Subnet::of(IpAddr::from([10, 0, 0, 1])));
        let guesses =
            (0..100).filter(|number| limiter.admit_login(&number.to_string(), address, false, now).is_ok()).count();
        assert_eq!(guesses, 30);
    }

    #[test]
    fn logins_that_succeed_are_not_counted() {
        let (limiter, now) = (LoginLimiter::new(2, 2), start());
        for _ in 0..100 {
            let attempt = limiter.admit_login("ada", None, false, now).unwrap();
            limiter.succeeded(attempt);
        }
    }
}
