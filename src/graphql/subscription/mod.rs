//! Subscriptions.

mod operations;

use async_graphql::MergedSubscription;

use self::operations::OperationSubscription;

/// Events that can be followed. Each is sent as it happens, and its objects are read again for each event.
#[derive(Default, MergedSubscription)]
pub struct Subscription(OperationSubscription);
