//! What is doubtful about the text of a document. Documents that were read before have none.

crate::sql::migration! {
    up: ["ALTER TABLE documents ADD COLUMN warnings {json} NOT NULL DEFAULT '[]'"],
    down: ["ALTER TABLE documents DROP COLUMN warnings"],
}
