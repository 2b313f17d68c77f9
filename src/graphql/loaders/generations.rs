//! Generations.

use std::collections::HashMap;

use super::{GenerationList, load_by_key, load_under};
use crate::{
    db::{DatabaseError, Reader, repo::generations},
    domain::{
        generation::Generation,
        id::{CollectionId, GenerationId},
    },
};

load_by_key!(GenerationId => Generation: generations::find_many);
load_under!(CollectionId, GenerationList => Vec<Generation>: of_collections);

async fn of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    _: &GenerationList,
) -> Result<HashMap<CollectionId, Vec<Generation>>, DatabaseError> {
    generations::of_collections(reader, collections).await
}
