//! Manifests: documents by their ids. A program's build writes one from its operations; the server reads it.
//!
//! The format is Apollo's («persisted query manifest»). A plain object of ids and documents, as other tools write it, is read
//! too.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{
    Name, Pos,
    parser::{
        self, parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationType, Selection, SelectionSet},
    },
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{check, error::PublicError, limits::DocumentLimits};

const FORMAT: &str = "apollo-persisted-query-manifest";
const VERSION: u32 = 1;

/// Documents by their ids.
#[derive(Debug, Default)]
pub struct Manifest {
    documents: HashMap<String, Arc<str>>,
}

/// A document of a manifest, as it is written.
#[derive(Serialize, Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default, rename = "type")]
    kind: String,
    body: String,
}

#[derive(Serialize)]
struct Written {
    format: &'static str,
    version: u32,
    operations: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Read {
    Entries { operations: Vec<Entry> },
    Plain(HashMap<String, String>),
}

/// The id of a document that follows from its text: SHA-256, in lower-case hexadecimal digits.
#[must_use]
pub fn digest(document: &str) -> String {
    hex::encode(Sha256::digest(document))
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it has neither of the formats.
    pub fn parse(text: &str) -> serde_json::Result<Self> {
        let entries: Vec<(String, String)> = match serde_json::from_str(text)? {
            Read::Entries { operations } => operations.into_iter().map(|entry| (entry.id, entry.body)).collect(),
            Read::Plain(documents) => documents.into_iter().collect(),
        };
        let mut documents = HashMap::new();
        for (id, body) in entries {
            let body: Arc<str> = body.into();
            documents.insert(digest(&body), Arc::clone(&body));
            documents.insert(id, body);
        }
        Ok(Self { documents })
    }

    /// These documents and those of another manifest.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.documents.extend(other.documents);
        self
    }

    /// The document with this id, or this digest.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<str>> {
        self.documents.get(id)
    }
}

/// A file with operations and fragments.
pub struct SourceFile {
    pub name: String,
    pub text: String,
}

impl SourceFile {
    /// Why the file can't be read. It may be empty, or have fragments only.
    fn refusal(&self) -> Option<String> {
        match parse_query(&self.text) {
            Ok(_) | Err(parser::Error::MissingOperation) => None,
            Err(_) if self.text.trim().is_empty() => None,
            Err(error) => Some(format!("{}: {}", self.name, PublicError::from(error))),
        }
    }
}

/// Makes a manifest of the operations in `files`, each with the fragments that it spreads, from any of the files. The operations
/// are checked against the schema and the limits of the server.
///
/// # Errors
/// A sentence for each thing that is wrong.
pub async fn build(files: &[SourceFile], limits: &DocumentLimits) -> Result<String, Vec<String>> {
    let found = Sources::read(files)?.operations();
    let (mut operations, mut refusals) = (Vec::new(), Vec::new());
    for Operation { kind, name, body, place } in found {
        let mut wrong: Vec<_> = limits.parse(&body).err().iter().map(PublicError::to_string).collect();
        if wrong.is_empty() {
            wrong = check::violations(&body).await;
        }
        refusals.extend(wrong.into_iter().map(|what| format!("{place}: {name}: {what}")));
        operations.push(Entry { id: digest(&body), name, kind: kind.to_string(), body });
    }
    operations.sort_by(|a, b| a.name.cmp(&b.name));
    let written = Written { format: FORMAT, version: VERSION, operations };
    match serde_json::to_string_pretty(&written) {
        _ if !refusals.is_empty() => Err(refusals),
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(vec![error.to_string()]),
    }
}

/// An operation with its fragments.
struct Operation {
    kind: OperationType,
    name: String,
    body: String,
    /// The file and line of the operation.
    place: String,
}

/// All files as one document: fragments are shared.
struct Sources<'a> {
    files: &'a [SourceFile],
    text: String,
    parsed: ExecutableDocument,
    /// Where definitions begin in the text, in order.
    starts: Vec<usize>,
}

