//! The pages of a site, one after the other: what a crawl requests, compared with what is known.

use std::{collections::HashMap, time::Duration};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{
    blob::BlobError,
    domain::{
        content::{Content, StoredFile, UNKNOWN_TYPE},
        source::{Fingerprint, FoundFile, KnownFile, Scan, Validators, WebLocation},
    },
    error::Error,
    service::Services,
    source::{Crawl, Page, SourceError, Visit},
};

/// The longest media type that is kept.
const MAX_CONTENT_TYPE: usize = 127;

/// How much of a site is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub pages: usize,
    pub time: Duration,
    /// Whether what is new is stored, so that it can be accepted.
    pub stores: bool,
}

/// Why a site can't be read.
pub(crate) enum SiteError {
    Source(SourceError),
    Server(Error),
}

impl From<SourceError> for SiteError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

impl From<BlobError> for SiteError {
    fn from(error: BlobError) -> Self {
        Self::Server(error.into())
    }
}

/// A page with new content.
#[derive(Clone, Debug)]
pub(crate) struct NewPage {
    pub content: Content,
    pub fingerprint: Fingerprint,
    pub validators: Validators,
    /// Whether it was found for the first time.
    pub is_added: bool,
}

/// What a request has brought.
pub(crate) enum Step {
    New(NewPage),
    /// The content is the same, but its server names it differently now.
    Renamed(KnownFile),
    /// Nothing that has to be written down.
    Nothing,
}

/// A site that is being read.
pub(crate) struct Site<'s> {
    services: &'s Services,
    crawl: Crawl,
    known: HashMap<String, KnownFile>,
    stores: bool,
    files: Vec<FoundFile>,
}

impl<'s> Site<'s> {
    /// Begins with a site, most of which may be known.
    pub(crate) async fn open(
        services: &'s Services,
        location: &WebLocation,
        known: &[KnownFile],
        budget: Budget,
    ) -> Result<Self, SiteError> {
        let crawl = services.web.crawl(location, known, budget.pages, budget.time).await?;
        let known = known.iter().map(|file| (file.uri.clone(), file.clone())).collect();
        Ok(Self { services, crawl, known, stores: budget.stores, files: Vec::new() })
    }

    /// Makes the next request. `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Step>, SiteError> {
        let Some(visit) = self.crawl.next().await? else { return Ok(None) };
        match visit {
            Visit::Read(page) => self.compare(page).await.map(Some),
            Visit::Unmodified { uri } => {
                let Some(before) = self.known.get(&uri).cloned() else { return Ok(Some(Step::Nothing)) };
                if self.follow_original(&before).await? {
                    self.find(&uri, before.fingerprint);
                } else {
                    self.crawl.read_again();
                }
                Ok(Some(Step::Nothing))
            }
            Visit::Failed { uri } => {
                if let Some(before) = self.known.get(&uri).cloned()
                    && !self.follow_original(&before).await?
                {
                    self.crawl.lose_track();
                }
                Ok(Some(Step::Nothing))
            }
        }
    }

    /// What was found.
    pub(crate) fn into_scan(self) -> Scan {
        Scan { files: self.files, ..self.crawl.into_scan() }
    }

    async fn compare(&mut self, page: Page) -> Result<Step, SiteError> {
        let Page { uri, file_name, content_type, validators, bytes } = page;
        let digest = hex::encode(Sha256::digest(&bytes));
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let fingerprint = Fingerprint { size, modified: 0, version: Some(digest.clone()) };
        self.find(&uri, fingerprint.clone());
        let before = self.known.get(&uri);
        match before {
            Some(before) if before.fingerprint == fingerprint => Ok(if before.validators == validators {
                Step::Nothing
            } else {
                Step::Renamed(KnownFile { validators, missed: 0, ..before.clone() })
            }),
            _ => {
                let is_added = before.is_none();
                let file = StoredFile { digest, size };
                let file = if self.stores { self.services.blobs.put_bytes(bytes).await? } else { file };
                let content_type = kept(content_type);
                let content = Content { file_name, uri, content_type, file, meta: json!({}) };
                Ok(Step::New(NewPage { content, fingerprint, validators, is_added }))
            }
        }
    }

    fn find(&mut self, uri: &str, fingerprint: Fingerprint) {
        self.files.push(FoundFile { uri: uri.to_owned(), path: uri.to_owned(), fingerprint });
    }

    /// Follows the links of what is stored of a page. Returns whether that is possible.
    async fn follow_original(&mut self, known: &KnownFile) -> Result<bool, SiteError> {
        if !self.crawl.wants_links() {
            return Ok(true);
        }
        let Some(digest) = &known.fingerprint.version else { return Ok(false) };
        match self.services.blobs.get(digest).await {
            Ok(bytes) => {
                self.crawl.follow(&bytes).await;
                Ok(true)
            }
            Err(BlobError::NotFound { .. } | BlobError::InvalidDigest) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A media type as it is stored.
fn kept(content_type: Option<String>) -> String {
    let is_kept =
        |text: &String| text.len() <= MAX_CONTENT_TYPE && !text.is_empty() && !text.contains(char::is_control);
    content_type.filter(is_kept).unwrap_or_else(|| UNKNOWN_TYPE.to_owned())
}
