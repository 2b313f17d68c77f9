//! Room for what stays open. Each address and each account has a share, and all callers without an account together have
//! half of it, so that they can't lock out everyone else.

use axum::http::StatusCode;

use super::error::HttpError;
use crate::{
    auth::{
        rate_limit::Payer,
        share::{Share, Shares},
        viewer::Viewer,
    },
    config::LimitsConfig,
    domain::{client::Subnet, id::UserId},
    error::ErrorCode,
    graphql::error::PublicError,
};

const RETRY_AFTER_SECONDS: u64 = 5;

/// Who holds how much of what stays open.
#[derive(Clone, Debug)]
pub struct Places {
    pub(super) sockets: Room,
    pub(super) streams: Room,
    pub(super) live: LiveOperations,
}

impl Places {
    /// Room as the settings say.
    #[must_use]
    pub fn new(limits: &LimitsConfig) -> Self {
        let sockets = (
            limits.websocket_connections,
            limits.websocket_connections_per_address,
            limits.websocket_connections_per_account,
        );
        let streams = (limits.event_streams, limits.event_streams_per_address, limits.event_streams_per_account);
        Self {
            sockets: Room::new("WebSocket", sockets),
            streams: Room::new("event stream", streams),
            live: LiveOperations {
                by_account: Shares::new(limits.live_operations_per_account),
                most: limits.live_operations_per_account,
            },
        }
    }
}

/// Room for one kind of connection.
#[derive(Clone, Debug)]
pub(super) struct Room {
    what: &'static str,
    all: Shares<()>,
    by_address: Shares<Option<Subnet>>,
    by_account: Shares<UserId>,
    nameless: Shares<()>,
}

/// A part of all and of the share of an address, until it is dropped.
pub(super) struct Place {
    _all: Share<()>,
    _of_address: Share<Option<Subnet>>,
}

/// A part in the share of an account, or of all that have none, until it is dropped.
pub(super) enum CallerPlace {
    Account(#[expect(dead_code, reason = "held, not read")] Share<UserId>),
    Nameless(#[expect(dead_code, reason = "held, not read")] Share<()>),
}

impl Room {
    fn new(what: &'static str, (all, per_address, per_account): (usize, usize, usize)) -> Self {
        Self {
            what,
            all: Shares::new(all),
            by_address: Shares::new(per_address),
            by_account: Shares::new(per_account),
            nameless: Shares::new(all.div_ceil(2)),
        }
    }

    /// A place for a client at this address.
    ///
    /// # Errors
    /// 503 when there is none.
    pub(super) fn enter(&self, subnet: Option<Subnet>) -> Result<Place, HttpError> {
        let all = self.all.take(()).ok_or_else(|| self.is_full())?;
        let of_address = self.by_address.take(subnet).ok_or_else(|| {
            let what = self.what;
            no_room(format!("Your address has the maximum number of {what}s. Close one, or try again later."))
        })?;
        Ok(Place { _all: all, _of_address: of_address })
    }

    /// A place for a caller who is known, or known to have no account; `None` when they have their share.
    pub(super) fn seat(&self, viewer: &Viewer) -> Option<CallerPlace> {
        match &viewer.user {
            Some(user) => self.by_account.take(user.id).map(CallerPlace::Account),
            None => self.nameless.take(()).map(CallerPlace::Nameless),
        }
    }

    /// The refusal when the whole room is taken.
    pub(super) fn is_full(&self) -> HttpError {
        no_room(format!("The server has no room for another {}. Try again later.", self.what))
    }

    /// The refusal when a caller has their share.
    pub(super) fn is_full_for(&self, viewer: &Viewer) -> HttpError {
        let what = self.what;
        no_room(match &viewer.user {
            Some(_) => format!("This account has the maximum number of {what}s. Close one."),
            None => format!("No more {what}s without an account. Log in, or try again later."),
        })
    }
}

/// Room for the subscriptions of each account, over all its connections: the server does work for each of them, also while
/// nothing happens.
#[derive(Clone, Debug)]
pub(super) struct LiveOperations {
    by_account: Shares<Payer>,
    most: usize,
}

/// A subscription in the share of its account, until it is dropped.
pub(super) struct LiveOperation {
    _share: Share<Payer>,
}

impl LiveOperations {
    /// Counts one more subscription.
    ///
    /// # Errors
    /// When the account, or the address of a caller without one, has its share.
    pub(super) fn begin(&self, viewer: &Viewer) -> Result<LiveOperation, PublicError> {
        let share = self.by_account.take(Payer::account(viewer)).ok_or_else(|| {
            let (most, who) = (self.most, if viewer.user.is_some() { "This account" } else { "Your address" });
            let message = format!(
                "{who} already has {most} subscriptions, over all WebSockets and event streams. Complete one before you \
                 begin another; `viewerOperations` and `collectionEvents` follow many operations at once."
            );
            PublicError::limit_exceeded(message, most, most + 1)
        })?;
        Ok(LiveOperation { _share: share })
    }
}

fn no_room(message: String) -> HttpError {
    HttpError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message)
        .with_retry_after(RETRY_AFTER_SECONDS)
}
