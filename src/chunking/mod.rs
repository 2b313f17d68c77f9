//! Text to passages.
