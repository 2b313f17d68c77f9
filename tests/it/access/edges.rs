//! The edges of the graph: every field that leads from one object to others, and when there is something behind it.

use super::{
    rows::Row,
    schema::Lead,
    truth::{Need, Person},
};

/// What is at the end of an edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// An object, or a list of them.
    Object,
    /// A value that not everybody sees.
    Value,
    /// A connection that exists, and is empty for callers who may not see its content.
    List,
    /// A connection that is null for those who may not see it.
    NullableList,
}

/// An edge: for those who reach its parent there is something behind it if they have what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    pub parent: &'static str,
    pub end: End,
    /// From the root to the field, which is the last one.
    pub path: &'static [&'static str],
    pub reach: Need,
    pub need: Need,
}

/// The name of a field in its answer; nothing for a fragment.
fn name(segment: &str) -> Option<&str> {
    if segment.starts_with("...") { None } else { segment.split('(').next() }
}

impl Edge {
    pub fn field(&self) -> &'static str {
        self.path.last().and_then(|segment| name(segment)).unwrap_or_default()
    }

    /// The row that asks for it.
    pub fn row(&self) -> Row {
        let leaf = match self.end {
            End::Object => " { __typename }",
            End::Value => "",
            End::List | End::NullableList => {
                " { totalCount nodes { __typename } edges { node { __typename } } pageInfo { hasNextPage } }"
            }
        };
        let inside = self.path.join(" { ");
        let selection = format!("{inside}{leaf}{}", " }".repeat(self.path.len() - 1));
        let first = name(self.path[0]).unwrap_or_default();
        let is_mutation = MUTATIONS.contains(&first);
        let field = format!("{}.{first}", if is_mutation { "Mutation" } else { "Query" });
        let row = Row::graphql(field.leak(), "", self.reach, selection.leak());
        if is_mutation { row.changing() } else { row }
    }

    /// Whether there is something behind it in an answer. A connection has to agree with itself.
    pub fn is_filled(&self, answer: &serde_json::Value) -> bool {
        let names: Vec<_> = self.path.iter().filter_map(|segment| name(segment)).collect();
        any(&answer["data"], &names, &|end| match self.end {
            End::Object | End::Value => !end.is_null(),
            End::List | End::NullableList => {
                let rows = |list: &str| end[list].as_array().map(Vec::len);
                let count = rows("nodes");
                assert_eq!(count, rows("edges"), "{end:#}");
                assert_eq!(count.map(|count| count > 0), end["totalCount"].as_u64().map(|count| count > 0), "{end:#}");
                assert!(end.is_null() || end["pageInfo"].is_object(), "{end:#}");
                if self.end == End::List { count.is_some_and(|count| count > 0) } else { !end.is_null() }
            }
        })
    }

    /// Whether it is this edge of the schema. A connection goes with the field that gives it.
    pub fn covers(&self, lead: &Lead) -> bool {
        self.parent == lead.parent && self.field() == lead.field
    }
}

fn any(value: &serde_json::Value, names: &[&str], is_filled: &dyn Fn(&serde_json::Value) -> bool) -> bool {
    match (value, names) {
        (serde_json::Value::Array(items), _) => items.iter().any(|item| any(item, names, is_filled)),
        (value, []) => is_filled(value),
        (value, [first, rest @ ..]) => value.get(*first).is_some_and(|below| any(below, rest, is_filled)),
    }
}

/// Mutations whose payloads lead on.
const MUTATIONS: [&str; 7] = [
    "collectionUpdate",
    "collectionReindex",
    "collectionDelete",
    "collectionMemberSet",
    "documentsIngest",
    "documentsDelete",
    "operationCancel",
];

/// The objects in payloads that only callers who can read the collection get. All others are for everyone who may make
/// the change.
pub const GIVEN_TO_READERS: &[(&str, &str)] = &[
    ("CollectionUpdatePayload", "collection"),
    ("CollectionReindexPayload", "generation"),
    ("DocumentsIngestPayload", "documents"),
    ("DocumentUpdatePayload", "document"),
];

const READ: Need = Need::Read("COLLECTION_READ");
const MEMBERS: Need = Need::Read("MEMBER_READ");
const OPERATIONS: Need = Need::Read("OPERATION_READ");
const SEES_MEMBER: Need = Need::Sees(Person::Member);
const READ_MEMBERS: Need = Need::Both(&READ, &MEMBERS);

