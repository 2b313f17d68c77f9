//! What Docent is about, as plain values: identifiers, rows of the catalogue, state machines, their invariants,
//! and who may do what.
//!
//! Nothing here performs I/O, is asynchronous, or names a database, transport or engine crate.

pub mod action;
pub mod api_key;
pub mod audit;
pub mod chunk;
pub mod chunking;
pub mod client;
pub mod clock;
pub mod collection;
pub mod content;
pub mod document;
pub mod extraction;
pub mod format;
pub mod generation;
pub mod id;
pub mod integrity;
pub mod invitation;
pub mod job;
pub mod member;
pub mod name;
pub mod operation;
pub mod page;
pub mod password_reset;
pub mod policy;
pub mod scope;
pub mod search;
pub mod session;
pub mod source;
pub mod upload;
pub mod user;
pub mod vocabulary;
pub mod worker;
