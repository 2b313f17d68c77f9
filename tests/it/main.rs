//! The one integration test binary.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what does not hold fails the test by panicking")]
#![expect(clippy::disallowed_methods, reason = "the environment says where tests find servers and models")]

mod access;
mod architecture;
mod auth_primitives;
mod backups;
mod blob;
mod chunking;
mod cli;
mod config;
mod data_dir;
mod docs;
mod embedding;
mod extract;
mod graphql;
mod http;
mod migrations;
mod remote;
mod sample;
mod support;
mod unused;
mod vector;
mod worker;
