//! One answer as one response.

use axum::{
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
};

use crate::{
    graphql::engine::{Answer, OperationKind},
    http::{HttpState, compression, error::HttpError, negotiation::MediaType, run::Prepared, watch::WatchedCaller},
};

/// Runs a query or mutation and sends its answer.
///
/// # Errors
/// When the caller can't pay, or lost their permission while it ran.
pub(super) async fn run(
    state: &HttpState,
    prepared: Prepared,
    mut caller: WatchedCaller,
    headers: &HeaderMap,
    media_type: MediaType,
) -> Result<Response, HttpError> {
    let may_shrink = prepared.kind() == OperationKind::Query;
    let answer = prepared.answer(state, &mut caller).await?;
    if !may_shrink {
        return plain(&answer, media_type);
    }
    let response = compression::respond(headers, body(&answer)?).await;
    Ok(finished(response, &answer, media_type))
}

/// The answer as it is, without compression.
///
/// # Errors
/// When it can't be written as JSON, which is a fault.
pub(super) fn plain(answer: &Answer, media_type: MediaType) -> Result<Response, HttpError> {
    Ok(finished(body(answer)?.into_response(), answer, media_type))
}

fn body(answer: &Answer) -> Result<Vec<u8>, HttpError> {
    serde_json::to_vec(answer).map_err(|error| HttpError::internal(error.to_string()))
}

fn finished(mut response: Response, answer: &Answer, media_type: MediaType) -> Response {
    *response.status_mut() = status(answer, media_type);
    if let Some(seconds) = answer.retry_after_seconds() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response.headers_mut().insert(CONTENT_TYPE, media_type.content_type());
    response
}

/// The status of an answer.
fn status(answer: &Answer, media_type: MediaType) -> StatusCode {
    match (answer.executed(), media_type) {
        _ if answer.retry_after_seconds().is_some() => StatusCode::TOO_MANY_REQUESTS,
        (true, _) | (false, MediaType::Json) => StatusCode::OK,
        (false, MediaType::GraphqlResponse) => StatusCode::BAD_REQUEST,
    }
}
