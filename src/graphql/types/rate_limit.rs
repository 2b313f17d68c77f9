//! Rate limits.

use async_graphql::SimpleObject;

use super::number;
use crate::service::limits::Balance;

/// The viewer's rate limit. `extensions.cost` in every response is the cost of its request.
#[derive(SimpleObject)]
#[expect(clippy::struct_field_names, reason = "what is counted is said in every name of the contract")]
pub struct RateLimit {
    /// Refill rate in points per minute.
    points_per_minute: i32,
    /// Maximum number of points that can be spent at once.
    points_burst: i32,
    /// Points that are available now. A request that costs more fails with RATE_LIMITED.
    points_remaining: i32,
}

impl From<Balance> for RateLimit {
    fn from(balance: Balance) -> Self {
        Self {
            points_per_minute: number(balance.quota.per_minute),
            points_burst: number(balance.quota.burst),
            points_remaining: number(balance.remaining),
        }
    }
}
