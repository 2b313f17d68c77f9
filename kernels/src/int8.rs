//! Products with weights in 8 bits.
//!
//! The weights of an output share a scale, which is fixed when a model is loaded. The values of a row share a scale and a
//! zero, which are found when the row is multiplied. `rten-gemm` multiplies, with the dot products of the processor where it
//! has some. Sums of integers are exact, so every processor comes to the same product. What the zeros add to it is taken off
//! here: `rten-gemm` 0.27 uses those of the first few rows for all. Must not know about models, texts or threads.

use std::cell::RefCell;

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

use super::arithmetic::{self, Codes, Columns};

/// Weights lie between this and its negative. x86 processors without dot products add two products of a weight and a value
/// up to 255 in 16 bits, so that larger ones could overflow there.
const LARGEST_WEIGHT: f32 = 64.0;

/// As many rows are multiplied as fast as more of them, and their products stay in the cache for what follows.
pub const BLOCK_ROWS: usize = 64;

/// A matrix of weights.
pub struct QuantisedWeight {
    /// A row for each input.
    packed: PackedBMatrix<i8>,
    columns: Columns,
}

/// What a thread multiplies with. The kernels can't be shared among threads, and the buffers are not worth it.
#[derive(Default)]
struct Work {
    products: GemmExecutor<u8, i8, i32>,
    codes: Codes,
    sums: Vec<i32>,
}

thread_local! {
    static WORK: RefCell<Work> = RefCell::default();
}

/// Whether this processor multiplies faster in 8 bits than in 32: it has products of whole vectors for both.
pub fn is_faster() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512bw") || std::arch::is_x86_feature_detected!("avxvnni");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("dotprod");
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    return false;
}

impl QuantisedWeight {
    /// Quantises a matrix with a row of `inputs` values for each output.
    pub fn new(matrix: &[f32], inputs: usize) -> Self {
        let mut codes = Vec::with_capacity(matrix.len());
        let mut columns = Columns::default();
        for row in matrix.chunks_exact(inputs) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
            let scale = largest / LARGEST_WEIGHT;
            #[expect(clippy::cast_possible_truncation, reason = "the largest quotient is 64")]
            codes.extend(row.iter().map(|value| (value / scale).round() as i8));
            columns.scales.push(scale);
            columns.sums.push(codes[codes.len() - inputs..].iter().copied().map(i32::from).sum());
        }
        let matrix: NdTensorView<'_, i8, 2> = NdTensorView::from_data([columns.scales.len(), inputs], codes.as_slice());
        let packed = WORK.with_borrow(|work| work.products.prepack_b(matrix.transposed()));
        Self { packed, columns }
    }

    /// Writes the product of `rows` and the matrix to `output`.
    ///
    /// # Panics
    /// If the sizes don't match.
    pub fn multiply(&self, rows: &[f32], output: &mut [f32]) {
        WORK.with_borrow_mut(|work| self.multiply_with(work, rows, output));
    }

    fn multiply_with(&self, work: &mut Work, rows: &[f32], output: &mut [f32]) {
        let Work { products, codes, sums } = work;
        let inputs = self.packed.rows();
        arithmetic::quantise(rows, inputs, codes);
        sums.resize(output.len(), 0);
        let left = NdTensorView::from_data([rows.len() / inputs, inputs], codes.values.as_slice());
        let (left, right) = (GemmInputA::Unpacked(left), GemmInputB::Packed(&self.packed));
        let product = products.gemm(sums, left, right, GemmOptions::default());
        assert!(product.is_ok(), "the sizes of a product don't match: {product:?}");
        arithmetic::dequantise(sums, codes, &self.columns, output);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values between -1 and 1 from a linear congruential generator.
    fn values(count: usize, seed: u32) -> Vec<f32> {
        let step = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let states = std::iter::successors(Some(seed), step).skip(1).take(count);
        let value = |state: u32| {
            let [high, low, ..] = state.to_be_bytes();
            f32::from(u16::from_be_bytes([high, low])) / 32_768.0 - 1.0
        };
        states.map(value).collect()
    }

    #[test]
    fn products_are_close_to_those_of_floats() {
        // Sizes that are no multiples of a kernel's.
        let (height, inputs, outputs) = (150, 101, 37);
        let (rows, matrix) = (values(height * inputs, 1), values(outputs * inputs, 2));
        let mut output = vec![0.0; height * outputs];
        QuantisedWeight::new(&matrix, inputs).multiply(&rows, &mut output);

        let (mut error, mut square) = (0.0, 0.0);
        for (row, output) in rows.chunks(inputs).zip(output.chunks(outputs)) {
            for (weights, value) in matrix.chunks(inputs).zip(output) {
                let expected: f32 = row.iter().zip(weights).map(|(value, weight)| value * weight).sum();
                error += (value - expected).powi(2);
                square += expected.powi(2);
            }
        }
        assert!(error < 2e-4 * square, "{error} of {square}");
    }

    #[test]
    fn extreme_values_do_not_overflow() {
        // Every code is 255, every weight 64 or -64.
        let (inputs, outputs) = (1536, 40);
        let rows = vec![1.0; 3 * inputs];
        let matrix: Vec<f32> =
            (0..outputs).flat_map(|output| vec![if output % 2 == 0 { 1.0 } else { -1.0 }; inputs]).collect();
        let mut output = vec![0.0; 3 * outputs];
        QuantisedWeight::new(&matrix, inputs).multiply(&rows, &mut output);
        for (index, value) in output.into_iter().enumerate() {
            let expected = if index % 2 == 0 { 1536.0 } else { -1536.0 };
            assert!((value - expected).abs() < 0.01, "{value} is not {expected}");
        }
    }

    #[test]
    fn rows_and_weights_of_zeros_have_products_of_zero() {
        let mut output = vec![1.0; 2];
        QuantisedWeight::new(&[0.0; 8], 4).multiply(&[0.0; 4], &mut output);
        assert_eq!(output, [0.0; 2]);
    }
}
