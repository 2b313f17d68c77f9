//! Uploads: a place is created, then filled once.

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::{FutureExt, Stream};

use super::{
    Services,
    audit::Deed,
    frame::{Done, attempt, change},
    quotas, sessions,
    validate::Violations,
};
use crate::{
    auth::viewer::Viewer,
    blob::{BlobError, BlobStore},
    db::{
        Transaction,
        repo::{originals, uploads},
    },
    domain::{
        action::Action,
        audit::AuditAction,
        id::{UploadId, UserId},
        upload::Upload,
    },
    error::{Error, ViolationCode},
};

/// The description of a file before it is uploaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewUpload {
    pub file_name: String,
    pub content_type: Option<String>,
}

const MAX_CONTENT_TYPE: usize = 127;

/// Creates a place for the content of one file.
///
/// # Errors
/// `Unauthenticated`, `Forbidden` for an API key that does not allow it, or `Invalid` for the input.
pub async fn create(services: &Services, viewer: &Viewer, input: NewUpload) -> Result<Upload, Error> {
    let tried = Deed::new(AuditAction::UploadCreate);
    attempt(services, viewer, &tried, async {
        let user = may_upload(viewer)?;
        let mut violations = Violations::default();
        let upload = new_upload(services, (viewer, user), &input, "", &mut violations);
        violations.check()?;
        change(services, viewer, &tried, upload.created_at, |tx| insert(tx, &upload).boxed()).await?;
        Ok(upload)
    })
    .await
}

async fn insert(tx: &Transaction<'_>, new: &Upload) -> Result<Done<()>, Error> {
    uploads::insert_many(tx, std::slice::from_ref(new)).await?;
    Ok(Done::This((), Deed::new(AuditAction::UploadCreate).to(new.id)))
}

/// Creates places for the contents of several files: all, or none.
///
/// # Errors
/// As [`create`]; `Invalid` also for no file, and for more than a call of `documentsIngest` can name.
pub async fn create_many(services: &Services, viewer: &Viewer, inputs: &[NewUpload]) -> Result<Vec<Upload>, Error> {
    let tried = Deed::new(AuditAction::UploadsCreate).saying(format!("{} files", inputs.len()));
    attempt(services, viewer, &tried, async {
        let user = may_upload(viewer)?;
        let most = services.config.limits.ingest_documents;
        if inputs.is_empty() || inputs.len() > most {
            let code = if inputs.is_empty() { ViolationCode::Required } else { ViolationCode::TooLong };
            return Err(Error::invalid(code, "files", format!("Name between 1 and {most} files.")));
        }
        let mut violations = Violations::default();
        let mut new = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            new.push(new_upload(services, (viewer, user), input, &format!("files.{index}."), &mut violations));
        }
        violations.check()?;
        let now = services.clock.now();
        change(services, viewer, &tried, now, |tx| insert_many(tx, &new).boxed()).await?;
        Ok(new)
    })
    .await
}

async fn insert_many(tx: &Transaction<'_>, new: &[Upload]) -> Result<Done<()>, Error> {
    uploads::insert_many(tx, new).await?;
    Ok(Done::AsTried(()))
}

/// The account for which the caller may create uploads.
fn may_upload(viewer: &Viewer) -> Result<UserId, Error> {
    let user = viewer.require_user_id()?;
    if !viewer.scope().carries(Action::DocumentIngest) {
        return Err(Error::Forbidden("This API key does not allow adding documents."));
    }
    Ok(user)
}

/// The upload that an input describes. What is wrong with the input is added under `place`.
fn new_upload(
    services: &Services,
    (viewer, user): (&Viewer, UserId),
    input: &NewUpload,
    place: &str,
    violations: &mut Violations,
) -> Upload {
    let declared = input.content_type.as_deref();
    let path = format!("{place}contentType");
    let now = services.clock.now();
    Upload {
        id: UploadId::generate(),
        user_id: user,
        api_key_id: viewer.key_id(),
        file_name: violations.file_name(&format!("{place}fileName"), &input.file_name),
        content_type: violations.optional_text(&path, "the content type", declared, MAX_CONTENT_TYPE),
        stored: None,
        created_at: now,
        expires_at: now + TimeDelta::hours(services.config.ingestion.upload_hours),
    }
}

