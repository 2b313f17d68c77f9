pub mod auth;
pub mod blob;
pub mod chunking;
pub mod config;
pub mod domain;
pub mod embedding;
pub mod extract;
pub mod vector;
