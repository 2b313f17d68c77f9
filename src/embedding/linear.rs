//! Linear layers.
//!
//! Must not know what a model is made of.

use docent_kernels::{
    float32::{self, PackedWeight},
    int8::{self, QuantisedWeight},
};

use crate::domain::generation::Precision;

/// `x * weight + bias`; the bias is added by the operation that follows.
pub struct Linear {
    pub bias: Vec<f32>,
    outputs: usize,
    weight: Weight,
}

enum Weight {
    Float32(PackedWeight),
    Int8(QuantisedWeight),
}

impl Linear {
    /// A layer whose `weight` has a row of `inputs` values for each output, as files have it.
    pub fn new(weight: &[f32], inputs: usize, bias: Vec<f32>, precision: Precision) -> Self {
        let outputs = weight.len() / inputs;
        let weight = match precision {
            Precision::Float32 => Weight::Float32(PackedWeight::new(weight, inputs)),
            Precision::Int8 => Weight::Int8(QuantisedWeight::new(weight, inputs)),
        };
        Self { bias, outputs, weight }
    }

    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// How many rows are best multiplied at a time, and what follows is done, before the next ones.
    pub fn block_rows(&self) -> usize {
        match &self.weight {
            Weight::Float32(_) => float32::BLOCK_ROWS,
            Weight::Int8(_) => int8::BLOCK_ROWS,
        }
    }

    /// Writes the product of `rows` and the weight to `output`, without the bias.
    pub fn apply(&self, rows: &[f32], output: &mut [f32]) {
        match &self.weight {
            Weight::Float32(weight) => weight.multiply(rows, output),
            Weight::Int8(weight) => weight.multiply(rows, output),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_multiplies_each_row() {
        for (precision, tolerance) in [(Precision::Float32, 1e-5), (Precision::Int8, 0.3)] {
            let layer = Linear::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, vec![0.0; 3], precision);
            let mut output = [0.0; 6];
            layer.apply(&[1.0, 10.0, 2.0, 0.5], &mut output);
            for (value, expected) in output.into_iter().zip([21.0_f32, 43.0, 65.0, 3.0, 8.0, 13.0]) {
                assert!((value - expected).abs() < tolerance, "{value} is not {expected} in {precision:?}");
            }
        }
    }
}
