//! The transitions of an operation: it starts, its documents are settled, it is cancelled, it ends. Each one changes the
//! operation and adds the event that says so, so the two can't disagree.

use chrono::{DateTime, Utc};

use super::{DocumentOutcome, Operation, OperationEvent, OperationEventKind, OperationStatus, Settlement};
use crate::domain::id::DocumentId;

/// An operation with the events that it got since it was read. Changing it takes a lock on its row, which also numbers
/// the events.
#[derive(Debug)]
pub struct OperationRun {
    operation: Operation,
    cancel_requested: bool,
    last_sequence: i32,
    events: Vec<OperationEvent>,
}

impl OperationRun {
    /// A new operation with its first event.
    #[must_use]
    pub fn create(operation: Operation) -> Self {
        let at = operation.created_at;
        let mut run = Self::restore(operation, false, 0);
        run.record(OperationEventKind::OperationCreated, None, None, at);
        run
    }

    /// An operation as it is stored; `last_sequence` is the number of its newest event.
    #[must_use]
    pub fn restore(operation: Operation, cancel_requested: bool, last_sequence: i32) -> Self {
        Self { operation, cancel_requested, last_sequence, events: Vec::new() }
    }

    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    #[must_use]
    pub fn is_cancel_requested(&self) -> bool {
        self.cancel_requested
    }

    /// The number of the newest event.
    #[must_use]
    pub fn last_sequence(&self) -> i32 {
        self.last_sequence
    }

    /// The operation as it is now, and its new events.
    #[must_use]
    pub fn into_parts(self) -> (Operation, Vec<OperationEvent>) {
        (self.operation, self.events)
    }

    /// Work on it begins, unless it has begun before.
    pub fn start(&mut self, now: DateTime<Utc>) {
        if self.operation.status == OperationStatus::Pending {
            self.operation.status = OperationStatus::Processing;
            self.operation.started_at = Some(now);
            self.record(OperationEventKind::OperationStarted, None, None, now);
        }
    }

    /// It is known now how many documents it has at most.
    pub fn plan(&mut self, documents: i32) {
        self.keep_progress();
        self.operation.totals.documents = documents;
    }

    /// So many of the planned documents are not part of it after all.
    pub fn leave_out(&mut self, documents: i32) {
        self.operation.totals.documents -= documents;
    }

    /// Work on a document begins.
    pub fn start_document(&mut self, document: DocumentId, now: DateTime<Utc>) {
        self.start(now);
        self.record(OperationEventKind::DocumentStarted, Some(document), None, now);
    }

    /// A document that had made `before` percent has made `percent`.
    pub fn report_progress(&mut self, document: DocumentId, before: i32, percent: i32, now: DateTime<Utc>) {
        self.operation.totals.in_work += percent - before;
        let message = format!("{percent} %");
        self.record(OperationEventKind::DocumentProgress, Some(document), Some(message), now);
    }

    /// The progress of a document counts no longer: it is settled or starts again.
    pub fn take_back_progress(&mut self, percent: i32) {
        self.keep_progress();
        self.operation.totals.in_work -= percent;
    }

    /// A document waits, to be tried again.
    pub fn postpone_document(&mut self, document: DocumentId, reason: String, now: DateTime<Utc>) {
        self.record(OperationEventKind::DocumentRetrying, Some(document), Some(reason), now);
    }

    /// More documents belong to it: the files of an archive that was one of its documents.
    pub fn add_documents(&mut self, count: usize) {
        self.keep_progress();
        let documents = &mut self.operation.totals.documents;
        *documents = documents.saturating_add(i32::try_from(count).unwrap_or(i32::MAX));
    }

    /// Counts a document whose outcome is known.
    pub fn settle(&mut self, document: DocumentId, settlement: &Settlement, now: DateTime<Utc>) {
        let totals = &mut self.operation.totals;
        match settlement.outcome() {
            DocumentOutcome::Completed => totals.completed += 1,
            DocumentOutcome::Failed => totals.failed += 1,
            DocumentOutcome::Skipped => totals.skipped += 1,
            DocumentOutcome::Cancelled => totals.cancelled += 1,
            DocumentOutcome::Pending | DocumentOutcome::Processing => return,
        }
        totals.chunks += settlement.chunks();
        self.record(settlement.event(), Some(document), settlement.message(), now);
    }

