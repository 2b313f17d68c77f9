//! Who the caller is, and how they prove it: the viewer, passwords, tokens, limits. And the secrets of others that
//! the server keeps.

pub mod cookie;
mod hmac;
mod key_file;
pub mod link;
pub mod password;
pub mod rate_limit;
pub mod secret;
pub mod share;
pub mod token;
pub mod vault;
pub mod viewer;
