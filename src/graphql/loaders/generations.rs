//! Generations.

use std::collections::HashMap;

use super::{GenerationList, TextOf, load_by_key, load_under};
use crate::{
    db::{DatabaseError, Reader, repo::generations},
    domain::{
        generation::{Generation, StoredText},
        id::{CollectionId, GenerationId},
    },
};

load_by_key!(GenerationId => Generation: generations::find_many);
load_by_key!(TextOf => StoredText: texts);
load_under!(CollectionId, GenerationList => Vec<Generation>: of_collections);

async fn of_collections(
    reader: &Reader<'_>,
    collections: &[CollectionId],
    _: &GenerationList,
) -> Result<HashMap<CollectionId, Vec<Generation>>, DatabaseError> {
    generations::of_collections(reader, collections).await
}

async fn texts(reader: &Reader<'_>, keys: &[TextOf]) -> Result<HashMap<TextOf, StoredText>, DatabaseError> {
    let documents: Vec<_> = keys.iter().map(|key| key.0).collect();
    let texts = generations::texts(reader, &documents).await?;
    Ok(texts.into_iter().map(|(document, text)| (TextOf(document), text)).collect())
}
