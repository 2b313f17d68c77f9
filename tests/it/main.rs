//! The one integration test binary.

mod chunking;
mod extract;
