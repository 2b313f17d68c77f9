//! What tests stand on: real databases, a whole application, and callers of it.

pub mod postgres;
