//! The one integration test binary.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "what does not hold fails the test by panicking")]

mod http;
