mod accounts;
mod collections;
pub mod documents;
mod events;
mod graph;
mod nested;
mod operations;
mod schema;
mod search;
