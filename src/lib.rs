//! Docent: a self-hosted semantic search server for document collections with one GraphQL API.
//!
//! The code in reading order:
//!
//! - The ground: [`domain`] is what Docent is about, as plain values. [`error`] is what the outside may learn, [`config`]
//!   every setting. [`telemetry`], [`data_dir`], [`disk`] and [`lifecycle`] are about the process.
//! - The adapters: [`auth`] (who is asking), [`db`] (SQLite, PostgreSQL), [`vector`] (Qdrant Edge, Qdrant), [`embedding`]
//!   (BERT), [`blob`] (originals), [`extract`] (files to text).
//! - Built on adapters: [`chunking`] (text to passages), [`queue`] (work that survives), [`events`] (its story), [`ingest`]
//!   (the steps of one document).
//! - The use cases: [`service`].
//! - The doors: [`worker`] (jobs), [`graphql`] and [`http`], [`cli`] (the commands). [`app`] builds it all.
//!
//! Who may use whom is written in `ARCHITECTURE.md` and held by a test.

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
pub mod lifecycle;
pub mod queue;
pub mod service;
pub mod telemetry;
pub mod vector;
pub mod worker;
