//! How far work on a document is, in percent, and the sum of it over the documents of an operation that are in work.

crate::sql::migration! {
    up: [
        "ALTER TABLE operations ADD COLUMN percent_total integer NOT NULL DEFAULT 0",
        "ALTER TABLE operation_documents ADD COLUMN percent integer NOT NULL DEFAULT 0",
    ],
    down: [
        "ALTER TABLE operation_documents DROP COLUMN percent",
        "ALTER TABLE operations DROP COLUMN percent_total",
    ],
}
