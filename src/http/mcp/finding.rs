//! What a tool found: as text for the assistant, with citations, and as data for its program.

use serde_json::{Value, json};

/// What a tool found, or why it found nothing.
pub(super) struct Finding {
    text: String,
    data: Value,
    is_error: bool,
}

impl Finding {
    pub(super) fn new(text: String, data: Value) -> Self {
        Self { text, data, is_error: false }
    }

    /// A refusal with the code that it has everywhere.
    pub(super) fn refused(code: &str, message: &str) -> Self {
        Self::errors(&[(code, message)])
    }

    fn errors(errors: &[(&str, &str)]) -> Self {
        let lines: Vec<_> = errors.iter().map(|(code, message)| format!("{code}: {message}")).collect();
        let data: Vec<_> = errors.iter().map(|(code, message)| json!({ "code": code, "message": message })).collect();
        Self { text: lines.join("\n"), data: json!({ "errors": data }), is_error: true }
    }

    /// What is in an answer of the engine. An answer with an error is one, even if it has a part of the data.
    pub(super) fn of(answer: &Value, present: fn(&Value) -> Self) -> Self {
        let errors = answer["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        if errors.is_empty() {
            return present(&answer["data"]);
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors: Vec<_> =
            errors.iter().map(|error| (text(&error["extensions"]["code"]), text(&error["message"]))).collect();
        let errors: Vec<_> = errors.iter().map(|(code, message)| (code.as_str(), message.as_str())).collect();
        Self::errors(&errors)
    }

    /// The result of `tools/call`.
    pub(super) fn result(self) -> Value {
        json!({
            "content": [{ "type": "text", "text": self.text }],
            "structuredContent": self.data,
            "isError": self.is_error,
        })
    }
}

/// The hits of a search, each with its source.
pub(super) fn hits(data: &Value) -> Finding {
    let search = &data["search"];
    let (mut texts, mut hits) = (Vec::new(), Vec::new());
    for (place, hit) in items(&search["nodes"]).iter().enumerate() {
        let (chunk, document) = (&hit["chunk"], &hit["document"]);
        texts.push(format!("[{}] {}", place + 1, cited(document, chunk)));
        let mut source = source(document, chunk);
        source["score"] = hit["score"].clone();
        hits.push(source);
    }
    if texts.is_empty() {
        texts.push("Nothing was found.".to_owned());
    }
    if search["isPartial"] == true {
        texts.push("Some collections could not be searched completely: try again later for more.".to_owned());
    }
    Finding::new(texts.join("\n\n"), json!({ "hits": hits, "isPartial": search["isPartial"] }))
}

/// A page of collections.
pub(super) fn collections(data: &Value) -> Finding {
    let collections = &data["collections"];
    let mut lines: Vec<_> = items(&collections["nodes"])
        .iter()
        .map(|collection| {
            let (name, id) = (text(&collection["name"]), text(&collection["id"]));
            let description = collection["description"].as_str().map(|words| format!(": {words}"));
            let documents = &collection["documentCount"];
            format!("{name} ({documents} documents, collectionId {id}){}", description.unwrap_or_default())
        })
        .collect();
    if lines.is_empty() {
        lines.push("There are no collections that you can read.".to_owned());
    }
    lines.extend(more(&collections["pageInfo"]));
    let data = json!({ "collections": collections["nodes"], "pageInfo": collections["pageInfo"] });
    Finding::new(lines.join("\n"), data)
}

/// A document, and a page of its text.
pub(super) fn document(data: &Value) -> Finding {
    let document = &data["document"];
    let chunks = &document["chunks"];
    let sources: Vec<_> = items(&chunks["nodes"]).iter().map(|chunk| source(document, chunk)).collect();
    let mut texts = vec![format!("{} ({})", title(document), text(&document["uri"]))];
    texts.extend(items(&chunks["nodes"]).iter().map(|chunk| {
        let page = chunk["page"].as_i64().map(|page| format!("[page {page}] "));
        page.unwrap_or_default() + text(&chunk["content"])
    }));
    if sources.is_empty() {
        texts.push(format!("There is no text (status {}).", text(&document["status"])));
    }
    texts.extend(more(&chunks["pageInfo"]));
    let data = json!({
        "documentId": document["id"],
        "title": title(document),
        "uri": document["uri"],
        "language": document["language"],
        "status": document["status"],
        "chunks": sources,
        "pageInfo": chunks["pageInfo"],
    });
    Finding::new(texts.join("\n\n"), data)
}

/// A chunk between its neighbours.
pub(super) fn context(data: &Value) -> Finding {
    let chunk = &data["node"];
    if !chunk["content"].is_string() {
        return Finding::refused("NOT_FOUND", "There is no such chunk, or you may not see it.");
    }
    let document = &chunk["document"];
    let around = [&chunk["previous"], chunk, &chunk["next"]];
    let chunks: Vec<_> = around.into_iter().filter(|chunk| !chunk.is_null()).collect();
    let texts: Vec<_> = chunks.iter().map(|chunk| cited(document, chunk)).collect();
    let sources: Vec<_> = chunks.iter().map(|chunk| source(document, chunk)).collect();
    Finding::new(texts.join("\n\n"), json!({ "chunkId": chunk["id"], "chunks": sources }))
}

/// What was accepted for indexing.
pub(super) fn ingested(data: &Value) -> Finding {
    let payload = &data["documentsIngest"];
    let errors: Vec<_> =
        items(&payload["userErrors"]).iter().map(|error| (text(&error["code"]), text(&error["message"]))).collect();
    if !errors.is_empty() {
        return Finding::errors(&errors);
    }
    let message = "The text was accepted. It can be found as soon as it is indexed, usually within seconds.";
    let data = json!({ "operation": payload["operation"], "documents": payload["documents"] });
    Finding::new(message.to_owned(), data)
}

/// The text of a chunk under its citation.
fn cited(document: &Value, chunk: &Value) -> String {
    let page = chunk["page"].as_i64().map(|page| format!(", page {page}")).unwrap_or_default();
    let headings: Vec<_> = items(&chunk["headings"]).iter().map(text).collect();
    let headings = if headings.is_empty() { String::new() } else { format!("{}\n", headings.join(" > ")) };
    let (title, uri) = (title(document), text(&document["uri"]));
    format!("{title}{page} ({uri}), chunkId {}\n{headings}{}", text(&chunk["id"]), text(&chunk["content"]))
}

/// A chunk with what it is cited by.
fn source(document: &Value, chunk: &Value) -> Value {
    json!({
        "title": title(document),
        "page": chunk["page"],
        "uri": document["uri"],
        "headings": chunk["headings"],
        "text": chunk["content"],
        "documentId": document["id"],
        "chunkId": chunk["id"],
    })
}

fn title(document: &Value) -> &str {
    document["title"].as_str().unwrap_or_else(|| text(&document["fileName"]))
}

/// How to get the next page.
fn more(page: &Value) -> Option<String> {
    let cursor = page["endCursor"].as_str().filter(|_| page["hasNextPage"] == true)?;
    Some(format!("There is more: call again with after = {cursor}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
