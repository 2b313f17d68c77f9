//! The arithmetic of a transformer that is not matrix multiplication, on plain slices and in place.
//!
//! Every loop is written so that the compiler turns it into vector instructions, and `pulp` picks the widest ones that the
//! processor has. Hence there are no calls of the C library's scalar `exp` and `erf`.
//!
//! Must not know about models, texts or threads.

#![expect(clippy::inline_always, reason = "only what is inlined into pulp's function is compiled for its instructions")]
#![expect(
    clippy::cast_precision_loss,
    reason = "rows are far shorter than 2^24 values, and sums are rounded knowingly"
)]

use pulp::{Arch, Simd, WithSimd};

/// The most values in a vector of any processor.
const WIDEST: usize = 16;

/// Adding this leaves the nearest integer in the lowest bits of the sum: rounding without a conversion.
const ROUNDER: f32 = 12_582_912.0;

/// Adds `bias` to the first values of every row of `rows`, which have `width` values each.
pub fn add_bias(rows: &mut [f32], width: usize, bias: &[f32]) {
    for_each_row(rows, width, AddBias(bias));
}

struct AddBias<'a>(&'a [f32]);

impl Kernel for AddBias<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&self, _: S, _: usize, row: &mut [f32]) {
        add(row, self.0);
    }
}

/// Adds `bias` to every row of `rows`, then applies GELU in its exact form, `x / 2 * (1 + erf(x / sqrt(2)))`.
pub fn add_bias_gelu(rows: &mut [f32], bias: &[f32]) {
    for_each_row(rows, bias.len(), AddBiasGelu(bias));
}

struct AddBiasGelu<'a>(&'a [f32]);

impl Kernel for AddBiasGelu<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&self, _: S, _: usize, row: &mut [f32]) {
        for (value, bias) in row.iter_mut().zip(self.0) {
            *value = gelu::<S>(*value + bias);
        }
    }
}

/// Layer normalisation with its learnt weight and bias.
pub struct LayerNorm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
    pub epsilon: f32,
}

impl LayerNorm {
    /// Adds `bias` and the rows of `residual` to `rows`, then normalises every row to mean 0 and variance 1, scaled and
    /// shifted as learnt.
    pub fn add_and_normalise(&self, rows: &mut [f32], residual: &[f32], bias: &[f32]) {
        for_each_row(rows, self.weight.len(), AddAndNormalise { norm: self, residual, bias });
    }
}

struct AddAndNormalise<'a> {
    norm: &'a LayerNorm,
    residual: &'a [f32],
    bias: &'a [f32],
}

impl Kernel for AddAndNormalise<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, index: usize, row: &mut [f32]) {
        let LayerNorm { weight, bias, epsilon } = self.norm;
        let width = row.len();
        add(row, self.bias);
        add(row, &self.residual[index * width..][..width]);
        let mean = sum(simd, row) / width as f32;
        for value in row.iter_mut() {
            *value -= mean;
        }
        let variance = sum_of_squares(simd, row) / width as f32;
        let scale = 1.0 / (variance + epsilon).sqrt();
        for ((value, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
            *value = mul_add::<S>(*value * scale, *weight, *bias);
        }
    }
}

/// Turns every row of `width` values into weights that sum to 1.
pub fn softmax(rows: &mut [f32], width: usize) {
    for_each_row(rows, width, Softmax);
}

struct Softmax;

impl Kernel for Softmax {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, _: usize, row: &mut [f32]) {
        let highest = highest(simd, row, f32::NEG_INFINITY);
        for value in row.iter_mut() {
            *value = exp::<S>(*value - highest);
        }
        let scale = 1.0 / sum(simd, row);
        for value in row.iter_mut() {
            *value *= scale;
        }
    }
}

/// Rows of values in 8 bits: `value = (code - zero) * scale`.
#[derive(Default)]
pub struct Codes {
    pub values: Vec<u8>,
    /// The zero of each row.
    pub zeros: Vec<i32>,
    /// The scale of each row.
    pub scales: Vec<f32>,
}

/// The columns of a matrix of weights in 8 bits: `weight = code * scale`.
#[derive(Default)]
pub struct Columns {
    /// The scale of each column.
    pub scales: Vec<f32>,
    /// The sum of the codes of each column.
    pub sums: Vec<i32>,
}

/// Replaces `codes` by those of `rows`, which have `width` values each. The codes of a row span its values and zero.
pub fn quantise(rows: &[f32], width: usize, codes: &mut Codes) {
    struct Quantise<'a> {
        rows: &'a [f32],
        width: usize,
        codes: &'a mut Codes,
    }

    impl WithSimd for Quantise<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { rows, width, codes: Codes { values, zeros, scales } } = self;
            let codes = values.chunks_exact_mut(width).zip(zeros.iter_mut().zip(scales));
            for (row, (codes, (zero, scale))) in rows.chunks_exact(width).zip(codes) {
                (*zero, *scale) = quantise_row(simd, row, codes);
            }
        }
    }

    let height = rows.len() / width;
    codes.values.resize(rows.len(), 0);
    codes.zeros.resize(height, 0);
    codes.scales.resize(height, 0.0);
    Arch::new().dispatch(Quantise { rows, width, codes });
}

