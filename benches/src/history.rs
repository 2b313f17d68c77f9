//! Judges the events of an operation: are they complete, in order, and without repetition?

use std::collections::BTreeMap;

use crate::events::Record;

/// Whether no event can follow one of this kind.
pub fn is_terminal(kind: &str) -> bool {
    matches!(kind, "OPERATION_COMPLETED" | "OPERATION_FAILED" | "OPERATION_CANCELLED")
}

/// Whether an event of this kind settles its document.
pub fn is_outcome(kind: &str) -> bool {
    matches!(kind, "DOCUMENT_COMPLETED" | "DOCUMENT_FAILED" | "DOCUMENT_SKIPPED" | "DOCUMENT_CANCELLED")
}

/// What is wrong with the history of an operation in which each of `documents` should have been completed: nothing, if
/// the sequence numbers are 1, 2, 3 …, the last event and no other is terminal and says that the operation is completed,
/// and each document has exactly one outcome, its completion.
pub fn problems(record: &Record, documents: &[String]) -> Vec<String> {
    let mut problems = Vec::new();
    let mut report = |problem: String| problems.push(format!("operation {}: {problem}", record.operation));

    for (expected, event) in (1..).zip(&record.events) {
        if event.sequence != expected {
            report(format!("event {expected} has sequence {}", event.sequence));
            break;
        }
    }
    let terminal: Vec<&str> =
        record.events.iter().map(|event| event.kind.as_str()).filter(|kind| is_terminal(kind)).collect();
    if terminal != ["OPERATION_COMPLETED"] {
        report(format!("terminal events are {terminal:?}"));
    }
    if record.events.last().is_none_or(|event| !is_terminal(&event.kind)) {
        report("the last event is not terminal".into());
    }

    let mut outcomes: BTreeMap<&str, Vec<&str>> =
        documents.iter().map(|document| (document.as_str(), Vec::new())).collect();
    for event in record.events.iter().filter(|event| is_outcome(&event.kind)) {
        let document = event.document.as_deref().unwrap_or("(no document)");
        match outcomes.get_mut(document) {
            Some(outcomes) => outcomes.push(&event.kind),
            None => report(format!("{} of a document that is not in it: {document}", event.kind)),
        }
    }
    for (document, outcomes) in outcomes {
        if outcomes != ["DOCUMENT_COMPLETED"] {
            report(format!("outcomes of document {document} are {outcomes:?}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    fn record(events: &[(i64, &str, Option<&str>)]) -> Record {
        let mut record = Record::new("o");
        record.events = events
            .iter()
            .map(|(sequence, kind, document)| Event {
                sequence: *sequence,
                kind: (*kind).to_owned(),
                document: document.map(str::to_owned),
                delay_ms: None,
            })
            .collect();
        record
    }

    fn problems_of(events: &[(i64, &str, Option<&str>)]) -> usize {
        problems(&record(events), &["a".to_owned()]).len()
    }

    #[test]
    fn whole_history_has_no_problems() {
        let events = [
            (1, "OPERATION_CREATED", None),
            (2, "DOCUMENT_STARTED", Some("a")),
            (3, "DOCUMENT_STARTED", Some("a")),
            (4, "DOCUMENT_COMPLETED", Some("a")),
            (5, "OPERATION_COMPLETED", None),
        ];
        assert_eq!(problems(&record(&events), &["a".to_owned()]), Vec::<String>::new());
    }

    #[test]
    fn gap_in_the_sequence_is_a_problem() {
        assert_eq!(problems_of(&[(1, "DOCUMENT_COMPLETED", Some("a")), (3, "OPERATION_COMPLETED", None)]), 1);
    }

    #[test]
    fn repeated_event_is_a_problem() {
        let events = [
            (1, "DOCUMENT_STARTED", Some("a")),
            (1, "DOCUMENT_STARTED", Some("a")),
            (2, "DOCUMENT_COMPLETED", Some("a")),
        ];
        assert!(problems_of(&events) >= 1);
    }

    #[test]
    fn document_completed_twice_is_a_problem() {
        let events = [
            (1, "DOCUMENT_COMPLETED", Some("a")),
            (2, "DOCUMENT_COMPLETED", Some("a")),
            (3, "OPERATION_COMPLETED", None),
        ];
        assert_eq!(problems_of(&events), 1);
    }

    #[test]
    fn missing_foreign_or_failed_document_is_a_problem() {
        assert_eq!(problems_of(&[(1, "OPERATION_COMPLETED", None)]), 1);
        assert_eq!(problems_of(&[(1, "DOCUMENT_FAILED", Some("a")), (2, "OPERATION_COMPLETED", None)]), 1);
        let foreign = [
            (1, "DOCUMENT_COMPLETED", Some("a")),
            (2, "DOCUMENT_COMPLETED", Some("b")),
            (3, "OPERATION_COMPLETED", None),
        ];
        assert_eq!(problems_of(&foreign), 1);
    }

    #[test]
    fn terminal_event_is_single_and_last() {
        assert_eq!(problems_of(&[(1, "OPERATION_COMPLETED", None), (2, "DOCUMENT_COMPLETED", Some("a"))]), 1);
        let twice =
            [(1, "DOCUMENT_COMPLETED", Some("a")), (2, "OPERATION_COMPLETED", None), (3, "OPERATION_COMPLETED", None)];
        assert_eq!(problems_of(&twice), 1);
        assert_eq!(problems_of(&[(1, "DOCUMENT_COMPLETED", Some("a")), (2, "OPERATION_FAILED", None)]), 1);
    }
}
