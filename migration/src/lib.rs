//! The database's schema as a list of changes, each with its way back, for SQLite and PostgreSQL.
//!
//! A migration states its SQL once; the few words in which the two databases differ are placeholders (see [`sql`]). Each
//! runs in a transaction, so one that was killed half-way left nothing and can be run again. Migrations never use the
//! application's types: they describe the past.

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
mod runner;
pub mod sql;

use self::runner::Change;
pub use self::runner::{Migration, down, status, up};

/// Pairs each module's name with its migration.
macro_rules! named {
    ($($module:ident),* $(,)?) => {
        vec![$((stringify!($module), Box::new($module::Migration) as Box<dyn Change>)),*]
    };
}

/// All migrations with their names, oldest first.
fn all() -> Vec<(&'static str, Box<dyn Change>)> {
    named![
        m20261121_100000_create_users,
        m20261121_100100_create_sessions,
        m20261121_100200_create_collections,
        m20261121_100300_create_documents,
        m20261121_100400_create_chunks,
        m20261121_100500_create_operations,
        m20261121_100600_create_jobs,
        m20261121_100700_create_uploads,
        m20261121_110000_add_session_details,
        m20261121_110100_create_collection_members,
        m20261121_110200_create_api_keys,
        m20261121_110300_create_invitations,
        m20261121_110400_create_audit_log,
        m20261127_100101_create_stores,
        m20261127_100200_reshape_jobs,
        m20261127_100300_index_what_lists_start_from,
        m20261127_100310_add_refresh_token_families,
        m20261127_100400_add_progress_in_documents,
        m20261127_110000_fold_names,
        m20261127_120000_create_generations,
    ]
}
