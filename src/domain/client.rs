//! Where a request came from.

use std::net::{IpAddr, Ipv6Addr};

use super::id::RequestId;

/// The program that connects, as far as the connection and its headers show.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Client {
    pub address: Option<IpAddr>,
    /// Its `User-Agent`: at most 200 characters.
    pub user_agent: Option<String>,
    /// The request that it made.
    pub request: Option<RequestId>,
}

impl Client {
    /// The address block that limits apply to; `None` if the connection has no address.
    #[must_use]
    pub fn subnet(&self) -> Option<Subnet> {
        self.address.map(Subnet::of)
    }
}

/// The addresses that share limits: a single IPv4 address, or the /64 of an IPv6 address. A /64 is the smallest block
/// that networks assign, so its holder can use 2^64 addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Subnet(IpAddr);

impl Subnet {
    /// The subnet of an address. An IPv4 address that is written as IPv6 is the IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_one(first: &str, second: &str) -> bool {
        let [first, second] = [first, second].map(|address| Subnet::of(address.parse().unwrap()));
        first == second
    }

    #[test]
    fn a_subnet_is_one_ipv4_address_or_the_64_of_an_ipv6_address() {
        assert!(is_one("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert!(!is_one("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!is_one("192.0.2.1", "192.0.2.2"));
        assert!(is_one("192.0.2.1", "::ffff:192.0.2.1"));
        assert!(!is_one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }
}
