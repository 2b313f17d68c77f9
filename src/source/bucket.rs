//! A bucket of S3 or of a store that speaks its protocol. Listing it tells sizes and ETags, without reading an object.
//!
//! Its endpoint is a host that a caller names, so it is connected to as sites are: not at internal addresses. Without
//! credentials, requests are not signed: those of the machine are never used.

use std::{collections::HashSet, error::Error as StdError, io, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ClientOptions, GetOptions, ObjectMeta, ObjectStore, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    },
    path::{self, Path},
};
use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};

use super::{
    Patterns, SourceError, Web,
    directory::is_valid,
    web::{causes, is_internal},
};
use crate::domain::{
    name,
    source::{BucketLocation, Cut, Fingerprint, FoundFile, Scan, SkipReason},
};

/// How often a request is made again.
const RETRIES: usize = 3;
/// How long requests are made again.
const RETRY_TIME: Duration = Duration::from_mins(1);
/// The longest page of a list: a thousand keys of a kilobyte, each byte of which may be escaped.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;
/// How long keys may be on average, in bytes. Few are as long as they can be.
const MEAN_KEY: usize = 256;
/// The longest reason of a store that is passed on, in characters.
const MAX_REASON: usize = 300;

/// An open bucket, and which of its objects count.
#[derive(Debug)]
pub struct Bucket {
    store: AmazonS3,
    prefix: Option<Path>,
    patterns: Patterns,
    max_file_bytes: i64,
}

impl Bucket {
    /// Prepares the requests to a bucket; `secret` belongs to the access key of its location.
    ///
    /// # Errors
    /// `Pattern`, `Url` for an endpoint that is not valid, or `Bucket`.
    pub fn open(web: &Web, location: &BucketLocation, secret: Option<&str>) -> Result<Self, SourceError> {
        let patterns = Patterns::new(&location.include, &location.exclude)?;
        let failed = |error: object_store::Error| SourceError::Bucket(reason(&error));
        let client = web.client().build().map_err(|error| SourceError::Bucket(reason(&error)))?;
        let mut builder = AmazonS3Builder::new()
            .with_http_connector(Guarded { http: client, timeout: web.timeout() })
            .with_retry(RetryConfig { max_retries: RETRIES, retry_timeout: RETRY_TIME, ..RetryConfig::default() })
            .with_region(&location.region)
            .with_bucket_name(&location.bucket);
        if let Some(endpoint) = &location.endpoint {
            let endpoint = web.origin(endpoint)?;
            let is_plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(is_plain);
        }
        builder = match (&location.credentials, secret) {
            (Some(credentials), Some(secret)) => {
                builder.with_access_key_id(&credentials.access_key_id).with_secret_access_key(secret)
            }
            _ => builder.with_skip_signature(true),
        };
        let prefix = Path::parse(location.prefix.trim_matches('/')).map_err(|error| failed(error.into()))?;
        Ok(Self {
            store: builder.build().map_err(failed)?,
            prefix: (prefix != Path::default()).then_some(prefix),
            patterns,
            max_file_bytes: location.max_file_bytes,
        })
    }

    /// Lists its objects, in the order of their uris, without reading them, until the time is over.
    ///
    /// # Errors
    /// `TooMany` for more than `limit` objects, also such as are no documents, or `Bucket` if it can't be listed.
    pub async fn scan(&self, limit: usize, time: Duration) -> Result<Scan, SourceError> {
        let (mut scan, mut uris) = (Scan::default(), HashSet::new());
        let (mut listed, mut key_bytes, deadline) = (0, 0, Instant::now() + time);
        let mut objects = self.store.list(self.prefix.as_ref());
        loop {
            let object = match timeout_at(deadline, objects.next()).await {
                Ok(Some(Ok(object))) => object,
                Ok(Some(Err(error))) => {
                    // The store's library ends the list there.
                    let Some(key) = odd_key(&error) else { return Err(SourceError::Bucket(reason(&error))) };
                    scan.skip(&key, SkipReason::InvalidName);
                    scan.cut(Cut::Key(key));
                    break;
                }
                Ok(None) => break,
                Err(_) if listed == 0 => return Err(SourceError::Bucket("it takes too long".to_owned())),
                Err(_) => {
                    scan.cut(Cut::Time);
                    break;
                }
            };
            listed += 1;
            key_bytes += object.location.as_ref().len();
            if listed > limit || key_bytes > limit.saturating_mul(MEAN_KEY) {
                return Err(SourceError::TooMany { limit });
            }
            match self.found(&object) {
                Ok(file) if uris.contains(&file.uri) => scan.skip(&file.path, SkipReason::InvalidName),
                Ok(file) => {
                    uris.insert(file.uri.clone());
                    scan.files.push(file);
                }
                Err(reason) => scan.skip(self.below(&object.location), reason),
            }
        }
        scan.files.sort_by(|a, b| a.uri.cmp(&b.uri));
        Ok(scan)
    }