/// Writes the codes of a row and returns their zero and their scale.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "codes are whole numbers from 0 to 255")]
fn quantise_row<S: Simd>(simd: S, row: &[f32], codes: &mut [u8]) -> (i32, f32) {
    let (lowest, highest) = (lowest(simd, row, 0.0), highest(simd, row, 0.0));
    let scale = ((highest - lowest) / 255.0).max(f32::MIN_POSITIVE);
    let inverse = 1.0 / scale;
    let zero = (ROUNDER - lowest * inverse) - ROUNDER;
    for (code, value) in codes.iter_mut().zip(row) {
        let rounded = mul_add::<S>(*value, inverse, zero).clamp(0.0, 255.0) + ROUNDER;
        *code = rounded.to_bits() as u8;
    }
    (zero as i32, scale)
}

/// Writes the values that products of `rows` and `columns` stand for to `output`.
pub fn dequantise(products: &[i32], rows: &Codes, columns: &Columns, output: &mut [f32]) {
    for_each_row(output, columns.scales.len(), Dequantise { products, rows, columns });
}

struct Dequantise<'a> {
    products: &'a [i32],
    rows: &'a Codes,
    columns: &'a Columns,
}

impl Kernel for Dequantise<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&self, _: S, index: usize, row: &mut [f32]) {
        let (row_zero, row_scale) = (self.rows.zeros[index], self.rows.scales[index]);
        let products = &self.products[index * row.len()..][..row.len()];
        let columns = self.columns.sums.iter().zip(&self.columns.scales);
        for ((value, product), (column_sum, column_scale)) in row.iter_mut().zip(products).zip(columns) {
            *value = (product - row_zero * column_sum) as f32 * (row_scale * column_scale);
        }
    }
}

/// The mean of `rows`, which have `width` values each, scaled to length 1.
pub fn mean_direction(rows: &[f32], width: usize) -> Vec<f32> {
    let mut mean = vec![0.0; width];
    for row in rows.chunks_exact(width) {
        add(&mut mean, row);
    }
    let length = mean.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in &mut mean {
            *value /= length;
        }
    }
    mean
}

/// What is done to each row of a matrix. All of it must be inlined, or it is not compiled for the processor at hand.
trait Kernel {
    fn apply<S: Simd>(&self, simd: S, index: usize, row: &mut [f32]);
}

/// Applies `kernel` to every row of `width` values.
fn for_each_row(rows: &mut [f32], width: usize, kernel: impl Kernel) {
    struct ForEachRow<'a, K> {
        rows: &'a mut [f32],
        width: usize,
        kernel: K,
    }

    impl<K: Kernel> WithSimd for ForEachRow<'_, K> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for (index, row) in self.rows.chunks_exact_mut(self.width).enumerate() {
                self.kernel.apply(simd, index, row);
            }
        }
    }

    Arch::new().dispatch(ForEachRow { rows, width, kernel });
}

/// `a * b + c`: one instruction with one rounding, except on processors where that would be a call of the C library.
#[inline(always)]
fn mul_add<S: Simd>(a: f32, b: f32, c: f32) -> f32 {
    if S::IS_SCALAR { a * b + c } else { a.mul_add(b, c) }
}

/// The polynomial with these coefficients, the one of the highest power first.
macro_rules! polynomial {
    ($simd:ident, $x:expr, $highest:expr $(, $coefficient:expr)+) => {{
        let value = $highest;
        $(let value = mul_add::<$simd>(value, $x, $coefficient);)+
        value
    }};
}

#[inline(always)]
fn add(row: &mut [f32], other: &[f32]) {
    for (value, other) in row.iter_mut().zip(other) {
        *value += other;
    }
}

#[inline(always)]
fn sum<S: Simd>(simd: S, values: &[f32]) -> f32 {
    simd.reduce_sum_f32s(fold(simd, values, 0.0, S::add_f32s, S::add_f32s))
}

#[inline(always)]
fn sum_of_squares<S: Simd>(simd: S, values: &[f32]) -> f32 {
    simd.reduce_sum_f32s(fold(simd, values, 0.0, add_square, S::add_f32s))
}

#[inline(always)]
fn add_square<S: Simd>(simd: S, sum: S::f32s, value: S::f32s) -> S::f32s {
    simd.mul_add_e_f32s(value, value, sum)
}

