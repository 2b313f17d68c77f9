//! BERT's encoder, from token ids to sentence embeddings.
//!
//! All texts of a batch lie one after the other in one matrix, a row for each token, without padding: the linear layers
//! don't care where one text ends, and attention looks at each text by itself. So a batch costs what its tokens cost,
//! whatever the lengths of its texts.
//!
//! candle multiplies the matrices and reads the weights; the rest of the arithmetic is in `kernels`.
//! Must not know about files, threads or tokenisers.

use std::collections::HashMap;

use candle_core::{CpuStorage, Device, InplaceOp1, InplaceOp2, Layout, Result, Tensor};

use super::kernels::{self, LayerNorm};

/// The shape of a BERT encoder, from its `config.json`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Architecture {
    pub layers: usize,
    pub heads: usize,
    pub hidden_size: usize,
    pub layer_norm_epsilon: f32,
}

/// A BERT encoder with its weights. Threads may share it.
pub struct Encoder {
    architecture: Architecture,
    words: Tensor,
    /// Position embeddings, each with the embedding of the first token type added: there is only one type here.
    positions: Tensor,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

struct Layer {
    attention_input: Linear,
    attention_output: Linear,
    attention_norm: LayerNorm,
    intermediate: Linear,
    output: Linear,
    output_norm: LayerNorm,
}

/// `x * weight + bias`; the bias is added by the operation that follows.
struct Linear {
    weight: Tensor,
    bias: Vec<f32>,
}

impl Encoder {
    /// Reads the weights from the content of a safetensors file.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    pub fn load(file: &[u8], architecture: Architecture) -> Result<Self> {
        let tensors = candle_core::safetensors::load_buffer(file, &Device::Cpu)?;
        let weights = Weights { tensors, architecture };
        let types = weights.tensor("embeddings.token_type_embeddings.weight")?.narrow(0, 0, 1)?;
        Ok(Self {
            architecture,
            words: weights.tensor("embeddings.word_embeddings.weight")?,
            positions: weights.tensor("embeddings.position_embeddings.weight")?.broadcast_add(&types)?,
            norm: weights.layer_norm("embeddings.LayerNorm")?,
            layers: (0..architecture.layers).map(|index| Layer::load(&weights, index)).collect::<Result<_>>()?,
        })
    }

    /// The sentence embedding of each text: the mean over its tokens, of length 1. Every text has a token at least.
    ///
    /// # Errors
    /// If a text has a token that the vocabulary lacks, or more tokens than the model has positions.
    pub fn embed(&self, texts: &[&[u32]]) -> Result<Vec<Vec<f32>>> {
        let rows = self.forward(texts)?.flatten_all()?.to_vec1::<f32>()?;
        let width = self.architecture.hidden_size;
        let mut rest = rows.as_slice();
        let mut embeddings = Vec::with_capacity(texts.len());
        for text in texts {
            let (rows, others) = rest.split_at(text.len() * width);
            embeddings.push(kernels::mean_direction(rows, width));
            rest = others;
        }
        Ok(embeddings)
    }

    /// The hidden state of every token after the last layer.
    fn forward(&self, texts: &[&[u32]]) -> Result<Tensor> {
        let positions: Vec<u32> = texts.iter().flat_map(|text| (0..).take(text.len())).collect();
        let positions = self.positions.index_select(&Tensor::new(positions, &Device::Cpu)?, 0)?;
        let mut hidden = self.words.index_select(&Tensor::new(texts.concat(), &Device::Cpu)?, 0)?;
        let no_bias = [];
        self.norm.apply(&hidden, &positions, &no_bias)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden, texts, self.architecture)?;
        }
        Ok(hidden)
    }
}

impl Layer {
    fn load(weights: &Weights, index: usize) -> Result<Self> {
        let prefix = format!("encoder.layer.{index}");
        Ok(Self {
            attention_input: weights.attention_input(&format!("{prefix}.attention.self"))?,
            attention_output: weights.linear(&format!("{prefix}.attention.output.dense"))?,
            attention_norm: weights.layer_norm(&format!("{prefix}.attention.output.LayerNorm"))?,
            intermediate: weights.linear(&format!("{prefix}.intermediate.dense"))?,
            output: weights.linear(&format!("{prefix}.output.dense"))?,
            output_norm: weights.layer_norm(&format!("{prefix}.output.LayerNorm"))?,
        })
    }

    fn forward(&self, hidden: &Tensor, texts: &[&[u32]], architecture: Architecture) -> Result<Tensor> {
        let attended = self.attend(hidden, texts, architecture)?.matmul(&self.attention_output.weight)?;
        self.attention_norm.apply(&attended, hidden, &self.attention_output.bias)?;

        let intermediate = attended.matmul(&self.intermediate.weight)?;
        intermediate.inplace_op1(&InPlace(|rows: &mut [f32]| kernels::add_bias_gelu(rows, &self.intermediate.bias)))?;

        let output = intermediate.matmul(&self.output.weight)?;
        self.output_norm.apply(&output, &attended, &self.output.bias)?;
        Ok(output)
    }

