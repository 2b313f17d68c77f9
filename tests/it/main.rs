//! The one integration test binary.

mod embedding;