    /// Ends it when all its documents are settled: cancelled if any was left out for that, failed if all failed,
    /// completed otherwise.
    pub fn finish(&mut self, now: DateTime<Utc>) {
        let totals = self.operation.totals;
        if self.operation.status.is_terminal() || totals.settled() < totals.documents {
            return;
        }
        let all_failed = totals.failed > 0 && totals.failed == totals.documents;
        let is_empty = totals.documents == 0;
        let (status, kind) = if totals.cancelled > 0 || (self.cancel_requested && is_empty) {
            (OperationStatus::Cancelled, OperationEventKind::OperationCancelled)
        } else if all_failed {
            (OperationStatus::Failed, OperationEventKind::OperationFailed)
        } else {
            (OperationStatus::Completed, OperationEventKind::OperationCompleted)
        };
        let message = (totals.failed > 0).then(|| match (totals.failed, totals.documents) {
            (1, 1) => "The document could not be indexed. Its error has the reason.".to_owned(),
            (failed, all) => {
                format!("{failed} of {all} documents could not be indexed. Their errors have the reasons.")
            }
        });
        self.end(status, kind, message, now);
    }

    /// Makes room for one more document than were counted at the start.
    pub fn admit_document(&mut self) {
        self.keep_progress();
        let totals = &mut self.operation.totals;
        totals.documents = totals.documents.max(totals.settled() + 1);
    }

    /// Whatever happens next, the progress does not fall below what it is now.
    fn keep_progress(&mut self) {
        self.operation.totals.least_progress = self.operation.totals.progress();
    }

    /// Ends an operation that is more than its documents: what it was for is done. Documents that are gone by now do not
    /// count.
    pub fn complete(&mut self, now: DateTime<Utc>) {
        self.operation.totals.documents = self.operation.totals.settled();
        self.end(OperationStatus::Completed, OperationEventKind::OperationCompleted, None, now);
    }

    /// Ends it because what it was for can't be done.
    pub fn fail(&mut self, message: String, now: DateTime<Utc>) {
        self.end(OperationStatus::Failed, OperationEventKind::OperationFailed, Some(message), now);
    }

    /// Ends it because that was requested.
    pub fn cancel(&mut self, now: DateTime<Utc>) {
        self.end(OperationStatus::Cancelled, OperationEventKind::OperationCancelled, None, now);
    }

    /// Does nothing to an operation that has ended.
    fn end(&mut self, status: OperationStatus, kind: OperationEventKind, message: Option<String>, now: DateTime<Utc>) {
        if self.operation.status.is_terminal() {
            return;
        }
        self.operation.status = status;
        self.operation.completed_at = Some(now);
        self.operation.error_message.clone_from(&message);
        self.record(kind, None, message, now);
    }

    /// Requests cancellation. Returns false if it was requested before. What waits can be left out now.
    pub fn request_cancel(&mut self, now: DateTime<Utc>) -> bool {
        if self.cancel_requested {
            return false;
        }
        self.cancel_requested = true;
        self.record(OperationEventKind::CancelRequested, None, None, now);
        true
    }

    fn record(
        &mut self,
        kind: OperationEventKind,
        document_id: Option<DocumentId>,
        message: Option<String>,
        at: DateTime<Utc>,
    ) {
        self.last_sequence += 1;
        self.events.push(OperationEvent {
            operation_id: self.operation.id,
            sequence: self.last_sequence,
            kind,
            document_id,
            message,
            progress: self.operation.progress(),
            at,
        });
    }
}

