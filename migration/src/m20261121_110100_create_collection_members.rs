//! Roles in collections. The owner has a row too, so that one lookup answers what a caller is; `collections.owner_id` is
//! the same fact for the names, which are unique for each owner.

crate::sql::migration! {
    up: [
        "CREATE TABLE collection_members (
            collection_id {uuid} NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
            user_id {uuid} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
            role text NOT NULL CHECK (role IN ('OWNER', 'EDITOR', 'VIEWER')),
            created_at {timestamp} NOT NULL,
            PRIMARY KEY (collection_id, user_id)
        ) {without_rowid}",
        "CREATE UNIQUE INDEX collection_members_owner_key ON collection_members (collection_id) WHERE role = 'OWNER'",
        "CREATE INDEX collection_members_user_id_idx ON collection_members (user_id, collection_id)",
        "INSERT INTO collection_members (collection_id, user_id, role, created_at)
            SELECT id, owner_id, 'OWNER', created_at FROM collections",
    ],
    down: ["DROP TABLE collection_members"],
}
