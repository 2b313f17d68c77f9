//! Generations.

use std::collections::HashMap;

use super::{GenerationList, TextIn, TextOf, load_by_key, load_under};
use crate::{
    db::{DatabaseError, Reader, repo::generations},
    domain::{
        generation::{Generation, StoredText},
        id::{CollectionId, GenerationId},
    },
};

load_by_key!(GenerationId => Generation: generations::find_many);
load_by_key!(TextOf => StoredText: texts);
load_by_key!(TextIn => StoredText: texts_in);
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

async fn texts_in(reader: &Reader<'_>, keys: &[TextIn]) -> Result<HashMap<TextIn, StoredText>, DatabaseError> {
    let places: Vec<_> = keys.iter().map(|key| (key.generation, key.document)).collect();
    let texts = generations::texts_in(reader, &places).await?;
    Ok(texts.into_iter().map(|((generation, document), text)| (TextIn { generation, document }, text)).collect())
}