/// A new operation about so many documents.
#[cfg(test)]
pub fn run_of(documents: i32) -> OperationRun {
    use super::{OperationTotals, OperationType};
    use crate::domain::id::OperationId;

    OperationRun::create(Operation {
        id: OperationId::generate(),
        operation_type: OperationType::Append,
        status: OperationStatus::Pending,
        collection_id: None,
        user_id: None,
        config: serde_json::Value::Null,
        error_message: None,
        totals: OperationTotals { documents, ..OperationTotals::default() },
        created_at: DateTime::UNIX_EPOCH,
        started_at: None,
        completed_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::document::ProcessingError;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn settle(run: &mut OperationRun, settlements: &[Settlement]) {
        for settlement in settlements {
            run.settle(DocumentId::generate(), settlement, NOW);
        }
        run.finish(NOW);
    }

    fn kinds(run: OperationRun) -> Vec<OperationEventKind> {
        run.into_parts().1.into_iter().map(|event| event.kind).collect()
    }

    #[test]
    fn events_are_numbered_without_a_gap_and_end_with_the_operation() {
        let mut run = run_of(2);
        run.start_document(DocumentId::generate(), NOW);
        run.start_document(DocumentId::generate(), NOW);
        settle(&mut run, &[Settlement::completed(3), Settlement::skipped("unchanged")]);
        let last = run.last_sequence();
        let (operation, events) = run.into_parts();
        let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
        assert_eq!(events.iter().filter(|event| event.kind == OperationEventKind::OperationStarted).count(), 1);
        assert!(events.last().is_some_and(|event| event.kind.is_terminal()));
        assert_eq!((operation.status, operation.totals.chunks), (OperationStatus::Completed, 3));
    }

    #[test]
    fn documents_that_are_added_have_to_be_settled_too() {
        let mut run = run_of(1);
        run.add_documents(2);
        settle(&mut run, &[Settlement::completed(0)]);
        assert_eq!((run.operation().status, run.operation().progress()), (OperationStatus::Pending, 33));
        settle(&mut run, &[Settlement::completed(1), Settlement::skipped("unchanged")]);
        assert_eq!((run.operation().status, run.operation().progress()), (OperationStatus::Completed, 100));
    }

    #[test]
    fn progress_never_goes_back_when_documents_come_in_meanwhile() {
        let mut run = run_of(2);
        let mut before = 0;
        for _ in 0..5 {
            run.admit_document();
            run.settle(DocumentId::generate(), &Settlement::completed(1), NOW);
            assert!(run.operation().progress() >= before);
            before = run.operation().progress();
        }
        run.complete(NOW);
        run.cancel(NOW);
        let operation = run.into_parts().0;
        assert_eq!((operation.status, operation.totals.documents), (OperationStatus::Completed, 5));
    }

    #[test]
    fn a_stored_operation_continues_its_numbers() {
        let (operation, _) = run_of(1).into_parts();
        let mut run = OperationRun::restore(operation, false, 7);
        run.start(NOW);
        assert_eq!(run.into_parts().1[0].sequence, 8);
    }

    #[test]
    fn an_operation_ends_once_and_only_when_all_documents_are_settled() {
        let mut run = run_of(2);
        settle(&mut run, &[Settlement::completed(1)]);
        assert_eq!(run.operation().status, OperationStatus::Pending);
        settle(&mut run, &[Settlement::completed(1)]);
        run.finish(NOW);
        let ends = kinds(run).into_iter().filter(|kind| kind.is_terminal()).count();
        assert_eq!(ends, 1);
    }

    #[test]
    fn one_success_makes_it_completed_and_one_document_left_out_makes_it_cancelled() {
        let failed = || Settlement::failed(ProcessingError::cancelled());
        let cases = [
            (vec![failed(), failed()], OperationStatus::Failed),
            (vec![failed(), Settlement::completed(1)], OperationStatus::Completed),
            (vec![failed(), Settlement::cancelled()], OperationStatus::Cancelled),
            (vec![Settlement::skipped("unchanged"), Settlement::skipped("unchanged")], OperationStatus::Completed),
        ];
        for (settlements, status) in cases {
            let mut run = run_of(2);
            settle(&mut run, &settlements);
            let operation = run.operation();
            assert_eq!((operation.status, operation.progress()), (status, 100), "{settlements:?}");
            assert_eq!(operation.error_message.is_some(), operation.totals.failed > 0);
        }
    }

    #[test]
    fn progress_that_is_taken_back_is_made_again_before_there_is_more() {
        let mut run = run_of(2);
        run.report_progress(DocumentId::generate(), 0, 40, NOW);
        run.report_progress(DocumentId::generate(), 40, 80, NOW);
        assert_eq!(run.operation().progress(), 40);
        run.take_back_progress(80);
        assert_eq!(run.operation().progress(), 40);
        run.report_progress(DocumentId::generate(), 0, 40, NOW);
        assert_eq!(run.operation().progress(), 40);
        run.take_back_progress(40);
        settle(&mut run, &[Settlement::completed(1)]);
        assert_eq!(run.operation().progress(), 50);
    }

    #[test]
    fn progress_never_goes_back_when_an_archive_brings_documents() {
        let mut run = run_of(2);
        settle(&mut run, &[Settlement::completed(1)]);
        run.add_documents(98);
        settle(&mut run, &[Settlement::completed(0)]);
        for settled in 2..100 {
            assert_eq!(run.operation().progress(), settled.max(50));
            settle(&mut run, &[Settlement::completed(1)]);
        }
        assert_eq!((run.operation().status, run.operation().progress()), (OperationStatus::Completed, 100));
    }

    #[test]
    fn the_end_is_estimated_from_what_is_done_and_only_while_there_is_work() {
        let later = |seconds| NOW + chrono::TimeDelta::seconds(seconds);
        let mut run = run_of(4);
        assert_eq!(run.operation().estimated_completion(later(10)), None);
        run.start(NOW);
        assert_eq!(run.operation().estimated_completion(later(10)), None);
        settle(&mut run, &[Settlement::completed(1)]);
        assert_eq!(run.operation().estimated_completion(later(10)), Some(later(40)));
        run.report_progress(DocumentId::generate(), 0, 60, NOW);
        assert_eq!(run.operation().estimated_completion(later(16)), Some(later(40)));
        run.complete(later(20));
        assert_eq!(run.operation().estimated_completion(later(30)), None);
    }

    #[test]
    fn cancellation_is_requested_once() {
        let mut run = run_of(1);
        assert!(run.request_cancel(NOW));
        assert!(!run.request_cancel(NOW));
        assert_eq!(kinds(run), [OperationEventKind::OperationCreated, OperationEventKind::CancelRequested]);
    }
}
