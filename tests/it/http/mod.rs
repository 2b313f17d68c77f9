//! The transports, over a tiny schema of their own: what they do must not depend on the product's schema.

mod connections;
mod limits;
mod support;
mod transport;
mod websocket;
