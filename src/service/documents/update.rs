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
    domain::{action::Action, audit::AuditAction, document::Document, id::DocumentId},
    error::Error,
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
