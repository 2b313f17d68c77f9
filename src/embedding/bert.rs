//! BERT's encoder, from token ids to sentence embeddings.
//!
//! All texts of a batch lie one after the other in one matrix, a row for each token, without padding: the linear layers
//! don't care where one text ends, and attention looks at each text by itself. So a batch costs what its tokens cost,
//! whatever the lengths of its texts.
//!
//! A pass works in buffers that the next one uses again: new ones would have to be cleared, layer by layer.
//! Must not know about files, threads or tokenisers.

use std::sync::{Mutex, PoisonError};

use docent_kernels::{
    arithmetic::{self, LayerNorm},
    matrix::{Matrix, multiply},
};
use serde::{Deserialize, Serialize};

use super::{
    linear::Linear,
    weights::{Weights, WeightsError},
};
use crate::domain::generation::{Pooling, Precision};

/// The shape of a BERT encoder, from its `config.json`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Architecture {
    pub layers: usize,
    pub heads: usize,
    pub hidden_size: usize,
    pub layer_norm_epsilon: f32,
}

/// A BERT encoder with its weights. Threads may share it.
pub struct Encoder {
    architecture: Architecture,
    pooling: Pooling,
    words: Vec<f32>,
    /// Position embeddings, each with the embedding of the first token type added: there is only one type here.
    positions: Vec<f32>,
    norm: LayerNorm,
    layers: Vec<Layer>,
    /// Buffers that no pass is using.
    idle: Mutex<Vec<Buffers>>,
}

/// Why a text can't be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EncoderError {
    #[error("the vocabulary of the model has no token {0}")]
    UnknownToken(u32),
    #[error("a text has {0} tokens, more than the model has positions")]
    TooLong(usize),
}

struct Layer {
    attention_input: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

/// What a pass works in. The buffers are as large as the largest batch so far needed them.
#[derive(Default)]
struct Buffers {
    /// What a layer reads, and writes in the end.
    hidden: Vec<f32>,
    /// What its attention has made of that.
    attended: Vec<f32>,
    /// First its queries, keys, values and what they give, then its intermediate values.
    wide: Vec<f32>,
    /// How much each token of a text attends to each other, for one head.
    scores: Vec<f32>,
}

impl Encoder {
    /// Reads the weights from the content of a safetensors file.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn load(file: &[u8], architecture: Architecture, precision: Precision) -> Result<Self, WeightsError> {
        let weights = ModelWeights { weights: Weights::read(file)?, architecture, precision };
        let width = architecture.hidden_size;
        let types = weights.matrix("embeddings.token_type_embeddings.weight", width)?;
        let mut positions = weights.matrix("embeddings.position_embeddings.weight", width)?;
        arithmetic::add_bias(&mut positions, width, &types[..width]);
        Ok(Self {
            architecture,
            pooling: Pooling::Mean,
            words: weights.matrix("embeddings.word_embeddings.weight", width)?,
            positions,
            norm: weights.layer_norm("embeddings.LayerNorm")?,
            layers: (0..architecture.layers).map(|index| Layer::load(&weights, index)).collect::<Result<_, _>>()?,
            idle: Mutex::default(),
        })
    }

    /// The same encoder, with another way to make one vector of those of the tokens.
    #[must_use]
    pub fn with_pooling(self, pooling: Pooling) -> Self {
        Self { pooling, ..self }
    }

    /// The sentence embedding of each text, of length 1: the mean over its tokens, or the vector of the first one. Every text has a token at least.
    ///
    /// # Errors
    /// If a text has a token that the vocabulary lacks, or more tokens than the model has positions.
    pub fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.check(texts)?;
        let mut buffers = self.take_buffers();
        self.forward(texts, &mut buffers);

