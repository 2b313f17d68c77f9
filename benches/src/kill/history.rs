//! Judges the events of an operation: are they complete, in order, and without repetition?

use std::collections::BTreeMap;

use docent_client::{Event, Record};

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
        record.events.iter().filter(|event| event.is_terminal()).map(|event| event.kind.as_str()).collect();
    if terminal != ["OPERATION_COMPLETED"] {
        report(format!("terminal events are {terminal:?}"));
    }
    if !record.events.last().is_some_and(Event::is_terminal) {
        report("the last event is not terminal".into());
    }

    let mut outcomes: BTreeMap<&str, Vec<&str>> =
        documents.iter().map(|document| (document.as_str(), Vec::new())).collect();
    for event in record.events.iter().filter(|event| event.is_outcome()) {
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
    use chrono::DateTime;

    use super::*;

    fn problems_of(events: &[(i64, &str, Option<&str>)]) -> usize {
        let mut record = Record::new("o");
        record.events = events
            .iter()
            .map(|(sequence, kind, document)| Event {
                sequence: *sequence,
                kind: (*kind).to_owned(),
                document: document.map(str::to_owned),
                at: DateTime::UNIX_EPOCH,
                received_at: DateTime::UNIX_EPOCH,
                is_replayed: false,
            })
            .collect();
        problems(&record, &["a".to_owned()]).len()
    }

    const STARTED: (i64, &str, Option<&str>) = (1, "DOCUMENT_STARTED", Some("a"));
    const DONE: (i64, &str, Option<&str>) = (2, "DOCUMENT_COMPLETED", Some("a"));
    const END: (i64, &str, Option<&str>) = (3, "OPERATION_COMPLETED", None);

    #[test]
    fn whole_history_has_no_problems() {
        assert_eq!(problems_of(&[STARTED, DONE, END]), 0);
    }

    #[test]
    fn gaps_and_repeated_events_are_problems() {
        assert_eq!(problems_of(&[STARTED, (3, DONE.1, DONE.2), (4, END.1, END.2)]), 1);
        assert!(problems_of(&[STARTED, STARTED, DONE]) >= 1);
    }

    #[test]
    fn each_document_has_one_outcome_and_that_is_its_completion() {
        assert_eq!(problems_of(&[STARTED, DONE, (3, DONE.1, DONE.2), (4, END.1, END.2)]), 1);
        assert_eq!(problems_of(&[STARTED, (2, "DOCUMENT_FAILED", Some("a")), END]), 1);
        assert_eq!(problems_of(&[STARTED, DONE, (3, DONE.1, Some("b")), (4, END.1, END.2)]), 1);
        assert_eq!(problems_of(&[(1, END.1, END.2)]), 1);
    }

    #[test]
    fn terminal_event_is_single_and_last() {
        assert_eq!(problems_of(&[STARTED, (2, END.1, END.2), (3, DONE.1, DONE.2)]), 1);
        assert_eq!(problems_of(&[STARTED, DONE, END, (4, END.1, END.2)]), 1);
        assert_eq!(problems_of(&[STARTED, DONE, (3, "OPERATION_FAILED", None)]), 1);
    }
}
