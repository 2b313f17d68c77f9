//! Products with weights in 32-bit floats.
//!
//! The weights are packed once, in the order in which the kernels read them. Must not know about models, texts or threads.

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

/// As many rows are multiplied as fast as more of them, and their products stay in the cache for what follows. The kernels
/// of x86 take 6 at a time.
pub const BLOCK_ROWS: usize = 66;

/// A matrix of weights, with a row for each input.
pub struct PackedWeight(PackedBMatrix<f32>);

thread_local! {
    /// The kernels can't be shared among threads.
    static PRODUCTS: GemmExecutor = GemmExecutor::new();
}

impl PackedWeight {
    /// Packs a matrix with a row of `inputs` values for each output.
    pub fn new(matrix: &[f32], inputs: usize) -> Self {
        let matrix: NdTensorView<'_, f32, 2> = NdTensorView::from_data([matrix.len() / inputs, inputs], matrix);
        Self(PRODUCTS.with(|products| products.prepack_b(matrix.transposed())))
    }

    /// Writes the product of `rows` and the matrix to `output`.
    ///
    /// # Panics
    /// If the sizes don't match.
    pub fn multiply(&self, rows: &[f32], output: &mut [f32]) {
        let inputs = self.0.rows();
        let left = GemmInputA::Unpacked(NdTensorView::from_data([rows.len() / inputs, inputs], rows));
        let right = GemmInputB::Packed(&self.0);
        let product = PRODUCTS.with(|products| products.gemm(output, left, right, GemmOptions::default()));
        assert!(product.is_ok(), "the sizes of a product don't match: {product:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_many_sizes_are_those_of_plain_loops() {
        for (height, inputs, outputs) in [(1, 1, 1), (2, 5, 3), (12, 384, 40), (67, 300, 33)] {
            // Small whole numbers, whose products are exact.
            let numbers =
                |count: u16| -> Vec<f32> { (0..count).map(|index| f32::from(index % 7 * 5 % 7) - 3.0).collect() };
            let (rows, matrix) = (numbers(height * inputs), numbers(inputs * outputs));
            let inputs = usize::from(inputs);
            let mut output = vec![0.5; usize::from(height * outputs)];
            PackedWeight::new(&matrix, inputs).multiply(&rows, &mut output);
            let pairs = rows.chunks(inputs).flat_map(|row| matrix.chunks(inputs).map(move |weights| (row, weights)));
            for ((row, weights), value) in pairs.zip(output) {
                let expected: f32 = row.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                assert!((value - expected).abs() < 1e-3, "{value} is not {expected}");
            }
        }
    }
}
