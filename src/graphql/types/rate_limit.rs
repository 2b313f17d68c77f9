//! What callers may spend.

use async_graphql::SimpleObject;

use super::number;
use crate::service::limits::Balance;

/// What the viewer may spend. Every answer tells in `extensions.cost` what its request cost.
#[derive(SimpleObject)]
#[expect(clippy::struct_field_names, reason = "what is counted is said in every name of the contract")]
pub struct RateLimit {
    /// Points that flow back in a minute.
    points_per_minute: i32,
    /// The most points that can be spent at once.
    points_burst: i32,
    /// Points that are left now. A request that costs more is answered with RATE_LIMITED.
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
