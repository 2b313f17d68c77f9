//! The transports, over a tiny schema of their own: what they do must not depend on the product's schema. Files come and go
//! over the product's.

mod connections;
mod cookies;
mod downloads;
mod health;
mod hosts;
mod limits;
mod live_operations;
mod mcp;
mod persisted;
mod proxied;
mod streams;
mod support;
mod transport;
mod websocket;