/// The highest of `start` and `values`.
#[inline(always)]
fn highest<S: Simd>(simd: S, values: &[f32], start: f32) -> f32 {
    simd.reduce_max_f32s(fold(simd, values, start, S::max_f32s, S::max_f32s))
}

/// The lowest of `start` and `values`.
#[inline(always)]
fn lowest<S: Simd>(simd: S, values: &[f32], start: f32) -> f32 {
    simd.reduce_min_f32s(fold(simd, values, start, S::min_f32s, S::min_f32s))
}

/// Combines `values` with vectors that hold `start`: four side by side, so that none waits for the one before, joined in the
/// end.
#[inline(always)]
fn fold<S: Simd>(
    simd: S,
    values: &[f32],
    start: f32,
    combine: impl Fn(S, S::f32s, S::f32s) -> S::f32s,
    join: impl Fn(S, S::f32s, S::f32s) -> S::f32s,
) -> S::f32s {
    let (vectors, rest) = S::as_simd_f32s(values);
    let (fours, others) = vectors.as_chunks::<4>();
    let mut folded = [simd.splat_f32s(start); 4];
    for four in fours {
        for (folded, vector) in folded.iter_mut().zip(four) {
            *folded = combine(simd, *folded, *vector);
        }
    }
    for vector in others {
        folded[0] = combine(simd, folded[0], *vector);
    }
    if !rest.is_empty() {
        let mut padded = [start; WIDEST];
        padded[..rest.len()].copy_from_slice(rest);
        let (vectors, _) = S::as_simd_f32s(&padded);
        folded[1] = combine(simd, folded[1], vectors[0]);
    }
    join(simd, join(simd, folded[0], folded[1]), join(simd, folded[2], folded[3]))
}

