//! The steps of one document, as plain functions on values: text to chunks, chunks to what is embedded and indexed.
//! Nothing here reads or writes anything.

use std::collections::{HashMap, HashSet};

use sha2::{Digest, Sha256};

use crate::{
    chunking,
    domain::{
        chunk::{Chunk, NewChunk},
        chunking::{ChunkingConfig, TextChunk},
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
    },
    embedding::Tokenizer,
    extract::ExtractedText,
    vector::Point,
};

pub use crate::chunking::{Bounds, Outline, SplitError, code_outline, drifts};

/// Which document, and which version of it, the chunks are made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub collection: CollectionId,
    pub generation: GenerationId,
    pub document: DocumentId,
    pub revision: i32,
}

/// Splits a text into the chunks of a document. May take seconds, so call it where blocking is allowed.
///
/// # Errors
/// As [`chunking::split`].
pub fn chunks(
    target: Target,
    text: &ExtractedText,
    config: &ChunkingConfig,
    outline: &Outline,
    tokenizer: &dyn Tokenizer,
    bounds: &Bounds,
) -> Result<Vec<NewChunk>, SplitError> {
    let chunks = chunking::split(text, config, outline, tokenizer, bounds)?;
    Ok((0_u32..).zip(chunks).map(|(index, chunk)| of_document(target, index, chunk)).collect())
}

fn of_document(target: Target, index: u32, chunk: TextChunk) -> NewChunk {
    NewChunk {
        digest: hex::encode(Sha256::digest(in_context(&chunk.headings, &chunk.content))),
        chunk: Chunk {
            id: ChunkId::derive(target.generation, target.document, target.revision, index),
            collection_id: target.collection,
            generation_id: target.generation,
            document_id: target.document,
            index: to_i32(index),
            content: chunk.content,
            token_count: to_i32(chunk.token_count),
            start_offset: to_i32(chunk.start_offset),
            end_offset: to_i32(chunk.end_offset),
            headings: chunk.headings,
            page: chunk.page.map(to_i32),
            parent: chunk.parent,
            meta: serde_json::Value::Object(serde_json::Map::new()),
        },
    }
}

/// What the model reads and the lexical leg indexes for each of these chunks. Equal digests have equal texts.
#[must_use]
pub fn texts(chunks: &[NewChunk]) -> Vec<String> {
    chunks.iter().map(|NewChunk { chunk, .. }| in_context(&chunk.headings, &chunk.content)).collect()
}

/// A chunk with its headings. A chunk from the middle of a document rarely names its subject; its headings do.
fn in_context(headings: &[String], content: &str) -> String {
    let mut text = String::new();
    for heading in headings {
        // The first chunk below a heading has it in its own text.
        let is_in = |line: &str| {
            let line = line.trim_start_matches('#').trim();
            line == heading || line.trim_matches('|').trim() == heading
        };
        if !content.lines().any(is_in) {
            text.push_str(heading);
            text.push('\n');
        }
    }
    text.push_str(content);
    text
}

/// What the model has to embed, each text once.
#[derive(Clone, PartialEq, Debug)]
pub struct EmbeddingPlan {
    pub texts: Vec<String>,
    /// The digest of each of the texts.
    pub digests: Vec<String>,
}

/// Finds out which chunks need the model. `texts` are theirs; `known` holds embeddings by digest.
#[must_use]
pub fn plan_embeddings(chunks: &[NewChunk], texts: &[String], known: &HashMap<String, Vec<f32>>) -> EmbeddingPlan {
    let mut planned = HashSet::new();
    let missing = chunks
        .iter()
        .zip(texts)
        .filter(|(chunk, _)| !known.contains_key(&chunk.digest) && planned.insert(chunk.digest.as_str()));
    let (texts, digests) = missing.map(|(chunk, text)| (text.clone(), chunk.digest.clone())).unzip();
    EmbeddingPlan { texts, digests }
}

/// The points that stand for chunks in the vector store. Chunks without an embedding in `known` are left out.
#[must_use]
pub fn points(
    target: Target,
    chunks: &[NewChunk],
    texts: Vec<String>,
    known: &HashMap<String, Vec<f32>>,
) -> Vec<Point> {
    chunks
        .iter()
        .zip(texts)
        .filter_map(|(NewChunk { chunk, digest }, text)| {
            Some(Point {
                id: chunk.id,
                generation: target.generation,
                document: target.document,
                revision: target.revision,
                embedding: known.get(digest)?.clone(),
                text,
            })
        })
        .collect()
}

fn to_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            collection: CollectionId::generate(),
            generation: GenerationId::generate(),
            document: DocumentId::generate(),
            revision: 1,
        }
    }

    fn chunk(target: Target, index: u32, content: &str) -> NewChunk {
        let content = content.to_owned();
        let (start_offset, end_offset, token_count) = (0, 0, 0);
        let (headings, page, parent) = (Vec::new(), None, None);
        let chunk = TextChunk { content, start_offset, end_offset, token_count, headings, page, parent };
        of_document(target, index, chunk)
    }

    #[test]
    fn planning_takes_the_time_of_its_length_however_many_digests_there_are() {
        let target = target();
        let chunks: Vec<_> = (0..200_000).map(|index| chunk(target, index, &index.to_string())).collect();
        let plan = plan_embeddings(&chunks, &texts(&chunks), &HashMap::new());
        assert_eq!((plan.texts.len(), plan.digests.len()), (200_000, 200_000));
    }

    #[test]
    fn a_text_is_embedded_once_and_not_at_all_if_it_is_known() {
        let target = target();
        let chunks: Vec<_> = (0..).zip(["a", "b", "a", "c"]).map(|(index, text)| chunk(target, index, text)).collect();
        let known = [(chunks[1].digest.clone(), vec![2.0])].into();
        let plan = plan_embeddings(&chunks, &texts(&chunks), &known);
        assert_eq!(plan.texts, ["a", "c"]);
        assert_eq!(plan.digests, [chunks[0].digest.clone(), chunks[3].digest.clone()]);
    }

    #[test]
    fn every_chunk_with_an_embedding_has_a_point_and_equal_chunks_have_equal_ones() {
        let target = target();
        let chunks: Vec<_> = (0..).zip(["a", "b", "a"]).map(|(index, text)| chunk(target, index, text)).collect();
        let known = [(chunks[0].digest.clone(), vec![1.0])].into();
        let points = points(target, &chunks, texts(&chunks), &known);
        let made: Vec<_> = points.iter().map(|point| (point.id, point.text.as_str(), point.embedding[0])).collect();
        assert_eq!(made, [(chunks[0].chunk.id, "a", 1.0), (chunks[2].chunk.id, "a", 1.0)]);
    }
}
