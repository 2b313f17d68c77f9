//! Reads SciFact in the form in which BEIR publishes it: `corpus.jsonl.gz`, `queries.jsonl`, `qrels.tsv`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use flate2::bufread::GzDecoder;
use serde::Deserialize;

use crate::api::NewDocument;

/// The corpus, the queries and the judgements.
pub struct Scifact {
    pub documents: Vec<Abstract>,
    pub queries: Vec<Query>,
}

/// One document of the corpus.
#[derive(Deserialize, Clone)]
pub struct Abstract {
    #[serde(rename = "_id")]
    pub id: String,
    pub title: String,
    pub text: String,
}

/// One query with the documents that people judged relevant.
pub struct Query {
    pub text: String,
    pub relevant: BTreeSet<String>,
}

/// As what kind of file a document is ingested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Format {
    /// `<id>.md`, the title as a heading.
    Md,
    /// `<id>.txt`, the title as the first paragraph.
    Txt,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Md => "md",
            Self::Txt => "txt",
        }
    }
}

impl Abstract {
    /// The document as it is handed to the server; its uri is its id.
    pub fn document(&self, format: Format) -> NewDocument {
        NewDocument {
            uri: self.id.clone(),
            file_name: format!("{}.{}", self.id, format.extension()),
            text: content(format, &self.title, &self.text),
        }
    }

    /// Another document of the same length: all words in reverse, so that no chunk equals one already embedded.
    pub fn reversed(&self, format: Format) -> NewDocument {
        let words: Vec<&str> = self.text.split_whitespace().rev().collect();
        NewDocument {
            uri: format!("reversed-{}", self.id),
            file_name: format!("reversed-{}.{}", self.id, format.extension()),
            text: content(format, &self.title, &words.join(" ")),
        }
    }
}

fn content(format: Format, title: &str, text: &str) -> String {
    match format {
        Format::Md => format!("# {title}\n\n{text}"),
        Format::Txt => format!("{title}\n\n{text}"),
    }
}

impl Scifact {
    /// Reads the three files of `folder`. Fails when one is missing or malformed.
    pub fn load(folder: &Path) -> Result<Self> {
        #[derive(Deserialize)]
        struct QueryRow {
            #[serde(rename = "_id")]
            id: String,
            text: String,
        }

        let corpus = BufReader::new(open(folder, "corpus.jsonl.gz")?);
        let documents: Vec<Abstract> = json_lines(BufReader::new(GzDecoder::new(corpus)), "corpus.jsonl.gz")?;
        let rows: Vec<QueryRow> = json_lines(BufReader::new(open(folder, "queries.jsonl")?), "queries.jsonl")?;
        let mut judged = judgements(BufReader::new(open(folder, "qrels.tsv")?))?;

        let queries: Vec<Query> = rows
            .into_iter()
            .filter_map(|row| judged.remove(&row.id).map(|relevant| Query { text: row.text, relevant }))
            .collect();
        Ok(Self { documents, queries })
    }

    /// Only `count` documents, the judged ones first, and the queries whose relevant documents are all among them.
    pub fn reduced_to(mut self, count: usize) -> Self {
        let judged: BTreeSet<&String> = self.queries.iter().flat_map(|query| &query.relevant).collect();
        self.documents.sort_by_key(|document| !judged.contains(&document.id));
        self.documents.truncate(count);
        let kept: BTreeSet<&String> = self.documents.iter().map(|document| &document.id).collect();
        self.queries.retain(|query| query.relevant.iter().all(|document| kept.contains(document)));
        self
    }
}

fn open(folder: &Path, name: &str) -> Result<File> {
    let path = folder.join(name);
    File::open(&path).with_context(|| format!("cannot open {} (--data names the folder of SciFact)", path.display()))
}

fn json_lines<T: for<'a> Deserialize<'a>>(lines: impl BufRead, name: &str) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    for (number, line) in lines.lines().enumerate() {
        let line = line.with_context(|| format!("cannot read {name}"))?;
        if !line.trim().is_empty() {
            rows.push(serde_json::from_str(&line).with_context(|| format!("{name}, line {}", number + 1))?);
        }
    }
    Ok(rows)
}

/// The relevant documents of each query. The first line is a heading; a grade of 0 means not relevant.
fn judgements(lines: impl BufRead) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut relevant: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines.lines().skip(1) {
        let line = line.context("cannot read qrels.tsv")?;
        let fields: Vec<&str> = line.split('\t').collect();
        let &[query, document, grade] = fields.as_slice() else { anyhow::bail!("qrels.tsv: not three fields: {line}") };
        let grade: u32 = grade.trim().parse().with_context(|| format!("qrels.tsv: not a grade: {line}"))?;
        if grade > 0 {
            relevant.entry(query.to_owned()).or_default().insert(document.to_owned());
        }
    }
    Ok(relevant)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn folder_with(qrels: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let mut corpus =
            GzEncoder::new(File::create(folder.path().join("corpus.jsonl.gz")).unwrap(), Compression::fast());
        for id in ["1", "2", "3"] {
            let row = serde_json::json!({ "_id": id, "title": format!("Title {id}"), "text": "one two" });
            writeln!(corpus, "{row}").unwrap();
        }
        corpus.finish().unwrap();
        let queries = "{\"_id\": \"q1\", \"text\": \"first?\"}\n{\"_id\": \"q2\", \"text\": \"second?\"}\n";
        std::fs::write(folder.path().join("queries.jsonl"), queries).unwrap();
        std::fs::write(folder.path().join("qrels.tsv"), qrels).unwrap();
        folder
    }

    const QRELS: &str = "query-id\tcorpus-id\tscore\nq1\t3\t1\nq1\t1\t0\nq2\t1\t1\nq2\t2\t1\n";

    #[test]
    fn queries_carry_the_documents_judged_relevant() {
        let data = Scifact::load(folder_with(QRELS).path()).unwrap();
        assert_eq!(data.documents.len(), 3);
        let relevant: Vec<Vec<&str>> =
            data.queries.iter().map(|query| query.relevant.iter().map(String::as_str).collect()).collect();
        assert_eq!(relevant, [vec!["3"], vec!["1", "2"]]);
    }

    #[test]
    fn reduced_set_keeps_only_queries_that_can_be_answered() {
        let data = Scifact::load(folder_with("heading\nq1\t3\t1\n").path()).unwrap().reduced_to(1);
        assert_eq!(data.documents[0].id, "3");
        assert_eq!(data.queries.len(), 1);
        let data = Scifact::load(folder_with(QRELS).path()).unwrap().reduced_to(2);
        assert_eq!(data.queries.iter().map(|query| query.text.as_str()).collect::<Vec<_>>(), ["second?"]);
    }
}
