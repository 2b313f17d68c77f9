//! The tools: what assistants read about them, and the operation that each of them is.

use serde_json::{Map, Value, json};

use super::finding::{self, Finding};
use crate::{auth::viewer::Viewer, domain::action::Action};

/// Hits of a search that names no number.
const HITS: u32 = 8;

/// A tool.
pub(super) struct Tool {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// The properties of its arguments, as JSON Schema, and those that are required.
    arguments: fn() -> (Value, &'static [&'static str]),
    /// What it does.
    pub(super) operation: &'static str,
    /// The variables of the operation, from arguments that are known by name.
    variables: fn(Map<String, Value>) -> Map<String, Value>,
    /// What the data of an answer says.
    pub(super) present: fn(&Value) -> Finding,
    /// The action that a key has to name, for tools that change something.
    changes: Option<Action>,
}

static TOOLS: [Tool; 5] = [
    Tool {
        name: "search",
        title: "Search documents",
        description: "Finds chunks of documents in the collections that you can read, by meaning and by words. Returns each with its \
                      title, page and uri, for citations.",
        arguments: || {
            let properties = json!({
                "query": { "type": "string", "description": "A question or words, in any language." },
                "collectionIds": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Where to search: ids from list_collections. Default: in all collections.",
                },
                "mode": {
                    "type": "string",
                    "enum": ["HYBRID", "SEMANTIC", "LEXICAL"],
                    "description": "By meaning and words, by meaning, or by words. Default: HYBRID.",
                },
                "first": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 100,
                    "description": "Number of chunks. Default: 8.",
                },
            });
            (properties, &["query"])
        },
        operation: include_str!("operations/search.graphql"),
        variables: |mut arguments| {
            let first = arguments.remove("first").unwrap_or_else(|| HITS.into());
            let mut variables = variable("input", arguments.into());
            variables.insert("first".to_owned(), first);
            variables
        },
        present: finding::hits,
        changes: None,
    },
    Tool {
        name: "list_collections",
        title: "List collections",
        description: "Lists the collections that you can read, with their ids.",
        arguments: || (paged(json!({})), &[]),
        operation: include_str!("operations/list_collections.graphql"),
        variables: |arguments| arguments,
        present: finding::collections,
        changes: None,
    },
    Tool {
        name: "get_document",
        title: "Read a document",
        description: "Returns a document with its text, page by page. Neighbouring pieces of the text overlap.",
        arguments: || {
            let id = json!({ "documentId": { "type": "string", "description": "Its id, from a search." } });
            (paged(id), &["documentId"])
        },
        operation: include_str!("operations/get_document.graphql"),
        variables: |arguments| arguments,
        present: finding::document,
        changes: None,
    },
    Tool {
        name: "get_chunk_context",
        title: "Read around a chunk",
        description: "Returns a chunk that was found, with the chunks before and after it.",
        arguments: || {
            let id = json!({ "chunkId": { "type": "string", "description": "Its id, from a search." } });
            (id, &["chunkId"])
        },
        operation: include_str!("operations/get_chunk_context.graphql"),
        variables: |arguments| arguments,
        present: finding::context,
        changes: None,
    },
    Tool {
        name: "ingest_text",
        title: "Add a text",
        description: "Adds a text to a collection, where it can be found within seconds. A document with the same uri is \
                      replaced.",
        arguments: || {
            let properties = json!({
                "collectionId": { "type": "string", "description": "The collection, from list_collections." },
                "fileName": {
                    "type": "string",
                    "description": "A file name without folders. Its ending says what the text is: notes.md, notes.txt.",
                },
                "text": { "type": "string", "description": "The text, plain or Markdown." },
                "uri": {
                    "type": "string",
                    "description": "Identifies the document in the collection, and is cited. Default: the file name.",
                },
            });
            (properties, &["collectionId", "fileName", "text"])
        },
        operation: include_str!("operations/ingest_text.graphql"),
        variables: |mut arguments| {
            let mut take = |name: &str| arguments.remove(name).unwrap_or_default();
            let content = json!({ "text": take("text") });
            let document = json!({ "fileName": take("fileName"), "uri": take("uri"), "content": content });
            variable("input", json!({ "collectionId": take("collectionId"), "documents": [document] }))
        },
        present: finding::ingested,
        changes: Some(Action::DocumentIngest),
    },
];

/// The tool with this name.
pub(super) fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

/// The tools that are of use to a caller, as `tools/list` describes them. Whether they may use one is decided when they do.
pub(super) fn list(viewer: &Viewer) -> Vec<Value> {
    let may = |action| viewer.user.is_some() && viewer.scope().carries(action);
    TOOLS.iter().filter(|tool| tool.changes.is_none_or(may)).map(Tool::description).collect()
}

impl Tool {
    fn description(&self) -> Value {
        let (properties, required) = (self.arguments)();
        let changes = self.changes.is_some();
        json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
            "annotations": {
                "title": self.title,
                "readOnlyHint": !changes,
                "destructiveHint": changes,
                "idempotentHint": true,
                "openWorldHint": false,
            },
        })
    }

    /// The variables of the operation. The schema checks their types.
    ///
    /// # Errors
    /// Which argument is missing or unknown.
    pub(super) fn variables(&self, arguments: Map<String, Value>) -> Result<Map<String, Value>, String> {
        let (properties, required) = (self.arguments)();
        if let Some(unknown) = arguments.keys().find(|name| properties.get(name.as_str()).is_none()) {
            return Err(format!("There is no argument `{unknown}`."));
        }
        if let Some(missing) = required.iter().find(|name| arguments.get(**name).is_none_or(Value::is_null)) {
            return Err(format!("The argument `{missing}` is required."));
        }
        Ok((self.variables)(arguments))
    }
}

/// Properties, and those of a page.
fn paged(mut properties: Value) -> Value {
    properties["first"] =
        json!({ "type": "integer", "minimum": 1, "maximum": 100, "description": "How many. Default: 20." });
    properties["after"] = json!({ "type": "string", "description": "The cursor with which the last page ended." });
    properties
}

fn variable(name: &str, value: Value) -> Map<String, Value> {
    [(name.to_owned(), value)].into_iter().collect()
}