        let width = self.architecture.hidden_size;
        let mut rest = buffers.hidden.as_slice();
        let mut embeddings = Vec::with_capacity(texts.len());
        for text in texts {
            let (rows, others) = rest.split_at(text.len() * width);
            let pooled = match self.pooling {
                Pooling::Mean | Pooling::Remote => rows,
                Pooling::Cls => &rows[..width],
            };
            embeddings.push(arithmetic::mean_direction(pooled, width));
            rest = others;
        }
        self.return_buffers(buffers);
        Ok(embeddings)
    }

    fn check(&self, texts: &[&[u32]]) -> Result<(), EncoderError> {
        let width = self.architecture.hidden_size;
        let (words, positions) = (self.words.len() / width, self.positions.len() / width);
        for text in texts {
            if text.len() > positions {
                return Err(EncoderError::TooLong(text.len()));
            }
            if let Some(id) = text.iter().find(|id| **id as usize >= words) {
                return Err(EncoderError::UnknownToken(*id));
            }
        }
        Ok(())
    }

    /// Leaves the hidden state of every token after the last layer in `buffers.hidden`.
    fn forward(&self, texts: &[&[u32]], buffers: &mut Buffers) {
        let width = self.architecture.hidden_size;
        let tokens: usize = texts.iter().map(|text| text.len()).sum();
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or_default();
        let widest = self.layers.iter().map(|layer| layer.intermediate.outputs()).max().unwrap_or_default();
        let hidden = first(&mut buffers.hidden, tokens * width);
        let attended = first(&mut buffers.attended, tokens * width);
        let wide = first(&mut buffers.wide, tokens * widest.max(4 * width));
        let scores = first(&mut buffers.scores, longest * longest);

        self.look_up(texts, hidden);
        for layer in &self.layers {
            layer.attend(texts, self.architecture, hidden, wide, scores, attended);
            layer.transform(attended, wide, hidden);
        }
    }

    /// Writes the embedding of every token to `hidden`.
    fn look_up(&self, texts: &[&[u32]], hidden: &mut [f32]) {
        let width = self.architecture.hidden_size;
        let mut rest = hidden;
        for text in texts {
            let (rows, others) = rest.split_at_mut(text.len() * width);
            for (row, id) in rows.chunks_exact_mut(width).zip(*text) {
                row.copy_from_slice(&self.words[*id as usize * width..][..width]);
            }
            let no_bias = [];
            self.norm.add_and_normalise(rows, &self.positions, &no_bias);
            rest = others;
        }
    }

    fn take_buffers(&self) -> Buffers {
        // What lies here is never half changed, so a panic elsewhere does not spoil it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn return_buffers(&self, buffers: Buffers) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
    }
}

impl Layer {
    fn load(weights: &ModelWeights, index: usize) -> Result<Self, WeightsError> {
        let width = weights.architecture.hidden_size;
        let prefix = format!("encoder.layer.{index}");
        let intermediate = weights.linear(&format!("{prefix}.intermediate.dense"), width)?;
        Ok(Self {
            attention_input: weights.attention_input(&format!("{prefix}.attention.self"))?,
            attention_output: weights.attention_output(&format!("{prefix}.attention"))?,
            attention_norm: weights.layer_norm(&format!("{prefix}.attention.output.LayerNorm"))?,
            output: weights.linear(&format!("{prefix}.output.dense"), intermediate.outputs())?,
            intermediate,
            output_norm: weights.layer_norm(&format!("{prefix}.output.LayerNorm"))?,
        })
    }

    /// Multi-head attention of every text over itself, from `hidden` to `attended`.
    fn attend(
        &self,
        texts: &[&[u32]],
        architecture: Architecture,
        hidden: &[f32],
        wide: &mut [f32],
        scores: &mut [f32],
        attended: &mut [f32],
    ) {
        let Architecture { heads, hidden_size: width, .. } = architecture;
        let (projected, rest) = wide.split_at_mut(3 * hidden.len());
        let context = &mut rest[..hidden.len()];
        let block = self.attention_input.block_rows() * width;
        for (hidden, projected) in hidden.chunks(block).zip(projected.chunks_mut(3 * block)) {
            self.attention_input.apply(hidden, projected);
            arithmetic::add_bias(projected, 3 * width, &self.attention_input.bias);
        }

        let size = width / heads;
        let mut start = 0;
        for text in texts {
            let length = text.len();
            let rows = &projected[start * 3 * width..][..length * 3 * width];
            let context = &mut context[start * width..][..length * width];
            let scores = &mut scores[..length * length];
            for head in 0..heads {
                // The head's part of the queries, the keys or the values: a view, nothing is copied.
                let part = |part: usize| Matrix::new(&rows[part * width + head * size..], length, size, 3 * width);
                multiply(part(0), part(1).transposed(), scores, length);
                arithmetic::softmax(scores, length);
                multiply(Matrix::new(scores, length, length, length), part(2), &mut context[head * size..], width);
            }
            start += length;
        }

        let block = self.attention_output.block_rows() * width;
        for ((context, hidden), attended) in
            context.chunks(block).zip(hidden.chunks(block)).zip(attended.chunks_mut(block))
        {
            self.attention_output.apply(context, attended);
            self.attention_norm.add_and_normalise(attended, hidden, &self.attention_output.bias);
        }
    }

