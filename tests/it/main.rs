//! The one integration test binary.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what does not hold fails the test by panicking")]

mod architecture;
mod auth_primitives;
mod blob;
mod config;
mod embedding;
mod graphql;
mod http;
mod support;
mod worker;
