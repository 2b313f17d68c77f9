//! What the server has acknowledged, and whether it is there in the end: as one row that is complete, and as one hit.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::Result;
use docent_client::Error;
use tokio::{sync::Mutex, time::sleep};

use super::{Scene, kind};
use crate::{
    api::{Account, Group, Mode, NewDocument, Search},
    report::Report,
};

/// Between two sendings of a call that was not acknowledged.
const RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How many documents are searched for at most; all rows are looked at.
const SEARCHED: usize = 1000;

/// A word that is in one text alone, of letters that no stemmer cuts.
pub fn word(number: usize) -> String {
    const LETTERS: &[u8; 16] = b"bcdfghjkmnpqrtvx";
    (0..8).rev().fold("zq".to_owned(), |mut word, place| {
        word.push(char::from(LETTERS[(number >> (4 * place)) & 15]));
        word
    })
}

/// A text with the word of this number.
pub fn document(uri: String, number: usize) -> NewDocument {
    let text = format!("Letter {number} speaks of {} and of nothing else that matters.", word(number));
    NewDocument { file_name: format!("{number}.txt"), uri, text }
}

struct Promise {
    account: Account,
    operation: String,
    word: String,
    /// Newer content is on its way, and it is unknown whether it was accepted.
    is_open: bool,
}

/// Collection and uri lead to what was promised last.
#[derive(Default)]
pub struct Ledger(Mutex<BTreeMap<(String, String), Promise>>);

/// What was found out.
#[derive(Default)]
pub struct Verdict {
    pub documents: usize,
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    pub quarantined: usize,
}

impl Scene {
    /// Hands documents over until they are acknowledged, always under the same key, and writes them down. Each has the
    /// number of its word.
    pub async fn deliver(
        &self,
        account: &Account,
        (who, collection, key): (&str, &str, &str),
        documents: &[(NewDocument, usize)],
    ) -> String {
        let texts: Vec<NewDocument> = documents.iter().map(|(document, _)| document.clone()).collect();
        self.ledger.open(collection, &texts).await;
        let operation = loop {
            match account.ingest(collection, &texts, key).await {
                Ok(answer) => break answer.value.operation.id,
                Err(_) if self.is_restarting() => {}
                Err(error) => self.tally.count(format!("{who}: {}", kind(&error))),
            }
            sleep(RETRY_PAUSE).await;
        };
        self.tally.count(format!("{who}: done"));
        let mut promises = self.ledger.0.lock().await;
        for (document, number) in documents {
            let promise =
                Promise { account: account.clone(), operation: operation.clone(), word: word(*number), is_open: false };
            promises.insert((collection.to_owned(), document.uri.clone()), promise);
        }
        operation
    }
}

impl Ledger {
    async fn open(&self, collection: &str, texts: &[NewDocument]) {
        let mut promises = self.0.lock().await;
        for text in texts {
            if let Some(promise) = promises.get_mut(&(collection.to_owned(), text.uri.clone())) {
                promise.is_open = true;
            }
        }
    }

    /// Whether every operation has ended.
    pub async fn is_settled(&self) -> bool {
        let promises = self.0.lock().await;
        let operations: BTreeMap<&str, &Account> =
            promises.values().map(|promise| (promise.operation.as_str(), &promise.account)).collect();
        for (operation, account) in operations {
            let is_ended = match account.operation(operation).await {
                Ok(operation) => ["COMPLETED", "FAILED", "CANCELLED"].contains(&operation.status.as_str()),
                // What is not there any more will not change.
                Err(error) => matches!(error, Error::Absent(_)) || error.code() == Some("NOT_FOUND"),
            };
            if !is_ended {
                return false;
            }
        }
        true
    }

    /// Holds every promise against the rows and against what a search finds.
    pub async fn check(&self) -> Result<Verdict> {
        let promises = self.0.lock().await;
        let mut verdict = Verdict { documents: promises.len(), ..Verdict::default() };
        let collections: BTreeMap<&String, &Account> =
            promises.iter().map(|((collection, _), promise)| (collection, &promise.account)).collect();
        let mut rows: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (collection, account) in collections {
            for document in account.contents(collection).await?.documents {
                rows.entry((collection.clone(), document.uri)).or_default().push(document.status);
            }
        }
        let every = promises.len().div_ceil(SEARCHED).max(1);
        for (number, (place, promise)) in promises.iter().enumerate() {
            let (collection, uri) = place;
            let statuses = rows.get(place).map_or(&[][..], Vec::as_slice);
            if statuses.len() > 1 {
                verdict.doubled.push(format!("{uri} has {} rows", statuses.len()));
            }
            verdict.quarantined += statuses.iter().filter(|status| *status == "QUARANTINED").count();
            if !statuses.iter().any(|status| status == "COMPLETED") {
                verdict.lost.push(format!("{uri} is {statuses:?}"));
            } else if number % every == 0 && !promise.is_open {
                let search = Search {
                    collection: Some(collection),
                    query: &promise.word,
                    mode: Mode::Lexical,
                    group: Group::Chunk,
                    first: 10,
                };
                let hits = promise.account.search_plainly(&search).await?.value.hits;
                let found: BTreeSet<&str> = hits.iter().map(|hit| hit.document.uri.as_str()).collect();
                if !found.contains(uri.as_str()) {
                    verdict.lost.push(format!("{uri} is COMPLETED and not found"));
                } else if hits.len() > 1 {
                    verdict.doubled.push(format!("{uri} is found {} times", hits.len()));
                }
            }
        }
        Ok(verdict)
    }
}

impl Verdict {
    pub fn report(&self, report: &mut Report) {
        report.section("What was acknowledged");
        report.count("checked", "documents checked", self.documents).at_least(1.0);
        report.count("lost", "lost", self.lost.len()).at_most(0.0);
        report.count("doubled", "doubled", self.doubled.len()).at_most(0.0);
        report.count("quarantined", "quarantined innocents", self.quarantined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_word_of_its_own() {
        let words: BTreeSet<String> = (0..10_000).map(word).collect();
        assert_eq!(words.len(), 10_000);
        assert_eq!((word(0).as_str(), word(17).as_str()), ("zqbbbbbbbb", "zqbbbbbbcc"));
    }
}
