//! Rate limits: points for requests, from a bucket for each caller.

use futures_util::FutureExt;

use super::Services;
use crate::{
    auth::{
        rate_limit::{Payer, Quota},
        viewer::{Credential, Viewer},
    },
    db::{Lane, repo::api_keys},
    error::Error,
};

/// A caller's bucket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Balance {
    pub quota: Quota,
    /// Points in it now.
    pub remaining: u32,
}

/// Takes the price of a request out of the caller's bucket, and out of their key's budget, where it has one.
///
/// # Errors
/// `RateLimited` when the bucket has less now, `LimitExceeded` when it never holds as much, or the budget has less.
pub async fn charge(services: &Services, viewer: &Viewer, points: u32) -> Result<(), Error> {
    let (payer, quota) = account(services, viewer);
    if points > quota.burst {
        let burst = quota.burst;
        let message = format!("The request costs {points} points; at most {burst} can be spent at once.");
        return Err(Error::LimitExceeded(message));
    }
    services.points.take(payer, points, quota, services.clock.now())?;
    let Some(key) = viewer.key().filter(|key| key.points_budget.is_some()) else { return Ok(()) };
    let (id, points) = (key.id, i64::from(points));
    if services.database.transaction(|tx| api_keys::spend(tx, id, points).boxed()).await? {
        return Ok(());
    }
    Err(Error::LimitExceeded("The budget of this API key is spent. Ask its owner for a new key.".into()))
}

/// The content of the caller's bucket.
#[must_use]
pub fn balance(services: &Services, viewer: &Viewer) -> Balance {
    let (payer, quota) = account(services, viewer);
    Balance { quota, remaining: services.points.remaining(&payer, quota, services.clock.now()) }
}

fn account(services: &Services, viewer: &Viewer) -> (Payer, Quota) {
    let limits = &services.config.limits;
    let own = Quota { per_minute: limits.points_per_minute, burst: limits.points_burst };
    match (&viewer.user, &viewer.credential) {
        (Some(_), Credential::Key(key)) => {
            let most = key.points_per_minute.and_then(|points| u32::try_from(points).ok());
            // A minute's worth at once.
            let quota = most
                .map_or(own, |points| Quota { per_minute: points.min(own.per_minute), burst: points.min(own.burst) });
            (Payer::Key(key.id), quota)
        }
        (Some(user), _) => (Payer::User(user.id), own),
        (None, _) => {
            let quota = Quota { per_minute: limits.anonymous_points_per_minute, burst: limits.anonymous_points_burst };
            (Payer::Address(viewer.client.subnet()), quota)
        }
    }
}

/// The share of the caller's statements: all keys of an account are one caller.
#[must_use]
pub fn lane(services: &Services, viewer: &Viewer) -> Lane {
    services.lanes.of(Payer::account(viewer))
}

/// The share of the caller's previews.
#[must_use]
pub fn previews(services: &Services, viewer: &Viewer) -> Lane {
    services.previews.of(Payer::account(viewer))
}
