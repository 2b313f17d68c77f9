//! Permission checks of use cases: the collection is read for the action, so the database decides, in the same
//! statement and transaction that then act on it.

use crate::{
    auth::viewer::Viewer,
    db::{Reader, Transaction, repo::collections},
    domain::{action::Action, collection::Collection, id::CollectionId},
    error::Error,
};

/// Locks a collection for this transaction if the caller may perform `action` on it.
///
/// # Errors
/// `Unauthenticated`; `Forbidden` for a collection that the caller sees; `NotFound` for any other.
pub(super) async fn lock_collection(
    tx: &Transaction<'_>,
    viewer: &Viewer,
    id: CollectionId,
    action: Action,
) -> Result<Collection, Error> {
    viewer.require_user()?;
    let found = collections::lock(tx, viewer.scope(), id, action).await?;
    or_refused(found, &tx.reader(viewer.scope()), viewer, id).await
}

/// Finds a collection in which the caller may perform `action`.
///
/// # Errors
/// As [`lock_collection`].
pub(super) async fn find_collection(
    reader: &Reader<'_>,
    viewer: &Viewer,
    id: CollectionId,
    action: Action,
) -> Result<Collection, Error> {
    viewer.require_user()?;
    or_refused(collections::find_allowed(reader, id, action).await?, reader, viewer, id).await
}

async fn or_refused(
    found: Option<Collection>,
    reader: &Reader<'_>,
    viewer: &Viewer,
    id: CollectionId,
) -> Result<Collection, Error> {
    match found {
        Some(collection) => Ok(collection),
        None if collections::find(reader, id).await?.is_some() => Err(forbidden(viewer)),
        None => Err(Error::NotFound("collection")),
    }
}

/// The error for an object that the caller can see but not change.
pub(super) fn forbidden(viewer: &Viewer) -> Error {
    Error::Forbidden(if viewer.key().is_some() {
        "This API key or its account is not allowed to do this in this collection."
    } else {
        "Your role in this collection does not allow this. Ask its owner for another role."
    })
}
