//! The extracted text of each document that a generation holds, and what its file says of itself. What was indexed before
//! has none until it is indexed again.

crate::sql::migration! {
    up: [
        "ALTER TABLE indexed_documents ADD COLUMN text_hash text",
        "ALTER TABLE indexed_documents ADD COLUMN text_length integer",
        "CREATE INDEX indexed_documents_text_hash_idx ON indexed_documents (text_hash)",
        "ALTER TABLE documents ADD COLUMN author text",
        "ALTER TABLE documents ADD COLUMN page_count integer",
        "ALTER TABLE documents ADD COLUMN content_created_at {timestamp}",
        "ALTER TABLE documents ADD COLUMN content_modified_at {timestamp}",
    ],
    down: [
        "ALTER TABLE documents DROP COLUMN content_modified_at",
        "ALTER TABLE documents DROP COLUMN content_created_at",
        "ALTER TABLE documents DROP COLUMN page_count",
        "ALTER TABLE documents DROP COLUMN author",
        "DROP INDEX indexed_documents_text_hash_idx",
        "ALTER TABLE indexed_documents DROP COLUMN text_length",
        "ALTER TABLE indexed_documents DROP COLUMN text_hash",
    ],
}