impl<'a> Sources<'a> {
    fn read(files: &'a [SourceFile]) -> Result<Self, Vec<String>> {
        let refusals: Vec<_> = files.iter().filter_map(SourceFile::refusal).collect();
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let text: String = files.iter().flat_map(|file| [file.text.as_str(), "\n"]).collect();
        let parsed = parse_query(&text).map_err(|error| {
            let place = error.positions().next().map(|pos| format!("{}: ", place_of(files, pos)));
            vec![format!("{}{}", place.unwrap_or_default(), PublicError::from(error))]
        })?;
        if let DocumentOperations::Single(operation) = &parsed.operations {
            return Err(vec![format!("{}: Give the operation a name.", place_of(files, operation.pos))]);
        }
        let operations = parsed.operations.iter().map(|(_, operation)| operation.pos);
        let fragments = parsed.fragments.values().map(|fragment| fragment.pos);
        let mut starts: Vec<_> = operations.chain(fragments).map(|pos| offset(&text, pos)).collect();
        starts.sort_unstable();
        Ok(Self { files, text, parsed, starts })
    }

    fn operations(&self) -> Vec<Operation> {
        let mut found = Vec::new();
        for (name, operation) in self.parsed.operations.iter() {
            let mut spread = Vec::new();
            self.add_fragments(&operation.node.selection_set.node, &mut spread);
            let fragments = spread.iter().filter_map(|name| self.parsed.fragments.get(*name));
            let parts = [operation.pos].into_iter().chain(fragments.map(|fragment| fragment.pos));
            found.push(Operation {
                kind: operation.node.ty,
                name: name.map(ToString::to_string).unwrap_or_default(),
                body: parts.map(|pos| self.definition(pos)).collect::<Vec<_>>().join("\n\n"),
                place: place_of(self.files, operation.pos),
            });
        }
        found
    }

    /// Adds the fragments that a selection spreads, each once, in the order in which they are met.
    fn add_fragments<'s>(&'s self, set: &'s SelectionSet, spread: &mut Vec<&'s Name>) {
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => self.add_fragments(&field.node.selection_set.node, spread),
                Selection::InlineFragment(inline) => {
                    self.add_fragments(&inline.node.selection_set.node, spread);
                }
                Selection::FragmentSpread(found) => {
                    let name = &found.node.fragment_name.node;
                    if !spread.contains(&name) {
                        spread.push(name);
                        if let Some(fragment) = self.parsed.fragments.get(name) {
                            self.add_fragments(&fragment.node.selection_set.node, spread);
                        }
                    }
                }
            }
        }
    }

    /// The text of the definition that begins at a position, without the comments before the next one.
    fn definition(&self, pos: Pos) -> &str {
        let start = offset(&self.text, pos);
        let next = self.starts.iter().find(|next| **next > start).copied().unwrap_or(self.text.len());
        let mut text = self.text[start..next].trim_end();
        while let Some((before, last)) = text.rsplit_once('\n') {
            if !last.trim_start().starts_with('#') {
                break;
            }
            text = before.trim_end();
        }
        text
    }
}

/// Where a position is in a text.
fn offset(text: &str, pos: Pos) -> usize {
    let before: usize = text.split_inclusive('\n').take(pos.line.saturating_sub(1)).map(str::len).sum();
    let line = &text[before..];
    before + line.char_indices().nth(pos.column.saturating_sub(1)).map_or(line.len(), |(index, _)| index)
}

/// The file and line of a position in all files together.
fn place_of(files: &[SourceFile], pos: Pos) -> String {
    let mut line = pos.line;
    for file in files {
        // A line feed is added behind each file.
        let lines = file.text.matches('\n').count() + 1;
        if line <= lines {
            return format!("{}:{line}", file.name);
        }
        line -= lines;
    }
    String::new()
}
