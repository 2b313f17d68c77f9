//! Who may see and do what, cell by cell: every field of the API and every path, requested by every kind of caller.
//!
//! - `actors`: the columns, the callers.
//! - `truth`: the expected result of each cell, from a separate table that does not use the server's policy.
//! - `queries`, `mutations`, `paths`: the rows: the requests and the permissions that they need.
//! - `edges`: the fields that return other objects, and when they have a value.
//! - `fixture`: accounts, keys and collections for the requests, created through the API.
//! - `asking`: a request, its response, and whether two responses differ.
//! - `schema`: checks that every field and every path has a row.
//! - `matrix`: the test.

mod actors;
mod asking;
mod edges;
mod fixture;
mod matrix;
mod mutations;
mod paths;
mod queries;
mod rows;
mod schema;
mod truth;
