//! Who is asking and what they may do: the viewer, the policy, passwords, tokens, limits.

mod hmac;
pub mod password;
pub mod policy;
pub mod rate_limit;
pub mod secret;
pub mod share;
pub mod token;
pub mod viewer;
