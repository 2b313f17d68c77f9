//! From the `Authorization` header to a viewer.

use async_trait::async_trait;
use axum::http::{HeaderMap, header::AUTHORIZATION};

use crate::{auth::viewer::Viewer, error::Error};

/// Knows who is behind a token.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// The caller who sent `authorization` (`Bearer …`, as it came); nobody in particular when there is none.
    ///
    /// # Errors
    /// `Unauthenticated` for a credential that is malformed, unknown, expired or revoked.
    async fn authenticate(&self, authorization: Option<&str>) -> Result<Viewer, Error>;
}

/// The viewer behind the headers of a request.
///
/// # Errors
/// Those of [`Authenticator::authenticate`].
pub async fn viewer(authenticator: &dyn Authenticator, headers: &HeaderMap) -> Result<Viewer, Error> {
    authenticator.authenticate(authorization(headers)?.as_deref()).await
}

/// The `Authorization` header, if there is one.
///
/// # Errors
/// `Unauthenticated` when it is not text.
pub(super) fn authorization(headers: &HeaderMap) -> Result<Option<String>, Error> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Error::Unauthenticated("The Authorization header is not text."))?;
    Ok(Some(text.to_owned()))
}
