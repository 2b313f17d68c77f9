//! Generations.

use super::load_by_key;
use crate::{
    db::repo::generations,
    domain::{generation::Generation, id::GenerationId},
};

load_by_key!(GenerationId => Generation: generations::find_many);
