//! The job that removes a retired generation.

use serde::{Deserialize, Serialize};

use super::Job;
use crate::domain::{
    id::GenerationId,
    job::{JobPriority, Lane},
};

/// Removes a generation whose time of grace is over, with its chunks and points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DropGeneration {
    pub generation: GenerationId,
}

impl Job for DropGeneration {
    const KIND: &'static str = "drop_generation";
    const LANE: Lane = Lane::Maintenance;

    fn priority(&self) -> JobPriority {
        JobPriority::Background
    }

    fn subject(&self) -> Option<String> {
        Some(self.generation.to_string())
    }
}
