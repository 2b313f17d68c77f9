//! The cookie in which a browser keeps the refresh token of its session, so that no script of a page can read it.
//!
//! What a use case sees of it. Which requests may use it, and how it is written, `http::cookie` says.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::TimeDelta;

use super::token::RefreshToken;
use crate::error::Error;

/// A refresh token that a browser sent.
#[derive(Clone)]
pub struct ReceivedToken {
    /// What the cookie holds, which may be no token.
    pub text: String,
    /// Whether the browser keeps it when it is closed.
    pub is_persistent: bool,
}

/// What a response does with the cookie.
pub enum CookieChange {
    /// The browser keeps this token: for so long, or until it is closed.
    Keep {
        token: String,
        lifetime: Option<TimeDelta>,
    },
    Remove,
}

/// The cookie of a request. Clones are the same one.
#[derive(Clone)]
pub struct TokenCookie(Result<Arc<Open>, &'static str>);

struct Open {
    received: Option<ReceivedToken>,
    change: Mutex<Option<CookieChange>>,
}

impl TokenCookie {
    /// That of a request that may use it.
    #[must_use]
    pub fn open(received: Option<ReceivedToken>) -> Self {
        Self(Ok(Arc::new(Open { received, change: Mutex::default() })))
    }

    /// That of a request that may not use it: what it brings does not count. The reason is a sentence for the client.
    #[must_use]
    pub fn closed(reason: &'static str) -> Self {
        Self(Err(reason))
    }

    /// What the browser sent.
    ///
    /// # Errors
    /// `Forbidden` if the request may not use the cookie.
    pub fn received(&self) -> Result<Option<&ReceivedToken>, Error> {
        match &self.0 {
            Ok(open) => Ok(open.received.as_ref()),
            Err(reason) => Err(Error::Forbidden(reason)),
        }
    }

    /// Has the response change the cookie. Of several changes, the last one counts.
    pub fn set(&self, change: CookieChange) {
        if let Ok(open) = &self.0 {
            *open.change.lock().unwrap_or_else(PoisonError::into_inner) = Some(change);
        }
    }

    /// What the response has to do with the cookie, if anything.
    #[must_use]
    pub fn take_change(&self) -> Option<CookieChange> {
        self.0.as_ref().ok()?.change.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Where a refresh token goes.
#[derive(Clone)]
pub enum TokenDelivery {
    Body,
    Cookie {
        cookie: TokenCookie,
        /// Whether the browser keeps it when it is closed.
        is_persistent: bool,
    },
}

impl TokenDelivery {
    /// Finds out whether a token can be delivered this way, before there is one.
    ///
    /// # Errors
    /// `Forbidden` if the request may not use the cookie.
    pub fn check(&self) -> Result<(), Error> {
        match self {
            Self::Body => Ok(()),
            Self::Cookie { cookie, .. } => cookie.received().map(drop),
        }
    }

    /// Hands over a token that is valid for so long. Returns it if it goes into the body.
    #[must_use]
    pub fn deliver(&self, token: &RefreshToken, lifetime: TimeDelta) -> Option<String> {
        let token = token.expose().to_owned();
        match self {
            Self::Body => Some(token),
            Self::Cookie { cookie, is_persistent } => {
                cookie.set(CookieChange::Keep { token, lifetime: is_persistent.then_some(lifetime) });
                None
            }
        }
    }
}