    /// The bytes of an object that a scan found, if it is still the same.
    ///
    /// # Errors
    /// `Changed`, or `Unreadable`.
    pub async fn read(&self, file: &FoundFile) -> Result<BoxStream<'static, Result<Bytes, SourceError>>, SourceError> {
        let path = Path::parse(&file.path).map_err(unreadable)?;
        let options = GetOptions { if_match: file.fingerprint.version.clone(), ..GetOptions::default() };
        match self.store.get_opts(&path, options).await {
            Ok(object) => Ok(object.into_stream().map_err(unreadable).boxed()),
            Err(object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. }) => {
                Err(SourceError::Changed)
            }
            Err(error) => Err(unreadable(error)),
        }
    }

    fn found(&self, object: &ObjectMeta) -> Result<FoundFile, SkipReason> {
        let below = self.below(&object.location);
        let size = i64::try_from(object.size).unwrap_or(i64::MAX);
        let name = below.rsplit('/').next().unwrap_or_default();
        if self.patterns.leave_out_tree(below) || self.patterns.leave_out_file(below) {
            return Err(SkipReason::Excluded);
        }
        // This is how folders are written down.
        if size == 0 {
            return Err(SkipReason::Special);
        }
        if size > self.max_file_bytes {
            return Err(SkipReason::TooLarge);
        }
        if !is_valid(below, name) {
            return Err(SkipReason::InvalidName);
        }
        let changed = object.last_modified.timestamp_nanos_opt().unwrap_or(0);
        let modified = if object.e_tag.is_some() { 0 } else { changed };
        let fingerprint = Fingerprint { size, modified, version: object.e_tag.clone() };
        Ok(FoundFile { uri: name::composed(below), path: object.location.to_string(), fingerprint })
    }

    /// The path of an object below the prefix.
    fn below<'p>(&self, path: &'p Path) -> &'p str {
        let (path, prefix): (&str, &str) = (path.as_ref(), self.prefix.as_ref().map_or("", |prefix| prefix.as_ref()));
        path.strip_prefix(prefix).unwrap_or(path).trim_start_matches('/')
    }
}

/// The client that connects to public addresses only, and believes no store: what the store's library keeps in memory, lists
/// and errors, has a size and a time. Objects are streamed, and have a time between their parts only.
#[derive(Clone, Debug)]
struct Guarded {
    http: reqwest::Client,
    timeout: Duration,
}

impl HttpConnector for Guarded {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Guarded {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // Only lists are asked for with a query.
        let is_object = request.uri().query().is_none();
        let response = timeout(self.timeout, HttpService::call(&self.http, request)).await.map_err(too_slow)??;
        if is_object && response.status().is_success() {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = timeout(self.timeout, received(body)).await.map_err(too_slow)??;
        Ok(HttpResponse::from_parts(parts, bytes.into()))
    }
}

async fn received(body: HttpResponseBody) -> Result<Bytes, HttpError> {
    let (mut bytes, mut parts) = (BytesMut::new(), body.bytes_stream());
    while let Some(part) = parts.next().await {
        let part = part?;
        if bytes.len() + part.len() > MAX_LIST_BYTES {
            return Err(HttpError::new(HttpErrorKind::Decode, io::Error::other("the answer is too long")));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

fn too_slow(error: Elapsed) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, error)
}

fn unreadable(error: impl Into<Box<dyn StdError + Send + Sync>>) -> SourceError {
    SourceError::Unreadable(io::Error::other(error))
}

/// The key that is no path, if a list has one: with an empty part, or one of dots.
fn odd_key(error: &object_store::Error) -> Option<String> {
    let object_store::Error::InvalidPath { source } = error else { return None };
    match source {
        path::Error::EmptySegment { path } | path::Error::BadSegment { path, .. } => {
            Some(path.chars().take(MAX_REASON).collect())
        }
        _ => None,
    }
}

/// Why a bucket can't be read, as part of a sentence.
fn reason(error: &(dyn StdError + 'static)) -> String {
    if is_internal(error) {
        return "its host has an internal address, and the operator has not allowed it (`sources.web_hosts`)"
            .to_owned();
    }
    let all = causes(error);
    let known = [
        ("NoSuchBucket", "there is no bucket of this name"),
        ("403 Forbidden", "the store does not accept the credentials"),
        ("401 Unauthorized", "the store does not accept the credentials"),
    ];
    let found = known.iter().find(|(sign, _)| all.contains(sign)).map(|(_, reason)| (*reason).to_owned());
    found.unwrap_or_else(|| all.chars().take(MAX_REASON).collect())
}
