//! Bytes in and out: `PUT /uploads/{id}` and `GET /documents/{id}/content`.

use std::{collections::HashMap, ops::Range, str::FromStr, sync::Arc};

use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Path, Query, State, rejection::PathRejection},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCEPT_RANGES, AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
            CONTENT_TYPE, ETAG, RANGE,
        },
    },
    response::{IntoResponse, Response},
    routing::{get, put},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use uuid::Uuid;

use super::{
    authentication::{self, Callers},
    conditional::{self, Condition},
    error::HttpError,
    negotiation,
    watch::{RECHECK_INTERVAL, WatchedCaller},
};
use crate::{
    auth::viewer::Viewer,
    domain::{
        audit::AuditAction,
        client::Client,
        document::Document,
        id::{DocumentId, UploadId},
        upload::Upload,
    },
    error::{Error, ErrorCode},
    service::{Services, audit::Deed, documents, links, uploads},
};

/// What a request for a file costs, in points.
const PRICE: u32 = 20;

struct Files {
    services: Arc<Services>,
    callers: Arc<dyn Callers>,
}

/// The routes of this module.
pub fn router(services: Arc<Services>, callers: Arc<dyn Callers>) -> Router {
    Router::new()
        .route("/uploads/{id}", put(receive))
        .route("/documents/{id}/content", get(send))
        .with_state(Arc::new(Files { services, callers }))
}

/// Takes the raw bytes of a file into the upload that `uploadCreate` made. They are on disk when the response is sent.
///
/// A body with a `Content-Encoding` is not the file, and is refused.
async fn receive(
    State(files): State<Arc<Files>>,
    id: Result<Path<String>, PathRejection>,
    Extension(client): Extension<Client>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let viewer = files.admit(&headers, client).await?;
    negotiation::require_identity(&headers)?;
    let id = id_in(id).unwrap_or(UploadId(Uuid::nil()));
    let upload = files.take(&viewer, id, &headers, body).await?;
    let stored =
        upload.stored.map(|stored| json!({ "fileSize": stored.size.to_string(), "contentHash": stored.digest }));
    Ok((StatusCode::CREATED, Json(stored)).into_response())
}

impl Files {
    /// The caller with a credential in the headers, already charged for the request.
    async fn admit(&self, headers: &HeaderMap, client: Client) -> Result<Viewer, Error> {
        self.charged(authentication::viewer(self.callers.as_ref(), headers, client).await?).await
    }

    /// The caller who follows a link to a document, already charged for the request.
    async fn admit_with(&self, link: &str, id: DocumentId, client: Client) -> Result<Viewer, Error> {
        self.charged(links::holder(&self.services, link, id, client).await?).await
    }

    /// A key that is limited to GraphQL documents has nothing to do here.
    async fn charged(&self, viewer: Viewer) -> Result<Viewer, Error> {
        if viewer.key().is_some_and(|key| key.documents.is_some()) {
            return Err(Error::Forbidden("This API key runs only the documents that it names."));
        }
        self.callers.charge(&viewer, PRICE).await?;
        Ok(viewer)
    }

    async fn take(&self, viewer: &Viewer, id: UploadId, headers: &HeaderMap, body: Body) -> Result<Upload, Error> {
        uploads::find_open(&self.services, viewer, id).await?;
        let limit = self.services.config.limits.upload_bytes;
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(uploads::too_large(limit));
        }
        uploads::fill(&self.services, viewer, id, body.into_data_stream()).await
    }

    /// The bytes of an original, while the caller may read its document: a slow download can outlast the permission.
    async fn bytes(
        self: Arc<Self>,
        viewer: Viewer,
        document: &Document,
        range: Option<Range<u64>>,
    ) -> Result<Body, Error> {
        let id = document.id;
        let bytes =
            self.services.blobs.stream(&document.content.file.digest, range).await?.map_err(Error::from).boxed();
        let state = (bytes, WatchedCaller::new(&self.callers, viewer), self);
        Ok(Body::from_stream(stream::try_unfold(state, move |(mut bytes, mut caller, files)| async move {
            let Some(part) = bytes.try_next().await? else { return Ok::<_, Error>(None) };
            if caller.recheck(RECHECK_INTERVAL).await? {
                documents::find(&files.services, caller.viewer(), id).await?;
            }
            Ok(Some((part, (bytes, caller, files))))
        })))
    }
}

