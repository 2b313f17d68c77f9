//! Who is asking and what she may do: the viewer, passwords, tokens.

pub mod password;
pub mod token;
pub mod viewer;