const COLLECTION: &str = "collection(id: $collection)";
const DOCUMENT: &str = "document(id: $document)";
const MEMBER: &str = "node(id: $member)";
const ON_USER: &str = "... on User";
const CHUNK: &str = "node(id: $chunk)";
const ON_CHUNK: &str = "... on Chunk";
const OPERATION: &str = "operation(id: $operation)";
const SOURCE: &str = "node(id: $source)";
const ON_SOURCE: &str = "... on Source";
const BUCKET: &str = "node(id: $bucket)";
const SITE: &str = "node(id: $site)";
const PREVIEW: &str = "sourcePreview(input: { sourceId: $source })";
const PREVIEWS: Need = Need::Both(&OPERATIONS, &Need::Change("DOCUMENT_INGEST", "OPERATION_READ"));
const CHUNKS: &str = "chunkingPreview(input: { content: { text: \"A tram.\" } })";
const AUDIT_LOG: &str = "auditLog(filter: { collectionId: $collection, userId: $editor })";
const SEARCH: &str = "search(input: { query: $word, collectionIds: [$collection], mode: LEXICAL })";
const COMPARE: &str = "generationCompare(input: {
    generationId: $generation, otherId: $generation, queries: [$word], mode: LEXICAL
})";
const UPDATE: &str = "collectionUpdate(input: { collectionId: $collection, description: $unique })";
const REINDEX: &str = "collectionReindex(input: { collectionId: $collection, force: true })";
const DELETE: &str = "collectionDelete(input: { collectionId: $collection })";
const MEMBER_SET: &str =
    "collectionMemberSet(input: { collectionId: $collection, username: $memberName, role: EDITOR })";
const INGEST: &str = "documentsIngest(input: { collectionId: $collection, documents: [{
    fileName: $unique, content: { text: \"x\" }
}] })";
const DOCUMENTS_DELETE: &str = "documentsDelete(input: { ids: [$document] })";
const CANCEL: &str = "operationCancel(input: { operationId: $waiting })";

const fn changing(action: &'static str) -> Need {
    Need::Change(action, "COLLECTION_READ")
}

/// The callers who may change a collection and read it.
const COMPARED: Need = Need::Both(&Need::Read("COLLECTION_UPDATE"), &READ);

/// The callers who may reindex a collection and see its generations.
const REINDEX_READ: Need = Need::Both(&changing("COLLECTION_UPDATE"), &READ);

