//! What can be followed.

mod operations;

use async_graphql::MergedSubscription;

use self::operations::OperationSubscription;

/// What can be followed. Events are sent as they happen, and what they lead to is read anew for each.
#[derive(Default, MergedSubscription)]
pub struct Subscription(OperationSubscription);
