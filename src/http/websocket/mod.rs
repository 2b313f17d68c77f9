//! GraphQL over WebSocket, as the protocol of npm `graphql-ws` (`graphql-transport-ws`) has it: what is checked before
//! the connection becomes a socket. `session` is what happens then.

mod credential;
mod protocol;
mod session;

use std::sync::Arc;

use axum::{
    extract::ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, header::UPGRADE},
    response::Response,
};
use tracing::Instrument;

use self::{protocol::SUBPROTOCOL, session::Session};
use super::{HttpState, authentication, error::HttpError, origin};
use crate::domain::client::Client;

/// Enough for the usual message; a socket that only listens should cost little memory.
const READ_BUFFER_BYTES: usize = 8 * 1024;

/// Whether a request asks for a WebSocket upgrade.
#[must_use]
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Makes the connection a socket.
///
/// # Errors
/// 400 without the subprotocol, 401 with an unreadable `Authorization`, 403 for a page of another origin, 503 when there
/// are too many sockets.
pub fn accept(
    state: &Arc<HttpState>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    headers: &HeaderMap,
    client: Client,
) -> Result<Response, HttpError> {
    let upgrade = upgrade.map_err(|rejection| HttpError::bad_request(rejection.body_text()))?;
    let limit = state.limits.websocket_message_bytes;
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(READ_BUFFER_BYTES)
        // The library breaks the connection off at its limit; the session closes it properly at ours.
        .max_message_size(limit.saturating_mul(2))
        .max_frame_size(limit.saturating_mul(2));
    if upgrade.selected_protocol().is_none() {
        return Err(HttpError::bad_request("Offer the WebSocket subprotocol `graphql-transport-ws`."));
    }
    origin::require_allowed(headers, &state.http)?;
    let authorization = authentication::authorization(headers)?;
    if state.shutdown.is_cancelled() {
        return Err(state.places.sockets.is_full());
    }
    let place = state.places.sockets.enter(client.subnet())?;
    let counted = state.sockets.token();
    let state = Arc::clone(state);
    let span = tracing::info_span!("websocket", request.id = client.request.map(tracing::field::display));
    Ok(upgrade.on_upgrade(move |socket| {
        let session = async move {
            Session::new(socket, state, authorization, client).run().await;
            drop((place, counted));
        };
        session.instrument(span)
    }))
}
