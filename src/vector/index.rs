//! How approximate indexes are built and walked, the same in both engines.
//!
//! Measured with 29,000 points of 384 numbers in 66 generations, one of 12,000 and most of 100: recall@10 against the
//! exact answer, for one generation of 12,000 / two of 15,000 together / all, and questions that need not be about what
//! is there.
//!
//! | links | links inside a generation | breadth | ACORN | one | two | all |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | 0 | 16 | 100 | no | 0.93 | 0.57 | 0.08 |
//! | 16 | 16 | 100 | no | 0.78 | 0.76 | 1.00 |
//! | 32 | 32 | 100 | no | 0.87 | 0.81 | 1.00 |
//! | 16 | 16 | 100 | yes | 0.96 | 0.97 | 1.00 |
//! | 16 | 16 | 200 | yes | 0.99 | 0.99 | 1.00 |

/// Links of a point in the graph of all points, and again in the graph of its generation. The first lead from one
/// generation to another, the second keep a search of one generation inside it.
pub(super) const LINKS: usize = 16;

/// How many points a walk through the graph keeps in view. Walks look past points of other generations too (ACORN):
/// what a search may find is often a small part of the graph.
pub(super) const BREADTH: usize = 200;

/// The engines count vectors in kilobytes where the settings count points.
pub(super) fn threshold_kilobytes(points: usize, dimension: usize) -> usize {
    (points * dimension * size_of::<f32>()).div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_embeddings_of_384_numbers_are_fifteen_thousand_kilobytes() {
        assert_eq!(threshold_kilobytes(10_000, 384), 15_000);
    }
}
