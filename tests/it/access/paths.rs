//! The rows of what is not GraphQL: every path, and every tool of the Model Context Protocol.

use super::{
    rows::{Ask, Row},
    truth::{Need, Person},
};

const READ: Need = Need::Read("COLLECTION_READ");
const INGEST: Need = Need::Change("DOCUMENT_INGEST", "COLLECTION_READ");

const fn row(field: &'static str, what: &'static str, need: Need, method: &'static str, path: &'static str) -> Row {
    Row::new(field, what, need, Ask::Http(method, path, ""))
}

const fn put(what: &'static str, need: Need, path: &'static str) -> Row {
    Row::new("/uploads/{id}", what, need, Ask::Http("PUT", path, "The bytes of a file."))
}

const fn tool(what: &'static str, need: Need, name: &'static str, arguments: &'static str) -> Row {
    Row::new("/mcp", what, need, Ask::Tool(name, arguments))
}

pub const PATHS: &[Row] = &[
    row("/", "the playground", Need::Open, "GET", "/"),
    row("/health/live", "", Need::Open, "GET", "/health/live"),
    row("/health/ready", "", Need::Open, "GET", "/health/ready"),
    row("/schema.graphql", "", Need::Open, "GET", "/schema.graphql"),
    // POST has a row for each field.
    row(
        "/graphql",
        "a query in the address",
        READ,
        "GET",
        "/graphql?query=%7Bcollection(id:%22$collection%22)%7Bid%7D%7D",
    )
    .hiding(&["collection"]),
    row("/documents/{id}/content", "", READ, "GET", "/documents/$documentUuid/content").hiding(&["documentUuid"]),
    row("/documents/{id}/content", "its headers", READ, "HEAD", "/documents/$documentUuid/content")
        .hiding(&["documentUuid"]),
    row(
        "/documents/{id}/content",
        "of a collection that is being removed",
        Need::Missing(&Need::Nothing),
        "GET",
        "/documents/$removedUuid/content",
    )
    .hiding(&["removedUuid"]),
    tool("a search", READ, "search", r#"{ "query": "$word", "collectionIds": ["$collection"], "mode": "LEXICAL" }"#)
        .shown_by("document")
        .hiding(&["collection"]),
    tool("a list", READ, "list_collections", r#"{ "first": 100 }"#).shown_by("collection"),
    tool("a document", READ, "get_document", r#"{ "documentId": "$document" }"#)
        .shown_by("document")
        .hiding(&["document"]),
    tool("a chunk with those around it", READ, "get_chunk_context", r#"{ "chunkId": "$chunk" }"#)
        .shown_by("chunk")
        .hiding(&["chunk"]),
    tool(
        "a text that is added",
        INGEST,
        "ingest_text",
        r#"{ "collectionId": "$collection", "fileName": "$unique.txt", "text": "x" }"#,
    )
    .hiding(&["collection"])
    .changing(),
    put("a place of the caller's own", Need::OwnUpload, "/uploads/$ownUpload").hiding(&["ownUpload"]),
    put("a place of the owner", Need::Both(&Need::Account, &Need::IsLogin(Person::Owner)), "/uploads/$ownersUpload")
        .hiding(&["ownersUpload"]),
    put("somebody else's place", Need::Missing(&Need::Account), "/uploads/$theirUpload").hiding(&["theirUpload"]),
];