/// Finds an upload that the caller may fill.
///
/// # Errors
/// `NotFound` when there is none, or its time is over; `Conflict` when it is filled already.
pub async fn find_open(services: &Services, viewer: &Viewer, id: UploadId) -> Result<Upload, Error> {
    attempt(services, viewer, &filling(id), open(services, viewer, id)).await
}

fn filling(id: UploadId) -> Deed {
    Deed::new(AuditAction::UploadFill).to(id)
}

async fn open(services: &Services, viewer: &Viewer, id: UploadId) -> Result<Upload, Error> {
    viewer.require_user()?;
    let upload = uploads::find(&services.database.reader(viewer.scope()), id)
        .await?
        .filter(|upload| upload.expires_at > services.clock.now())
        .ok_or(Error::NotFound("upload"))?;
    if upload.stored.is_some() { Err(filled()) } else { Ok(upload) }
}

/// Fills a place with bytes, as they come. They are safe on disk before this returns.
///
/// # Errors
/// As [`find_open`]; `Unauthenticated` if the caller's credential ended meanwhile; `LimitExceeded` as soon as there are
/// more bytes than allowed; nothing is kept then.
pub async fn fill<E>(
    services: &Services,
    viewer: &Viewer,
    id: UploadId,
    bytes: impl Stream<Item = Result<Bytes, E>> + Send + Unpin,
) -> Result<Upload, Error>
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let tried = filling(id);
    attempt(services, viewer, &tried, async {
        let upload = open(services, viewer, id).await?;
        let (user, limits) = (upload.user_id, &services.config.limits);
        // Before the bytes arrive, and again when their number is known.
        services.database.transaction(|tx| quotas::check_upload(tx, limits, user, 1).boxed()).await?;
        let limit = limits.upload_bytes;
        let stored = services.blobs.put_stream(bytes, limit).await.map_err(|error| match error {
            BlobError::TooLarge { .. } => too_large(limit),
            BlobError::Interrupted(_) => {
                Error::invalid(ViolationCode::Invalid, "", "The upload was interrupted. Send the file again.")
            }
            error => error.into(),
        })?;
        // Uploading takes time: the caller may have lost permission.
        let viewer = sessions::recheck(services, viewer).await?;
        let upload = Upload { stored: Some(stored), ..upload };
        let now = services.clock.now();
        change(services, &viewer, &tried, now, |tx| set_stored(tx, services, &upload).boxed()).await?;
        Ok(upload)
    })
    .await
}

async fn set_stored(tx: &Transaction<'_>, services: &Services, upload: &Upload) -> Result<Done<()>, Error> {
    let Some(file) = &upload.stored else { return Ok(Done::Nothing(())) };
    if !uploads::set_stored(tx, upload.id, file).await? {
        return Err(filled());
    }
    quotas::check_upload(tx, &services.config.limits, upload.user_id, 0).await?;
    hold_bytes(tx, &services.blobs, std::slice::from_ref(&file.digest)).await?;
    Ok(Done::AsTried(()))
}

/// Makes sure that bytes which were stored a moment ago exist, and stay while the rows of this transaction refer to
/// them.
///
/// # Errors
/// `Unavailable` with [`BlobError::Removed`] when they were removed in between: they have to be stored again.
pub(crate) async fn hold_bytes(tx: &Transaction<'_>, blobs: &BlobStore, digests: &[String]) -> Result<(), Error> {
    originals::hold(tx, digests).await?;
    match blobs.first_missing(digests).await? {
        Some(digest) => Err(BlobError::Removed { digest: digest.to_owned() }.into()),
        None => Ok(()),
    }
}

/// The error for a file with more bytes than allowed.
#[must_use]
pub fn too_large(limit: u64) -> Error {
    let mebibytes = limit / (1024 * 1024);
    Error::LimitExceeded(format!("This file is too large. A file can have at most {limit} bytes ({mebibytes} MiB)."))
}

fn filled() -> Error {
    Error::Conflict("This upload already has its content. Create another upload for another file.".into())
}
