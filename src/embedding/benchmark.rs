//! How fast an embedder is.

use std::time::{Duration, Instant};

use super::{Embedder, EmbeddingError};

/// What was embedded in which time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Throughput {
    pub texts: usize,
    /// Tokens that the model read, special ones included.
    pub tokens: usize,
    pub seconds: f64,
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
impl Throughput {
    #[must_use]
    pub fn tokens_per_second(&self) -> f64 {
        self.tokens as f64 / self.seconds
    }
}

/// Embeds `texts` as chunks, after a first one that is not counted.
///
/// # Errors
/// As the embedder's.
pub async fn benchmark(embedder: &dyn Embedder, texts: Vec<String>) -> Result<Throughput, EmbeddingError> {
    let tokenizer = embedder.tokenizer();
    let mut tokens = 0;
    for text in &texts {
        tokens += embedder.model().tokens_read(tokenizer.token_ranges(text)?.len());
    }
    embedder.embed_documents(texts.iter().take(1).cloned().collect()).await?;
    let count = texts.len();
    let started = Instant::now();
    embedder.embed_documents(texts).await?;
    Ok(Throughput { texts: count, tokens, seconds: started.elapsed().as_secs_f64() })
}

/// The median time of `count` questions of about 12 tokens, asked one after the other, each of them new.
///
/// # Errors
/// As the embedder's.
pub async fn question_time(embedder: &dyn Embedder, count: usize) -> Result<Duration, EmbeddingError> {
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        let question = format!("How does treatment {number} affect the growth of cells?");
        let started = Instant::now();
        embedder.embed_query(&question).await?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(count / 2).copied().unwrap_or_default())
}
