//! The steps of one document, as plain functions on values: text to passages, passages to what is embedded, stored and
//! indexed. Nothing here reads or writes anything.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use crate::{
    chunking,
    db::repo::chunks::NewChunk,
    domain::{
        chunk::Chunk,
        chunking::{ChunkingConfig, TextChunk},
        id::{ChunkId, CollectionId, DocumentId, GenerationId},
    },
    embedding::{EmbeddingError, Tokenizer},
    extract::ExtractedText,
    vector::Point,
};

/// Which document, and which version of it, the passages are made for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub collection: CollectionId,
    pub generation: GenerationId,
    pub document: DocumentId,
    pub revision: i32,
}

/// A passage with its id and what is embedded for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Passage {
    pub id: ChunkId,
    pub chunk: TextChunk,
    /// The headings above the passage and the passage: what the model reads and the lexical leg indexes.
    pub text: String,
    /// SHA-256 of `text`; equal digests have equal embeddings.
    pub digest: String,
}

/// Cuts a text into passages.
///
/// # Errors
/// When the text can't be tokenised.
pub fn passages(
    target: Target,
    text: &ExtractedText,
    config: &ChunkingConfig,
    tokenizer: &dyn Tokenizer,
) -> Result<Vec<Passage>, EmbeddingError> {
    let chunks = chunking::split(text, config, tokenizer)?;
    Ok((0_u32..)
        .zip(chunks)
        .map(|(index, chunk)| {
            let text = in_context(&chunk);
            Passage {
                id: ChunkId::derive(target.generation, target.document, target.revision, index),
                digest: hex::encode(Sha256::digest(&text)),
                text,
                chunk,
            }
        })
        .collect())
}

/// A passage below its headings. A passage out of the middle of a document rarely says what it is about; its headings do.
fn in_context(chunk: &TextChunk) -> String {
    let mut text = String::new();
    for heading in &chunk.headings {
        // The first passage below a heading has it in its own text.
        if !chunk.content.lines().any(|line| line.trim_start_matches('#').trim() == heading) {
            text.push_str(heading);
            text.push('\n');
        }
    }
    text.push_str(&chunk.content);
    text
}

/// What has to be embedded, and what is known already by its digest.
#[derive(Clone, PartialEq, Debug)]
pub struct EmbeddingPlan {
    /// The texts without an embedding, each once.
    pub missing: Vec<String>,
    digests: Vec<String>,
}

/// Finds out which passages need the model. `known` holds embeddings by digest.
#[must_use]
pub fn plan_embeddings(passages: &[Passage], known: &HashMap<String, Vec<f32>>) -> EmbeddingPlan {
    let mut plan = EmbeddingPlan { missing: Vec::new(), digests: Vec::new() };
    for passage in passages {
        if !known.contains_key(&passage.digest) && !plan.digests.contains(&passage.digest) {
            plan.missing.push(passage.text.clone());
            plan.digests.push(passage.digest.clone());
        }
    }
    plan
}

impl EmbeddingPlan {
    /// Adds the embeddings of `missing`, in its order, to the known ones.
    pub fn fulfil(self, embeddings: Vec<Vec<f32>>, known: &mut HashMap<String, Vec<f32>>) {
        known.extend(self.digests.into_iter().zip(embeddings));
    }
}

/// The points that stand for passages in the vector store. Passages without an embedding in `known` are left out.
#[must_use]
pub fn points(target: Target, passages: &[Passage], known: &HashMap<String, Vec<f32>>) -> Vec<Point> {
    passages
        .iter()
        .filter_map(|passage| {
            Some(Point {
                id: passage.id,
                generation: target.generation,
                document: target.document,
                revision: target.revision,
                embedding: known.get(&passage.digest)?.clone(),
                text: passage.text.clone(),
            })
        })
        .collect()
}

/// The rows that stand for passages in the database.
#[must_use]
pub fn rows(target: Target, passages: Vec<Passage>) -> Vec<NewChunk> {
    (0_i32..)
        .zip(passages)
        .map(|(index, passage)| NewChunk {
            digest: passage.digest,
            chunk: Chunk {
                id: passage.id,
                collection_id: target.collection,
                document_id: target.document,
                index,
                content: passage.chunk.content,
                token_count: to_i32(passage.chunk.token_count),
                start_offset: to_i32(passage.chunk.start_offset),
                end_offset: to_i32(passage.chunk.end_offset),
                headings: passage.chunk.headings,
                page: passage.chunk.page.map(to_i32),
                meta: serde_json::Value::Object(serde_json::Map::new()),
            },
        })
        .collect()
}

fn to_i32(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