const fn edge(parent: &'static str, path: &'static [&'static str], reach: Need, need: Need) -> Edge {
    Edge { parent, end: End::Object, path, reach, need }
}

const fn list(parent: &'static str, path: &'static [&'static str], reach: Need, need: Need) -> Edge {
    Edge { parent, end: End::List, path, reach, need }
}

const fn value(parent: &'static str, path: &'static [&'static str], reach: Need, need: Need) -> Edge {
    Edge { parent, end: End::Value, path, reach, need }
}

const fn nullable_list(parent: &'static str, path: &'static [&'static str], reach: Need, need: Need) -> Edge {
    Edge { parent, end: End::NullableList, path, reach, need }
}

pub const EDGES: &[Edge] = &[
    // The lists at the root, for their connections.
    list("Query", &["collections(filter: { ownerId: $owner, nameContains: $name })"], Need::Nothing, READ),
    list("Query", &["operations(filter: { collectionId: $collection })"], Need::Nothing, OPERATIONS),
    list("Query", &["users(filter: { text: $memberName })"], Need::Server, Need::Server),
    list("Query", &["invitations"], Need::Server, Need::Server),
    edge("Invitation", &["invitations", "nodes", "invitedBy"], Need::Server, Need::Server),
    list("Query", &[AUDIT_LOG], Need::Account, Need::Audit),
    edge("Server", &["server", "formats"], Need::Nothing, Need::Nothing),
    edge("Server", &["server", "limits"], Need::Nothing, Need::Nothing),
    edge("Server", &["server", "integrity"], Need::Nothing, Need::Administrates),
    edge("Server", &["server", "queues"], Need::Nothing, Need::Administrates),
    edge("Server", &["server", "workers"], Need::Nothing, Need::Administrates),
    edge("IntegrityReport", &["server", "integrity", "findings"], Need::Administrates, Need::Administrates),
    // Collections and their members.
    edge("Collection", &[COLLECTION, "chunking"], READ, READ),
    edge("Collection", &[COLLECTION, "embeddingModel"], READ, READ),
    edge("Collection", &[COLLECTION, "owner"], READ, READ),
    edge("Collection", &[COLLECTION, "generations"], READ, READ),
    edge("Generation", &[COLLECTION, "generations", "chunking"], READ, READ),
    edge("Generation", &[COLLECTION, "generations", "embeddingModel"], READ, READ),
    list("Collection", &[COLLECTION, "documents"], READ, READ),
    list("Collection", &[COLLECTION, "members"], READ, MEMBERS),
    list("Collection", &[COLLECTION, "operations"], READ, OPERATIONS),
    list("Collection", &[COLLECTION, "sources"], READ, OPERATIONS),
    edge("Member", &[COLLECTION, "members", "nodes", "user"], READ_MEMBERS, MEMBERS),
    edge("Member", &[COLLECTION, "members", "nodes", "collection"], READ_MEMBERS, READ),
    // Accounts.
    nullable_list("User", &["viewer", "sessions"], Need::Account, Need::Login),
    nullable_list("User", &["viewer", "apiKeys"], Need::Account, Need::Login),
    edge("User", &["viewer", "rateLimit"], Need::Account, Need::Account),
    edge("User", &["viewer", "apiKey"], Need::Account, Need::Key),
    value("User", &["viewer", "email"], Need::Account, Need::Login),
    nullable_list("User", &[COLLECTION, "owner", "sessions"], READ, Need::IsLogin(Person::Owner)),
    nullable_list("User", &[COLLECTION, "owner", "apiKeys"], READ, Need::IsLogin(Person::Owner)),
    edge("User", &[COLLECTION, "owner", "rateLimit"], READ, Need::Is(Person::Owner)),
    edge("User", &[COLLECTION, "owner", "apiKey"], READ, Need::Both(&Need::Is(Person::Owner), &Need::Key)),
    value("User", &[COLLECTION, "owner", "email"], READ, Need::Administers(Person::Owner)),
    value("User", &[COLLECTION, "owner", "role"], READ, Need::Administers(Person::Owner)),
    value("User", &[COLLECTION, "owner", "isActive"], READ, Need::Administers(Person::Owner)),
    nullable_list("User", &[MEMBER, ON_USER, "sessions"], SEES_MEMBER, Need::IsLogin(Person::Member)),
    nullable_list("User", &[MEMBER, ON_USER, "apiKeys"], SEES_MEMBER, Need::IsLogin(Person::Member)),
    edge("User", &[MEMBER, ON_USER, "rateLimit"], SEES_MEMBER, Need::Is(Person::Member)),
    value("User", &[MEMBER, ON_USER, "email"], SEES_MEMBER, Need::Administers(Person::Member)),
    edge("AuditEntry", &[AUDIT_LOG, "nodes", "user"], Need::Audit, Need::Sees(Person::Editor)),
    // Documents and chunks.
    edge("Document", &[DOCUMENT, "collection"], READ, READ),
    list("Document", &[DOCUMENT, "chunks"], READ, READ),
    edge("Document", &[DOCUMENT, "warnings"], READ, READ),
    edge("Document", &[DOCUMENT, "text"], READ, READ),
    edge("DocumentText", &[DOCUMENT, "text(from: 0)", "pageInfo"], READ, READ),
    edge("Document", &[COLLECTION, "documents(filter: { sourceId: $source })", "nodes", "source"], READ, OPERATIONS),
    edge("Document", &[COLLECTION, "documents(filter: { status: [FAILED] })", "nodes", "error"], READ, READ),
    edge("Chunk", &[CHUNK, ON_CHUNK, "collection"], READ, READ),
    edge("Chunk", &[CHUNK, ON_CHUNK, "document"], READ, READ),
    edge("Chunk", &[CHUNK, ON_CHUNK, "previous"], READ, READ),
    edge("Chunk", &[CHUNK, ON_CHUNK, "parent"], READ, READ),
    edge("Chunk", &[CHUNK, ON_CHUNK, "next"], READ, READ),
    // Sources.
    edge("Source", &[SOURCE, ON_SOURCE, "collection"], OPERATIONS, READ),
    edge("Source", &[SOURCE, ON_SOURCE, "directory"], OPERATIONS, OPERATIONS),
    edge("Source", &[BUCKET, ON_SOURCE, "bucket"], OPERATIONS, OPERATIONS),
    edge("Source", &[SITE, ON_SOURCE, "web"], OPERATIONS, OPERATIONS),
    edge("WebLocation", &[SITE, ON_SOURCE, "web", "page"], OPERATIONS, OPERATIONS),
    edge("Source", &[SOURCE, ON_SOURCE, "onVanish"], OPERATIONS, OPERATIONS),
    edge("Source", &[SOURCE, ON_SOURCE, "lastRun"], OPERATIONS, OPERATIONS),
    list("Source", &[SOURCE, ON_SOURCE, "runs"], OPERATIONS, OPERATIONS),
    list("Source", &[SOURCE, ON_SOURCE, "documents"], OPERATIONS, READ),
    edge("SourceRun", &[SOURCE, ON_SOURCE, "lastRun", "operation"], OPERATIONS, OPERATIONS),
    edge("SourcePreview", &[PREVIEW, "added"], PREVIEWS, PREVIEWS),
    edge("SourcePreview", &[PREVIEW, "changed"], PREVIEWS, PREVIEWS),
    edge("SourcePreview", &[PREVIEW, "removed"], PREVIEWS, PREVIEWS),
    edge("SourcePreview", &[PREVIEW, "skipped"], PREVIEWS, PREVIEWS),
    edge("ChunkingPreview", &[CHUNKS, "chunkings"], Need::Account, Need::Account),
    edge("PreviewedChunking", &[CHUNKS, "chunkings", "chunking"], Need::Account, Need::Account),
    edge("PreviewedChunking", &[CHUNKS, "chunkings", "chunks"], Need::Account, Need::Account),
    // Operations.
    edge("Operation", &[OPERATION, "collection"], OPERATIONS, READ),
    edge("Operation", &["operation(id: $sync)", "source"], OPERATIONS, OPERATIONS),
    edge("Operation", &[OPERATION, "totals"], OPERATIONS, OPERATIONS),
    edge("Operation", &[OPERATION, "user"], OPERATIONS, Need::Sees(Person::Owner)),
    edge("Operation", &["operation(id: $waiting)", "user"], OPERATIONS, Need::Sees(Person::Editor)),
    list("Operation", &[OPERATION, "documents"], OPERATIONS, OPERATIONS),
    // What documents are now is not the operation's to tell.
    list("Operation", &[OPERATION, "documents(filter: { status: [COMPLETED] })"], OPERATIONS, READ),
    list("Operation", &[OPERATION, "events"], OPERATIONS, OPERATIONS),
    edge("OperationDocument", &[OPERATION, "documents", "nodes", "document"], OPERATIONS, READ),
    edge("OperationDocument", &[OPERATION, "documents(outcomes: [FAILED])", "nodes", "error"], OPERATIONS, OPERATIONS),
    edge("OperationEvent", &[OPERATION, "events", "nodes", "document"], OPERATIONS, READ),
    edge("OperationEvent", &[OPERATION, "events", "nodes", "operation"], OPERATIONS, OPERATIONS),
    // Search hits.
    edge("SearchConnection", &[SEARCH, "nodes"], READ, READ),
    edge("SearchHit", &[SEARCH, "edges", "node", "document"], READ, READ),
    edge("SearchConnection", &[SEARCH, "legs"], READ, READ),
    edge("SearchConnection", &[SEARCH, "pageInfo"], READ, READ),
    edge("SearchHit", &[SEARCH, "nodes", "chunk"], READ, READ),
    edge("SearchHit", &[SEARCH, "nodes", "document"], READ, READ),
    edge("SearchHit", &[SEARCH, "nodes", "explanation"], READ, READ),
    edge("SearchHit", &[SEARCH, "nodes", "highlights"], READ, READ),
    edge("Highlight", &[SEARCH, "nodes", "highlights", "ranges"], READ, READ),
    edge("ScoreExplanation", &[SEARCH, "nodes", "explanation", "legs"], READ, READ),
    edge("GenerationComparison", &[COMPARE, "queries"], COMPARED, COMPARED),
    edge("GenerationQuery", &[COMPARE, "queries", "hits"], COMPARED, COMPARED),
    edge("GenerationQuery", &[COMPARE, "queries", "otherHits"], COMPARED, COMPARED),
    // The objects of a payload are read again: permission to change an object does not let the caller see its content.
    list("Collection", &[UPDATE, "collection", "documents"], changing("COLLECTION_UPDATE"), READ),
    list("Collection", &[UPDATE, "collection", "members"], changing("COLLECTION_UPDATE"), MEMBERS),
    list("Collection", &[UPDATE, "collection", "operations"], changing("COLLECTION_UPDATE"), OPERATIONS),
    edge("Member", &[MEMBER_SET, "member", "user"], changing("MEMBER_MANAGE"), Need::Sees(Person::Member)),
    edge("Member", &[MEMBER_SET, "member", "collection"], changing("MEMBER_MANAGE"), READ),
    edge("Document", &[INGEST, "documents", "collection"], changing("DOCUMENT_INGEST"), READ),
    edge("Operation", &[INGEST, "operation", "collection"], changing("DOCUMENT_INGEST"), READ),
    list("Operation", &[INGEST, "operation", "documents"], changing("DOCUMENT_INGEST"), OPERATIONS),
    list("Operation", &[INGEST, "operation", "events"], changing("DOCUMENT_INGEST"), OPERATIONS),
    list("Operation", &[DOCUMENTS_DELETE, "operation", "documents"], changing("DOCUMENT_DELETE"), OPERATIONS),
    edge("Generation", &[REINDEX, "generation", "operation"], REINDEX_READ, OPERATIONS),
    list("Operation", &[REINDEX, "operation", "events"], changing("COLLECTION_UPDATE"), OPERATIONS),
    list("Operation", &[DELETE, "operation", "events"], changing("COLLECTION_DELETE"), OPERATIONS),
    edge("Operation", &[CANCEL, "operation", "collection"], Need::Change("OPERATION_CANCEL", "OPERATION_READ"), READ),
    list("Operation", &[CANCEL, "operation", "events"], Need::Change("OPERATION_CANCEL", "OPERATION_READ"), OPERATIONS),
];
