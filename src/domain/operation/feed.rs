//! How far a follower of many operations has come.

use chrono::{DateTime, Utc};

use crate::domain::id::OperationId;

/// A position among the events of many operations. They have no common order: each operation numbers its own events, and
/// those of several are committed in any order. So a position is a moment that is long enough ago that nothing can be
/// added before it, and what is known of the operations with later events.
///
/// It is sent with every event, so it names only so many of them: those of which an event was sent last. Later events of others
/// come again to who continues from it; none is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FeedPosition {
    /// All events up to this moment are before the position.
    pub until: DateTime<Utc>,
    /// For operations with later events before the position: the number of the last of these. Each operation is there once.
    pub later: Vec<(OperationId, i32)>,
}

impl FeedPosition {
    /// The most operations with later events.
    pub const MOST_LATER: usize = 50;

    /// The position at a moment, with nothing later before it.
    #[must_use]
    pub fn at(until: DateTime<Utc>) -> Self {
        Self { until, later: Vec::new() }
    }
}
