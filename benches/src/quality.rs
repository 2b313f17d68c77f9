//! How good a ranking is: nDCG and recall with binary gains, and whether one mode is better than another.

use std::collections::BTreeSet;

use crate::statistics::{Generator, mean, number};

/// Ranks that count.
pub const CUTOFF: usize = 10;

/// Resamples of the bootstrap; the ends of a 95 % interval are then good to about one per cent of its width.
const RESAMPLES: usize = 10_000;

/// Normalised discounted cumulative gain of the first ten hits with binary gains: what a relevant document at
/// rank r (from 1) earns is `1 / log2(r + 1)`, divided by what the best possible ranking earns. 0 to 1.
///
/// A document that appears twice earns once.
pub fn ndcg(ranking: &[String], relevant: &BTreeSet<String>) -> f64 {
    let mut seen = BTreeSet::new();
    let gained: f64 = (1_u32..)
        .zip(ranking.iter().take(CUTOFF))
        .filter(|(_, document)| relevant.contains(*document) && seen.insert(*document))
        .map(|(rank, _)| discount(rank))
        .sum();
    let possible: f64 = (1_u32..).take(relevant.len().min(CUTOFF)).map(discount).sum();
    if possible > 0.0 { gained / possible } else { 0.0 }
}

fn discount(rank: u32) -> f64 {
    1.0 / (f64::from(rank) + 1.0).log2()
}

/// The share of the relevant documents that are among the first ten hits. 0 to 1.
pub fn recall(ranking: &[String], relevant: &BTreeSet<String>) -> f64 {
    let found: BTreeSet<&String> =
        ranking.iter().take(CUTOFF).filter(|document| relevant.contains(*document)).collect();
    if relevant.is_empty() { 0.0 } else { number(found.len()) / number(relevant.len()) }
}

/// What a paired bootstrap over queries says about the mean of differences.
#[derive(Debug, Clone, Copy)]
pub struct Interval {
    pub mean: f64,
    /// 2.5 % of the resampled means are below.
    pub low: f64,
    /// 2.5 % of the resampled means are above.
    pub high: f64,
}

/// Draws as many queries as there are, with replacement, again and again, and takes the mean of the differences of the
/// drawn ones: 95 % of these means lie in the interval. Pairing removes the large spread between easy and hard queries.
pub fn paired_bootstrap(differences: &[f64], seed: u64) -> Interval {
    let mut generator = Generator::new(seed);
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = differences.iter().map(|_| differences[generator.below(differences.len())]).collect();
            mean(&drawn)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let tail = RESAMPLES / 40;
    Interval { mean: mean(differences), low: means[tail], high: means[RESAMPLES - 1 - tail] }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranking(documents: &[&str]) -> Vec<String> {
        documents.iter().map(ToString::to_string).collect()
    }

    fn relevant(documents: &[&str]) -> BTreeSet<String> {
        ranking(documents).into_iter().collect()
    }

    fn close(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-9
    }

    #[test]
    fn ndcg_equals_an_example_computed_by_hand() {
        // Relevant: a, b, c. Found: b at rank 1, a at rank 3, c nowhere.
        // DCG = 1/log2(2) + 1/log2(4) = 1 + 0.5; best = 1/log2(2) + 1/log2(3) + 1/log2(4) = 1 + 0.630929754 + 0.5.
        let value = ndcg(&ranking(&["b", "x", "a", "y"]), &relevant(&["a", "b", "c"]));
        assert!(close(value, 1.5 / 2.130_929_753_571_457_4), "{value}");
    }

    #[test]
    fn ndcg_is_one_for_the_best_ranking_and_zero_without_a_relevant_hit() {
        assert!(close(ndcg(&ranking(&["a", "b", "x"]), &relevant(&["b", "a"])), 1.0));
        assert!(close(ndcg(&ranking(&["x", "y"]), &relevant(&["a"])), 0.0));
        assert!(close(ndcg(&[], &relevant(&["a"])), 0.0));
    }

    #[test]
    fn ndcg_ignores_hits_beyond_rank_ten() {
        let eleven = ranking(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a"]);
        assert!(close(ndcg(&eleven, &relevant(&["a"])), 0.0));
        assert!(close(ndcg(&eleven, &relevant(&["9"])), 1.0 / 11_f64.log2()));
    }

    #[test]
    fn repeated_document_earns_once() {
        assert!(close(ndcg(&ranking(&["a", "a"]), &relevant(&["a", "b"])), 1.0 / (1.0 + 1.0 / 3_f64.log2())));
        assert!(close(recall(&ranking(&["a", "a"]), &relevant(&["a", "b"])), 0.5));
    }

    #[test]
    fn bootstrap_brackets_the_mean_and_repeats_itself() {
        let differences: Vec<f64> = (0..300).map(|number| f64::from(number % 3) - 0.9).collect();
        let interval = paired_bootstrap(&differences, 7);
        assert!(close(interval.mean, 0.1));
        // The standard error of the mean is 0.8165 / sqrt(300) = 0.0471, so the interval is about 0.1 +- 0.0924.
        assert!((interval.low - 0.0076).abs() < 0.006, "{interval:?}");
        assert!((interval.high - 0.1924).abs() < 0.006, "{interval:?}");
        let again = paired_bootstrap(&differences, 7);
        assert!(close(interval.low, again.low) && close(interval.high, again.high));
    }
}
