//! The limits of sockets, apart from their total: each address and each account has a share, and all sockets without an
//! account together have half of the total, so that anonymous callers can't lock out everyone else.

use crate::{
    auth::{
        share::{Share, Shares},
        viewer::Viewer,
    },
    config::LimitsConfig,
    domain::{client::Subnet, id::UserId},
};

/// Who holds how many sockets.
#[derive(Clone, Debug)]
pub struct Places {
    by_address: Shares<Option<Subnet>>,
    by_account: Shares<UserId>,
    nameless: Shares<()>,
}

/// A socket's part in the share of its address, until it is dropped.
pub(super) type AddressPlace = Share<Option<Subnet>>;

/// A socket's part in the share of its account, or of all that have none, until it is dropped.
pub(super) enum CallerPlace {
    Account(#[expect(dead_code, reason = "held, not read")] Share<UserId>),
    Nameless(#[expect(dead_code, reason = "held, not read")] Share<()>),
}

impl Places {
    /// Room as the settings say.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        Self {
            by_address: Shares::new(limits.websocket_connections_per_address),
            by_account: Shares::new(limits.websocket_connections_per_account),
            nameless: Shares::new(limits.websocket_connections.div_ceil(2)),
        }
    }

    pub(super) fn for_address(&self, subnet: Option<Subnet>) -> Option<AddressPlace> {
        self.by_address.take(subnet)
    }

    /// A place for a socket that has sent `connection_init`.
    pub(super) fn for_caller(&self, viewer: &Viewer) -> Option<CallerPlace> {
        match &viewer.user {
            Some(user) => self.by_account.take(user.id).map(CallerPlace::Account),
            None => self.nameless.take(()).map(CallerPlace::Nameless),
        }
    }
}
