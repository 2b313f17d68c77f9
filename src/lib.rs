//! Docent: a self-hosted semantic search server for document collections with one GraphQL API.
//!
//! The code in reading order:
//!
//! - The ground: [`domain`] is what Docent is about, as plain values. [`error`] is what callers learn of failures,
//!   [`config`] all settings. [`telemetry`], [`data_dir`], [`disk`] and [`lifecycle`] concern the process,
//!   [`pinned`] files that are downloaded.
//! - The adapters: [`auth`] (who the caller is), [`db`] (SQLite, PostgreSQL), [`vector`] (Qdrant Edge, Qdrant),
//!   [`embedding`] (BERT), [`blob`] (originals), [`source`] (places to follow), [`extract`] (files to text).
//! - Built on adapters: [`chunking`] (text to chunks), [`queue`] (durable jobs), [`jobs`] (what they are), [`events`] (of
//!   operations), [`ingest`] (the steps of one document).
//! - The use cases: [`service`].
//! - The doors: [`worker`] (jobs), [`graphql`] and [`http`] (the API), [`cli`] (the commands). [`app`] builds everything.
//!
//! `ARCHITECTURE.md` lists which module may use which; a test checks it.

pub mod app;
pub mod auth;
pub mod blob;
pub mod chunking;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod db;
pub mod disk;
pub mod domain;
pub mod embedding;
pub mod error;
pub mod events;
pub mod extract;
pub mod graphql;
pub mod http;
pub mod ingest;
pub mod jobs;
pub mod lifecycle;
pub mod pinned;
pub mod queue;
pub mod service;
pub mod source;
pub mod telemetry;
pub mod vector;
pub mod worker;
