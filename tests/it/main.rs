//! The one integration test binary.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do its helpers")]

mod auth_primitives;
mod blob;
mod config;
