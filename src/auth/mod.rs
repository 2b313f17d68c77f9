//! Who the caller is, and how they prove it: the viewer, passwords, tokens, limits.

mod hmac;
pub mod password;
pub mod rate_limit;
pub mod secret;
pub mod share;
pub mod token;
pub mod viewer;
