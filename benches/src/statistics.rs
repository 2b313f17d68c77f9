//! Percentiles of measured values, and a seeded generator so that two runs draw the same numbers.

use std::time::Duration;

/// A count as a measured value.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn number(count: usize) -> f64 {
    count as f64
}

/// A duration in milliseconds.
pub fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Measured values of one kind, sorted.
#[derive(Debug, Clone)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The smallest value that at least `percent` of all values don't exceed (nearest rank); NaN when there are none.
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or(f64::NAN)
    }

    pub fn max(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

/// The arithmetic mean; NaN when there are no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / number(values.len())
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, seeded, good enough to draw samples.
pub struct Generator(u64);

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A whole number from 0 to `bound - 1`.
    #[expect(clippy::cast_possible_truncation, reason = "the upper half of a 128-bit product with `bound` is below it")]
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// A number from `low` to `high`.
    #[expect(clippy::cast_precision_loss, reason = "53 random bits are exactly a float's")]
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        low + (high - low) * fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let samples = Samples::new((1..=10).rev().map(f64::from));
        assert!((samples.percentile(50) - 5.0).abs() < f64::EPSILON);
        assert!((samples.percentile(95) - 10.0).abs() < f64::EPSILON);
        assert!((samples.percentile(10) - 1.0).abs() < f64::EPSILON);
        assert!((samples.max() - 10.0).abs() < f64::EPSILON);
        assert!(Samples::new([]).percentile(50).is_nan());
    }

    #[test]
    fn generator_gives_the_published_sequence() {
        // The reference implementation's first values for seed 1234567.
        let mut generator = Generator::new(1_234_567);
        assert_eq!([generator.next(), generator.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn drawn_numbers_stay_within_their_bounds_and_reach_both_ends() {
        let mut generator = Generator::new(1);
        let drawn: Vec<usize> = (0..1000).map(|_| generator.below(7)).collect();
        assert!(drawn.iter().all(|number| *number < 7));
        assert!((0..7).all(|number| drawn.contains(&number)));
        assert!((0..1000).map(|_| generator.between(0.1, 3.0)).all(|number| (0.1..=3.0).contains(&number)));
    }
}
