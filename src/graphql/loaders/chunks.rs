//! Chunks.

use super::{ChunkKey, ChunkPlace, DocumentChunks, load_by_key, load_under};
use crate::{
    db::repo::chunks,
    domain::{
        chunk::Chunk,
        page::{Page, PageRequest},
    },
};

load_by_key!(ChunkKey => Chunk: chunks::find_many);
load_by_key!(ChunkPlace => Chunk: chunks::find_places);
load_under!(DocumentChunks, PageRequest<i32> => Page<Chunk>: chunks::list);
