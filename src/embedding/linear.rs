//! Linear layers.
//!
//! Must not know what a model is made of.

use super::matrix::{Matrix, multiply};

/// `x * weight + bias`; the bias is added by the operation that follows.
pub struct Linear {
    pub bias: Vec<f32>,
    inputs: usize,
    /// A row for each input.
    weight: Vec<f32>,
}

impl Linear {
    /// A layer whose `weight` has a row of `inputs` values for each output, as files have it.
    pub fn new(weight: &[f32], inputs: usize, bias: Vec<f32>) -> Self {
        Self { inputs, weight: transposed(weight, inputs), bias }
    }

    pub fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Writes the product of `rows` and the weight to `output`, without the bias.
    pub fn apply(&self, rows: &[f32], output: &mut [f32]) {
        let (inputs, outputs) = (self.inputs, self.outputs());
        let rows = Matrix::new(rows, rows.len() / inputs, inputs, inputs);
        multiply(rows, Matrix::new(&self.weight, inputs, outputs, outputs), output, outputs);
    }
}

/// The columns of a matrix whose rows have `width` values, one after the other.
fn transposed(matrix: &[f32], width: usize) -> Vec<f32> {
    let height = matrix.len() / width;
    let mut columns = vec![0.0; matrix.len()];
    for (row, values) in matrix.chunks_exact(width).enumerate() {
        for (column, value) in values.iter().enumerate() {
            columns[column * height + row] = *value;
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_multiplies_each_row() {
        let layer = Linear::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 2, vec![0.0; 3]);
        let mut output = [0.0; 6];
        layer.apply(&[1.0, 10.0, 2.0, 0.5], &mut output);
        assert_eq!(output, [21.0, 43.0, 65.0, 3.0, 8.0, 13.0]);
    }
}
