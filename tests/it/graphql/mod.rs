mod accounts;
mod bad_input;
mod collections;
pub mod documents;
mod nested;
mod operations;
mod schema;
mod search;
