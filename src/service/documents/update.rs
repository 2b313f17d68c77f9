//! Changes what a document is called and what its owner says of it. Its text stays as it is, so nothing is embedded again.

use chrono::{DateTime, Utc};
use futures_util::FutureExt;

use super::selection::home_of;
use crate::{
    auth::viewer::Viewer,
    db::{
        Transaction,
        repo::{documents, operation_documents},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        content::{Content, UNKNOWN_TYPE},
        document::{Document, DocumentStatus},
        id::DocumentId,
    },
    error::{Error, ViolationCode},
    extract::FileKind,
    service::{
        Services,
        access::lock_collection,
        audit::Deed,
        frame::{Done, attempt, change},
        validate::Violations,
    },
};

/// The longest title, in characters.
const MAX_TITLE: usize = 300;

/// Changes to a document. `None` keeps the value; for fields that can be empty, `Some(None)` clears it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DocumentPatch {
    pub file_name: Option<String>,
    pub title: Option<Option<String>>,
    pub meta: Option<Option<serde_json::Value>>,
}

/// Changes a document.
///
/// # Errors
/// `NotFound`, `Forbidden` where the caller may only read, or `Invalid` for the input.
pub async fn update(
    services: &Services,
    viewer: &Viewer,
    id: DocumentId,
    patch: DocumentPatch,
) -> Result<Document, Error> {
    let tried = Deed::new(AuditAction::DocumentUpdate).to(id);
    attempt(services, viewer, &tried, async {
        viewer.require_user()?;
        let patch = checked(patch)?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| apply(tx, viewer, id, &patch, now).boxed()).await
    })
    .await
}

/// The patch with texts in their stored form.
fn checked(patch: DocumentPatch) -> Result<DocumentPatch, Error> {
    let mut violations = Violations::default();
    let file_name = patch.file_name.map(|name| violations.file_name("fileName", &name));
    let title = patch.title.map(|title| violations.optional_text("title", "the title", title.as_deref(), MAX_TITLE));
    let meta = patch.meta.map(|meta| Some(violations.meta("meta", meta)));
    violations.check()?;
    Ok(DocumentPatch { file_name, title, meta })
}

async fn apply(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: DocumentId,
    patch: &DocumentPatch,
    now: DateTime<Utc>,
) -> Result<Done<Document>, Error> {
    let missing = Error::NotFound("document");
    let home = home_of(tx, viewer, &[id], Action::DocumentIngest).await;
    let home = home.map_err(|error| if error.violations().is_empty() { error } else { Error::NotFound("document") })?;
    lock_collection(tx, viewer, home, Action::DocumentIngest).await?;
    let mut document = documents::lock_many(tx, home, &[id]).await?.pop().ok_or(missing)?.document;
    if let Some(file_name) = &patch.file_name {
        let newest = operation_documents::newest_contents(tx, &[id]).await?.remove(&id);
        check_kind(&document, newest.as_ref(), file_name)?;
        document.content.file_name.clone_from(file_name);
    }
    if let Some(title) = &patch.title {
        document.about.title.clone_from(title);
        document.is_title_given = title.is_some();
    }
    let meta = patch.meta.as_ref().and_then(Option::as_ref);
    if let Some(meta) = meta {
        document.content.meta.clone_from(meta);
    }
    document.updated_at = now;
    documents::update(tx, document.clone()).await?;
    // What is on its way, or failed and may be tried again, would bring the old values back.
    operation_documents::describe_newer(tx, id, document.revision, patch.file_name.as_deref(), meta).await?;
    Ok(Done::This(document, Deed::new(AuditAction::DocumentUpdate).to(id).within(home)))
}

/// Rejects a name that says that the file is something else than it is read as: an extension counts more than a media type, so
/// the file could not be read again.
fn check_kind(document: &Document, newest: Option<&Content>, file_name: &str) -> Result<(), Error> {
    let Some(named) = FileKind::from_name(file_name).filter(|_| document.content.file_name != file_name) else {
        return Ok(());
    };
    let Document { content, status, revision, .. } = document;
    let indexed = (*revision > 0).then_some(content.content_type.as_str());
    let is_on_its_way = matches!(status, DocumentStatus::Pending | DocumentStatus::Processing);
    let expected = newest.filter(|_| is_on_its_way).map(|newest| {
        let kind = FileKind::from_name(&newest.file_name).or_else(|| FileKind::from_media_type(&newest.content_type));
        kind.map_or(UNKNOWN_TYPE, FileKind::media_type)
    });
    let other = indexed.into_iter().chain(expected).find(|media_type| *media_type != named.media_type());
    let Some(other) = other else { return Ok(()) };
    let message = format!(
        "This name says that the file is {}, but its type is {other}. Keep the ending of its name, or ingest it again.",
        named.label()
    );
    Err(Error::invalid(ViolationCode::Invalid, "fileName", message))
}
