//! The rows of what can be read: every field of `Query` and `Subscription`.

use super::{
    rows::{Ask, Row},
    truth::{Need, Person},
};

const READ: Need = Need::Read("COLLECTION_READ");
const OPERATIONS: Need = Need::Read("OPERATION_READ");
/// Who may read operations sees sources.
const SEES_SOURCE: Need = Need::Change("OPERATION_READ", "OPERATION_READ");
/// It hides nothing from any caller.
const ALIKE: Need = Need::Missing(&Need::Nothing);

const fn row(field: &'static str, what: &'static str, need: Need, selection: &'static str) -> Row {
    Row::graphql(field, what, need, selection)
}

pub const QUERIES: &[Row] = &[
    row("Query.viewer", "", Need::Nothing, "viewer { id username }"),
    row("Query.server", "", Need::Nothing, "server { version isClaimed }"),
    row("Query.embeddingModels", "", Need::Nothing, "embeddingModels { name }"),
    row("Query.users", "", Need::Server, "users(first: 100) { nodes { id email } totalCount }"),
    row("Query.users", "by name", Need::Server, "users(filter: { text: $closed }) { nodes { id } totalCount }")
        .hiding(&["closed"]),
    row(
        "Query.userSuggest",
        "a member",
        Need::Both(&Need::Account, &Need::Sees(Person::Member)),
        "userSuggest(text: $memberName) { id }",
    )
    .shown_by("member")
    .hiding(&["memberName"]),
    row("Query.invitations", "", Need::Server, "invitations(first: 100) { nodes { id email } totalCount }"),
    row("Query.node", "an invitation", Need::Administrates, "node(id: $invitation) { __typename id }")
        .hiding(&["invitation"]),
    row(
        "Query.auditLog",
        "of whatever was done to collections",
        Need::Audit,
        "auditLog(first: 100, filter: { actions: [COLLECTION_CREATE, DOCUMENTS_INGEST], result: DONE }) {
            nodes { id collectionId } edges { cursor } totalCount
        }",
    )
    .shown_by("collection"),
    row(
        "Query.auditLog",
        "of a collection",
        Need::Audit,
        "auditLog(filter: { collectionId: $collection }) {
            nodes { id collectionId } totalCount pageInfo { hasNextPage endCursor }
        }",
    )
    .shown_by("collection")
    .hiding(&["collection"]),
    row(
        "Query.auditLog",
        "of a user in a collection",
        Need::Audit,
        "auditLog(filter: { collectionId: $collection, userId: $editor }) { nodes { collectionId } totalCount }",
    )
    .shown_by("collection")
    .hiding(&["collection", "editor"]),
    row("Query.collection", "", READ, "collection(id: $collection) { id name documentCount }").hiding(&["collection"]),
    row(
        "Query.collections",
        "all of them",
        READ,
        "collections(first: 100) { nodes { id name } edges { cursor } totalCount }",
    )
    .shown_by("collection"),
    row(
        "Query.collections",
        "of an owner, by name",
        READ,
        "collections(filter: { ownerId: $owner, nameContains: $name }) {
            nodes { id } edges { cursor } totalCount pageInfo { hasNextPage startCursor endCursor }
        }",
    )
    .shown_by("collection")
    .hiding(&["owner", "name"]),
    row(
        "Query.collections",
        "after the cursor of one",
        ALIKE,
        "collections(first: 100, after: $collectionCursor) { nodes { id } totalCount pageInfo { startCursor } }",
    )
    .never_shown()
    .hiding(&["collectionCursor"]),
    row("Query.document", "", READ, "document(id: $document) { id fileName downloadUrl }").hiding(&["document"]),
    row("Query.operation", "", OPERATIONS, "operation(id: $operation) { id progress viewerCan }")
        .hiding(&["operation"]),
    row(
        "Query.operations",
        "all of them",
        OPERATIONS,
        "operations(first: 100) { nodes { id } edges { cursor } totalCount }",
    )
    .shown_by("operation"),
    row(
        "Query.operations",
        "of a collection",
        OPERATIONS,
        "operations(filter: { collectionId: $collection }) {
            nodes { id } totalCount pageInfo { hasNextPage startCursor endCursor }
        }",
    )
    .shown_by("operation")
    .hiding(&["collection"]),
    row(
        "Query.operations",
        "after the cursor of one",
        ALIKE,
        "operations(first: 1, after: $operationCursor) { totalCount pageInfo { startCursor } }",
    )
    .never_shown()
    .hiding(&["operationCursor"]),
    row("Query.node", "a collection", READ, "node(id: $collection) { __typename id }").hiding(&["collection"]),
    row("Query.node", "a document", READ, "node(id: $document) { __typename id }").hiding(&["document"]),
    row("Query.node", "a chunk", READ, "node(id: $chunk) { __typename id }").hiding(&["chunk"]),
    row("Query.node", "a chunk that is in no document of the collection", READ, "node(id: $inner) { __typename id }")
        .hiding(&["inner"]),
    row("Query.node", "an operation", OPERATIONS, "node(id: $operation) { __typename id }").hiding(&["operation"]),
    row("Query.node", "a generation", READ, "node(id: $generation) { __typename id }").hiding(&["generation"]),
    row("Query.node", "the owner", Need::Sees(Person::Owner), "node(id: $owner) { __typename id }").hiding(&["owner"]),
    row("Query.node", "a member", Need::Sees(Person::Member), "node(id: $member) { __typename id }")
        .hiding(&["member"]),
    row("Query.node", "a role in a collection", Need::Read("MEMBER_READ"), "node(id: $membership) { __typename id }")
        .hiding(&["membership"]),
    row("Query.node", "an entry of the audit log", Need::Read("AUDIT_READ"), "node(id: $auditEntry) { __typename id }")
        .hiding(&["auditEntry"]),
    row("Query.node", "an API key of the caller", Need::Owns, "node(id: $ownKey) { __typename id }")
        .hiding(&["ownKey"]),
    row("Query.node", "an API key of another account", ALIKE, "node(id: $theirKey) { __typename id }")
        .hiding(&["theirKey"]),
    row("Query.node", "a session of another account", ALIKE, "node(id: $theirSession) { __typename id }")
        .hiding(&["theirSession"]),
    row("Query.nodes", "a collection", READ, "nodes(ids: [$collection]) { __typename id }").hiding(&["collection"]),
    row("Query.nodes", "a document", READ, "nodes(ids: [$document]) { __typename id }").hiding(&["document"]),
    row("Query.nodes", "a chunk", READ, "nodes(ids: [$chunk, $chunk]) { __typename id }").hiding(&["chunk"]),
    row("Query.nodes", "an operation", OPERATIONS, "nodes(ids: [$operation]) { __typename id }").hiding(&["operation"]),
    row("Query.nodes", "a generation", READ, "nodes(ids: [$generation]) { __typename id }").hiding(&["generation"]),
    row("Query.nodes", "the owner", Need::Sees(Person::Owner), "nodes(ids: [$owner]) { __typename id }")
        .hiding(&["owner"]),
    row("Query.nodes", "a member", Need::Sees(Person::Member), "nodes(ids: [$member]) { __typename id }")
        .hiding(&["member"]),
    row(
        "Query.search",
        "in a collection",
        READ,
        "search(input: { query: $word, collectionIds: [$collection], mode: LEXICAL }) {
            nodes { document { id } } legs { kind state candidates message } pageInfo { hasNextPage endCursor }
        }",
    )
    .shown_by("document")
    .hiding(&["collection"]),
    row(
        "Query.search",
        "in a collection, by meaning",
        READ,
        "search(input: { query: $word, collectionIds: [$collection] }) { nodes { document { id } } }",
    )
    .shown_by("document")
    .hiding(&["collection"]),
    row(
        "Query.search",
        "everywhere, by a word that is there alone",
        READ,
        "search(input: { query: $word, mode: LEXICAL, groupBy: DOCUMENT }) {
            nodes { rank score document { id } } legs { kind state candidates message }
            pageInfo { hasNextPage startCursor endCursor }
        }",
    )
    .shown_by("document")
    .hiding(&["word"]),
    row(
        "Query.search",
        "everywhere, by meaning",
        READ,
        "search(input: { query: $word }, first: 100) { nodes { document { id } highlights { text } } }",
    )
    .shown_by("document"),
    row(
        "Query.chunkingPreview",
        "of a text",
        Need::Account,
        "chunkingPreview(input: { content: { text: \"A tram.\" } }) { length chunkings { chunkCount } }",
    ),
    row(
        "Query.chunkingPreview",
        "of a document",
        Need::Both(&Need::Account, &READ),
        "chunkingPreview(input: { content: { documentId: $document } }) { length }",
    )
    .hiding(&["document"]),
    row(
        "Query.chunkingPreview",
        "of somebody else's upload",
        Need::Missing(&Need::Account),
        "chunkingPreview(input: { content: { uploadId: $theirUpload } }) { length }",
    )
    .hiding(&["theirUpload"]),
    row("Query.node", "a source", OPERATIONS, "node(id: $source) { __typename id }").hiding(&["source"]),
    row(
        "Query.sourcePreview",
        "of a source",
        Need::Both(&SEES_SOURCE, &Need::Change("DOCUMENT_INGEST", "OPERATION_READ")),
        "sourcePreview(input: { sourceId: $source }) { found added { count } skipped { path reason } }",
    )
    .hiding(&["source"]),
    row(
        "Query.sourcePreview",
        "of a place",
        Need::Both(&Need::Change("COLLECTION_UPDATE", "COLLECTION_READ"), &Need::Upload),
        "sourcePreview(input: { location: {
            collectionId: $collection, location: { directory: { path: $directory } }
        } }) { found unchanged needsConfirmation }",
    )
    .hiding(&["collection"]),
    row(
        "Query.search",
        "in a generation",
        Need::Both(&Need::Read("COLLECTION_UPDATE"), &READ),
        "search(input: { query: $word, generationId: $generation, mode: LEXICAL }) { nodes { document { id } } }",
    )
    .shown_by("document")
    .hiding(&["generation"]),
    row(
        "Query.generationCompare",
        "",
        Need::Both(&Need::Read("COLLECTION_UPDATE"), &READ),
        "generationCompare(input: {
            generationId: $generation, otherId: $generation, queries: [$word], mode: LEXICAL
        }) { overlap queries { query hits { document { id } } } }",
    )
    .shown_by("document")
    .hiding(&["generation"]),
    // What is being removed is gone for everybody.
    row("Query.collection", "that is being removed", ALIKE, "collection(id: $removed) { id }").hiding(&["removed"]),
    row("Query.document", "that is being removed", ALIKE, "document(id: $removedDocument) { id }")
        .hiding(&["removedDocument"]),
    row(
        "Query.search",
        "in a collection that is being removed",
        ALIKE,
        "search(input: { query: $word, collectionIds: [$removed], mode: LEXICAL }) { nodes { document { id } } }",
    )
    .hiding(&["removed"]),
    // One thing that is hidden hides the whole.
    row(
        "Query.search",
        "in a public collection and a hidden one",
        ALIKE,
        "search(input: { query: $word, collectionIds: [$public, $theirCollection] }) { nodes { document { id } } }",
    )
    .hiding(&["theirCollection"]),
    Row::new(
        "Subscription.operationEvents",
        "from the beginning",
        OPERATIONS,
        Ask::Follow("operationEvents(operationId: $operation) { sequence kind operation { id } }"),
    )
    .hiding(&["operation"]),
    Row::new(
        "Subscription.operationEvents",
        "after a cursor",
        OPERATIONS,
        Ask::Follow("operationEvents(operationId: $operation, after: $eventCursor) { sequence kind }"),
    )
    .hiding(&["operation"]),
    Row::new(
        "Subscription.collectionEvents",
        "since this morning",
        OPERATIONS,
        Ask::Listen("collectionEvents(collectionId: $collection, after: $feedCursor) { kind operation { id } }"),
    )
    .shown_by("operation")
    .hiding(&["collection"]),
    Row::new(
        "Subscription.viewerOperations",
        "since this morning",
        Need::Both(&Need::Account, &OPERATIONS),
        Ask::Listen("viewerOperations(after: $feedCursor) { kind operation { id } }"),
    )
    .shown_by("operation"),
];
