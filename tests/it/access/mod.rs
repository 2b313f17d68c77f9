//! Who may see and do what, cell by cell: every field of the API and every path, asked by everybody who may come.
//!
//! - `actors`: the columns, the caller.
//! - `truth`: what each cell has to be, from a table of its own: the server's policy is not asked.
//! - `queries`, `mutations`, `paths`: the rows, what is asked and what is needed for it.
//! - `edges`: the fields that lead from one object to another, and when they are filled.
//! - `fixture`: accounts, keys and collections to ask about, made through the API.
//! - `asking`: a request, its answer, and whether two answers can be told apart.
//! - `schema`: that no field and no path is without a row.
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