    /// The two layers after attention, from `attended` to `hidden`.
    fn transform(&self, attended: &[f32], wide: &mut [f32], hidden: &mut [f32]) {
        let width = self.output.outputs();
        let block = self.output.block_rows() * width;
        for (attended, hidden) in attended.chunks(block).zip(hidden.chunks_mut(block)) {
            let intermediate = &mut wide[..attended.len() / width * self.intermediate.outputs()];
            self.intermediate.apply(attended, intermediate);
            arithmetic::add_bias_gelu(intermediate, &self.intermediate.bias);
            self.output.apply(intermediate, hidden);
            self.output_norm.add_and_normalise(hidden, attended, &self.output.bias);
        }
    }
}

/// The first `length` values of a buffer that grows when it is shorter.
fn first(buffer: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if buffer.len() < length {
        buffer.resize(length, 0.0);
    }
    &mut buffer[..length]
}

/// The weights of a model, and how they are put together.
struct ModelWeights<'a> {
    weights: Weights<'a>,
    architecture: Architecture,
    precision: Precision,
}

impl ModelWeights<'_> {
    fn matrix(&self, name: &str, columns: usize) -> Result<Vec<f32>, WeightsError> {
        self.weights.matrix(name, columns)
    }

    fn linear(&self, name: &str, inputs: usize) -> Result<Linear, WeightsError> {
        let weight = self.matrix(&format!("{name}.weight"), inputs)?;
        let bias = self.weights.vector(&format!("{name}.bias"), weight.len() / inputs)?;
        Ok(Linear::new(&weight, inputs, bias, self.precision))
    }

    /// The projections to queries, keys and values as one, so that one multiplication does all three. Attention divides
    /// the product of query and key by the root of the size of a head: the queries' weights carry that already.
    ///
    /// Only queries have a bias here. One of the keys adds the same to all scores of a token, which changes no weight; and
    /// as the weights of a token sum to 1, `attention_output` can add what one of the values gives.
    #[expect(clippy::cast_precision_loss, reason = "heads have far fewer than 2^23 components")]
    fn attention_input(&self, name: &str) -> Result<Linear, WeightsError> {
        let Architecture { heads, hidden_size: width, .. } = self.architecture;
        let scale = 1.0 / ((width / heads) as f32).sqrt();
        let mut weight = self.matrix(&format!("{name}.query.weight"), width)?;
        let mut bias = self.weights.vector(&format!("{name}.query.bias"), width)?;
        for value in weight.iter_mut().chain(&mut bias) {
            *value *= scale;
        }
        weight.extend(self.matrix(&format!("{name}.key.weight"), width)?);
        weight.extend(self.matrix(&format!("{name}.value.weight"), width)?);
        Ok(Linear::new(&weight, width, bias, self.precision))
    }

    /// The layer after attention. Its bias contains its product with the bias of the values.
    fn attention_output(&self, name: &str) -> Result<Linear, WeightsError> {
        let width = self.architecture.hidden_size;
        let weight = self.matrix(&format!("{name}.output.dense.weight"), width)?;
        let mut bias = self.weights.vector(&format!("{name}.output.dense.bias"), width)?;
        let values = self.weights.vector(&format!("{name}.self.value.bias"), width)?;
        for (bias, weight) in bias.iter_mut().zip(weight.chunks_exact(width)) {
            *bias += weight.iter().zip(&values).map(|(weight, value)| weight * value).sum::<f32>();
        }
        Ok(Linear::new(&weight, width, bias, self.precision))
    }

    fn layer_norm(&self, name: &str) -> Result<LayerNorm, WeightsError> {
        let width = self.architecture.hidden_size;
        Ok(LayerNorm {
            weight: self.weights.vector(&format!("{name}.weight"), width)?,
            bias: self.weights.vector(&format!("{name}.bias"), width)?,
            epsilon: self.architecture.layer_norm_epsilon,
        })
    }
}
