//! Docent: a self-hosted semantic search server for document collections with one GraphQL API.
//!
//! The code in reading order:
//!
//! - [`domain`]: what Docent is about, as plain values. [`error`]: what the outside may learn. [`config`]: every setting.
//! - The adapters: [`db`] (SQLite, PostgreSQL), [`vector`] (Qdrant Edge, Qdrant), [`embedding`] (BERT), [`blob`]
//!   (originals), [`extract`] (files to text), [`chunking`] (text to passages).
//! - [`queue`] and [`events`]: work that survives, and its story. [`ingest`]: the steps of one document.
//! - [`service`]: the use cases. [`auth`]: who is asking. [`worker`]: jobs.
//! - [`graphql`] and [`http`]: the doors. [`cli`]: the commands.
//! - [`app`] builds it all; [`data_dir`], [`lifecycle`] and [`telemetry`] are about the process.
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