/// `e^x` for `x <= 88`, within 2 units in the last place; 0 below the smallest normal number.
///
/// `x = n * ln 2 + r` with `|r| <= ln 2 / 2`, so `e^x = 2^n * e^r`, the latter by its Taylor polynomial.
#[inline(always)]
fn exp<S: Simd>(x: f32) -> f32 {
    /// ln 2 in two parts, the first with so few bits that `n` times it is exact.
    const LN_2_HIGH: f32 = 355.0 / 512.0;
    const LN_2_LOW: f32 = -2.121_944_4e-4;

    let x = if x > -87.0 { x } else { -87.0 };
    let shifted = mul_add::<S>(x, std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = mul_add::<S>(n, -LN_2_LOW, mul_add::<S>(n, -LN_2_HIGH, x));
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    polynomial!(S, r, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0) * power
}

/// `x / 2 * (1 + erf(x / sqrt(2)))`.
#[inline(always)]
fn gelu<S: Simd>(x: f32) -> f32 {
    let half = 0.5 * x;
    mul_add::<S>(half, erf::<S>(x * std::f32::consts::FRAC_1_SQRT_2), half)
}

/// The error function within 4e-7: a quotient of polynomials in `x^2`, as Eigen has it. Beyond 4 it is 1 in this precision.
#[inline(always)]
fn erf<S: Simd>(x: f32) -> f32 {
    let x = x.clamp(-4.0, 4.0);
    let square = x * x;
    let numerator = polynomial!(
        S,
        square,
        -2.726_142_4e-10,
        2.770_681_5e-8,
        -2.101_024e-6,
        -5.692_506_2e-5,
        -7.349_906_4e-4,
        -2.954_6e-3,
        -1.609_603_3e-2
    );
    let denominator =
        polynomial!(S, square, -1.456_607_15e-5, -2.133_740_5e-4, -1.682_827e-3, -7.373_329_3e-3, -1.426_473_9e-2);
    x * numerator / denominator
}

#[cfg(test)]
mod tests {
    use pulp::Scalar;

    use super::*;

    fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32) {
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(expected) {
            assert!((actual - expected).abs() <= tolerance, "{actual} is not {expected}");
        }
    }

    struct Exp;

    impl Kernel for Exp {
        fn apply<S: Simd>(&self, _: S, _: usize, row: &mut [f32]) {
            for value in row {
                *value = exp::<S>(*value);
            }
        }
    }

    #[test]
    fn exp_agrees_with_the_standard_library() {
        let values: Vec<f32> = (-860..=860_i16).map(|step| f32::from(step) / 10.0).collect();
        let mut dispatched = values.clone();
        for_each_row(&mut dispatched, values.len(), Exp);
        for (x, dispatched) in values.into_iter().zip(dispatched) {
            for value in [exp::<Scalar>(x), dispatched] {
                assert!((f64::from(value) / f64::from(x).exp() - 1.0).abs() < 3e-7, "e^{x} is not {value}");
            }
        }
        assert!(exp::<Scalar>(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn gelu_is_the_exact_one() {
        let mut values = [-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0];
        let scalar = values.map(gelu::<Scalar>);
        let expected =
            [-5.919e-9, -0.004_049_7, -0.158_655_3, -0.154_268_8, 0.0, 0.345_731_2, 0.841_344_7, 2.995_950_3, 6.0];
        add_bias_gelu(&mut values, &[0.0; 9]);
        assert_close(&values, &expected, 5e-7);
        assert_close(&scalar, &expected, 5e-7);
    }

    #[test]
    fn a_bias_is_added_to_the_first_values_of_each_row() {
        let mut rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        add_bias(&mut rows, 3, &[0.5, -0.5]);
        assert_close(&rows, &[1.5, 1.5, 3.0, 4.5, 4.5, 6.0], 0.0);
    }

    struct Reductions;

    impl Kernel for Reductions {
        fn apply<S: Simd>(&self, simd: S, _: usize, row: &mut [f32]) {
            let reduced =
                [sum(simd, row), sum_of_squares(simd, row), highest(simd, row, -100.0), lowest(simd, row, 100.0)];
            row[..4].copy_from_slice(&reduced);
        }
    }

    #[test]
    fn reductions_take_every_value_once() {
        for length in 4..200_u16 {
            // All negative, in an order of their own.
            let values: Vec<f32> = (0..length).map(|index| -1.0 - f32::from(index % 13)).collect();
            let mut row = values.clone();
            for_each_row(&mut row, values.len(), Reductions);
            let expected = [
                values.iter().sum::<f32>(),
                values.iter().map(|value| value * value).sum::<f32>(),
                values.iter().copied().fold(-100.0, f32::max),
                values.iter().copied().fold(100.0, f32::min),
            ];
            assert_close(&row[..4], &expected, 0.0);
        }
    }

    #[test]
    fn softmax_gives_each_row_weights_that_sum_to_one() {
        // 19 values: one full set of lanes and a rest.
        let row: Vec<f32> = (0..19).map(|index| index as f32 - 100.0).collect();
        let mut rows = [row.clone(), row].concat();
        softmax(&mut rows, 19);
        let ratio = std::f32::consts::E;
        for row in rows.chunks(19) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            assert!(row.windows(2).all(|pair| (pair[1] / pair[0] - ratio).abs() < 1e-5));
        }
    }

    #[test]
    fn layer_norm_adds_and_normalises() {
        let norm = LayerNorm { weight: vec![2.0; 4], bias: vec![0.5; 4], epsilon: 0.0 };
        let mut rows = [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 8.0];
        norm.add_and_normalise(&mut rows, &[0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], &[1.0, 0.0, 1.0, 0.0]);
        // The sums are 2 3 4 5 (deviation sqrt(1.25)) and 2 1 2 9 (deviation sqrt(10.25)).
        let first = [-1.5, -0.5, 0.5, 1.5].map(|value: f32| value / 1.25_f32.sqrt() * 2.0 + 0.5);
        let second = [-1.5, -2.5, -1.5, 5.5].map(|value: f32| value / 10.25_f32.sqrt() * 2.0 + 0.5);
        assert_close(&rows, &[first, second].concat(), 1e-6);
    }

    #[test]
    fn codes_stand_for_values_within_half_a_step() {
        let rows: Vec<f32> = (0..38).map(|index| ((index * 7 % 19) as f32 - 4.0) * 0.37).chain([0.0; 19]).collect();
        let mut codes = Codes::default();
        quantise(&rows, 19, &mut codes);
        assert_eq!((codes.zeros.len(), codes.scales.len()), (3, 3));
        for (index, (value, code)) in rows.iter().zip(&codes.values).enumerate() {
            let (zero, scale) = (codes.zeros[index / 19], codes.scales[index / 19]);
            let meant = (i32::from(*code) - zero) as f32 * scale;
            assert!((meant - value).abs() <= 0.501 * scale, "{value} became {meant}");
        }
        quantise(&[-3.0, -1.0], 2, &mut codes);
        assert_eq!((codes.values.as_slice(), codes.zeros.as_slice()), ([0, 170].as_slice(), [255].as_slice()));
    }

    #[test]
    fn products_lose_what_zeros_added_and_are_scaled_by_row_and_column() {
        let mut output = [0.0; 4];
        let rows = Codes { values: Vec::new(), zeros: vec![0, 1], scales: vec![0.5, 2.0] };
        let columns = Columns { scales: vec![1.0, 10.0], sums: vec![7, 2] };
        dequantise(&[1, -2, 3, 4], &rows, &columns, &mut output);
        assert_close(&output, &[0.5, -10.0, -8.0, 40.0], 1e-6);
    }

    #[test]
    fn the_mean_direction_has_length_one() {
        assert_close(&mean_direction(&[1.0, 8.0, 5.0, 0.0], 2), &[0.6, 0.8], 1e-6);
        assert_close(&mean_direction(&[1.0, -1.0], 1), &[0.0], 0.0);
    }
}
