//! Indexes from which lists, sweeps and looks for references start.

crate::sql::migration! {
    up: [
        "CREATE INDEX collections_public_id_idx ON collections (id) WHERE is_public",
        "CREATE INDEX collections_public_name_idx ON collections (name, id) WHERE is_public",
        "CREATE INDEX collections_vector_store_name_idx ON collections (vector_store_name)",
        "CREATE INDEX documents_collection_id_status_idx ON documents (collection_id, status, id)",
        "CREATE INDEX operations_user_id_gone_idx ON operations (user_id, id) WHERE collection_id IS NULL",
        "CREATE INDEX operations_completed_at_idx ON operations (completed_at)",
        "CREATE INDEX sessions_user_id_open_idx ON sessions (user_id, id) WHERE revoked_at IS NULL",
        "CREATE INDEX sessions_expires_at_idx ON sessions (expires_at)",
        "CREATE INDEX sessions_revoked_at_idx ON sessions (revoked_at)",
        "CREATE INDEX uploads_content_hash_idx ON uploads (content_hash)",
        "CREATE INDEX users_role_idx ON users (role, is_active)",
    ],
    down: [
        "DROP INDEX users_role_idx",
        "DROP INDEX uploads_content_hash_idx",
        "DROP INDEX sessions_revoked_at_idx",
        "DROP INDEX sessions_expires_at_idx",
        "DROP INDEX sessions_user_id_open_idx",
        "DROP INDEX operations_completed_at_idx",
        "DROP INDEX operations_user_id_gone_idx",
        "DROP INDEX documents_collection_id_status_idx",
        "DROP INDEX collections_vector_store_name_idx",
        "DROP INDEX collections_public_name_idx",
        "DROP INDEX collections_public_id_idx",
    ],
}
