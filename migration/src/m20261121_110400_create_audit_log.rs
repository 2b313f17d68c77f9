//! The audit log. Lines refer to nothing, because they outlive what they are about; the database itself refuses to change
//! one. Old lines are deleted.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

const TABLE: &[&str] = &[
    "CREATE TABLE audit_log (
        id {uuid} NOT NULL PRIMARY KEY,
        at {timestamp} NOT NULL,
        action text NOT NULL,
        result text NOT NULL CHECK (result IN ('DONE', 'REFUSED')),
        user_id {uuid},
        api_key_id {uuid},
        object_kind text,
        object_id {uuid},
        collection_id {uuid},
        message text,
        address text,
        user_agent text,
        request_id {uuid}
    )",
    "CREATE INDEX audit_log_collection_id_idx ON audit_log (collection_id, id)",
    "CREATE INDEX audit_log_user_id_idx ON audit_log (user_id, id)",
    "CREATE INDEX audit_log_at_idx ON audit_log (at)",
];

const SQLITE: &[&str] = &["CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"];

const POSTGRES: &[&str] = &[
    "CREATE FUNCTION audit_log_refuse_update() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$",
    "CREATE TRIGGER audit_log_refuse_update BEFORE UPDATE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION audit_log_refuse_update()",
];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        crate::sql::run(manager, TABLE).await?;
        crate::sql::run(manager, if is_postgres { POSTGRES } else { SQLITE }).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        crate::sql::run(manager, &["DROP TABLE audit_log"]).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            crate::sql::run(manager, &["DROP FUNCTION audit_log_refuse_update()"]).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
