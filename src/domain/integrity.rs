//! Damage: what an examination of the stores finds where they don't match.

use chrono::{DateTime, Utc};

use super::{
    vocabulary::{Vocabulary, vocabulary},
    worker::WorkerName,
};

vocabulary! {
    /// A kind of damage. Part of the output of `docent doctor`: add, never rename.
    pub enum DamageKind {
        /// A counter differs from the rows that it counts.
        WrongTotals => "WRONG_TOTALS",
        /// A document has more or fewer rows of chunks than were written with it.
        WrongChunks => "WRONG_CHUNKS",
        /// Chunks have no vector, so that search can't find them.
        MissingVectors => "MISSING_VECTORS",
        /// Vectors belong to no chunk. They are never returned.
        OrphanVectors => "ORPHAN_VECTORS",
        /// The original of a document is not stored, and its owner has not been told.
        MissingOriginal => "MISSING_ORIGINAL",
        /// The extracted text of a document is not stored, though its original is.
        MissingText => "MISSING_TEXT",
        /// The bytes of an original or of a text have another SHA-256 than its name says.
        WrongDigest => "WRONG_DIGEST",
        /// Nothing refers to an original or a text.
        UnreferencedOriginal => "UNREFERENCED_ORIGINAL",
        /// An operation or a sync has not ended, and no job works on it.
        StuckOperation => "STUCK_OPERATION",
        /// A job is held by a worker that is gone.
        ExpiredLease => "EXPIRED_LEASE",
    }
}

/// Subjects that are named for each kind of damage. All are counted.
const NAMED: usize = 100;

/// All damage of one kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub kind: DamageKind,
    pub count: usize,
    /// How much of it was repaired.
    pub repaired: usize,
    /// What is damaged: the first [`NAMED`] of them.
    pub subjects: Vec<String>,
}

/// What an examination has found, by kind.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Adds damage of `count` parts of `subject`.
    pub fn add(&mut self, kind: DamageKind, subject: String, count: usize, is_repaired: bool) {
        let place = self.0.iter().position(|finding| finding.kind == kind).unwrap_or_else(|| {
            self.0.push(Finding { kind, count: 0, repaired: 0, subjects: Vec::new() });
            self.0.len() - 1
        });
        let finding = &mut self.0[place];
        finding.count += count;
        finding.repaired += if is_repaired { count } else { 0 };
        if finding.subjects.len() < NAMED {
            finding.subjects.push(subject);
        }
    }

    /// All that was found, in the order of [`DamageKind`].
    #[must_use]
    pub fn in_order(&self) -> Vec<&Finding> {
        let of = |kind: &DamageKind| self.0.iter().find(|finding| finding.kind == *kind);
        DamageKind::ALL.iter().filter_map(of).collect()
    }

    /// How much was found of each kind.
    #[must_use]
    pub fn counts(&self) -> Vec<(DamageKind, usize)> {
        self.in_order().iter().map(|finding| (finding.kind, finding.count)).collect()
    }

    /// Whether damage is left.
    #[must_use]
    pub fn is_left(&self) -> bool {
        self.0.iter().any(|finding| finding.repaired < finding.count)
    }
}

/// A check of the stores on a schedule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    /// Who made it.
    pub worker: WorkerName,
    /// When it ended.
    pub checked_at: DateTime<Utc>,
    /// Collections that it looked at.
    pub collections: usize,
    /// How much it found of each kind.
    pub found: Vec<(DamageKind, usize)>,
}

/// The numbers of chunks and points of a collection, where they differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Difference {
    pub chunks: i64,
    pub points: i64,
    /// Whether it is damage, and not only documents that are being indexed.
    pub is_sure: bool,
}

impl Difference {
    /// What is known of a collection after another look has found these numbers. While documents are indexed, points are
    /// written first, so it takes two looks to be sure that there are too many.
    #[must_use]
    pub fn seen(before: Option<Self>, chunks: i64, points: i64) -> Self {
        let was_more = before.is_some_and(|before| before.points > before.chunks);
        Self { chunks, points, is_sure: points < chunks || was_more }
    }
}

/// By how much collections differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Differences {
    pub collections: usize,
    /// Missing points in them, at least.
    pub missing_points: i64,
    /// Surplus points in them, at least.
    pub surplus_points: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_counted_by_kind_and_the_first_subjects_are_named() {
        let mut findings = Findings::default();
        findings.add(DamageKind::ExpiredLease, "job 1".into(), 1, true);
        for number in 0..NAMED + 5 {
            findings.add(DamageKind::WrongTotals, format!("collection {number}"), 2, number > 0);
        }
        let found = findings.in_order();
        assert_eq!((found[0].kind, found[1].kind), (DamageKind::WrongTotals, DamageKind::ExpiredLease));
        assert_eq!((found[0].count, found[0].repaired), (2 * (NAMED + 5), 2 * (NAMED + 4)));
        assert_eq!((found[0].subjects.len(), found[1].subjects.len()), (NAMED, 1));
        assert!(findings.is_left());
    }

    #[test]
    fn too_few_points_are_damage_at_once_and_too_many_at_the_second_look() {
        let few = Difference::seen(None, 5, 3);
        let first = Difference::seen(Some(few), 5, 6);
        let second = Difference::seen(Some(first), 5, 7);
        assert_eq!([few.is_sure, first.is_sure, second.is_sure], [true, false, true]);
        assert!(Difference::seen(Some(second), 7, 8).is_sure);
    }
}