/// Sends the original file of a document, whole or the one requested range. A range is sent only from the version whose
/// tag the client names; for another version it gets the whole file.
async fn send(
    State(files): State<Arc<Files>>,
    id: Result<Path<String>, PathRejection>,
    Extension(client): Extension<Client>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let id = id_in(id).unwrap_or(DocumentId(Uuid::nil()));
    let viewer = match link_in(&uri).filter(|_| !headers.contains_key(AUTHORIZATION)) {
        Some(link) => files.admit_with(&link, id, client).await?,
        None => files.admit(&headers, client).await?,
    };
    let document = documents::find(&files.services, &viewer, id).await.inspect_err(|error| {
        let deed = Deed::new(AuditAction::Read).to(id).saying("GET /documents/{id}/content");
        files.services.audit.refused(&viewer, deed, error, files.services.clock.now());
    })?;
    let tag = format!("\"{}\"", document.content.file.digest);
    match Condition::of(&headers, &tag) {
        Condition::Holds => {}
        Condition::Known => return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()),
        Condition::Failed => {
            let message = "The content of the document does not match `If-Match`: download it again.";
            let error = HttpError::new(StatusCode::PRECONDITION_FAILED, ErrorCode::Conflict, message);
            return Ok(([(ETAG, tag)], error).into_response());
        }
    }
    let size = u64::try_from(document.content.file.size).unwrap_or(0);
    // Only GET knows ranges.
    let is_partial = method == Method::GET && conditional::range_counts(&headers, &tag);
    let asked = if is_partial { requested_range(&headers, size) } else { Ok(None) };
    let Ok(range) = asked else {
        let error = HttpError::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::BadUserInput,
            "The document has no such range.",
        );
        return Ok(([(CONTENT_RANGE, format!("bytes */{size}"))], error).into_response());
    };
    let mut response = files.bytes(viewer, &document, range.clone()).await?.into_response();
    let length = range.as_ref().map_or(size, |range| range.end - range.start);
    if let Some(range) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        insert(&mut response, CONTENT_RANGE, &format!("bytes {}-{}/{size}", range.start, range.end - 1));
    }
    insert(&mut response, CONTENT_LENGTH, &length.to_string());
    insert(&mut response, CONTENT_TYPE, &document.content.content_type);
    insert(&mut response, CONTENT_DISPOSITION, &disposition(&document));
    insert(&mut response, ACCEPT_RANGES, "bytes");
    insert(&mut response, ETAG, &tag);
    // No browser runs the file with the permissions of this origin, whatever it is.
    insert(&mut response, CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    Ok(response)
}

/// The id in an address, if there is one.
fn id_in<T: FromStr>(path: Result<Path<String>, PathRejection>) -> Option<T> {
    path.ok().and_then(|Path(id)| id.parse().ok())
}

/// The link in an address, if there is one.
fn link_in(uri: &Uri) -> Option<String> {
    let Query(mut parameters) = Query::<HashMap<String, String>>::try_from_uri(uri).ok()?;
    parameters.remove(links::PARAMETER)
}

fn insert(response: &mut Response, name: axum::http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Always a download, with the document's file name (RFC 6266: the plain name without characters that it can't contain,
/// then the full name).
fn disposition(document: &Document) -> String {
    let is_plain = |character: char| character.is_ascii_graphic() && !matches!(character, '"' | '\\' | '%');
    let file_name = &document.content.file_name;
    let plain: String = file_name
        .chars()
        .map(|character| if is_plain(character) || character == ' ' { character } else { '_' })
        .collect();
    let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let encoded: String = file_name
        .bytes()
        .map(|byte| if is_safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[derive(PartialEq, Eq, Debug)]
struct Unsatisfiable;

/// The one requested range. Several ranges, or another unit, get the whole content, as HTTP allows.
fn requested_range(headers: &HeaderMap, size: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
    let spec = headers.get(RANGE).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix("bytes="));
    let Some((start, end)) = spec.and_then(|spec| spec.split_once('-')) else { return Ok(None) };
    let range = match (start.trim().parse::<u64>(), end.trim().parse::<u64>()) {
        (Ok(start), Ok(end)) if start <= end => start..end.saturating_add(1).min(size),
        (Ok(start), Err(_)) if end.trim().is_empty() => start..size,
        (Err(_), Ok(last)) if start.trim().is_empty() && last > 0 => size.saturating_sub(last)..size,
        _ => return Ok(None),
    };
    if range.start >= range.end { Err(Unsatisfiable) } else { Ok(Some(range)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str, size: u64) -> Result<Option<Range<u64>>, Unsatisfiable> {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_str(text).unwrap());
        requested_range(&headers, size)
    }

    #[test]
    fn ranges_are_read_as_http_means_them() {
        assert_eq!(range("bytes=0-4", 10), Ok(Some(0..5)));
        assert_eq!(range("bytes=5-", 10), Ok(Some(5..10)));
        assert_eq!(range("bytes=-3", 10), Ok(Some(7..10)));
        assert_eq!(range("bytes=5-99", 10), Ok(Some(5..10)));
    }

    #[test]
    fn what_can_not_be_answered_is_refused_and_what_is_not_understood_is_the_whole() {
        assert_eq!(range("bytes=10-", 10), Err(Unsatisfiable));
        assert_eq!(range("bytes=0-1,3-4", 10), Ok(None));
        assert_eq!(range("lines=0-1", 10), Ok(None));
    }
}
