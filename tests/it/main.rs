//! The one integration test binary.

mod vector;
