//! What was extracted from the original of each document, with the version of the readers. What was indexed before has none until
//! it is indexed again.

crate::sql::migration! {
    up: [
        "CREATE TABLE extractions (
            document_id {uuid} NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
            original_hash text NOT NULL,
            version integer NOT NULL CHECK (version >= 0),
            file_name text NOT NULL,
            declared_type text NOT NULL,
            text_hash text NOT NULL,
            text_length integer NOT NULL CHECK (text_length >= 0),
            details {json} NOT NULL,
            drifts {json},
            PRIMARY KEY (document_id, original_hash)
        )",
        "CREATE INDEX extractions_text_hash_idx ON extractions (text_hash)",
    ],
    down: ["DROP TABLE extractions"],
}
