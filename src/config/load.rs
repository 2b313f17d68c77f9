//! Reads `Config` from its sources.
