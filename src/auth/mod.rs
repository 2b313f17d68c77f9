//! Who the caller is and what they may do: the viewer, the policy, passwords, tokens, limits.

pub mod password;
pub mod policy;
pub mod rate_limit;
pub mod secret;
pub mod share;
pub mod token;
pub mod viewer;