    /// Multi-head attention of every text over itself.
    fn attend(&self, hidden: &Tensor, texts: &[&[u32]], architecture: Architecture) -> Result<Tensor> {
        let Architecture { heads, hidden_size, .. } = architecture;
        let projected = hidden.matmul(&self.attention_input.weight)?;
        projected.inplace_op1(&InPlace(|rows: &mut [f32]| kernels::add_bias(rows, &self.attention_input.bias)))?;

        let mut start = 0;
        let mut contexts = Vec::with_capacity(texts.len());
        for text in texts {
            let length = text.len();
            // (query, key or value; head; token; component): a view, nothing is copied.
            let parts = projected
                .narrow(0, start, length)?
                .reshape((length, 3, heads, hidden_size / heads))?
                .permute((1, 2, 0, 3))?;
            let scores = parts.get(0)?.matmul(&parts.get(1)?.t()?)?;
            scores.inplace_op1(&InPlace(|rows: &mut [f32]| kernels::softmax(rows, length)))?;
            let context = scores.matmul(&parts.get(2)?)?;
            contexts.push(context.transpose(0, 1)?.reshape((length, hidden_size))?);
            start += length;
        }
        Tensor::cat(&contexts, 0)
    }
}

impl LayerNorm {
    /// Replaces `rows` by the normalised sum of `rows`, `residual` and `bias`.
    fn apply(&self, rows: &Tensor, residual: &Tensor, bias: &[f32]) -> Result<()> {
        let add_and_normalise = |rows: &mut [f32], residual: &[f32]| self.add_and_normalise(rows, residual, bias);
        rows.inplace_op2(residual, &InPlace(add_and_normalise))
    }
}

/// The tensors of a file, by name.
struct Weights {
    tensors: HashMap<String, Tensor>,
    architecture: Architecture,
}

impl Weights {
    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.tensors.get(name).cloned().ok_or_else(|| candle_core::Error::CannotFindTensor { path: name.into() })
    }

    fn vector(&self, name: &str) -> Result<Vec<f32>> {
        self.tensor(name)?.to_vec1()
    }

    fn linear(&self, name: &str) -> Result<Linear> {
        Ok(Linear {
            weight: self.tensor(&format!("{name}.weight"))?.t()?.contiguous()?,
            bias: self.vector(&format!("{name}.bias"))?,
        })
    }

    /// The projections to queries, keys and values as one, so that one multiplication does all three. Attention divides
    /// the product of query and key by the root of the size of a head: the queries' weights carry that already.
    #[expect(clippy::cast_precision_loss, reason = "heads have far fewer than 2^52 components")]
    fn attention_input(&self, name: &str) -> Result<Linear> {
        let Architecture { heads, hidden_size, .. } = self.architecture;
        let scale = 1.0 / ((hidden_size / heads) as f64).sqrt();
        let joined = |kind: &str| {
            let part = |part: &str| self.tensor(&format!("{name}.{part}.{kind}"));
            Tensor::cat(&[(part("query")? * scale)?, part("key")?, part("value")?], 0)
        };
        Ok(Linear { weight: joined("weight")?.t()?.contiguous()?, bias: joined("bias")?.to_vec1()? })
    }

    fn layer_norm(&self, name: &str) -> Result<LayerNorm> {
        Ok(LayerNorm {
            weight: self.vector(&format!("{name}.weight"))?,
            bias: self.vector(&format!("{name}.bias"))?,
            epsilon: self.architecture.layer_norm_epsilon,
        })
    }
}

/// A kernel as an operation of candle that changes its first tensor.
struct InPlace<F>(F);

impl<F: Fn(&mut [f32])> InplaceOp1 for InPlace<F> {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        (self.0)(values_mut(storage, layout)?);
        Ok(())
    }
}

impl<F: Fn(&mut [f32], &[f32])> InplaceOp2 for InPlace<F> {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn cpu_fwd(
        &self,
        storage: &mut CpuStorage,
        layout: &Layout,
        other: &CpuStorage,
        other_layout: &Layout,
    ) -> Result<()> {
        let CpuStorage::F32(other) = other else { candle_core::bail!("the kernel wants f32") };
        let Some((start, end)) = other_layout.contiguous_offsets() else { candle_core::bail!("not contiguous") };
        (self.0)(values_mut(storage, layout)?, &other[start..end]);
        Ok(())
    }
}

fn values_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    let CpuStorage::F32(values) = storage else { candle_core::bail!("the kernel wants f32") };
    let Some((start, end)) = layout.contiguous_offsets() else { candle_core::bail!("not contiguous") };
    Ok(&mut values[start..end])
}
