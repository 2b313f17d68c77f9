//! The database's schema as a list of changes, each with its way back, for SQLite and PostgreSQL.
//!
//! A migration states its SQL once; the few words in which the two databases differ are placeholders (see [`sql`]). Each
//! runs in a transaction, so one that was killed half-way left nothing and can be run again. Migrations never use the
//! application's types: they describe the past.

use sea_orm_migration::prelude::*;

mod m20261121_100000_create_users;
mod m20261121_100100_create_sessions;
mod m20261121_100200_create_collections;
mod m20261121_100300_create_documents;
mod m20261121_100400_create_chunks;
mod m20261121_100500_create_operations;
mod m20261121_100600_create_jobs;
mod m20261121_100700_create_uploads;
mod m20261121_110000_add_session_details;
mod m20261121_110100_create_collection_members;
mod m20261121_110200_create_api_keys;
mod m20261121_110300_create_invitations;
mod m20261121_110400_create_audit_log;
mod m20261127_100101_create_stores;
mod m20261127_100200_reshape_jobs;
mod m20261127_100300_index_what_lists_start_from;
mod m20261127_100310_add_refresh_token_families;
mod m20261127_100400_add_progress_in_documents;
mod m20261127_110000_fold_names;
mod m20261127_120000_create_generations;
mod m20261127_130000_drop_sync_mode;
mod m20261127_140000_add_document_warnings;
mod m20261127_150000_create_sources;
mod m20261127_160000_add_generation_states;
mod m20261127_170000_add_versions_of_source_files;
mod m20261127_170050_keep_texts;
mod m20261127_170100_keep_progress;
mod m20261128_100000_keep_given_titles;
mod m20261128_100100_keep_processing_times;
mod m20261128_110000_create_schedules;
mod m20261128_120000_index_active_operations;
mod m20261128_120100_add_documents_of_api_keys;
mod m20261128_120200_create_password_resets;
mod m20261128_130000_add_parents_of_chunks;
mod m20261128_140000_create_integrity;
mod m20261128_140200_create_extractions;
mod m20261128_140400_keep_deleted_users;
pub mod sql;

/// Migrations that lose something of the rows that they find, so that going back does not bring it back.
pub const LOSING: &[&str] = &[
    // Names that were equal but for capitals are changed.
    "m20261127_110000_fold_names",
    // Chunks of collections that are gone, and columns that generations replace.
    "m20261127_120000_create_generations",
    "m20261127_130000_drop_sync_mode",
];

/// All migrations, oldest first.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_100000_create_users::Migration),
            Box::new(m20261121_100100_create_sessions::Migration),
            Box::new(m20261121_100200_create_collections::Migration),
            Box::new(m20261121_100300_create_documents::Migration),
            Box::new(m20261121_100400_create_chunks::Migration),
            Box::new(m20261121_100500_create_operations::Migration),
            Box::new(m20261121_100600_create_jobs::Migration),
            Box::new(m20261121_100700_create_uploads::Migration),
            Box::new(m20261121_110000_add_session_details::Migration),
            Box::new(m20261121_110100_create_collection_members::Migration),
            Box::new(m20261121_110200_create_api_keys::Migration),
            Box::new(m20261121_110300_create_invitations::Migration),
            Box::new(m20261121_110400_create_audit_log::Migration),
            Box::new(m20261127_100101_create_stores::Migration),
            Box::new(m20261127_100200_reshape_jobs::Migration),
            Box::new(m20261127_100300_index_what_lists_start_from::Migration),
            Box::new(m20261127_100310_add_refresh_token_families::Migration),
            Box::new(m20261127_100400_add_progress_in_documents::Migration),
            Box::new(m20261127_110000_fold_names::Migration),
            Box::new(m20261127_120000_create_generations::Migration),
            Box::new(m20261127_130000_drop_sync_mode::Migration),
            Box::new(m20261127_140000_add_document_warnings::Migration),
            Box::new(m20261127_150000_create_sources::Migration),
            Box::new(m20261127_160000_add_generation_states::Migration),
            Box::new(m20261127_170000_add_versions_of_source_files::Migration),
            Box::new(m20261127_170050_keep_texts::Migration),
            Box::new(m20261127_170100_keep_progress::Migration),
            Box::new(m20261128_100000_keep_given_titles::Migration),
            Box::new(m20261128_100100_keep_processing_times::Migration),
            Box::new(m20261128_110000_create_schedules::Migration),
            Box::new(m20261128_120000_index_active_operations::Migration),
            Box::new(m20261128_120100_add_documents_of_api_keys::Migration),
            Box::new(m20261128_120200_create_password_resets::Migration),
            Box::new(m20261128_130000_add_parents_of_chunks::Migration),
            Box::new(m20261128_140000_create_integrity::Migration),
            Box::new(m20261128_140200_create_extractions::Migration),
            Box::new(m20261128_140400_keep_deleted_users::Migration),
        ]
    }
}
