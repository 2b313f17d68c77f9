//! The GraphQL side of the server: documents are scanned, parsed, limited and executed here, and errors become public.
//!
//! Only this module names the engine (`async_graphql`); transports see [`engine::Engine`].

pub mod engine;
pub mod error;
pub mod extension;
pub mod limits;
pub mod scan;
