//! What fills a generation, and when one was promoted and retired. A collection has one that is being built at most.

crate::sql::migration! {
    up: [
        "ALTER TABLE generations ADD COLUMN operation_id {uuid}",
        "ALTER TABLE generations ADD COLUMN promoted_at {timestamp}",
        "ALTER TABLE generations ADD COLUMN retired_at {timestamp}",
        "UPDATE generations SET promoted_at = created_at WHERE state = 'ACTIVE'",
        "CREATE UNIQUE INDEX generations_collection_id_building_key ON generations (collection_id)
         WHERE state = 'BUILDING'",
        "CREATE INDEX generations_retired_at_idx ON generations (retired_at) WHERE state = 'RETIRED'",
    ],
    down: [
        "DROP INDEX generations_retired_at_idx",
        "DROP INDEX generations_collection_id_building_key",
        "ALTER TABLE generations DROP COLUMN retired_at",
        "ALTER TABLE generations DROP COLUMN promoted_at",
        "ALTER TABLE generations DROP COLUMN operation_id",
    ],
}
