//! Products of matrices that lie in slices.
//!
//! `gemm` takes pointers and picks the widest instructions that the processor has. Here sizes are compared with slices, so
//! that the rest of the model is safe code. Must not know about models, texts or threads.

use gemm::Parallelism;

/// A matrix that lies in a slice.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// `rows` rows of `columns` values each, the first of which are `stride` values apart.
    ///
    /// # Panics
    /// If the slice is too short, or rows would overlap.
    pub fn new(values: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(is_within(values.len(), rows, columns, stride), "the matrix is larger than its slice");
        Self { values, rows, columns, row_stride: stride, column_stride: 1 }
    }

    /// The same values with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// Writes `left * right` to `output`, whose rows begin `stride` values apart. What lies between its rows stays.
///
/// # Panics
/// If the sizes don't match, or `output` is too short.
pub fn multiply(left: Matrix<'_>, right: Matrix<'_>, output: &mut [f32], stride: usize) {
    let (rows, columns, depth) = (left.rows, right.columns, left.columns);
    assert_eq!(depth, right.rows, "the matrices can't be multiplied");
    assert!(is_within(output.len(), rows, columns, stride), "the product is larger than its slice");
    #[expect(unsafe_code, reason = "gemm takes pointers")]
    // SAFETY: a `Matrix` lies within its slice, which its constructor has checked, and the product within `output`, which
    // no one else refers to.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            output.as_mut_ptr(),
            1,
            stride.cast_signed(),
            false,
            left.values.as_ptr(),
            left.column_stride.cast_signed(),
            left.row_stride.cast_signed(),
            right.values.as_ptr(),
            right.column_stride.cast_signed(),
            right.row_stride.cast_signed(),
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

/// Whether a slice of `length` values has that many rows, without overlaps.
fn is_within(length: usize, rows: usize, columns: usize, stride: usize) -> bool {
    let end = |last_row: usize| last_row.checked_mul(stride)?.checked_add(columns);
    columns <= stride && rows.checked_sub(1).is_none_or(|last_row| end(last_row).is_some_and(|end| end <= length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small whole numbers, whose products are exact.
    #[expect(clippy::cast_precision_loss, reason = "below 7")]
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|index| (index * 5 % 7) as f32 - 3.0).collect()
    }

    /// The element of the product in plain loops.
    fn element(left: Matrix<'_>, right: Matrix<'_>, row: usize, column: usize) -> f32 {
        (0..left.columns)
            .map(|depth| {
                left.values[row * left.row_stride + depth * left.column_stride]
                    * right.values[depth * right.row_stride + column * right.column_stride]
            })
            .sum()
    }

    #[test]
    fn products_of_many_sizes_are_those_of_plain_loops() {
        for (rows, depth, columns) in [(1, 1, 1), (3, 5, 2), (12, 32, 12), (7, 100, 33), (70, 130, 97)] {
            let (left, right) = (numbers(rows * (depth + 2)), numbers(columns * (depth + 1)));
            let left = Matrix::new(&left, rows, depth, depth + 2);
            let right = Matrix::new(&right, columns, depth, depth + 1).transposed();
            let mut output = vec![0.5; rows * (columns + 3)];
            multiply(left, right, &mut output, columns + 3);
            for (index, value) in output.iter().enumerate() {
                let (row, column) = (index / (columns + 3), index % (columns + 3));
                let expected = if column < columns { element(left, right, row, column) } else { 0.5 };
                assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "the matrix is larger than its slice")]
    fn a_matrix_does_not_reach_beyond_its_slice() {
        let _ = Matrix::new(&[0.0; 11], 3, 4, 4);
    }

    #[test]
    #[should_panic(expected = "the product is larger than its slice")]
    fn a_product_does_not_reach_beyond_its_slice() {
        let matrix = Matrix::new(&[0.0; 9], 3, 3, 3);
        multiply(matrix, matrix, &mut [0.0; 10], 4);
    }

    #[test]
    fn sizes_that_overflow_are_too_large() {
        assert!(!is_within(usize::MAX, usize::MAX, 2, 2));
        assert!(!is_within(10, 2, 3, 2));
        assert!(is_within(0, 0, 3, 3));
    }
}
