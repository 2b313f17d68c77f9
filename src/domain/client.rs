//! Where a request came from.

use std::net::IpAddr;

use super::id::RequestId;

/// The program at the other end, as far as the connection and its headers tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    pub address: Option<IpAddr>,
    /// What it says it is: at most 200 characters.
    pub user_agent: Option<String>,
    /// The request that it made.
    pub request: Option<RequestId>,
}
