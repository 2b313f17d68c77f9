//! The job that makes the vector store hold what the database says of a collection.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::CollectionId,
    job::{JobPriority, Lane},
};

/// Compares the chunks and points of a collection one by one, and repairs the points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reconcile {
    pub collection: CollectionId,
}

impl Job for Reconcile {
    const KIND: &'static str = "reconcile";
    const LANE: Lane = Lane::Maintenance;

    fn priority(&self) -> JobPriority {
        JobPriority::Background
    }

    fn subject(&self) -> Option<String> {
        Some(self.collection.to_string())
    }
}
